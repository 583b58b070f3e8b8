//! Damage to objects that influence statements: triggers, functions, views, rules, policies, inheritance.

use migrate_core::identifier::{quote_pg, quote_pg_literal};
use migrate_core::plan::PlannedTable;

use crate::demand::Demand;
use crate::draw::{Damage, Draw};
use crate::kinds::Kind;

/// The kinds of damage in this file.
pub const KINDS: &[Kind] = &[
    Kind::drawn("trigger gone", |draw| {
        trigger(draw, |table, name, _| vec![format!("DROP TRIGGER {name} ON {table}")])
    }),
    Kind::drawn("trigger disabled", |draw| {
        trigger(draw, |table, name, _| vec![format!("ALTER TABLE {table} DISABLE TRIGGER {name}")])
    }),
    Kind::drawn("trigger that fires for replicas alone", |draw| {
        trigger(draw, |table, name, _| vec![format!("ALTER TABLE {table} ENABLE REPLICA TRIGGER {name}")])
    }),
    Kind::drawn("trigger with a condition", |draw| {
        trigger(draw, |table, name, definition| {
            let (before, execute) = definition.split_once(" EXECUTE ").unwrap();
            let before = before.split_once(" WHEN (").map_or(before, |(before, _)| before);
            vec![
                format!("DROP TRIGGER {name} ON {table}"),
                format!("{before} WHEN (1 > 2) EXECUTE {execute}"),
            ]
        })
    }),
    Kind::drawn("trigger where there was none", |draw| {
        let table = table(draw)?;
        let name = table.qualified(&table.target);
        let sql = vec![
            "CREATE SCHEMA elsewhere".to_owned(),
            "CREATE FUNCTION elsewhere.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
                .to_owned(),
            format!(
                "CREATE TRIGGER one_more BEFORE INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION elsewhere.f()"
            ),
        ];
        Some(damage(sql, &table.target, "trigger one_more"))
    }),
    Kind::drawn("function with another body", |draw| {
        function(draw, |name, arguments, _| {
            vec![format!(
                "CREATE OR REPLACE FUNCTION {name}{arguments} RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
            )]
        })
    }),
    Kind::drawn("function that runs as its owner", |draw| {
        function(draw, |name, arguments, _| {
            vec![format!("ALTER FUNCTION {name}{arguments} SECURITY DEFINER")]
        })
    }),
    Kind::drawn("function with a setting", |draw| {
        function(draw, |name, arguments, _| {
            vec![format!("ALTER FUNCTION {name}{arguments} SET search_path = pg_temp")]
        })
    }),
    Kind::drawn("view gone", |draw| {
        let (name, schema) = view(draw)?;
        let sql = format!("DROP VIEW {schema}.{} CASCADE", quote_pg(&name));
        Some(damage(vec![sql], &name, "query"))
    }),
    Kind::drawn("view with fewer rows", |draw| {
        let (name, schema) = view(draw)?;
        let qualified = format!("{schema}.{}", quote_pg(&name));
        let literal = quote_pg_literal(&qualified);
        let query = draw.one_of(&format!("SELECT pg_get_viewdef({literal}::regclass)"))?;
        let query = query[0].trim_end_matches(';').to_owned();
        let sql = format!("CREATE OR REPLACE VIEW {qualified} AS SELECT * FROM ({query}) AS before LIMIT 1");
        Some(damage(vec![sql], &name, "query"))
    }),
    Kind::drawn("view that is a table", |draw| {
        let (name, schema) = view(draw)?;
        let qualified = format!("{schema}.{}", quote_pg(&name));
        let sql = vec![
            format!("CREATE TABLE {schema}.kept AS SELECT * FROM {qualified}"),
            format!("DROP VIEW {qualified} CASCADE"),
            format!("ALTER TABLE {schema}.kept RENAME TO {}", quote_pg(&name)),
        ];
        Some(damage(sql, &name, "kind"))
    }),
    Kind::drawn("row level security on", |draw| {
        altered(draw, "ENABLE ROW LEVEL SECURITY", "row level security")
    }),
    Kind::drawn("row level security forced", |draw| {
        altered(draw, "FORCE ROW LEVEL SECURITY", "row level security")
    }),
    Kind::drawn("table unlogged", |draw| altered(draw, "SET UNLOGGED", "persistence")),
    Kind::drawn("rule that swallows rows", |draw| {
        let table = table(draw)?;
        let sql = format!(
            "CREATE RULE one_more AS ON INSERT TO {} DO INSTEAD NOTHING",
            table.qualified(&table.target)
        );
        Some(damage(vec![sql], &table.target, "rule one_more"))
    }),
    Kind::drawn("table with an heir and its rows", |draw| {
        let table = draw.table(|table| {
            table.existing.is_none() && table.columns.iter().all(|column| column.generated.is_none())
        })?;
        let name = table.qualified(&table.target);
        let sql = vec![
            "CREATE SCHEMA elsewhere".to_owned(),
            format!("CREATE TABLE elsewhere.heir () INHERITS ({name})"),
            format!("INSERT INTO elsewhere.heir SELECT * FROM ONLY {name} LIMIT 1"),
        ];
        let mut damage = damage(sql, &table.target, "inheriting table elsewhere.heir");
        damage.demand.is_free_in_rows = true;
        Some(damage)
    }),
    Kind::drawn("table with a parent", |draw| {
        let table = table(draw)?;
        let sql = vec![
            "CREATE SCHEMA elsewhere".to_owned(),
            "CREATE TABLE elsewhere.above ()".to_owned(),
            format!("ALTER TABLE {} INHERIT elsewhere.above", table.qualified(&table.target)),
        ];
        Some(damage(sql, &table.target, "parent table elsewhere.above"))
    }),
];

fn damage(sql: Vec<String>, table: &str, item: &str) -> Damage {
    Damage::new(sql, format!("{table}: {item}"), Demand::schema(table, item)).of_schema()
}

fn table(draw: &mut Draw<'_>) -> Option<PlannedTable> {
    draw.table(|_| true)
}

fn altered(draw: &mut Draw<'_>, how: &str, item: &str) -> Option<Damage> {
    let table = table(draw)?;
    Some(damage(vec![format!("ALTER TABLE {} {how}", table.qualified(&table.target))], &table.target, item))
}

/// Damages a trigger of the plan or of the app, by statements made from its table, name and definition.
fn trigger(draw: &mut Draw<'_>, sql: impl Fn(&str, &str, &str) -> Vec<String>) -> Option<Damage> {
    let planned = draw.planned();
    let row = draw.one_of(&format!(
        "SELECT c.relname, c.oid::regclass, g.tgname, pg_get_triggerdef(g.oid) FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid \
         WHERE NOT g.tgisinternal AND c.oid = ANY ({planned}) ORDER BY 1, 3"
    ))?;
    let statements = sql(&row[1], &quote_pg(&row[2]), &row[3]);
    Some(damage(statements, &row[0], &format!("trigger {}", row[2])))
}

/// Damages a function of the plan, by statements made from its name and arguments.
fn function(draw: &mut Draw<'_>, sql: impl Fn(&str, &str, &str) -> Vec<String>) -> Option<Damage> {
    let triggers = draw.subject.case.plan.triggers.clone();
    let trigger = draw.chance.pick(&triggers)?;
    let row = draw.one_of(&format!(
        "SELECT p.oid::regproc, pg_get_function_identity_arguments(p.oid) FROM pg_proc p WHERE p.proname = {}",
        quote_pg_literal(&trigger.function)
    ))?;
    let statements = sql(&row[0], &format!("({})", row[1]), "");
    Some(damage(statements, &trigger.function, &format!("function ({})", row[1])))
}

fn view(draw: &mut Draw<'_>) -> Option<(String, String)> {
    let views = draw.subject.case.plan.views.clone();
    let view = draw.chance.pick(&views)?;
    Some((view.target.clone(), quote_pg(&draw.subject.case.plan.target_schema)))
}
