//! The content of a report as data: `report.json` is this model, and everything else is made of it (docs/report.md describes each field).

use std::borrow::Cow;

use migrate_core::plan::Plan;
use serde::{Deserialize, Serialize};

/// The version of `report.json`.
pub const REPORT_FORMAT: u32 = 1;

/// A migration and its proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report<'p> {
    /// The version of this form.
    pub format: u32,
    /// When the report was made, in RFC 3339.
    pub made_at: String,
    /// The command that made it.
    pub command: Command,
    /// The outcome, in one word.
    pub verdict: Verdict,
    /// The run's number in the ledger.
    pub run: i64,
    /// When the run was begun, in RFC 3339.
    pub started_at: String,
    /// The programs at work.
    pub environment: Environment,
    /// Where the rows come from.
    pub source: Source,
    /// Where they went, without a password.
    pub target: Target,
    /// The plan that was carried out.
    pub plan: Cow<'p, Plan>,
    /// The fingerprint of the plan.
    pub plan_sha256: String,
    /// The tables of the source, as SQLite declares them: the diagram "before".
    pub source_tables: Vec<DiagramTable>,
    /// The durations by phase, table and build. Idle times are omitted.
    pub timeline: Vec<Span>,
    /// By table, in the plan's order.
    pub tables: Vec<TableReport>,
    /// The checks besides the rows.
    pub checks: Vec<Check>,
    /// The rows and values that the plan's policy for values that PostgreSQL cannot hold has cost.
    pub rejects: Vec<Rejects>,
}

/// The command that made a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// `migrate`.
    Migrate,
    /// `validate`.
    Validate,
}

/// The outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every value was compared, and everything holds.
    Proven,
    /// Something differs, or not everything was compared.
    NotProven,
}

/// The programs at work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The version of this program.
    pub tool_version: String,
    /// The version of SQLite that read the source.
    pub sqlite_version: String,
    /// The server's own description, such as `PostgreSQL 15.14 on x86_64-pc-linux-gnu`.
    pub server_version: String,
    /// The system that this program ran on, such as `linux x86_64`.
    pub system: String,
    /// Settings of the target that affect the comparison, by name: encoding, collation, time zone and the like.
    pub target_settings: Vec<[String; 2]>,
}

/// Where the rows come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file that was copied.
    pub path: String,
    /// The sealed copy.
    pub sealed_path: String,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was taken, in RFC 3339.
    pub sealed_at: String,
    /// How it was taken; none where that was not recorded.
    #[serde(default)]
    pub copy_method: Option<CopyMethod>,
    /// Whether the source was written to since, judging by its size and time; none if that was not checked.
    pub changed_since: Option<bool>,
}

/// How the sealed copy was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyMethod {
    /// The protection of the source from changes in the meantime.
    pub protection: CopyProtection,
    /// How often it was copied until nothing disturbed that.
    pub attempts: u32,
}

/// The protection of the source from changes while it was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyProtection {
    /// SQLite's own locks.
    SqliteLocks,
    /// Nothing: it was copied without locks, and was the same before and after.
    UnchangedFile,
}

impl std::fmt::Display for CopyMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.protection {
            CopyProtection::SqliteLocks => "under SQLite's locks",
            CopyProtection::UnchangedFile => "without locks, from a file that was the same before and after",
        })?;
        if self.attempts > 1 {
            write!(f, "; {} attempts, as the file was written to during the others", self.attempts)?;
        }
        Ok(())
    }
}

/// Where the rows went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The URL, without its password.
    pub url: String,
}

/// A table of a diagram.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagramTable {
    /// Its name.
    pub name: String,
    /// Its columns, in their order.
    pub columns: Vec<DiagramColumn>,
    /// The table that it references.
    pub references: Vec<DiagramReference>,
    /// Why it is not migrated; none where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_behind: Option<String>,
}

/// A column of a diagram.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagramColumn {
    /// Its name.
    pub name: String,
    /// Its type, as it is declared; empty where there is none.
    pub type_name: String,
    /// Whether it is part of the primary key.
    pub is_key: bool,
    /// Whether it is NOT NULL.
    pub not_null: bool,
}

/// A foreign key of a diagram.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagramReference {
    /// The columns that point.
    pub columns: Vec<String>,
    /// The table that they point to.
    pub table: String,
    /// The columns that they point to.
    pub parent_columns: Vec<String>,
}

/// An activity with a duration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Its kind.
    pub kind: SpanKind,
    /// Its name: of a phase, of a table whose rows moved, or a description of a build.
    pub name: String,
    /// The table that it belongs to, by source name; none of a phase, and of a build of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// When it began, in seconds since the run began, but for those in which nothing was at work.
    pub begin_seconds: f64,
    /// Duration in seconds.
    pub seconds: f64,
}

/// The kind of an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanKind {
    /// A phase of the migration.
    Phase,
    /// A table's rows, from the first chunk's begin to the last one's end.
    Rows,
    /// A key, an index or a constraint.
    Build,
}

/// The result for a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableReport {
    /// The table, by source name.
    pub table: String,
    /// Its name in PostgreSQL, with its schema.
    pub target: String,
    /// The rows that moved.
    pub rows: u64,
    /// The bytes that were sent.
    pub bytes: u64,
    /// The seconds of all its chunks together.
    pub seconds: f64,
    /// The result of comparing it; none if it was not compared, because only rows of other tables moved, or because its columns are not
    /// as planned.
    pub compared: Option<Compared>,
    /// The rows that an app's table held before; none where it held none, or the run saved none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldRows>,
    /// How to repeat the comparison by hand.
    pub by_hand: Vec<Recipe>,
}

/// What became of the rows that an app's table held before the migration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRows {
    /// Rows that equal rows of the source.
    pub equal: u64,
    /// Rows that the source does not have, and that were kept.
    pub kept: u64,
    /// Rows that rows of the source overwrote.
    pub overwritten: u64,
    /// Rows that were deleted.
    pub deleted: u64,
}

/// The result of comparing the rows of a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// How rows were matched.
    pub by: ComparedBy,
    /// Rows in the sealed copy.
    pub source_rows: u64,
    /// Rows in PostgreSQL.
    pub target_rows: u64,
    /// Rows that are the same on both sides.
    pub equal: u64,
    /// Rows that PostgreSQL has not.
    pub missing: u64,
    /// Rows that only PostgreSQL has.
    pub extra: u64,
    /// Rows with the same key and other values.
    pub different: u64,
    /// Rows skipped by the plan's policy.
    pub rejected: u64,
    /// Values that became NULL by the plan's policy.
    pub nulled: u64,
    /// The first few differences.
    pub first: Vec<RowProblem>,
    /// Duration in seconds.
    pub seconds: f64,
}

/// How rows were matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparedBy {
    /// As a merge in the order of the primary key.
    #[default]
    Key,
    /// As a multiset: the table has no key that both sides order alike.
    Multiset,
}

/// A row that differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowProblem {
    /// The row's key, for people, or its location.
    pub row: String,
    /// The kind of difference: `missing`, `extra` or `different`.
    pub kind: String,
    /// The columns that differ, by source name; empty for a complete row.
    pub columns: Vec<String>,
}

/// The statements for checking something by hand, one for each side, to be pasted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// What they show.
    pub what: Cow<'static, str>,
    /// The program that it is for: `sqlite3`, `psql` or `sh`.
    pub program: Cow<'static, str>,
    /// The statement or command.
    pub text: String,
}

/// The name of the check of the source's own indexes, on which the proof does not depend.
pub const INTEGRITY: &str = "integrity";

/// A check besides the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The name: `seal`, `integrity`, `schema`, `sequences`, `bookkeeping`, `defaults`, `behaviour` or `views`.
    pub name: String,
    /// What it proves and how, in a sentence.
    pub how: String,
    /// Number of things that were compared, such as 24 `constraints`.
    pub tried: u64,
    /// The unit of `tried`, in the plural.
    pub unit: String,
    /// The problems; empty if there are none.
    pub problems: Vec<Problem>,
    /// Parts that were not compared, with the reason.
    pub left_out: Vec<NotCompared>,
    /// Whether it was done at all.
    pub is_done: bool,
}

impl Check {
    /// Whether it is the check on which the proof does not depend, and has not run.
    pub(crate) fn is_integrity_not_run(&self) -> bool {
        self.name == INTEGRITY && !self.is_done
    }

    /// Why it was not done, as far as that is known; none where it was.
    pub(crate) fn reason_not_done(&self) -> Option<&str> {
        let first = || self.left_out.first().map_or("it was not to be done", |left| left.reason.as_str());
        (!self.is_done).then(first)
    }
}

/// A problem and its remedy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The problem, with table, column and what was expected.
    pub what: String,
    /// The remedy.
    pub next: String,
}

/// Something that was not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotCompared {
    /// The subject.
    pub what: String,
    /// Why.
    pub reason: String,
}

/// The losses in a table from the policy for values that PostgreSQL cannot hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejects {
    /// The table, by source name.
    pub table: String,
    /// Rows that were skipped.
    pub skipped: u64,
    /// Values that became NULL.
    pub nulled: u64,
    /// The file with the complete rows; none if only the ledger's count is known.
    pub file: Option<String>,
}
