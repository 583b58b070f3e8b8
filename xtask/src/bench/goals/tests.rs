//! Goals of runs that measured everything, too slow, or not all.

use super::*;
use crate::bench::figures::Figures;
use crate::bench::subjects::DEFAULT_ROWS;

/// A run of everything that one can do, in which each goal is met.
fn everything() -> (Conditions, Vec<SubjectResult>) {
    let conditions = Conditions {
        rows: DEFAULT_ROWS,
        rounds: 1,
        only: Vec::new(),
        server: Vec::new(),
        peers: vec![(Peer::Pgloader, Ok("3.6".to_owned()))],
        reading: Ok(()),
    };
    let kinds = [
        (SubjectKind::Hyperpage, 8, 1_400_000, 14.0),
        (SubjectKind::SourceIndexes, 8, 1_400_000, 9.0),
        (SubjectKind::Wide, 1, 50_000, 3.0),
        (SubjectKind::Narrow, 1, 2_000_000, 3.0),
        (SubjectKind::Blob, 1, 2_000, 3.0),
        (SubjectKind::Json, 1, 200_000, 3.0),
        (SubjectKind::FewTables, 200, 2_000, 2.0),
        (SubjectKind::ManyTables, 2_000, 20_000, 20.0),
        (SubjectKind::Rowids, 1, 5_000_000, 9.0),
        (SubjectKind::WithoutRowid, 1, 5_000_000, 10.0),
        (SubjectKind::LargeHyperpage, 8, 20_000_000, 200.0),
        (SubjectKind::MostTables, 10_000, 100_000, 110.0),
    ];
    let subjects = kinds.map(|(kind, tables, rows, whole)| {
        let mut figures = Figures::default();
        for (name, seconds) in [
            ("floor.overlapped", 10.0),
            (WHOLE, whole),
            ("ours.load", 10.0),
            ("ours.phase.seal", 1.0),
            ("ours.phase.rows", 9.0),
            ("ours.phase.constraints", 1.0),
            ("ours.phase.validate", 4.0),
            ("sha256sum", 0.5),
            ("pgloader.whole", 20.0),
        ] {
            figures.add(name, seconds);
        }
        figures.0[1].private_bytes.push(40_000_000);
        let peers = vec![(Peer::Pgloader, Ok(()))];
        SubjectResult { kind, tables, rows, sqlite_bytes: 9, copy_bytes: None, figures, peers }
    });
    (conditions, subjects.to_vec())
}

fn set(subjects: &mut [SubjectResult], kind: SubjectKind, figure: &str, seconds: f64) {
    let subject = subjects.iter_mut().find(|subject| subject.kind == kind).unwrap();
    subject.figures.remove(figure);
    subject.figures.add(figure, seconds);
}

fn reasons(goals: &[Goal]) -> Vec<(usize, String)> {
    let reason = |(place, goal): (usize, &Goal)| match &goal.outcome {
        Outcome::NotMeasured { reason } => Some((place, reason.clone())),
        _ => None,
    };
    goals.iter().enumerate().filter_map(reason).collect()
}

#[test]
fn a_run_of_everything_can_meet_every_goal() {
    let (conditions, subjects) = everything();
    let goals = judge(&conditions, &subjects);
    assert!(goals.iter().all(|goal| goal.outcome == Outcome::Met), "{goals:#?}");
    let names: Vec<_> = goals.iter().map(|goal| goal.name.as_str()).collect();
    assert_eq!(
        names[6..],
        [
            "2,000 small tables, per table / 200 tables, per table",
            "cost per row at 20 million rows / at 1.4 million",
            "a table WITHOUT ROWID of 5 million rows / the same with rowids",
            "private memory of migrate, MB, any size, up to 10,000 tables",
        ]
    );
}

#[test]
fn each_goal_can_be_missed_by_its_own_figure() {
    for (place, kind, figure, seconds) in [
        (0, SubjectKind::SourceIndexes, "pgloader.whole", 14.3),
        (1, SubjectKind::Hyperpage, "pgloader.whole", 18.1),
        (2, SubjectKind::Hyperpage, "ours.load", 10.9),
        (3, SubjectKind::Hyperpage, "floor.overlapped", 9.3),
        (4, SubjectKind::SourceIndexes, "ours.phase.validate", 4.6),
        (5, SubjectKind::Hyperpage, "ours.phase.seal", 1.3),
        (6, SubjectKind::ManyTables, WHOLE, 25.0),
        (7, SubjectKind::LargeHyperpage, WHOLE, 221.0),
        (8, SubjectKind::WithoutRowid, WHOLE, 10.9),
    ] {
        let (conditions, mut subjects) = everything();
        set(&mut subjects, kind, figure, seconds);
        let goals = judge(&conditions, &subjects);
        let missed: Vec<usize> =
            (0..goals.len()).filter(|at| matches!(goals[*at].outcome, Outcome::Missed { .. })).collect();
        assert!(missed.contains(&place), "{place}: {goals:#?}");
        let Outcome::Missed { obstacle } = &goals[place].outcome else { panic!("{goals:#?}") };
        assert!(obstacle.contains(|letter: char| letter.is_ascii_digit()), "{obstacle}");
    }
}

#[test]
fn memory_of_one_database_misses_the_goal_and_only_all_meet_it() {
    let (conditions, mut subjects) = everything();
    subjects[0].figures.0[1].private_bytes.push(64_100_000);
    let goal = judge(&conditions, &subjects).pop().unwrap();
    assert_eq!(goal.outcome, Outcome::Missed { obstacle: "hyperpage 64.1 MB".to_owned() });

    let (conditions, mut subjects) = everything();
    subjects.retain(|subject| subject.kind != SubjectKind::MostTables);
    let goal = judge(&conditions, &subjects).pop().unwrap();
    let reason = "at most 40.0 in this run; --large measures it".to_owned();
    assert_eq!((goal.value, goal.outcome), (Some(40.0), Outcome::NotMeasured { reason }));

    for kind in SubjectKind::ALL {
        let (mut conditions, mut subjects) = everything();
        subjects.retain(|subject| subject.kind != kind);
        conditions.only = vec![Part::Hyperpage, Part::Tables];
        let goal = judge(&conditions, &subjects).pop().unwrap();
        let reason = "at most 40.0 in this run; --large without --only measures it".to_owned();
        assert_eq!(goal.outcome, Outcome::NotMeasured { reason }, "{kind:?}");
    }

    for subject in &mut subjects {
        subject.figures.0[1].private_bytes.clear();
    }
    let goal = judge(&conditions, &subjects).pop().unwrap();
    assert!(matches!(goal.outcome, Outcome::NotMeasured { reason } if reason.contains("RssAnon")));
}

#[test]
fn what_was_not_measured_has_the_option_that_measures_it() {
    let (mut conditions, mut subjects) = everything();
    let is_large = |kind| matches!(kind, SubjectKind::LargeHyperpage | SubjectKind::MostTables);
    subjects.retain(|subject| !is_large(subject.kind));
    let found = reasons(&judge(&conditions, &subjects));
    assert_eq!(found[0], (7, "--large measures it".to_owned()));

    conditions.only = vec![Part::Hyperpage];
    subjects.retain(|subject| Part::of(subject.kind) == Part::Hyperpage);
    let found = reasons(&judge(&conditions, &subjects));
    assert_eq!(found[0], (6, "--only tables measures it".to_owned()));
    assert_eq!(found[2], (8, "--only without-rowid measures it".to_owned()));
    assert!(found[3].1.ends_with("--large without --only measures it"), "{found:?}");

    conditions.only = vec![Part::Wide];
    let found = reasons(&judge(&conditions, &[]));
    assert_eq!(found[0], (0, "--only hyperpage measures it".to_owned()));
    assert_eq!(found[7], (7, "--large --only hyperpage measures it".to_owned()));
}

#[test]
fn figures_of_a_small_run_do_not_judge_goals_about_growth_and_memory() {
    let (mut conditions, subjects) = everything();
    conditions.rows = DEFAULT_ROWS - 1;
    let goals = judge(&conditions, &subjects);
    let words = |place: usize, words: &str| (place, words.to_owned());
    assert_eq!(
        reasons(&goals),
        [
            words(6, "--rows 200000 measures it"),
            words(7, "--rows 200000 --large measures it"),
            words(9, "at most 40.0 in this run; --rows 200000 --large measures it"),
        ]
    );
    assert!(goals.iter().all(|goal| goal.value.is_some()), "{goals:?}");

    conditions.rows = 5_000;
    conditions.only = vec![Part::Hyperpage];
    let goals = judge(&conditions, &subjects);
    assert_eq!(goals[0].name, "pgloader's bare copy / whole migrate with proof, same indexes, 35,000 rows");
    assert_eq!(goals[5].name, "seal / reading the file once (sha256sum), 35,000 rows");
    assert_eq!(
        reasons(&goals),
        [
            words(6, "--rows 200000 --only tables measures it"),
            words(7, "--rows 200000 --large measures it"),
            words(9, "at most 40.0 in this run; --rows 200000 --large without --only measures it"),
        ]
    );
}

#[test]
fn programs_that_were_not_run_are_named_with_the_reason() {
    let (mut conditions, mut subjects) = everything();
    for subject in &mut subjects {
        subject.figures.remove("pgloader");
        subject.figures.remove("sha256sum");
    }
    conditions.reading = Err("not run: it is missing".to_owned());
    subjects[0].peers = vec![(Peer::Pgloader, Err("failed: x".to_owned()))];
    let judged = |conditions: &Conditions| reasons(&judge(conditions, &subjects));
    let words = |place: usize, words: &str| (place, words.to_owned());
    assert_eq!(
        judged(&conditions)[1..],
        [words(1, "pgloader: failed: x"), words(5, "not run: it is missing")]
    );
    conditions.peers = vec![(Peer::Pgloader, Err("not run: y".to_owned()))];
    assert_eq!(judged(&conditions)[0], words(0, "pgloader: not run: y"));
    conditions.peers.clear();
    assert_eq!(judged(&conditions)[0], words(0, "a run without --no-peers measures it"));
}
