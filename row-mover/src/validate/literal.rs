//! Writes values of the source as literals of PostgreSQL's SQL.

use migrate_core::conversion::PgType;
use migrate_core::identifier::quote_pg_literal;
use migrate_core::plan::PlannedColumn;
use migrate_core::value::SourceValue;

/// The converted form of a source value as a literal of PostgreSQL; none if it does not move, or cannot be written.
pub(super) fn of_target(column: &PlannedColumn, value: SourceValue<'_>) -> Option<String> {
    const DAY_US: i64 = 86_400_000_000;
    let mut wire = Vec::new();
    if value.is_null() {
        return None;
    }
    column.encode(value, &mut wire).ok()?;
    // A quoted literal is of the type that it is compared with.
    let since_2000 = |begin: &str, us: i64| {
        let (days, rest) = (us.div_euclid(DAY_US), us.rem_euclid(DAY_US));
        format!("({begin} + interval '{days} days' + interval '{rest} microseconds')")
    };
    let number = || Some(i64::from_be_bytes(wire.as_slice().try_into().ok()?));
    Some(match column.target_type {
        PgType::Bigint => format!("'{}'", number()?),
        PgType::Integer => format!("'{}'", i32::from_be_bytes(wire.try_into().ok()?)),
        PgType::Smallint => format!("'{}'", i16::from_be_bytes(wire.try_into().ok()?)),
        PgType::Text => quote_pg_literal(str::from_utf8(&wire).ok()?),
        PgType::Bytea => format!("'\\x{}'", hex(&wire)),
        PgType::Uuid => format!("'{}'", hex(&wire)),
        PgType::Boolean => format!("'{}'", wire.first()?),
        PgType::DoublePrecision => format!("'{}'", f64::from_be_bytes(wire.try_into().ok()?)),
        PgType::Date => format!("(date '2000-01-01' + {})", i32::from_be_bytes(wire.try_into().ok()?)),
        PgType::Timestamp => since_2000("timestamp '2000-01-01'", number()?),
        PgType::Timestamptz => since_2000("timestamptz '2000-01-01 00:00:00+00'", number()?),
        _ => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
