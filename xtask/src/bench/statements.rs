//! A plan's migrations as single statements, and which of them belong to one table alone: what several sessions can share.
//!
//! The text is the renderer's own, so that what is measured is what a migration runs; here it is only cut.

use migrate_core::plan::{Plan, PlannedTable};
use migrate_core::render;

/// The statements of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableStatements {
    /// Its `CREATE TABLE`, and what goes with it.
    pub(crate) create: Vec<String>,
    /// Its keys, indexes and CHECKs.
    pub(crate) constraints: Vec<String>,
}

/// All statements of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlanStatements {
    /// By table, in the plan's order.
    pub(crate) tables: Vec<TableStatements>,
    /// What comes last, since it is about more than one table: foreign keys, views, triggers.
    pub(crate) rest: Vec<String>,
}

/// Cuts the migrations of `plan`. Each statement of the second migration is there exactly once.
pub(crate) fn of_plan(plan: &Plan) -> PlanStatements {
    let mut rest = split(&render::create_constraints(plan).up);
    let tables = plan.tables.iter().map(|table| {
        let alone = alone(plan, table);
        let (mut constraints, wanted) = (Vec::new(), split(&render::create_constraints(&alone).up));
        rest.retain(|statement| {
            let is_of_table = wanted.contains(statement);
            if is_of_table {
                constraints.push(statement.clone());
            }
            !is_of_table
        });
        TableStatements { create: split(&render::create_tables(&alone).up), constraints }
    });
    PlanStatements { tables: tables.collect(), rest }
}

/// A plan of one table, without what ties it to others.
fn alone(plan: &Plan, table: &PlannedTable) -> Plan {
    let mut alone = plan.clone();
    alone.tables = vec![PlannedTable { foreign_keys: Vec::new(), ..table.clone() }];
    alone.views.clear();
    alone.triggers.clear();
    alone.left_behind.clear();
    alone
}

/// Cuts SQL at the semicolons that end a statement; comments between statements go.
pub(crate) fn split(sql: &str) -> Vec<String> {
    let (mut statements, mut rest, mut statement) = (Vec::new(), sql, String::new());
    while let Some(letter) = rest.chars().next() {
        let length = token_length(rest, statement.chars().next_back());
        let (token, after) = rest.split_at(length.clamp(letter.len_utf8(), rest.len()));
        rest = after;
        match token {
            ";" => statements.push(std::mem::take(&mut statement)),
            _ if is_comment(token) => {}
            _ if statement.is_empty() && token.trim().is_empty() => {}
            _ => statement.push_str(token),
        }
    }
    statements.push(statement);
    let trimmed = statements.iter().map(|statement| statement.trim().to_owned());
    trimmed.filter(|statement| !statement.is_empty()).collect()
}

fn is_comment(token: &str) -> bool {
    token.starts_with("--") || token.starts_with("/*")
}

/// How many bytes of `sql` belong together: a comment, something in quotes, or else one letter. `before` is the letter before.
fn token_length(sql: &str, before: Option<char>) -> usize {
    let to_end_of = |from: usize, end: &str| {
        sql.get(from..).and_then(|rest| rest.find(end)).map_or(sql.len(), |at| from + at + end.len())
    };
    match sql.as_bytes() {
        [b'-', b'-', ..] => sql.find('\n').unwrap_or(sql.len()),
        [b'/', b'*', ..] => to_end_of(2, "*/"),
        [b'"', ..] => to_end_of(1, "\""),
        [b'\'', ..] if matches!(before, Some('E' | 'e')) => escaped_length(sql),
        // A doubled quote ends one string and begins the next, with nothing between them.
        [b'\'', ..] => to_end_of(1, "'"),
        [b'$', ..] if !before.is_some_and(|before| before.is_alphanumeric() || before == '_') => {
            match dollar_tag(sql) {
                Some(tag) => to_end_of(tag.len(), tag),
                None => 1,
            }
        }
        _ => 1,
    }
}

/// The length of a string in which a backslash escapes.
fn escaped_length(sql: &str) -> usize {
    let mut is_escaped = false;
    for (at, letter) in sql.char_indices().skip(1) {
        match letter {
            '\'' if !is_escaped => return at + 1,
            _ => is_escaped = letter == '\\' && !is_escaped,
        }
    }
    sql.len()
}

/// The `$tag$` that SQL begins with, if it begins with one.
fn dollar_tag(sql: &str) -> Option<&str> {
    let end = sql.get(1..)?.find('$')? + 1;
    let name = sql.get(1..end)?;
    let is_name = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
        && !name.starts_with(|letter: char| letter.is_ascii_digit());
    is_name.then(|| sql.get(..=end)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{plan_folder, workspace};

    #[test]
    fn statements_end_where_they_end() {
        for (sql, expected) in [
            ("", &[][..]),
            ("-- only; words\n", &[]),
            ("A;\n-- b;\nC ;D", &["A", "C", "D"]),
            ("A 'x;y' ; B \"n;m\" ;", &["A 'x;y'", "B \"n;m\""]),
            ("A 'it''s; so';B", &["A 'it''s; so'", "B"]),
            (r"A E'\'; \\'; B", &[r"A E'\'; \\'", "B"]),
            ("DO $$ x; y; $$; B", &["DO $$ x; y; $$", "B"]),
            ("DO $t$ x; $$; y $t$; B $1", &["DO $t$ x; $$; y $t$", "B $1"]),
            ("A /* x; */ B; C", &["A  B", "C"]),
            ("größe 'ü;'; 日本 'x", &["größe 'ü;'", "日本 'x"]),
        ] {
            assert_eq!(split(sql), expected, "{sql}");
        }
    }

    #[test]
    fn nothing_of_a_plan_is_lost_or_done_twice() {
        let plan = plan_folder::read(&workspace::plan_dir()).unwrap();
        let found = of_plan(&plan);
        assert_eq!(found.tables.len(), plan.tables.len());
        let mut all: Vec<String> = found.tables.iter().flat_map(|table| table.constraints.clone()).collect();
        all.extend(found.rest.clone());
        let mut expected = split(&render::create_constraints(&plan).up);
        [&mut all, &mut expected].into_iter().for_each(|list| list.sort());
        assert_eq!(all, expected);
        for (table, statements) in plan.tables.iter().zip(&found.tables) {
            assert!(statements.create.iter().any(|sql| sql.contains(&table.target)), "{statements:?}");
            assert!(statements.constraints.iter().any(|sql| sql.contains("PRIMARY KEY")), "{statements:?}");
        }
        assert!(found.rest.iter().all(|sql| sql.contains("FOREIGN KEY")), "{:?}", found.rest);
    }
}
