//! What PostgreSQL says when it refuses, without the row's values.
//!
//! PostgreSQL puts values into DETAIL and CONTEXT, and quotes them in the message of errors about data. Kept are SQLSTATE,
//! table, column and constraint, and the message up to the first quoted part that is not the name of something.

use std::fmt;

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind};

/// The SQLSTATE of a disk without room.
const DISK_FULL: &str = "53100";

/// The SQLSTATE of a connection that is gone.
const CONNECTION_FAILURE: &str = "08006";

/// The SQLSTATEs, but for class 08 about connections, of what may succeed in a moment (manual, appendix A).
const TRANSIENT: [&str; 10] = [
    "25P03", // the session idled in a transaction for too long
    "40001", // serialization
    "40P01", // deadlock
    "53300", // too many connections
    LOCK_NOT_AVAILABLE,
    "57014", // the statement was cancelled, or took too long
    "57P01", // the server was shut down, or the session was ended by an administrator
    "57P02", // another session crashed
    "57P03", // the server is starting or stopping
    "57P05", // the session idled for too long
];

/// What the server's English messages say of it, the more special ones first.
const TRANSIENT_WORDS: [(&str, &str); 19] = [
    ("canceling statement due to lock timeout", "55P03"),
    ("could not obtain lock", "55P03"),
    ("canceling statement due to conflict with recovery", "40001"),
    ("canceling statement due to", "57014"),
    ("deadlock detected", "40P01"),
    ("is not accepting connections", "57P03"),
    ("not yet accepting connections", "57P03"),
    ("starting up", "57P03"),
    ("shutting down", "57P03"),
    ("in recovery mode", "57P03"),
    ("too many clients", "53300"),
    ("too many connections", "53300"),
    ("remaining connection slots are reserved", "53300"),
    ("server closed the connection unexpectedly", CONNECTION_FAILURE),
    ("terminating connection due to idle-in-transaction timeout", "25P03"),
    ("terminating connection due to idle-session timeout", "57P05"),
    ("terminating connection because of crash", "57P02"),
    ("terminating connection due to", "57P01"),
    ("Connection reset by peer", CONNECTION_FAILURE),
];
/// The SQLSTATE of memory that is used up, the shared table of locks among it.
const OUT_OF_MEMORY: &str = "53200";

/// The setting that PostgreSQL's hint names, in every language, where its table of locks is full.
const LOCK_TABLE_SETTING: &str = "max_locks_per_transaction";

/// The longest hint that is kept.
const HINT_MAX_BYTES: usize = 300;
/// The SQLSTATE of a lock that was not to be had in time.
pub const LOCK_NOT_AVAILABLE: &str = "55P03";

/// An error of the server, scrubbed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerError {
    /// The five characters of the SQLSTATE (PostgreSQL manual, appendix A); none where the client library does not tell.
    pub sqlstate: Option<String>,
    /// The primary message, cut before anything that may be a value.
    pub message: Option<String>,
    /// The table.
    pub table: Option<String>,
    /// The column.
    pub column: Option<String>,
    /// The constraint.
    pub constraint: Option<String>,
    /// What PostgreSQL itself says to do; kept where its hints are about the server and never about a row.
    pub hint: Option<String>,
}

impl ServerError {
    /// Scrubs what the server said.
    pub fn scrubbed(
        sqlstate: Option<String>,
        message: Option<String>,
        [table, column, constraint]: [Option<String>; 3],
    ) -> ServerError {
        let message = message.map(|message| without_values(&message));
        ServerError { sqlstate, message, table, column, constraint, hint: None }
    }

    /// Keeps the server's hint where its class is about resources (53) or limits of the program (54), whose hints are fixed texts with
    /// names of settings. One that a function raised is never given.
    fn with_hint(mut self, hint: Option<String>) -> ServerError {
        let is_about_server = self
            .sqlstate
            .as_deref()
            .is_some_and(|sqlstate| sqlstate.starts_with("53") || sqlstate.starts_with("54"));
        self.hint = hint.filter(|hint| is_about_server && hint.len() <= HINT_MAX_BYTES);
        self
    }

    /// Whether the server's table of locks, or its memory, has no more room.
    pub fn is_out_of_memory(&self) -> bool {
        self.sqlstate.as_deref() == Some(OUT_OF_MEMORY)
    }

    /// What is left of an error inside a function or trigger of the database: its words and names are whatever its author
    /// made them, and may be a row's values.
    fn raised(sqlstate: Option<String>) -> ServerError {
        let message = "a function or trigger of the database refused; its words are withheld".to_owned();
        ServerError { sqlstate, message: Some(message), ..ServerError::default() }
    }

    /// Scrubs what the server said, given where it says that it was (CONTEXT), which itself is never kept.
    pub fn scrubbed_in_context(
        sqlstate: Option<String>,
        message: Option<String>,
        names: [Option<String>; 3],
        context: Option<&str>,
        hint: Option<String>,
    ) -> ServerError {
        // Class P0 is PL/pgSQL's own (manual, appendix A); every language names the function in CONTEXT.
        let is_raised = sqlstate.as_deref().is_some_and(|sqlstate| sqlstate.starts_with("P0"))
            || context.is_some_and(|context| context.contains(" function "));
        if is_raised {
            ServerError::raised(sqlstate)
        } else {
            ServerError::scrubbed(sqlstate, message, names).with_hint(hint)
        }
    }

    /// Scrubs an error that was caught inside the server; `is_inside` says that a function or trigger raised it. What passes comes from
    /// the server itself, wherever it was met.
    pub fn caught(
        sqlstate: String,
        message: Option<String>,
        names: [Option<String>; 3],
        is_inside: bool,
    ) -> ServerError {
        let is_own = sqlstate.starts_with("P0");
        let error = ServerError::scrubbed(Some(sqlstate), message, names);
        if is_own || is_inside && !error.is_transient() { ServerError::raised(error.sqlstate) } else { error }
    }

    /// Scrubs an error of Diesel; an error that does not come from the server keeps Diesel's words.
    pub fn from_diesel(error: diesel::result::Error) -> Box<dyn std::error::Error + Send + Sync> {
        let diesel::result::Error::DatabaseError(kind, information) = error else {
            return Box::new(error);
        };
        // Diesel tells no other SQLSTATE: it is known by the words, which are English where this role may have them so. That a
        // connection is gone it does tell.
        let is_lost =
            matches!(kind, DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand);
        let sqlstate = match kind {
            DatabaseErrorKind::UniqueViolation => Some("23505"),
            DatabaseErrorKind::ForeignKeyViolation => Some("23503"),
            DatabaseErrorKind::NotNullViolation => Some("23502"),
            DatabaseErrorKind::CheckViolation => Some("23514"),
            DatabaseErrorKind::ExclusionViolation => Some("23P01"),
            DatabaseErrorKind::SerializationFailure => Some("40001"),
            DatabaseErrorKind::ReadOnlyTransaction => Some("25006"),
            _ if is_lost => Some(CONNECTION_FAILURE),
            _ if is_transient_message(information.message()) => transient_sqlstate(information.message()),
            _ if information.message().contains("No space left on device") => Some(DISK_FULL),
            _ if information.hint().is_some_and(|hint| hint.contains(LOCK_TABLE_SETTING)) => {
                Some(OUT_OF_MEMORY)
            }
            _ => None,
        };
        let information: &(dyn DatabaseErrorInformation + Send + Sync) = &*information;
        let names = [information.table_name(), information.column_name(), information.constraint_name()];
        let error = ServerError::scrubbed(
            sqlstate.map(str::to_owned),
            Some(information.message().to_owned()),
            names.map(|name| name.map(str::to_owned)),
        );
        // Diesel does not tell what was raised by a function, so that only the one hint is kept that is known.
        let hint = information.hint().filter(|hint| hint.contains(LOCK_TABLE_SETTING));
        Box::new(error.with_hint(hint.map(str::to_owned)))
    }
}

impl ServerError {
    /// Whether the same may succeed in a moment (manual, appendix A): the connection, a lock or the moment was to blame, not what
    /// was asked for.
    pub fn is_transient(&self) -> bool {
        let Some(sqlstate) = self.sqlstate.as_deref() else { return false };
        sqlstate.starts_with("08") || TRANSIENT.contains(&sqlstate)
    }
}

impl ServerError {
    /// What to do about it, where the server itself and no row is to blame.
    pub fn remedy(&self) -> Option<&'static str> {
        match self.sqlstate.as_deref()? {
            DISK_FULL => Some(
                "make room on the server's disk (tables and indexes, its log of changes, its temporary files), then run the same \
                 command again: it goes on from here",
            ),
            _ => None,
        }
    }
}

/// Whether the words of a refused connection, or of an error of which Diesel tells no SQLSTATE, say that it may succeed in a moment.
/// A server speaks English before it knows better.
pub fn is_transient_message(message: &str) -> bool {
    transient_sqlstate(message).is_some()
}

/// The SQLSTATE of a fault that may pass, by the words of a message in English.
fn transient_sqlstate(message: &str) -> Option<&'static str> {
    let (_, sqlstate) = TRANSIENT_WORDS.iter().find(|(words, _)| message.contains(words))?;
    Some(sqlstate)
}

/// Whether a connection that was refused may be had in a moment, by the SQLSTATEs in the message, whatever its language is. libpq
/// writes `FATAL:  53300: …` where it is told to be verbose.
pub fn refused_for_now(message: &str) -> bool {
    message.split(": ").map(str::trim).any(|part| TRANSIENT.contains(&part)) || is_transient_message(message)
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
pub fn without_values(message: &str) -> String {
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
    let mut rest = message;
    let mut kept = String::with_capacity(message.len());
    while let Some(open) = opening_quote(rest) {
        let (before, quoted) = rest.split_at(open);
        kept.push_str(before);
        // Which word stands before a name is known in English alone, whose messages quote with this.
        let Some(quoted) = quoted.strip_prefix('"') else { return kept + "(withheld)" };
        let last_word =
            before.trim_end().rsplit(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
        let is_name = before.ends_with(' ') && NAMED.contains(&last_word);
        match quoted.split_once('"') {
            Some((name, after)) if is_name => {
                kept.push_str(&format!("\"{name}\""));
                rest = after;
            }
            // What follows a value cannot be told from it: the value may hold quotes itself.
            _ => return kept + "(withheld)",
        }
    }
    kept + rest
}

/// Where something quoted begins: the server speaks the language that it was told, and each has quotes of its own.
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
    fn a_fault_that_passes_has_the_sqlstate_that_its_words_are_about() {
        for (message, sqlstate) in [
            ("canceling statement due to lock timeout", Some("55P03")),
            ("canceling statement due to statement timeout", Some("57014")),
            ("canceling statement due to user request", Some("57014")),
            ("terminating connection due to administrator command", Some("57P01")),
            ("terminating connection due to idle-in-transaction timeout", Some("25P03")),
            ("deadlock detected", Some("40P01")),
            ("sorry, too many clients already", Some("53300")),
            ("permission denied for table jobs", None),
        ] {
            assert_eq!(transient_sqlstate(message), sqlstate, "{message}");
        }
        assert!(refused_for_now(
            "server at \"h\" failed: SCHWERWIEGEND:  53300: tut mir leid, schon zu viele Verbindungen"
        ));
        assert!(!refused_for_now("server at \"h\" failed: FATAL:  28P01: password authentication failed"));
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
