//! The reasons why virtual tables are not migrated, and what to do instead.

use crate::identifier::{quote_pg, quote_sqlite};
use crate::plan::PlannedTable;

/// For a full-text table that keeps no text.
pub(super) const CONTENTLESS: &str = "it is contentless: it holds only the index of a text that is kept elsewhere; add a tsvector column to the table \
     that holds the text";

/// Of a table whose module is no full-text module and holds no rows that this program could read.
pub(super) fn of_module(name: &str, module: &str) -> String {
    match module {
        "fts5vocab" | "fts4aux" | "fts3tokenize" => {
            format!(
                "it holds no rows: {module} lists the words of a full-text index, as ts_stat() does in PostgreSQL"
            )
        }
        "dbstat" | "sqlite_dbpage" | "sqlite_stmt" | "bytecode" | "generate_series" => {
            format!("it holds no rows: {module} is a view of SQLite's internals")
        }
        _ => format!(
            "its module {module} is not part of this program, which therefore cannot read its rows; to migrate them, open a copy \
             with the app's SQLite, save them there with {}, and migrate the copy",
            copy_statement(name)
        ),
    }
}

/// For a table with rows of its own that its module cannot read.
pub(super) fn of_unreadable(name: &str) -> String {
    format!(
        "it needs a tokenizer or a function that only the app has; its text is in the table {name}_content, which is migrated if it \
         exists; to migrate it under its own names, open a copy with the app's SQLite, save it there with {}, and migrate the \
         copy",
        copy_statement(name)
    )
}

/// Of a full-text table whose text is in something that is no table of the plan.
pub(super) fn of_absent_content(content: &str) -> String {
    format!("its text is that of {content}, which is not a migrated table")
}

/// Of the search by ranges, where the rows of an R*Tree move.
pub(super) fn of_rtree(planned: &PlannedTable) -> String {
    let bounds: Vec<String> =
        planned.columns.iter().skip(1).take(4).map(|column| quote_pg(&column.target)).collect();
    let index = match bounds.as_slice() {
        [min_x, max_x, min_y, max_y] => format!(
            "for two dimensions CREATE INDEX ON {} USING gist (box(point({max_x}, {max_y}), point({min_x}, {min_y}))) serves queries \
             that use the same expression",
            quote_pg(&planned.target)
        ),
        _ => "an index on its bounds, or one USING gist on a range of them, serves queries".to_owned(),
    };
    format!("its rows are migrated as a plain table; {index}; for shapes, use PostGIS")
}

fn copy_statement(name: &str) -> String {
    format!("CREATE TABLE {} AS SELECT * FROM {}", quote_sqlite(&format!("{name}_rows")), quote_sqlite(name))
}

/// Where the text is in a table that an app made.
pub(super) fn of_app(table: &str) -> String {
    format!("its text is that of the app's table {table}, which keeps the indexes that the app made")
}
