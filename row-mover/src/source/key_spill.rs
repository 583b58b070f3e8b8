//! Keys that are too many for memory: a private file has them until the scan is over, in partitions by hash, so that those of one
//! partition fit into memory (a grace hash join).
//!
//! The file is in the folder of the sealed copy, which has the same values, and only this account may read it. It has no name (where the
//! file system knows no such files, it loses its name at once), so that nothing is left of it however the process ends. This module writes
//! and reads keys; it does not decide which keys are compared.

use std::fs::{File, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};

use super::key_set::forms_in;
use super::seal;
use crate::error::{Context, Error, Result};

/// The partitions of the file.
pub(super) const PARTITIONS: usize = 64;

/// The most bits of a hash by which a partition that is too large for memory is divided further.
const BITS_MAX: u32 = 16;

/// The largest file, in bytes.
const FILE_BYTES_MAX: u64 = 8 << 30;

/// The most extents of keys: they need 264 bytes each in memory.
const EXTENTS_MAX: usize = 1 << 15;

/// The file, which is created when it is needed.
#[derive(Debug)]
pub(super) struct Spill {
    folder: Option<PathBuf>,
    bytes_max: u64,
    file: OnceLock<Option<SpillFile>>,
    /// The keys of an unknown file must not be able to meet in one partition.
    hasher: RandomState,
}

#[derive(Debug)]
struct SpillFile {
    file: File,
    end: AtomicU64,
    bytes_max: u64,
}

/// Keys in the file: those of a parent, or those that reference one.
#[derive(Debug, Default)]
pub(super) struct SpilledKeys {
    extents: RwLock<Vec<Extent>>,
}

/// Keys that were written together, in the order of their partitions.
#[derive(Debug)]
struct Extent {
    start: u64,
    /// The end of each partition, from the start.
    ends: [u32; PARTITIONS],
}

/// The keys of a partition whose hashes have the same further bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    partition: usize,
    bits: u32,
    value: u64,
}

impl Spill {
    /// For a file in a folder; without one there is no file.
    pub(super) fn new(folder: Option<PathBuf>) -> Spill {
        Spill { folder, bytes_max: FILE_BYTES_MAX, file: OnceLock::new(), hasher: RandomState::new() }
    }

    /// With a smaller file.
    #[cfg(test)]
    pub(super) fn bounded(self, bytes_max: u64) -> Spill {
        Spill { bytes_max, ..self }
    }

    /// Writes keys, which are forms, each after its length. Returns false if there is no room for them: they are then incomplete.
    pub(super) fn write(&self, keys: &SpilledKeys, forms: &[u8]) -> bool {
        let Some(target) = self.file.get_or_init(|| self.create()) else { return false };
        let (sorted, ends) = self.sort(forms);
        let Some(start) = target.append(&sorted) else { return false };
        let mut extents = keys.extents.write().unwrap_or_else(PoisonError::into_inner);
        if extents.len() == EXTENTS_MAX {
            return false;
        }
        extents.push(Extent { start, ends });
        true
    }

    /// Half of the free room is left for others.
    fn create(&self) -> Option<SpillFile> {
        let folder = self.folder.as_ref()?;
        let bytes_max = (seal::free_bytes(folder).ok()? / 2).min(self.bytes_max);
        let file = tempfile::tempfile_in(folder).ok()?;
        file.set_permissions(Permissions::from_mode(0o600)).ok()?;
        Some(SpillFile { file, end: AtomicU64::new(0), bytes_max })
    }

    fn sort(&self, forms: &[u8]) -> (Vec<u8>, [u32; PARTITIONS]) {
        let partitions: Vec<usize> = forms_in(forms).map(|form| self.hash(form).0).collect();
        let mut places = [0; PARTITIONS];
        for (form, &partition) in forms_in(forms).zip(&partitions) {
            places[partition] += size_of::<u16>() + form.len();
        }
        let mut start = 0;
        for place in &mut places {
            start += std::mem::replace(place, start);
        }
        let (mut sorted, mut from) = (vec![0; forms.len()], 0);
        for (form, &partition) in forms_in(forms).zip(&partitions) {
            let length = size_of::<u16>() + form.len();
            let place = places[partition];
            sorted[place..place + length].copy_from_slice(&forms[from..from + length]);
            places[partition] += length;
            from += length;
        }
        // Blocks are far shorter than 4 GB.
        (sorted, places.map(|end| u32::try_from(end).unwrap_or(u32::MAX)))
    }

    /// The partition of a key, and further bits of its hash.
    fn hash(&self, form: &[u8]) -> (usize, u64) {
        const COUNT: u64 = PARTITIONS as u64;
        let hash = self.hasher.hash_one(form);
        (usize::try_from(hash % COUNT).unwrap_or(0), hash / COUNT)
    }

    /// Hands the keys of a part to `visit`. Returns false as soon as `visit` does. An error from `check_stop` ends it.
    ///
    /// # Errors
    /// When the file cannot be read, or that of `check_stop`.
    pub(super) fn each(
        &self,
        keys: &SpilledKeys,
        part: Part,
        check_stop: &dyn Fn() -> Result<()>,
        visit: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool> {
        let Some(Some(source)) = self.file.get() else { return Ok(true) };
        let folder = self.folder.as_deref().unwrap_or(Path::new(".")).display();
        let failed = || format!("keys that were written to a file in {folder} cannot be read");
        let mut forms = Vec::new();
        for extent in keys.extents.read().unwrap_or_else(PoisonError::into_inner).iter() {
            check_stop()?;
            let (start, length) = extent.place(part.partition);
            forms.resize(length, 0);
            source.file.read_exact_at(&mut forms, start).context(failed)?;
            if !is_complete(&forms) {
                return Err(
                    Error::new(failed()).caused_by("the file system returned other bytes than were written")
                );
            }
            let is_of_part = |form: &&[u8]| part.bits == 0 || part.has(self.hash(form).1);
            if !forms_in(&forms).filter(is_of_part).all(&mut *visit) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether these are forms, each after its length. None is empty: lost bytes that are read as zeros are noticed.
fn is_complete(forms: &[u8]) -> bool {
    let lengths = forms_in(forms).map(|form| if form.is_empty() { 0 } else { size_of::<u16>() + form.len() });
    lengths.sum::<usize>() == forms.len()
}

impl SpillFile {
    /// Appends bytes and returns where they begin; none without room for them.
    fn append(&self, bytes: &[u8]) -> Option<u64> {
        let length = bytes.len() as u64;
        let start = self.end.fetch_add(length, Ordering::Relaxed);
        if start + length > self.bytes_max {
            return None;
        }
        self.file.write_all_at(bytes, start).ok().map(|()| start)
    }
}

impl SpilledKeys {
    pub(super) fn is_empty(&self) -> bool {
        self.extents.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl Extent {
    /// Where the keys of a partition are in the file, and their length.
    fn place(&self, partition: usize) -> (u64, usize) {
        let end = |partition: Option<usize>| partition.map_or(0, |partition| self.ends[partition]);
        let (first, last) = (end(partition.checked_sub(1)), end(Some(partition)));
        (self.start + u64::from(first), usize::try_from(last - first).unwrap_or(0))
    }
}

impl Part {
    /// All keys of a partition.
    pub(super) fn of_partition(partition: usize) -> Part {
        Part { partition, bits: 0, value: 0 }
    }

    /// Its halves; none if it is divided as far as it may be.
    pub(super) fn halves(self) -> Option<[Part; 2]> {
        let half = |bit: u64| Part { bits: self.bits + 1, value: self.value | bit << self.bits, ..self };
        (self.bits < BITS_MAX).then(|| [half(0), half(1)])
    }

    fn has(self, further_bits: u64) -> bool {
        further_bits & ((1 << self.bits) - 1) == self.value
    }
}

#[cfg(test)]
mod tests;
