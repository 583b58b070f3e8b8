//! Values as SQL literals, of kinds that apps store: usually in the form that fits their column, sometimes not.

use super::prng::Prng;

/// The purpose of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Integer,
    Boolean,
    Seconds,
    Milliseconds,
    Julian,
    Float,
    Decimal,
    Word,
    AnyText,
    Date,
    Time,
    Moment,
    ZonedMoment,
    Document,
    Uuid,
    Bytes,
}

impl Kind {
    pub const ALL: [Kind; 16] = [
        Kind::Integer,
        Kind::Boolean,
        Kind::Seconds,
        Kind::Milliseconds,
        Kind::Julian,
        Kind::Float,
        Kind::Decimal,
        Kind::Word,
        Kind::AnyText,
        Kind::Date,
        Kind::Time,
        Kind::Moment,
        Kind::ZonedMoment,
        Kind::Document,
        Kind::Uuid,
        Kind::Bytes,
    ];

    /// Returns a declaration that an app may use.
    pub fn declared(self, prng: &mut Prng) -> &'static str {
        let choices: &[&str] = match self {
            Kind::Integer => {
                &["INTEGER", "INT", "BIGINT", "MEDIUMINT", "UNSIGNED BIG INT", "integer(8)", "NUMERIC", ""]
            }
            Kind::Boolean => &["BOOLEAN", "bool", "TINYINT(1)", "INTEGER", "numeric"],
            Kind::Seconds => &["DATETIME", "TIMESTAMP", "INTEGER"],
            Kind::Milliseconds => &["DATETIME", "timestamp", "INTEGER", "BIGINT"],
            Kind::Julian => &["DATETIME", "REAL"],
            Kind::Float => &["REAL", "DOUBLE", "double precision", "FLOAT", "FLOATING POINT", "NUMERIC", ""],
            Kind::Decimal => &["DECIMAL(10,2)", "NUMERIC", "NUMERIC(12, 4)", "money", "TEXT"],
            Kind::Word => &["TEXT", "VARCHAR(10)", "NATIVE CHARACTER(70)", "varchar", "CLOB", "STRING", ""],
            Kind::AnyText => &["TEXT", "LONGVARCHAR", "text(5)", ""],
            Kind::Date => &["DATE", "TEXT", "date"],
            Kind::Time => &["TIME", "TEXT"],
            Kind::Moment => &["DATETIME", "TIMESTAMP", "datetime(6)", "TEXT"],
            Kind::ZonedMoment => &["DATETIME", "TIMESTAMP WITH TIME ZONE", "timestamptz", "TEXT"],
            Kind::Document => &["JSON", "TEXT", "jsonb", "json"],
            Kind::Uuid => &["UUID", "GUID", "char(36)", "TEXT", "uniqueidentifier"],
            Kind::Bytes => &["BLOB", "", "BYTEA", "varbinary(16)"],
        };
        prng.pick(choices)
    }

    /// Returns the declaration in a STRICT table.
    pub fn declared_strictly(self, prng: &mut Prng) -> &'static str {
        match self {
            Kind::Integer | Kind::Boolean | Kind::Seconds | Kind::Milliseconds => {
                prng.pick(&["INTEGER", "INT", "ANY"])
            }
            Kind::Julian | Kind::Float => "REAL",
            Kind::Bytes => prng.pick(&["BLOB", "ANY"]),
            _ => prng.pick(&["TEXT", "ANY"]),
        }
    }

    /// Generates a value.
    pub fn value(self, prng: &mut Prng) -> String {
        match self {
            Kind::Integer if prng.one_in(6) => prng
                .pick(&["0", "-1", "9223372036854775807", "-9223372036854775808", "2147483648", "4294967296"])
                .to_owned(),
            Kind::Integer => (prng.below(2001) as i64 - 1000).to_string(),
            Kind::Boolean => prng.below(2).to_string(),
            Kind::Seconds => (1_000_000_000 + prng.below(800_000_000)).to_string(),
            Kind::Milliseconds => (1_000_000_000_000 + prng.below(800_000_000_000)).to_string(),
            Kind::Julian => {
                format!("{}.{}", 2_440_000 + prng.below(20_000), prng.pick(&["0", "5", "25", "75"]))
            }
            Kind::Float if prng.one_in(6) => prng
                .pick(&[
                    "0.0",
                    "-0.0",
                    "5e-324",
                    "1.7976931348623157e308",
                    "9e999",
                    "-9e999",
                    "0.1",
                    "1e15",
                    "123456789.123",
                ])
                .to_owned(),
            Kind::Float => format!("{}.{}", prng.below(1000), prng.below(100_000)),
            Kind::Decimal => format!("'{}.{:02}'", prng.below(100_000), prng.below(100)),
            Kind::Word => format!("'{}'", word(prng)),
            Kind::AnyText => any_text(prng),
            Kind::Date => format!("'{}'", date(prng)),
            Kind::Time => format!("'{}'", clock(prng)),
            Kind::Moment => format!("'{}{}{}'", date(prng), prng.pick(&[" ", "T"]), clock(prng)),
            Kind::ZonedMoment => {
                let zone = prng.pick(&["Z", "+00:00", "+02:00", "-03:30"]);
                format!("'{} {}{zone}'", date(prng), clock(prng))
            }
            Kind::Document => document(prng),
            Kind::Uuid => format!(
                "'{:08x}-{:04x}-4000-8000-{:012x}'",
                prng.below(1 << 32),
                prng.below(1 << 16),
                prng.below(1 << 48)
            ),
            Kind::Bytes => prng
                .pick(&["x''", "x'00'", "x'ff'", "x'00ff'", "x'616263'", "zeroblob(1000)", "x'deadbeef'"])
                .to_owned(),
        }
    }
}

/// Values that fit no purpose: extremes of each storage class, and forms that resemble another kind.
pub fn odd_value(prng: &mut Prng) -> String {
    prng.pick(&[
        "''",
        "' '",
        "0",
        "-1",
        "1.5",
        "'1'",
        "'1.5'",
        "'abc'",
        "x'00'",
        "x'ff'",
        "'true'",
        "'NULL'",
        "1e300",
        "9e999",
        "'0000-00-00'",
        "'2023-02-30'",
        "'2024-01-02 03:04:05.1234567'",
        "'{bad'",
        "'\"\\u0000\"'",
        "'a' || char(0) || 'b'",
        "CAST(x'ff' AS TEXT)",
        "9223372036854775807",
        "1700000000",
        "1700000000123",
        "2460000.5",
        "'12:34'",
        "'\\x41'",
        "'é' || char(769)",
        "x'68c3a9'",
        "'0f8fad5bd9cb469fa16570867728950e'",
        "'0F8FAD5B-D9CB-469F-A165-70867728950E'",
        "'{\"a\":1,\"a\":2}'",
    ])
    .to_owned()
}

fn word(prng: &mut Prng) -> String {
    let begins =
        prng.pick(&["ann", "Bob", "BOB", "bob", "Zoë", "täg", "ж", "x", "Lee", "quince", "z9", "A", "_"]);
    if prng.one_in(2) { begins.to_owned() } else { format!("{begins}{}", prng.below(50)) }
}

fn any_text(prng: &mut Prng) -> String {
    prng.pick(&[
        "''",
        "'it''s'",
        "'\\N'",
        "'\\.'",
        "char(9)",
        "char(13, 10)",
        "'\\\\'",
        "char(65279) || 'bom'",
        "char(119070)",
        "'NULL'",
        "' x '",
        "'\"q\"'",
        "char(1, 127)",
        "'%s $1'",
        "char(8232)",
        "'a,b;c'",
        "hex(zeroblob(500))",
        "'2024'",
        "'1e5'",
        "'yes'",
    ])
    .to_owned()
}

fn date(prng: &mut Prng) -> String {
    if prng.one_in(10) {
        return prng.pick(&["0001-01-01", "9999-12-31", "1969-12-31", "2000-02-29", "1900-03-01"]).to_owned();
    }
    format!("{}-{:02}-{:02}", 1960 + prng.below(80), 1 + prng.below(12), 1 + prng.below(28))
}

fn clock(prng: &mut Prng) -> String {
    let fraction = prng.pick(&["", "", ".5", ".678", ".678901", ".000001"]);
    format!("{:02}:{:02}:{:02}{fraction}", prng.below(24), prng.below(60), prng.below(60))
}

fn document(prng: &mut Prng) -> String {
    prng.pick(&[
        "'{}'",
        "'[]'",
        "'{\"a\": 1}'",
        "'{\"b\":{\"c\":[1,2.50,null,true]}}'",
        "'\"text\"'",
        "'1e2'",
        "'[\"é\",\"\\u00e9\"]'",
        "'null'",
        "'{\"z\":1,\"a\":2}'",
        "'12345678901234567890'",
        "' [ 1 , 2 ] '",
    ])
    .to_owned()
}
