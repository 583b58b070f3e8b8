//! A proxy between a client and the server: forwards, cuts, silences, or withholds a reply. It forwards bytes as they arrive and
//! does not parse the protocol.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A piece of data that passes through.
#[derive(Debug)]
pub struct Piece<'a> {
    /// Number of the connection, from 0, in order of creation.
    pub connection: usize,
    /// Whether the client sent it; otherwise the server did.
    pub is_from_client: bool,
    /// Number of bytes that this side of the connection has sent, including these.
    pub total: u64,
    /// The data itself: one or more messages of the protocol, or a part of one.
    pub bytes: &'a [u8],
}

impl Piece<'_> {
    /// Returns whether `words` occur in these bytes.
    #[must_use]
    pub fn contains(&self, words: &[u8]) -> bool {
        self.bytes.windows(words.len()).any(|window| window == words)
    }
}

/// The action for a piece and its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Forwards it.
    Forward,
    /// Closes the connection on both sides. The piece is not forwarded.
    Cut,
    /// Reads this and everything after it, in both directions, forwards nothing, and hides the end of the connection.
    Silence,
    /// Forwards it, withholds the reply, and closes the connection when the reply arrives.
    WithholdReply,
}

type Judge = dyn Fn(&Piece<'_>) -> Action + Send + Sync;

const FORWARDING: u8 = 0;
const SILENT: u8 = 1;
const WITHHOLDING: u8 = 2;

struct Shared {
    judge: Box<Judge>,
    server: String,
    is_over: AtomicBool,
    connections: AtomicUsize,
    /// Both ends of all connections, kept open while they are listed here.
    ends: Mutex<Vec<[TcpStream; 2]>>,
}

/// A listening proxy; its connections end with it.
pub struct Proxy {
    shared: Arc<Shared>,
    /// The server's URL, with the proxy's address and without encryption.
    pub url: String,
}

impl Proxy {
    /// Starts a proxy for the server of `url`; `judge` selects the action for each piece. While the server refuses connections, so does
    /// the proxy.
    ///
    /// # Panics
    /// When `url` has no user, or the proxy cannot listen.
    #[track_caller]
    pub fn start(url: &str, judge: impl Fn(&Piece<'_>) -> Action + Send + Sync + 'static) -> Proxy {
        let (before, rest) = url.rsplit_once('@').unwrap();
        let (server, after) = rest.split_once('/').unwrap();
        let database = after.split('?').next().unwrap();
        let server = if server.contains(':') { server.to_owned() } else { format!("{server}:5432") };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            judge: Box::new(judge),
            server,
            is_over: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            ends: Mutex::default(),
        });
        // Encrypted data cannot be judged.
        let url = format!("{before}@{address}/{database}?sslmode=disable");
        let listening = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if listening.is_over.load(Ordering::SeqCst) {
                    break;
                }
                listening.serve(client.unwrap());
            }
        });
        Proxy { shared, url }
    }

    /// Cuts all connections.
    pub fn cut_all(&self) {
        for end in self.shared.ends().drain(..).flatten() {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Returns the number of connections so far, including those that have ended.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.cut_all();
        // Wakes the listening thread.
        let _ = TcpStream::connect(self.url.rsplit_once('@').unwrap().1.split('/').next().unwrap());
    }
}

impl Shared {
    fn ends(&self) -> MutexGuard<'_, Vec<[TcpStream; 2]>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(self: &Arc<Shared>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(&self.server) else { return };
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
        }
        let number = self.connections.fetch_add(1, Ordering::SeqCst);
        let mode = Arc::new(AtomicU8::new(FORWARDING));
        let clone = |stream: &TcpStream| stream.try_clone().unwrap();
        self.ends().push([clone(&client), clone(&server)]);
        for (from, to, is_from_client) in [(clone(&client), clone(&server), true), (server, client, false)] {
            let (shared, mode) = (Arc::clone(self), Arc::clone(&mode));
            std::thread::spawn(move || shared.pump(from, to, is_from_client, number, &mode));
        }
    }

    fn pump(
        &self,
        mut from: TcpStream,
        mut to: TcpStream,
        is_from_client: bool,
        connection: usize,
        mode: &AtomicU8,
    ) {
        let (mut buffer, mut total) = (vec![0; 64 << 10], 0);
        loop {
            let read = from.read(&mut buffer).unwrap_or(0);
            if mode.load(Ordering::SeqCst) == SILENT {
                if read == 0 {
                    // The other side is not notified.
                    return;
                }
                continue;
            }
            if read == 0 || (!is_from_client && mode.load(Ordering::SeqCst) == WITHHOLDING) {
                break;
            }
            total += read as u64;
            let bytes = &buffer[..read];
            match (self.judge)(&Piece { connection, is_from_client, total, bytes }) {
                Action::Forward => {}
                Action::Cut => break,
                Action::Silence => {
                    mode.store(SILENT, Ordering::SeqCst);
                    continue;
                }
                Action::WithholdReply => mode.store(WITHHOLDING, Ordering::SeqCst),
            }
            if to.write_all(bytes).is_err() {
                break;
            }
        }
        for end in [from, to] {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}
