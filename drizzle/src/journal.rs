//! The journal of migrations, `meta/_journal.json`.

use serde_json::json;

/// The names of the two migrations.
pub(crate) const TAGS: [&str; 2] = ["0000_create_tables", "0001_add_constraints"];

/// The times of the two migrations, in milliseconds. The migrator applies what is later than the last migration in the database, so they
/// increase and are in the past; Drizzle 1.0 tells migrations apart by the second.
pub(crate) const WHEN_MS: [u64; 2] = [1_793_491_201_000, 1_793_491_202_000];

/// The version of the journal and of the snapshots.
pub(crate) const VERSION: &str = "7";

/// Returns the text of the journal.
pub(crate) fn journal() -> String {
    let entries = TAGS.iter().zip(WHEN_MS).enumerate().map(|(index, (tag, when))| {
        json!({ "idx": index, "version": VERSION, "when": when, "tag": tag, "breakpoints": true })
    });
    let journal =
        json!({ "version": VERSION, "dialect": "postgresql", "entries": entries.collect::<Vec<_>>() });
    pretty(&journal)
}

/// JSON as Drizzle writes it: two blanks for each level, no line break at the end.
pub(crate) fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}")
}
