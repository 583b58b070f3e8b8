//! Names on the target's side that a human decides: the one rule for all names, and the names of schemas.

use serde::Deserialize;

use super::MappingError;
use crate::identifier::PG_NAME_LENGTH_MAX_BYTES;

/// The schema of the ledger; schemas of ours all begin so.
const LEDGER_SCHEMA: &str = "migration";

/// What becomes of the names of tables, columns, keys, indexes and sequences alike, where no name is given by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameRule {
    /// They stay as they are.
    #[default]
    Keep,
    /// The capital letters of ASCII become small ones, as PostgreSQL itself reads a name without quotes (manual, section
    /// 4.1.1).
    Lower,
    /// The same, with `_` where a new word begins, and in place of blanks and hyphens: `authorId` becomes `author_id`.
    Snake,
}

impl NameRule {
    /// What becomes of `name`.
    pub fn apply(self, name: &str) -> String {
        match self {
            NameRule::Keep => name.to_owned(),
            NameRule::Lower => name.to_ascii_lowercase(),
            NameRule::Snake => snake(name),
        }
    }

    /// The rule as a mapping writes it.
    pub fn name(self) -> &'static str {
        match self {
            NameRule::Keep => "keep",
            NameRule::Lower => "lower",
            NameRule::Snake => "snake",
        }
    }
}

/// A word begins with a capital letter behind a small one or a digit, and with the last of several that a small one follows.
fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len());
    for (place, letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|before| letters.get(before));
        let after = letters.get(place + 1);
        let begins_word = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_ascii_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
        if begins_word {
            out.push('_');
        }
        match letter {
            ' ' | '-' => out.push('_'),
            letter => out.push(letter.to_ascii_lowercase()),
        }
    }
    out
}

/// Refuses a name that no schema of a target may have.
pub(super) fn check_schema(name: &str) -> Result<(), MappingError> {
    let refused = |problem| Err(MappingError::Schema { name: name.to_owned(), problem });
    if name.is_empty() {
        refused("it is empty")
    } else if name.starts_with("pg_") || name == "information_schema" {
        refused("schemas of that name are PostgreSQL's own")
    } else if name == LEDGER_SCHEMA || name.starts_with("migration_") {
        refused("the migration keeps its ledger and its scratch tables in schemas of such names")
    } else if name.len() > PG_NAME_LENGTH_MAX_BYTES {
        refused("it is longer than 63 bytes, and PostgreSQL would cut it")
    } else {
        check_characters(name)
    }
}

/// Refuses a new name that PostgreSQL cannot hold.
pub(super) fn check_characters(name: &str) -> Result<(), MappingError> {
    let problem = if name.is_empty() {
        "a name cannot be empty"
    } else if name.contains('\0') {
        "a name cannot hold a NUL character"
    } else {
        return Ok(());
    };
    Err(MappingError::Name { name: name.escape_default().to_string(), problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_makes_names_as_people_would() {
        for (name, lower, snake) in [
            ("Users", "users", "users"),
            ("authorId", "authorid", "author_id"),
            ("HTTPServer", "httpserver", "http_server"),
            ("userID2Name", "userid2name", "user_id2_name"),
            ("IX_a", "ix_a", "ix_a"),
            ("IX_UserName", "ix_username", "ix_user_name"),
            ("my table-name", "my table-name", "my_table_name"),
            ("_Private", "_private", "_private"),
            ("Ärger", "Ärger", "Ärger"),
            ("", "", ""),
        ] {
            assert_eq!(NameRule::Keep.apply(name), name);
            assert_eq!(NameRule::Lower.apply(name), lower);
            assert_eq!(NameRule::Snake.apply(name), snake);
        }
    }

    #[test]
    fn schemas_of_postgresql_and_of_the_ledger_are_refused() {
        let long = "s".repeat(64);
        for (name, part) in [
            ("", "it is empty"),
            ("pg_data", "PostgreSQL's own"),
            ("information_schema", "PostgreSQL's own"),
            ("migration", "its ledger"),
            ("migration_scratch", "its ledger"),
            (long.as_str(), "longer than 63 bytes"),
            ("a\0b", "NUL"),
        ] {
            let error = check_schema(name).unwrap_err().to_string();
            assert!(error.contains(part), "{name:?} gave {error}");
        }
        for name in ["public", "app", "My Schema", "ä\"b", "pgdata", "migrations"] {
            assert_eq!(check_schema(name), Ok(()), "{name}");
        }
    }
}
