//! Damages copies of the subjects, one damage each. A seed determines the kind, the subject and the location. Counts the results.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use postgres_client::connection::Connection;
use test_database::TestDatabase;

use crate::chance::Chance;
use crate::comparison;
use crate::demand::Verdict;
use crate::draw::{Damage, Draw};
use crate::engine::session;
use crate::kinds::{Kind, short};
use crate::remedies::{self, Repaired};
use crate::subject::Subject;
use crate::table::Counts;

/// Maximum number of draws of a subject and a location, before the kind is given up for this seed.
const DRAWS_MAX: usize = 200;

/// Number of mutations that run in parallel.
const WORKERS: usize = 2;

/// The mutations of a run.
pub struct Rounds {
    pub seed: u64,
    pub count: u64,
    pub kinds: Vec<Kind>,
}

/// The results of all rounds.
#[derive(Default)]
pub struct Outcome {
    pub counts: Counts,
    /// Descriptions of the mutations that were not found or not named.
    pub survivors: Vec<String>,
    /// What came of following the remedies, by kind of damage.
    pub repairs: Vec<(&'static str, Repaired)>,
}

/// An undamaged copy of a subject.
struct Fresh {
    database: TestDatabase,
    session: Connection,
}

/// Runs all rounds and counts the results.
pub fn run(rounds: &Rounds, subjects: &[Subject]) -> Outcome {
    let next = AtomicU64::new(0);
    let outcome = Mutex::new(Outcome::default());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let mut fresh = HashMap::new();
                loop {
                    let round = next.fetch_add(1, Ordering::Relaxed);
                    if round >= rounds.count {
                        break;
                    }
                    mutate(rounds.seed.wrapping_add(round), &rounds.kinds, subjects, &mut fresh, &outcome);
                }
            });
        }
    });
    outcome.into_inner().unwrap()
}

fn mutate(
    seed: u64,
    kinds: &[Kind],
    subjects: &[Subject],
    fresh: &mut HashMap<usize, Fresh>,
    outcome: &Mutex<Outcome>,
) {
    // Consecutive seeds cover all kinds.
    let kind = kinds[usize::try_from(seed % kinds.len() as u64).unwrap()];
    let mut chance = Chance::new(seed);
    let mut void = 0;
    for _ in 0..DRAWS_MAX {
        let place = chance.below(subjects.len());
        let subject = &subjects[place];
        let copy = fresh.entry(place).or_insert_with(|| Fresh::of(subject));
        let mut draw = Draw { chance: &mut chance, subject, session: &mut copy.session };
        let Some(mut damage) = draw.within(|draw| kind.draw(draw)) else { continue };
        if !copy.apply(&damage) {
            void += 1;
            continue;
        }
        let Fresh { database, session } = fresh.remove(&place).unwrap();
        drop(session);
        let found = subject.validated(&database);
        let mut verdict = damage.demand.verdict(&found);
        let repaired = match &found {
            Ok(found) if damage.demand.has_remedy() => Some(remedies::follow(subject, &database, found)),
            _ => None,
        };
        if let (Verdict::Named, Some(Repaired::Failed(words))) = (&verdict, &repaired) {
            verdict = Verdict::Found(format!("a remedy that does not help: {words}"));
        }
        if let (Verdict::Named, Some(words)) =
            (&verdict, comparison::overlooked(kind.name, subject, &database, &damage.demand))
        {
            verdict = Verdict::Survived(words);
        }
        // The damaged sealed copy must exist until here.
        drop(damage.folder.take());
        let mut outcome = outcome.lock().unwrap();
        outcome.counts.count(kind.name, &verdict, void);
        outcome.repairs.extend(repaired.map(|repaired| (kind.name, repaired)));
        if let Verdict::Found(words) | Verdict::Survived(words) = &verdict {
            outcome.survivors.push(survivor(seed, kind, subject, &damage, words));
        }
        return;
    }
    outcome.lock().unwrap().counts.count_void(kind.name, void);
}

fn survivor(seed: u64, kind: Kind, subject: &Subject, damage: &Damage, words: &str) -> String {
    let sql: Vec<String> = damage.sql.iter().map(|sql| sql.chars().take(1_500).collect()).collect();
    format!(
        "{} of {}: {}\n  SQL:  {}\n  said: {}\n  again: TEST_SEED={seed} MUTATION_ROUNDS=1 cargo test -p row-mover --test mutation \
         every_damage -- --nocapture",
        kind.name,
        subject.name,
        short(Some(&damage.what)),
        sql.join(";\n        "),
        words.chars().take(3_000).collect::<String>()
    )
}

impl Fresh {
    fn of(subject: &Subject) -> Fresh {
        let database = subject.case.database.copy();
        let mut session = session(database.url());
        // Foreign keys and triggers must not interfere with the damage, and timestamps need a fixed time zone.
        session
            .script(
                "SET session_replication_role = replica; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'",
            )
            .unwrap();
        Fresh { database, session }
    }

    /// Applies the damage, if PostgreSQL accepts it and it changes something.
    fn apply(&mut self, damage: &Damage) -> bool {
        let image = |session: &mut Connection| -> Vec<_> {
            damage.images.iter().map(|sql| session.query(sql, &[]).unwrap()).collect()
        };
        self.session.query("BEGIN", &[]).unwrap();
        let before = image(&mut self.session);
        let is_done = damage.sql.iter().all(|sql| self.session.script(sql).is_ok());
        let is_damaged = is_done && (damage.images.is_empty() || image(&mut self.session) != before);
        let is_damaged = is_damaged && self.session.query("COMMIT", &[]).is_ok();
        if !is_damaged {
            self.session.query("ROLLBACK", &[]).unwrap();
        }
        is_damaged
    }
}

impl Draw<'_> {
    /// Draws in one snapshot. If a query fails, nothing is drawn.
    fn within<T>(&mut self, draw: impl FnOnce(&mut Draw<'_>) -> Option<T>) -> Option<T> {
        self.session.query("BEGIN READ ONLY", &[]).unwrap();
        let drawn = draw(self);
        self.session.query("ROLLBACK", &[]).unwrap();
        drawn
    }
}
