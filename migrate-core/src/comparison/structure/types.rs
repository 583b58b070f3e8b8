//! Compares types: what the target's cannot hold and SQLite's can, and texts that it compares otherwise.

use super::{Pair, Severity, StructureDifference, StructureProblem as Problem, TypeLimit};
use crate::affinity::{Affinity, affinity};
use crate::conversion::PgType;
use crate::plan::PlannedColumn;
use crate::source_sql::table_facts;
use crate::target_schema::TargetColumn;

pub(super) fn compare(
    pair: &Pair<'_>,
    column: &PlannedColumn,
    live: &TargetColumn,
) -> Vec<StructureDifference> {
    narrower(pair, column, live).into_iter().chain(collation(pair, column, live)).collect()
}

/// How texts of a column are compared. What keeps them unique is compared elsewhere.
fn collation(pair: &Pair<'_>, column: &PlannedColumn, live: &TargetColumn) -> Option<StructureDifference> {
    let is_text = matches!(live.base.as_str(), "text" | "varchar" | "bpchar" | "citext");
    if !is_text {
        return None;
    }
    let facts = table_facts(&pair.source.name, &pair.source.sql).ok()?;
    let declared = facts.collations.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(&column.source));
    let declared = declared.map(|(_, collation)| collation.to_ascii_uppercase());
    let folds = pair.constraints.folding.contains(&live.name);
    let column = live.name.clone();
    let problem = match declared.as_deref() {
        None | Some("BINARY") if folds => Problem::CaseFolded { column },
        Some("NOCASE") if !folds => Problem::CollationMissing { column, collation: "NOCASE".to_owned() },
        Some("RTRIM") => Problem::CollationMissing { column, collation: "RTRIM".to_owned() },
        // A collation of the app's own is listed as not translated.
        _ => return None,
    };
    Some(pair.found(Severity::Remark, problem, Vec::new()))
}

/// What the type of the target cannot hold and SQLite's can.
fn narrower(pair: &Pair<'_>, column: &PlannedColumn, live: &TargetColumn) -> Option<StructureDifference> {
    let kind = affinity(&column.declared);
    let declares = |word: &str| column.declared.to_ascii_lowercase().contains(word);
    let is_declared = |number: u32| {
        let digits = column.declared.split(|letter: char| !letter.is_ascii_digit());
        digits.filter_map(|digits| digits.parse::<u32>().ok()).any(|declared| declared == number)
    };
    let modifier = u32::try_from(live.modifier).ok().and_then(|modifier| modifier.checked_sub(4));
    let wide = |type_name: &str| vec![pair.alter_column(&live.name, &format!("TYPE {type_name}"))];
    // Less than the source itself declares.
    let declared = declared_numbers(&column.declared);
    let severity_of = |holds: u32, declared: Option<&u32>| match declared {
        Some(declared) if holds < *declared => Severity::Different,
        _ => Severity::Remark,
    };
    let (severity, limit, repair) = match (live.base.as_str(), modifier) {
        ("int2", _) if kind == Affinity::Integer => {
            (Severity::Remark, TypeLimit::Bits { bits: 16 }, wide("bigint"))
        }
        ("int4", _) if kind == Affinity::Integer => {
            (Severity::Remark, TypeLimit::Bits { bits: 32 }, wide("bigint"))
        }
        ("float4", _) => (Severity::Different, TypeLimit::SinglePrecision, wide("double precision")),
        ("varchar" | "bpchar", Some(characters)) if !is_declared(characters) => {
            (severity_of(characters, declared.first()), TypeLimit::Characters { characters }, wide("text"))
        }
        ("numeric", Some(packed)) if is_short(packed, &declared) => {
            let digits = (packed >> 16).saturating_sub(packed & 0x7ff);
            (Severity::Different, TypeLimit::Digits { digits }, wide("numeric"))
        }
        ("numeric", Some(packed)) if !is_declared(packed & 0x7ff) => {
            let decimals = packed & 0x7ff;
            (Severity::Remark, TypeLimit::Decimals { decimals }, wide("numeric"))
        }
        ("timestamp", _) => (Severity::Remark, TypeLimit::TimeZone, Vec::new()),
        ("text" | "varchar", _) if declares("json") || column.target_type == PgType::Jsonb => {
            (Severity::Remark, TypeLimit::Json, Vec::new())
        }
        _ => return None,
    };
    let problem = Problem::Narrower { column: live.name.clone(), type_name: live.type_name.clone(), limit };
    Some(pair.found(severity, problem, repair))
}

/// The numbers in a declared type, such as 10 and 2 in `DECIMAL(10, 2)`.
fn declared_numbers(declared: &str) -> Vec<u32> {
    let digits = declared.split_once('(').map(|(_, rest)| rest).unwrap_or_default();
    digits.split(|letter: char| !letter.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

/// Whether a `numeric` holds fewer digits before the point than the source declares.
fn is_short(packed: u32, declared: &[u32]) -> bool {
    let [precision, rest @ ..] = declared else { return false };
    let scale = rest.first().copied().unwrap_or_default();
    (packed >> 16).saturating_sub(packed & 0x7ff) < precision.saturating_sub(scale)
}
