//! The words for a decision: its reason, rejects, and how to take a suggestion. Counts, never values.

use crate::conversion::Conversion;
use crate::mapping::TomlKey;
use crate::profile::ColumnProfile;

/// What does not fit, such as `3 of 30000 values do not fit and are rejects: 2 empty texts, 1 blob`.
pub fn rejects_in_words(seen: &ColumnProfile, conversion: &Conversion) -> Option<String> {
    let taken = seen.taken(conversion)?;
    let all = seen.values();
    let rejected = all.saturating_sub(taken.all());
    if rejected == 0 {
        return None;
    }
    let texts = seen.texts.saturating_sub(taken.texts);
    // For text conversions, empty text is not a reject.
    let empty = if *conversion == Conversion::Text || *conversion == Conversion::TextFromAny {
        0
    } else {
        seen.texts_empty
    };
    let (with_nul, not_utf8) = (seen.texts_with_nul.min(texts), seen.texts_not_utf8.min(texts));
    let other = texts.saturating_sub(empty + with_nul + not_utf8);
    let is_only_kind = empty + with_nul + not_utf8 == 0;
    let counts = [
        (seen.integers.saturating_sub(taken.integers), "integer", "integers"),
        (seen.reals.saturating_sub(taken.reals), "float", "floats"),
        (empty.min(texts), "empty text", "empty texts"),
        (with_nul, "text with NUL", "texts with NUL"),
        (not_utf8, "text that is not UTF-8", "texts that are not UTF-8"),
        (
            other,
            if is_only_kind { "text" } else { "other text" },
            if is_only_kind { "texts" } else { "other texts" },
        ),
        (seen.blobs.saturating_sub(taken.blobs), "blob", "blobs"),
    ];
    let listed: Vec<String> = counts
        .iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
        .collect();
    Some(format!("{rejected} of {all} values do not fit and are rejects: {}", listed.join(", ")))
}

/// What jsonb drops of the documents that are counted, such as `jsonb would drop the sign of a zero in 1 document`; none if it drops
/// nothing, or the conversion has nothing to do with JSON.
pub fn jsonb_losses_in_words(seen: &ColumnProfile, conversion: &Conversion) -> Option<String> {
    let both = seen.jsonb_last_key_wins_unsigned_zero;
    let (keys, zeros) = (seen.jsonb_last_key_wins + both, seen.jsonb_unsigned_zero + both);
    match conversion {
        Conversion::Json => Some(format!("jsonb would drop {}", losses(keys, zeros)?)),
        Conversion::Jsonb => {
            let accepting = match (keys, zeros) {
                (_, 0) => Conversion::JsonbLastKeyWins,
                (0, _) => Conversion::JsonbUnsignedZero,
                _ => Conversion::JsonbLastKeyWinsUnsignedZero,
            };
            let losses = losses(keys, zeros)?;
            Some(format!("jsonb would drop {losses}, which `as = \"{}\"` accepts", accepting.name()))
        }
        Conversion::JsonbLastKeyWins => Some(format!("jsonb drops {}", losses(seen.jsonb_last_key_wins, 0)?)),
        Conversion::JsonbUnsignedZero => {
            Some(format!("jsonb drops {}", losses(0, seen.jsonb_unsigned_zero)?))
        }
        Conversion::JsonbLastKeyWinsUnsignedZero => Some(format!("jsonb drops {}", losses(keys, zeros)?)),
        _ => None,
    }
}

/// What is lost in this many documents; none if it is nothing.
fn losses(keys: u64, zeros: u64) -> Option<String> {
    let documents = |count: u64| if count == 1 { "document" } else { "documents" };
    let lost: Vec<String> = [(keys, "values of repeated keys"), (zeros, "the sign of a zero")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{what} in {count} {}", documents(*count)))
        .collect();
    (!lost.is_empty()).then(|| lost.join(" and "))
}

/// Returns the lines that take a suggestion, for the end of a `mapping.toml` that does not yet name the column: a header
/// and its key, each on its own line.
pub(super) fn mapping_lines(table: &str, column: &str, conversion: &Conversion) -> String {
    format!("[tables.{}.columns.{}]\nas = \"{}\"", TomlKey(table), TomlKey(column), conversion.name())
}
