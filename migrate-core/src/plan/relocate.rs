//! A plan with other schemas in place of its own, so that its objects can be created a second time.

use std::collections::BTreeMap;

use super::Plan;
use crate::identifier::qualified_pg;

impl Plan {
    /// The same plan in other schemas: `moved` names the replacement of each. Existing tables keep their schemas.
    pub fn relocated(&self, moved: &dyn Fn(&str) -> String) -> Plan {
        let mut plan = self.clone();
        let mut names = BTreeMap::new();
        plan.target_schema = moved(&self.target_schema);
        for table in plan.tables.iter_mut().filter(|table| table.existing.is_none()) {
            let before = table.name_in_sql();
            table.schema = Some(moved(table.schema_name()));
            names.insert(before, table.name_in_sql());
        }
        for view in &self.views {
            let name = |schema: &str| qualified_pg(schema, &view.target);
            names.insert(name(&self.target_schema), name(&plan.target_schema));
        }
        for view in &mut plan.views {
            view.query = renamed(&view.query, &names);
        }
        for trigger in &mut plan.triggers {
            trigger.body = renamed(&trigger.body, &names);
            trigger.condition = trigger.condition.as_deref().map(|condition| renamed(condition, &names));
        }
        plan
    }
}

/// SQL of ours with other names in place of some that are qualified by their schema. No alias has the name of a schema, so that
/// such a pair of names is never a column.
fn renamed(sql: &str, names: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' => quoted_length(rest, '\''),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            _ => match name_length(rest) {
                0 => first.len_utf8(),
                length => pair_length(rest, length),
            },
        };
        let (token, behind) = rest.split_at(length);
        out.push_str(names.get(token).map_or(token, String::as_str));
        rest = behind;
    }
    out
}

/// The length of the name that `sql` begins with, 0 where it begins with none.
fn name_length(sql: &str) -> usize {
    let is_part =
        |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$' || !letter.is_ascii();
    match sql.chars().next() {
        Some('"') => quoted_length(sql, '"'),
        Some(first) if is_part(first) => sql.find(|letter| !is_part(letter)).unwrap_or(sql.len()),
        _ => 0,
    }
}

/// The length of a name of `first` bytes, including a dot and a second name if they follow it.
fn pair_length(sql: &str, first: usize) -> usize {
    let behind = sql.get(first..).and_then(|behind| behind.strip_prefix('.'));
    match behind.map_or(0, name_length) {
        0 => first,
        second => first + 1 + second,
    }
}

/// The length of the quoted part; a doubled quote within it is a part of it. In our strings, backslashes escape no quote.
fn quoted_length(sql: &str, quote: char) -> usize {
    let mut is_open = false;
    for (place, letter) in sql.char_indices() {
        if letter == quote {
            is_open = !is_open;
        } else if !is_open {
            return place;
        }
    }
    sql.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_renamed_and_columns_and_text_are_not() {
        let names = [("public.jobs", "scratch.jobs"), ("\"my app\".\"a\"\"b\"", "s2.\"a\"\"b\"")];
        let names = names.map(|(from, to)| (from.to_owned(), to.to_owned())).into();
        for (sql, expected) in [
            ("SELECT jobs.id FROM public.jobs", "SELECT jobs.id FROM scratch.jobs"),
            ("public.jobs_old, public.jobs AS j", "public.jobs_old, scratch.jobs AS j"),
            ("'public.jobs' || ' it''s public.jobs'", "'public.jobs' || ' it''s public.jobs'"),
            ("E'\\\\''public.jobs' = public.jobs", "E'\\\\''public.jobs' = scratch.jobs"),
            ("-- public.jobs\npublic.jobs", "-- public.jobs\nscratch.jobs"),
            ("x.\"public.jobs\", \"my app\".\"a\"\"b\";", "x.\"public.jobs\", s2.\"a\"\"b\";"),
            ("xpublic.jobs(public.jobs)", "xpublic.jobs(scratch.jobs)"),
            ("é.public.jobs", "é.public.jobs"),
        ] {
            assert_eq!(renamed(sql, &names), expected);
        }
    }
}
