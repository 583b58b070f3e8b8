//! Reads keys, indexes, constraints, triggers and views of the target's schemas.

use std::collections::BTreeMap;

use migrate_core::comparison::structure::{
    LiveCheck, LiveForeignKey, LiveIndex, LiveKey, LiveStructure, LiveTable,
};
use migrate_core::identifier::qualified_pg;
use migrate_core::plan::Plan;
use postgres_client::connection::{Connection, Row, text_array};

use super::objects::{self, add};
use crate::error::{Context, Error, Result};

/// The tables in the schemas $1.
const TABLES_SQL: &str = "SELECT c.oid::text, n.nspname::text, c.relname::text, \
    to_json(ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attidentity = 'a' AND NOT a.attisdropped)), \
    to_json(ARRAY(SELECT a.attname::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
          LEFT JOIN pg_collation l ON l.oid = a.attcollation WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
          AND (t.typname = 'citext' OR NOT l.collisdeterministic))), \
    to_json(ARRAY(SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid \
          AND a.attnum = d.adnum WHERE d.adrelid = c.oid AND a.attgenerated <> '')), \
    c.relrowsecurity, c.relpersistence = 'u' AS is_unlogged, \
    c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid) AS has_children, \
    to_json(ARRAY(SELECT pg_get_expr(k.relpartbound, k.oid) FROM pg_inherits h JOIN pg_class k ON k.oid = h.inhrelid \
          JOIN pg_partitioned_table p ON p.partrelid = h.inhparent \
          WHERE h.inhparent = c.oid AND p.partstrat IN ('r', 'l') AND p.partdefid = 0 ORDER BY 1)) AS bounds \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p') ORDER BY 2, 3";

/// Their indexes. NULLS NOT DISTINCT is a column of the catalog as of PostgreSQL 15.
const INDEXES_SQL: &str = "SELECT c.oid::text, i.oid::text, i.relname::text, x.indisunique, x.indisprimary, \
    EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x')) AS is_constraint, \
    x.indisvalid AND x.indisready AS is_valid, m.amname = 'btree' AS is_btree, \
    pg_get_expr(x.indpred, x.indrelid, true) AS condition, x.indisexclusion, \
    coalesce(to_jsonb(x) ->> 'indnullsnotdistinct', 'false')::boolean AS has_one_null, x.indimmediate \
    FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
    JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = i.relam \
    WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p') ORDER BY 1, 3";

/// The keys of the indexes, without what they include.
const KEYS_SQL: &str = "SELECT i.oid::text, a.attname::text, pg_get_indexdef(i.oid, k.place::int, true), \
    (x.indoption::int2[])[k.place - 1] & 1 = 1 AS is_descending, \
    coalesce(t.typname = 'citext' OR NOT l.collisdeterministic, false) AS folds_case, \
    (SELECT o.opcname::text FROM pg_opclass o WHERE o.oid = (x.indclass::oid[])[k.place - 1] AND NOT EXISTS ( \
         SELECT FROM pg_opclass d WHERE d.opcfamily = o.opcfamily AND d.opcmethod = o.opcmethod AND d.opcdefault)) AS class \
    FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
    JOIN pg_namespace n ON n.oid = c.relnamespace \
    CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY AS k (number, place) \
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number AND k.number > 0 \
    LEFT JOIN pg_type t ON t.oid = a.atttypid \
    LEFT JOIN pg_collation l ON l.oid = (x.indcollation::oid[])[k.place - 1] \
    WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p') AND k.place <= x.indnkeyatts ORDER BY i.oid, k.place";

/// The foreign keys, with what is a column of the catalog as of PostgreSQL 15 and 18, but for those that partitions have of their table.
const FOREIGN_KEYS_SQL: &str = "SELECT c.oid::text, k.conname::text, \
    to_json(ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place) \
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place)), \
    m.nspname::text, p.relname::text, \
    to_json(ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u (number, place) \
          JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place)), \
    k.confupdtype::text, k.confdeltype::text, k.condeferrable AND k.condeferred, k.convalidated, \
    coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true) AND NOT EXISTS (SELECT FROM pg_trigger g \
          WHERE g.tgconstraint = k.oid AND g.tgenabled NOT IN ('O', 'A')) AS is_enforced, k.confmatchtype = 'f' AS is_match_full, \
    to_json(ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = k.conrelid \
          AND to_jsonb(k) -> 'confdelsetcols' @> to_jsonb(a.attnum) ORDER BY a.attnum)) AS set_columns \
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace m ON m.oid = p.relnamespace \
    WHERE n.nspname = ANY ($1::text[]) AND k.contype = 'f' AND k.conparentid = 0 ORDER BY 1, 2";

/// The CHECKs.
const CHECKS_SQL: &str = "SELECT c.oid::text, k.conname::text, pg_get_expr(k.conbin, k.conrelid, true), k.convalidated \
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = ANY ($1::text[]) AND k.contype = 'c' ORDER BY 1, 2";

/// The names of all relations and constraints.
const NAMES_SQL: &str = "SELECT c.relname::text FROM pg_class c \
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY ($1::text[]) \
    UNION SELECT k.conname::text FROM pg_constraint k \
    JOIN pg_namespace n ON n.oid = k.connamespace WHERE n.nspname = ANY ($1::text[]) ORDER BY 1";

/// Reads the schemas into which `matched` puts its tables.
///
/// # Errors
/// When the catalog cannot be read.
pub(super) fn read(target: &mut Connection, matched: &Plan) -> Result<LiveStructure> {
    let schemas = text_array(matched.schemas().into_iter().map(Some));
    let mut rows = |sql: &str| {
        let rows = target.query(sql, &[Some(&schemas)]).context(|| "the live schema cannot be read")?;
        Ok::<Vec<Row>, Error>(rows)
    };
    let mut live = LiveStructure::default();
    let mut tables: BTreeMap<String, LiveTable> = BTreeMap::new();
    for row in rows(TABLES_SQL)? {
        let table = LiveTable {
            schema: row.get(1)?,
            name: row.get(2)?,
            always_identity: row.get(3)?,
            folding: row.get(4)?,
            generated: row.get(5)?,
            has_row_security: row.get(6)?,
            is_unlogged: row.get(7)?,
            has_rows_in_children: row.get(8)?,
            bounds: row.get(9)?,
            ..LiveTable::default()
        };
        tables.insert(row.get(0)?, table);
    }
    let mut keys: BTreeMap<String, Vec<LiveKey>> = BTreeMap::new();
    for row in rows(KEYS_SQL)? {
        let key = LiveKey {
            column: row.get(1)?,
            sql: row.get(2)?,
            is_descending: row.get(3)?,
            folds_case: row.get(4)?,
            class: row.get(5)?,
        };
        keys.entry(row.get(0)?).or_default().push(key);
    }
    for row in rows(INDEXES_SQL)? {
        let index: String = row.get(1)?;
        let index = LiveIndex {
            keys: keys.remove(&index).unwrap_or_default(),
            name: row.get(2)?,
            is_unique: row.get(3)?,
            is_primary: row.get(4)?,
            is_constraint: row.get(5)?,
            is_valid: row.get(6)?,
            is_btree: row.get(7)?,
            condition: row.get(8)?,
            is_exclusion: row.get(9)?,
            has_one_null: row.get(10)?,
            is_immediate: row.get(11)?,
        };
        add(&mut tables, &row, |table| table.indexes.push(index))?;
    }
    for row in rows(FOREIGN_KEYS_SQL)? {
        let (on_update, on_delete): (String, String) = (row.get(6)?, row.get(7)?);
        let key = LiveForeignKey {
            name: row.get(1)?,
            columns: row.get(2)?,
            parent_schema: row.get(3)?,
            parent: row.get(4)?,
            parent_columns: row.get(5)?,
            on_update: action(&on_update).to_owned(),
            on_delete: action(&on_delete).to_owned(),
            is_deferred: row.get(8)?,
            is_valid: row.get(9)?,
            is_enforced: row.get(10)?,
            is_match_full: row.get(11)?,
            set_columns: row.get(12)?,
        };
        add(&mut tables, &row, |table| table.foreign_keys.push(key))?;
    }
    for row in rows(CHECKS_SQL)? {
        let check = LiveCheck { name: row.get(1)?, expression: row.get(2)?, is_valid: row.get(3)? };
        add(&mut tables, &row, |table| table.checks.push(check))?;
    }
    for row in rows(NAMES_SQL)? {
        live.relations.push(row.get(0)?);
    }
    objects::read(&mut rows, &mut tables, &mut live)?;
    live.tables = tables.into_values().collect();
    let has_children = live.tables.iter_mut().filter(|table| table.has_rows_in_children);
    for table in has_children {
        let name = qualified_pg(&table.schema, &table.name);
        let sql = format!("SELECT EXISTS (SELECT FROM {name} WHERE tableoid <> $1::pg_catalog.regclass)");
        table.has_rows_in_children =
            target.one(&sql, &[Some(&name)]).context(|| format!("{name} cannot be read"))?;
    }
    Ok(live)
}

/// The words of SQL for the code of an action (`pg_constraint.confdeltype`).
fn action(code: &str) -> &'static str {
    match code {
        "r" => "RESTRICT",
        "c" => "CASCADE",
        "n" => "SET NULL",
        "d" => "SET DEFAULT",
        _ => "NO ACTION",
    }
}
