//! Reads which tables a stored `CREATE TRIGGER` writes to.

use sqlite3_parser::ast::{Stmt, TriggerCmd};

use super::{UnreadableSql, plain_name, with_statement};

/// Returns the only table that a trigger writes to; `None` if there are several, or if a statement only reads.
///
/// # Errors
/// [`UnreadableSql`] if it cannot be parsed.
pub fn trigger_writes_only(trigger: &str, sql: &str) -> Result<Option<String>, UnreadableSql> {
    let what = || format!("trigger {trigger}");
    with_statement(sql, what, |statement| {
        let Stmt::CreateTrigger { commands, .. } = statement else {
            return Err(UnreadableSql { what: what(), problem: "it is not a CREATE TRIGGER".to_owned() });
        };
        let mut written = commands.iter().map(|command| match command {
            TriggerCmd::Insert { tbl_name, .. }
            | TriggerCmd::Update { tbl_name, .. }
            | TriggerCmd::Delete { tbl_name, .. } => Some(plain_name(tbl_name.name.0)),
            TriggerCmd::Select(_) => None,
        });
        let first = written.next().flatten();
        let is_same = |other: Option<String>| match (&first, other) {
            (Some(first), Some(other)) => first.eq_ignore_ascii_case(&other),
            _ => false,
        };
        Ok(if written.all(is_same) { first } else { None })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_that_writes_to_one_table_is_told_from_others() {
        for (body, table) in [
            ("INSERT INTO ft(rowid, a) VALUES (new.id, new.a);", Some("ft")),
            (
                "INSERT INTO \"ft\"(ft, rowid, a) VALUES ('delete', old.id, old.a); INSERT INTO FT(rowid, a) VALUES (new.id, new.a);",
                Some("ft"),
            ),
            ("DELETE FROM ft WHERE rowid = old.id;", Some("ft")),
            ("DELETE FROM ft WHERE rowid = old.id; UPDATE u SET a = 1;", None),
            ("INSERT INTO ft(rowid) VALUES (1); SELECT RAISE(ABORT, 'x');", None),
        ] {
            let sql = format!("CREATE TRIGGER g AFTER UPDATE ON t BEGIN {body} END");
            assert_eq!(trigger_writes_only("g", &sql).unwrap().as_deref(), table, "{body}");
        }
        assert!(trigger_writes_only("g", "CREATE TABLE t(a)").is_err());
    }
}
