//! Reads what the target's schema holds: the tables that an app made there, as facts for a plan.
//!
//! What a table is like is described by the statement that validation compares with; here is what a plan needs to know beyond that.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text};
use migrate_core::identifier::quote_pg;
use migrate_core::phase::Phase;
use migrate_core::plan::Seeds;
use migrate_core::target_schema::{
    TargetColumn, TargetFact, TargetForeignKey, TargetKey, TargetSchema, TargetTable, TargetTrigger,
};

use crate::error::Result;
use crate::ledger::Run;
use crate::validate::catalog;
use postgres_client::PooledConnection;
use postgres_client::pool::diesel_failed;

/// The tables, but for those of extensions and the parts of partitioned ones.
const TABLES_SQL: &str = "SELECT c.relname::text AS name, pg_has_role(c.relowner, 'USAGE') AS is_ours, \
    ARRAY(SELECT DISTINCT CASE WHEN o.relnamespace = c.relnamespace THEN o.relname::text ELSE k.conrelid::regclass::text END \
          FROM pg_constraint k JOIN pg_class o ON o.oid = k.conrelid \
          WHERE k.contype = 'f' AND k.confrelid = c.oid AND k.conrelid <> c.oid AND k.conparentid = 0 ORDER BY 1) AS referenced_by \
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
    b.modifier, ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) AS labels, \
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
    ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k (number, place) \
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number WHERE k.place <= x.indnkeyatts ORDER BY k.place) AS columns \
    FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
    WHERE c.relnamespace = to_regnamespace('public')::oid AND x.indisunique AND x.indisvalid AND x.indpred IS NULL \
    AND x.indexprs IS NULL ORDER BY 1, 2";

/// The foreign keys, but for those that partitions have of their table.
const FOREIGN_KEYS_SQL: &str = "SELECT c.relname::text AS table_name, k.conname::text AS name, \
    CASE WHEN p.relnamespace = c.relnamespace THEN p.relname::text ELSE k.confrelid::regclass::text END AS parent, \
    ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place) \
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place) AS columns, \
    ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u (number, place) \
          JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place) AS parent_columns, \
    pg_get_constraintdef(k.oid) AS definition \
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid \
    WHERE c.relnamespace = to_regnamespace('public')::oid AND k.contype = 'f' AND k.conparentid = 0 ORDER BY 1, 2";

/// The app's triggers that fire for an ordinary session.
const TRIGGERS_SQL: &str = "SELECT c.relname::text AS table_name, g.tgname::text AS name, g.tgenabled = 'A' AS is_always \
    FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid \
    WHERE c.relnamespace = to_regnamespace('public')::oid AND NOT g.tgisinternal AND g.tgparentid = 0 \
    AND g.tgenabled IN ('O', 'A') ORDER BY 1, 2";

#[derive(QueryableByName)]
struct TableRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    is_ours: bool,
    #[diesel(sql_type = Array<Text>)]
    referenced_by: Vec<String>,
}

#[derive(QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    type_name: String,
    #[diesel(sql_type = Text)]
    base: String,
    #[diesel(sql_type = Integer)]
    modifier: i32,
    #[diesel(sql_type = Array<Text>)]
    labels: Vec<String>,
    #[diesel(sql_type = Bool)]
    not_null: bool,
    #[diesel(sql_type = Nullable<Text>)]
    default_sql: Option<String>,
    #[diesel(sql_type = Bool)]
    is_identity: bool,
    #[diesel(sql_type = Bool)]
    is_generated: bool,
    #[diesel(sql_type = Nullable<Text>)]
    sequence: Option<String>,
}

#[derive(QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    is_primary: bool,
    #[diesel(sql_type = Array<Text>)]
    columns: Vec<String>,
}

#[derive(QueryableByName)]
struct ForeignKeyRow {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    parent: String,
    #[diesel(sql_type = Array<Text>)]
    columns: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    parent_columns: Vec<String>,
    #[diesel(sql_type = Text)]
    definition: String,
}

#[derive(QueryableByName)]
struct TriggerRow {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    is_always: bool,
}

/// Reads the schema `public`, and counts the rows of each table.
///
/// # Errors
/// When the catalog or a table cannot be read.
pub fn introspect(target: &mut PooledConnection) -> Result<TargetSchema> {
    let mut tables: BTreeMap<String, TargetTable> = BTreeMap::new();
    for TableRow { name, is_ours, referenced_by } in load(target, TABLES_SQL)? {
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
    for row in load::<TriggerRow>(target, TRIGGERS_SQL)? {
        if let Some(table) = tables.get_mut(&row.table_name) {
            table.triggers.push(TargetTrigger { name: row.name, is_always: row.is_always });
        }
    }
    let names: Vec<String> = tables.keys().cloned().collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for line in catalog::describe_existing(target, &names)? {
        if let Some(table) = tables.get_mut(&line.table_name) {
            table.facts.push(TargetFact { item: line.item, definition: line.definition });
        }
    }
    Ok(TargetSchema { tables: tables.into_values().collect(), relations: relations(target)? })
}

/// Reads the schema as it would be without what an earlier run of ours brought: its rows, and what it has set aside for them.
///
/// # Errors
/// When the catalog or a table cannot be read.
pub fn introspect_before(target: &mut PooledConnection, earlier: &Run) -> Result<TargetSchema> {
    let mut schema = introspect(target)?;
    let plan = &earlier.plan;
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
        if !earlier.state.done.contains(&Phase::Constraints) {
            *table = existing.table.clone();
        }
        // A key that rows of ours break came back NOT VALID. Without these rows it is what it was before.
        for key in planned.foreign_keys.iter().filter(|key| key.not_valid) {
            put_back(&key.name, table, &existing.table);
        }
        table.rows = if existing.seeds == Seeds::Keep { existing.table.rows } else { 0 };
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

fn add_columns(target: &mut PooledConnection, tables: &mut BTreeMap<String, TargetTable>) -> Result<()> {
    for row in load::<ColumnRow>(target, COLUMNS_SQL)? {
        let Some(table) = tables.get_mut(&row.table_name) else { continue };
        table.columns.push(TargetColumn {
            name: row.name,
            type_name: row.type_name,
            base: row.base,
            modifier: row.modifier,
            labels: row.labels,
            not_null: row.not_null,
            default: row.default_sql,
            is_identity: row.is_identity,
            is_generated: row.is_generated,
            sequence: row.sequence,
        });
    }
    Ok(())
}

fn add_keys(target: &mut PooledConnection, tables: &mut BTreeMap<String, TargetTable>) -> Result<()> {
    for row in load::<KeyRow>(target, KEYS_SQL)? {
        let Some(table) = tables.get_mut(&row.table_name) else { continue };
        let key = TargetKey { name: row.name, columns: row.columns };
        if row.is_primary {
            table.primary_key = Some(key);
        } else {
            table.unique.push(key);
        }
    }
    for row in load::<ForeignKeyRow>(target, FOREIGN_KEYS_SQL)? {
        let Some(table) = tables.get_mut(&row.table_name) else { continue };
        table.foreign_keys.push(TargetForeignKey {
            name: row.name,
            columns: row.columns,
            parent: row.parent,
            parent_columns: row.parent_columns,
            definition: row.definition,
        });
    }
    Ok(())
}

/// How many rows a table of the schema `public` holds.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn count_rows(target: &mut PooledConnection, table: &str) -> Result<u64> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        rows: i64,
    }
    let count: Count = diesel::sql_query(format!("SELECT count(*) AS rows FROM public.{}", quote_pg(table)))
        .get_result(target)
        .map_err(diesel_failed(format!("the rows of the target's table {table} cannot be counted")))?;
    Ok(u64::try_from(count.rows).unwrap_or(0))
}

/// The names of all relations of the schema `public`, ordered.
fn relations(target: &mut PooledConnection) -> Result<Vec<String>> {
    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let names: Vec<Name> = load(
        target,
        "SELECT relname::text AS name FROM pg_class WHERE relnamespace = to_regnamespace('public')::oid \
         ORDER BY relname::text COLLATE \"C\"",
    )?;
    Ok(names.into_iter().map(|name| name.name).collect())
}

fn load<T: QueryableByName<diesel::pg::Pg> + 'static>(
    target: &mut PooledConnection,
    sql: &str,
) -> Result<Vec<T>> {
    diesel::sql_query(sql).load(target).map_err(failed())
}

fn failed() -> impl FnOnce(diesel::result::Error) -> crate::Error {
    diesel_failed("the target's schema cannot be read")
}
