//! Writes keys to a file and reads them by parts.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

use super::*;
use crate::error::Error;

/// Forms of different lengths, each after its length.
fn forms(numbers: std::ops::Range<usize>) -> Vec<u8> {
    let form = |number: usize| format!("{number:0width$}", width = 1 + number % 40);
    let with_length = |form: String| [&(form.len() as u16).to_le_bytes(), form.as_bytes()].concat();
    numbers.flat_map(|number| with_length(form(number))).collect()
}

/// How often each key of some parts is in the file.
fn count(spill: &Spill, keys: &SpilledKeys, parts: impl Iterator<Item = Part>) -> BTreeMap<Vec<u8>, usize> {
    let mut counts = BTreeMap::new();
    for part in parts {
        let mut visit = |form: &[u8]| {
            *counts.entry(form.to_vec()).or_default() += 1;
            true
        };
        assert!(spill.each(keys, part, &|| Ok(()), &mut visit).unwrap());
    }
    counts
}

#[test]
fn each_key_is_in_one_part() {
    let folder = tempfile::tempdir().unwrap();
    let spill = Spill::new(Some(folder.path().to_owned()));
    let (keys, others) = (SpilledKeys::default(), SpilledKeys::default());
    for first in (0..5000).step_by(500) {
        assert!(spill.write(&keys, &forms(first..first + 500)));
        assert!(spill.write(&others, &forms(first..first + 3)));
    }
    let written: BTreeMap<Vec<u8>, usize> =
        forms_in(&forms(0..5000)).map(|form| (form.to_vec(), 1)).collect();
    let partitions = || (0..PARTITIONS).map(Part::of_partition);
    assert_eq!(count(&spill, &keys, partitions()), written);
    let quarters = partitions()
        .flat_map(|part| part.halves().unwrap())
        .flat_map(|half| half.halves().unwrap())
        .collect::<Vec<_>>();
    assert_eq!(count(&spill, &keys, quarters.iter().copied()), written);
    // Each has about a fourth.
    for quarter in 0..4 {
        let part = quarters.iter().copied().skip(quarter).step_by(4);
        assert!((1000..1500).contains(&count(&spill, &keys, part).len()));
    }
    assert_eq!(count(&spill, &others, partitions()).len(), 30);
    let mut visited = 0;
    let mut visit = |_: &[u8]| {
        visited += 1;
        visited < 3
    };
    assert!(!spill.each(&keys, Part::of_partition(0), &|| Ok(()), &mut visit).unwrap());
    assert_eq!(visited, 3);
}

#[test]
fn the_file_has_no_name_and_a_bound() {
    let folder = tempfile::tempdir().unwrap();
    let mut spill = Spill::new(Some(folder.path().to_owned()));
    let keys = SpilledKeys::default();
    assert!(spill.write(&keys, &forms(0..10)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let file = spill.file.get_mut().unwrap().as_mut().unwrap();
    assert_eq!(file.file.metadata().unwrap().mode() & 0o777, 0o600);
    // Others may free some room meanwhile.
    assert!(file.bytes_max <= seal::free_bytes(folder.path()).unwrap() / 2 + (1 << 30));
    file.bytes_max = 1000;
    assert!(spill.write(&keys, &forms(10..20)));
    assert!(!spill.write(&keys, &forms(0..500)));
    let nowhere = Spill::new(Some(folder.path().join("missing")));
    assert!(!nowhere.write(&keys, &forms(0..10)));
    assert!(!Spill::new(None).write(&keys, &forms(0..10)));
}

#[test]
fn a_stop_ends_the_reading() {
    let folder = tempfile::tempdir().unwrap();
    let spill = Spill::new(Some(folder.path().to_owned()));
    let keys = SpilledKeys::default();
    assert!(spill.write(&keys, &forms(0..10)));
    let stop = || Err(Error::new("it is to stop"));
    let stopped = spill.each(&keys, Part::of_partition(0), &stop, &mut |_| true).unwrap_err();
    assert_eq!(stopped.to_string(), "it is to stop");
}

#[test]
fn keys_that_come_back_changed_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut spill = Spill::new(Some(folder.path().to_owned()));
    let keys = SpilledKeys::default();
    assert!(spill.write(&keys, &forms(0..500)));
    let length = spill.file.get_mut().unwrap().as_mut().unwrap().end.load(Ordering::Relaxed);
    let lost = vec![0; usize::try_from(length).unwrap()];
    spill.file.get().unwrap().as_ref().unwrap().file.write_all_at(&lost, 0).unwrap();
    let error = spill.each(&keys, Part::of_partition(0), &|| Ok(()), &mut |_| true).unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
}
