//! Makes up the values of a row that no user has: by the type of the column alone, as SQL.
//!
//! It does not know the constraints: PostgreSQL accepts the row or refuses it.

use migrate_core::identifier::quote_pg_literal;

use super::catalog::Column;

/// An expression for a column, unlikely to be equal to that of any row. `chance` distinguishes rows. None for a type that is not known.
pub(super) fn value(column: &Column, chance: u64) -> Option<String> {
    let literal = |text: &str| {
        let base = format!("{}::{}", quote_pg_literal(text), column.base_name);
        if column.base_name == column.type_name { base } else { format!("({base})::{}", column.type_name) }
    };
    Some(match column.category.as_str() {
        "S" => literal(&format!("{chance:016x} smoke test")),
        "N" => literal(&number(column, chance)),
        // A first of January long ago, at a time of the day that is as unlikely.
        "D" => literal(&format!(
            "{:04}-01-01 {:02}:{:02}:{:02}.{:06}",
            1000 + chance % 500,
            chance / 500 % 24,
            chance / 12_000 % 60,
            chance / 720_000 % 60,
            chance / 43_200_000 % 1_000_000
        )),
        "T" => literal(&format!("{} seconds", chance % 1_000_000_000)),
        "B" => literal("false"),
        "A" => literal("{}"),
        "E" => format!("pg_catalog.enum_first(NULL::{})::{}", column.base_name, column.type_name),
        "R" if column.kind.ends_with("multirange") => literal("{}"),
        "R" => literal("empty"),
        "I" => literal(&format!("10.{}.{}.{}", chance % 256, chance / 256 % 256, chance / 65_536 % 256)),
        "V" => literal("0"),
        "G" | "U" => literal(&by_name(&column.kind, chance)?),
        _ => return None,
    })
}

/// A number that fits into every column of the type.
fn number(column: &Column, chance: u64) -> String {
    match column.kind.as_str() {
        "int2" => (20_000 + chance % 12_000).to_string(),
        "int4" => (1_900_000_000 + chance % 200_000_000).to_string(),
        "int8" => (9_000_000_000_000_000_000 + chance % 200_000_000_000_000_000).to_string(),
        "numeric" if column.base_name == "numeric" => chance.to_string(),
        // Its precision may allow a single digit. A float of any size holds it exactly.
        _ => (1 + chance % 9).to_string(),
    }
}

fn by_name(kind: &str, chance: u64) -> Option<String> {
    Some(match kind {
        "uuid" => format!("5f0c0ded-0000-4000-8000-{:012x}", chance & 0xffff_ffff_ffff),
        "json" | "jsonb" => "{}".to_owned(),
        "bytea" => format!("\\x{chance:016x}"),
        "tsvector" => String::new(),
        "tsquery" => "smoke".to_owned(),
        "xml" => "<smoke/>".to_owned(),
        "pg_lsn" => "0/0".to_owned(),
        "macaddr" => "02:00:00:00:00:01".to_owned(),
        "macaddr8" => "02:00:00:00:00:00:00:01".to_owned(),
        "point" => "(0,0)".to_owned(),
        "line" => "{1,1,0}".to_owned(),
        "lseg" | "box" | "path" => "((0,0),(1,1))".to_owned(),
        "polygon" => "((0,0),(1,1),(1,0))".to_owned(),
        "circle" => "<(0,0),1>".to_owned(),
        _ => return None,
    })
}
