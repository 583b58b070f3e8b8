//! Reads which materialized views read the target's tables, also through other views.

use migrate_core::target_schema::TargetMaterializedView;

use crate::error::{Context, Result};
use postgres_client::connection::Connection;

/// The materialized views with the tables that they read, each after those that it reads.
const VIEWS_SQL: &str = "WITH RECURSIVE reads AS ( \
        SELECT DISTINCT w.ev_class AS view, p.refobjid AS relation FROM pg_rewrite w \
        JOIN pg_depend p ON p.classid = 'pg_rewrite'::regclass AND p.objid = w.oid AND p.refclassid = 'pg_class'::regclass \
        WHERE w.rulename = '_RETURN' AND p.refobjid <> w.ev_class), \
    all_reads AS (SELECT view, relation, 1 AS depth FROM reads \
        UNION SELECT a.view, r.relation, a.depth + 1 FROM all_reads a JOIN reads r ON r.view = a.relation WHERE a.depth < 100) \
    SELECT n.nspname::text, v.relname::text, v.relispopulated, \
    to_json(ARRAY(SELECT DISTINCT cn.nspname::text || E'\\n' || c.relname::text FROM all_reads a JOIN pg_class c ON c.oid = a.relation \
                  JOIN pg_namespace cn ON cn.oid = c.relnamespace WHERE a.view = v.oid AND c.relkind IN ('r', 'p') ORDER BY 1)) \
    FROM pg_class v JOIN pg_namespace n ON n.oid = v.relnamespace WHERE v.relkind = 'm' AND n.nspname !~ '^pg_' \
    ORDER BY (SELECT max(a.depth) FROM all_reads a WHERE a.view = v.oid), 1, 2";

/// Reads the materialized views.
///
/// # Errors
/// When the catalog cannot be read.
pub(super) fn read(target: &mut Connection) -> Result<Vec<TargetMaterializedView>> {
    let rows: Vec<(String, String, bool, Vec<String>)> =
        target.load(VIEWS_SQL, &[]).context(|| "the target's materialized views cannot be read")?;
    let view = |(schema, name, is_populated, reads): (String, String, bool, Vec<String>)| {
        let relation = |text: &String| {
            let (schema, name) = text.split_once('\n')?;
            Some([schema.to_owned(), name.to_owned()])
        };
        let reads = reads.iter().filter_map(relation).collect();
        TargetMaterializedView { schema, name, is_populated, reads }
    };
    Ok(rows.into_iter().map(view).collect())
}
