//! What a run writes down about the target before it changes anything there: the positions of sequences, and the schemas that are missing.

use migrate_core::identifier::{qualified_pg, quote_pg_literal};
use migrate_core::plan::Plan;

use super::{READ_FAILED, WRITE_FAILED, is_there};
use crate::error::{Context, Result};
use postgres_client::connection::{Connection, text_array};

/// How many sequences are read in one statement, each of which locks it.
const SEQUENCES_AT_ONCE: usize = 100;

/// A sequence as it was before a run.
pub(crate) struct SequenceBefore {
    /// Its name as SQL writes it.
    pub(crate) name: String,
    /// Its position, as the sequence itself has it.
    pub(crate) last_value: i64,
    /// Whether that number was given.
    pub(crate) is_called: bool,
    /// Whether this role owns it.
    pub(crate) is_ours: bool,
}

/// The sequences that a load into these tables may move: those that the tables use, and those of their schemas that no table uses; and
/// those that the plan names ($2).
const SEQUENCES_SQL: &str = "WITH planned AS (SELECT to_regclass(t)::oid AS oid FROM unnest($1::text[]) AS t), \
    used AS (SELECT d.objid AS sequence, d.refobjid AS place FROM pg_depend d \
             WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') \
             UNION SELECT d.refobjid, a.adrelid FROM pg_depend d JOIN pg_attrdef a ON a.oid = d.objid \
             WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass) \
    SELECT n.nspname::text, s.relname::text FROM pg_class s JOIN pg_namespace n ON n.oid = s.relnamespace \
    CROSS JOIN LATERAL (SELECT bool_or(EXISTS (SELECT FROM planned p WHERE p.oid = coalesce(pg_partition_root(u.place)::oid, u.place))) AS by_planned \
                        FROM used u WHERE u.sequence = s.oid) AS use \
    WHERE CASE WHEN s.relkind = 'S' THEN has_sequence_privilege(s.oid, 'SELECT') AND has_sequence_privilege(s.oid, 'UPDATE') END \
    AND (coalesce(use.by_planned, s.relnamespace IN (SELECT c.relnamespace FROM pg_class c JOIN planned p ON p.oid = c.oid)) \
    OR s.oid IN (SELECT to_regclass(t)::oid FROM unnest($2::text[]) AS t)) ORDER BY 1, 2";

/// Writes down the positions of the sequences that a run may move; one that is written down already stays.
///
/// # Errors
/// When a sequence cannot be read, or the ledger cannot be written.
pub(crate) fn record_sequences(connection: &mut Connection, run_id: i64, plan: &Plan) -> Result<()> {
    let tables = plan.existing_tables().map(|(_, existing)| Some(existing.name_in_sql()));
    let named = plan.existing_sequences();
    let named = text_array(named.iter().map(|sequence| Some(&sequence.name)));
    let sequences: Vec<(String, String)> =
        connection.load(SEQUENCES_SQL, &[Some(&text_array(tables)), Some(&named)]).context(|| READ_FAILED)?;
    for sequences in sequences.chunks(SEQUENCES_AT_ONCE) {
        let read = sequences.iter().map(|(schema, name)| {
            format!(
                "SELECT $1::bigint, {}, {}, last_value, is_called FROM {}",
                quote_pg_literal(schema),
                quote_pg_literal(name),
                qualified_pg(schema, name)
            )
        });
        let sql = format!(
            "INSERT INTO migration.sequences (run_id, schema_name, sequence_name, last_value, is_called) {} ON CONFLICT DO NOTHING",
            read.collect::<Vec<_>>().join(" UNION ALL ")
        );
        connection.execute(&sql, &[Some(&run_id.to_string())]).context(|| WRITE_FAILED)?;
    }
    Ok(())
}

/// The sequences whose positions differ from those that were written down. One that is gone is left out.
///
/// # Errors
/// When the ledger or a sequence cannot be read.
pub(crate) fn moved_sequences(connection: &mut Connection, run_id: i64) -> Result<Vec<SequenceBefore>> {
    if !is_there(connection, "sequences")? {
        return Ok(Vec::new());
    }
    let sql = "SELECT m.schema_name, m.sequence_name, m.last_value, m.is_called, pg_has_role(c.relowner, 'USAGE') \
               FROM migration.sequences m JOIN pg_class c ON c.relname = m.sequence_name AND c.relkind = 'S' \
               AND c.relnamespace = to_regnamespace(quote_ident(m.schema_name))::oid WHERE m.run_id = $1::bigint ORDER BY 1, 2";
    let before: Vec<(String, String, i64, bool, bool)> =
        connection.load(sql, &[Some(&run_id.to_string())]).context(|| READ_FAILED)?;
    let mut moved = Vec::new();
    for (schema, name, last_value, is_called, is_ours) in before {
        let name = qualified_pg(&schema, &name);
        let now: (i64, bool) = connection
            .one(&format!("SELECT last_value, is_called FROM {name}"), &[])
            .context(|| format!("sequence {name} cannot be read"))?;
        if now != (last_value, is_called) {
            moved.push(SequenceBefore { name, last_value, is_called, is_ours });
        }
    }
    Ok(moved)
}

/// The schemas of a run's plan that were not there before; none where the ledger is of an earlier version.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) fn missing_schemas(connection: &mut Connection, run_id: i64) -> Result<Vec<String>> {
    let sql = "SELECT coalesce(to_jsonb(r) -> 'missing_schemas', '[]') FROM migration.runs AS r WHERE id = $1::bigint";
    connection.one(sql, &[Some(&run_id.to_string())]).context(|| READ_FAILED)
}
