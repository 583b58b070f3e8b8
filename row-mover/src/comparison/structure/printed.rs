//! Lets PostgreSQL print expressions, so that two spellings of one expression are the same text.
//!
//! `EXPLAIN (VERBOSE)` prints what it would select, and runs nothing but immutable functions of constants. An expression that calls
//! anything that is not PostgreSQL's own is left as it is: nobody's code is run.

use std::collections::BTreeMap;

use migrate_core::identifier::quote_pg;
use postgres_client::connection::Connection;
use serde::Deserialize;

use crate::error::Result;

/// Prints expressions on tables, each table as SQL names it. One that PostgreSQL refuses is left out.
///
/// # Errors
/// When the connection is lost.
pub(super) fn print(
    target: &mut Connection,
    expressions: &[(String, &str)],
) -> Result<BTreeMap<(String, String), String>> {
    let mut printed = BTreeMap::new();
    for (table, sql) in expressions.iter().filter(|(_, sql)| is_postgresqls_own(sql)) {
        // Of a partitioned table alone PostgreSQL prints one node; with its partitions it prints one for each.
        let explain = format!(
            "EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) SELECT ({sql}\n) AS {} FROM ONLY {table}",
            quote_pg("printed")
        );
        let answer: Result<String> = target.undone_transaction(|target| target.one(&explain, &[]));
        match answer {
            Ok(answer) => {
                let output = first_output(&answer);
                printed.extend(output.map(|output| ((table.clone(), (*sql).to_owned()), output)));
            }
            Err(error) if error.is_transient() => return Err(error),
            Err(_) => {}
        }
    }
    Ok(printed)
}

#[derive(Deserialize)]
struct Explained {
    #[serde(rename = "Plan")]
    plan: Node,
}

#[derive(Deserialize)]
struct Node {
    #[serde(rename = "Output", default)]
    output: Vec<String>,
}

/// The first column that a plan returns.
fn first_output(json: &str) -> Option<String> {
    let explained: Vec<Explained> = serde_json::from_str(json).ok()?;
    explained.into_iter().next()?.plan.output.into_iter().next()
}

/// Whether an expression, as PostgreSQL prints it for a session that sees `pg_catalog` alone, names nothing of another schema: such a
/// name stands behind its schema and a dot.
fn is_postgresqls_own(sql: &str) -> bool {
    let mut outside = String::new();
    let mut is_text = false;
    for letter in sql.chars() {
        match letter {
            '\'' => is_text = !is_text,
            letter if !is_text => outside.push(letter),
            _ => {}
        }
    }
    let outside = outside.replace("pg_catalog.", "");
    let is_qualified = |(place, _): (usize, &str)| {
        let next = outside[place + 1..].chars().next();
        // `OPERATOR(app.=)` names an operator. After the dot of a number stands a digit, a blank or a bracket.
        next.is_some_and(|next| next.is_alphabetic() || "_\"+-*/<>=~!@#%^&|`?".contains(next))
    };
    !outside.match_indices('.').any(is_qualified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_schemas_are_found() {
        for own in ["(a > 0.99)", "lower(a) ~ 'x.y(z)'", "pg_catalog.lower(a)", "a = '1.b'::text", "1. < a"] {
            assert!(is_postgresqls_own(own), "{own}");
        }
        for foreign in ["public.f(a)", "a OPERATOR(app.=) b", "\"App\".\"F\"(a)", "a::app.kind"] {
            assert!(!is_postgresqls_own(foreign), "{foreign}");
        }
    }

    #[test]
    fn the_first_output_is_read() {
        let json = r#"[{"Plan": {"Node Type": "Seq Scan", "Output": ["(a > 0)"], "Plans": []}}]"#;
        assert_eq!(first_output(json).as_deref(), Some("(a > 0)"));
        assert_eq!(first_output("[]"), None);
    }
}
