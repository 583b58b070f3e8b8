//! Reads triggers, rules, views, and the CHECKs of domains.

use std::collections::BTreeMap;

use migrate_core::comparison::structure::{
    LiveDomainCheck, LiveRule, LiveStructure, LiveTable, LiveTrigger, LiveView,
};
use migrate_core::identifier::quote_pg;
use postgres_client::connection::Row;

use crate::error::Result;

/// The triggers of tables and views. The bits of `tgtype` are those of PostgreSQL's `trigger.h`.
const TRIGGERS_SQL: &str = "SELECT c.oid::text, g.tgname::text, g.tgenabled IN ('O', 'A') AS is_enabled, g.tgtype & 3 = 3 AS is_before_row, \
    to_json(array_remove(ARRAY[CASE WHEN g.tgtype & 4 <> 0 THEN 'INSERT' END, CASE WHEN g.tgtype & 16 <> 0 THEN 'UPDATE' END, \
          CASE WHEN g.tgtype & 8 <> 0 THEN 'DELETE' END, CASE WHEN g.tgtype & 32 <> 0 THEN 'TRUNCATE' END], NULL)), \
    to_json(ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (g.tgattr::int2[]) ORDER BY a.attnum)), \
    CASE WHEN m.nspname <> 'pg_catalog' THEN CASE l.lanname WHEN 'plpgsql' THEN f.prosrc ELSE '' END END AS function \
    FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_proc f ON f.oid = g.tgfoid JOIN pg_namespace m ON m.oid = f.pronamespace JOIN pg_language l ON l.oid = f.prolang \
    WHERE n.nspname = ANY ($1::text[]) AND NOT g.tgisinternal ORDER BY 1, 2";

/// The rules of tables that an ordinary session applies.
const RULES_SQL: &str = "SELECT c.oid::text, r.rulename::text, \
    CASE r.ev_type WHEN '2' THEN 'UPDATE' WHEN '3' THEN 'INSERT' WHEN '4' THEN 'DELETE' ELSE 'SELECT' END, r.is_instead \
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p') AND r.ev_enabled IN ('O', 'A') ORDER BY 1, 2";

/// The CHECKs of the domains of columns, and of the domains beneath these.
const DOMAINS_SQL: &str = "WITH RECURSIVE types AS (SELECT a.attrelid, a.attname, a.attnum, a.atttypid AS type FROM pg_attribute a \
        JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped \
        UNION ALL SELECT t.attrelid, t.attname, t.attnum, y.typbasetype FROM types t JOIN pg_type y ON y.oid = t.type WHERE y.typtype = 'd') \
    SELECT t.attrelid::text, t.attname::text, y.typname::text, pg_get_expr(k.conbin, 0, true) FROM types t \
    JOIN pg_type y ON y.oid = t.type JOIN pg_constraint k ON k.contypid = t.type AND k.contype = 'c' ORDER BY 1, t.attnum, k.conname";

/// Views, whether other relations read them, and whether they and the views beneath them run only what is PostgreSQL's own: the
/// dependency catalog does not list PostgreSQL's own objects.
const VIEWS_SQL: &str = "WITH RECURSIVE beneath AS (SELECT c.oid AS view, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('v', 'm') \
        UNION SELECT b.view, d.refobjid FROM beneath b JOIN pg_rewrite r ON r.ev_class = b.oid \
        JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass \
        JOIN pg_class o ON o.oid = d.refobjid WHERE o.relkind IN ('v', 'm', 'f')) \
    SELECT c.oid::text, n.nspname::text, c.relname::text, c.relkind = 'm' AS is_materialized, \
    EXISTS (SELECT FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid WHERE d.classid = 'pg_rewrite'::regclass \
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND r.ev_class <> c.oid) AS is_read_by_others, \
    NOT EXISTS (SELECT FROM beneath b JOIN pg_class o ON o.oid = b.oid LEFT JOIN pg_rewrite r ON r.ev_class = b.oid \
        LEFT JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid \
        AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass) \
        WHERE b.view = c.oid AND (o.relkind = 'f' OR d.objid IS NOT NULL)) AS is_own, \
    has_table_privilege(c.oid, 'SELECT') AS is_readable, \
    to_json(ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 ORDER BY a.attnum)), \
    to_json(ARRAY(SELECT format_type(a.atttypid, NULL) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 ORDER BY a.attnum)) \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('v', 'm') ORDER BY array_position($1::text[], n.nspname::text), 3";

/// Adds these to the tables and to `live`; `rows` reads what a query returns for the schemas.
pub(super) fn read(
    rows: &mut dyn FnMut(&str) -> Result<Vec<Row>>,
    tables: &mut BTreeMap<String, LiveTable>,
    live: &mut LiveStructure,
) -> Result<()> {
    for row in rows(RULES_SQL)? {
        let rule = LiveRule { name: row.get(1)?, event: row.get(2)?, is_instead: row.get(3)? };
        add(tables, &row, |table| table.rules.push(rule))?;
    }
    for row in rows(DOMAINS_SQL)? {
        let (column, domain, condition): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let expression = of_column(&condition, &column);
        add(tables, &row, |table| table.domain_checks.push(LiveDomainCheck { column, domain, expression }))?;
    }
    let mut views: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows(VIEWS_SQL)? {
        let (names, types): (Vec<String>, Vec<String>) = (row.get(7)?, row.get(8)?);
        views.insert(row.get(0)?, live.views.len());
        live.views.push(LiveView {
            schema: row.get(1)?,
            name: row.get(2)?,
            is_materialized: row.get(3)?,
            is_read_by_others: row.get(4)?,
            is_postgresqls_own: row.get(5)?,
            is_readable: row.get(6)?,
            columns: names.into_iter().zip(types).collect(),
            triggers: Vec::new(),
        });
    }
    for row in rows(TRIGGERS_SQL)? {
        let trigger = LiveTrigger {
            name: row.get(1)?,
            is_enabled: row.get(2)?,
            is_before_row: row.get(3)?,
            events: row.get(4)?,
            columns: row.get(5)?,
            function: row.get(6)?,
        };
        let owner: String = row.get(0)?;
        match views.get(&owner).and_then(|place| live.views.get_mut(*place)) {
            Some(view) => view.triggers.push(trigger),
            None => add(tables, &row, |table| table.triggers.push(trigger))?,
        }
    }
    Ok(())
}

/// Calls `add` for the table whose OID is the first field of a row.
pub(super) fn add(
    tables: &mut BTreeMap<String, LiveTable>,
    row: &Row,
    add: impl FnOnce(&mut LiveTable),
) -> Result<()> {
    let oid: String = row.get(0)?;
    tables.get_mut(&oid).map(add);
    Ok(())
}

/// The condition of a domain on one of its columns: there the value is called VALUE.
fn of_column(condition: &str, column: &str) -> String {
    let mut text = String::new();
    for (place, part) in condition.split('\'').enumerate() {
        if place > 0 {
            text.push('\'');
        }
        if place % 2 == 1 {
            text.push_str(part);
            continue;
        }
        let mut word = String::new();
        for letter in part.chars().chain([' ']) {
            if letter.is_alphanumeric() || matches!(letter, '_' | '"' | '.') {
                word.push(letter);
                continue;
            }
            text.push_str(if word == "VALUE" { "\u{0}" } else { &word });
            word.clear();
            text.push(letter);
        }
        text.pop();
    }
    text.replace('\u{0}', &quote_pg(column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_a_domain_is_that_of_its_column() {
        let of = |condition: &str| of_column(condition, "a b");
        assert_eq!(of("VALUE > 0 AND f(VALUE)"), "\"a b\" > 0 AND f(\"a b\")");
        assert_eq!(of("VALUE <> 'VALUE'::text"), "\"a b\" <> 'VALUE'::text");
    }
}
