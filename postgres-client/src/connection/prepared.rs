//! Statements that a session keeps prepared, up to a number, the ones used last.
//!
//! A session loses them by `DISCARD ALL` or `DEALLOCATE`, and they no longer fit after a table was altered. Either is noticed when the
//! statement is used: it is dropped, and prepared once more where nothing can have been done yet.

use std::ffi::CString;

use hashlink::LruCache;

use super::{BinaryRows, Connection, no_nul};
use crate::error::{Context, Error, Result};
use crate::failure::Condition;

/// The statements of a session.
pub(super) struct PreparedStatements {
    /// By their text.
    statements: LruCache<String, Prepared>,
    /// The number in the next one's name, which never comes again.
    next: u64,
}

struct Prepared {
    name: CString,
    types: Vec<u32>,
}

impl Connection {
    /// Keeps up to so many statements of [`Connection::prepared_query`] in the session.
    pub fn keep_statements(&mut self, most: usize) {
        self.prepared = (most > 0).then(|| PreparedStatements { statements: LruCache::new(most), next: 0 });
    }

    /// As [`Connection::binary_query`], with a statement that stays prepared in the session, where the session keeps statements.
    ///
    /// # Errors
    /// As there. [`Error::is_stale_statement`] is true where a statement that no longer fits has ended a transaction.
    pub fn prepared_query<P: AsRef<[u8]>>(
        &mut self,
        sql: &str,
        types: &[u32],
        parameters: &[Option<P>],
    ) -> Result<BinaryRows> {
        if self.prepared.is_none() {
            return self.binary_query(sql, types, parameters);
        }
        self.check_open_if_idle()?;
        if types.len() != parameters.len() {
            return Err(Error::new("a statement has another number of types than of parameters"));
        }
        let Some(name) = self.kept(sql, types)? else {
            let name = self.prepare(sql, types)?;
            return self.execute_prepared(&name, parameters);
        };
        let was_idle = self.is_idle();
        match self.execute_prepared(&name, parameters) {
            Err(error) if self.is_stale(&error) => {
                self.forget(sql, &error)?;
                if !was_idle {
                    return Err(error.stale_statement());
                }
                let name = self.prepare(sql, types)?;
                self.execute_prepared(&name, parameters)
            }
            answer => answer,
        }
    }

    /// Whether the server refused a kept statement because it is no longer what it was.
    fn is_stale(&self, error: &Error) -> bool {
        self.is_usable()
            && matches!(
                error.condition(),
                Some(Condition::InvalidSqlStatementName | Condition::FeatureNotSupported)
            )
    }

    /// The name of a kept statement. One for other types is dropped.
    fn kept(&mut self, sql: &str, types: &[u32]) -> Result<Option<CString>> {
        let Some(kept) = &mut self.prepared else { return Ok(None) };
        match kept.statements.get(sql) {
            Some(statement) if statement.types == types => Ok(Some(statement.name.clone())),
            Some(_) => {
                let dropped = kept.statements.remove(sql);
                dropped.map_or(Ok(()), |dropped| self.close_prepared(&dropped.name)).map(|()| None)
            }
            None => Ok(None),
        }
    }

    /// Drops a statement that no longer fits, and all of them where the session does not know it, since it has lost others as well.
    fn forget(&mut self, sql: &str, error: &Error) -> Result<()> {
        let Some(kept) = &mut self.prepared else { return Ok(()) };
        let dropped: Vec<Prepared> = if error.condition() == Some(Condition::InvalidSqlStatementName) {
            kept.statements.drain().map(|(_, statement)| statement).collect()
        } else {
            kept.statements.remove(sql).into_iter().collect()
        };
        dropped.iter().try_for_each(|statement| self.close_prepared(&statement.name))
    }

    /// Prepares a statement, in place of the one that was not used for longest where there are too many.
    fn prepare(&mut self, sql: &str, types: &[u32]) -> Result<CString> {
        let text = no_nul(sql)?;
        let Some(kept) = &mut self.prepared else {
            return Err(Error::new("the session keeps no statements"));
        };
        let name = CString::new(format!("kept_{}", kept.next)).context(|| "a name holds a NUL character")?;
        kept.next += 1;
        let is_full = kept.statements.len() >= kept.statements.capacity();
        let replaced = if is_full { kept.statements.remove_lru() } else { None };
        if let Some((_, replaced)) = replaced {
            self.close_prepared(&replaced.name)?;
        }
        self.prepare_as(&name, &text, types)?;
        if let Some(kept) = &mut self.prepared {
            let statement = Prepared { name: name.clone(), types: types.to_vec() };
            kept.statements.insert(sql.to_owned(), statement);
        }
        Ok(name)
    }
}
