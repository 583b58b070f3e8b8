//! The order of a table WITHOUT ROWID, as far as a range of its rows can be named by conditions on its primary key.

use std::sync::Arc;

use migrate_core::identifier::quote_sqlite;
use rusqlite::Connection;

/// The first columns of the primary key: those that have one direction, and that conditions compare as the tree does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeyOrder {
    /// Their names, quoted. There is at least one.
    pub(super) columns: Vec<String>,
    /// Whether rows descend by them.
    pub(super) is_descending: bool,
    /// Whether these are all columns of the key, which ascend by the collation BINARY.
    pub(super) is_binary: bool,
}

impl KeyOrder {
    /// That of a table; none where it has rowids, or a collation of its key is one that only the app has.
    pub(super) fn of(connection: &Connection, table: &str) -> rusqlite::Result<Option<Arc<KeyOrder>>> {
        let sql = "SELECT k.name, k.desc, k.coll FROM pragma_table_list(?1) AS t \
                   JOIN pragma_index_list(t.name, 'main') AS i ON i.origin = 'pk' JOIN pragma_index_xinfo(i.name, 'main') AS k \
                   ON k.key = 1 WHERE t.schema = 'main' AND t.wr = 1 ORDER BY k.seqno";
        let mut statement = connection.prepare_cached(sql)?;
        let key = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let key: Vec<(String, bool, String)> = key.collect::<rusqlite::Result<_>>()?;
        let is_known =
            |name: &str| ["BINARY", "NOCASE", "RTRIM"].iter().any(|known| known.eq_ignore_ascii_case(name));
        let Some(&(_, is_descending, _)) = key.first() else { return Ok(None) };
        if !key.iter().all(|(_, _, collation)| is_known(collation)) {
            return Ok(None);
        }
        let mut columns = Vec::with_capacity(key.len());
        for (name, is_column_descending, collation) in &key {
            // A condition uses the collation of the column, and the key may have another one.
            let (_, of_column, ..) = connection.column_metadata(Some("main"), table, name)?;
            let of_column = of_column.map(|name| name.to_string_lossy()).unwrap_or_default();
            if *is_column_descending != is_descending || !of_column.eq_ignore_ascii_case(collation) {
                break;
            }
            columns.push(quote_sqlite(name));
        }
        let is_binary = !is_descending
            && columns.len() == key.len()
            && key.iter().all(|(_, _, collation)| collation.eq_ignore_ascii_case("BINARY"));
        Ok((!columns.is_empty()).then(|| Arc::new(KeyOrder { columns, is_descending, is_binary })))
    }

    /// Whether rows lie in the order of these columns, ascending by the collation BINARY.
    pub(crate) fn is_binary_by<'n>(&self, names: impl Iterator<Item = &'n str>) -> bool {
        self.is_binary && names.map(quote_sqlite).eq(self.columns.iter().cloned())
    }
}
