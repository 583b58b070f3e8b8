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

/// Returns the lines that take a suggestion, for the end of a `mapping.toml` that does not yet name the column: a header
/// and its key, each on its own line.
pub(super) fn mapping_lines(table: &str, column: &str, conversion: &Conversion) -> String {
    format!("[tables.{}.columns.{}]\nas = \"{}\"", TomlKey(table), TomlKey(column), conversion.name())
}
