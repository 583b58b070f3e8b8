//! Reads what makes PostgreSQL refuse statements.

use migrate_core::comparison::structure::{Obstacle, ObstacleKind};
use migrate_core::plan::Plan;
use postgres_client::connection::{Connection, text_array};

use crate::error::{Context, Result};

/// The tables in the schemas $1, and their columns.
const TABLES: &str = "WITH RECURSIVE \
    tables AS (SELECT c.*, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p')), \
    columns AS (SELECT t.oid, t.nspname, t.relname, a.* FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid \
        WHERE a.attnum > 0 AND NOT a.attisdropped), \
    indexes AS (SELECT t.nspname, t.relname, i.relname AS name, x.* FROM tables t JOIN pg_index x ON x.indrelid = t.oid \
        JOIN pg_class i ON i.oid = x.indexrelid), \
    domains (oid, base, has_not_null) AS (SELECT t.oid, t.typbasetype, t.typnotnull FROM pg_type t WHERE t.typtype = 'd' \
        UNION ALL SELECT d.oid, t.typbasetype, d.has_not_null OR t.typnotnull FROM domains d JOIN pg_type t ON t.oid = d.base AND t.typtype = 'd') ";

/// Each obstacle: its kind, the schema, the table, what is named there, the object, and a foreign key's schema, table and name.
const OBSTACLES: [&str; 18] = [
    // A view is its rule, and the default of another column that is generated its expression.
    "SELECT 'needs column', c.nspname, c.relname, c.attname, CASE d.classid WHEN 'pg_rewrite'::regclass \
         THEN (SELECT pg_describe_object('pg_class'::regclass, r.ev_class, 0) FROM pg_rewrite r WHERE r.oid = d.objid) \
         ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END, NULL, NULL, NULL \
     FROM columns c JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = c.attnum \
     WHERE d.classid::regclass::text IN ('pg_rewrite', 'pg_trigger', 'pg_policy', 'pg_proc', 'pg_publication_rel') \
        OR d.classid = 'pg_attrdef'::regclass \
           AND NOT EXISTS (SELECT FROM pg_attrdef f WHERE f.oid = d.objid AND f.adrelid = c.oid AND f.adnum = c.attnum)",
    "SELECT 'goes with column', c.nspname, c.relname, c.attname, pg_describe_object(d.classid, d.objid, d.objsubid), NULL, NULL, NULL \
     FROM columns c JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = c.attnum \
     WHERE d.classid = 'pg_statistic_ext'::regclass \
        OR d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_class i WHERE i.oid = d.objid AND i.relkind IN ('i', 'I', 'S')) \
        OR d.classid = 'pg_constraint'::regclass AND EXISTS (SELECT FROM pg_constraint k WHERE k.oid = d.objid AND k.contype <> 'n')",
    "SELECT 'goes with column', c.nspname, c.relname, c.attname, 'comment', NULL, NULL, NULL \
     FROM columns c WHERE col_description(c.oid, c.attnum) IS NOT NULL",
    "SELECT 'goes with column', c.nspname, c.relname, c.attname, 'privileges', NULL, NULL, NULL \
     FROM columns c WHERE c.attacl IS NOT NULL",
    "SELECT 'row type', t.nspname, t.relname, '', pg_describe_object(d.classid, d.objid, d.objsubid), NULL, NULL, NULL \
     FROM tables t JOIN pg_type y ON y.oid = t.reltype \
     JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (y.oid, y.typarray) \
     WHERE d.classid = 'pg_class'::regclass AND d.objsubid > 0",
    "SELECT 'inherited column', c.nspname, c.relname, c.attname, '', NULL, NULL, NULL FROM columns c WHERE c.attinhcount > 0",
    "SELECT 'inherited constraint', t.nspname, t.relname, k.conname, '', NULL, NULL, NULL \
     FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid WHERE k.coninhcount > 0",
    "SELECT 'inherited index', i.nspname, i.relname, i.name, '', NULL, NULL, NULL \
     FROM indexes i JOIN pg_inherits h ON h.inhrelid = i.indexrelid",
    "SELECT 'partition', t.nspname, t.relname, '', '', NULL, NULL, NULL FROM tables t WHERE t.relispartition",
    "SELECT 'partitioned', t.nspname, t.relname, '', '', NULL, NULL, NULL FROM tables t WHERE t.relkind = 'p'",
    "SELECT 'partition key', t.nspname, t.relname, coalesce(c.attname, ''), '', NULL, NULL, NULL \
     FROM tables t JOIN pg_partitioned_table p ON p.partrelid = t.oid CROSS JOIN LATERAL unnest(p.partattrs::int2[]) AS u (number) \
     LEFT JOIN columns c ON c.oid = t.oid AND c.attnum = u.number",
    "SELECT 'unlogged', t.nspname, t.relname, '', '', NULL, NULL, NULL FROM tables t WHERE t.relpersistence = 'u'",
    "SELECT 'never null', c.nspname, c.relname, c.attname, '', NULL, NULL, NULL FROM columns c \
     WHERE NOT c.attnotnull OR EXISTS (SELECT FROM domains d WHERE d.oid = c.atttypid AND d.has_not_null) \
        OR EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisreplident AND c.attnum = ANY (x.indkey::int2[]))",
    "SELECT 'needs index', i.nspname, i.relname, i.name, pg_describe_object('pg_constraint'::regclass, k.oid, 0), n.nspname, c.relname, k.conname \
     FROM indexes i JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype = 'f' \
     JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE k.conparentid = 0",
    "SELECT 'needs index', i.nspname, i.relname, i.name, pg_describe_object('pg_class'::regclass, r.ev_class, 0), NULL, NULL, NULL \
     FROM indexes i JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x') \
     JOIN pg_depend d ON d.refclassid = 'pg_constraint'::regclass AND d.refobjid = k.oid AND d.classid = 'pg_rewrite'::regclass \
     JOIN pg_rewrite r ON r.oid = d.objid",
    "SELECT 'deferrable index', i.nspname, i.relname, i.name, '', NULL, NULL, NULL FROM indexes i WHERE NOT i.indimmediate",
    "SELECT 'name', n.nspname, '', c.relname, '', NULL, NULL, NULL FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = ANY ($1::text[]) \
     UNION ALL SELECT 'name', n.nspname, '', t.typname, '', NULL, NULL, NULL FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace \
     WHERE n.nspname = ANY ($1::text[]) AND t.typrelid = 0 AND t.typelem = 0",
    "SELECT 'function', n.nspname, '', p.proname, '', NULL, NULL, NULL FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
     WHERE n.nspname = ANY ($1::text[]) AND p.pronargs = 0",
];

/// Reads the obstacles in the schemas into which `matched` puts its tables.
///
/// # Errors
/// When the catalog cannot be read.
pub(super) fn read(target: &mut Connection, matched: &Plan) -> Result<Vec<Obstacle>> {
    let schemas = text_array(matched.schemas().into_iter().map(Some));
    let texts = OBSTACLES.map(|sql| {
        format!("SELECT o.a::text, o.b::text, o.c::text, o.d::text, o.e::text, o.f::text, o.g::text, o.h::text FROM ({sql}) AS o (a, b, c, d, e, f, g, h)")
    });
    let sql = format!("{TABLES}{}", texts.join(" UNION "));
    let rows =
        target.query(&sql, &[Some(&schemas)]).context(|| "the dependencies of the target cannot be read")?;
    let mut obstacles = Vec::new();
    for row in rows {
        let kind: String = row.get(0)?;
        let Some(kind) = ObstacleKind::named(&kind) else { continue };
        let object: Option<String> = row.get(4)?;
        let foreign_key: Option<String> = row.get(7)?;
        let foreign_key = match foreign_key {
            Some(name) => Some([row.get(5)?, row.get(6)?, name]),
            None => None,
        };
        obstacles.push(Obstacle {
            kind,
            schema: row.get(1)?,
            table: row.get(2)?,
            name: row.get(3)?,
            object: object.unwrap_or_default(),
            foreign_key,
        });
    }
    Ok(obstacles)
}
