//! Tells problems of virtual tables from damage of the file: SQLite's checks also ask virtual tables about themselves, and an index for full
//! text or areas that is out of step says nothing against the rows, which are in ordinary tables.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use rusqlite::Connection;

/// What the virtual tables of a file report about themselves.
pub(super) struct VirtualProblems<'a> {
    connection: &'a Connection,
    /// By message, the table that it is about. A file without problems is not asked.
    found: OnceCell<BTreeMap<String, String>>,
}

impl<'a> VirtualProblems<'a> {
    pub(super) fn of(connection: &'a Connection) -> VirtualProblems<'a> {
        VirtualProblems { connection, found: OnceCell::new() }
    }

    /// The virtual table that a problem is about; none if it is about the file.
    ///
    /// # Errors
    /// When the tables cannot be listed.
    pub(super) fn table_of(&self, problem: &str) -> rusqlite::Result<Option<&str>> {
        let found = match self.found.get() {
            Some(found) => found,
            None => {
                let all = self.all()?;
                self.found.get_or_init(|| all)
            }
        };
        Ok(found.get(problem).map(String::as_str))
    }

    fn all(&self) -> rusqlite::Result<BTreeMap<String, String>> {
        let mut all = BTreeMap::new();
        for table in names(self.connection)? {
            // A table that cannot be asked has no message of its own.
            let messages = messages(self.connection, &table).unwrap_or_default();
            all.extend(messages.into_iter().map(|message| (message, table.clone())));
        }
        Ok(all)
    }
}

/// The virtual tables of the file.
pub(super) fn names(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let list = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'virtual' ORDER BY name";
    connection.prepare(list)?.query_map([], |row| row.get(0))?.collect()
}

fn messages(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT * FROM pragma_integrity_check(?1)")?;
    statement.query_map([table], |row| row.get(0))?.filter(|found| found.as_deref() != Ok("ok")).collect()
}
