//! Hints of column names. A name alone never determines a type: the values must agree.

use super::declared::fits;

/// The hint of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// A point in time.
    Moment,
    /// A date.
    Date,
    /// A time of day.
    Time,
    /// True or false.
    Flag,
    /// An identifier.
    Identifier,
    /// A UUID.
    Uuid,
    /// A JSON document.
    Document,
}

/// The names of each hint, as patterns over lower-case names with `_` between words.
pub(super) const NAMES: [(Hint, &str); 7] = [
    (
        Hint::Moment,
        "at *_at *_time *_date *_on *_ts *_timestamp timestamp timestamp_* ts time date datetime \
         *_datetime created updated modified deleted expires expires_* expiry expiration last_* \
         *_since *_until since until *_created *_updated *_modified *_utc *_ms *_millis",
    ),
    (Hint::Date, "date *_date date_* day *_day *_on birthday dob birth_* *_from *_to"),
    (Hint::Time, "time *_time time_* *_at"),
    (
        Hint::Flag,
        "is_* has_* can_* should_* was_* allow_* allows_* use_* enable_* *_enabled enabled *_disabled \
         disabled *_active active *_deleted deleted archived *_archived verified *_verified confirmed \
         *_confirmed *_flag flag published visible hidden locked public private required optional \
         completed done read unread starred pinned favorite favourite default admin approved blocked \
         banned paid revoked used notifications",
    ),
    (Hint::Identifier, "id *_id ref *_ref *_key key token *_token"),
    (Hint::Uuid, "uuid *_uuid uuid_* guid *_guid guid_*"),
    (
        Hint::Document,
        "json *_json json_* payload *_payload data *_data meta *_meta metadata *_metadata config \
         *_config configuration settings *_settings attributes *_attributes attrs properties props \
         options *_options params parameters preferences extra extras context details body result \
         tags labels headers state document doc",
    ),
];

impl Hint {
    /// Whether the name of a column has this hint.
    pub(super) fn is_in(self, column: &str) -> bool {
        let name = words(column);
        let mut patterns = NAMES.iter().filter(|(hint, _)| *hint == self);
        patterns.any(|(_, patterns)| patterns.split_whitespace().any(|pattern| fits(pattern, &name)))
    }

    /// Returns its name in explanations.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Hint::Moment => "a time",
            Hint::Date => "a date",
            Hint::Time => "a time of day",
            Hint::Flag => "true or false",
            Hint::Identifier => "an identifier",
            Hint::Uuid => "a UUID",
            Hint::Document => "a document",
        }
    }
}

/// Returns the name in lower case with `_` between its words: for `createdAt`, `CreatedAt` and `created-at`.
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    let mut before: Option<char> = None;
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let begins_word = letter.is_uppercase()
            && before.is_some_and(|before| {
                // `userID` is two words, and so is `IDNumber`.
                !before.is_uppercase() || letters.peek().is_some_and(|next| next.is_lowercase())
            });
        if begins_word && !words.is_empty() && !words.ends_with('_') {
            words.push('_');
        }
        if letter.is_alphanumeric() {
            words.extend(letter.to_lowercase());
        } else if !words.ends_with('_') && !words.is_empty() {
            words.push('_');
        }
        before = Some(letter);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart_however_they_are_written() {
        for (name, expected) in [
            ("created_at", "created_at"),
            ("createdAt", "created_at"),
            ("CreatedAt", "created_at"),
            ("CREATED_AT", "created_at"),
            ("created-at", "created_at"),
            ("created at", "created_at"),
            ("userID", "user_id"),
            ("IDNumber", "id_number"),
            ("UUID", "uuid"),
            ("_id", "id"),
            ("a__b", "a_b"),
            ("Élan", "élan"),
            ("", ""),
        ] {
            assert_eq!(words(name), expected, "{name}");
        }
    }

    #[test]
    fn names_say_what_they_say() {
        for (name, hint, expected) in [
            ("createdAt", Hint::Moment, true),
            ("expires", Hint::Moment, true),
            ("expires_in", Hint::Moment, true),
            ("last_seen", Hint::Moment, true),
            ("format", Hint::Moment, false),
            ("status", Hint::Moment, false),
            ("cat", Hint::Moment, false),
            ("isActive", Hint::Flag, true),
            ("island", Hint::Flag, false),
            ("email_verified", Hint::Flag, true),
            ("candidate", Hint::Flag, false),
            ("userId", Hint::Identifier, true),
            ("paid", Hint::Identifier, false),
            ("external_uuid", Hint::Uuid, true),
            ("payload", Hint::Document, true),
            ("database", Hint::Document, false),
        ] {
            assert_eq!(hint.is_in(name), expected, "{name}");
        }
    }
}
