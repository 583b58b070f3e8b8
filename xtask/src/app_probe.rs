//! Asks the app itself whether it works: one request over HTTP. TLS is not spoken: name the app's own port, not that of a proxy.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::stop::Stop;

/// How long one request may take.
const REQUEST_MAX: Duration = Duration::from_secs(5);

/// How long to wait before the app is asked again: it may be starting.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest start of an answer that is read: the status is in its first line.
const ANSWER_BYTES_MAX: u64 = 256;

/// The address of the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AppUrl {
    host: String,
    port: u16,
    path: String,
}

/// Reads the option's value.
pub(crate) fn parse(text: &str) -> Result<AppUrl, String> {
    let rest = text.strip_prefix("http://").ok_or("it has to begin with http://")?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| format!("{port} is not a port"))?),
        None => (authority, 80),
    };
    let is_plain = |part: &str| part.chars().all(|letter| letter.is_ascii_graphic());
    if host.is_empty() || !is_plain(host) || !is_plain(path) {
        return Err("it has to be of the form http://HOST:PORT/PATH".to_owned());
    }
    Ok(AppUrl { host: host.to_owned(), port, path: path.to_owned() })
}

/// Asks until the app answers with success, or the time is over.
///
/// # Errors
/// The last answer.
pub(crate) fn wait(url: &AppUrl, time_max: Duration, stop: &Stop) -> anyhow::Result<()> {
    let until = Instant::now() + time_max;
    loop {
        match ask(url) {
            Err(_) if Instant::now() < until && !stop.is_asked() => std::thread::sleep(PAUSE),
            asked => {
                return asked
                    .with_context(|| format!("the app at {}:{} does not answer", url.host, url.port));
            }
        }
    }
}

fn ask(url: &AppUrl) -> anyhow::Result<()> {
    let address = (url.host.trim_matches(['[', ']']), url.port)
        .to_socket_addrs()
        .context("its name cannot be resolved")?
        .next()
        .context("its name has no address")?;
    let mut stream = TcpStream::connect_timeout(&address, REQUEST_MAX)?;
    stream.set_read_timeout(Some(REQUEST_MAX))?;
    stream.set_write_timeout(Some(REQUEST_MAX))?;
    write!(stream, "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", url.path, url.host)?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let mut words = answer.lines().next().unwrap_or_default().split(' ');
    let is_http = words.next().is_some_and(|version| version.starts_with("HTTP/1."));
    match words.next().and_then(|status| status.parse::<u16>().ok()).filter(|_| is_http) {
        Some(200..=399) => Ok(()),
        Some(status) => bail!("it answered with status {status}"),
        None => bail!("its answer is not HTTP"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_plain_http() {
        let url = |host: &str, port, path: &str| AppUrl { host: host.into(), port, path: path.into() };
        for (text, expected) in [
            ("http://localhost:3000/healthz", Some(url("localhost", 3000, "/healthz"))),
            ("http://app", Some(url("app", 80, "/"))),
            ("https://app/", None),
            ("http://app:99999/", None),
            ("http:///x", None),
            ("http://a b/", None),
        ] {
            assert_eq!(parse(text).ok(), expected, "{text}");
        }
    }
}
