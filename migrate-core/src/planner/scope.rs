//! Resolves names in SQLite's expressions to the columns of a planned table, for the translator.

use super::Context;
use crate::affinity::Affinity;
use crate::conversion::Conversion;
use crate::identifier::quote_pg;
use crate::plan::PlannedColumn;
use crate::source_schema::{SourceColumn, SourceTable};
use crate::source_sql::TableSqlFacts;
use crate::translate::{BlobContents, Collation, Scope, ScopeColumn, ScopeTable};

/// The scope of a table's expressions: its own columns, and nothing else.
pub(super) fn of_table(context: &Context<'_>) -> Scope {
    Scope {
        tables: vec![table(context.table, context.facts, context.columns, &[context.table.name.as_str()])],
        ..Scope::default()
    }
}

/// A table as a scope sees it, under `names`.
pub(super) fn table(
    table: &SourceTable,
    facts: &TableSqlFacts,
    planned: &[PlannedColumn],
    names: &[&str],
) -> ScopeTable {
    let columns: Vec<ScopeColumn> = planned
        .iter()
        .map(|planned| {
            let column = table.column(&planned.source);
            ScopeColumn {
                source: planned.source.clone(),
                sql: quote_pg(&planned.target),
                conversion: planned.conversion.clone(),
                affinity: column.map_or(Affinity::Blob, |column| affinity(table, column)),
                collation: collation(facts, &planned.source),
                not_null: planned.not_null,
                contents: contents(planned),
            }
        })
        .collect();
    let alias = table.rowid_alias().map(|alias| alias.name.as_str());
    let rowid = alias.and_then(|alias| planned.iter().position(|column| column.source == alias));
    ScopeTable { names: names.iter().map(|name| (*name).to_owned()).collect(), columns, rowid }
}

/// The affinity; ANY in a STRICT table stores values unchanged (SQLite manual, "STRICT Tables", section 3).
pub(super) fn affinity(table: &SourceTable, column: &SourceColumn) -> Affinity {
    let keeps_all = table.strict && column.declared_type.eq_ignore_ascii_case("ANY");
    if keeps_all { Affinity::Blob } else { crate::affinity::affinity(&column.declared_type) }
}

/// What the blobs of a column hold, as its values show. A column of `bytea` without any shows nothing.
fn contents(planned: &PlannedColumn) -> BlobContents {
    let Some(seen) = &planned.profile else { return BlobContents::Bytes };
    let is_bytea = planned.conversion == Conversion::Bytea;
    let shows = |count: u64| seen.blobs_utf16 == 0 && seen.blobs == count;
    if is_bytea && (seen.blobs == 0 || seen.blobs != seen.values()) {
        BlobContents::Bytes
    } else if shows(seen.blobs_json) {
        BlobContents::Documents
    } else if shows(seen.blobs_utf8) {
        BlobContents::Text
    } else {
        BlobContents::Bytes
    }
}

fn collation(facts: &TableSqlFacts, column: &str) -> Collation {
    let named = facts.collations.iter().find(|(name, _)| name.eq_ignore_ascii_case(column));
    match named.map(|(_, collation)| collation.to_ascii_uppercase()) {
        None => Collation::Binary,
        Some(name) if name == "NOCASE" => Collation::Nocase,
        Some(name) if name == "RTRIM" => Collation::Rtrim,
        Some(name) => Collation::Other(name),
    }
}
