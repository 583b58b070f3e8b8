//! Whether an expression and its translation are the same on every row.

use migrate_core::translate::{self, Note, Notes, Scope, Translated};
use postgres_client::connection::Connection;

use super::sides::{self, Form, Given, Source};

/// The notes that permit rows in another order.
const ORDER_NOTES: &[Note] = &[Note::MovedMoment, Note::DocumentText, Note::DocumentClass];

/// The most rows that the report of a difference names.
const ROWS_SHOWN_MAX: usize = 4;

/// The result for an expression.
pub struct Judgement {
    /// The translations: as a value of the types that it has, and as a condition.
    pub translations: Vec<Translated>,
    /// Why it has none as a value of the class that SQLite's values have.
    pub reason: String,
    /// Rows in which the two databases differ.
    pub differences: Vec<String>,
}

/// Both databases with their rows.
pub struct Judge<'a> {
    pub source: &'a Source,
    pub session: &'a mut Connection,
    pub scope: &'a Scope,
}

impl Judge<'_> {
    pub fn judge(&mut self, expression: &str) -> Judgement {
        let computed = self.source.compute(expression);
        let natural = natural(&computed.values(Form::Text));
        let ids = self.source.ids();
        let mut differences = Vec::new();
        let mut compare = |form: Form, translated: &Translated, session: &mut Connection| {
            let expected = computed.values(form);
            let found = sides::computed(session, &translated.sql, form, &ids);
            let wrong: Vec<String> = (ids.iter().zip(expected.iter().zip(&found)))
                .filter(|(_, (expected, found))| !agree(expected, found, &translated.notes))
                .map(|(id, (expected, found))| format!("row {id}: SQLite {expected:?}, PostgreSQL {found:?}"))
                .collect();
            if !wrong.is_empty() {
                let shown = wrong.iter().take(ROWS_SHOWN_MAX).cloned().collect::<Vec<_>>().join("; ");
                differences.push(format!(
                    "{expression} as {form:?}: {}\n    {} rows: {shown}",
                    translated.sql,
                    wrong.len()
                ));
            }
        };
        let (mut translations, mut reason) = (Vec::new(), String::new());
        for form in Form::ALL {
            let (conversion, affinity) = form.column();
            let translated = match form {
                Form::Condition => translate::check(expression, self.scope),
                _ => translate::generated(expression, self.scope, &conversion, affinity),
            };
            match translated {
                Ok(translated) => {
                    compare(form, &translated, self.session);
                    translations.push(translated);
                }
                Err(error) if natural == form => reason = error.to_string(),
                Err(_) => {}
            }
        }
        if let Ok(key) = translate::index_key(expression, self.scope)
            && let Some(expected) = self.source.order(expression)
        {
            match sides::order(self.session, &key.sql) {
                Ok(found) if found == expected => {}
                Ok(_) if key.notes.iter().any(|note| ORDER_NOTES.contains(note)) => {}
                Ok(_) => differences.push(format!("{expression} as a key: {} orders otherwise", key.sql)),
                Err(error) if permits_out_of_range(&key.notes) && error.contains("out of range") => {}
                Err(error) => differences.push(format!("{expression} as a key: {}: {error}", key.sql)),
            }
        }
        Judgement { translations, reason, differences }
    }
}

/// The form that suits the first of SQLite's values.
fn natural(values: &[Given]) -> Form {
    let form = |value: &Given| match value {
        Given::Integer(_) => Some(Form::Integer),
        Given::Real(_) => Some(Form::Real),
        Given::Text(_) => Some(Form::Text),
        Given::Blob(_) => Some(Form::Blob),
        _ => None,
    };
    values.iter().find_map(form).unwrap_or(Form::Condition)
}

/// Whether a note permits PostgreSQL to fail where a number is out of range.
fn permits_out_of_range(notes: &Notes) -> bool {
    [Note::IntegerOverflow, Note::CastOverflow, Note::FloatRange].iter().any(|note| notes.contains(note))
}

/// Whether a row is the same on both sides, or differs as one of the translation's notes permits.
fn agree(expected: &Given, found: &Given, notes: &Notes) -> bool {
    let has = |note: Note| notes.contains(&note);
    match (expected, found) {
        (Given::Fails(_), Given::Fails(_)) => true,
        (_, Given::Fails(error)) => permits_out_of_range(notes) && error.contains("out of range"),
        // What SQLite stores of 0.0 has no sign.
        (Given::Real(expected), Given::Real(found)) if *expected == 0.0 => *found == 0.0,
        (Given::Real(expected), Given::Real(found)) => expected.to_bits() == found.to_bits(),
        (expected, found) if expected == found => true,
        (Given::Null, _) | (_, Given::Null) => has(Note::MovedMoment),
        (Given::Text(expected), Given::Text(_)) => {
            let is_written_otherwise = expected.starts_with(['{', '[']) || expected.contains('.');
            let is_before_the_year_1 = expected.starts_with(['-', '0']) && has(Note::MovedMoment);
            is_before_the_year_1
                || has(Note::DocumentText) && is_written_otherwise
                || has(Note::DocumentClass) && expected == "real"
        }
        _ => false,
    }
}
