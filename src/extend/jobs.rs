//! What workers are asked for, and how they do it.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::Api;
use super::prepare::{PrepareJob, Standing, find_order, prepare, record};
use super::requests::{self, Request};
use crate::formats::document::{Kind, text_at};
use crate::rules::answer::{self, Answer, Got, Health, Limits, NoAnswer, Sent};
use crate::rules::budget::Group;
use crate::rules::change::Verb;
use crate::rules::lookup::Candidate;
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
    /// How.
    pub verb: Verb,
    /// JSON.
    pub payload: String,
    /// What a change is made to: Extend's number.
    pub target: Option<String>,
    /// The external number of an order that Extend must be asked for first, see [`ORDER_ASKED_FOR`].
    pub order_to_find: Option<String>,
}

/// An item to look up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookUpJob {
    /// Of the outbox.
    pub id: i64,
    /// The note of this look-up.
    pub attempt: i64,
    /// What it asks for.
    pub kind: Kind,
    /// Its key.
    pub key: String,
    /// The customer it names.
    pub customer_number: Option<String>,
    /// The order it names, by Extend's number.
    pub order_number: Option<String>,
    /// What a change is made to: Extend's number.
    pub target: Option<String>,
    /// A day before the first attempt, UTC without an offset.
    pub from: String,
    /// The first attempt, by Extend's clock in seconds since 1970: what is much older needs no second look.
    pub first_attempt_at: Option<i64>,
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
    /// Requests made beyond those that the job was given leave for.
    pub unpaid: u32,
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
        standing: Result<Standing, Sent>,
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
        /// The candidates.
        found: Result<Vec<Candidate>, String>,
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
}

/// How many orders with the same external number are told apart at the most: two pages.
const LOOK_UP_PAGES: u32 = 20;

/// A return that was created this much before our first attempt is not looked at. Larger than the time
/// within which [`crate::rules::lookup::judge`] still doubts.
const TOO_OLD_SECONDS: i64 = 2 * 3600;

/// From when orders are searched that a document names by a number which is unknown here: the filter by
/// change date may never be left out (documented).
pub const ORDER_ASKED_FOR: &str = "2000-01-01T00:00:00";

/// Does a job.
pub fn run(api: &dyn Api, job: CallJob) -> CallDone {
    let began = Instant::now();
    let paid = match &job {
        CallJob::Details(job) => job.numbers.len() as u32,
        _ => 1,
    };
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
            let found = look_up(&mut line, &job);
            CallOutcome::LookedUp { id: job.id, attempt: job.attempt, found }
        }
        CallJob::Page(job) => {
            let got = answer::of_read(line.call(&page_request(&job)));
            CallOutcome::Page { job, got }
        }
        CallJob::Details(job) => {
            let got = details(&mut line, &job);
            CallOutcome::Details { job, got }
        }
    };
    line.seen.unpaid = line.calls.saturating_sub(paid);
    CallDone { outcome, health: line.health, seen: line.seen, took: began.elapsed() }
}

/// The line, for the calls of one job.
pub(super) struct Caller<'a> {
    api: &'a dyn Api,
    calls: u32,
    seen: Seen,
    health: Health,
}

impl Caller<'_> {
    fn call(&mut self, request: &Request) -> Result<Answer, NoAnswer> {
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
            Err(sent) => return sent,
        }
    }
    let target = job.target.unwrap_or_default();
    let request = match (job.kind, job.verb) {
        (Kind::Return, _) => requests::post_return(payload),
        (Kind::Customer, Verb::Post) => requests::post_customer(payload),
        (Kind::Customer, _) => requests::put_customer(&target, payload),
        (_, Verb::Post) => requests::post_order(payload),
        (_, Verb::Put) => requests::put_order(&target, payload),
        (_, Verb::Delete) => requests::delete_order(&target),
    };
    match answer::of_write(&line.call(&request)) {
        // What is changed has its number already.
        Sent::Done(body) if job.verb == Verb::Post && number_in(job.kind, &body).is_none() => {
            Sent::Unclear("the answer names no number".into())
        }
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

/// The number that Extend gave, in its answer to a POST or GET of this kind.
pub fn number_in(kind: Kind, body: &Value) -> Option<String> {
    let number = match kind {
        Kind::Return => body.get("header")?.get("returnNumber")?,
        Kind::Customer => body.get("customerNumber")?,
        _ => body.get("orderHeader")?.get("orderNumber")?,
    };
    number_text(number)
}

/// A number of Extend's: text, as described, or digits without quotes.
fn number_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a field holds this key; spaces around it do not count.
pub(super) fn holds(value: Option<&str>, key: &str) -> bool {
    value.is_some_and(|value| value.trim() == key.trim())
}

fn look_up(line: &mut Caller<'_>, job: &LookUpJob) -> Result<Vec<Candidate>, String> {
    match job.kind {
        Kind::Return => look_up_return(line, job),
        Kind::Order => look_up_order(line, job),
        kind => {
            // What is not there is a candidate too: whether that is as wanted is for the rules to say.
            let number = job.target.clone().unwrap_or_else(|| job.key.clone());
            let record = record(line, kind, &number)?.unwrap_or(Value::Null);
            Ok(vec![Candidate { number, changed_at: None, record, bound_to_other: false }])
        }
    }
}

fn look_up_order(line: &mut Caller<'_>, job: &LookUpJob) -> Result<Vec<Candidate>, String> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for page in 0..LOOK_UP_PAGES {
        let listed = line.json(&requests::orders_by_external(&job.key, &job.from, page))?;
        let Some(Value::Array(rows)) = listed else {
            return Err("the list of orders could not be read".into());
        };
        let whole_page = rows.len() >= 100;
        for row in rows {
            if !holds(text_at(&row, &["orderNumberExternal"]), &job.key) {
                continue;
            }
            let number = row.get("orderNumber").and_then(number_text);
            let Some(number) = number else { return Err("an order in the list has no number".into()) };
            if candidates.iter().any(|known| known.number == number) {
                continue;
            }
            let record = line.json(&requests::record("CustomerOrders", &number))?.unwrap_or(Value::Null);
            candidates.push(Candidate {
                number,
                changed_at: text_at(&row, &["changeDate"]).and_then(seconds),
                record,
                bound_to_other: false,
            });
        }
        if !whole_page {
            return Ok(candidates);
        }
    }
    Err("the list of orders does not end".into())
}

fn look_up_return(line: &mut Caller<'_>, job: &LookUpJob) -> Result<Vec<Candidate>, String> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for page in 1..=LOOK_UP_PAGES {
        let (order, customer) = (job.order_number.as_deref(), job.customer_number.as_deref());
        // One filter is enough, and an order says more than a customer.
        let customer = if order.is_some() { None } else { customer };
        let listed = line.json(&requests::returns(order, customer, &job.from, page))?;
        let rows = listed.as_ref().and_then(|body| body["returnOrderList"].as_array());
        let Some(rows) = rows else { return Err("the list of returns could not be read".into()) };
        for row in rows {
            let created_at = text_at(row, &["createDate"]).and_then(seconds);
            // Each look costs a request, and what is a good while older than our attempt is not ours.
            if let (Some(created), Some(first)) = (created_at, job.first_attempt_at)
                && created < first - TOO_OLD_SECONDS
            {
                continue;
            }
            let number = row.get("returnNumber").and_then(number_text);
            let Some(number) = number else { return Err("a return in the list has no number".into()) };
            if candidates.iter().any(|known| known.number == number) {
                continue;
            }
            let record = line.json(&requests::record("ReturnOrders", &number))?.unwrap_or(Value::Null);
            if holds(text_at(&record, &["header", "reference"]), &job.key) {
                candidates.push(Candidate { number, changed_at: created_at, record, bound_to_other: false });
            }
        }
        // How many a page holds is nowhere written: its own count tells, else an empty page.
        let pages = listed.as_ref().and_then(|body| body["paginationInfo"]["totalPages"].as_u64());
        if pages.map_or(rows.is_empty(), |pages| u64::from(page) >= pages) {
            return Ok(candidates);
        }
    }
    Err("the list of returns does not end".into())
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

fn details(line: &mut Caller<'_>, job: &DetailsJob) -> Vec<(String, Got)> {
    let resource = match job.entity {
        Entity::Customers => "Customers",
        Entity::Orders => "CustomerOrders",
        Entity::Returns => "ReturnOrders",
        _ => "Products",
    };
    let mut all = Vec::with_capacity(job.numbers.len());
    for number in &job.numbers {
        let got = answer::of_read(line.call(&requests::record(resource, number)));
        let stop = matches!(got, Got::Again { .. } | Got::LoginRefused);
        all.push((number.clone(), got));
        if stop {
            break;
        }
    }
    all
}
