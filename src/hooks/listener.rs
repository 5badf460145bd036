//! Webhooks by HTTP: POST /webhooks/extend, and the echo that the sender asks for first.
//!
//! What is answered tells the sender what to do (inferred): any 2xx ends a delivery, anything else is sent
//! again after one and then four minutes, and then never.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{after, select};
use percent_encoding::percent_decode_str;

use super::{Door, PATIENCE, code};
use crate::engine::Event;
use crate::formats::hook::{self, SIGNATURE_HEADER};
use crate::web::{Limits, Request, Response, Server, reachable};

/// The path of webhooks.
pub const PATH: &str = "/webhooks/extend";

/// The server, and what is to be done where the address can't be had: it is tried again.
pub(super) struct Listener {
    door: Arc<Door>,
    address: Option<SocketAddr>,
    server: Option<Server>,
    told: Option<String>,
}

impl Listener {
    pub(super) fn new(door: Arc<Door>, address: Option<SocketAddr>) -> Listener {
        Listener { door, address, server: None, told: None }
    }

    /// Listens, if it should and does not yet.
    pub(super) fn look_after(&mut self) {
        let Some(address) = self.address.filter(|_| self.server.is_none()) else { return };
        let result = serve(address, self.door.clone());
        let said = match result {
            Ok(server) => {
                log::info!("webhooks are taken at http://{}{PATH}", server.address());
                self.server = Some(server);
                Ok(())
            }
            Err(error) => Err(format!("{address}: {error}")),
        };
        let words = said.as_ref().err().cloned().unwrap_or_default();
        if self.told.as_ref() == Some(&words) {
            return;
        }
        if let Err(error) = &said {
            log::error!("webhooks can't be listened for, and it is tried again: {error}");
        }
        if self.door.inbox.try_send(Event::Listening(said)).is_ok() {
            self.told = Some(words);
        }
    }
}

/// Listens at `address`.
///
/// # Errors
/// The address can't be bound.
fn serve(address: SocketAddr, door: Arc<Door>) -> std::io::Result<Server> {
    let limits = Limits {
        connections: 32,
        head_bytes: 8 * 1024,
        body_bytes: door.config.webhooks.max_bytes,
        idle: Duration::from_secs(10),
        request: Duration::from_secs(5),
        answer: Duration::from_secs(5),
    };
    let handle = move |request: &Request| answer(&door, request).into();
    Server::start("webhooks", address, limits, jiff::Timestamp::now, handle)
}

/// Whether webhooks are listened for at `address`: it is asked for its echo, as the sender does.
pub fn answers(address: SocketAddr) -> bool {
    let text = format!("{:016x}", fastrand::u64(..));
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(5))).proxy(None).build().into();
    let answer = agent.get(format!("http://{}{PATH}?echo={text}", reachable(address))).call();
    answer.is_ok_and(|mut answer| answer.body_mut().read_to_string().is_ok_and(|body| body == text))
}

fn answer(door: &Door, request: &Request) -> Response {
    if request.path.trim_end_matches('/') != PATH {
        return Response::text(404, format!("There is nothing here. Webhooks go to {PATH}."));
    }
    match request.method.as_str() {
        "POST" => take(door, request),
        "GET" => echo(door, &request.query),
        _ => Response::text(405, "Webhooks come by POST.").with_header("allow", "GET, POST"),
    }
}

/// What the sender wants before it sends anything: its own text (inferred).
fn echo(door: &Door, query: &str) -> Response {
    if let Err(pause) = door.pass(false) {
        return too_many(pause);
    }
    let text = query.split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let value = value.replace('+', " ");
        name.eq_ignore_ascii_case("echo").then(|| percent_decode_str(&value).decode_utf8_lossy().into_owned())
    });
    match text {
        // Whatever it says, no browser is to take it for a page.
        Some(text) => Response::text(200, text).with_header("x-content-type-options", "nosniff"),
        None => Response::text(400, "Webhooks come by POST; a GET has ?echo=TEXT."),
    }
}

fn take(door: &Door, request: &Request) -> Response {
    let checked = door.check(&request.body, request.header(SIGNATURE_HEADER));
    if let Err(pause) = door.pass(checked.is_ok()) {
        door.turn_away("too_many");
        return too_many(pause);
    }
    if let Err(wrong) = checked {
        door.turn_away(code(wrong));
        return Response::text(401, format!("{SIGNATURE_HEADER} is missing or not right."));
    }
    let hook = match hook::parse(&request.body) {
        Ok(hook) => hook,
        Err(problem) => {
            // It is Extend's, and it would not become readable by being sent again.
            log::warn!("a signed webhook can't be read ({}); nothing follows from it", problem.code());
            return Response::text(200, "This is signed, and no webhook that can be read. Nothing was done.");
        }
    };
    let Some(recorded) = door.hand_over(hook) else { return not_now() };
    select! {
        recv(recorded) -> told => if told.is_ok() { Response::text(200, "Taken.") } else { not_now() },
        recv(request.stop) -> _ => not_now(),
        recv(after(PATIENCE)) -> _ => not_now(),
    }
}

fn not_now() -> Response {
    Response::text(503, "It could not be recorded. Send it again.").with_header("retry-after", "60")
}

fn too_many(pause: Duration) -> Response {
    let seconds = pause.as_secs() + 1;
    Response::text(429, "Too many.").with_header("retry-after", seconds.to_string())
}
