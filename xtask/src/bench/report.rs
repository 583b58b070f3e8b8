//! The result of `bench`: tables of medians and goals for people, or JSON for programs. It measures nothing.

use serde_json::{Value, json};

use super::figures::{Figures, Measured, median, spread};
use super::peers::Peer;
use super::subjects::Subject;
use crate::report::{JSON_FORMAT, counted, new_table};
use ::report::figures::size;

/// The outcome for a peer: measured, or why not.
pub(crate) type PeerOutcome = (Peer, Result<(), String>);

/// All that a run has measured.
#[derive(Debug)]
pub(crate) struct Report {
    rows: u64,
    rounds: u32,
    /// The server's settings, by name.
    server: Vec<(String, String)>,
    /// The peers with their version, or why they are not run.
    pub(crate) peers: Vec<(Peer, Result<String, String>)>,
    /// The databases that were measured with.
    pub(crate) subjects: Vec<SubjectReport>,
}

/// The measurements with one database.
#[derive(Debug)]
pub(crate) struct SubjectReport {
    name: &'static str,
    tables: u64,
    rows: u64,
    sqlite_bytes: u64,
    copy_bytes: u64,
    figures: Figures,
    peers: Vec<PeerOutcome>,
}

/// The goal of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
    /// Shown with the goals, and not judged.
    Any,
}

/// A goal of the project, or a figure shown with the goals, and the figure of this run.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Goal {
    name: &'static str,
    value: f64,
    bound: Bound,
}

/// The most memory that the migrator may have, in bytes.
const MEMORY_MAX_BYTES: f64 = 64.0 * 1e6;

/// The ratios that are goals, each of one median by another.
const RATIOS: [(&str, &str, &str, Bound); 6] = [
    ("rows + constraints / overlapped floor", "ours.load", "floor.overlapped", Bound::AtMost(1.10)),
    ("rows + constraints / the round's best floor", "ours.load", "floor.best", Bound::Any),
    ("whole migrate / overlapped floor", "ours.whole", "floor.overlapped", Bound::AtMost(2.0)),
    ("pgloader / whole migrate", "pgloader.whole", "ours.whole", Bound::AtLeast(1.6)),
    ("rows / DuckDB's CREATE TABLE AS", "ours.phase.rows", "duckdb.copy", Bound::AtMost(1.0)),
    ("validate / rows + constraints", "ours.phase.validate", "ours.load", Bound::AtMost(1.0)),
];

impl Goal {
    fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtMost(most) => self.value <= most,
            Bound::AtLeast(least) => self.value >= least,
            Bound::Any => true,
        }
    }
}

impl SubjectReport {
    /// Summarises the measurements with `subject`.
    pub(crate) fn new(subject: &Subject, figures: Figures, peers: Vec<PeerOutcome>) -> SubjectReport {
        SubjectReport {
            name: subject.name,
            tables: subject.tables.len() as u64,
            rows: subject.rows(),
            sqlite_bytes: subject.sqlite_bytes,
            copy_bytes: subject.copy_bytes(),
            figures,
            peers,
        }
    }

    /// The goals for which this run has a figure.
    fn goals(&self) -> Vec<Goal> {
        let ratios = RATIOS.into_iter().filter_map(|(name, above, below, bound)| {
            Some(Goal { name, value: self.figures.ratio(above, below)?, bound })
        });
        // Far below 2^53, so that it is exact.
        let memory = self.figures.peak_bytes("ours.whole").map(|bytes| Goal {
            name: "peak memory of migrate, MB",
            value: bytes as f64 / 1e6,
            bound: Bound::AtMost(MEMORY_MAX_BYTES / 1e6),
        });
        ratios.chain(memory).collect()
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{}: {} in {}, {} as SQLite, {} as COPY\n\n",
            self.name,
            counted(self.rows, "row"),
            counted(self.tables, "table"),
            size(self.sqlite_bytes),
            size(self.copy_bytes)
        );
        let floor = self.figures.median("floor.overlapped").filter(|floor| *floor > 0.0);
        let mut table = new_table(&["measured", "median s", "from", "to", "× floor", "µs a row", "memory"]);
        for measured in &self.figures.0 {
            let Some((middle, (least, most))) = median(&measured.seconds).zip(spread(&measured.seconds))
            else {
                continue;
            };
            let rows = self.rows.max(1) as f64;
            table.add_row([
                label(measured),
                format!("{middle:.2}"),
                format!("{least:.2}"),
                format!("{most:.2}"),
                floor.map_or_else(String::new, |floor| format!("{:.2}", middle / floor)),
                format!("{:.2}", middle * 1e6 / rows),
                measured.peak_bytes.iter().max().map_or_else(String::new, |bytes| size(*bytes)),
            ]);
        }
        text.push_str(&format!("{table}\n\n"));
        let mut goals = new_table(&["goal", "value", "wanted", "met"]);
        for goal in self.goals() {
            let wanted = match goal.bound {
                Bound::AtMost(most) => format!("≤ {most:.2}"),
                Bound::AtLeast(least) => format!("≥ {least:.2}"),
                Bound::Any => String::new(),
            };
            let met = match goal.bound {
                Bound::Any => "",
                _ if goal.is_met() => "yes",
                _ => "no",
            };
            goals.add_row([goal.name.to_owned(), format!("{:.2}", goal.value), wanted, met.to_owned()]);
        }
        text.push_str(&format!("{goals}\n"));
        for (peer, outcome) in &self.peers {
            if let Err(reason) = outcome {
                text.push_str(&format!("\n{}: {reason}\n", peer.name()));
            }
        }
        text
    }

    fn json(&self) -> Value {
        let goals = self.goals().into_iter().map(|goal| {
            let (side, bound) = match goal.bound {
                Bound::AtMost(most) => ("most", most),
                Bound::AtLeast(least) => ("least", least),
                Bound::Any => return json!({ "name": goal.name, "value": goal.value }),
            };
            json!({ "name": goal.name, "value": goal.value, side: bound, "is_met": goal.is_met() })
        });
        let peers = self.peers.iter().map(|(peer, outcome)| match outcome {
            Ok(()) => json!({ "name": peer.name(), "outcome": "measured" }),
            Err(reason) => json!({ "name": peer.name(), "outcome": "failed", "reason": reason }),
        });
        json!({
            "name": self.name,
            "tables": self.tables,
            "rows": self.rows,
            "sqlite_bytes": self.sqlite_bytes,
            "copy_bytes": self.copy_bytes,
            "measured": self.figures,
            "goals": goals.collect::<Vec<_>>(),
            "peers": peers.collect::<Vec<_>>(),
        })
    }
}

impl Report {
    /// Of a run that has measured nothing yet.
    pub(crate) fn begin(rows: u64, rounds: u32, server: Vec<(String, String)>) -> Report {
        Report { rows, rounds, server, peers: Vec::new(), subjects: Vec::new() }
    }

    /// The tables, in Markdown.
    pub(crate) fn text(&self) -> String {
        let settings: Vec<String> =
            self.server.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let mut text = format!(
            "{} processors, --rows {}, {}\n{}\n",
            processors(),
            self.rows,
            counted(self.rounds.into(), "round"),
            settings.join(", ")
        );
        for (peer, version) in &self.peers {
            let (Ok(words) | Err(words)) = version;
            text.push_str(&format!("{}: {words}\n", peer.name()));
        }
        for subject in &self.subjects {
            text.push_str(&format!("\n{}", subject.text()));
        }
        text
    }

    /// The same with all figures.
    ///
    /// # Errors
    /// None that is known.
    pub(crate) fn json(&self) -> anyhow::Result<String> {
        let peers = self.peers.iter().map(|(peer, version)| match version {
            Ok(version) => json!({ "name": peer.name(), "version": version }),
            Err(reason) => json!({ "name": peer.name(), "reason": reason }),
        });
        let server: serde_json::Map<String, Value> =
            self.server.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        Ok(serde_json::to_string_pretty(&json!({
            "format": JSON_FORMAT,
            "command": "bench",
            "rows": self.rows,
            "rounds": self.rounds,
            "processors": processors(),
            "server": server,
            "peers": peers.collect::<Vec<_>>(),
            "subjects": self.subjects.iter().map(SubjectReport::json).collect::<Vec<_>>(),
        }))?)
    }
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
        "ours.whole" => "migrate: whole",
        "ours.load" => "migrate: rows + constraints",
        "pgloader.whole" => "pgloader: whole",
        "duckdb.whole" => "DuckDB: whole",
        "duckdb.copy" => "DuckDB: CREATE TABLE AS",
        other => return other.replace("ours.phase.", "migrate: "),
    };
    words.to_owned()
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> SubjectReport {
        let mut figures = Figures::default();
        for (name, seconds) in [
            ("floor.overlapped", 2.0),
            ("floor.best", 1.6),
            ("ours.whole", 4.4),
            ("ours.phase.rows", 1.0),
            ("ours.phase.validate", 1.5),
            ("ours.load", 2.0),
            ("pgloader.whole", 8.8),
        ] {
            figures.add(name, seconds, (name == "ours.whole").then_some(65_000_000));
        }
        let peers = vec![(Peer::Pgloader, Ok(())), (Peer::Duckdb, Err("failed: out of luck".to_owned()))];
        SubjectReport {
            name: "wide",
            tables: 1,
            rows: 1_000_000,
            sqlite_bytes: 9,
            copy_bytes: 7,
            figures,
            peers,
        }
    }

    #[test]
    fn goals_are_judged_and_those_without_a_figure_left_out() {
        let goals: Vec<(f64, bool)> =
            subject().goals().iter().map(|goal| (goal.value, goal.is_met())).collect();
        assert_eq!(
            goals,
            [(1.0, true), (1.25, true), (2.2, false), (2.0, true), (0.75, true), (65.0, false)]
        );
    }

    #[test]
    fn people_and_programs_hear_the_same() {
        let mut report = Report::begin(5, 1, vec![("fsync".to_owned(), "on".to_owned())]);
        report.peers =
            vec![(Peer::Pgloader, Ok("3.6".to_owned())), (Peer::Duckdb, Err("not run: x".to_owned()))];
        report.subjects.push(subject());
        let text = report.text();
        for words in
            ["fsync on", "pgloader: 3.6", "duckdb: not run: x", "duckdb: failed: out of luck", "≤ 2.00"]
        {
            assert!(text.contains(words), "{text}");
        }
        let json: Value = serde_json::from_str(&report.json().unwrap()).unwrap();
        assert_eq!(json["subjects"][0]["measured"][0]["seconds"][0], 2.0);
        assert_eq!(json["subjects"][0]["goals"][2]["is_met"], false);
        assert_eq!(json["subjects"][0]["peers"][1]["reason"], "failed: out of luck");
    }
}
