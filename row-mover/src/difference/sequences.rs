//! The last numbers of AUTOINCREMENT.

use std::collections::BTreeMap;

use migrate_core::plan::PlannedTable;

use crate::error::{Context, Result};
use crate::source::SourceConnection;

/// Returns the tables whose last number differs, by source name.
pub(super) fn changed(
    base: &SourceConnection,
    newer: &SourceConnection,
    tables: &[&PlannedTable],
) -> Result<Vec<String>> {
    let (before, after) = (last_numbers(base)?, last_numbers(newer)?);
    let names = tables.iter().map(|table| &table.source);
    Ok(names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect())
}

fn last_numbers(copy: &SourceConnection) -> Result<BTreeMap<String, Option<i64>>> {
    let failed = || format!("the numbers of AUTOINCREMENT in {} cannot be read", copy.path().display());
    let connection = copy.connection();
    let exists = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence')";
    if !connection.query_row(exists, [], |row| row.get::<_, bool>(0)).context(failed)? {
        return Ok(BTreeMap::new());
    }
    // An app may write anything into it, more than one row of a table, too.
    let sql = "SELECT name, max(CAST(seq AS INTEGER)) FROM sqlite_sequence WHERE typeof(name) = 'text' GROUP BY name";
    let mut statement = connection.prepare(sql).context(failed)?;
    let mut rows = statement.query([]).context(failed)?;
    let mut numbers = BTreeMap::new();
    while let Some(row) = rows.next().context(failed)? {
        let name = row.get_ref(0).context(failed)?.as_bytes().context(failed)?;
        numbers.insert(String::from_utf8_lossy(name).into_owned(), row.get(1).context(failed)?);
    }
    Ok(numbers)
}
