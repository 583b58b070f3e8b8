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

/// A document of the size that apps keep in a column.
const DOCUMENT: &[u8] = br#"{"kind": "export", "entries": [{"id": 8796093022208, "count": 512, "price": 19.90, "text": "weekly report, copy 2", "tags": ["a", "b", null, true]}, {"id": 17, "count": 0, "price": 0.05, "text": "d\u00e9j\u00e0 vu", "tags": []}]}"#;

/// What a column with this conversion usually holds.
fn typical(conversion: &Conversion) -> SourceValue<'static> {
    match conversion {
        Conversion::Text | Conversion::TextFromAny => {
            SourceValue::Text("https://example.org/größe/17".as_bytes())
        }
        Conversion::Bigint => SourceValue::Integer(9_007_199_254_740_993),
        Conversion::Integer | Conversion::Smallint => SourceValue::Integer(12_345),
        Conversion::Boolean => SourceValue::Integer(1),
        Conversion::BooleanFromWords => SourceValue::Text(b"yes"),
        Conversion::DoublePrecision => SourceValue::Real(0.1),
        Conversion::Real => SourceValue::Real(0.5),
        Conversion::Bytea | Conversion::ByteaFromAny => SourceValue::Blob(&[0xa5; 256]),
        Conversion::Json | Conversion::Jsonb | Conversion::JsonbLastKeyWins => SourceValue::Text(DOCUMENT),
        Conversion::TimestamptzFromEpochMs | Conversion::TimestampFromEpochMs => {
            SourceValue::Integer(1_705_312_800_123)
        }
        Conversion::TimestamptzFromEpochS | Conversion::TimestampFromEpochS => {
            SourceValue::Integer(1_705_312_800)
        }
        Conversion::TimestamptzFromEpochUs => SourceValue::Integer(1_705_312_800_123_456),
        Conversion::TimestamptzFromJulianDay => SourceValue::Real(2_460_324.916_666_666_5),
        Conversion::TimestamptzFromIso8601(_) | Conversion::TimestampUtcFromIso8601 => {
            SourceValue::Text(b"2024-01-15T10:00:00.123Z")
        }
        Conversion::TimestampFromIso8601 => SourceValue::Text(b"2024-01-15 10:00:00"),
        Conversion::Numeric => SourceValue::Real(19.99),
        Conversion::Uuid => SourceValue::Text(b"0190d3a4-5f3e-7c1a-9b2d-3c4d5e6f7081"),
        Conversion::UuidFromUppercase => SourceValue::Text(b"0190D3A4-5F3E-7C1A-9B2D-3C4D5E6F7081"),
        Conversion::UuidFromBytes => SourceValue::Blob(&[0x5a; 16]),
        Conversion::Date => SourceValue::Text(b"2024-01-15"),
        Conversion::Time => SourceValue::Text(b"10:00:00"),
    }
}

fn conversion(name: &str) -> Conversion {
    serde_json::from_value(name.into()).unwrap()
}

#[divan::bench(args = Conversion::ALL_NAMES)]
fn encode(bencher: Bencher<'_, '_>, name: &str) {
    let conversion = conversion(name);
    let value = typical(&conversion);
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
    conversion.encode(typical(&conversion), &mut wire).unwrap();
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
    conversion.encode(typical(&conversion), &mut wire).unwrap();
    let target = conversion.decode(&wire, &mut scratch).unwrap();
    let source = typical(&conversion);
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
        let value = typical(&conversion);
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
