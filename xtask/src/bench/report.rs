//! The result of `bench`: tables of medians and the goals for people, or JSON for programs. It measures and judges nothing.

use serde_json::{Value, json};

use super::figures::{CurvePoint, Measured, median, spread};
use super::goals::{Goal, Outcome, judge};
use super::ours::{PHASE, WHOLE};
use super::ratios::{SubjectRatio, subject_ratios};
use super::reading;
use super::results::{Bound, Conditions, SubjectResult};
use super::subjects::{DEFAULT_ROWS, SubjectKind};
use crate::report::{JSON_FORMAT, counted, new_table};
use ::report::figures::{count, size};

/// The points of a memory curve in the text.
const TEXT_POINTS_MAX: usize = 10;

/// All that a run has measured.
#[derive(Debug)]
pub(crate) struct Report {
    /// The conditions.
    pub(crate) conditions: Conditions,
    /// The databases that were measured with.
    pub(crate) subjects: Vec<SubjectResult>,
}

impl Report {
    /// The tables, in Markdown: each database, and then the goals, where a reader of a terminal is in the end.
    pub(crate) fn text(&self) -> String {
        let Conditions { rows, rounds, server, peers, reading, .. } = &self.conditions;
        let settings: Vec<String> = server.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let mut text = format!(
            "{} processors, --rows {rows}, {}\n{}\n",
            processors(),
            counted((*rounds).into(), "round"),
            settings.join(", ")
        );
        for (peer, version) in peers {
            let (Ok(words) | Err(words)) = version;
            text.push_str(&format!("{}: {words}\n", peer.name()));
        }
        if let Err(reason) = reading {
            text.push_str(&format!("{}: {reason}\n", reading::PROGRAM));
        }
        for subject in &self.subjects {
            text.push_str(&format!("\n{}", subject_text(subject)));
        }
        let goals = judge(&self.conditions, &self.subjects);
        text.push_str(&format!("\n{}", goals_text(&goals, *rows)));
        text
    }

    /// The same with all figures.
    ///
    /// # Errors
    /// None that is known.
    pub(crate) fn json(&self) -> anyhow::Result<String> {
        let Conditions { rows, rounds, server, peers, reading, .. } = &self.conditions;
        let peers = peers.iter().map(|(peer, version)| match version {
            Ok(version) => json!({ "name": peer.name(), "version": version }),
            Err(reason) => json!({ "name": peer.name(), "reason": reason }),
        });
        let server: serde_json::Map<String, Value> =
            server.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        Ok(serde_json::to_string_pretty(&json!({
            "format": JSON_FORMAT,
            "command": "bench",
            "rows": rows,
            "rounds": rounds,
            "processors": processors(),
            "server": server,
            "peers": peers.collect::<Vec<_>>(),
            "sha256sum": reading.as_ref().err(),
            "goals": judge(&self.conditions, &self.subjects).iter().map(goal_json).collect::<Vec<_>>(),
            "subjects": self.subjects.iter().map(subject_json).collect::<Vec<_>>(),
        }))?)
    }
}

/// The tables of one database.
fn subject_text(subject: &SubjectResult) -> String {
    let copied = subject.copy_bytes.map_or_else(String::new, |bytes| format!(", {} as COPY", size(bytes)));
    let mut text = format!(
        "{}: {} in {}, {} as SQLite{copied}\n\n",
        subject.kind.name(),
        counted(subject.rows, "row"),
        counted(subject.tables, "table"),
        size(subject.sqlite_bytes),
    );
    let floor = subject.figures.median("floor.overlapped").filter(|floor| *floor > 0.0);
    let mut table =
        new_table(&["measured", "median s", "from", "to", "× floor", "µs a row", "CPU s", "memory"]);
    let lines = subject.figures.0.iter().filter_map(|measured| line(measured, floor, subject.rows));
    lines.for_each(|line| {
        table.add_row(line);
    });
    text.push_str(&format!("{table}\n"));
    let ratios = subject_ratios(subject);
    if !ratios.is_empty() {
        text.push_str(&format!("\n{}\n", ratios_table(&ratios)));
    }
    for (peer, outcome) in &subject.peers {
        if let Err(reason) = outcome {
            text.push_str(&format!("\n{}: {reason}\n", peer.name()));
        }
    }
    if matches!(subject.kind, SubjectKind::LargeHyperpage | SubjectKind::MostTables) {
        text.push_str(&memory_text(subject));
    }
    text
}

/// The cells of one figure.
fn line(measured: &Measured, floor: Option<f64>, rows: u64) -> Option<[String; 8]> {
    let (middle, (least, most)) = median(&measured.seconds).zip(spread(&measured.seconds))?;
    let optional = |figure: Option<f64>| figure.map_or_else(String::new, |figure| format!("{figure:.2}"));
    Some([
        label(measured),
        format!("{middle:.2}"),
        format!("{least:.2}"),
        format!("{most:.2}"),
        optional(floor.map(|floor| middle / floor)),
        format!("{:.2}", middle * 1e6 / rows.max(1) as f64),
        optional(median(&measured.processor_seconds)),
        measured.private_bytes.iter().max().map_or_else(String::new, |bytes| size(*bytes)),
    ])
}

fn ratios_table(ratios: &[SubjectRatio]) -> comfy_table::Table {
    let mut table = new_table(&["ratio", "value", "wanted", "met"]);
    for SubjectRatio { name, value, bound } in ratios {
        let met = match bound {
            None => "",
            Some(bound) if bound.allows(*value) => "yes",
            Some(_) => "no",
        };
        let wanted = bound.map_or_else(String::new, Bound::words);
        table.add_row([(*name).to_owned(), format!("{value:.2}"), wanted, met.to_owned()]);
    }
    table
}

/// The private memory of a long migration over time.
fn memory_text(subject: &SubjectResult) -> String {
    let curves =
        subject.figures.get(WHOLE).map(|measured| measured.memory_curve.as_slice()).unwrap_or_default();
    let point = |(seconds, megabytes): CurvePoint| {
        let decimals = usize::from(seconds < 10.0);
        format!("{megabytes:.1} at {seconds:.decimals$} s")
    };
    let lines = curves.iter().map(|curve| {
        let per_point = curve.len().div_ceil(TEXT_POINTS_MAX).max(1);
        let largest =
            |span: &[CurvePoint]| span.iter().copied().max_by(|one, other| one.1.total_cmp(&other.1));
        let points: Vec<String> = curve.chunks(per_point).filter_map(largest).map(point).collect();
        format!("\nprivate memory of migrate over time, MB: {}\n", points.join(", "))
    });
    lines.collect()
}

/// The goals: a table, and a line for each that is not met.
fn goals_text(goals: &[Goal], rows: u64) -> String {
    let mut table = new_table(&["goal", "wanted", "value", "result"]);
    let mut notes = String::new();
    for Goal { name, bound, value, outcome } in goals {
        let (result, note) = match outcome {
            Outcome::Met => ("met", None),
            Outcome::Missed { obstacle } => ("missed", Some(obstacle)),
            Outcome::NotMeasured { reason } => ("not measured", Some(reason)),
        };
        let value = value.map_or_else(String::new, |value| format!("{value:.2}"));
        table.add_row([name.clone(), bound.words(), value, result.to_owned()]);
        if let Some(note) = note {
            notes.push_str(&format!("- {name}: {result}; {note}\n"));
        }
    }
    let mut text = format!("goals: ratios of medians of this run\n\n{table}\n");
    if !notes.is_empty() {
        text.push_str(&format!("\n{notes}"));
    }
    if rows != DEFAULT_ROWS {
        let (rows, meant) = (count(rows), count(DEFAULT_ROWS));
        text.push_str(&format!(
            "\nThe goals are meant for --rows {meant}; these are the figures of --rows {rows}.\n"
        ));
    }
    text
}

fn goal_json(goal: &Goal) -> Value {
    let (side, bound) = match goal.bound {
        Bound::AtMost(most) => ("most", most),
        Bound::AtLeast(least) => ("least", least),
    };
    let (is_met, obstacle) = match &goal.outcome {
        Outcome::Met => (Some(true), None),
        Outcome::Missed { obstacle } => (Some(false), Some(obstacle)),
        Outcome::NotMeasured { reason } => (None, Some(reason)),
    };
    json!({ "name": goal.name, "value": goal.value, side: bound, "is_met": is_met, "obstacle": obstacle })
}

fn subject_json(subject: &SubjectResult) -> Value {
    let ratios = subject_ratios(subject).into_iter().map(|SubjectRatio { name, value, bound }| {
        let (side, bound) = match bound {
            Some(Bound::AtMost(most)) => ("most", most),
            Some(Bound::AtLeast(least)) => ("least", least),
            None => return json!({ "name": name, "value": value }),
        };
        json!({ "name": name, "value": value, side: bound })
    });
    let peers = subject.peers.iter().map(|(peer, outcome)| match outcome {
        Ok(()) => json!({ "name": peer.name(), "outcome": "measured" }),
        Err(reason) => json!({ "name": peer.name(), "outcome": "failed", "reason": reason }),
    });
    json!({
        "name": subject.kind.name(),
        "tables": subject.tables,
        "rows": subject.rows,
        "sqlite_bytes": subject.sqlite_bytes,
        "copy_bytes": subject.copy_bytes,
        "measured": subject.figures,
        "ratios": ratios.collect::<Vec<_>>(),
        "peers": peers.collect::<Vec<_>>(),
    })
}

/// Describes a figure.
fn label(measured: &Measured) -> String {
    let words = match measured.name.as_str() {
        "floor.rows.one" => "floor: rows, one session",
        "floor.rows.two" => "floor: rows, two sessions",
        "floor.constraints.one" => "floor: constraints, one session",
        "floor.constraints.two" => "floor: constraints, two sessions",
        "floor.apart" => "floor: best rows + best constraints",
        "floor.overlapped" => "floor: overlapped",
        "floor.best" => "floor: the round's best",
        WHOLE => "migrate: whole",
        "ours.load" => "migrate: rows + constraints",
        "pgloader.whole" => "pgloader: whole",
        "duckdb.whole" => "DuckDB: whole",
        "duckdb.copy" => "DuckDB: CREATE TABLE AS",
        reading::PROGRAM => "reading the file once: sha256sum",
        other => return other.replace(PHASE, "migrate: "),
    };
    words.to_owned()
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figures::Figures;
    use crate::bench::parts::Part;
    use crate::bench::peers::Peer;
    use crate::bench::usage::MemorySample;

    fn report() -> Report {
        let mut figures = Figures::default();
        for (name, seconds) in [
            (WHOLE, 4.4),
            ("floor.overlapped", 2.0),
            ("floor.best", 1.6),
            ("ours.phase.rows", 1.0),
            ("ours.phase.validate", 1.5),
            ("ours.load", 2.0),
            ("pgloader.whole", 8.8),
            ("sha256sum", 0.25),
        ] {
            figures.add(name, seconds);
        }
        figures.0[0].private_bytes.push(65_000_000);
        figures.0[0].processor_seconds.push(3.25);
        let samples =
            (0..100_u32).map(|at| MemorySample { seconds: f64::from(at), bytes: 1_000_000 * u64::from(at) });
        figures.add_memory_curve(WHOLE, &samples.collect::<Vec<_>>());
        let subject = SubjectResult {
            kind: SubjectKind::LargeHyperpage,
            tables: 1,
            rows: 1_000_000,
            sqlite_bytes: 9,
            copy_bytes: Some(7),
            figures,
            peers: vec![(Peer::Pgloader, Ok(())), (Peer::Duckdb, Err("failed: out of luck".to_owned()))],
        };
        let conditions = Conditions {
            rows: 5_000,
            rounds: 1,
            only: vec![Part::Hyperpage],
            server: vec![("fsync".to_owned(), "on".to_owned())],
            peers: vec![(Peer::Pgloader, Ok("3.6".to_owned())), (Peer::Duckdb, Err("not run: x".to_owned()))],
            reading: Err("not run: y".to_owned()),
        };
        let small = SubjectResult { kind: SubjectKind::Hyperpage, ..subject.clone() };
        Report { conditions, subjects: vec![small, subject] }
    }

    #[test]
    fn people_read_each_database_and_then_the_goals() {
        let text = report().text();
        for words in [
            "fsync on",
            "pgloader: 3.6",
            "duckdb: not run: x",
            "sha256sum: not run: y",
            "\nhyperpage: 1,000,000 rows in 1 table, 9 B as SQLite, 7 B as COPY\n",
            "| reading the file once: sha256sum |     0.25 |",
            "|  3.25 | 65.0 MB |",
            "\nduckdb: failed: out of luck\n",
            "private memory of migrate over time, MB: 11.0 at 11 s, 23.0 at 23 s,",
            "| whole migrate / overlapped floor, reviewed plan, 35,000 rows ",
            "|  ≤ 1.50 |  2.20 |       missed |",
            "overlapped floor, reviewed plan, 35,000 rows: missed; in multiples of the floor of 2.00 s: start and end 0.95, validate 0.75, rows 0.50\n",
            "same indexes, 35,000 rows: not measured; --rows 200000 measures it\n",
            "The goals are meant for --rows 200,000; these are the figures of --rows 5,000.",
        ] {
            assert!(text.contains(words), "{words}\n{text}");
        }
        assert_eq!(text.matches("over time").count(), 1, "only of large databases\n{text}");
        let mut short = report();
        short.subjects[1].figures.0[0].memory_curve = vec![vec![(0.26, 7.7), (1.34, 7.9), (10.4, 8.0)]];
        let text = short.text();
        assert!(text.contains("MB: 7.7 at 0.3 s, 7.9 at 1.3 s, 8.0 at 10 s\n"), "{text}");
        assert!(text.find("goals:") > text.find("over time"), "{text}");
    }

    #[test]
    fn programs_read_the_same() {
        let json: Value = serde_json::from_str(&report().json().unwrap()).unwrap();
        assert_eq!(json["sha256sum"], "not run: y");
        let goals = json["goals"].as_array().unwrap();
        assert_eq!(goals.len(), 10);
        assert_eq!(
            (&goals[3]["most"], &goals[3]["value"], &goals[3]["is_met"]),
            (&1.5.into(), &2.2.into(), &false.into())
        );
        assert!(goals[3]["obstacle"].as_str().unwrap().contains("validate 0.75"), "{goals:?}");
        assert_eq!(
            (&goals[0]["least"], &goals[0]["is_met"], &goals[0]["value"]),
            (&1.6.into(), &Value::Null, &Value::Null)
        );
        assert_eq!((&goals[1]["is_met"], &goals[1]["obstacle"]), (&true.into(), &Value::Null));
        let subject = &json["subjects"][1];
        assert_eq!((&subject["name"], &subject["copy_bytes"]), (&"large-hyperpage".into(), &7.into()));
        assert_eq!(subject["peers"][1]["reason"], "failed: out of luck");
        let whole = &subject["measured"][0];
        assert_eq!(
            (&whole["private_bytes"][0], &whole["processor_seconds"][0]),
            (&65_000_000.into(), &3.25.into())
        );
        assert!(
            whole["memory_curve"][0].as_array().is_some_and(|curve| (20..=40).contains(&curve.len())),
            "{whole}"
        );
        assert!(subject["measured"][1].get("memory_curve").is_none());
        let ratios = subject["ratios"].as_array().unwrap();
        let memory = ratios.iter().find(|ratio| ratio["name"] == "private memory of migrate, MB").unwrap();
        assert_eq!((&memory["value"], &memory["most"]), (&65.0.into(), &64.0.into()));
    }
}
