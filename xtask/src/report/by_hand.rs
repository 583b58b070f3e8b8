//! How to repeat the comparison of a table by hand: the statement for each database.

use migrate_core::conversion::PgType;
use migrate_core::identifier::{quote_pg, quote_sqlite};
use migrate_core::plan::PlannedTable;
use report::model::Recipe;

/// How many columns the statement that counts has: more than that nobody compares by eye.
const COUNTED_COLUMNS_MAX: usize = 40;

/// The recipes of a table: counts that must be the same in both databases, and the rows themselves in the order of the key.
pub(super) fn recipes(table: &PlannedTable) -> Vec<Recipe> {
    let [source_counts, target_counts] = counts(table);
    let [source_rows, target_rows] = rows(table);
    let recipe = |what: &'static str, program: &'static str, text: String| Recipe {
        what: what.into(),
        program: program.into(),
        text,
    };
    let what = "the number of rows, and for each column how many values it has, or how many bytes of text or blobs; both \
                databases print the same line, except for skipped rows";
    let first = "the first rows in the order of the key";
    vec![
        recipe(what, "sqlite3", source_counts),
        recipe(what, "psql", target_counts),
        recipe(first, "sqlite3", source_rows),
        recipe(first, "psql", target_rows),
    ]
}

/// Numbers that mean the same in both: text is counted by its bytes where it is sent as it is, anything else by its values.
fn counts(table: &PlannedTable) -> [String; 2] {
    let (mut source, mut target) = (vec!["count(*)".to_owned()], vec!["count(*)".to_owned()]);
    for column in table.columns.iter().take(COUNTED_COLUMNS_MAX) {
        let (from, to) = (quote_sqlite(&column.source), quote_pg(&column.target));
        // Such as `text` and `bytea`, and no other conversion to these types.
        let is_sent_as_it_is = column.limit.is_none()
            && matches!(column.target_type, PgType::Text | PgType::Bytea)
            && column.conversion.name() == column.target_type.sql();
        if is_sent_as_it_is {
            source.push(format!("coalesce(sum(length(CAST({from} AS BLOB))), 0)"));
            target.push(format!("coalesce(sum(octet_length({to})), 0)"));
        } else {
            source.push(format!("count({from})"));
            target.push(format!("count({to})"));
        }
    }
    // Indexes are left aside, as validation does.
    let not_indexed = if table.without_rowid { "" } else { " NOT INDEXED" };
    [
        format!("SELECT {} FROM {}{not_indexed};", source.join(", "), quote_sqlite(&table.source)),
        format!("SELECT {} FROM {};", target.join(", "), table.qualified(&table.target)),
    ]
}

fn rows(table: &PlannedTable) -> [String; 2] {
    let key = table.key_positions();
    let columns = || key.iter().filter_map(|place| table.columns.get(*place));
    let ordered = |names: Vec<String>| match names.is_empty() {
        true => String::new(),
        false => format!(" ORDER BY {}", names.join(", ")),
    };
    let source = ordered(columns().map(|column| quote_sqlite(&column.source)).collect());
    let target = ordered(columns().map(|column| quote_pg(&column.target)).collect());
    [
        format!("SELECT * FROM {}{source} LIMIT 100;", quote_sqlite(&table.source)),
        format!("SELECT * FROM {}{target} LIMIT 100;", table.qualified(&table.target)),
    ]
}
