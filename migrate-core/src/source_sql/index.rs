//! Reads a stored `CREATE INDEX`: its keys, which may be expressions, and its condition.

use sqlite3_parser::ast::Stmt;

use super::{UnreadableSql, with_statement};

/// The facts of a stored `CREATE INDEX` that the pragmas do not return.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexSqlFacts {
    /// The keys as SQL, in order, with their collations.
    pub keys: Vec<String>,
    /// The condition of a partial index, as SQL.
    pub predicate: Option<String>,
}

/// Reads a stored `CREATE INDEX`.
///
/// # Errors
/// [`UnreadableSql`] if it cannot be parsed.
pub fn index_facts(index: &str, sql: &str) -> Result<IndexSqlFacts, UnreadableSql> {
    let what = || format!("index {index}");
    with_statement(sql, what, |statement| {
        let Stmt::CreateIndex { columns, where_clause, .. } = statement else {
            return Err(UnreadableSql { what: what(), problem: "it is not a CREATE INDEX".to_owned() });
        };
        Ok(IndexSqlFacts {
            keys: columns.iter().map(|key| key.expr.to_string()).collect(),
            predicate: where_clause.as_ref().map(ToString::to_string),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_condition_are_read_from_the_syntax_tree() {
        for (sql, keys, predicate) in [
            ("CREATE INDEX i ON t(a)", &["a"][..], None),
            (
                "CREATE INDEX i ON t(a, b DESC) WHERE note <> 'ask where it is'",
                &["a", "b"],
                Some("note <> 'ask where it is'"),
            ),
            (
                "CREATE UNIQUE INDEX i ON t(lower(a), b COLLATE NOCASE)",
                &["lower (a)", "b COLLATE NOCASE"],
                None,
            ),
        ] {
            let facts = index_facts("i", sql).unwrap();
            assert_eq!(facts.keys, keys, "{sql}");
            assert_eq!(facts.predicate.as_deref(), predicate, "{sql}");
        }
        for sql in ["", "CREATE INDEX", "CREATE TABLE t(a)"] {
            assert!(index_facts("i", sql).is_err(), "{sql:?}");
        }
    }
}
