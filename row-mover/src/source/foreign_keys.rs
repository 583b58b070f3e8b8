//! Checks foreign keys during the scan of all rows, so that nearly no row is read a second time for them.
//!
//! The keys of a parent are collected in a [`KeySet`] while its rows are scanned. The rows of a child are scanned afterwards, and each of
//! its keys is searched for in the set. If the keys of a parent are too many for memory, they go into a file ([`Spill`]), those of its
//! children as well, and both are compared part by part once all rows are scanned. The result is exact:
//!
//! - A key that is found has a parent: set and file hold the keys themselves, from the table's rows and not from an index, and equal
//!   forms are equal values.
//! - A key that is not found proves nothing: an affinity may make it equal to a key of another form, it may be too long, or there may be
//!   no room for the file. The foreign key then counts as uncertain, and [`super::orphans`] decides by SQLite's own comparison.
//!
//! The rows of a table that references itself, or one of a circle, are scanned before all keys of the parent are known. Their keys, and
//! nothing else of them, are read again.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use migrate_core::load_plan::LoadPlan;
use migrate_core::plan::PlannedTable;

use super::SourceConnection;
use super::key_form::{Key, KeyReader};
use super::key_set::{Budget, KeyBatch, KeySet};
use super::key_spill::{PARTITIONS, Part, Spill, SpilledKeys};
use super::preflight::in_threads;
use super::row_range::RowRange;
use super::rows::{Scan, SourceRow};
use crate::error::{Context, Result};

/// The memory for the keys of all parents, in bytes.
pub(super) const KEYS_BYTES_MAX: usize = 20 << 20;

/// The foreign keys of a plan that PostgreSQL will check.
#[derive(Debug)]
pub(super) struct ForeignKeys<'a> {
    plan: &'a LoadPlan<'a>,
    budget: &'a Budget,
    spill: Spill,
    parents: Vec<Parent<'a>>,
    links: Vec<Link>,
    /// Of each table, by place in the plan: where it is among the parents, once for each key, and its foreign keys among the links.
    tables: Vec<TableKeys>,
}

#[derive(Clone, Debug, Default)]
struct TableKeys {
    parents: Vec<usize>,
    links: Vec<usize>,
}

/// The columns of a table that foreign keys reference.
#[derive(Debug)]
struct Parent<'a> {
    /// The table, by place in the plan.
    table: usize,
    positions: Vec<usize>,
    /// The foreign keys that reference them, by place among the links.
    links: Vec<usize>,
    /// The keys so far; none once they are complete, or too many for memory.
    growing: Mutex<Option<KeySet<'a>>>,
    complete: OnceLock<KeySet<'a>>,
    /// The keys that were too many for memory.
    spilled: SpilledKeys,
    /// Whether all keys so far are in the file.
    is_spilled: AtomicBool,
}

/// A foreign key.
#[derive(Debug)]
struct Link {
    /// Its place among the foreign keys of its table.
    number: usize,
    positions: Vec<usize>,
    /// Its place among the parents.
    parent: usize,
    /// Whether the rows are scanned before all keys of the parent are known.
    is_late: bool,
    /// Whether there may be a row without a parent.
    is_uncertain: AtomicBool,
    /// The keys of its rows, if those of the parent are in the file.
    spilled: SpilledKeys,
}

impl<'a> ForeignKeys<'a> {
    /// Those of `plan`, in the file `source`. Where SQLite does not hold text in UTF-8, all of them are uncertain: two texts that differ
    /// may be the same once they are converted.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub(super) fn new(
        plan: &'a LoadPlan<'a>,
        budget: &'a Budget,
        source: &SourceConnection,
    ) -> Result<ForeignKeys<'a>> {
        let is_utf8 = source.is_utf8()?;
        let places: HashMap<&str, usize> =
            plan.tables.iter().enumerate().map(|(place, table)| (table.target.as_str(), place)).collect();
        let tables = vec![TableKeys::default(); plan.tables.len()];
        let spill = Spill::new(source.private_folder().map(Path::to_owned));
        let mut keys = ForeignKeys { plan, budget, spill, parents: Vec::new(), links: Vec::new(), tables };
        for (place, table) in plan.tables.iter().enumerate() {
            // A constraint that the plan knows to be violated is created as NOT VALID, and refuses no row.
            for (number, key) in table.foreign_keys.iter().enumerate().filter(|(_, key)| !key.not_valid) {
                let Some(&parent) = places.get(key.parent_table.as_str()) else { continue };
                let child_positions = positions(table, &key.columns);
                let parent_positions = positions(&plan.tables[parent], &key.parent_columns);
                let is_known = is_utf8 && child_positions.is_some() && parent_positions.is_some();
                let parent = keys.parent(parent, parent_positions.unwrap_or_default());
                keys.parents[parent].links.push(keys.links.len());
                keys.tables[place].links.push(keys.links.len());
                keys.links.push(Link {
                    number,
                    positions: child_positions.unwrap_or_default(),
                    parent,
                    is_late: false,
                    is_uncertain: AtomicBool::new(!is_known),
                    spilled: SpilledKeys::default(),
                });
            }
        }
        Ok(keys)
    }

    /// The place of these columns among the parents.
    fn parent(&mut self, table: usize, positions: Vec<usize>) -> usize {
        let known =
            self.tables[table].parents.iter().find(|&&known| self.parents[known].positions == positions);
        if let Some(&known) = known {
            return known;
        }
        self.parents.push(Parent {
            table,
            positions,
            links: Vec::new(),
            growing: Mutex::new(Some(KeySet::new(self.budget))),
            complete: OnceLock::new(),
            spilled: SpilledKeys::default(),
            is_spilled: AtomicBool::new(false),
        });
        self.tables[table].parents.push(self.parents.len() - 1);
        self.parents.len() - 1
    }

    /// The order in which the tables are to be scanned: parents before their children. The foreign keys for which that is impossible
    /// are checked late. Tables that nothing depends on come after the parents, to be scanned while a child waits.
    pub(super) fn settle_order(&mut self) -> Vec<usize> {
        let count = self.tables.len();
        let (mut waits_for, mut children) = (vec![BTreeSet::new(); count], vec![Vec::new(); count]);
        for (place, table) in self.tables.iter().enumerate() {
            for &link in &table.links {
                let parent = self.parents[self.links[link].parent].table;
                if parent != place && waits_for[place].insert(parent) {
                    children[parent].push(place);
                }
            }
        }
        let mut levels: Vec<Option<usize>> = vec![None; count];
        let mut ready: Vec<usize> = (0..count).filter(|&place| waits_for[place].is_empty()).collect();
        let (mut next, mut order) = (0, Vec::with_capacity(count));
        // Every table of a circle waits for another one: the first of the plan is taken.
        while let Some(place) = ready.pop().or_else(|| (next..count).find(|&place| levels[place].is_none())) {
            if levels[place].is_some() {
                continue;
            }
            if !waits_for[place].is_empty() {
                next = place + 1;
            }
            let parents = self.parents_of(place);
            levels[place] =
                Some(parents.filter_map(|parent| levels[parent]).max().map_or(0, |level| level + 1));
            order.push(place);
            for &child in &children[place] {
                waits_for[child].remove(&place);
                if waits_for[child].is_empty() {
                    ready.push(child);
                }
            }
        }
        order.sort_by_key(|&place| (levels[place], self.tables[place].parents.is_empty(), place));
        for (place, table) in self.tables.iter().enumerate() {
            for &link in &table.links {
                let link = &mut self.links[link];
                link.is_late = levels[self.parents[link.parent].table] >= levels[place];
            }
        }
        order
    }

    /// The tables that the foreign keys of a table reference.
    fn parents_of(&self, table: usize) -> impl Iterator<Item = usize> {
        self.tables[table].links.iter().map(|&link| self.parents[self.links[link].parent].table)
    }

    /// The tables that must be scanned before the rows of a table: before all of its columns are, or before its late keys.
    pub(super) fn scanned_before(&self, table: usize, is_late: bool) -> impl Iterator<Item = usize> {
        let links = self.tables[table].links.iter().map(|&link| &self.links[link]);
        links.filter(move |link| link.is_late == is_late).map(|link| self.parents[link.parent].table)
    }

    /// Whether a table has foreign keys that are checked late.
    pub(super) fn has_late(&self, table: usize) -> bool {
        self.scanned_before(table, true).next().is_some()
    }

    /// What to do with the rows of a table.
    pub(super) fn of_rows(&self, table: usize) -> RowKeys<'_, 'a> {
        let parents = self.tables[table].parents.iter().map(|&parent| &self.parents[parent]);
        let collected = parents
            .filter(|parent| self.certain_links(parent).next().is_some())
            .map(|parent| (parent, KeyReader::new(parent.positions.clone()), KeyBatch::default()));
        let searched = self
            .links(table, false)
            .map(|link| (link, KeyReader::new(link.positions.clone()), KeyBatch::default()));
        RowKeys { keys: self, collected: collected.collect(), searched: searched.collect() }
    }

    /// The foreign keys that reference a parent and for which it is not known that they are uncertain.
    fn certain_links(&self, parent: &Parent<'_>) -> impl Iterator<Item = &Link> {
        parent.links.iter().map(|&link| &self.links[link]).filter(|link| !link.is_uncertain())
    }

    fn links(&self, table: usize, is_late: bool) -> impl Iterator<Item = &Link> {
        let links = self.tables[table].links.iter().map(|&link| &self.links[link]);
        links.filter(move |link| link.is_late == is_late)
    }

    /// Checks the late foreign keys of rows in a range: by a scan of their columns alone.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub(super) fn check_late(
        &self,
        source: &SourceConnection,
        table: usize,
        range: Option<RowRange>,
    ) -> Result<()> {
        let planned = &self.plan.tables[table];
        let failed = || format!("the foreign keys of table {} cannot be checked", planned.source);
        let (mut columns, mut searched) = (Vec::new(), Vec::new());
        for link in self.links(table, true).filter(|link| !link.is_uncertain()) {
            let first = columns.len();
            columns.extend(link.positions.iter().map(|&position| &planned.columns[position]));
            searched.push((link, KeyReader::new((first..columns.len()).collect()), KeyBatch::default()));
        }
        if searched.is_empty() {
            return Ok(());
        }
        let mut keys = RowKeys { keys: self, collected: Vec::new(), searched };
        let scan = Scan::of_columns(planned, columns).within(range);
        scan.each(source, &failed, &mut |row| keys.visit(row).context(failed))?;
        keys.finish();
        Ok(())
    }

    /// Records that all rows of a table are scanned: the keys of its rows are complete.
    pub(super) fn complete(&self, table: usize) {
        for parent in self.tables[table].parents.iter().map(|&parent| &self.parents[parent]) {
            if let Some(mut keys) = lock(&parent.growing).take() {
                keys.complete();
                // Nobody else completes it.
                let _ = parent.complete.set(keys);
            } else if !parent.is_spilled() {
                self.certain_links(parent).for_each(Link::set_uncertain);
            }
        }
    }

    /// Compares the keys in the file, once all rows are scanned. `check_stop` ends it with an error.
    ///
    /// # Errors
    /// When the file cannot be read, or that of `check_stop`.
    pub(super) fn check_spilled(
        &mut self,
        workers: usize,
        check_stop: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<()> {
        // Nothing is searched for in the sets any more: their memory is for those of the parts.
        self.parents.iter_mut().for_each(|parent| drop(parent.complete.take()));
        let keys = &*self;
        let parts: Vec<(&Parent<'_>, usize)> = (keys.parents.iter())
            .filter(|parent| keys.certain_links(parent).any(|link| !link.spilled.is_empty()))
            .flat_map(|parent| (0..PARTITIONS).map(move |partition| (parent, partition)))
            .collect();
        let (next, workers) = (AtomicUsize::new(0), workers.max(1).min(parts.len()));
        let work = || -> Result<()> {
            let budget = keys.budget.share(workers);
            while let Some((parent, partition)) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                keys.check_part(parent, Part::of_partition(*partition), &budget, check_stop)?;
            }
            Ok(())
        };
        in_threads(workers, &work)
    }

    /// Searches a part of the parent's keys for those of its children. A part that is too large for memory is divided.
    fn check_part(
        &self,
        parent: &Parent<'_>,
        part: Part,
        budget: &Budget,
        check_stop: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        let links: Vec<&Link> = self.certain_links(parent).filter(|link| !link.spilled.is_empty()).collect();
        if links.is_empty() {
            return Ok(());
        }
        let mut set = KeySet::new(budget);
        if self.spill.each(&parent.spilled, part, check_stop, &mut |form| set.add_form(form))? {
            for link in links {
                let mut is_found = |form: &[u8]| set.contains(Key::Form(form));
                if !self.spill.each(&link.spilled, part, check_stop, &mut is_found)? {
                    link.set_uncertain();
                }
            }
            return Ok(());
        }
        drop(set);
        match part.halves() {
            Some(halves) => {
                halves.into_iter().try_for_each(|half| self.check_part(parent, half, budget, check_stop))
            }
            None => {
                links.into_iter().for_each(Link::set_uncertain);
                Ok(())
            }
        }
    }

    /// The foreign keys of a table that may have rows without a parent, by their places among the foreign keys.
    pub(super) fn uncertain(&self, table: usize) -> impl Iterator<Item = usize> {
        let links = self.tables[table].links.iter().map(|&link| &self.links[link]);
        links.filter(|link| link.is_uncertain()).map(|link| link.number)
    }
}

impl Link {
    fn is_uncertain(&self) -> bool {
        self.is_uncertain.load(Ordering::Relaxed)
    }

    fn set_uncertain(&self) {
        self.is_uncertain.store(true, Ordering::Relaxed);
    }

    /// Writes keys of its rows to the file.
    fn spill(&self, batch: &mut KeyBatch, spill: &Spill) {
        if !batch.each_block(&mut |forms| spill.write(&self.spilled, forms)) {
            self.set_uncertain();
        }
        batch.clear();
    }
}

/// What is done with the keys of a table's rows, by one of the threads that scan it.
pub(super) struct RowKeys<'k, 'a> {
    keys: &'k ForeignKeys<'a>,
    /// The keys that others reference.
    collected: Vec<(&'k Parent<'a>, KeyReader, KeyBatch)>,
    /// The keys that reference others.
    searched: Vec<(&'k Link, KeyReader, KeyBatch)>,
}

impl RowKeys<'_, '_> {
    /// Collects the keys of a row, and searches for its parents.
    ///
    /// # Errors
    /// When a value cannot be read.
    pub(super) fn visit(&mut self, row: &SourceRow<'_>) -> rusqlite::Result<()> {
        for (parent, reader, batch) in &mut self.collected {
            batch.add(reader.read(row)?);
            if batch.is_full() {
                parent.add(batch, &self.keys.spill);
            }
        }
        for (link, reader, batch) in &mut self.searched {
            if link.is_uncertain() {
                continue;
            }
            let key = reader.read(row)?;
            let may_have_parent = match self.keys.parents[link.parent].complete.get() {
                _ if key == Key::Null => true,
                Some(keys) => keys.contains(key),
                None => batch.add(key),
            };
            if !may_have_parent {
                link.set_uncertain();
            } else if batch.is_full() {
                link.spill(batch, &self.keys.spill);
            }
        }
        Ok(())
    }

    /// Ends with the last row.
    pub(super) fn finish(mut self) {
        let spill = &self.keys.spill;
        self.collected.iter_mut().for_each(|(parent, _, batch)| parent.add(batch, spill));
        self.searched.iter_mut().for_each(|(link, _, batch)| link.spill(batch, spill));
    }
}

impl Parent<'_> {
    fn is_spilled(&self) -> bool {
        self.is_spilled.load(Ordering::Relaxed)
    }

    /// Adds keys. Once they are too many for memory, all go into the file.
    fn add(&self, batch: &mut KeyBatch, spill: &Spill) {
        let mut write = |forms: &[u8]| spill.write(&self.spilled, forms);
        let mut growing = lock(&self.growing);
        let is_full = growing.as_mut().is_some_and(|keys| !keys.add(batch));
        if is_full && let Some(keys) = growing.take() {
            self.is_spilled.store(keys.each_block(&mut write), Ordering::Relaxed);
        }
        let is_in_memory = growing.is_some();
        drop(growing);
        if !is_in_memory && self.is_spilled() && !batch.each_block(&mut write) {
            self.is_spilled.store(false, Ordering::Relaxed);
        }
        batch.clear();
    }
}

/// The places of columns with these target names; none if one is missing.
fn positions(table: &PlannedTable, targets: &[String]) -> Option<Vec<usize>> {
    let position = |name: &String| table.columns.iter().position(|column| column.target == *name);
    targets.iter().map(position).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
