//! What PostgreSQL says when it refuses, without the row's values.
//!
//! PostgreSQL puts values into DETAIL and CONTEXT always, and into the message for errors about data (SQLSTATE classes 22
//! and 23). Kept are SQLSTATE, schema, table, column and constraint; the message only where it cannot hold a value.

use std::fmt;

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind};

/// An error of the server, scrubbed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerError {
    /// The five characters of the SQLSTATE (PostgreSQL manual, appendix A); none where the client library does not tell.
    pub sqlstate: Option<String>,
    /// The primary message, where it cannot hold a value.
    pub message: Option<String>,
    /// The table.
    pub table: Option<String>,
    /// The column.
    pub column: Option<String>,
    /// The constraint.
    pub constraint: Option<String>,
}

impl ServerError {
    /// Scrubs what the server said.
    pub(crate) fn scrubbed(
        sqlstate: Option<String>,
        message: Option<String>,
        [table, column, constraint]: [Option<String>; 3],
    ) -> ServerError {
        let is_about_data = sqlstate.as_deref().is_none_or(|code| code.starts_with("22") || code.starts_with("23"));
        let message = message.map(|message| if is_about_data { without_quoted(&message) } else { message });
        ServerError { sqlstate, message, table, column, constraint }
    }

    /// Scrubs an error of Diesel; an error that does not come from the server keeps Diesel's words.
    pub(crate) fn from_diesel(error: diesel::result::Error) -> Box<dyn std::error::Error + Send + Sync> {
        let diesel::result::Error::DatabaseError(kind, information) = error else {
            return Box::new(error);
        };
        let sqlstate = match kind {
            DatabaseErrorKind::UniqueViolation => Some("23505"),
            DatabaseErrorKind::ForeignKeyViolation => Some("23503"),
            DatabaseErrorKind::NotNullViolation => Some("23502"),
            DatabaseErrorKind::CheckViolation => Some("23514"),
            DatabaseErrorKind::ExclusionViolation => Some("23P01"),
            DatabaseErrorKind::SerializationFailure => Some("40001"),
            DatabaseErrorKind::ReadOnlyTransaction => Some("25006"),
            _ => None,
        };
        let information: &(dyn DatabaseErrorInformation + Send + Sync) = &*information;
        let names = [information.table_name(), information.column_name(), information.constraint_name()];
        Box::new(ServerError::scrubbed(
            sqlstate.map(str::to_owned),
            Some(information.message().to_owned()),
            names.map(|name| name.map(str::to_owned)),
        ))
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgreSQL")?;
        if let Some(sqlstate) = &self.sqlstate {
            write!(f, " {sqlstate}")?;
        }
        write!(f, ": {}", self.message.as_deref().unwrap_or("refused"))?;
        for (label, name) in [("table", &self.table), ("column", &self.column), ("constraint", &self.constraint)] {
            if let Some(name) = name {
                write!(f, ", {label} {name}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ServerError {}

/// The message with each quoted part taken out, since in an error about data that part may be the value.
fn without_quoted(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for (position, part) in message.split('"').enumerate() {
        if position % 2 == 0 {
            out.push_str(part);
        } else {
            out.push_str("(withheld)");
        }
    }
    // An odd number of quotes means that the value itself holds one: then nothing after the first is safe to show.
    if message.matches('"').count() % 2 == 1 || message.matches('"').count() > 6 {
        return message.split('"').next().unwrap_or_default().trim_end().to_owned() + " (withheld)";
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_out_of_messages_about_data() {
        for (sqlstate, message, shown) in [
            (Some("22P02"), "invalid input syntax for type json: \"canary\"", "invalid input syntax for type json: (withheld)"),
            (Some("22P02"), "invalid input syntax: \"can\"ary\"", "invalid input syntax: (withheld)"),
            (None, "value \"canary\" is out of range", "value (withheld) is out of range"),
            (Some("42501"), "permission denied for schema public", "permission denied for schema public"),
            (Some("42P07"), "relation \"jobs\" already exists", "relation \"jobs\" already exists"),
        ] {
            let error = ServerError::scrubbed(sqlstate.map(str::to_owned), Some(message.to_owned()), [None, None, None]);
            assert_eq!(error.message.as_deref(), Some(shown));
            assert!(!error.to_string().contains("canary"));
        }
    }
}
