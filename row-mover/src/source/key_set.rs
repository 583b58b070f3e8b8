//! A set of the keys of a table's rows, within a limit of memory.
//!
//! The set is exact: it holds the keys themselves and compares all of their bytes.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};

use migrate_core::value::SourceValue;

use super::key_form::{Key, append_form};

/// The forms of keys are kept in blocks of this size, so that a set grows without being copied.
const BLOCK_BYTES: usize = 1 << 18;

/// The size of the first block, so that the sets of many small tables need little. No form is longer.
const FIRST_BLOCK_BYTES: usize = 1 << 14;

/// The most integers that are written at once: a second's work. Runs of any length need 16 bytes in memory.
const INTEGERS_MAX: u128 = 1 << 24;

/// The smallest number of slots.
const SLOTS_MIN: usize = 1 << 8;

/// The memory that sets may still use, in bytes.
#[derive(Debug)]
pub(super) struct Budget(AtomicUsize);

impl Budget {
    pub(super) fn new(bytes: usize) -> Budget {
        Budget(AtomicUsize::new(bytes))
    }

    /// A part of what is left: the same for each of several workers.
    pub(super) fn share(&self, workers: usize) -> Budget {
        Budget::new(self.0.load(Ordering::Relaxed) / workers.max(1))
    }

    fn take(&self, bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Keys that are added to a set together.
#[derive(Debug, Default)]
pub(super) struct KeyBatch {
    /// First and last of integers that follow each other.
    runs: Vec<(i64, i64)>,
    /// Forms, each after its length.
    forms: Vec<u8>,
    /// Where the last of them begins.
    last: usize,
}

impl KeyBatch {
    /// Adds a key; one that is equal to the last one is not added again. Returns false for a key that is NULL, unknown or too long, which
    /// is not added.
    pub(super) fn add(&mut self, key: Key<'_>) -> bool {
        match key {
            Key::Integer(integer) => push_run(&mut self.runs, (integer, integer)),
            Key::Form(form) => {
                if forms_in(&self.forms[self.last..]).next() != Some(form) {
                    let before = self.forms.len();
                    if !push_form(&mut self.forms, form) {
                        return false;
                    }
                    self.last = before;
                }
            }
            Key::Null | Key::Unknown => return false,
        }
        true
    }

    /// Hands all keys to `visit` as forms, each after its length, in blocks. Returns false as soon as `visit` does.
    pub(super) fn each_block(&self, visit: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        (self.forms.is_empty() || visit(&self.forms)) && each_block_of_runs(&self.runs, visit)
    }

    /// Empties it.
    pub(super) fn clear(&mut self) {
        self.runs.clear();
        self.forms.clear();
        self.last = 0;
    }

    /// Whether it is large enough to be added to a set.
    pub(super) fn is_full(&self) -> bool {
        self.forms.len() + self.runs.len() * size_of::<(i64, i64)>() >= BLOCK_BYTES
    }
}

/// Appends a run; one that the last one reaches is joined with it.
fn push_run(runs: &mut Vec<(i64, i64)>, (first, last): (i64, i64)) {
    match runs.last_mut() {
        Some(before) if first >= before.0 && before.1.checked_add(1).is_none_or(|next| first <= next) => {
            before.1 = before.1.max(last);
        }
        _ => runs.push((first, last)),
    }
}

/// Appends a form after its length. Returns false if it is too long.
fn push_form(forms: &mut Vec<u8>, form: &[u8]) -> bool {
    let Ok(length) = u16::try_from(form.len()) else { return false };
    forms.extend_from_slice(&length.to_le_bytes());
    forms.extend_from_slice(form);
    true
}

/// Hands integers to `visit` as [`KeyBatch::each_block`] does. Returns false if they are too many to be written one by one.
fn each_block_of_runs(runs: &[(i64, i64)], visit: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    let count = runs.iter().map(|(first, last)| u128::from(last.abs_diff(*first)) + 1).sum::<u128>();
    if count > INTEGERS_MAX {
        return false;
    }
    let (mut block, mut form) = (Vec::new(), Vec::new());
    for integer in runs.iter().flat_map(|&(first, last)| first..=last) {
        form.clear();
        append_form(SourceValue::Integer(integer), &mut form);
        push_form(&mut block, &form);
        if block.len() >= BLOCK_BYTES {
            if !visit(&block) {
                return false;
            }
            block.clear();
        }
    }
    block.is_empty() || visit(&block)
}

/// A place of the table of forms: a part of the hash of a form, and where it is, from 1; 0 where there is none.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hash: u32,
    place: u32,
}

/// A set of keys.
#[derive(Debug)]
pub(super) struct KeySet<'a> {
    budget: &'a Budget,
    /// What it has taken of the budget.
    taken: usize,
    /// Sorted once the set is complete.
    runs: Vec<(i64, i64)>,
    /// Forms, each after its length. None is in two blocks.
    blocks: Vec<Vec<u8>>,
    forms: usize,
    /// A hash table with open addressing; its size is a power of two.
    slots: Vec<Slot>,
    hasher: RandomState,
}

impl<'a> KeySet<'a> {
    pub(super) fn new(budget: &'a Budget) -> KeySet<'a> {
        KeySet {
            budget,
            taken: 0,
            runs: Vec::new(),
            blocks: Vec::new(),
            forms: 0,
            slots: Vec::new(),
            // The keys of an unknown file must not be able to meet in one slot.
            hasher: RandomState::new(),
        }
    }

    /// Adds the keys of a batch. Returns false if memory does not suffice: the set is then incomplete.
    pub(super) fn add(&mut self, batch: &KeyBatch) -> bool {
        self.add_runs(&batch.runs) && self.add_forms(&batch.forms)
    }

    fn add_runs(&mut self, runs: &[(i64, i64)]) -> bool {
        let capacity = self.runs.capacity();
        if capacity - self.runs.len() < runs.len() {
            // The old ones exist until the new ones are filled.
            let wanted = (2 * capacity).max(self.runs.len() + runs.len());
            if !self.take(wanted * size_of::<(i64, i64)>()) {
                return false;
            }
            self.runs.reserve_exact(wanted - self.runs.len());
            self.give_back(capacity * size_of::<(i64, i64)>());
        }
        runs.iter().for_each(|&run| push_run(&mut self.runs, run));
        true
    }

    fn add_forms(&mut self, forms: &[u8]) -> bool {
        forms_in(forms).all(|form| self.add_form(form))
    }

    /// Adds a key that has a form. Returns false as [`KeySet::add`] does.
    pub(super) fn add_form(&mut self, form: &[u8]) -> bool {
        if !self.has_room() {
            return false;
        }
        let hash = self.hasher.hash_one(form);
        let Err(free) = self.find(hash, form) else { return true };
        let Some(place) = self.keep(form) else { return false };
        if let Some(slot) = self.slots.get_mut(free) {
            *slot = Slot { hash: upper_half(hash), place };
            self.forms += 1;
        }
        true
    }

    /// Hands all keys to `visit` as [`KeyBatch::each_block`] does.
    pub(super) fn each_block(&self, visit: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.blocks.iter().all(|block| visit(block)) && each_block_of_runs(&self.runs, visit)
    }

    /// Finds a form: its slot, or the free one where it belongs.
    fn find(&self, hash: u64, form: &[u8]) -> Result<usize, usize> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = lower_half(hash) & mask;
        loop {
            match self.slots.get(at) {
                Some(slot) if slot.place == 0 => return Err(at),
                Some(slot) if slot.hash == upper_half(hash) && self.form(slot.place) == Some(form) => {
                    return Ok(at);
                }
                // A table of slots always has a free one; without slots there is nothing to find.
                Some(_) => at = (at + 1) & mask,
                None => return Err(at),
            }
        }
    }

    fn form(&self, place: u32) -> Option<&[u8]> {
        let place = usize::try_from(place).ok()?.checked_sub(1)?;
        let block = self.blocks.get(place / BLOCK_BYTES)?;
        split_form(block.get(place % BLOCK_BYTES..)?).map(|(form, _)| form)
    }

    /// Keeps a form; none without memory for it.
    fn keep(&mut self, form: &[u8]) -> Option<u32> {
        let size = |block: usize| if block == 0 { FIRST_BLOCK_BYTES } else { BLOCK_BYTES };
        let count = self.blocks.len();
        let is_room =
            |block: &Vec<u8>| block.len() + size_of::<u16>() + form.len() <= size(count.saturating_sub(1));
        if !self.blocks.last().is_some_and(is_room) {
            if !self.take(size(count)) {
                return None;
            }
            self.blocks.push(Vec::with_capacity(size(count)));
        }
        let start = (self.blocks.len() - 1) * BLOCK_BYTES;
        let block = self.blocks.last_mut()?;
        let place = u32::try_from(start + block.len() + 1).ok()?;
        push_form(block, form).then_some(place)
    }

    /// Makes room for one more form, so that a quarter of the slots stays free.
    fn has_room(&mut self) -> bool {
        let count = self.slots.len();
        if self.forms < count / 4 * 3 {
            return true;
        }
        let wanted = (2 * count).max(SLOTS_MIN);
        if !self.take(wanted * size_of::<Slot>()) {
            return false;
        }
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); wanted]);
        for slot in old.iter().filter(|slot| slot.place != 0) {
            let Some(hash) = self.form(slot.place).map(|form| self.hasher.hash_one(form)) else { continue };
            let mut at = lower_half(hash) & (wanted - 1);
            while self.slots.get(at).is_some_and(|taken| taken.place != 0) {
                at = (at + 1) & (wanted - 1);
            }
            if let Some(free) = self.slots.get_mut(at) {
                *free = *slot;
            }
        }
        self.give_back(count * size_of::<Slot>());
        true
    }

    /// Prepares a set that is complete for [`KeySet::contains`].
    pub(super) fn complete(&mut self) {
        self.runs.sort_unstable();
        let mut joined = 0;
        for at in 0..self.runs.len() {
            let run = self.runs[at];
            let is_joined = joined > 0 && {
                let before = &mut self.runs[joined - 1];
                let reaches = before.1.checked_add(1).is_none_or(|next| run.0 <= next);
                before.1 = if reaches { before.1.max(run.1) } else { before.1 };
                reaches
            };
            if !is_joined {
                self.runs[joined] = run;
                joined += 1;
            }
        }
        self.runs.truncate(joined);
    }

    /// Whether a key is in the set, which is complete.
    pub(super) fn contains(&self, key: Key<'_>) -> bool {
        match key {
            Key::Integer(integer) => {
                let after = self.runs.partition_point(|(first, _)| *first <= integer);
                after.checked_sub(1).and_then(|at| self.runs.get(at)).is_some_and(|run| integer <= run.1)
            }
            Key::Form(form) => self.find(self.hasher.hash_one(form), form).is_ok(),
            Key::Null | Key::Unknown => false,
        }
    }

    fn take(&mut self, bytes: usize) -> bool {
        let is_taken = self.budget.take(bytes);
        self.taken += if is_taken { bytes } else { 0 };
        is_taken
    }

    fn give_back(&mut self, bytes: usize) {
        self.budget.give_back(bytes);
        self.taken = self.taken.saturating_sub(bytes);
    }
}

impl Drop for KeySet<'_> {
    fn drop(&mut self) {
        self.budget.give_back(self.taken);
    }
}

/// The first of forms that follow each other, and the others.
fn split_form(forms: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = forms.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))
}

/// The forms that follow each other, each after its length.
pub(super) fn forms_in(mut forms: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (form, rest) = split_form(forms)?;
        forms = rest;
        Some(form)
    })
}

/// The part of a hash that chooses a slot.
#[expect(clippy::cast_possible_truncation, reason = "a part of it is enough")]
fn lower_half(hash: u64) -> usize {
    hash as usize
}

/// The part of a hash that a slot has.
fn upper_half(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use migrate_core::value::SourceValue;
    use proptest::prelude::*;

    use super::*;
    use crate::source::key_form::append_form;

    proptest! {
        #[test]
        fn a_set_has_the_keys_that_were_added_and_no_others(
            integers in prop::collection::vec(prop_oneof![-40..40_i64, i64::MAX - 3..=i64::MAX, i64::MIN..i64::MIN + 3], 0..200),
            texts in prop::collection::vec("[ab]{0,6}", 0..900),
            probes in prop::collection::vec("[ab]{0,6}", 0..100),
            batch_size in 1..50_usize,
        ) {
            const BYTES: usize = 1 << 20;
            let budget = Budget::new(BYTES);
            let mut set = KeySet::new(&budget);
            let (mut batch, mut count) = (KeyBatch::default(), 0);
            let keys = integers.iter().map(|integer| Key::Integer(*integer));
            for key in keys.chain(texts.iter().map(|text| Key::Form(text.as_bytes()))) {
                batch.add(key);
                count += 1;
                if count % batch_size == 0 {
                    prop_assert!(set.add(&batch));
                    batch.clear();
                }
            }
            prop_assert!(set.add(&batch));
            set.complete();
            let (integers, texts): (BTreeSet<i64>, BTreeSet<&str>) =
                (integers.into_iter().collect(), texts.iter().map(String::as_str).collect());
            for integer in (-45..45).chain(i64::MAX - 5..=i64::MAX).chain(i64::MIN..i64::MIN + 5) {
                prop_assert_eq!(set.contains(Key::Integer(integer)), integers.contains(&integer), "{}", integer);
            }
            for text in probes.iter().map(String::as_str).chain(texts.iter().copied()) {
                prop_assert_eq!(set.contains(Key::Form(text.as_bytes())), texts.contains(text), "{}", text);
            }
            drop(set);
            prop_assert!(budget.take(BYTES));
        }
    }

    #[test]
    fn a_set_needs_little_memory_and_no_more_than_it_may() {
        let needed = |bytes: usize, add: &dyn Fn(&mut KeyBatch, u32)| {
            let budget = Budget::new(bytes);
            let (mut set, mut batch) = (KeySet::new(&budget), KeyBatch::default());
            for number in 0..200_000 {
                add(&mut batch, number);
                if batch.is_full() {
                    if !set.add(&batch) {
                        return None;
                    }
                    batch.clear();
                }
            }
            set.add(&batch).then_some(set.taken)
        };
        let texts = |batch: &mut KeyBatch, number: u32| {
            let mut form = Vec::new();
            assert!(append_form(SourceValue::Text(format!("job_{number:016x}").as_bytes()), &mut form));
            batch.add(Key::Form(&form));
        };
        let integers = |batch: &mut KeyBatch, number: u32| {
            batch.add(Key::Integer(i64::from(number)));
        };
        let taken = needed(usize::MAX, &texts).unwrap();
        assert!(taken < 10 << 20, "{taken}");
        assert_eq!(needed(taken / 2, &texts), None);
        let taken = needed(usize::MAX, &integers).unwrap();
        assert!(taken < 100, "{taken}");
    }
}
