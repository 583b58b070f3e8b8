//! The address of the target: what libpq accepts, and a form without the password for people.
//!
//! The string itself is passed to libpq unchanged, so that every option has libpq's meaning.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::fmt;
use std::ptr;

use crate::error::{Error, Result};

/// The options that say how a server is reached, and hold no secret themselves, so that the printed URL can be copied. `options` is not
/// among them, since a setting may be anything.
const SHOWN_OPTIONS: [&str; 24] = [
    "service",
    "passfile",
    "connect_timeout",
    "sslmode",
    "sslnegotiation",
    "sslcert",
    "sslkey",
    "sslcertmode",
    "sslrootcert",
    "sslcrl",
    "sslcrldir",
    "sslsni",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "min_protocol_version",
    "max_protocol_version",
    "channel_binding",
    "require_auth",
    "requirepeer",
    "gssencmode",
    "krbsrvname",
    "gssdelegation",
    "target_session_attrs",
    "load_balance_hosts",
];

/// A URL (or libpq keyword string) of a target. Neither `Debug` nor `Display` shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct TargetUrl {
    conninfo: String,
    shown: String,
    has_password: bool,
}

impl TargetUrl {
    /// Reads a URL or keyword string by libpq's own rules.
    ///
    /// # Errors
    /// When libpq rejects it. libpq's message is not shown, since it quotes parts of the string.
    pub fn parse(conninfo: &str) -> Result<TargetUrl> {
        let malformed = || {
            Error::new("the PostgreSQL URL cannot be read")
                .with_remedy_text("it looks like postgres://user:password@host:5432/database?sslmode=verify-full; special characters in user and password are percent-encoded")
        };
        let has_scheme = conninfo.contains("://");
        if has_scheme && !conninfo.starts_with("postgres://") && !conninfo.starts_with("postgresql://") {
            return Err(malformed());
        }
        if !has_scheme && !conninfo.contains('=') {
            return Err(malformed());
        }
        if has_scheme && has_misplaced_at_sign(conninfo) {
            return Err(malformed());
        }
        let options = parse_options(conninfo).ok_or_else(malformed)?;
        let option =
            |name: &str| options.iter().find(|(keyword, _)| keyword == name).map(|(_, value)| value.as_str());
        // Anything that is neither host nor port is a part of the password that lacks its percent-encoding, and would be shown.
        let all_are = |name: &str, is_sound: fn(&str) -> bool| {
            option(name).unwrap_or("").split(',').all(|part| part.is_empty() || is_sound(part))
        };
        if !(all_are("host", is_host) && all_are("hostaddr", is_host) && all_are("port", is_port)) {
            return Err(malformed());
        }
        let mut shown = String::from("postgres://");
        if let Some(user) = option("user") {
            shown.push_str(&encoded(user));
            shown.push('@');
        }
        let hosts = option("host").filter(|hosts| !hosts.is_empty()).or(option("hostaddr")).unwrap_or("");
        shown.push_str(&hosts_with_ports(hosts, option("port")));
        shown.push('/');
        shown.push_str(&encoded(option("dbname").unwrap_or("")));
        let is_beside_host = option("host").is_some_and(|hosts| !hosts.is_empty());
        let is_kept = |name: &str| SHOWN_OPTIONS.contains(&name) || (name == "hostaddr" && is_beside_host);
        for (place, (name, value)) in options.iter().filter(|(name, _)| is_kept(name)).enumerate() {
            let lead = if place == 0 { '?' } else { '&' };
            shown.push_str(&format!("{lead}{name}={}", encoded(value)));
        }
        let has_password = option("password").is_some_and(|password| !password.is_empty());
        Ok(TargetUrl { conninfo: conninfo.to_owned(), shown, has_password })
    }

    /// Whether it holds a password.
    pub fn has_password(&self) -> bool {
        self.has_password
    }

    /// The string for libpq, with the password if it holds one.
    pub fn conninfo(&self) -> &str {
        &self.conninfo
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Whether a URL holds an `@` in its host or path, where libpq expects neither user nor password.
fn has_misplaced_at_sign(url: &str) -> bool {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    // As libpq reads it: a slash before the first `@` ends the host, and there is no user.
    let place = match rest.find(['@', '/']) {
        Some(at) if rest[at..].starts_with('@') => &rest[at + 1..],
        _ => rest,
    };
    place.split('?').next().unwrap_or_default().contains('@')
}

/// Whether a host is a name or address, a socket's folder, or an abstract socket.
fn is_host(host: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|each| each.is_alphanumeric() || ".-_:%".contains(each))
    };
    host.starts_with('/') || is_name(host.strip_prefix('@').unwrap_or(host))
}

fn is_port(port: &str) -> bool {
    port.trim().parse::<u16>().is_ok_and(|port| port > 0)
}

/// Hosts with their ports as a URL has them; a single port is that of all hosts.
fn hosts_with_ports(hosts: &str, ports: Option<&str>) -> String {
    let ports: Vec<&str> = ports.map(|ports| ports.split(',').collect()).unwrap_or_default();
    let one = |(position, host): (usize, &str)| {
        // The colons of an IPv6 address would be read as the one before a port.
        let host = if host.contains(':') { format!("[{host}]") } else { encoded(host) };
        match if ports.len() == 1 { ports.first() } else { ports.get(position) } {
            Some(port) if !port.is_empty() => format!("{host}:{port}"),
            _ => host,
        }
    };
    hosts.split(',').enumerate().map(one).collect::<Vec<_>>().join(",")
}

/// Percent-encoded except for characters that are valid everywhere in a URL: a socket's folder or a quoted name can be copied as it is.
fn encoded(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The options that a string sets, by libpq's parser.
fn parse_options(conninfo: &str) -> Option<Vec<(String, String)>> {
    let conninfo = CString::new(conninfo).ok()?;
    let mut message = ptr::null_mut();
    // SAFETY: the string outlives the call; what comes back, options or message, is ours to free.
    let options = unsafe { pq_sys::PQconninfoParse(conninfo.as_ptr(), &raw mut message) };
    if !message.is_null() {
        // SAFETY: libpq allocated the message.
        unsafe { pq_sys::PQfreemem(message.cast()) };
    }
    if options.is_null() {
        return None;
    }
    let mut found = Vec::new();
    let mut option = options;
    // SAFETY: the array ends with an option whose keyword is null; strings are copied before the array is freed.
    unsafe {
        while !(*option).keyword.is_null() {
            if !(*option).val.is_null() {
                let text = |pointer| CStr::from_ptr(pointer).to_string_lossy().into_owned();
                found.push((text((*option).keyword), text((*option).val)));
            }
            option = option.add(1);
        }
        pq_sys::PQconninfoFree(options);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_never_shown() {
        for (conninfo, shown) in [
            (
                "postgres://me:s3cret@db.example:5433/app?sslmode=require",
                "postgres://me@db.example:5433/app?sslmode=require",
            ),
            (
                "postgres://me:s3cret@h/d?sslpassword=s3cret&sslrootcert=/etc/it's.pem&options=-capp.key%3Ds3cret",
                "postgres://me@h/d?sslrootcert=%2Fetc%2Fit%27s.pem",
            ),
            ("host=h hostaddr=10.0.0.1 dbname=d password=s3cret", "postgres://h/d?hostaddr=10.0.0.1"),
            ("host=/tmp dbname=app user=me password=s3cret", "postgres://me@%2Ftmp/app"),
            ("host=::1 port=5433 dbname=app password=s3cret", "postgres://[::1]:5433/app"),
            ("postgres://one:1,two:2/app?password=s3cret", "postgres://one:1,two:2/app"),
            (
                "host='' hostaddr=127.0.0.1 dbname='it\\'s @ home' user='a b' password=s3cret",
                "postgres://a%20b@127.0.0.1/it%27s%20%40%20home",
            ),
            ("postgresql://h/d?password=s3cret", "postgres://h/d"),
            ("postgres://me:s3%40cret@h/d", "postgres://me@h/d"),
            ("postgres://me:s3?cret@h/d", "postgres://me@h/d"),
            ("postgres://me@h/d?password=s3@cret", "postgres://me@h/d"),
            ("postgres://me@%40socket/d", "postgres://me@%40socket/d"),
            ("postgres://me@[fe80::1%25eth0]:5433/d", "postgres://me@[fe80::1%eth0]:5433/d"),
        ] {
            let url = TargetUrl::parse(conninfo).unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("s3cret"));
        }
    }

    /// The printed URL can be copied, so it must lead to the same server and database.
    #[test]
    fn what_is_shown_is_a_url_of_the_same_place() {
        const PLACE: [&str; 9] = [
            "host",
            "hostaddr",
            "port",
            "user",
            "dbname",
            "service",
            "sslmode",
            "sslrootcert",
            "target_session_attrs",
        ];
        for conninfo in [
            "postgres://me:s3cret@db.example:5433/app?sslmode=require",
            "host=/var/run/postgresql dbname=app user=me@home password=s3cret",
            "host=one hostaddr=10.0.0.1 dbname=app sslmode=verify-full sslrootcert='/a b/c&d=e.pem'",
            "host=one,two port=1,2 dbname=app target_session_attrs=read-write",
            "host=::1 port=5433 dbname=app",
            "host=one,two port=1,2 dbname=app",
            "postgres:///app",
            "service=app user='o\\'brien'",
        ] {
            let place = |conninfo: &str| {
                let mut options = parse_options(conninfo).unwrap();
                options.retain(|(name, value)| PLACE.contains(&name.as_str()) && !value.is_empty());
                options
            };
            let shown = TargetUrl::parse(conninfo).unwrap().to_string();
            assert_eq!(place(&shown), place(conninfo), "{shown}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused_without_quoting_it() {
        for conninfo in [
            "",
            "s3cret",
            "mysql://me:s3cret@h/d",
            "postgres://me:s3cret@h:port/%zz",
            "postgres://h/d?s3cret=1",
            "postgres://me:s3@cret@127.0.0.1:5432/d",
            "postgres://me:s3@@cret@h/d",
            "postgres://me:s3/cret@h/d",
            "postgres://me:5432/s3cret@h/d",
            "postgres://me:s3 cret/h/d",
            "host='s3 cret' dbname=d",
            "hostaddr=s3@cret dbname=d",
            "host=h port=s3cret",
            "host=h port=1,70000",
        ] {
            let error = TargetUrl::parse(conninfo).unwrap_err();
            assert_eq!(error.to_string(), "the PostgreSQL URL cannot be read", "{conninfo}");
        }
    }
}
