//! The listener: accepts, counts, starts one thread per connection, and ends them all.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use jiff::Timestamp;

use super::{Outcome, Request, connection};

/// How much a client may ask of a server.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at one time; one more is answered 503 and closed.
    pub connections: usize,
    /// Bytes of request line and headers; more is answered 431.
    pub head_bytes: usize,
    /// Bytes of a request body, decoded; more is answered 413.
    pub body_bytes: usize,
    /// How long a kept connection may stand without a request.
    pub idle: Duration,
    /// How long a request may take from its first byte to its last; a slower one is cut off.
    pub request: Duration,
    /// How long an answer may take to be taken by the client; a slower one is cut off.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 64,
            head_bytes: 32 * 1024,
            body_bytes: 16 * 1024 * 1024,
            idle: Duration::from_secs(60),
            request: Duration::from_secs(30),
            answer: Duration::from_secs(30),
        }
    }
}

/// What every connection of one server shares.
pub(super) struct Shared {
    pub limits: Limits,
    pub clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    pub handler: Box<dyn Fn(&Request) -> Outcome + Send + Sync>,
    pub stop: Receiver<()>,
    stopping: AtomicBool,
    live: Mutex<Live>,
}

/// The connections that are open, by a number of our own, and the threads that serve or served them.
#[derive(Default)]
struct Live {
    next: u64,
    streams: HashMap<u64, TcpStream>,
    threads: HashMap<u64, JoinHandle<()>>,
    ended: Vec<u64>,
}

/// A listener and its threads. Dropping it closes every connection and joins every thread.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<Sender<()>>,
    accept: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on `address` and serves until it is dropped. `name` is the first part of the names of
    /// its threads; `clock` gives the time of the `Date` header.
    ///
    /// # Errors
    /// When the address cannot be bound or no thread can be started.
    pub fn start(
        name: &'static str,
        address: impl ToSocketAddrs,
        limits: Limits,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
        handler: impl Fn(&Request) -> Outcome + Send + Sync + 'static,
    ) -> io::Result<Server> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let (stop_sender, stop) = crossbeam_channel::bounded(0);
        let shared = Arc::new(Shared {
            limits,
            clock: Box::new(clock),
            handler: Box::new(handler),
            stop,
            stopping: AtomicBool::new(false),
            live: Mutex::default(),
        });
        let accept = {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name(format!("{name}-accept"))
                .spawn(move || accept_all(name, &listener, &shared))?
        };
        Ok(Server { address, shared, stop: Some(stop_sender), accept: Some(accept) })
    }

    /// The address that it listens on, with the port that was given to it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        drop(self.stop.take());
        // The accepting thread sleeps in `accept`; a connection of our own is what wakes it. Where
        // that cannot be had, the thread is left to end with the process rather than waited for.
        let woken = (0..3).any(|_| {
            TcpStream::connect_timeout(&reachable(self.address), Duration::from_secs(1)).is_ok()
                || self.accept.as_ref().is_none_or(JoinHandle::is_finished)
        });
        if let Some(accept) = self.accept.take()
            && woken
        {
            let _ = accept.join();
        }
        let threads = {
            let mut live = self.shared.live();
            for stream in live.streams.values() {
                let _ = stream.shutdown(Shutdown::Both);
            }
            std::mem::take(&mut live.threads)
        };
        for (_, thread) in threads {
            // A handler may own the last reference to the server; no thread can join itself.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl Shared {
    /// Whether the server ends.
    #[cfg(windows)]
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    fn live(&self) -> std::sync::MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An address that listens everywhere is reached by way of this machine's own.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn accept_all(name: &'static str, listener: &TcpListener, shared: &Arc<Shared>) {
    while !shared.stopping.load(Ordering::SeqCst) {
        match listener.accept() {
            Ok((stream, peer)) => {
                if shared.stopping.load(Ordering::SeqCst) {
                    return;
                }
                if let Err(error) = serve_one(name, stream, peer, shared) {
                    log::warn!("{name}: a connection could not be served: {error}");
                }
            }
            Err(error) => {
                // Out of file descriptors, most likely: waiting a little lets some come back.
                log::warn!("{name}: accept failed: {error}");
                let _ = shared.stop.recv_timeout(Duration::from_millis(100));
            }
        }
    }
}

fn serve_one(
    name: &'static str,
    stream: TcpStream,
    peer: SocketAddr,
    shared: &Arc<Shared>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut live = shared.live();
    for ended in std::mem::take(&mut live.ended) {
        live.threads.remove(&ended);
    }
    if live.streams.len() >= shared.limits.connections {
        drop(live);
        return connection::turn_away(&stream, shared);
    }
    let number = live.next;
    live.next += 1;
    live.streams.insert(number, stream.try_clone()?);
    let inner = Arc::clone(shared);
    let thread = thread::Builder::new().name(format!("{name}-{number}")).spawn(move || {
        connection::serve(stream, peer, &inner);
        let mut live = inner.live();
        live.streams.remove(&number);
        live.ended.push(number);
    });
    match thread {
        Ok(thread) => {
            live.threads.insert(number, thread);
            Ok(())
        }
        Err(error) => {
            live.streams.remove(&number);
            Err(error)
        }
    }
}
