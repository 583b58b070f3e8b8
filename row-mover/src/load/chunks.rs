//! The chunks of a run, as the scan of its rows cut them.

use crate::ledger::Chunk;
use crate::source::preflight::Findings;

/// The chunks of all tables, by table; a table without rows has none.
pub(crate) fn plan_chunks(findings: &Findings) -> Vec<Chunk> {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let of_table = |found: &crate::source::preflight::TableFindings| {
        let table = found.table.clone();
        (0..).zip(found.chunks.chunks().to_vec()).map(move |(number, chunk)| Chunk {
            table: table.clone(),
            number,
            range: chunk.range.and_then(|range| range.stored()),
            rows_before: 0,
            planned_rows: Some(whole(chunk.rows)),
            planned_bytes: Some(whole(chunk.bytes)),
            done: None,
        })
    };
    findings.tables.iter().flat_map(of_table).collect()
}
