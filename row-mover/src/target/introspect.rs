//! Reads what the target's schema holds: the tables that an app made there, as facts for a plan.
//!
//! What a table is like is described by the statement that validation compares with; here is what a plan needs to know beyond that.

use std::collections::BTreeMap;

use migrate_core::identifier::quote_pg;
use migrate_core::plan::Plan;
use migrate_core::target_schema::{
    TargetColumn, TargetFact, TargetForeignKey, TargetKey, TargetSchema, TargetTable, TargetTrigger,
};

use super::describe::describe_existing;
use crate::error::{Context, Result};
use postgres_client::connection::{Connection, FromRow, Row};

/// The tables, but for those of extensions and the parts of partitioned ones.
const TABLES_SQL: &str = "SELECT c.relname::text AS name, pg_has_role(c.relowner, 'USAGE') AS is_ours, \
    to_json(ARRAY(SELECT DISTINCT CASE WHEN o.relnamespace = c.relnamespace THEN o.relname::text ELSE k.conrelid::regclass::text END \
          FROM pg_constraint k JOIN pg_class o ON o.oid = k.conrelid \
          WHERE k.contype = 'f' AND k.confrelid = c.oid AND k.conrelid <> c.oid AND k.conparentid = 0 ORDER BY 1)) AS referenced_by \
    FROM pg_class c WHERE c.relnamespace = to_regnamespace('public')::oid AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e') \
    ORDER BY c.relname::text COLLATE \"C\"";

/// The columns, each with the type beneath its domains.
const COLUMNS_SQL: &str = "WITH RECURSIVE beneath AS ( \
        SELECT a.attrelid, a.attnum, a.atttypid AS type, a.atttypmod AS modifier, a.attnotnull AS not_null \
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
        WHERE c.relnamespace = to_regnamespace('public')::oid AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped \
        UNION ALL SELECT b.attrelid, b.attnum, t.typbasetype, \
        CASE WHEN t.typtypmod <> -1 THEN t.typtypmod ELSE b.modifier END, b.not_null OR t.typnotnull \
        FROM beneath b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd') \
    SELECT c.relname::text AS table_name, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type_name, \
    CASE WHEN t.typtype = 'e' THEN 'enum' WHEN t.typnamespace = 'pg_catalog'::regnamespace OR t.typname = 'citext' \
         THEN t.typname::text ELSE '' END AS base, \
    b.modifier, to_json(ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)) AS labels, \
    b.not_null, pg_get_expr(d.adbin, d.adrelid) AS default_sql, a.attidentity <> '' AS is_identity, \
    a.attgenerated <> '' AS is_generated, \
    (SELECT format('%I.%I', n.nspname, s.relname) FROM pg_depend p JOIN pg_class s ON s.relkind = 'S' \
     JOIN pg_namespace n ON n.oid = s.relnamespace \
     WHERE p.classid = 'pg_class'::regclass AND p.objid = s.oid AND p.refclassid = 'pg_class'::regclass \
       AND p.refobjid = c.oid AND p.refobjsubid = a.attnum AND p.deptype = 'i' \
       OR p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass AND p.refobjid = s.oid \
     ORDER BY 1 LIMIT 1) AS sequence \
    FROM beneath b JOIN pg_type t ON t.oid = b.type AND t.typtype <> 'd' \
    JOIN pg_attribute a ON a.attrelid = b.attrelid AND a.attnum = b.attnum JOIN pg_class c ON c.oid = a.attrelid \
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum ORDER BY c.relname, a.attnum";

/// What keeps rows unique: keys and unique indexes on plain columns, without a condition.
const KEYS_SQL: &str = "SELECT c.relname::text AS table_name, i.relname::text AS name, x.indisprimary AS is_primary, \
    to_json(ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k (number, place) \
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number WHERE k.place <= x.indnkeyatts ORDER BY k.place)) AS columns \
    FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
    WHERE c.relnamespace = to_regnamespace('public')::oid AND x.indisunique AND x.indisvalid AND x.indpred IS NULL \
    AND x.indexprs IS NULL ORDER BY 1, 2";

/// The foreign keys, but for those that partitions have of their table.
const FOREIGN_KEYS_SQL: &str = "SELECT c.relname::text AS table_name, k.conname::text AS name, \
    CASE WHEN p.relnamespace = c.relnamespace THEN p.relname::text ELSE k.confrelid::regclass::text END AS parent, \
    to_json(ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place) \
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place)) AS columns, \
    to_json(ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u (number, place) \
          JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place)) AS parent_columns, \
    pg_get_constraintdef(k.oid) AS definition \
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid \
    WHERE c.relnamespace = to_regnamespace('public')::oid AND k.contype = 'f' AND k.conparentid = 0 ORDER BY 1, 2";

/// The app's triggers that fire for an ordinary session.
const TRIGGERS_SQL: &str = "SELECT c.relname::text AS table_name, g.tgname::text AS name, g.tgenabled = 'A' AS is_always \
    FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid \
    WHERE c.relnamespace = to_regnamespace('public')::oid AND NOT g.tgisinternal AND g.tgparentid = 0 \
    AND g.tgenabled IN ('O', 'A') ORDER BY 1, 2";

/// Reads the schema `public`, and counts the rows of each table.
///
/// # Errors
/// When the catalog or a table cannot be read.
pub fn introspect(target: &mut Connection) -> Result<TargetSchema> {
    let mut tables: BTreeMap<String, TargetTable> = BTreeMap::new();
    for row in load(target, TABLES_SQL)? {
        let (name, is_ours, referenced_by): (String, bool, Vec<String>) = FromRow::from_row(&row)?;
        let rows = count_rows(target, &name)?;
        let table = TargetTable {
            name: name.clone(),
            rows,
            is_ours,
            columns: Vec::new(),
            primary_key: None,
            unique: Vec::new(),
            foreign_keys: Vec::new(),
            referenced_by,
            triggers: Vec::new(),
            facts: Vec::new(),
        };
        tables.insert(name, table);
    }
    add_columns(target, &mut tables)?;
    add_keys(target, &mut tables)?;
    for row in load(target, TRIGGERS_SQL)? {
        if let Some(table) = table_of(&mut tables, &row) {
            table.triggers.push(TargetTrigger { name: row.get(1)?, is_always: row.get(2)? });
        }
    }
    let names: Vec<String> = tables.keys().cloned().collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for line in describe_existing(target, &names)? {
        if let Some(table) = tables.get_mut(&line.table_name) {
            table.facts.push(TargetFact { item: line.item, definition: line.definition });
        }
    }
    Ok(TargetSchema { tables: tables.into_values().collect(), relations: relations(target)? })
}

/// Reads the schema as it would be without what an earlier run of `plan` created; `is_constrained` once its second migration is done: its rows, and what it has set aside for them.
///
/// # Errors
/// When the catalog or a table cannot be read.
pub fn introspect_before(target: &mut Connection, plan: &Plan, is_constrained: bool) -> Result<TargetSchema> {
    let mut schema = introspect(target)?;
    schema.tables.retain(|table| {
        !plan.tables.iter().any(|planned| planned.target == table.name && planned.existing.is_none())
    });
    if plan.is_into_existing() {
        schema.relations.clone_from(&plan.target_relations);
    }
    for (planned, existing) in plan.existing_tables() {
        let Some(table) = schema.tables.iter_mut().find(|table| table.name == existing.table.name) else {
            continue;
        };
        // Between the two migrations the catalog lacks foreign keys that come back.
        if !is_constrained {
            *table = existing.table.clone();
        }
        // A key that rows of ours break came back NOT VALID. Without these rows it is what it was before.
        for key in planned.foreign_keys.iter().filter(|key| key.not_valid) {
            put_back(&key.name, table, &existing.table);
        }
        table.rows = existing.table.rows;
    }
    Ok(schema)
}

/// Describes a foreign key of a table as it was before.
fn put_back(name: &str, table: &mut TargetTable, before: &TargetTable) {
    let keys = before.foreign_keys.iter().filter(|key| key.name == name);
    for key in keys {
        table.foreign_keys.iter_mut().filter(|now| now.name == name).for_each(|now| now.clone_from(key));
    }
    let item = format!("constraint {name}");
    for fact in before.facts.iter().filter(|fact| fact.item == item) {
        table.facts.iter_mut().filter(|now| now.item == item).for_each(|now| now.clone_from(fact));
    }
}

fn add_columns(target: &mut Connection, tables: &mut BTreeMap<String, TargetTable>) -> Result<()> {
    for row in load(target, COLUMNS_SQL)? {
        let Some(table) = table_of(tables, &row) else { continue };
        table.columns.push(TargetColumn {
            name: row.get(1)?,
            type_name: row.get(2)?,
            base: row.get(3)?,
            modifier: row.get(4)?,
            labels: row.get(5)?,
            not_null: row.get(6)?,
            default: row.get(7)?,
            is_identity: row.get(8)?,
            is_generated: row.get(9)?,
            sequence: row.get(10)?,
        });
    }
    Ok(())
}

fn add_keys(target: &mut Connection, tables: &mut BTreeMap<String, TargetTable>) -> Result<()> {
    for row in load(target, KEYS_SQL)? {
        let Some(table) = table_of(tables, &row) else { continue };
        let key = TargetKey { name: row.get(1)?, columns: row.get(3)? };
        if row.get(2)? {
            table.primary_key = Some(key);
        } else {
            table.unique.push(key);
        }
    }
    for row in load(target, FOREIGN_KEYS_SQL)? {
        let Some(table) = table_of(tables, &row) else { continue };
        table.foreign_keys.push(TargetForeignKey {
            name: row.get(1)?,
            parent: row.get(2)?,
            columns: row.get(3)?,
            parent_columns: row.get(4)?,
            definition: row.get(5)?,
        });
    }
    Ok(())
}

/// The table that a row of the catalog is about.
fn table_of<'t>(tables: &'t mut BTreeMap<String, TargetTable>, row: &Row) -> Option<&'t mut TargetTable> {
    tables.get_mut(row.text(0)?)
}

/// How many rows a table of the schema `public` holds.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn count_rows(target: &mut Connection, table: &str) -> Result<u64> {
    target
        .one(&format!("SELECT count(*) FROM public.{}", quote_pg(table)), &[])
        .context(|| format!("the rows of the target's table {table} cannot be counted"))
}

/// The names of all relations of the schema `public`, ordered.
fn relations(target: &mut Connection) -> Result<Vec<String>> {
    let names = load(
        target,
        "SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace('public')::oid \
         ORDER BY relname::text COLLATE \"C\"",
    )?;
    names.iter().map(|row| row.get(0)).collect()
}

fn load(target: &mut Connection, sql: &str) -> Result<Vec<Row>> {
    target.query(sql, &[]).context(|| "the target's schema cannot be read")
}
