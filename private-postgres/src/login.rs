//! What a client needs to connect to a private cluster, and the URL made of it.

use std::fmt;

/// How to connect to a cluster. Its `Debug` leaves the password out.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The address: always this machine.
    pub host: &'static str,
    /// The TCP port.
    pub port: u16,
    /// The superuser.
    pub user: &'static str,
    /// The generated password.
    pub password: String,
}

impl Login {
    /// The URL of a database: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`. It holds the password: do not print it
    /// where others read.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let Self { host, port, user, password } = self;
        format!("postgres://{user}:{}@{host}:{port}/{}", encode(password), encode(database))
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, user, password: _ } = self;
        f.debug_struct("Login")
            .field("host", host)
            .field("port", port)
            .field("user", user)
            .finish_non_exhaustive()
    }
}

/// Percent-encodes all but the characters that mean nothing in a URL.
fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Login {
        Login { host: "127.0.0.1", port: 5433, user: "hyperpage", password: "5ec7e7".to_owned() }
    }

    #[test]
    fn a_url_carries_any_database_name() {
        for (database, path) in [
            ("postgres", "postgres"),
            ("my db", "my%20db"),
            ("a/b?c#d", "a%2Fb%3Fc%23d"),
            ("100%", "100%25"),
            ("gr\u{fc}n", "gr%C3%BCn"),
        ] {
            assert_eq!(login().url(database), format!("postgres://hyperpage:5ec7e7@127.0.0.1:5433/{path}"));
        }
    }

    #[test]
    fn debug_output_has_no_password() {
        assert!(!format!("{:?}", login()).contains("5ec7e7"));
    }
}
