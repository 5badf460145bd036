//! HTTP serving over ureq-proto: own sockets and threads, a library's protocol.
//!
//! One [`Server`] is one listener. Each connection has a thread of its own, and their number is
//! bounded, as are the size of a request and the time it may take to arrive: a slow or silent client
//! costs one thread for a bounded time and nothing else. The handler is plain code that gets a
//! [`Request`] and gives an [`Outcome`], which is a [`Response`] or a deliberate way to break the
//! connection (for the stand-in, which plays the failures of a real line).
//!
//! What is promised: every answer carries `Date`, from the owner's clock; a handler is only called
//! with a whole request; dropping the server closes every connection and joins every thread.

mod connection;
mod serve;

use std::net::SocketAddr;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use ureq_proto::http::HeaderMap;

pub use serve::{Limits, Server, reachable};

/// A request that has arrived in full.
#[derive(Debug)]
pub struct Request {
    /// `GET`, `POST`, … in upper case as it was sent.
    pub method: String,
    /// The path as it was sent: still percent-encoded, without the query.
    pub path: String,
    /// What follows `?`, as it was sent; empty where there is none.
    pub query: String,
    /// The headers; names compare without regard to case.
    pub headers: HeaderMap,
    /// The body, with any transfer coding undone.
    pub body: Vec<u8>,
    /// Who sent it.
    pub peer: SocketAddr,
    pub(crate) stop: Receiver<()>,
}

impl Request {
    /// The first header of that name, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Waits, but not beyond the life of the server. Gives `false` when the server is stopping: the
    /// handler should then return at once.
    pub fn wait(&self, duration: Duration) -> bool {
        // Nothing is ever sent on the channel; the server drops its end when it stops.
        matches!(self.stop.recv_timeout(duration), Err(RecvTimeoutError::Timeout))
    }
}

/// An answer to a request. `Date`, `Content-Length` and, where it applies, `Connection` are added by
/// the server.
#[derive(Debug, Clone)]
pub struct Response {
    /// 200 to 599.
    pub status: u16,
    /// Headers in the order in which they are sent.
    pub headers: Vec<(&'static str, String)>,
    /// The body; left out of answers to HEAD and of 204 and 304.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer with a body of the given media type.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Response {
        Response { status, headers: vec![("content-type", content_type.to_owned())], body: body.into() }
    }

    /// Plain text in UTF-8.
    pub fn text(status: u16, text: impl Into<String>) -> Response {
        Response::new(status, "text/plain; charset=utf-8", text.into())
    }

    /// JSON, already rendered.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Response {
        Response::new(status, "application/json; charset=utf-8", body)
    }

    /// The same answer with one more header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Response {
        self.headers.push((name, value.into()));
        self
    }
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Outcome {
    /// An ordinary answer; the connection is kept where the client keeps it.
    Answer(Response),
    /// The connection is closed without a byte of an answer.
    Close,
    /// The head with the whole `Content-Length`, the first half of the body, and the end.
    Cut(Response),
    /// These bytes as they are, and the end.
    Raw(Vec<u8>),
}

impl From<Response> for Outcome {
    fn from(response: Response) -> Outcome {
        Outcome::Answer(response)
    }
}
