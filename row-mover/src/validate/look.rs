//! A quick look: some rows of a table, chosen by chance and spread over all of it, are compared as all would be; of all rows only
//! the counts are. It proves nothing, and cannot find a row that only PostgreSQL has, but for one that lies between those it looks at.
//!
//! Rows come in blocks of neighbours by rowid, one block from each of as many equal stretches of rowids. Where there is no rowid, keys
//! are passed over in their order, which reads the table of SQLite once, and every so manieth is taken.

use migrate_core::identifier::{quote_pg, quote_sqlite};
use migrate_core::plan::{PlannedColumn, PlannedTable};
use migrate_core::value::SourceValue;

use super::bound::{Bindings, TargetFilter};
use super::compare::{self, NAMED_DIFFERENCES_MAX, Selection, SourceRows};
use super::key::OwnedKey;
use super::literal;
use super::multiset::unreadable;
use super::parts::is_rowid;
use super::{CompareOptions, TableComparison, can_merge, source_order};
use crate::error::{Context, Error, Result};
use crate::observer::Observer;
use crate::source::SourceConnection;
use crate::source::parts;
use crate::source::rows::{Scan, SourceRow, Value, Values};
use crate::source::scan::RowidRange;
use postgres_client::connection::Connection;

/// So many rows of each table are looked at, however small the share: all of a small one.
const ROWS_MIN: u64 = 100;

/// How many rows a block has.
const BLOCK_ROWS: u64 = 32;

/// How many blocks, or keys, one statement asks for, and about how long it may become.
const BLOCKS_OF_BATCH: usize = 100;
const KEYS_OF_BATCH: usize = 500;
const BATCH_BYTES: usize = 1 << 18;

/// So many keys of a table without rowids are held at once.
const HELD_KEYS_MAX: u64 = 100_000;

/// Looks at a share of the rows of a table.
pub(super) fn look(
    table: &PlannedTable,
    options: CompareOptions,
    source: &SourceConnection,
    target: &mut Connection,
    observer: &dyn Observer,
) -> Result<TableComparison> {
    let [source_rows, target_rows] = [count_source(table, source)?, count_target(table, target)?];
    let wanted = options.share.map_or(source_rows, |share| share.of_rows(source_rows));
    let wanted = wanted.max(ROWS_MIN).min(source_rows);
    let mut found =
        TableComparison { table: table.source.clone(), looked_at: Some(0), ..TableComparison::default() };
    let key = table.key_positions();
    let has_literals = |position: &usize| table.columns.get(*position).is_some_and(literal::has_literals);
    if can_merge(table) && key.iter().all(has_literals) {
        let chance = Chance(options.seed);
        let look = Look { table, key: &key, wanted, source };
        for selection in look.selections(chance)? {
            let part =
                compare::merge(table, &key, &selection, options.show_values, source, target, observer)?;
            found.looked_at = found.looked_at.map(|rows| rows + part.source_rows);
            found.add(part);
            found.first.truncate(NAMED_DIFFERENCES_MAX);
        }
    }
    (found.source_rows, found.target_rows) = (source_rows, target_rows);
    Ok(found)
}

fn count_source(table: &PlannedTable, source: &SourceConnection) -> Result<u64> {
    let failed = || unreadable(table);
    let sql = format!("SELECT count(*) FROM {} NOT INDEXED", quote_sqlite(&table.source));
    let rows: i64 = source.connection().query_row(&sql, [], |row| row.get(0)).context(failed)?;
    u64::try_from(rows).context(failed)
}

fn count_target(table: &PlannedTable, target: &mut Connection) -> Result<u64> {
    let answer = target.slow_query(&format!("SELECT count(*) FROM {}", table.loaded_rows_sql()))?;
    let count = answer.into_iter().flatten().flatten().next().and_then(|rows| rows.parse().ok());
    count.ok_or_else(|| Error::new("PostgreSQL gave no count of rows"))
}

struct Look<'a> {
    table: &'a PlannedTable,
    key: &'a [usize],
    wanted: u64,
    source: &'a SourceConnection,
}

impl Look<'_> {
    /// The rows to look at, in as many selections as there are statements to ask for them.
    fn selections(&self, mut chance: Chance) -> Result<Vec<Selection>> {
        let Some(rowid) = &self.table.rowid else { return self.by_passed_keys(&mut chance) };
        let blocks = self.blocks(rowid, &mut chance)?;
        let alias = match self.key {
            [only] => self.table.columns.get(*only),
            _ => None,
        };
        match alias {
            Some(column) if is_rowid(self.table, column, self.source)? => {
                let name = quote_pg(&column.target);
                let within = |bindings: &mut Bindings, range: &RowidRange| {
                    let [first, last] =
                        [range.first, range.last].map(|end| bindings.add(end.to_string(), "bigint"));
                    format!("{name} BETWEEN {first} AND {last}")
                };
                let selection = |blocks: &[RowidRange]| Selection {
                    source: SourceRows::Rowids(blocks.to_vec()),
                    target: Some(TargetFilter::new(|bindings| {
                        blocks.iter().map(|range| within(bindings, range)).collect::<Vec<_>>().join(" OR ")
                    })),
                };
                Ok(blocks.chunks(BLOCKS_OF_BATCH).map(selection).collect())
            }
            _ => self.by_keys_of(&blocks),
        }
    }

    /// Ranges of rowids with the wanted number of rows, ascending.
    fn blocks(&self, rowid: &str, chance: &mut Chance) -> Result<Vec<RowidRange>> {
        /// So finely are gaps between rowids known.
        const STRETCHES_MAX: usize = 256;
        let failed = || unreadable(self.table);
        let ranges = parts::populated(self.source, &self.table.source, rowid, BLOCK_ROWS * 8, STRETCHES_MAX)?;
        let span = |range: &RowidRange| u128::from(range.last.abs_diff(range.first)) + 1;
        let all: u128 = ranges.iter().map(span).sum();
        let count = u128::from(self.wanted.div_ceil(BLOCK_ROWS)).max(1);
        let sql = format!(
            "SELECT min(r), max(r), count(*) FROM (SELECT {rowid} AS r FROM {} NOT INDEXED WHERE {rowid} >= ?1 ORDER BY {rowid} LIMIT ?2)",
            quote_sqlite(&self.table.source)
        );
        let mut statement = self.source.connection().prepare(&sql).context(failed)?;
        let (mut blocks, mut rows) = (Vec::<RowidRange>::new(), 0);
        for place in 0..count {
            let (from, to) = (all * place / count, all * (place + 1) / count);
            let free = (to - from).saturating_sub(u128::from(BLOCK_ROWS));
            let mut at = from + u128::from(chance.below(u64::try_from(free).unwrap_or(u64::MAX - 1) + 1));
            let Some(range) = ranges.iter().find(|range| {
                let is_in = at < span(range);
                if !is_in {
                    at -= span(range);
                }
                is_in
            }) else {
                continue;
            };
            let mut first = range.first.saturating_add_unsigned(u64::try_from(at).unwrap_or(0));
            if let Some(last) = blocks.last() {
                let Some(next) = last.last.checked_add(1) else { break };
                first = first.max(next);
            }
            let limit = BLOCK_ROWS.min(self.wanted - rows);
            let block: (Option<i64>, Option<i64>, i64) = statement
                .query_row([first, i64::try_from(limit).unwrap_or(0)], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .context(failed)?;
            let (Some(first), Some(last), count) = block else { break };
            blocks.push(RowidRange { first, last });
            rows += u64::try_from(count).unwrap_or(0);
        }
        Ok(blocks)
    }

    /// The rows of ranges of rowids by their keys, which are in another order.
    fn by_keys_of(&self, blocks: &[RowidRange]) -> Result<Vec<Selection>> {
        let rowid = self.table.rowid.as_deref();
        let mut selections = Vec::new();
        for blocks in blocks.chunks(KEYS_OF_BATCH / BLOCK_ROWS as usize) {
            let mut keys: Vec<(OwnedKey, i64)> = Vec::new();
            self.keys(rowid).each_within(blocks, self.source, &|| unreadable(self.table), &mut |row| {
                keys.extend(Some(self.read_key(row)?).zip(row.rowid()));
                Ok(())
            })?;
            keys.retain(|(key, _)| self.target_texts(key).is_some());
            keys.sort_by(|(one, _), (other, _)| one.compare(other));
            let rowids = keys.iter().map(|&(_, rowid)| RowidRange { first: rowid, last: rowid }).collect();
            let values: Vec<Vec<String>> =
                keys.iter().filter_map(|(key, _)| self.target_texts(key)).collect();
            if !values.is_empty() {
                let target = Some(literal::has_one_of(&self.key_columns(), &values));
                selections.push(Selection { source: SourceRows::Rowids(rowids), target });
            }
        }
        Ok(selections)
    }

    /// The same for a table without rowids.
    fn by_passed_keys(&self, chance: &mut Chance) -> Result<Vec<Selection>> {
        let failed = || unreadable(self.table);
        let rows = count_source(self.table, self.source)?;
        let wanted = self.wanted.min(HELD_KEYS_MAX);
        let mut taken = 0;
        let mut chosen = |taken: u64| {
            let place = |part: u64| u128::from(rows) * u128::from(part) / u128::from(wanted.max(1));
            let [from, to] = [place(taken), place(taken + 1)].map(|at| u64::try_from(at).unwrap_or(u64::MAX));
            from + chance.below(to - from)
        };
        let (mut next, mut passed) = (chosen(0), 0);
        let mut keys: Vec<[Vec<String>; 2]> = Vec::new();
        let order = source_order::terms(self.table, self.key, self.source).context(failed)?;
        self.keys(None).ordered_by(order).each(self.source, &failed, &mut |row| {
            if passed == next && taken < wanted {
                let key = self.read_key(row)?;
                let of_source: Option<Vec<String>> =
                    key.values().into_iter().map(literal::of_source).collect();
                keys.extend(of_source.zip(self.target_texts(&key)).map(|(one, other)| [one, other]));
                taken += 1;
                next = chosen(taken);
            }
            passed += 1;
            Ok(())
        })?;
        let columns = self.key.iter().filter_map(|&position| self.table.columns.get(position));
        let names: Vec<String> =
            columns.map(|column| format!("{} COLLATE BINARY", quote_sqlite(&column.source))).collect();
        let bytes = |key: &[Vec<String>; 2]| key.iter().flatten().map(String::len).sum::<usize>();
        let (mut selections, mut batch, mut length) = (Vec::new(), [Vec::new(), Vec::new()], 0);
        let flush = |[of_source, of_target]: [Vec<Vec<String>>; 2]| Selection {
            source: SourceRows::Sorted(Some(literal::is_one_of(&names, &of_source))),
            target: Some(literal::has_one_of(&self.key_columns(), &of_target)),
        };
        for key in keys {
            length += bytes(&key);
            let [of_source, of_target] = key;
            batch[0].push(of_source);
            batch[1].push(of_target);
            if length > BATCH_BYTES || batch[0].len() >= KEYS_OF_BATCH {
                selections.push(flush(std::mem::take(&mut batch)));
                length = 0;
            }
        }
        if !batch[0].is_empty() {
            selections.push(flush(batch));
        }
        Ok(selections)
    }

    /// A scan of the key's columns alone.
    fn keys<'b>(&'b self, rowid: Option<&'b str>) -> Scan<'b> {
        let columns = self.key.iter().filter_map(|&position| self.table.columns.get(position));
        Scan::new(&self.table.source, columns.map(|column| column.source.as_str()).collect(), rowid)
    }

    fn read_key(&self, row: &SourceRow<'_>) -> Result<OwnedKey> {
        let failed = || unreadable(self.table);
        let mut key = OwnedKey::default();
        for place in 0..self.key.len() {
            match row.value(place).context(failed)? {
                Value::Held(value) => key.push(value),
                Value::Long(long) => key.push(long.as_value(&long.whole().context(failed)?)),
                Value::Uncomputed(_) => key.push(SourceValue::Null),
            }
        }
        Ok(key)
    }

    /// A key as texts that PostgreSQL reads; none of a row that does not move.
    fn target_texts(&self, key: &OwnedKey) -> Option<Vec<String>> {
        let columns = self.key.iter().map(|&position| self.table.columns.get(position));
        let texts: Option<Vec<Vec<String>>> = columns
            .zip(key.values())
            .map(|(column, value)| literal::texts_of_target(column?, value))
            .collect();
        texts.map(|texts| texts.concat())
    }

    fn key_columns(&self) -> Vec<&PlannedColumn> {
        self.key.iter().filter_map(|&position| self.table.columns.get(position)).collect()
    }
}

/// Numbers by chance, the same for a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    /// A number below `bound`, or 0 where that is 0.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(mixed ^ (mixed >> 31)) * u128::from(bound)) >> 64) as u64
    }
}
