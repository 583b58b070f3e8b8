//! The reason why a connection failed, with the SQLSTATE where a server answered.

use std::fmt;

use crate::server_error::{OUT_OF_MEMORY, is_transient_sqlstate};

/// SQLSTATEs of class 08 with which a connection is refused for good: rejected by the server, or a violation of the protocol.
const PERMANENT: [&str; 2] = ["08004", "08P01"];

/// Why no connection was made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The message of libpq, which contains no password.
    message: String,
    /// The SQLSTATEs of the servers that answered; none where no server was reached.
    sqlstates: Vec<String>,
    /// Whether a server asked for a password and there was none.
    lacks_password: bool,
}

impl Refusal {
    /// Reads the SQLSTATEs in a message of libpq. With verbose errors it writes `FATAL:  53300: …` for each server that it tried; the word
    /// before depends on the server's language.
    pub(crate) fn new(message: String) -> Refusal {
        let sqlstates = message.lines().filter_map(sqlstate).map(str::to_owned).collect();
        // An error has one line.
        Refusal { message: message.lines().collect::<Vec<_>>().join("; "), sqlstates, lacks_password: false }
    }

    /// The refusal of a server that did not answer in time.
    pub(crate) fn no_answer() -> Refusal {
        Refusal { message: "no answer in time".to_owned(), sqlstates: Vec::new(), lacks_password: false }
    }

    /// The same, where a server asked for a password and there was none.
    pub(crate) fn lacking_password(self, lacks_password: bool) -> Refusal {
        Refusal { lacks_password, ..self }
    }

    /// Whether a server asked for a password and there was none.
    pub(crate) fn lacks_password(&self) -> bool {
        self.lacks_password
    }

    /// Whether a server answered that it may accept a connection in a moment. A pooler refuses an unknown database or user with an
    /// error of the protocol, which no wait repairs. Memory that is used up when a session begins is used by other sessions, unlike
    /// memory that a statement of ours has used up.
    pub(crate) fn is_transient(&self) -> bool {
        let is_transient = |sqlstate: &str| is_transient_sqlstate(sqlstate) || sqlstate == OUT_OF_MEMORY;
        self.sqlstates
            .iter()
            .any(|sqlstate| is_transient(sqlstate) && !PERMANENT.contains(&sqlstate.as_str()))
    }

    /// The SQLSTATEs of the servers that answered, in the order in which they were tried.
    pub(crate) fn sqlstates(&self) -> &[String] {
        &self.sqlstates
    }

    /// Whether no server answered: the network or the socket failed.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.sqlstates.is_empty()
    }
}

/// The first SQLSTATE of a line.
fn sqlstate(line: &str) -> Option<&str> {
    line.match_indices(":  ").find_map(|(at, separator)| {
        let (sqlstate, rest) = line.get(at + separator.len()..)?.split_at_checked(5)?;
        let is_sqlstate =
            sqlstate.bytes().all(|letter| letter.is_ascii_digit() || letter.is_ascii_uppercase());
        (is_sqlstate && rest.starts_with(": ")).then_some(sqlstate)
    })
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_recognised_by_its_sqlstate_in_any_language() {
        for (message, is_transient, is_unreachable) in [
            ("server at \"h\" failed: FATAL:  53300: sorry, too many clients already", true, false),
            (
                "server at \"h\" failed: SCHWERWIEGEND:  53300: tut mir leid, schon zu viele Verbindungen",
                true,
                false,
            ),
            ("server at \"h\" failed: FATAL:  53200: out of shared memory", true, false),
            (
                "server at \"h\" failed: FATAL:  28P01: password authentication failed for user \"a\"",
                false,
                false,
            ),
            ("server at \"h\" failed: FATAL:  08P01: no such database: a", false, false),
            ("server at \"h\" failed: Connection refused\n\tIs the server running?", false, true),
            (
                "server at \"h\" failed: Connection refused\nserver at \"i\" failed: FATAL:  57P03: starting",
                true,
                false,
            ),
            ("server at \"57P03: \" failed: No such file or directory", false, true),
        ] {
            let refusal = Refusal::new(message.to_owned());
            assert_eq!(
                (refusal.is_transient(), refusal.is_unreachable()),
                (is_transient, is_unreachable),
                "{message}"
            );
        }
        assert!(Refusal::no_answer().is_unreachable());
    }
}
