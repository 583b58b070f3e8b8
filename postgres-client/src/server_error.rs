//! Errors of PostgreSQL, without the row's values.
//!
//! PostgreSQL puts values into DETAIL and CONTEXT, and quotes them in the message of errors about data. This type keeps SQLSTATE,
//! table, column and constraint, and the message up to the first quoted part that is not the name of an object.

use std::fmt;

/// The SQLSTATE of a full disk.
const DISK_FULL: &str = "53100";

/// The SQLSTATEs of transient errors, apart from class 08 about connections, with the names of their conditions (manual, appendix A).
const TRANSIENT: [(&str, &str); 10] = [
    ("25P03", "idle_in_transaction_session_timeout"),
    ("40001", "serialization_failure"),
    ("40P01", "deadlock_detected"),
    ("53300", "too_many_connections"),
    (LOCK_NOT_AVAILABLE, "lock_not_available"),
    ("57014", "query_canceled"),
    ("57P01", "admin_shutdown"),
    ("57P02", "crash_shutdown"),
    ("57P03", "cannot_connect_now"),
    ("57P05", "idle_session_timeout"),
];

/// The SQLSTATE of memory that is used up, such as the shared table of locks.
pub(crate) const OUT_OF_MEMORY: &str = "53200";

/// The SQLSTATE where other objects depend on the one that is to be dropped.
const DEPENDENT_OBJECTS: &str = "2BP01";

/// The longest hint that is kept.
const HINT_MAX_BYTES: usize = 300;

/// The SQLSTATE of a lock that was not available in time.
pub const LOCK_NOT_AVAILABLE: &str = "55P03";

/// An error of the server, scrubbed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerError {
    /// The five characters of the SQLSTATE (PostgreSQL manual, appendix A); none for an error of the client library.
    pub sqlstate: Option<String>,
    /// The primary message, cut before anything that may be a value.
    pub message: Option<String>,
    /// The table.
    pub table: Option<String>,
    /// The column.
    pub column: Option<String>,
    /// The constraint.
    pub constraint: Option<String>,
    /// PostgreSQL's hint; kept where it is about the server and never about a row.
    pub hint: Option<String>,
}

impl ServerError {
    /// Scrubs an error of the server.
    pub(crate) fn scrubbed(
        sqlstate: Option<String>,
        message: Option<String>,
        [table, column, constraint]: [Option<String>; 3],
    ) -> ServerError {
        let message = message.map(|message| without_values(&message));
        ServerError { sqlstate, message, table, column, constraint, hint: None }
    }

    /// Keeps the server's hint if its class is about resources (53) or limits of the program (54), whose hints are fixed texts with names
    /// of settings. The hint of a function is never kept.
    fn with_hint(mut self, hint: Option<String>) -> ServerError {
        let is_about_server = self
            .sqlstate
            .as_deref()
            .is_some_and(|sqlstate| sqlstate.starts_with("53") || sqlstate.starts_with("54"));
        self.hint = hint.filter(|hint| is_about_server && hint.len() <= HINT_MAX_BYTES);
        self
    }

    /// Whether other objects depend on the one that was to be dropped.
    pub fn is_in_use(&self) -> bool {
        self.sqlstate.as_deref() == Some(DEPENDENT_OBJECTS)
    }

    /// Whether the server's table of locks, or its memory, has no more room.
    pub fn is_out_of_memory(&self) -> bool {
        self.sqlstate.as_deref() == Some(OUT_OF_MEMORY)
    }

    /// What is kept of an error inside a function or trigger of the database. Its author chose the message and the names, which may be a
    /// row's values.
    fn raised(sqlstate: Option<String>) -> ServerError {
        let condition = sqlstate.as_deref().and_then(transient_condition);
        let message = condition
            .unwrap_or("refused inside a function, a trigger or a type conversion; the message is withheld");
        ServerError { message: Some(message.to_owned()), sqlstate, ..ServerError::default() }
    }

    /// Scrubs an error of the server, given its CONTEXT, which itself is never kept.
    pub(crate) fn scrubbed_in_context(
        sqlstate: Option<String>,
        message: Option<String>,
        names: [Option<String>; 3],
        context: Option<&str>,
        hint: Option<String>,
    ) -> ServerError {
        // Class P0 is PL/pgSQL's own (manual, appendix A). CONTEXT is translated, so that its words cannot tell a function from anything
        // else; a COPY's own line begins with the command in every language.
        let is_of_copy =
            |context: &str| context.starts_with("COPY ") && context.trim_end().lines().count() == 1;
        let is_raised = sqlstate.as_deref().is_some_and(|sqlstate| sqlstate.starts_with("P0"))
            || context.is_some_and(|context| !context.is_empty() && !is_of_copy(context));
        if is_raised {
            ServerError::raised(sqlstate)
        } else {
            ServerError::scrubbed(sqlstate, message, names).with_hint(hint)
        }
    }

    /// Scrubs an error that was caught inside the server; `is_inside` is true if a function or trigger raised it.
    pub fn caught(
        sqlstate: String,
        message: Option<String>,
        names: [Option<String>; 3],
        is_inside: bool,
    ) -> ServerError {
        if is_inside || sqlstate.starts_with("P0") {
            ServerError::raised(Some(sqlstate))
        } else {
            ServerError::scrubbed(Some(sqlstate), message, names)
        }
    }
}

impl ServerError {
    /// Whether the same statement may succeed in a moment (manual, appendix A): the connection, a lock or the moment was the cause.
    pub fn is_transient(&self) -> bool {
        self.sqlstate.as_deref().is_some_and(is_transient_sqlstate)
    }
}

impl ServerError {
    /// The remedy, if the server itself is the cause.
    pub fn remedy(&self) -> Option<&'static str> {
        match self.sqlstate.as_deref()? {
            DISK_FULL => Some(
                "make room on the server's disk (tables and indexes, its log of changes, its temporary files), then run the same \
                 command again: it resumes here",
            ),
            _ => None,
        }
    }
}

/// Whether the same may succeed in a moment after an error with this SQLSTATE.
pub(crate) fn is_transient_sqlstate(sqlstate: &str) -> bool {
    sqlstate.starts_with("08") || transient_condition(sqlstate).is_some()
}

/// The name of a transient error's condition.
fn transient_condition(sqlstate: &str) -> Option<&'static str> {
    TRANSIENT.iter().find(|(transient, _)| *transient == sqlstate).map(|(_, condition)| *condition)
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgreSQL")?;
        if let Some(sqlstate) = &self.sqlstate {
            write!(f, " {sqlstate}")?;
        }
        write!(f, ": {}", self.message.as_deref().unwrap_or("refused"))?;
        for (label, name) in
            [("table", &self.table), ("column", &self.column), ("constraint", &self.constraint)]
        {
            if let Some(name) = name {
                write!(f, ", {label} {name}")?;
            }
        }
        if let Some(hint) = &self.hint {
            write!(f, " (PostgreSQL's hint: {hint})")?;
        }
        Ok(())
    }
}

impl std::error::Error for ServerError {}

/// The message up to the first quoted part that is not the name of something, since that part may be a value.
pub(crate) fn without_values(message: &str) -> String {
    const NAMED: &[&str] = &[
        "column",
        "constraint",
        "database",
        "extension",
        "function",
        "index",
        "relation",
        "role",
        "schema",
        "sequence",
        "table",
        "type",
        "user",
        "view",
    ];
    // The last word of these alone may precede a value.
    const NAMED_BY_TWO_WORDS: &[&str] = &["operator class", "operator family", "access method"];
    let mut rest = message;
    let mut kept = String::with_capacity(message.len());
    while let Some(open) = opening_quote(rest) {
        let (before, quoted) = rest.split_at(open);
        kept.push_str(before);
        // The word before a name is known in English alone, whose messages use these quotation marks.
        let Some(quoted) = quoted.strip_prefix('"') else { return kept + "(withheld)" };
        let last_word =
            before.trim_end().rsplit(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
        let is_named_by_two_words = NAMED_BY_TWO_WORDS.iter().any(|words| before.trim_end().ends_with(words));
        let is_name = before.ends_with(' ') && (NAMED.contains(&last_word) || is_named_by_two_words);
        match quoted.split_once('"') {
            Some((name, after)) if is_name => {
                kept.push_str(&format!("\"{name}\""));
                rest = after;
            }
            // The text after a value cannot be told from it, because the value may contain quotes.
            _ => return kept + "(withheld)",
        }
    }
    kept + rest
}

/// The position where something quoted begins: the server uses its configured language, and each has quotation marks of its own.
fn opening_quote(message: &str) -> Option<usize> {
    let mut previous = ' ';
    message.char_indices().find_map(|(position, letter)| {
        let before = std::mem::replace(&mut previous, letter);
        let is_quote = match letter {
            '"' | '`' | '«' | '»' | '‹' | '›' | '„' | '‚' | '“' | '”' | '‘' | '「' | '『' => {
                true
            }
            // Between letters it is an apostrophe, as in "can't" or "l'utente".
            '\'' | '’' => !before.is_alphanumeric(),
            _ => false,
        };
        is_quote.then_some(position)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_out_of_messages() {
        for (message, shown) in [
            (
                "invalid input syntax for type json: \"canary\"",
                "invalid input syntax for type json: (withheld)",
            ),
            ("invalid input syntax: \"can\"ary\"", "invalid input syntax: (withheld)"),
            ("value \"canary\" is out of range for type integer", "value (withheld)"),
            ("bad: \"x\" relation \"canary\"", "bad: (withheld)"),
            ("permission denied for schema public", "permission denied for schema public"),
            (
                "operator class \"int4_ops\" does not accept data type text",
                "operator class \"int4_ops\" does not accept data type text",
            ),
            (
                "operator class \"x_ops\" does not exist for access method \"gin\"",
                "operator class \"x_ops\" does not exist for access method \"gin\"",
            ),
            ("invalid class \"canary\"", "invalid class (withheld)"),
            ("relation \"jobs\" already exists", "relation \"jobs\" already exists"),
            (
                "insert or update on table \"a\" violates foreign key constraint \"b\"",
                "insert or update on table \"a\" violates foreign key constraint \"b\"",
            ),
            ("table \"unclosed", "table (withheld)"),
            ("ungültige Eingabe für Typ json: »canary«", "ungültige Eingabe für Typ json: (withheld)"),
            ("neplatná hodnota „canary“", "neplatná hodnota (withheld)"),
            ("syntaxe en entrée invalide : « canary »", "syntaxe en entrée invalide : (withheld)"),
            ("valeur pour l’entrée « canary »", "valeur pour l’entrée (withheld)"),
            ("ogiltig indata: ”canary”", "ogiltig indata: (withheld)"),
            ("invalid input: “canary”", "invalid input: (withheld)"),
            ("invalid input: ‘canary’", "invalid input: (withheld)"),
            ("ongeldige invoer: `canary'", "ongeldige invoer: (withheld)"),
            ("invalid input: 'canary'", "invalid input: (withheld)"),
            ("'canary' is out of range", "(withheld)"),
            ("無効な入力: 「canary」", "無効な入力: (withheld)"),
            ("can't do that on table \"it's\": 'canary'", "can't do that on table \"it's\": (withheld)"),
            ("l'utente non può", "l'utente non può"),
        ] {
            assert_eq!(without_values(message), shown);
        }
    }

    #[test]
    fn an_error_within_a_function_is_withheld_in_every_language() {
        let scrubbed = |sqlstate: &str, context: &str| {
            let message = Some("Wert canary".to_owned());
            let names = ["canary", "canary", "canary"].map(|name| Some(name.to_owned()));
            ServerError::scrubbed_in_context(Some(sqlstate.to_owned()), message, names, Some(context), None)
        };
        for (sqlstate, context) in [
            ("23514", "PL/pgSQL function refuse() line 1 at RAISE"),
            ("23514", "PL/pgSQL-Funktion refuse() Zeile 1 bei RAISE"),
            ("40001", "PL/pgSQL-Funktion refuse() Zeile 1 bei RAISE"),
            ("23514", "PL/pgSQL-Funktion refuse() Zeile 1 bei RAISE\nCOPY t, Zeile 1"),
            ("P0001", ""),
        ] {
            let error = scrubbed(sqlstate, context);
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
            assert_eq!(error.is_transient(), sqlstate == "40001");
        }
        assert_eq!(scrubbed("23514", "COPY t, Zeile 1").table.as_deref(), Some("canary"));
    }

    #[test]
    fn a_hint_is_kept_where_it_is_about_the_server_alone() {
        let hint = |sqlstate: &str, context: Option<&str>| {
            let text = Some("You might need to increase max_locks_per_transaction.".to_owned());
            let names = [None, None, None];
            ServerError::scrubbed_in_context(Some(sqlstate.to_owned()), None, names, context, text).hint
        };
        assert!(hint("53200", None).is_some());
        assert!(hint("54000", None).is_some());
        assert_eq!(hint("22P02", None), None);
        assert_eq!(hint("53200", Some("PL/pgSQL function leaks() line 1 at RAISE")), None);
        let error = ServerError::scrubbed(
            Some("53200".to_owned()),
            Some("out of shared memory".to_owned()),
            [None, None, None],
        )
        .with_hint(Some("You might need to increase max_locks_per_transaction.".to_owned()));
        assert_eq!(
            error.to_string(),
            "PostgreSQL 53200: out of shared memory (PostgreSQL's hint: You might need to increase max_locks_per_transaction.)"
        );
    }

    #[test]
    fn an_error_names_what_postgresql_names() {
        let names = [Some("jobs".to_owned()), None, Some("jobs_pkey".to_owned())];
        let message = Some("duplicate key value violates unique constraint \"jobs_pkey\"".to_owned());
        let error = ServerError::scrubbed(Some("23505".to_owned()), message, names);
        assert_eq!(
            error.to_string(),
            "PostgreSQL 23505: duplicate key value violates unique constraint \"jobs_pkey\", table jobs, constraint jobs_pkey"
        );
    }
}
