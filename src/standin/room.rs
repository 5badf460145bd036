//! From a request to its outcome: faults, login, limits, and the resource that answers.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use ureq_proto::http::{HeaderMap, HeaderValue};

use super::answers::{Answer, Query, business, refusal};
use super::clock::Clock;
use super::faults::{Asked, Effect, Ending, Faults};
use super::limits::{RateGroup, RateLimits};
use super::record::{Record, RequestRecord};
use super::{Options, World, customers, order_changes, order_rows, orders, prices, products, returns};
use crate::web::{Outcome, Request, Response};

/// What a test does to the world when a request arrives.
pub(super) type Hook = Arc<dyn Fn(&mut World, &RequestRecord) + Send + Sync>;

/// What the handlers of all connections share.
pub(super) struct Room {
    pub options: Options,
    pub clock: Clock,
    world: Mutex<World>,
    faults: Mutex<Faults>,
    limits: Mutex<RateLimits>,
    record: Mutex<Record>,
    late: Mutex<Vec<Late>>,
    latency_micros: AtomicU64,
    hook: Mutex<Option<Hook>>,
    login: String,
}

/// What a request asks for, apart from its connection.
#[derive(Clone)]
struct Call {
    method: String,
    resource: String,
    id: Option<String>,
    query: String,
}

/// A call that is processed after its connection was closed.
pub(super) struct Late {
    call: Call,
    body: Vec<u8>,
    due: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Room {
    pub fn new(world: World, options: Options) -> Room {
        let login = STANDARD.encode(format!("{}:{}", options.username, options.password));
        Room {
            clock: world.clock().clone(),
            login: format!("Basic {login}"),
            options,
            world: Mutex::new(world),
            faults: Mutex::default(),
            limits: Mutex::default(),
            record: Mutex::new(Record::new()),
            late: Mutex::default(),
            latency_micros: AtomicU64::new(0),
            hook: Mutex::default(),
        }
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub fn record(&self) -> MutexGuard<'_, Record> {
        lock(&self.record)
    }

    pub fn late(&self) -> MutexGuard<'_, Vec<Late>> {
        lock(&self.late)
    }

    pub fn set_latency(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latency_micros.store(micros, Ordering::SeqCst);
    }

    pub fn spend_limit(&self, group: RateGroup, requests: u32) {
        lock(&self.limits).spend(group, self.limit(group), requests, self.clock.now());
    }

    fn limit(&self, group: RateGroup) -> u32 {
        match group {
            RateGroup::Low => self.options.low_limit_per_minute,
            RateGroup::Standard => self.options.limit_per_minute,
            RateGroup::High => self.options.high_limit_per_minute,
        }
    }

    /// Answers a request, or breaks it.
    pub fn handle(room: &Arc<Room>, request: &Request) -> Outcome {
        let Some(call) = room.call(request) else {
            // Recorded under its path, which is in no description: a client that lost its way shows.
            let (method, resource) = (request.method.clone(), request.path.clone());
            let lost = Call { method, resource, id: None, query: request.query.clone() };
            let place = room.note_arrival(request, &lost);
            let answer = refusal(404, "No HTTP resource was found that matches the request.");
            room.record().answered(place, Some(answer.status), &answer.body, false);
            return answer.into();
        };
        let place = room.note_arrival(request, &call);
        let asked = Asked {
            method: &call.method,
            resource: &call.resource,
            with_id: call.id.is_some(),
            query: &call.query,
            body: &request.body,
        };
        let fault = room.faults().meet(&asked);
        let faulty = fault.is_some();
        let outcome = match fault.map(|fault| fault.effect()) {
            None => room.answer(request, &call),
            Some(Effect::Instead(response)) => Outcome::Answer(room.mark_own(&call, response)),
            Some(Effect::Hang(time)) => {
                room.record().answered(place, None, &[], true);
                request.wait(time);
                Outcome::Close
            }
            Some(Effect::Later(time)) => {
                Room::put_off(room, call, request.body.clone(), time);
                Outcome::Close
            }
            Some(Effect::After(ending)) => {
                let outcome = room.answer(request, &call);
                end(ending, outcome, request, || room.record().answered(place, None, &[], true))
            }
        };
        let latency = Duration::from_micros(room.latency_micros.load(Ordering::SeqCst));
        if !latency.is_zero() {
            request.wait(latency);
        }
        match &outcome {
            Outcome::Answer(answer) => {
                room.record().answered(place, Some(answer.status), &answer.body, faulty);
            }
            _ => room.record().answered(place, None, &[], faulty),
        }
        outcome
    }

    /// Answers a call of its own tenant on the spot: no connection, no fault, no record.
    pub fn answer_at_desk(&self, method: &str, target: &str, body: &[u8], counted: bool) -> Response {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = HeaderMap::new();
        if let Ok(login) = HeaderValue::from_str(&self.login) {
            headers.insert("extendbasicauthorization", login);
        }
        let request = Request {
            method: method.to_owned(),
            path: format!("/RESTAPI/v1_0/{}{path}", self.options.client),
            query: query.to_owned(),
            headers,
            body: body.to_vec(),
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            stop: crossbeam_channel::never(),
        };
        let Some(call) = self.call(&request) else {
            return refusal(404, "No HTTP resource was found that matches the request.");
        };
        if !counted {
            return self.process(&call, body).unwrap_or_else(|refused| refused);
        }
        match self.answer(&request, &call) {
            Outcome::Answer(answer) => answer,
            _ => refusal(500, "An error has occurred."),
        }
    }

    /// Records a request, and lets the test look at it with the world in hand.
    fn note_arrival(&self, request: &Request, call: &Call) -> usize {
        let mut record = RequestRecord {
            method: call.method.clone(),
            resource: call.resource.clone(),
            id: call.id.clone(),
            query: call.query.clone(),
            request_body: Vec::new(),
            status: None,
            response_body: Vec::new(),
            faulty: false,
            at: Instant::now(),
        };
        let hook = lock(&self.hook).clone();
        if hook.is_some() || self.record().keep_bodies {
            record.request_body.clone_from(&request.body);
        }
        if let Some(hook) = hook {
            hook(&mut self.world(), &record);
        }
        self.record().arrived(record)
    }

    pub fn set_hook(&self, hook: Option<Hook>) {
        *lock(&self.hook) = hook;
    }

    /// Gives a failure that the service itself words the headers that all its answers have. What a
    /// proxy words has none of them.
    fn mark_own(&self, call: &Call, answer: Response) -> Response {
        let json = answer.headers.iter().any(|(_, value)| value.starts_with("application/json"));
        if !json {
            return answer;
        }
        let group = RateGroup::of(&call.resource);
        let standing = lock(&self.limits).count(group, self.limit(group), 0, self.clock.now());
        if answer.status == 429 { standing.exhausted().mark(answer) } else { standing.mark(answer) }
    }

    /// The call that a path stands for: `/RESTAPI/v1_0/{client}/{Resource}[/{id}]`.
    fn call(&self, request: &Request) -> Option<Call> {
        let decode =
            |part: &str| percent_decode_str(part).decode_utf8().ok().map(std::borrow::Cow::into_owned);
        let mut parts = request.path.strip_prefix("/RESTAPI/v1_0/")?.split('/');
        let client = decode(parts.next()?)?;
        let resource = decode(parts.next()?)?;
        let id = parts.next().map(decode);
        if client != self.options.client || parts.next().is_some() || resource.is_empty() {
            return None;
        }
        let id = match id {
            Some(None) => return None,
            Some(Some(id)) if id.is_empty() => None,
            Some(id) => id,
            None => None,
        };
        Some(Call { method: request.method.clone(), resource, id, query: request.query.clone() })
    }

    /// The service's own answer: manners first, then the resource.
    fn answer(&self, request: &Request, call: &Call) -> Outcome {
        let now = self.clock.now();
        let group = RateGroup::of(&call.resource);
        let count = |requests| lock(&self.limits).count(group, self.limit(group), requests, now);
        if request.header("extendbasicauthorization") != Some(self.login.as_str()) {
            let answer = refusal(401, "Authorization has been denied for this request.");
            return count(0).mark(answer).into();
        }
        let standing = count(1);
        if !standing.allowed {
            return standing.refusal(self.options.retry_after, now).into();
        }
        if request.header("cookie").is_some() {
            return standing.mark(business("Bad Request - Invalid Header")).into();
        }
        if call.method == "GET"
            && call.resource == "CustomerOrders"
            && call.id.is_none()
            && Query::parse(&call.query).get("modifiedDateFrom").is_none()
        {
            // The call never ends in time at the real service.
            if !request.wait(self.options.hang_for) {
                return Outcome::Close;
            }
            return standing.mark(refusal(500, "An error has occurred.")).into();
        }
        let answer = self.process(call, &request.body).unwrap_or_else(|refused| refused);
        standing.mark(answer).into()
    }

    fn process(&self, call: &Call, posted: &[u8]) -> Answer {
        let unknown = self.options.unknown_fields;
        let query = Query::parse(&call.query);
        let body = match call.method.as_str() {
            // Parsed before the world is locked.
            "POST" | "PUT" => serde_json::from_slice::<Value>(posted)
                .map_err(|error| business(format!("The request is invalid. {error}")))?,
            _ => Value::Null,
        };
        let mut world = self.world();
        let world = &mut *world;
        match (call.method.as_str(), call.resource.as_str(), call.id.as_deref()) {
            ("GET", "Products", None) => products::list(world, &query, unknown),
            ("GET", "Products", Some(id)) => products::detail(world, id, unknown),
            ("GET", "ProductAvailability", None) => products::availability(world, &query, unknown),
            ("GET", "ProductPrices", None) => prices::list(world, &query, unknown),
            ("GET", "Customers", None) => customers::list(world, &query, unknown),
            ("GET", "Customers", Some(id)) => customers::detail(world, id, unknown),
            ("POST", "Customers", None) => customers::create(world, body, unknown),
            ("PUT", "Customers", Some(id)) => customers::replace(world, id, body, unknown),
            ("GET", "CustomerOrders", None) => orders::list(world, &query, unknown),
            ("GET", "CustomerOrders", Some(id)) => orders::detail(world, id, unknown),
            ("POST", "CustomerOrders", None) => order_rows::create(world, body, posted, unknown),
            ("PUT", "CustomerOrders", Some(id)) => order_changes::change(world, id, body),
            ("DELETE", "CustomerOrders", Some(id)) => order_changes::remove(world, id),
            ("POST", "CustomerOrderATP", None) => order_changes::availability(world, body, unknown),
            ("GET", "ReturnOrders", None) => returns::list(world, &query, unknown),
            ("GET", "ReturnOrders", Some(id)) => returns::detail(world, id, unknown),
            ("POST", "ReturnOrders", None) => returns::create(world, body, posted, unknown),
            ("GET", "ReturnOrderRowCodes", None) => returns::codes(world, unknown),
            (method, resource, _) if RESOURCES.contains(&resource) => {
                Err(refusal(405, format!("The requested resource does not support http method '{method}'.")))
            }
            _ => Err(refusal(404, "No HTTP resource was found that matches the request.")),
        }
    }

    fn put_off(room: &Arc<Room>, call: Call, body: Vec<u8>, time: Duration) {
        room.late().push(Late { call, body, due: Instant::now() + time });
        let room = Arc::downgrade(room);
        // Not joined: it holds the room weakly, so a stand-in that is gone commits nothing.
        let spawned = thread::Builder::new().name("standin-late".to_owned()).spawn(move || {
            thread::sleep(time);
            if let Some(room) = room.upgrade() {
                room.commit_late(Some(Instant::now()));
            }
        });
        if let Err(error) = spawned {
            log::warn!("no thread for a late commit: {error}");
        }
    }

    /// Processes what was put off: all of it, or what was due by then.
    pub fn commit_late(&self, by: Option<Instant>) -> usize {
        let due: Vec<Late> = {
            let mut late = self.late();
            let all = std::mem::take(&mut *late);
            let (due, rest) = all.into_iter().partition(|late| by.is_none_or(|by| late.due <= by));
            *late = rest;
            due
        };
        for late in &due {
            // Nobody is left to hear the answer.
            let _ = self.process(&late.call, &late.body);
        }
        due.len()
    }
}

/// The resources that exist.
const RESOURCES: [&str; 8] = [
    "Products",
    "ProductAvailability",
    "ProductPrices",
    "Customers",
    "CustomerOrders",
    "CustomerOrderATP",
    "ReturnOrders",
    "ReturnOrderRowCodes",
];

/// What follows a request that was processed. `broken` records that no answer will come, before the
/// wait in which a test may look.
fn end(ending: Ending, outcome: Outcome, request: &Request, broken: impl FnOnce()) -> Outcome {
    match (ending, outcome) {
        (Ending::Answer(Response { status, headers, body }), _) => {
            Outcome::Answer(Response { status, headers, body })
        }
        (Ending::HoldAndClose(time), _) => {
            broken();
            request.wait(time);
            Outcome::Close
        }
        (Ending::Cut, Outcome::Answer(answer)) => Outcome::Cut(answer),
        (Ending::Slow(time), outcome) => {
            request.wait(time);
            outcome
        }
        (_, outcome) => outcome,
    }
}
