//! Numbers that come in another class or form than their type has, judged by PostgreSQL.

use proptest::prelude::*;

use super::{Judge, Value, integers, texts};

#[test]
fn integers_from_any_class() {
    for (conversion, limit) in [
        ("\"bigint_from_any\"", i64::MAX),
        ("\"integer_from_any\"", i64::from(i32::MAX)),
        ("\"smallint_from_any\"", i64::from(i16::MAX)),
    ] {
        let mut judge = Judge::new(conversion, "v::text = e");
        let numbers = [0, 1, -1, 42, limit, -limit - 1];
        judge.table(&integers(&numbers));
        let words: Vec<String> = numbers.iter().map(i64::to_string).collect();
        judge.table(&texts(&words.iter().map(String::as_str).collect::<Vec<_>>()));
        judge.property(any::<i16>().prop_map(|number| Value::Text(number.to_string().into_bytes())));
        // The judge gets the bits of a float: the number is read from these.
        judge.verdict = "encode(float8send(v::float8), 'hex') = e";
        judge.property(any::<i16>().prop_map(|number| Value::Real(number.into())));
        assert!(judge.check(&[Value::Real(0.5)]).is_err());
        assert!(judge.check(&texts(&["01"])).is_err());
    }
}

#[test]
fn real_from_float32() {
    let mut judge = Judge::new("\"real_from_float32\"", "encode(float8send(v::float8), 'hex') = e");
    judge.table(
        &[0.1_f32, -0.0, 1.5, f32::MAX, f32::MIN_POSITIVE, f32::INFINITY]
            .map(|real| Value::Real(real.into())),
    );
    judge.property(any::<u32>().prop_map(|bits| Value::Real(f32::from_bits(bits).into())));
}

#[test]
fn epochs_of_microseconds_and_nanoseconds() {
    for (conversion, verdict, unit) in [
        ("\"timestamp_from_epoch_us\"", "(extract(epoch FROM v) * 1000000)::numeric(30, 0) = e::numeric", 1),
        (
            "\"timestamp_from_epoch_ns\"",
            "(extract(epoch FROM v) * 1000000000)::numeric(30, 0) = e::numeric",
            1000,
        ),
        (
            "\"timestamptz_from_epoch_ns\"",
            "(extract(epoch FROM v) * 1000000000)::numeric(30, 0) = e::numeric",
            1000,
        ),
    ] {
        let mut judge = Judge::new(conversion, verdict);
        let us = [0, -1, 1, 946_684_800_000_000, 1_700_000_000_123_456, 4_102_444_799_999_999];
        judge.table(&integers(&us.map(|us| us * unit)));
        judge.property(
            (-1_000_000_000_000_000_i64..4_102_444_800_000_000).prop_map(move |us| Value::Integer(us * unit)),
        );
    }
}
