//! What workers are asked for, and how they do it.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::ask::{AskJob, Asked, ask};
use super::client::Api;
use super::look_up::{LookUpJob, Looked, look_up};
use super::page::split_page;
use super::prepare::{PrepareJob, Standing, Target, find_order, prepare};
use super::requests::{self, Request};
use crate::formats::document::Kind;
use crate::rules::answer::{self, Answer, Got, Health, Limits, NoAnswer, NotDone, Sent};
use crate::rules::budget::Group;
use crate::rules::change::Verb;
use crate::rules::confirmation::{Wanted, confirm};
use crate::rules::mirror::Entity;
use crate::rules::schedule::{Round, Urgency};

/// A job for a worker.
#[derive(Debug, Clone, PartialEq)]
pub enum CallJob {
    /// Is Extend there?
    Probe,
    /// Ask how things stand before an item changes them.
    Prepare(PrepareJob),
    /// Send an item.
    Send(SendJob),
    /// Look an item up whose attempt has no known outcome.
    LookUp(LookUpJob),
    /// Fetch a page of a list.
    Page(PageJob),
    /// Fetch whole records, one by one.
    Details(DetailsJob),
    /// Fetch records that webhooks named, one by one.
    Records(RecordsJob),
    /// Ask what is available.
    Ask(AskJob),
}

/// An item to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendJob {
    /// Of the outbox.
    pub id: i64,
    /// The attempt that was recorded for this.
    pub attempt: i64,
    /// What it asks for.
    pub kind: Kind,
    /// The webshop's key.
    pub key: Option<String>,
    /// How.
    pub verb: Verb,
    /// JSON.
    pub payload: String,
    /// What a change is made to: Extend's number.
    pub target: Option<String>,
    /// The external number of an order that Extend must be asked for first, see [`ORDER_ASKED_FOR`].
    pub order_to_find: Option<String>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageJob {
    /// Of what.
    pub entity: Entity,
    /// What it is read for.
    pub round: Round,
    /// Changes since; `None`: everything.
    pub from: Option<String>,
    /// From 0, whatever the list itself counts from.
    pub page: u32,
    /// For prices: whose.
    pub customer: Option<String>,
    /// For prices.
    pub currency: Option<String>,
    /// For balances: only of this warehouse.
    pub warehouse: Option<String>,
    /// Only these numbers: one, or up to ten of products whose prices are asked for. Empty: all.
    pub only: Vec<String>,
    /// For returns: only those that are not finished.
    pub open_only: bool,
}

/// Whole records to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailsJob {
    /// Of what.
    pub entity: Entity,
    /// How soon they are wanted.
    pub urgency: Urgency,
    /// Extend's numbers.
    pub numbers: Vec<String>,
}

/// Records to fetch as lists and details show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordsJob {
    /// Of what.
    pub entity: Entity,
    /// Extend's numbers.
    pub numbers: Vec<String>,
    /// With its row, out of the list that is narrowed to it.
    pub row: bool,
    /// With its detail. Without it the detail is fetched where the list has no such row.
    pub detail: bool,
}

impl RecordsJob {
    /// Requests for each record at the most.
    pub fn calls(&self) -> u32 {
        1 + u32::from(self.row)
    }
}

/// A record as it was fetched; `None` for what was not asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetched {
    /// Extend's number.
    pub number: String,
    /// The page of the list that was narrowed to it.
    pub row: Option<Got>,
    /// The detail.
    pub detail: Option<Got>,
}

/// What a job brought.
#[derive(Debug, Clone, PartialEq)]
pub struct CallDone {
    /// What it was.
    pub outcome: CallOutcome,
    /// What its calls said about Extend as a whole; the worst of them.
    pub health: Health,
    /// What its last answer said about limits, with Extend's clock.
    pub seen: Seen,
    /// How long it took.
    pub took: Duration,
}

/// What answers told beside their content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Requests that the job had leave for and did not make.
    pub unused: u32,
    /// Rate limit headers of the last answer.
    pub limits: Limits,
    /// The rate group of the job's calls: no job makes calls of two.
    pub group: Group,
    /// `Date` of the last answer, in seconds since 1970.
    pub server_time: Option<i64>,
    /// A 429 came; with the pause that it asked for.
    pub too_many: Option<Option<Duration>>,
    /// HTTP status of the last answer.
    pub status: Option<u16>,
}

/// What became of each kind of job.
#[derive(Debug, Clone, PartialEq)]
pub enum CallOutcome {
    /// The probe: [`CallDone::health`] tells all.
    Probed,
    /// How things stand before an item changes them, or why that is not known.
    Prepared {
        /// The item.
        id: i64,
        /// The note of this question.
        attempt: i64,
        /// What is there.
        standing: Result<Standing, NotDone>,
    },
    /// An item was sent, or not.
    Sent {
        /// The item.
        id: i64,
        /// The attempt.
        attempt: i64,
        /// What became of it.
        sent: Sent,
    },
    /// An item was looked up: all that Extend shows under its key, or why that is not known.
    LookedUp {
        /// The item.
        id: i64,
        /// The note of this look-up.
        attempt: i64,
        /// What it shows.
        found: Result<Looked, String>,
    },
    /// A page, or why there is none.
    Page {
        /// Which.
        job: PageJob,
        /// The body.
        got: Got,
    },
    /// Records, up to the first that could not be fetched.
    Details {
        /// Which were asked for.
        job: DetailsJob,
        /// Number and what came.
        got: Vec<(String, Got)>,
    },
    /// Records that webhooks named, up to the first that could not be fetched.
    Records {
        /// Of what.
        entity: Entity,
        /// What was asked for.
        numbers: Vec<String>,
        /// What came.
        got: Vec<Fetched>,
    },
    /// A question was put.
    Asked(Asked),
}

/// From when orders are searched that a document names by a number which is unknown here: the filter by
/// change date may never be left out (documented).
pub const ORDER_ASKED_FOR: &str = "2000-01-01T00:00:00";

impl CallJob {
    /// Requests that it makes at the most.
    pub fn requests(&self) -> u32 {
        match self {
            CallJob::Probe | CallJob::Page(_) | CallJob::Ask(_) => 1,
            CallJob::Prepare(job) if matches!(job.target, Target::External(_)) => 2,
            CallJob::Prepare(_) => 1,
            CallJob::Send(job) if job.order_to_find.is_some() => 2,
            CallJob::Send(_) => 1,
            CallJob::LookUp(job) => job.requests,
            CallJob::Details(job) => job.numbers.len() as u32,
            CallJob::Records(job) => job.numbers.len() as u32 * job.calls(),
        }
    }
}

/// Does a job.
pub fn run(api: &dyn Api, job: CallJob) -> CallDone {
    let began = Instant::now();
    let leave = job.requests();
    let mut line = Caller { api, calls: 0, seen: Seen::default(), health: Health::Well };
    let outcome = match job {
        CallJob::Probe => {
            let _ = line.call(&requests::probe());
            CallOutcome::Probed
        }
        CallJob::Prepare(job) => {
            let standing = prepare(&mut line, &job);
            CallOutcome::Prepared { id: job.id, attempt: job.attempt, standing }
        }
        CallJob::Send(job) => {
            CallOutcome::Sent { id: job.id, attempt: job.attempt, sent: send(&mut line, job) }
        }
        CallJob::LookUp(job) => {
            let (id, attempt) = (job.id, job.attempt);
            let found = look_up(&mut line, job);
            CallOutcome::LookedUp { id, attempt, found }
        }
        CallJob::Page(job) => {
            let got = answer::of_read(line.call(&page_request(&job)));
            CallOutcome::Page { job, got }
        }
        CallJob::Details(job) => {
            let got = details(&mut line, &job);
            CallOutcome::Details { job, got }
        }
        CallJob::Records(job) => {
            let got = records(&mut line, &job);
            CallOutcome::Records { entity: job.entity, numbers: job.numbers, got }
        }
        CallJob::Ask(job) => CallOutcome::Asked(ask(&mut line, job)),
    };
    line.seen.unused = leave.saturating_sub(line.calls);
    CallDone { outcome, health: line.health, seen: line.seen, took: began.elapsed() }
}

/// The line, for the calls of one job.
pub(super) struct Caller<'a> {
    api: &'a dyn Api,
    pub(super) calls: u32,
    seen: Seen,
    health: Health,
}

impl Caller<'_> {
    pub(super) fn call(&mut self, request: &Request) -> Result<Answer, NoAnswer> {
        let result = self.api.call(request);
        self.calls += 1;
        self.seen.group = request.group();
        self.seen.status = None;
        if let Ok(answer) = &result {
            self.seen.status = Some(answer.status);
            self.seen.limits = answer.limits;
            self.seen.server_time = answer.server_time.or(self.seen.server_time);
            if answer.status == 429 {
                self.seen.too_many = Some(answer.retry_after);
            }
        }
        if self.health == Health::Well {
            self.health = answer::health(&result);
        }
        result
    }

    pub(super) fn json(&mut self, request: &Request) -> Result<Option<Value>, String> {
        match answer::of_read(self.call(request)) {
            Got::Body(body) => {
                match serde_json::from_slice(body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&body)) {
                    Ok(value) => Ok(Some(value)),
                    Err(_) => {
                        self.health = Health::Suspect("the answer is not whole".into());
                        Err("the answer is not whole".into())
                    }
                }
            }
            Got::Missing => Ok(None),
            Got::Again { why, .. } | Got::Refused(why) => Err(why),
            Got::LoginRefused => Err("Extend does not accept the login".into()),
        }
    }
}

fn send(line: &mut Caller<'_>, job: SendJob) -> Sent {
    let mut payload = job.payload;
    if let Some(external) = job.order_to_find {
        match find_order(line, &external) {
            Ok(number) => payload = with_order_number(&payload, &number),
            Err(not_done) => return Sent::Not(not_done),
        }
    }
    let target = job.target.unwrap_or_default();
    let wanted = Wanted { kind: job.kind, verb: job.verb, key: job.key.as_deref(), target: &target };
    let request = match (job.kind, job.verb) {
        (Kind::Return, _) => requests::post_return(payload),
        (Kind::Customer, Verb::Post) => requests::post_customer(payload),
        (Kind::Customer, _) => requests::put_customer(&target, payload),
        (_, Verb::Post) => requests::post_order(payload),
        (_, Verb::Put) => requests::put_order(&target, payload),
        (_, Verb::Delete) => requests::delete_order(&target),
    };
    match answer::of_write(&line.call(&request)) {
        Sent::Done(body) => match confirm(&wanted, &body) {
            Ok(()) => Sent::Done(body),
            Err(why) => Sent::Unconfirmed(why),
        },
        sent => sent,
    }
}

/// A return that named its order by the shop's number, with Extend's in its place.
pub fn with_order_number(payload: &str, number: &str) -> String {
    let Ok(mut body) = serde_json::from_str::<Value>(payload) else { return payload.to_owned() };
    if let Some(action) = body.get_mut("createAction").and_then(Value::as_object_mut) {
        action.shift_remove("orderNumberExternal");
        action.insert("orderNumber".into(), Value::String(number.to_owned()));
    }
    body.to_string()
}

/// Whether a field holds this key; spaces around it do not count.
pub(super) fn holds(value: Option<&str>, key: &str) -> bool {
    value.is_some_and(|value| value.trim() == key.trim())
}

/// A date of Extend's in seconds since 1970: dates in answers carry an offset (documented).
pub fn seconds(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(|time| time.as_second())
}

fn page_request(job: &PageJob) -> Request {
    let from = job.from.as_deref();
    let only = job.only.first().map(String::as_str);
    match job.entity {
        Entity::Products => requests::products(only, from, job.page),
        Entity::Customers => requests::customers(only, from, job.page + 1),
        Entity::Balances => requests::balances(job.warehouse.as_deref(), only, from, job.page + 1),
        Entity::Prices => requests::prices(
            job.customer.as_deref().unwrap_or_default(),
            job.currency.as_deref(),
            &job.only,
            job.page + 1,
        ),
        Entity::Orders => requests::orders(from.unwrap_or(ORDER_ASKED_FOR), job.page),
        Entity::Returns if job.open_only => {
            requests::open_returns(from.unwrap_or(ORDER_ASKED_FOR), job.page + 1)
        }
        Entity::Returns => requests::returns(None, None, from.unwrap_or(ORDER_ASKED_FOR), job.page + 1),
        Entity::ReturnCodes => requests::return_codes(),
    }
}

fn resource(entity: Entity) -> &'static str {
    match entity {
        Entity::Customers => "Customers",
        Entity::Orders => "CustomerOrders",
        Entity::Returns => "ReturnOrders",
        _ => "Products",
    }
}

/// A record whose answer broke off is asked for again: nothing else would bring it before its next change.
pub(super) fn of_record(result: Result<Answer, NoAnswer>) -> Got {
    match answer::of_read(result) {
        Got::Body(body) if !is_object(&body) => {
            Got::Again { after: None, why: "the answer is not whole".into() }
        }
        got => got,
    }
}

fn is_object(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    body.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

fn details(line: &mut Caller<'_>, job: &DetailsJob) -> Vec<(String, Got)> {
    let mut all = Vec::with_capacity(job.numbers.len());
    for number in &job.numbers {
        let got = of_record(line.call(&requests::record(resource(job.entity), number)));
        let stop = is_end(&got);
        all.push((number.clone(), got));
        if stop {
            break;
        }
    }
    all
}

fn records(line: &mut Caller<'_>, job: &RecordsJob) -> Vec<Fetched> {
    let mut all = Vec::with_capacity(job.numbers.len());
    for number in &job.numbers {
        let row = job.row.then(|| {
            answer::of_read(line.call(&match job.entity {
                Entity::Customers => requests::customers(Some(number), None, 1),
                _ => requests::products(Some(number), None, 0),
            }))
        });
        let listed = match &row {
            Some(Got::Body(body)) => split_page(job.entity, body).is_ok_and(|page| !page.rows.is_empty()),
            _ => false,
        };
        let wanted = (job.detail || !listed) && !row.as_ref().is_some_and(is_end);
        let detail = wanted.then(|| of_record(line.call(&requests::record(resource(job.entity), number))));
        let stop = [&row, &detail].into_iter().flatten().any(is_end);
        all.push(Fetched { number: number.clone(), row, detail });
        if stop {
            break;
        }
    }
    all
}

/// Whether more calls would go the same way.
fn is_end(got: &Got) -> bool {
    matches!(got, Got::Again { .. } | Got::LoginRefused)
}
