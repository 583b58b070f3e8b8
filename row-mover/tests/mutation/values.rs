//! Damage to values other than text: a value becomes another of its type, or NULL.

use migrate_core::conversion::PgType;

use crate::chance::Chance;
use crate::kinds::{Kind, To, to};

const ALL: &[PgType] = &[
    PgType::Text,
    PgType::Bigint,
    PgType::Integer,
    PgType::Smallint,
    PgType::Boolean,
    PgType::DoublePrecision,
    PgType::Real,
    PgType::Bytea,
    PgType::Json,
    PgType::Jsonb,
    PgType::Timestamptz,
    PgType::Timestamp,
    PgType::Numeric,
    PgType::Uuid,
    PgType::Date,
    PgType::Time,
];
const INTEGERS: &[PgType] = &[PgType::Bigint, PgType::Integer, PgType::Smallint];
const FLOATS: &[PgType] = &[PgType::DoublePrecision, PgType::Real];
const NUMERIC: &[PgType] = &[PgType::Numeric];
const MOMENTS: &[PgType] = &[PgType::Timestamptz, PgType::Timestamp];
const BYTES: &[PgType] = &[PgType::Bytea];
const FINITE: &str = "{}::text !~ '[a-zA-Z]'";
const THERE: &str = "{} IS NOT NULL";

/// The kinds of damage in this file.
pub const KINDS: &[Kind] = &[
    Kind::value("NULL for a value", ALL, THERE, |_, _| Some(To::Null)),
    Kind::value("a blob: one bit", BYTES, "octet_length({}) > 0", |chance, text| {
        let place = 2 + chance.below(text.len() - 2);
        let digit = u32::from_str_radix(text.get(place..=place)?, 16).unwrap() ^ (1 << chance.below(4));
        to(replaced(text, place, &format!("{digit:x}")))
    }),
    Kind::value("a blob: one byte more", BYTES, THERE, |chance, text| {
        let place = 2 * (1 + chance.below(text.len() / 2));
        to(format!("{}00{}", &text[..place], &text[place..]))
    }),
    Kind::value("a blob: one byte less", BYTES, "octet_length({}) > 0", |chance, text| {
        let place = 2 * (1 + chance.below(text.len() / 2 - 1));
        to(format!("{}{}", &text[..place], &text[place + 2..]))
    }),
    Kind::value("a blob: NULL for an empty one", BYTES, "octet_length({}) = 0", |_, _| Some(To::Null)),
    Kind::value("a blob: an empty one for NULL", BYTES, "{} IS NULL", |_, _| to("\\x")),
    Kind::value("an integer: one digit", INTEGERS, THERE, one_digit),
    Kind::value("an integer: one more or less", INTEGERS, THERE, |chance, text| {
        let step = if chance.below(2) == 0 { 1 } else { -1 };
        to(text.parse::<i64>().unwrap().checked_add(step)?.to_string())
    }),
    Kind::value("an integer: its sign", INTEGERS, "{} <> 0", |_, text| to(negated(text))),
    Kind::value("an integer: as a float would round it", INTEGERS, "abs({}::numeric) > 9e15", |_, text| {
        to(text.parse::<i64>().unwrap().checked_add(if text.ends_with('3') { -1 } else { 1 })?.to_string())
    }),
    Kind::value("an integer: 0 for NULL", INTEGERS, "{} IS NULL", |_, _| to("0")),
    Kind::value("a numeric: one digit", NUMERIC, FINITE, one_digit),
    Kind::value("a numeric: its sign", NUMERIC, "{} <> 0", |_, text| to(negated(text))),
    // A float is written as its shortest decimal, without a defined scale. Text that is a decimal keeps its zeros.
    Kind::value(
        "a numeric: a zero at the end of a text's",
        NUMERIC,
        "{}::text ~ '\\.[0-9]*0$'",
        |_, text| to(format!("{text}0")),
    ),
    Kind::value("a numeric: a digit beyond a float's", NUMERIC, "{}::text ~ '\\.[0-9]'", |chance, text| {
        to(format!("{text}{}{}", "0".repeat(20), 1 + chance.below(9)))
    }),
    Kind::value("a numeric: NaN", NUMERIC, THERE, |_, _| to("NaN")),
    Kind::value("a numeric: infinity", NUMERIC, THERE, |_, _| to("Infinity")),
    Kind::value("a float: its last bit", FLOATS, FINITE, |chance, text| {
        let is_up = chance.below(2) == 0;
        // In a `real` column the neighbour may round back to the same value. Such a draw counts as void.
        let float: f64 = text.parse().unwrap();
        let next = if is_up { float.next_up() } else { float.next_down() };
        next.is_finite().then_some(())?;
        to(format!("{next:e}"))
    }),
    Kind::value("a float: the last bit of 32", &[PgType::Real], FINITE, |chance, text| {
        let float: f32 = text.parse().unwrap();
        let next = if chance.below(2) == 0 { float.next_up() } else { float.next_down() };
        next.is_finite().then_some(())?;
        to(format!("{next:e}"))
    }),
    Kind::value("a float: -0.0 for 0.0", FLOATS, "{} = 0", |_, _| to("-0")),
    Kind::value("a float: its sign", FLOATS, "{} <> 0", |_, text| to(negated(text))),
    Kind::value("a float: NaN", FLOATS, THERE, |_, _| to("NaN")),
    Kind::value("a float: infinity", FLOATS, THERE, |chance, _| {
        to(if chance.below(2) == 0 { "Infinity" } else { "-Infinity" })
    }),
    Kind::value("a float: six digits of it", FLOATS, FINITE, |_, text| {
        let float: f64 = text.parse().unwrap();
        to(format!("{float:.5e}"))
    }),
    Kind::value("a boolean: the other one", &[PgType::Boolean], THERE, |_, text| {
        to(if text == "true" { "false" } else { "true" })
    }),
    Kind::value("a boolean: false for NULL", &[PgType::Boolean], "{} IS NULL", |_, _| to("false")),
    Kind::value("a moment: a microsecond", MOMENTS, THERE, |_, text| shifted(text, "1 microsecond")),
    Kind::value("a moment: a millisecond", MOMENTS, THERE, |_, text| shifted(text, "1 millisecond")),
    Kind::value("a moment: a second", MOMENTS, THERE, |_, text| shifted(text, "1 second")),
    Kind::value("a moment: an hour, as a zone shifts it", MOMENTS, THERE, |chance, text| {
        shifted(text, ["1 hour", "-1 hour", "5 hours 45 minutes", "14 hours"][chance.below(4)])
    }),
    Kind::value("a moment: a day", MOMENTS, THERE, |_, text| shifted(text, "1 day")),
    Kind::value("a moment: infinity", MOMENTS, THERE, |chance, _| {
        to(if chance.below(2) == 0 { "infinity" } else { "-infinity" })
    }),
    Kind::value("a date: a day", &[PgType::Date], THERE, |chance, text| {
        shifted(text, if chance.below(2) == 0 { "1 day" } else { "-1 day" })
    }),
    Kind::value("a date: infinity", &[PgType::Date], THERE, |_, _| to("infinity")),
    Kind::value("a time: a microsecond", &[PgType::Time], THERE, |_, text| shifted(text, "1 microsecond")),
    Kind::value("a time: 24:00 for 00:00", &[PgType::Time], "{}::text = '00:00:00'", |_, _| to("24:00:00")),
    Kind::value("a UUID: one digit", &[PgType::Uuid], THERE, |chance, text| {
        let places: Vec<usize> = text.match_indices(|letter| letter != '-').map(|(at, _)| at).collect();
        let place = *chance.pick(&places)?;
        let digit = u32::from_str_radix(&text[place..=place], 16).unwrap() ^ (1 + chance.below(15) as u32);
        to(replaced(text, place, &format!("{digit:x}")))
    }),
];

/// Replaces the one-byte character at a position.
pub fn replaced(text: &str, place: usize, with: &str) -> String {
    format!("{}{with}{}", &text[..place], &text[place + 1..])
}

fn one_digit(chance: &mut Chance, text: &str) -> Option<To> {
    let places: Vec<usize> =
        text.match_indices(|letter: char| letter.is_ascii_digit()).map(|(at, _)| at).collect();
    let place = *chance.pick(&places)?;
    let digit = (text[place..=place].parse::<usize>().unwrap() + 1 + chance.below(9)) % 10;
    to(replaced(text, place, &digit.to_string()))
}

fn negated(text: &str) -> String {
    text.strip_prefix('-').map_or_else(|| format!("-{text}"), str::to_owned)
}

fn shifted(text: &str, interval: &str) -> Option<To> {
    (!text.contains("infinity")).then(|| To::Sum { text: text.to_owned(), interval: interval.to_owned() })
}
