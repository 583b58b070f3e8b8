//! Requests a page of the app by HTTP/1.1, and measures how long the answer takes.
//!
//! One GET for each connection, without TLS: the app's own port is asked, not what stands in front of it. hyper's client would need its
//! runtime on another thread to give a blocking caller a deadline; what is needed here is the number in the first line of an answer.

use std::fmt;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The address of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageUrl {
    host: String,
    port: u16,
    path: String,
}

/// Why a text is no address of a page that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UrlError {
    /// It needs TLS.
    Https,
    /// It is something else.
    Malformed,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UrlError::Https => "pages are requested without TLS, from the app's own port",
            UrlError::Malformed => "it is no URL such as http://127.0.0.1:3000/api/ready",
        })
    }
}

impl std::error::Error for UrlError {}

/// The result of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The app answered.
    Status {
        /// The number of the answer's first line.
        status: u16,
        /// From connecting to the last byte.
        latency: Duration,
    },
    /// No answer came, or something that is none.
    None,
}

impl PageUrl {
    /// Reads `http://HOST[:PORT][/PATH]`.
    pub(super) fn parse(text: &str) -> Result<PageUrl, UrlError> {
        if text.starts_with("https://") {
            return Err(UrlError::Https);
        }
        let rest = text.strip_prefix("http://").ok_or(UrlError::Malformed)?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().map_err(|_| UrlError::Malformed)?)
            }
            _ => (authority, 80),
        };
        let is_host = |letter: char| letter.is_ascii_alphanumeric() || "-._:[]".contains(letter);
        let is_sound = !host.is_empty()
            && host.chars().all(is_host)
            && path.chars().all(|letter| letter.is_ascii_graphic());
        if !is_sound || port == 0 {
            return Err(UrlError::Malformed);
        }
        Ok(PageUrl { host: host.to_owned(), port, path: path.split('#').next().unwrap_or("/").to_owned() })
    }

    /// Requests the page.
    pub(super) fn get(&self) -> Answer {
        let began = Instant::now();
        match self.status(began) {
            Some(status) => Answer::Status { status, latency: began.elapsed() },
            None => Answer::None,
        }
    }

    fn status(&self, began: Instant) -> Option<u16> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let left = || Some(TIMEOUT.saturating_sub(began.elapsed())).filter(|left| !left.is_zero());
        let addresses = (host, self.port).to_socket_addrs().ok()?;
        let mut stream =
            addresses.into_iter().find_map(|address| TcpStream::connect_timeout(&address, left()?).ok())?;
        stream.set_write_timeout(left()).ok()?;
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}:{}\r\nUser-Agent: hyperpage-migration\r\nAccept: */*\r\nConnection: close\r\n\r\n",
            self.path, self.host, self.port
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        let mut part = [0; 16 * 1024];
        while answer.len() < ANSWER_BYTES_MAX {
            stream.set_read_timeout(Some(left()?)).ok()?;
            match stream.read(&mut part).ok()? {
                0 => break,
                length => answer.extend_from_slice(part.get(..length)?),
            }
        }
        let line = answer.split(|byte| *byte == b'\n').next()?;
        let mut words = std::str::from_utf8(line).ok()?.split_whitespace();
        words.next().filter(|version| version.starts_with("HTTP/1."))?;
        words.next()?.parse().ok().filter(|status| (100..600).contains(status))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, expected) in [
            ("http://127.0.0.1:3000/api/ready?x=1#y", Ok(("127.0.0.1", 3000, "/api/ready?x=1"))),
            ("http://shop", Ok(("shop", 80, "/"))),
            ("http://[::1]:8080/", Ok(("[::1]", 8080, "/"))),
            ("http://[::1]/a", Ok(("[::1]", 80, "/a"))),
            ("https://shop/", Err(UrlError::Https)),
            ("shop:80", Err(UrlError::Malformed)),
            ("http://", Err(UrlError::Malformed)),
            ("http://:80/", Err(UrlError::Malformed)),
            ("http://shop:0/", Err(UrlError::Malformed)),
            ("http://shop:99999/", Err(UrlError::Malformed)),
            ("http://user:pass@shop/", Err(UrlError::Malformed)),
            ("http://shop/a b", Err(UrlError::Malformed)),
            ("http://shop/\r\nX: y", Err(UrlError::Malformed)),
        ] {
            let found = PageUrl::parse(text);
            let found = found
                .as_ref()
                .map(|url| (url.host.as_str(), url.port, url.path.as_str()))
                .map_err(|error| *error);
            assert_eq!(found, expected, "{text}");
        }
    }

    /// A server that gives one answer and closes the connection.
    fn answer_of(answer: &'static str, wait: Duration) -> Answer {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let served = thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            assert!(request[..length].starts_with(b"GET /page HTTP/1.1\r\nHost: 127.0.0.1:"));
            thread::sleep(wait);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let found = PageUrl::parse(&format!("http://127.0.0.1:{port}/page")).unwrap().get();
        served.join().unwrap();
        found
    }

    #[test]
    fn answers_have_a_status_and_a_latency() {
        let wait = Duration::from_millis(60);
        let Answer::Status { status, latency } =
            answer_of("HTTP/1.1 503 Not Ready\r\nContent-Length: 0\r\n\r\n", wait)
        else {
            panic!("no answer");
        };
        assert_eq!(status, 503);
        assert!((wait..TIMEOUT).contains(&latency), "{latency:?}");
        for answer in ["", "SSH-2.0-x\r\n", "HTTP/1.1 ok\r\n", "HTTP/1.1 999 x\r\n"] {
            assert_eq!(answer_of(answer, Duration::ZERO), Answer::None, "{answer}");
        }
    }

    #[test]
    fn nobody_is_no_answer() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert_eq!(PageUrl::parse(&format!("http://127.0.0.1:{port}/")).unwrap().get(), Answer::None);
    }
}
