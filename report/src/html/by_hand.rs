//! How to repeat each check by hand: what to paste where. The statements for the rows of a table are in its section.

use maud::{Markup, html};

use super::checks;
use super::page::Page;
use super::parts::statement;
use crate::model::Recipe;
use migrate_core::identifier::quote_pg;

/// The section.
pub(super) fn body(page: &Page<'_>) -> Markup {
    let recipes = recipes(page);
    let per_table: usize =
        page.tables.iter().filter_map(|table| table.moved).map(|moved| moved.by_hand.len()).sum();
    html! {
        p.intro {
            "These need nothing of this program: sqlite3 on the sealed copy, psql on the target. psql asks for the password that the address leaves out."
            @if per_table > 0 { " The statements for the rows of each table stand " a href="#tables" { "under the table" } "." }
        }
        @for (check, recipe) in &recipes {
            div.block {
                h3 { (check) }
                (statement(&format!("{} ({})", recipe.what, recipe.program), &recipe.text))
            }
        }
    }
}

/// A recipe for each check that one statement can repeat, and the program's own way at the end.
fn recipes(page: &Page<'_>) -> Vec<(String, Recipe)> {
    let report = page.report;
    let copy = shell_quoted(&report.source.sealed_path);
    let recipe = |what: &'static str, program: &'static str, text: String| Recipe {
        what: what.into(),
        program: program.into(),
        text,
    };
    let schemas: Vec<String> = report.plan.schemas().iter().map(|schema| literal(schema)).collect();
    let schemas = schemas.join(", ");
    let mut recipes = vec![
        (
            checks::title("seal"),
            recipe(
                "The copy is the one that this report is about",
                "sh",
                format!(
                    "echo {} | sha256sum --check",
                    shell_quoted(&format!("{}  {}", report.source.sha256, report.source.sealed_path))
                ),
            ),
        ),
        (
            checks::title("integrity"),
            recipe(
                "SQLite finds the copy whole",
                "sh",
                format!("sqlite3 -readonly {copy} 'PRAGMA integrity_check'"),
            ),
        ),
        (
            "The target".to_owned(),
            recipe(
                "Where to paste what is for psql: a session that sees no function but PostgreSQL's own",
                "sh",
                format!(
                    "PGOPTIONS='-c search_path=pg_catalog,pg_temp' psql {}",
                    shell_quoted(&report.target.url)
                ),
            ),
        ),
        (
            checks::title("schema"),
            recipe(
                "Constraints that are not validated, and indexes that are not valid: none but those that the plan names",
                "psql",
                format!(
                    "SELECT conrelid::regclass AS \"table\", conname AS name, pg_get_constraintdef(oid) AS definition\n  FROM pg_constraint\n WHERE NOT convalidated\n   AND connamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ({schemas}))\nUNION ALL\nSELECT indrelid::regclass, indexrelid::regclass::text, pg_get_indexdef(indexrelid)\n  FROM pg_index\n WHERE NOT indisvalid;"
                ),
            ),
        ),
    ];
    let sequences: Vec<String> = (report.plan.tables.iter())
        .filter_map(|table| {
            let (column, sequence) = table.sequence_column()?;
            Some(format!(
                "SELECT {} AS sequence, (SELECT last_value FROM {}) AS last_value, (SELECT max({}) FROM {}) AS greatest",
                literal(sequence), table.qualified(sequence), quote_pg(&column.target), table.qualified(&table.target)
            ))
        })
        .collect();
    if !sequences.is_empty() {
        let text = format!("{};", sequences.join("\nUNION ALL\n"));
        recipes.push((
            checks::title("sequences"),
            recipe("Every sequence is at or past the greatest number", "psql", text),
        ));
    }
    recipes.push((
        "All of it".to_owned(),
        recipe(
            "The whole comparison again, by this program",
            "sh",
            format!("cargo xtask validate --postgres {}", shell_quoted(&report.target.url)),
        ),
    ));
    recipes
}

/// A text as one word of a shell.
fn shell_quoted(text: &str) -> String {
    let is_plain = !text.is_empty()
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-:@=,".contains(letter));
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// A text as a literal of PostgreSQL.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pasted_is_one_word() {
        for (text, quoted) in [
            ("/a/b.db", "/a/b.db"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's; rm -rf $HOME", "'it'\\''s; rm -rf $HOME'"),
            ("postgres://a@h/d?x=1", "'postgres://a@h/d?x=1'"),
        ] {
            assert_eq!(shell_quoted(text), quoted);
        }
        assert_eq!(literal("it's"), "'it''s'");
    }
}
