//! What one value, one row and one stream cost: each conversion there and back, and the rows of binary COPY around them.
//!
//! `cargo bench -p migrate-core` runs all, `cargo bench -p migrate-core -- jsonb` those of that name. It knows no database: what
//! a whole migration takes is measured by `cargo xtask bench`. `docs/performance.md` says how to read both.
#![allow(missing_docs, reason = "a benchmark has no users")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot go on fails")]

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use migrate_core::conversion::Conversion;
use migrate_core::copy_format::{self, StreamReader};
use migrate_core::value::SourceValue;

fn main() {
    divan::main();
}

fn conversion(name: &str) -> Conversion {
    serde_json::from_value(name.into()).unwrap()
}

#[divan::bench(args = Conversion::ALL_NAMES)]
fn encode(bencher: Bencher<'_, '_>, name: &str) {
    let conversion = conversion(name);
    let value = conversion.example();
    let mut out = Vec::with_capacity(1 << 10);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        out.clear();
        conversion.encode(black_box(value), &mut out)
    });
}

#[divan::bench(args = Conversion::ALL_NAMES)]
fn decode(bencher: Bencher<'_, '_>, name: &str) {
    let conversion = conversion(name);
    let (mut wire, mut scratch) = (Vec::new(), Vec::with_capacity(1 << 10));
    conversion.encode(conversion.example(), &mut wire).unwrap();
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        scratch.clear();
        // What is lent ends here; that it was made is enough.
        black_box(conversion.decode(black_box(&wire), &mut scratch)).is_ok()
    });
}

#[divan::bench(args = Conversion::ALL_NAMES)]
fn same(bencher: Bencher<'_, '_>, name: &str) {
    let conversion = conversion(name);
    let (mut wire, mut scratch) = (Vec::new(), Vec::new());
    conversion.encode(conversion.example(), &mut wire).unwrap();
    let target = conversion.decode(&wire, &mut scratch).unwrap();
    let source = conversion.example();
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench_local(|| assert!(conversion.same(black_box(source), black_box(target))));
}

/// The columns of a table such as Hyperpage's `jobs`: keys, words, numbers, times, a NULL, two documents.
fn row() -> Vec<(Conversion, SourceValue<'static>)> {
    let mut row: Vec<_> = [
        "text",
        "text",
        "text",
        "integer",
        "text",
        "text",
        "text",
        "jsonb",
        "jsonb",
        "timestamptz_from_epoch_ms",
        "timestamptz_from_epoch_ms",
        "timestamptz_from_epoch_ms",
        "integer",
        "integer",
        "boolean",
    ]
    .map(conversion)
    .map(|conversion| {
        let value = conversion.example();
        (conversion, value)
    })
    .into();
    row.push((Conversion::TimestamptzFromEpochMs, SourceValue::Null));
    row
}

fn append_row(row: &[(Conversion, SourceValue<'_>)], out: &mut Vec<u8>) {
    copy_format::begin_row(row.len(), out);
    for (conversion, value) in row {
        copy_format::append_field(conversion, false, *value, out).unwrap();
    }
}

#[divan::bench]
fn copy_append_row(bencher: Bencher<'_, '_>) {
    let row = row();
    let mut out = Vec::with_capacity(1 << 12);
    append_row(&row, &mut out);
    bencher.counter(ItemsCount::new(1_usize)).counter(BytesCount::new(out.len())).bench_local(|| {
        out.clear();
        append_row(black_box(&row), &mut out);
    });
}

/// A stream of a thousand rows, found row by row in pieces of the size that libpq gives: a row each.
#[divan::bench]
fn copy_read_rows(bencher: Bencher<'_, '_>) {
    const ROWS: usize = 1_000;
    let (row, mut one) = (row(), Vec::new());
    append_row(&row, &mut one);
    bencher.counter(ItemsCount::new(ROWS)).counter(BytesCount::new(ROWS * one.len())).bench_local(|| {
        let (mut reader, mut fields, mut found) = (StreamReader::default(), Vec::new(), 0);
        reader.feed(copy_format::HEADER);
        for _ in 0..ROWS {
            reader.feed(black_box(&one));
            while reader.next_row(row.len(), &mut fields).unwrap() {
                found += 1;
            }
        }
        assert_eq!(found, ROWS);
    });
}
