//! What to do about a problem: the SQL that mends it where the plan has it, else what shows it.
//!
//! Problems are words by the time they come here; a name of the plan is looked for in them.

use std::collections::BTreeMap;

use migrate_core::identifier::{quote_pg, quote_pg_literal};
use migrate_core::plan::{Plan, PlannedTable};
use migrate_core::render;

/// What is said behind each statement.
const AGAIN: &str = "then cargo xtask validate";

/// For a difference of the schema, in the words of the comparison: `TABLE: ITEM is …`.
pub(super) fn schema(words: &str, plan: &Plan) -> String {
    for table in &plan.tables {
        if words == format!("table {} is gone", table.target) {
            return "the table was dropped: cargo xtask migrate --restart moves everything again".to_owned();
        }
        let Some(item) = words.strip_prefix(&format!("{}: ", table.target)) else { continue };
        return match built(item, table, plan).or_else(|| column(item, table)).or_else(|| foreign(item, table))
        {
            Some(sql) => format!("in psql: {sql} {AGAIN}"),
            None => format!(
                "in psql: \\d+ {} shows the table; make it what the plan's migrations say, {AGAIN}",
                table.qualified(&table.target)
            ),
        };
    }
    if words.ends_with(" is not in the plan") {
        return format!(
            "what the plan has not is to come after the proof: drop it in psql, or move it to another schema, {AGAIN}"
        );
    }
    format!("compare \\d in psql with the plan's migrations, and make it what they say; {AGAIN}")
}

/// The statements that make an index or a constraint that the plan has.
fn built(item: &str, table: &PlannedTable, plan: &Plan) -> Option<String> {
    let indexes = table.indexes.iter().map(|index| ("index", index.name.as_str()));
    let constraints = (table.foreign_keys.iter().map(|key| key.name.as_str()))
        .chain(table.checks.iter().map(|check| check.name.as_str()))
        .chain(table.unique.iter().map(|key| key.name.as_str()))
        .chain(table.primary_key.iter().map(|key| key.name.as_str()))
        .map(|name| ("constraint", name));
    let (kind, name) =
        indexes.chain(constraints).find(|(kind, name)| item.starts_with(&format!("{kind} {name} ")))?;
    let build = render::builds(plan).into_iter().find(|build| {
        build.table == table.target && build.what.split_once(name).is_some_and(|(_, rest)| rest.is_empty())
    });
    let quoted = quote_pg(name);
    let build = build.or_else(|| {
        let is_it = |sql: &String| sql.contains(&format!(" {quoted} ")) || sql.contains(&format!(" {name} "));
        render::builds(plan)
            .into_iter()
            .find(|build| build.table == table.target && build.statements.iter().any(is_it))
    })?;
    let ended = |sql: &String| format!("{};", sql.trim_end().trim_end_matches(';'));
    let made = build.statements.iter().map(ended).collect::<Vec<_>>().join(" ");
    let is_gone = item.contains(" is gone: ");
    let drop = match kind {
        _ if is_gone => String::new(),
        "index" => format!("DROP INDEX {}; ", table.qualified(name)),
        _ => format!("ALTER TABLE {} DROP CONSTRAINT {quoted}; ", table.qualified(&table.target)),
    };
    Some(format!("{drop}{made}"))
}

/// What gives a column its NOT NULL and its default again. A type is not altered unseen.
fn column(item: &str, table: &PlannedTable) -> Option<String> {
    let rest = item.strip_prefix("column ")?;
    let column = table
        .columns
        .iter()
        .filter(|column| rest.starts_with(&format!("{} is ", column.target)))
        .max_by_key(|column| column.target.len())?;
    let (is, has) = rest.split_once(", the plan has ")?;
    let base = |text: &str| {
        let end = [" NOT NULL", " DEFAULT "].iter().filter_map(|part| text.find(part)).min();
        text.get(..end.unwrap_or(text.len())).unwrap_or_default().to_owned()
    };
    let is = is.strip_prefix(&format!("{} is ", column.target))?;
    if base(is) != base(has) {
        return None;
    }
    let name = quote_pg(&column.target);
    let mut actions = Vec::new();
    match (is.contains(" NOT NULL"), has.contains(" NOT NULL")) {
        (false, true) => actions.push(format!("ALTER COLUMN {name} SET NOT NULL")),
        (true, false) => actions.push(format!("ALTER COLUMN {name} DROP NOT NULL")),
        _ => {}
    }
    let default = |text: &str| text.split_once(" DEFAULT ").map(|(_, default)| default.to_owned());
    match (default(is), default(has)) {
        (is, has) if is == has => {}
        (_, Some(has)) => actions.push(format!("ALTER COLUMN {name} SET DEFAULT {has}")),
        (_, None) => actions.push(format!("ALTER COLUMN {name} DROP DEFAULT")),
    }
    (!actions.is_empty())
        .then(|| format!("ALTER TABLE {} {};", table.qualified(&table.target), actions.join(", ")))
}

/// What takes away something that the plan has not.
fn foreign(item: &str, table: &PlannedTable) -> Option<String> {
    let (what, _) = item.split_once(" is not in the plan: ")?;
    let owner = table.qualified(&table.target);
    let (sql, keep) = match what.split_once(' ')? {
        ("index", name) => {
            (format!("DROP INDEX {};", table.qualified(name)), "mapping.toml can have the index")
        }
        ("constraint", name) => (
            format!("ALTER TABLE {owner} DROP CONSTRAINT {};", quote_pg(name)),
            "let the constraint wait until the migration is validated",
        ),
        ("column", name) => (
            format!("ALTER TABLE {owner} DROP COLUMN {};", quote_pg(name)),
            "let the column wait until the migration is validated",
        ),
        _ => return None,
    };
    Some(format!("{sql} -- or keep it: {keep};"))
}

/// For a sequence that is behind; `given` is the highest number that SQLite gave, by table.
pub(super) fn sequence(words: &str, plan: &Plan, given: &BTreeMap<String, i64>) -> String {
    let found = plan.tables.iter().find_map(|table| {
        let (column, sequence) = table.sequence_column()?;
        words.starts_with(&format!("sequence {sequence}:")).then_some((table, column, sequence))
    });
    let Some((table, column, sequence)) = found else {
        return format!("set the sequence past the highest number of its column by setval; {AGAIN}");
    };
    let given = given.get(&table.source).copied().unwrap_or(1);
    format!(
        "in psql: SELECT pg_catalog.setval({}, greatest({given}, (SELECT pg_catalog.max({}) FROM {}))); {AGAIN}",
        quote_pg_literal(&table.qualified(sequence)),
        quote_pg(&column.target),
        table.qualified(&table.target)
    )
}

/// For a migration that is not listed: its version is its name up to the first underscore, without dashes.
pub(super) fn migration(name: &str, plan: &Plan) -> String {
    let version: String =
        name.split('_').next().unwrap_or(name).chars().filter(|letter| *letter != '-').collect();
    format!(
        "in psql: INSERT INTO {}.__diesel_schema_migrations (version) VALUES ({}); {AGAIN}",
        quote_pg(&plan.target_schema),
        quote_pg_literal(&version)
    )
}

/// For a view that does not answer the same.
pub(super) fn view(_: &str) -> String {
    format!(
        "ask it in both (sqlite3 with the sealed copy, psql with the target) and compare; leave it behind in mapping.toml where its \
         meaning is another one, {AGAIN}"
    )
}

/// For a default that gives another value: the plan's own, named as the comparison names it, `default of TABLE.COLUMN: …`.
pub(super) fn default(words: &str, plan: &Plan) -> String {
    for table in &plan.tables {
        for column in &table.columns {
            if !words.starts_with(&format!("default of {}.{}: ", table.source, column.source)) {
                continue;
            }
            let (owner, name) = (table.qualified(&table.target), quote_pg(&column.target));
            let action = match &column.default {
                Some(default) => format!("SET DEFAULT {default}"),
                None => "DROP DEFAULT".to_owned(),
            };
            return format!("in psql: ALTER TABLE {owner} ALTER COLUMN {name} {action}; {AGAIN}");
        }
    }
    constraint(words)
}

/// For a constraint that does not do the same.
pub(super) fn constraint(_: &str) -> String {
    format!(
        "mend what the check of the schema says of the table; where that says nothing, \\d+ in psql shows triggers and constraints that \
         are switched off; {AGAIN}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan::from_json(include_str!("../../../schema-pg/plan.json")).unwrap()
    }

    #[test]
    fn what_the_plan_has_is_made_again_by_its_own_statement() {
        let plan = plan();
        for (words, expected) in [
            (
                "table app_state is gone",
                "the table was dropped: cargo xtask migrate --restart moves everything again",
            ),
            (
                "jobs: index idx_jobs_status is gone: CREATE INDEX idx_jobs_status ON jobs USING btree (status)",
                "in psql: CREATE INDEX idx_jobs_status ON public.jobs USING btree (status); then cargo xtask validate",
            ),
            (
                "job_history: constraint job_history_job_id_fkey is gone: FOREIGN KEY (job_id) REFERENCES jobs(id)",
                "in psql: ALTER TABLE",
            ),
            (
                "users: column provider is text COLLATE C, the plan has text COLLATE C NOT NULL",
                "in psql: ALTER TABLE public.users ALTER COLUMN provider SET NOT NULL; then cargo xtask validate",
            ),
            (
                "jobs: column retry_count is integer NOT NULL DEFAULT 1, the plan has integer NOT NULL DEFAULT 0",
                "in psql: ALTER TABLE public.jobs ALTER COLUMN retry_count SET DEFAULT 0; then cargo xtask validate",
            ),
            (
                "jobs: column priority is bigint NOT NULL, the plan has integer NOT NULL",
                "in psql: \\d+ public.jobs",
            ),
            (
                "jobs: index extra is not in the plan: CREATE INDEX extra ON jobs USING btree (name)",
                "in psql: DROP INDEX public.extra; -- or keep it",
            ),
            ("something else", "compare \\d in psql"),
        ] {
            let said = schema(words, &plan);
            let plain = said.replace('"', "");
            assert!(plain.starts_with(&expected.replace('"', "")), "{words}: {said}");
        }
    }

    #[test]
    fn sequences_and_migrations_are_mended_by_one_statement() {
        let plan = plan();
        let words = "sequence oauth_tokens_id_seq: its next number is 2, which x has passed";
        let given = BTreeMap::from([("oauth_tokens".to_owned(), 99)]);
        let said = sequence(words, &plan, &given);
        assert!(said.contains("greatest(99, (SELECT pg_catalog.max("), "{said}");
        let said = sequence(words, &plan, &BTreeMap::new());
        assert!(said.contains("greatest(1, (SELECT pg_catalog.max("), "{said}");
        let said = migration("2026-11-01-000001_create_tables", &plan);
        assert!(said.contains("VALUES ('20261101000001')"), "{said}");
    }
}
