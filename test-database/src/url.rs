//! Another database's name in a connection URL, as libpq reads such URLs. It checks nothing else about them.

/// The URL with this database in the place of its own; `None` where it is no URL. The name must need no encoding.
pub(crate) fn with_database(url: &str, name: &str) -> Option<String> {
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"))?;
    let scheme = &url[..url.len() - rest.len()];
    // A password may hold a question mark, so that the host begins after the last `@` before the first slash.
    let before_slash = &rest[..rest.find('/').unwrap_or(rest.len())];
    let host = before_slash.find('@').map_or(0, |at| at + 1);
    let authority = rest[host..].find(['/', '?']).map_or(rest.len(), |end| host + end);
    let parameters = rest[authority..].find('?').map_or("", |start| &rest[authority + start..]);
    Some(format!("{scheme}{}/{name}{parameters}", &rest[..authority]))
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn the_database_alone_is_replaced() {
        for (url, expected) in [
            ("postgres://u:p@localhost:5432/postgres", Some("postgres://u:p@localhost:5432/new")),
            ("postgresql://localhost", Some("postgresql://localhost/new")),
            ("postgres://u@localhost/?sslmode=require", Some("postgres://u@localhost/new?sslmode=require")),
            ("postgres://localhost?sslmode=disable", Some("postgres://localhost/new?sslmode=disable")),
            (
                "postgres://u:a?b@[::1]:5432/x?options=-c%20a%3D/b",
                Some("postgres://u:a?b@[::1]:5432/new?options=-c%20a%3D/b"),
            ),
            ("postgres:///postgres?host=/run/a@b", Some("postgres:///new?host=/run/a@b")),
            ("postgres://", Some("postgres:///new")),
            ("host=localhost dbname=postgres", None),
            ("", None),
        ] {
            assert_eq!(with_database(url, "new").as_deref(), expected, "{url}");
        }
    }
}
