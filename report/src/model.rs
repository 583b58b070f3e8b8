//! What a report says, as data: `report.json` is this model, and everything else is made of it (docs/report.md describes each field).
//!
//! It holds no value of a row: rows are named by their keys, and those of secret columns by a hash.

use migrate_core::plan::Plan;
use serde::{Deserialize, Serialize};

/// The version of `report.json`.
pub const REPORT_FORMAT: u32 = 1;

/// A migration and its proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this form.
    pub format: u32,
    /// When the report was made, in RFC 3339.
    pub made_at: String,
    /// The command that made it.
    pub command: Command,
    /// What came of it, in one word.
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
    pub plan: Plan,
    /// The fingerprint of the plan.
    pub plan_sha256: String,
    /// The tables of the source, as SQLite declares them: the diagram "before".
    pub source_tables: Vec<DiagramTable>,
    /// What took how long, by phase, table and build. Times in which nothing was at work are left out.
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

/// What came of it.
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
    /// What the server says of itself, such as `PostgreSQL 15.14 on x86_64-pc-linux-gnu`.
    pub server_version: String,
    /// The system that this program ran on, such as `linux x86_64`.
    pub system: String,
    /// Settings of the target that matter to what was compared, by name: encoding, collation, time zone and the like.
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
    /// Whether the source was written to since, as far as its size and time tell; none where that was not checked.
    pub changed_since: Option<bool>,
}

/// How the sealed copy was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyMethod {
    /// What kept the source from changing meanwhile.
    pub protection: CopyProtection,
    /// How often it was copied until nothing disturbed that.
    pub attempts: u32,
}

/// What kept the source from changing while it was copied.
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
    /// What it points to.
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

/// Something that took time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// What kind of thing it is.
    pub kind: SpanKind,
    /// Its name: of a phase, of a table whose rows moved, or what a build makes.
    pub name: String,
    /// The table that it belongs to, by source name; none of a phase, and of a build of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// When it began, in seconds since the run began, but for those in which nothing was at work.
    pub begin_seconds: f64,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// What kind of thing took time.
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

/// What became of a table.
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
    /// What comparing it found; none where it was not compared: rows of other tables moved alone, or its columns are not as planned.
    pub compared: Option<Compared>,
    /// How to repeat the comparison by hand.
    pub by_hand: Vec<Recipe>,
}

/// What comparing the rows of a table found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// How rows were told from each other.
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
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// How rows were told from each other.
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
    /// The row's key in words, or where it lies.
    pub row: String,
    /// What is different: `missing`, `extra` or `different`.
    pub kind: String,
    /// The columns that differ, by source name; empty for a whole row.
    pub columns: Vec<String>,
}

/// How to look at something by hand: the statement for each side, to be pasted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// What it shows.
    pub what: String,
    /// The program that it is for: `sqlite3`, `psql` or `sh`.
    pub program: String,
    /// The statement or command.
    pub text: String,
}

/// A check besides the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What: `seal`, `integrity`, `schema`, `sequences`, `bookkeeping`, `defaults`, `behaviour` or `views`.
    pub name: String,
    /// What it proves and how, in a sentence.
    pub how: String,
    /// How many things were compared, and what they are called, such as 24 `constraints`.
    pub tried: u64,
    /// What `tried` counts, in the plural.
    pub unit: String,
    /// What is wrong; empty where everything holds.
    pub problems: Vec<Problem>,
    /// What was not compared, with the reason.
    pub left_out: Vec<NotCompared>,
    /// Whether it was done at all.
    pub is_done: bool,
}

/// Something that is wrong, and what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What is wrong, in words that name table, column and what was expected.
    pub what: String,
    /// What to do about it.
    pub next: String,
}

/// Something that was not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotCompared {
    /// What.
    pub what: String,
    /// Why.
    pub reason: String,
}

/// What the policy for values that PostgreSQL cannot hold has cost in a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejects {
    /// The table, by source name.
    pub table: String,
    /// Rows that were skipped.
    pub skipped: u64,
    /// Values that became NULL.
    pub nulled: u64,
    /// The file that has the rows whole; none where only the ledger's count is known.
    pub file: Option<String>,
}
