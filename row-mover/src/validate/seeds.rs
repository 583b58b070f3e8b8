//! Compares the rows that an app's table holds before the load with the rows of the source that would be loaded.
//!
//! A row is known by its key where the source has that, else by all loaded values. Memory is needed for a hash or two of each row that
//! the table holds; the source is read once.

use std::collections::{BTreeMap, HashMap};

use migrate_core::conversion::Limit;
use migrate_core::identifier::{quote_pg, quote_pg_literal};
use migrate_core::plan::{PlannedColumn, PlannedTable, SeedCounts};
use migrate_core::planner::{SeedComparison, SeedRow, UniqueClash};
use migrate_core::value::SourceValue;

use super::field::Field;
use super::key_hash::{KeyHash, KeyHasher};
use super::row_hash::{Form, RowHash};
use super::row_location::RowLocation;
use super::target_rows::TargetRows;
use crate::error::{Context, Error, Result};
use crate::observer::Observer;
use crate::row_encoder::{self, RowBuffer, RowOutcome};
use crate::source::SourceConnection;
use crate::source::preflight::row_key;
use crate::source::rows::{Scan, SourceRow, Value, Values};
use postgres_client::connection::Connection;
use postgres_client::watch::check_stop;

/// How many rows of a kind are named.
const NAMED_MAX: usize = 3;

/// Rows between two checks whether to stop.
const STOP_CHECK_ROWS: u64 = 10_000;

/// How the rows of a table compare.
#[derive(Debug, Default)]
pub(crate) struct ComparedSeeds {
    /// The numbers, and the first rows of each kind.
    pub(crate) comparison: SeedComparison,
    /// The rows of the table that correspond to rows of the source.
    pub(crate) marks: Vec<Mark>,
}

/// A row of the table that corresponds to a row of the source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    /// Where it is.
    pub(crate) location: RowLocation,
    /// The rowid of the source's row, or its number in the scan.
    pub(crate) source_row: i64,
    /// Whether all loaded values are equal.
    pub(crate) is_equal: bool,
}

/// Compares the rows of `table`, which has its policies. They are read from `holds`: the table itself, or where they are saved.
///
/// # Errors
/// When a side cannot be read.
pub(crate) fn compare(
    table: &PlannedTable,
    holds: &PlannedTable,
    source: &SourceConnection,
    target: &mut Connection,
    observer: &dyn Observer,
) -> Result<ComparedSeeds> {
    let table = &table.sent();
    let mut seeds = Seeds::read(table, holds.sent(), target, observer)?;
    if !seeds.rows.is_empty() {
        seeds.find(source, target, observer)?;
    }
    seeds.compared(target)
}

/// A row that the table holds.
struct Seed {
    location: RowLocation,
    /// What it is known by; none if the source could not have its key.
    identity: Option<u128>,
    row: u128,
    /// The hash of the columns that no row can overwrite.
    fixed: u128,
    matched: Option<(i64, bool)>,
    /// The next row that is known by the same.
    next: Option<usize>,
}

/// A key other than the one that rows are known by.
struct UniqueKey {
    positions: Vec<usize>,
    held: HashMap<KeyHash, usize>,
    clash: UniqueClash,
    /// The rows of the table that clash, with the key of the source's row.
    first: Vec<(usize, String)>,
}

struct Seeds<'a> {
    table: &'a PlannedTable,
    holds: PlannedTable,
    key: Vec<usize>,
    fixed: Vec<usize>,
    rows: Vec<Seed>,
    by_identity: HashMap<u128, usize>,
    unique: Vec<UniqueKey>,
    /// The first rows that differ, by index, with the hashes of the source's values.
    differing: BTreeMap<usize, Vec<u128>>,
    fixed_differ: bool,
    hash: RowHash<'static>,
    scratch: Vec<u8>,
}

impl<'a> Seeds<'a> {
    /// Reads the rows of the target.
    fn read(
        table: &'a PlannedTable,
        holds: PlannedTable,
        target: &mut Connection,
        observer: &dyn Observer,
    ) -> Result<Seeds<'a>> {
        let position = |name: &String| table.columns.iter().position(|column| column.target == *name);
        let unique = (table.unique.iter()).filter_map(|key| {
            let positions = key.columns.iter().map(position).collect::<Option<Vec<usize>>>()?;
            let clash = UniqueClash {
                key: key.name.clone(),
                columns: key.columns.clone(),
                rows: 0,
                first: Vec::new(),
            };
            Some(UniqueKey { positions, held: HashMap::new(), clash, first: Vec::new() })
        });
        let key = table.key_positions();
        let mut seeds = Seeds {
            table,
            holds,
            fixed: fixed_positions(table, &key),
            key,
            rows: Vec::new(),
            by_identity: HashMap::new(),
            unique: unique.collect(),
            differing: BTreeMap::new(),
            fixed_differ: false,
            hash: RowHash::default(),
            scratch: Vec::new(),
        };
        let mut rows = TargetRows::open_with(&seeds.holds, &[], None, &["tableoid", "ctid"], target)?;
        while rows.advance()? {
            if (seeds.rows.len() as u64).is_multiple_of(STOP_CHECK_ROWS) {
                check_stop(observer)?;
            }
            seeds.add(&rows)?;
        }
        Ok(seeds)
    }

    fn add(&mut self, rows: &TargetRows<'_>) -> Result<()> {
        let location = RowLocation::of_target(rows.appended(0), rows.appended(1))
            .ok_or_else(|| Error::new("PostgreSQL returned a row without its ctid"))?;
        let all: Vec<usize> = (0..self.table.columns.len()).collect();
        let row = self.target_hash(rows, &all)?;
        let fixed = self.target_hash(rows, &self.fixed.clone())?;
        let identity = match self.key.is_empty() {
            true => Some(row),
            false => self.target_key(rows, &self.key.clone()),
        };
        let index = self.rows.len();
        for place in 0..self.unique.len() {
            let Some(positions) = self.unique.get(place).map(|key| key.positions.clone()) else { continue };
            if let (Some(hash), Some(key)) = (self.target_key(rows, &positions), self.unique.get_mut(place)) {
                key.held.insert(hash, index);
            }
        }
        let next = identity.and_then(|identity| self.by_identity.insert(identity, index));
        self.rows.push(Seed { location, identity, row, fixed, matched: None, next });
        Ok(())
    }

    fn target_hash(&mut self, rows: &TargetRows<'_>, positions: &[usize]) -> Result<u128> {
        for &position in positions {
            if let Some(column) = self.table.columns.get(position) {
                self.hash.add_target(column, rows, position, Form::Value)?;
            }
        }
        Ok(self.hash.finish())
    }

    /// The hash of a key; none where a part is NULL, or is nothing that the source could have.
    fn target_key(&mut self, rows: &TargetRows<'_>, positions: &[usize]) -> Option<KeyHash> {
        let mut hasher = KeyHasher::default();
        for &position in positions {
            let column = self.table.columns.get(position)?;
            let value = column.decode(rows.field(position)?, &mut self.scratch).ok()?;
            hasher = hasher.with(column, value)?;
        }
        Some(hasher.finish())
    }

    /// Finds the rows of the source that correspond to rows of the table, or clash with them.
    fn find(
        &mut self,
        source: &SourceConnection,
        target: &mut Connection,
        observer: &dyn Observer,
    ) -> Result<()> {
        let table = self.table;
        let mut hash = RowHash::of_source(table, target)?;
        let failed = || format!("table {} cannot be read", table.source);
        let (mut buffer, mut place) = (RowBuffer::default(), 0_u64);
        Scan::of(table).each(source, &failed, &mut |row| {
            place += 1;
            if place.is_multiple_of(STOP_CHECK_ROWS) {
                check_stop(observer)?;
            }
            buffer.clear();
            let nulled = match row_encoder::append_row(table, row, &mut buffer).context(failed)? {
                RowOutcome::Moves => Vec::new(),
                RowOutcome::Nulled(refused) => refused.iter().map(|refused| refused.position).collect(),
                // It does not come, or prevents the migration.
                RowOutcome::Skipped(_) | RowOutcome::Stops(_) => return Ok(()),
            };
            let row = Loaded { row, nulled };
            let number = row.row.number(place);
            self.visit(&row, number, &mut hash, &failed)
        })
    }

    fn visit(
        &mut self,
        row: &Loaded<'_>,
        number: i64,
        hash: &mut RowHash<'_>,
        failed: &dyn Fn() -> String,
    ) -> Result<()> {
        let table = self.table;
        let all: Vec<usize> = (0..self.table.columns.len()).collect();
        let identity = match self.key.is_empty() {
            true => Some(row.hash(table, &all, hash, failed)?),
            false => row.key(self.table, &self.key).context(failed)?,
        };
        for key in &mut self.unique {
            let Some(hashed) = row.key(self.table, &key.positions).context(failed)? else { continue };
            let Some(&index) = key.held.get(&hashed) else { continue };
            // The row itself, whose other values may differ.
            if self.rows.get(index).is_some_and(|seed| seed.identity.is_some() && seed.identity == identity) {
                continue;
            }
            key.clash.rows += 1;
            if key.first.len() < NAMED_MAX {
                key.first.push((index, row_key(self.table, row.row.held())));
            }
        }
        let Some(index) = identity.and_then(|identity| self.take(identity)) else { return Ok(()) };
        let hashed = row.hash(table, &all, hash, failed)?;
        let fixed = row.hash(table, &self.fixed, hash, failed)?;
        let Some(seed) = self.rows.get_mut(index) else { return Ok(()) };
        let is_equal = seed.row == hashed;
        seed.matched = Some((number, is_equal));
        if !is_equal {
            self.fixed_differ |= seed.fixed != fixed;
            if self.differing.len() < NAMED_MAX {
                let hashes = all.iter().map(|&position| row.hash(table, &[position], hash, failed));
                let hashes = hashes.collect::<Result<_>>()?;
                self.differing.insert(index, hashes);
            }
        }
        Ok(())
    }

    /// Returns the next row that is known by this: each copy corresponds to one row of the source.
    fn take(&mut self, identity: u128) -> Option<usize> {
        let index = self.by_identity.remove(&identity)?;
        if let Some(next) = self.rows.get(index).and_then(|seed| seed.next) {
            self.by_identity.insert(identity, next);
        }
        Some(index)
    }

    /// Counts all rows, and reads those that are named once more.
    fn compared(mut self, target: &mut Connection) -> Result<ComparedSeeds> {
        let mut found = ComparedSeeds::default();
        found.comparison.table.clone_from(&self.table.source);
        let mut only_target = Vec::new();
        for (index, seed) in self.rows.iter().enumerate() {
            let SeedCounts { equal, differing, only_target: others } = &mut found.comparison.counts;
            match seed.matched {
                Some((source_row, is_equal)) => {
                    *if is_equal { equal } else { differing } += 1;
                    found.marks.push(Mark { location: seed.location, source_row, is_equal });
                }
                None => {
                    *others += 1;
                    if only_target.len() < NAMED_MAX {
                        only_target.push(index);
                    }
                }
            }
        }
        if self.fixed_differ {
            let names = self.fixed.iter().filter_map(|&position| self.table.columns.get(position));
            found.comparison.fixed_columns = names.map(|column| column.source.clone()).collect();
        }
        let clashing = self.unique.iter().flat_map(|key| key.first.iter().map(|(index, _)| *index));
        let named: Vec<usize> =
            only_target.iter().copied().chain(self.differing.keys().copied()).chain(clashing).collect();
        let rows = self.named_rows(&named, target)?;
        let name = |index: usize| rows.get(&index).map_or(String::new(), |row| row.key.clone());
        found.comparison.only_target = only_target.into_iter().map(name).collect();
        found.comparison.differing =
            self.differing.keys().filter_map(|index| rows.get(index)).cloned().collect();
        let clashes = self.unique.into_iter().filter(|key| key.clash.rows > 0).map(|key| {
            let first = key.first.into_iter().map(|(index, of_source)| [of_source, name(index)]);
            UniqueClash { first: first.collect(), ..key.clash }
        });
        found.comparison.clashes = clashes.collect();
        Ok(found)
    }

    /// The names of some rows, and the columns in which they differ.
    fn named_rows(&mut self, named: &[usize], target: &mut Connection) -> Result<BTreeMap<usize, SeedRow>> {
        let mut found = BTreeMap::new();
        if named.is_empty() {
            return Ok(found);
        }
        let locations: HashMap<RowLocation, usize> =
            (named.iter()).filter_map(|&index| Some((self.rows.get(index)?.location, index))).collect();
        let holds = self.holds.clone();
        let appended = ["tableoid", "ctid", &own_key_sql(self.table)];
        let mut rows = TargetRows::open_with(&holds, &[], None, &appended, target)?;
        while rows.advance()? {
            let location = RowLocation::of_target(rows.appended(0), rows.appended(1));
            let Some(&index) = location.and_then(|location| locations.get(&location)) else { continue };
            let mut columns = Vec::new();
            if let Some(of_source) = self.differing.get(&index).cloned() {
                for (position, expected) in of_source.into_iter().enumerate() {
                    if self.target_hash(&rows, &[position])? != expected {
                        columns.extend(self.table.columns.get(position).map(|column| column.source.clone()));
                    }
                }
            }
            let words = self.key.iter().filter_map(|&position| {
                let column = self.table.columns.get(position)?;
                let shown = Field::of(&rows, position).shown(column, &mut self.scratch);
                Some(format!("{}={shown}", column.source))
            });
            let words: Vec<String> = words.collect();
            let key = match (words.is_empty(), rows.appended(2), location) {
                (false, ..) => words.join(", "),
                (true, Some(own), _) => String::from_utf8_lossy(own).into_owned(),
                (true, None, Some(location)) => format!("ctid={}", location.ctid()),
                (true, None, None) => String::new(),
            };
            found.insert(index, SeedRow { key, columns });
        }
        Ok(found)
    }
}

/// A row of the source as it is loaded.
struct Loaded<'a> {
    row: &'a SourceRow<'a>,
    /// The places of the values that become NULL.
    nulled: Vec<usize>,
}

impl Loaded<'_> {
    fn hash(
        &self,
        table: &PlannedTable,
        positions: &[usize],
        hash: &mut RowHash<'_>,
        failed: &dyn Fn() -> String,
    ) -> Result<u128> {
        for &position in positions {
            if let Some(column) = table.columns.get(position) {
                let value = self.value(position).context(failed)?;
                hash.add_source(column, &value, Form::Value, &failed)?;
            }
        }
        Ok(hash.finish())
    }

    /// The hash of a key; none where a part is NULL or longer than any key of PostgreSQL.
    fn key(&self, table: &PlannedTable, positions: &[usize]) -> rusqlite::Result<Option<KeyHash>> {
        let mut hasher = Some(KeyHasher::default());
        for &position in positions {
            let Some(column) = table.columns.get(position) else { return Ok(None) };
            hasher = match self.value(position)? {
                Value::Held(value) => hasher.and_then(|hasher| hasher.with(column, value)),
                Value::Long(_) | Value::Uncomputed(_) => None,
            };
        }
        Ok(hasher.map(KeyHasher::finish))
    }
}

impl Values for Loaded<'_> {
    fn value(&self, position: usize) -> rusqlite::Result<Value<'_>> {
        match self.nulled.contains(&position) {
            true => Ok(Value::Held(SourceValue::Null)),
            false => self.row.value(position),
        }
    }
}

/// The columns that no row can overwrite: those that only PostgreSQL numbers, and parts of a key that are equal without being the same.
fn fixed_positions(table: &PlannedTable, key: &[usize]) -> Vec<usize> {
    let is_identity = |column: &PlannedColumn| {
        let existing = table.existing.as_ref().and_then(|existing| existing.table.column(&column.target));
        existing.is_some_and(|target| target.is_identity)
    };
    let is_fixed = |(position, column): &(usize, &PlannedColumn)| {
        is_identity(column) || key.contains(position) && column.limit == Some(Limit::FoldedCase)
    };
    table.columns.iter().enumerate().filter(is_fixed).map(|(position, _)| position).collect()
}

/// The term for the name of a row by the table's own primary key, where the source has no part in it.
fn own_key_sql(table: &PlannedTable) -> String {
    let key = table.existing.as_ref().and_then(|existing| existing.table.primary_key.as_ref());
    let Some(key) = key else { return "NULL::pg_catalog.text".to_owned() };
    let parts = key.columns.iter().map(|column| {
        format!("{} || {}::pg_catalog.text", quote_pg_literal(&format!("{column}=")), quote_pg(column))
    });
    format!("pg_catalog.concat_ws(', ', {})", parts.collect::<Vec<_>>().join(", "))
}
