//! The HTTP server for probes: `/livez`, `/readyz` and `/metrics`, HTTP/1 on one thread.
//!
//! Everything that a client can make large or slow is bounded: connections, the head of a request, the time for it, and the age of a
//! connection. Bodies are refused. The database is asked on other threads, one question at a time, so that `/livez` answers whatever the
//! database does.

mod answers;
mod respond;

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use postgres_client::watch::StopFlag;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::monitor::Monitor;
use answers::Answers;

/// Bounds of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The most connections. A new one beyond it replaces the oldest one, first of those that have no request under way.
    pub connections_max: usize,
    /// Time for a request's head, and time for which a connection may be idle.
    pub head_timeout: Duration,
    /// The most bytes of a request's head.
    pub head_bytes_max: usize,
    /// The most header fields of a request.
    pub headers_max: usize,
    /// The age at which a connection is closed.
    pub connection_age_max: Duration,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            connections_max: 128,
            head_timeout: Duration::from_secs(5),
            head_bytes_max: 8 * 1024,
            headers_max: 64,
            connection_age_max: Duration::from_secs(300),
        }
    }
}

/// How often the server checks whether to stop.
const STOP_CHECK_EACH: Duration = Duration::from_millis(50);

/// The wait after the system had no resources for another connection.
const NO_RESOURCES_WAIT: Duration = Duration::from_millis(50);

/// Threads that wait for answers about the database: one for readiness and one for details.
const WAITING_THREADS: usize = 2;

/// Why a server cannot listen.
#[derive(Debug)]
pub enum BindError {
    /// The address can be reached from other machines, and that was not allowed.
    NotLoopback(SocketAddr),
    /// The system refused.
    Refused(SocketAddr, io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindError::NotLoopback(address) => write!(f, "{address} can be reached from other machines"),
            BindError::Refused(address, _) => write!(f, "cannot listen on {address}"),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BindError::NotLoopback(_) => None,
            BindError::Refused(_, error) => Some(error),
        }
    }
}

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    bounds: Bounds,
}

impl Server {
    /// Listens on an address; port 0 means any free one. Addresses other than loopback are refused unless `is_public`.
    ///
    /// # Errors
    /// When the address is refused, by this rule or by the system.
    pub fn bind(address: SocketAddr, is_public: bool, bounds: Bounds) -> Result<Server, BindError> {
        if !is_public && !address.ip().to_canonical().is_loopback() {
            return Err(BindError::NotLoopback(address));
        }
        let listen = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok(Server { listener, address, bounds })
        };
        listen().map_err(|error| BindError::Refused(address, error))
    }

    /// The address that it listens on, with its real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `stop` is set; requests that are under way then are answered first.
    ///
    /// # Errors
    /// When the system has no resources for the server.
    pub fn run(self, monitor: Monitor, stop: &StopFlag) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(WAITING_THREADS)
            .build()?;
        let end_max = monitor.timeout() + Duration::from_secs(1);
        let served = runtime.block_on(self.serve(Arc::new(Answers::new(monitor)), stop, end_max));
        runtime.shutdown_background();
        served
    }

    async fn serve(self, answers: Arc<Answers>, stop: &StopFlag, end_max: Duration) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let mut open = Connections { max: self.bounds.connections_max.max(1), list: Vec::new() };
        while !stop.is_set() {
            match timeout(STOP_CHECK_EACH, listener.accept()).await {
                Err(_) => open.forget_closed(),
                Ok(Ok((stream, _))) => open.add(stream, self.bounds, &answers),
                // The other side was gone already, or there are no more file descriptors.
                Ok(Err(_)) => sleep(NO_RESOURCES_WAIT).await,
            }
        }
        drop(listener);
        // Those who wait for an answer get it.
        let _ = timeout(end_max, open.end()).await;
        Ok(())
    }
}

/// The connections that are open, the oldest first.
struct Connections {
    max: usize,
    list: Vec<Open>,
}

struct Open {
    task: JoinHandle<()>,
    is_busy: Arc<AtomicBool>,
}

impl Connections {
    fn forget_closed(&mut self) {
        self.list.retain(|open| !open.task.is_finished());
    }

    fn add(&mut self, stream: TcpStream, bounds: Bounds, answers: &Arc<Answers>) {
        self.forget_closed();
        if self.list.len() >= self.max {
            let idle = self.list.iter().position(|open| !open.is_busy.load(Ordering::Relaxed));
            self.list.remove(idle.unwrap_or(0)).task.abort();
        }
        let is_busy = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(connection(stream, bounds, Arc::clone(answers), Arc::clone(&is_busy)));
        self.list.push(Open { task, is_busy });
    }

    async fn end(mut self) {
        loop {
            self.forget_closed();
            self.list
                .iter()
                .filter(|open| !open.is_busy.load(Ordering::Relaxed))
                .for_each(|open| open.task.abort());
            if self.list.is_empty() {
                return;
            }
            sleep(STOP_CHECK_EACH / 10).await;
        }
    }
}

async fn connection(stream: TcpStream, bounds: Bounds, answers: Arc<Answers>, is_busy: Arc<AtomicBool>) {
    let service = service_fn(|request| {
        let (answers, is_busy) = (Arc::clone(&answers), Arc::clone(&is_busy));
        async move {
            is_busy.store(true, Ordering::Relaxed);
            let response = respond::respond(&request, &answers).await;
            is_busy.store(false, Ordering::Relaxed);
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head_timeout)
        .max_header_size(bounds.head_bytes_max)
        .max_headers(bounds.headers_max)
        // hyper accepts no smaller one than 8 KiB.
        .max_buf_size((2 * bounds.head_bytes_max).max(8 * 1024))
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // A client that breaks the protocol, or is too slow, gets hyper's answer; nobody else is concerned.
    if timeout(bounds.connection_age_max, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(bounds.head_timeout, connection).await;
    }
}
