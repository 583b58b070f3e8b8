//! PostgreSQL as the judge of every conversion: our bytes go into a real table by binary COPY; PostgreSQL says in its own
//! words what arrived, and what it sends back must be the value that was sent.
//!
//! The session that writes and reads the binary streams has a foreign time zone, date style and number format, which must
//! change nothing; the judge asks in a plain one.

use migrate_core::conversion::Conversion;
use migrate_core::copy_format::{self, StreamReader};
use migrate_core::value::SourceValue;
use postgres_client::connection::Connection;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use test_database::TestDatabase;

use crate::support::{ask, chain, session};

mod json;
mod numbers;
mod other_types;
mod spellings;

/// How many values go into one COPY of a property test.
const BATCH: usize = 200;

/// How many batches a property test tries.
const BATCHES: u32 = 6;

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

impl Value {
    fn lend(&self) -> SourceValue<'_> {
        match self {
            Value::Integer(integer) => SourceValue::Integer(*integer),
            Value::Real(real) => SourceValue::Real(*real),
            Value::Text(text) => SourceValue::Text(text),
            Value::Blob(blob) => SourceValue::Blob(blob),
        }
    }

    /// The value as text for PostgreSQL to compare with: digits, the text itself, or hex.
    fn as_text(&self) -> String {
        match self {
            Value::Integer(integer) => integer.to_string(),
            Value::Real(real) => format!("{:016x}", real.to_bits()),
            Value::Text(text) => String::from_utf8(text.clone()).unwrap(),
            Value::Blob(blob) => hex(blob),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn texts(values: &[&str]) -> Vec<Value> {
    values.iter().map(|text| Value::Text(text.as_bytes().to_vec())).collect()
}

fn integers(values: &[i64]) -> Vec<Value> {
    values.iter().copied().map(Value::Integer).collect()
}

/// A table with a column of the conversion's type, and one for the text that is expected.
struct Judge {
    conversion: Conversion,
    /// True where `v`, what arrived, is what `e`, the text form of what was sent, says.
    verdict: &'static str,
    /// Sends and receives.
    mover: Connection,
    /// Asks.
    judge: Connection,
    _database: TestDatabase,
}

impl Judge {
    fn new(conversion: &str, verdict: &'static str) -> Judge {
        let conversion: Conversion = serde_json::from_str(conversion).unwrap();
        let database = TestDatabase::create();
        let mut judge = session(database.url());
        ask(&mut judge, "SET TimeZone = 'UTC'");
        ask(&mut judge, "SET extra_float_digits = 1");
        ask(&mut judge, &format!("CREATE TABLE t (n bigint, v {}, e text)", conversion.target_type()));
        let mut mover = session(database.url());
        for strange in [
            "SET TimeZone = 'America/New_York'",
            "SET DateStyle = 'German, DMY'",
            "SET IntervalStyle = 'sql_standard'",
            "SET extra_float_digits = -15",
            "SET bytea_output = 'escape'",
            "SET standard_conforming_strings = off",
            "SET lc_numeric = 'C'",
        ] {
            ask(&mut mover, strange);
        }
        Judge { conversion, verdict, mover, judge, _database: database }
    }

    /// Sends all values in one COPY and checks each; the error names the first that is wrong.
    fn check(&mut self, values: &[Value]) -> Result<(), String> {
        ask(&mut self.judge, "TRUNCATE t");
        let mut stream = copy_format::HEADER.to_vec();
        for (number, value) in (0_i64..).zip(values) {
            copy_format::begin_row(3, &mut stream);
            let expected = value.as_text();
            for (conversion, value) in [
                (&Conversion::Bigint, SourceValue::Integer(number)),
                (&self.conversion, value.lend()),
                (&Conversion::Text, SourceValue::Text(expected.as_bytes())),
            ] {
                copy_format::append_field(true, value, &mut stream, |out| conversion.encode(value, out))
                    .map_err(|refusal| format!("{expected:?} is refused: {refusal}"))?;
            }
        }
        stream.extend_from_slice(&copy_format::TRAILER);
        let failed = |error: row_mover::Error| format!("{} in {values:?}", chain(&error));
        let mut copy = self.mover.copy_in("COPY t FROM STDIN (FORMAT binary)").map_err(failed)?;
        copy.send(&stream).map_err(failed)?;
        copy.finish().map_err(failed)?;

        let wrong = format!("SELECT n, v::text, e FROM t WHERE ({}) IS NOT TRUE ORDER BY n", self.verdict);
        let wrong = ask(&mut self.judge, &wrong);
        if let Some(first) = wrong.first() {
            return Err(format!("{} values arrived as others, the first: {first}", wrong.len()));
        }
        let back = self.read_back(values.len())?;
        for (value, wire) in values.iter().zip(&back) {
            let mut scratch = Vec::new();
            let decoded = self.conversion.decode(wire, &mut scratch).map_err(|error| error.to_string())?;
            if !self.conversion.same(value.lend(), decoded) {
                return Err(format!("{:?} came back as other bytes: {}", value.as_text(), hex(wire)));
            }
        }
        Ok(())
    }

    fn read_back(&mut self, count: usize) -> Result<Vec<Vec<u8>>, String> {
        let mut copy = self
            .mover
            .copy_out("COPY (SELECT v FROM t ORDER BY n) TO STDOUT (FORMAT binary)")
            .map_err(|error| chain(&error))?;
        let (mut reader, mut fields, mut back) = (StreamReader::default(), Vec::new(), Vec::new());
        while copy.next_piece(&mut |piece| reader.feed(piece)).map_err(|error| chain(&error))? {
            while reader.next_row(1, &mut fields).map_err(|error| error.to_string())? {
                back.push(reader.field(fields[0].clone().expect("no NULL was sent")).to_vec());
            }
        }
        assert!(reader.is_complete());
        assert_eq!(back.len(), count);
        Ok(back)
    }

    #[track_caller]
    fn table(&mut self, values: &[Value]) {
        if let Err(problem) = self.check(values) {
            panic!("{problem}");
        }
    }

    /// Batches of any values of `strategy`; those that the conversion refuses are not sent, and not all may be such.
    #[track_caller]
    fn property(&mut self, strategy: impl Strategy<Value = Value>) {
        let config =
            Config { cases: BATCHES, failure_persistence: None, max_shrink_iters: 100, ..Config::default() };
        let sent = std::cell::Cell::new(0_usize);
        let judge = std::cell::RefCell::new(self);
        let result = TestRunner::new(config).run(&vec(strategy, BATCH), |mut batch| {
            let mut judge = judge.borrow_mut();
            batch.retain(|value| judge.conversion.encode(value.lend(), &mut Vec::new()).is_ok());
            sent.set(sent.get() + batch.len());
            judge.check(&batch).map_err(TestCaseError::fail)
        });
        if let Err(TestError::Fail(why, _) | TestError::Abort(why)) = result {
            panic!("{why}");
        }
        assert!(sent.get() > BATCH, "only {} of {} values were sent", sent.get(), BATCH * BATCHES as usize);
    }
}

/// Texts that careless code changes: quotes, separators of COPY's text format, controls, planes beyond the first, look-alikes.
const NASTY_TEXTS: &[&str] = &[
    "",
    " ",
    "trailing  ",
    "  leading",
    "it's \"quoted\" `so`",
    "back\\slash \\n \\N \\. \\\\",
    "\\N",
    "\\.",
    "NULL",
    "null",
    "tab\tand\u{b}and\u{c}",
    "cr\rlf\ncrlf\r\n\n",
    "\u{1}\u{2}\u{7f}\u{80}\u{9f}",
    "e\u{301} \u{e9}",
    "Straße STRASSE ﬁ İı",
    "日本語 العربية עברית \u{202e}rtl\u{202c}",
    "👩‍👩‍👧‍👦🏳️‍🌈𝄞\u{10ffff}",
    "\u{feff}bom",
    "\u{fffd}\u{fffe}\u{ffff}\u{e000}",
    "9007199254740993",
    "1e400",
    "$1 ${x} %s {} '; DROP TABLE t; --",
];

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[^\u{0}]{0,40}", "[ -~\\t\\r\\n\\\\]{0,80}", "\\PC{0,200}"]
}

#[test]
fn text() {
    let mut judge = Judge::new("\"text\"", "v = e COLLATE \"C\" AND octet_length(v) = octet_length(e)");
    judge.table(&texts(NASTY_TEXTS));
    judge.table(&[Value::Text(vec![b'x'; 5_000_000]), Value::Text("é".repeat(2_000_000).into_bytes())]);
    judge.property(any_text().prop_map(|text| Value::Text(text.into_bytes())));
    // The text that is expected goes the same way, so that its bytes are once told apart from it.
    let all: Vec<String> = NASTY_TEXTS.iter().map(|text| hex(text.as_bytes())).collect();
    judge.table(&texts(NASTY_TEXTS));
    assert_eq!(ask(&mut judge.judge, "SELECT encode(convert_to(v, 'UTF8'), 'hex') FROM t ORDER BY n"), all);
}

#[test]
fn bytea() {
    let mut judge = Judge::new("\"bytea\"", "encode(v, 'hex') = e");
    judge.table(&[
        Value::Blob(Vec::new()),
        Value::Blob(vec![0]),
        Value::Blob(vec![0; 4096]),
        Value::Blob((0..=255).collect()),
        Value::Blob(b"\\x00".to_vec()),
        Value::Blob(copy_format::HEADER.to_vec()),
        Value::Blob(vec![0xff; 70_000]),
    ]);
    judge.property(vec(any::<u8>(), 0..300).prop_map(Value::Blob));
}

#[test]
fn bigint() {
    let mut judge = Judge::new("\"bigint\"", "v::text = e");
    judge.table(&integers(&[
        i64::MIN,
        i64::MIN + 1,
        -(1 << 53) - 1,
        -1,
        0,
        1,
        1 << 31,
        1 << 32,
        (1 << 53) + 1,
        i64::MAX - 1,
        i64::MAX,
    ]));
    judge.property(any::<i64>().prop_map(Value::Integer));
}

#[test]
fn integer() {
    let mut judge = Judge::new("\"integer\"", "v::text = e");
    judge.table(&integers(&[i64::from(i32::MIN), -1, 0, 1, 65_536, i64::from(i32::MAX)]));
    judge.property(prop_oneof![any::<i32>().prop_map(i64::from), any::<i64>()].prop_map(Value::Integer));
    for beyond in [i64::from(i32::MIN) - 1, i64::from(i32::MAX) + 1, 1 << 32, i64::MIN] {
        assert!(judge.check(&integers(&[beyond])).is_err(), "{beyond}");
    }
}

#[test]
fn boolean() {
    let mut judge = Judge::new("\"boolean\"", "v::int::text = e AND (v = (e = '1'))");
    judge.table(&integers(&[0, 1, 1, 0]));
    for beyond in [2, -1, 256, i64::MIN] {
        assert!(judge.check(&integers(&[beyond])).is_err(), "{beyond}");
    }
}

#[test]
fn double_precision() {
    let mut judge = Judge::new("\"double_precision\"", "encode(float8send(v), 'hex') = e");
    let table = [
        0.0,
        -0.0,
        1.0,
        0.1,
        -0.1,
        1.0 / 3.0,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        -5e-324,
        2.225_073_858_507_201e-308,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::EPSILON,
        9_007_199_254_740_993.0,
        1e22,
        1e23,
    ];
    let values: Vec<Value> = table.into_iter().map(Value::Real).collect();
    judge.table(&values);
    // Once more by PostgreSQL's own digits, which are enough to tell every float apart.
    let words = ask(&mut judge.judge, "SELECT v::text FROM t ORDER BY n");
    let bits: Vec<u64> = words.iter().map(|text| text.parse::<f64>().unwrap().to_bits()).collect();
    assert_eq!(bits, table.map(f64::to_bits));
    assert_eq!(words[..2], ["0", "-0"]);
    judge.property(any::<u64>().prop_map(|bits| Value::Real(f64::from_bits(bits))));
}

#[test]
fn double_precision_from_integers() {
    let mut judge = Judge::new("\"double_precision\"", "v::bigint::text = e");
    judge.table(&integers(&[0, 1, -1, 1 << 53, -(1 << 53), (1 << 53) + 2, 3 << 60, i64::MIN]));
    judge.property(any::<i64>().prop_map(|integer| Value::Integer(integer >> 11)));
    for beyond in [(1 << 53) + 1, i64::MAX, -(1 << 53) - 1] {
        assert!(judge.check(&integers(&[beyond])).is_err(), "{beyond}");
    }
}

/// The first and the last millisecond of `timestamptz`.
const FIRST_MS: i64 = -210_866_803_200_000;
const LAST_MS: i64 = 9_224_318_015_999_999;

#[test]
fn timestamptz_from_epoch_ms() {
    let mut judge = Judge::new(
        "\"timestamptz_from_epoch_ms\"",
        "(extract(epoch FROM v) * 1000)::numeric(30, 6) = e::numeric",
    );
    judge.table(&integers(&[
        FIRST_MS,
        LAST_MS,
        -62_167_219_200_000,
        -1,
        0,
        1,
        999,
        946_684_799_999,
        2_147_483_647_000,
        2_147_483_648_001,
        1_710_054_000_000,
        1_730_613_600_000,
        1_705_312_800_123,
    ]));
    let shown = ask(
        &mut judge.judge,
        "SELECT to_char(v AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US BC') FROM t WHERE n IN (0, 1, 3, 4, 8) ORDER BY n",
    );
    assert_eq!(
        shown,
        [
            "4714-11-24 00:00:00.000000 BC",
            "294276-12-31 23:59:59.999000 AD",
            "1969-12-31 23:59:59.999000 AD",
            "1970-01-01 00:00:00.000000 AD",
            "2038-01-19 03:14:07.000000 AD",
        ]
    );
    judge.property(
        prop_oneof![FIRST_MS..=LAST_MS, -1_000_000_000_i64..4_102_444_800_000].prop_map(Value::Integer),
    );
    for beyond in [FIRST_MS - 1, LAST_MS + 1, i64::MIN, i64::MAX] {
        assert!(judge.check(&integers(&[beyond])).is_err(), "{beyond}");
    }
}

#[test]
fn timestamptz_from_iso8601() {
    const SPELLINGS: &[&str] = &[
        "0001-01-01",
        "1582-10-10 12:00",
        "1969-12-31T23:59:59.999999",
        "1970-01-01",
        "2000-02-29 23:59:59.5",
        "2024-05-06 07:08:09.123456",
        "2038-01-19T03:14:08",
        "9999-12-31 23:59:59.999999",
        "2024-07-01T00:00:00",
    ];
    const WITH_OFFSET: &[&str] = &[
        "2024-05-06T07:08:09Z",
        "2024-05-06T07:08:09.1+02:00",
        "2024-05-06 07:08-0730",
        "2024-05-06 07:08:09+14",
        "0001-01-01 00:00:00-15:59",
    ];
    // PostgreSQL reads the text itself: as a time without a zone, put into the zone that the plan names.
    for (conversion, verdict) in [
        ("{\"timestamptz_from_iso8601\":\"UTC\"}", "v = e::timestamp AT TIME ZONE 'UTC'"),
        (
            "{\"timestamptz_from_iso8601\":\"Asia/Kathmandu\"}",
            "v = e::timestamp AT TIME ZONE 'Asia/Kathmandu'",
        ),
        ("{\"timestamptz_from_iso8601\":\"+05:30\"}", "v = e::timestamp AT TIME ZONE INTERVAL '05:30'"),
    ] {
        let mut judge = Judge::new(conversion, verdict);
        // The first year begins in its zone before the first year that has a text.
        let naive: Vec<&str> = SPELLINGS[1..].to_vec();
        judge.table(&texts(&naive));
        let naive = "(0[0-9][0-9][1-9]|1[0-9]{3}|20[0-9]{2}|9[0-9]{2}0)-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\
                     ([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,6})?)?)?";
        judge.property(naive.prop_map(|text| Value::Text(text.into_bytes())));
        judge.verdict = "v = e::timestamptz";
        judge.table(&texts(WITH_OFFSET));
    }
    Judge::new("{\"timestamptz_from_iso8601\":\"UTC\"}", "v = e::timestamptz").table(&texts(SPELLINGS));
}
