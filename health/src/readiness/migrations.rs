//! Whether the expected migrations are applied.
//!
//! A list may have been made by somebody else: only a plain table is read, so that no code of its owner runs as this role.

use std::collections::BTreeSet;

use postgres_client::{Connection, Result};

use super::Facts;
use crate::check::{Fact, Failure, Grant, ListState, State, Unknown};
use crate::expected::{Expected, ExpectedList, quoted};

/// Finds a list: whether it is a plain table with the column, and whether this role may read it.
const LIST_SQL: &str = "
    SELECT c.relkind IN ('r', 'p') AND EXISTS (
            SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = $3 AND NOT a.attisdropped),
        has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2";

/// Compares each list that is there with what is expected in it.
///
/// # Errors
/// When a question is refused or the connection is lost.
pub(super) fn check(connection: &mut Connection, facts: &Facts, expected: &Expected) -> Result<State> {
    if expected.lists.iter().all(|list| list.migrations.is_empty()) {
        return Ok(State::NotKnown(Unknown::NothingExpected));
    }
    let (mut lists, mut unknown) = (Vec::new(), None);
    for list in &expected.lists {
        let place = [Some(list.schema.as_str()), Some(&list.table), Some(&list.column)];
        match connection.first::<(bool, bool)>(LIST_SQL, &place)? {
            None => {}
            Some((false, _)) => {
                unknown.get_or_insert(Unknown::NotAList { table: list.name() });
            }
            Some((true, false)) => {
                let grant = select_on(list, facts);
                unknown.get_or_insert(Unknown::MissingRight { grant });
            }
            Some((true, true)) => {
                let found = read(connection, list)?;
                if !expected.is_certain && is_of_another_app(list, &found) {
                    unknown.get_or_insert(Unknown::NothingExpected);
                    continue;
                }
                match compare(list, &found) {
                    Ok(state) => lists.push(state),
                    Err(failure) => return Ok(State::Failed(failure)),
                }
            }
        }
    }
    Ok(match unknown {
        Some(unknown) => State::NotKnown(unknown),
        None if !lists.is_empty() => State::Ok(Fact::Migrations { lists }),
        None => {
            let tables = expected.lists.iter().map(ExpectedList::name).collect();
            if expected.is_certain {
                State::Failed(Failure::NoMigrationList { tables })
            } else {
                State::NotKnown(Unknown::NoMigrationList { tables })
            }
        }
    })
}

fn read(connection: &mut Connection, list: &ExpectedList) -> Result<BTreeSet<String>> {
    let sql = format!("SELECT {}::text FROM ONLY {}", quoted(&list.column), list.sql_name());
    let found: Vec<Option<String>> = connection.load(&sql, &[])?;
    Ok(found.into_iter().flatten().collect())
}

/// Whether a list has migrations, but none of the expected ones. A guess does not apply to such a database.
fn is_of_another_app(list: &ExpectedList, found: &BTreeSet<String>) -> bool {
    !found.is_empty() && !list.migrations.iter().any(|migration| found.contains(&migration.key))
}

/// Later migrations of the app are no fault: while a new version is rolled out, the old one still serves.
fn compare(list: &ExpectedList, found: &BTreeSet<String>) -> std::result::Result<ListState, Failure> {
    let missing: Vec<String> = list
        .migrations
        .iter()
        .filter(|migration| !found.contains(&migration.key))
        .map(|migration| migration.name.clone())
        .collect();
    if !missing.is_empty() {
        return Err(Failure::MigrationsMissing { table: list.name(), names: missing });
    }
    let keys: BTreeSet<&String> = list.migrations.iter().map(|migration| &migration.key).collect();
    let others = found.len().saturating_sub(keys.len());
    Ok(ListState { table: list.name(), applied: keys.len(), others })
}

fn select_on(list: &ExpectedList, facts: &Facts) -> Grant {
    let (schema, table, role) = (quoted(&list.schema), list.sql_name(), &facts.role);
    Grant::Select {
        sql: format!("GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT ON {table} TO {role}"),
    }
}
