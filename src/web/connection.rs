//! One connection: requests in, answers out, until either side has had enough.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use jiff::fmt::rfc2822::DateTimePrinter;
use ureq_proto::http::{self, HeaderValue};
use ureq_proto::server::state::{ProvideResponse, RecvBody};
use ureq_proto::server::{RecvRequestResult, Reply, SendResponseResult};

use super::serve::Shared;
use super::{Outcome, Request, Response};

/// Room for the head of an answer.
const HEAD_ROOM: usize = 16 * 1024;
/// What is read from a socket at a time.
const READ_ROOM: usize = 16 * 1024;

/// Why a request did not arrive.
enum Trouble {
    /// The client went away, or was too slow: nothing is answered.
    Gone,
    /// The client is told, and the connection is closed.
    Refuse(u16, &'static str),
}

impl From<io::Error> for Trouble {
    fn from(_: io::Error) -> Trouble {
        Trouble::Gone
    }
}

/// Serves one connection until it ends.
pub(super) fn serve(stream: TcpStream, peer: SocketAddr, shared: &Shared) {
    let mut line = Line { stream: &stream, shared, arrived: Vec::with_capacity(READ_ROOM) };
    loop {
        match serve_request(&mut line, peer) {
            Ok(true) => {}
            Ok(false) => break,
            Err(Trouble::Gone) => break,
            Err(Trouble::Refuse(status, message)) => {
                let refusal = Response::text(status, message);
                if let Ok(bytes) = plain_answer(&refusal, shared) {
                    let _ = send(&stream, &bytes, Instant::now() + shared.limits.answer);
                    linger(&stream);
                }
                break;
            }
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// Answers 503 to a connection that is one too many.
pub(super) fn turn_away(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    let refusal = Response::text(503, "Too many connections.").with_header("retry-after", "1");
    // The accepting thread writes this itself, so it must not wait for a slow client.
    send(stream, &plain_answer(&refusal, shared)?, Instant::now() + Duration::from_millis(200))?;
    stream.shutdown(Shutdown::Both)
}

/// The bytes that have arrived and are not used yet, and where more come from.
struct Line<'a> {
    stream: &'a TcpStream,
    shared: &'a Shared,
    arrived: Vec<u8>,
}

impl Line<'_> {
    /// Reads what there is, waiting no longer than the deadline.
    fn more(&mut self, deadline: Instant) -> Result<(), Trouble> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Trouble::Gone);
        }
        self.wait(left)?;
        let start = self.arrived.len();
        self.arrived.resize(start + READ_ROOM, 0);
        let mut stream = self.stream;
        let count = loop {
            match stream.read(&mut self.arrived[start..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.arrived.truncate(start + count.as_ref().copied().unwrap_or(0));
        if count? == 0 { Err(Trouble::Gone) } else { Ok(()) }
    }
}

/// How often a reader looks whether the server ends, where nothing wakes it.
#[cfg(windows)]
const LOOK: Duration = Duration::from_millis(200);

impl Line<'_> {
    /// Lets the next read wait no longer than `left`.
    #[cfg(not(windows))]
    fn wait(&self, left: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(left))
    }

    /// Waits until there is something to read, no longer than `left`. A reader on Windows is not woken by the
    /// shutdown of its socket, and a read that is given up there may lose what just came: one that only peeks does
    /// not.
    #[cfg(windows)]
    fn wait(&self, left: Duration) -> io::Result<()> {
        let deadline = Instant::now() + left;
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).min(LOOK);
            if left.is_zero() || self.shared.is_stopping() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.peek(&mut [0]) {
                Err(error) if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
                }
                Err(error) => return Err(error),
                Ok(_) => return Ok(()),
            }
        }
    }
}

/// Serves one request; `false` when the connection is to be closed after it.
fn serve_request(line: &mut Line<'_>, peer: SocketAddr) -> Result<bool, Trouble> {
    let shared = line.shared;
    let limits = &shared.limits;
    if line.arrived.is_empty() {
        line.more(Instant::now() + limits.idle)?;
    }
    let deadline = Instant::now() + limits.request;
    let mut reply = Reply::new().map_err(|_| Trouble::Gone)?;
    let head = loop {
        let (used, head) = reply
            .try_request(&line.arrived)
            .map_err(|_| Trouble::Refuse(400, "The request could not be read."))?;
        // However the line parted it: what is whole is measured too.
        let length = if head.is_some() { used } else { line.arrived.len() };
        if length > limits.head_bytes {
            return Err(Trouble::Refuse(431, "The head of the request is too large."));
        }
        if let Some(head) = head {
            line.arrived.drain(..used);
            break head;
        }
        line.more(deadline)?;
    };
    let announced = head
        .headers()
        .get(http::header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.body_bytes as u64) {
        return Err(Trouble::Refuse(413, "The body of the request is too large."));
    }
    let (reply, body) = match reply.proceed().ok_or(Trouble::Gone)? {
        RecvRequestResult::ProvideResponse(reply) => (reply, Vec::new()),
        RecvRequestResult::RecvBody(reply) => receive_body(reply, line, deadline, limits.body_bytes)?,
        RecvRequestResult::Send100(reply) => {
            let mut go_on = [0; 64];
            let (length, reply) = reply.accept(&mut go_on).map_err(|_| Trouble::Gone)?;
            send(line.stream, &go_on[..length], deadline)?;
            receive_body(reply, line, deadline, limits.body_bytes)?
        }
    };
    let (head, ()) = head.into_parts();
    let request = Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
        peer,
        stop: shared.stop.clone(),
    };
    let outcome = (shared.handler)(&request);
    answer(reply, outcome, request.method == "HEAD", line.stream, shared)
}

fn receive_body(
    mut reply: Reply<RecvBody>,
    line: &mut Line<'_>,
    deadline: Instant,
    most: usize,
) -> Result<(Reply<ProvideResponse>, Vec<u8>), Trouble> {
    let mut body = Vec::new();
    let mut part = vec![0; READ_ROOM];
    while !reply.is_ended() {
        let (used, made) = reply
            .read(&line.arrived, &mut part)
            .map_err(|_| Trouble::Refuse(400, "The body of the request could not be read."))?;
        line.arrived.drain(..used);
        body.extend_from_slice(&part[..made]);
        if body.len() > most {
            return Err(Trouble::Refuse(413, "The body of the request is too large."));
        }
        if used == 0 && made == 0 && !reply.is_ended() {
            line.more(deadline)?;
        }
    }
    let reply = reply.proceed().map_err(|_| Trouble::Gone)?;
    Ok((reply, body))
}

/// Sends what the handler decided; `false` when the connection is to be closed.
fn answer(
    reply: Reply<ProvideResponse>,
    outcome: Outcome,
    head_only: bool,
    stream: &TcpStream,
    shared: &Shared,
) -> Result<bool, Trouble> {
    let deadline = Instant::now() + shared.limits.answer;
    let (response, cut) = match outcome {
        Outcome::Answer(response) => (response, false),
        Outcome::Cut(response) => (response, true),
        Outcome::Close => return Ok(false),
        Outcome::Raw(bytes) => {
            send(stream, &bytes, deadline)?;
            return Ok(false);
        }
    };
    let bodiless = head_only || matches!(response.status, 204 | 304);
    let head = answer_head(&response, !bodiless, shared).map_err(|error| {
        log::error!("an answer could not be built: {error}");
        Trouble::Refuse(500, "The answer could not be built.")
    })?;
    let mut reply = reply.provide(head).map_err(|_| Trouble::Gone)?;
    let mut bytes = vec![0; HEAD_ROOM];
    let mut length = 0;
    while !reply.is_finished() {
        let written = reply.write(&mut bytes[length..]).map_err(|_| Trouble::Gone)?;
        length += written;
    }
    bytes.truncate(length);
    match reply.proceed() {
        SendResponseResult::SendBody(mut reply) => {
            if cut {
                bytes.extend_from_slice(&response.body[..response.body.len() / 2]);
                send(stream, &bytes, deadline)?;
                return Ok(false);
            }
            // Head and body leave in one write, so that a small answer is one packet.
            bytes.extend_from_slice(&response.body);
            send(stream, &bytes, deadline)?;
            reply.consume_direct_write(response.body.len()).map_err(|_| Trouble::Gone)?;
            Ok(!reply.proceed().must_close_connection())
        }
        SendResponseResult::Cleanup(reply) => {
            send(stream, &bytes, deadline)?;
            Ok(!cut && !reply.must_close_connection())
        }
    }
}

fn answer_head(
    response: &Response,
    with_length: bool,
    shared: &Shared,
) -> Result<http::Response<()>, http::Error> {
    let mut head = http::Response::builder().status(response.status);
    if let Ok(date) = DateTimePrinter::new().timestamp_to_rfc9110_string(&(shared.clock)()) {
        head = head.header(http::header::DATE, date);
    }
    for (name, value) in &response.headers {
        head = head.header(*name, HeaderValue::from_bytes(value.as_bytes())?);
    }
    if with_length {
        head = head.header(http::header::CONTENT_LENGTH, response.body.len());
    }
    head.body(())
}

/// An answer outside any request's protocol state, with `Connection: close`.
fn plain_answer(response: &Response, shared: &Shared) -> io::Result<Vec<u8>> {
    let head = answer_head(response, true, shared).map_err(io::Error::other)?;
    let mut bytes = format!(
        "HTTP/1.1 {} {}\r\nconnection: close\r\n",
        head.status().as_str(),
        head.status().canonical_reason().unwrap_or("Unknown")
    )
    .into_bytes();
    for (name, value) in head.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&response.body);
    Ok(bytes)
}

/// Writes all of it before the deadline, however slowly the client reads.
fn send(mut stream: &TcpStream, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_write_timeout(Some(left))?;
        match stream.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Takes what the client is still sending, for a moment. Closing with unread bytes resets the
/// connection, and the client might lose the refusal that it was just sent.
fn linger(mut stream: &TcpStream) {
    let until = Instant::now() + Duration::from_secs(1);
    let mut unread = [0; 4096];
    let _ = stream.shutdown(Shutdown::Write);
    while let left = until.saturating_duration_since(Instant::now())
        && !left.is_zero()
        && stream.set_read_timeout(Some(left)).is_ok()
        && matches!(stream.read(&mut unread), Ok(count) if count > 0)
    {}
}
