//! A made-up Extend: what it holds, what it answers, and how the line to it fails.
//!
//! It keeps its own clock, in milliseconds since the simulation began. What is committed there at a
//! moment to come is seen by nobody before that moment: that is how an order turns up late.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use extend_edge::extend::client::Api;
use extend_edge::extend::requests::{Method, Request};
use extend_edge::rules::answer::{Answer, Limits, NoAnswer};
use serde_json::{Value, json};

/// How the line behaves, until it is told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Nearly every call goes well.
    Well,
    /// Every other call fails, each in its own way.
    Shaky,
    /// Connections are refused.
    Refused,
    /// Calls hang until they time out, and what they asked for is sometimes done.
    Hanging,
    /// A proxy answers for Extend.
    BadGateway,
    /// The login is not accepted.
    NoLogin,
    /// The login may not create anything.
    Forbidden,
    /// Other programs use up the tenant's requests.
    Crowded,
}

/// Ways in which one call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Refused,
    LostBefore,
    LostAfter,
    Late,
    ErrorBefore,
    ErrorAfter,
    Cut,
    Garbage,
    TooMany,
    NoLogin,
    Forbidden,
    Deadlock,
    Elsewhere,
    NoSuchAddress,
}

const SHAKY: [Fault; 13] = [
    Fault::Refused,
    Fault::LostBefore,
    Fault::LostAfter,
    Fault::LostAfter,
    Fault::Late,
    Fault::Late,
    Fault::ErrorBefore,
    Fault::ErrorAfter,
    Fault::Cut,
    Fault::Garbage,
    Fault::TooMany,
    Fault::Deadlock,
    Fault::Elsewhere,
];

/// An order or a return.
pub struct Record {
    pub number: String,
    pub is_return: bool,
    pub external: String,
    /// Milliseconds; below zero for what is older than the simulation.
    pub committed_at: i64,
    /// What tells documents of the shop apart; empty for those of others.
    pub mark: String,
    pub body: Value,
}

/// What Extend holds, and the line to it.
pub struct Extend {
    pub rng: fastrand::Rng,
    /// The moment at which a call is being made.
    pub now: i64,
    /// Extend's clock at the beginning, in seconds since 1970.
    pub epoch: i64,
    pub mood: Mood,
    /// A lost request is committed, if at all, before this much time has passed since it was given up.
    pub grace: i64,
    /// What the process that asked can no longer wait for is committed before this moment.
    pub commit_before: Option<i64>,
    /// Requests that Extend itself allows in a minute of its clock.
    pub limit: u32,
    pub records: Vec<Record>,
    /// How many records there are of each document of the shop.
    pub made: BTreeMap<String, u32>,
    /// Changes whose time is still to come.
    pub pending: Vec<super::changes::Pending>,
    /// Customers that the shop made: since when, and what.
    pub customers: BTreeMap<String, (i64, Value)>,
    /// Documents that a person sent again knowing that they might be there.
    pub may_be_twice: BTreeSet<String>,
    pub violations: Vec<String>,
    window: (i64, u32),
    timeout: i64,
    /// What happens, where somebody reads along.
    pub trace: Option<Vec<String>>,
}

impl Extend {
    pub fn new(rng: fastrand::Rng, epoch: i64, grace: i64, limit: u32) -> Extend {
        Extend {
            rng,
            now: 0,
            epoch,
            mood: Mood::Well,
            grace,
            commit_before: None,
            limit,
            records: Vec::new(),
            made: BTreeMap::new(),
            pending: Vec::new(),
            customers: BTreeMap::new(),
            may_be_twice: BTreeSet::new(),
            violations: Vec::new(),
            window: (0, 0),
            timeout: 30_000,
            trace: None,
        }
    }

    /// The process that waited for answers is dead: nothing that it asked for comes to be later than
    /// the grace time of the next one allows.
    pub fn process_died(&mut self, at: i64) {
        let latest = at + self.grace * 8 / 10;
        self.hurry(latest);
        self.customers.values_mut().for_each(|(since, _)| *since = (*since).min(latest));
        for record in self.records.iter_mut().filter(|record| !record.mark.is_empty()).rev().take(50) {
            record.committed_at = record.committed_at.min(latest);
        }
    }

    /// Somebody else's record, or an old one.
    pub fn plant(&mut self, is_return: bool, external: &str, mut body: Value, committed_at: i64) {
        give_places(&mut body);
        let number = self.number(is_return);
        let external = external.to_owned();
        self.records.push(Record { number, is_return, external, committed_at, mark: String::new(), body });
    }

    fn number(&self, is_return: bool) -> String {
        format!("{}{}", if is_return { "R" } else { "OC" }, self.records.len() + 1)
    }

    fn fault(&mut self, writes: bool) -> Fault {
        match self.mood {
            Mood::Well if self.rng.u32(..200) > 0 => Fault::None,
            Mood::Well | Mood::Shaky if self.rng.bool() => Fault::None,
            Mood::Well | Mood::Shaky => SHAKY[self.rng.usize(..SHAKY.len())],
            Mood::Refused => Fault::Refused,
            Mood::Hanging if writes => {
                [Fault::LostBefore, Fault::LostAfter, Fault::Late][self.rng.usize(..3)]
            }
            Mood::Hanging => Fault::LostBefore,
            Mood::BadGateway if writes && self.rng.bool() => Fault::ErrorAfter,
            Mood::BadGateway => {
                [Fault::ErrorBefore, Fault::Garbage, Fault::NoSuchAddress][self.rng.usize(..3)]
            }
            Mood::NoLogin => Fault::NoLogin,
            Mood::Forbidden if writes => Fault::Forbidden,
            Mood::Forbidden => Fault::None,
            Mood::Crowded if self.rng.u32(..3) == 0 => Fault::TooMany,
            Mood::Crowded => Fault::None,
        }
    }

    fn call(&mut self, request: &Request) -> Result<Answer, NoAnswer> {
        let writes = request.method != Method::Get;
        let fault = self.fault(writes);
        let began = self.now;
        let arrived = began + self.rng.i64(1..300);
        let result = self.answer(request, writes, fault, arrived);
        if let Some(trace) = &mut self.trace {
            let shown = match &result {
                Ok(answer) => {
                    format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body).escape_debug())
                }
                Err(error) => format!("{error:?}"),
            };
            trace.push(format!(
                "{began:>12} call  {:?} {} {fault:?} -> {shown} at {}",
                request.method, request.path, self.now
            ));
        }
        result
    }

    fn answer(
        &mut self,
        request: &Request,
        writes: bool,
        fault: Fault,
        arrived: i64,
    ) -> Result<Answer, NoAnswer> {
        // An answer takes its time now and then, and a call that hangs is given up at the time-out.
        let quick = arrived + self.rng.i64(1..300);
        let slow = arrived + self.rng.i64(1..self.timeout - 300);
        let ended = if self.rng.u32(..20) == 0 { slow } else { quick };
        let given_up = if self.rng.bool() { arrived - 300 + self.timeout } else { slow };
        let html = |extend: &mut Extend, status| Ok(extend.plain(status, b"<html>Sorry</html>".to_vec()));
        match fault {
            Fault::Refused => {
                self.now += self.rng.i64(1..50);
                return Err(NoAnswer::NotSent("the connection was refused".into()));
            }
            Fault::LostBefore => {
                self.now = given_up;
                return Err(NoAnswer::Lost("no answer in time".into()));
            }
            Fault::LostAfter => {
                let _ = self.process(request, arrived, arrived);
                self.now = given_up;
                return Err(NoAnswer::Lost("connection reset".into()));
            }
            Fault::Late => {
                let late = given_up + self.rng.i64(0..self.grace * 9 / 10);
                let _ = self.process(request, arrived, late);
                self.now = given_up;
                return match self.rng.bool() {
                    true => Err(NoAnswer::Lost("no answer in time".into())),
                    false => html(self, 504),
                };
            }
            Fault::ErrorBefore => {
                self.now = ended;
                return html(self, if writes { 500 } else { 503 });
            }
            Fault::ErrorAfter => {
                let _ = self.process(request, arrived, arrived);
                self.now = ended;
                return html(self, 502);
            }
            Fault::Cut => {
                let mut answer = self.process(request, arrived, arrived);
                self.now = ended;
                if answer.status == 200 {
                    answer.body.truncate(answer.body.len() / 2);
                }
                return Ok(answer);
            }
            Fault::Garbage => {
                if self.rng.bool() {
                    let _ = self.process(request, arrived, arrived);
                }
                self.now = ended;
                return html(self, 200);
            }
            Fault::TooMany => {
                self.now = ended;
                return Ok(self.too_many());
            }
            Fault::NoLogin => {
                self.now = ended;
                return Ok(self.message(401, "no such user"));
            }
            Fault::Forbidden => {
                self.now = ended;
                return Ok(self.message(403, "you have no right to do this"));
            }
            Fault::Deadlock if writes => {
                self.now = ended;
                return Ok(self.message(400, "was deadlocked on lock resources. Rerun the transaction."));
            }
            Fault::Elsewhere => {
                self.now = ended;
                return html(self, 302);
            }
            Fault::NoSuchAddress => {
                self.now = ended;
                return html(self, 404);
            }
            Fault::None | Fault::Deadlock => {}
        }
        let minute = (self.epoch * 1000 + arrived).div_euclid(60_000);
        if self.window.0 != minute {
            self.window = (minute, 0);
        }
        self.window.1 += 1;
        if self.window.1 > self.limit {
            self.now = ended;
            return Ok(self.too_many());
        }
        let answer = self.process(request, arrived, arrived);
        self.now = ended;
        Ok(answer)
    }

    pub fn seconds_at(&self, at: i64) -> i64 {
        self.epoch + at.div_euclid(1000)
    }

    pub fn plain(&mut self, status: u16, body: Vec<u8>) -> Answer {
        let at = self.seconds_at(self.now);
        let limits = Limits {
            limit: Some(self.limit),
            remaining: Some(self.limit.saturating_sub(self.window.1)),
            reset: Some((at.div_euclid(60) + 1) * 60),
        };
        let limits = if self.rng.u32(..10) == 0 { Limits::default() } else { limits };
        Answer { status, body, retry_after: None, limits, server_time: Some(at) }
    }

    pub fn message(&mut self, status: u16, message: &str) -> Answer {
        self.plain(status, json!({ "Message": message }).to_string().into_bytes())
    }

    fn too_many(&mut self) -> Answer {
        let mut answer = self.message(429, "too many requests");
        answer.limits.remaining = Some(0);
        if self.rng.bool() {
            answer.retry_after = Some(Duration::from_secs(self.rng.u64(1..60)));
        }
        answer
    }

    /// Does what was asked at `at`; what it makes is there from `commit_at` on.
    fn process(&mut self, request: &Request, at: i64, commit_at: i64) -> Answer {
        self.now = self.now.max(at);
        self.come_true(at);
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let body = match (request.method, path) {
            (Method::Post, "/CustomerOrders" | "/ReturnOrders") => {
                return self.create(path == "/ReturnOrders", request, commit_at);
            }
            (Method::Put | Method::Delete, _) => return self.change(request, path, commit_at),
            (Method::Post, "/Customers") => return self.customer(request, path, commit_at),
            (Method::Get, path) if path.starts_with("/Customers/") => {
                return self.customer(request, path, commit_at);
            }
            (Method::Get, "/ReturnOrderRowCodes") => {
                json!({ "returnOrderRowCodeList": [{ "returnCode": "A", "name": "Regretted" }] })
            }
            (Method::Get, "/Products") => json!([]),
            (Method::Get, "/Customers") => {
                json!({ "customerList": self.list_customers(asked(query, "changedAfterDate").as_deref(), at) })
            }
            (Method::Get, "/ProductAvailability") => json!({ "productAvailabilityList": [] }),
            (Method::Get, "/CustomerOrders") => Value::Array(self.list(false, query, at)),
            (Method::Get, "/ReturnOrders") => json!({ "returnOrderList": self.list(true, query, at) }),
            (Method::Get, _) => {
                let number = path.rsplit('/').next().unwrap_or_default();
                let found = self.records.iter().find(|r| r.number == number && r.committed_at <= at);
                match found.map(|record| record.body.clone()) {
                    Some(body) => body,
                    None => return self.message(404, "there is no such record"),
                }
            }
            _ => return self.message(405, "not here"),
        };
        self.plain(200, body.to_string().into_bytes())
    }

    fn create(&mut self, is_return: bool, request: &Request, commit_at: i64) -> Answer {
        let body = request.body.as_deref().unwrap_or_default();
        let mut body: Value = serde_json::from_str(body).unwrap_or(Value::Null);
        if body.to_string().contains("P-UNKNOWN") {
            return self.message(400, "The product P-UNKNOWN does not exist");
        }
        let header = if is_return { "header" } else { "orderHeader" };
        if !self.knows_customer(body[header]["customerNumber"].as_str().unwrap_or_default(), self.now) {
            return self.message(400, "There is no such customer");
        }
        let number = self.number(is_return);
        give_places(&mut body);
        if is_return {
            let of = body["createAction"]["orderNumber"].as_str().unwrap_or_default().to_owned();
            if !of.is_empty() && !self.records.iter().any(|record| record.number == of) {
                return self.message(400, "There is no such order to return");
            }
            body[header]["referenceOrderNumber"] = Value::String(of);
        }
        let name = if is_return { "returnNumber" } else { "orderNumber" };
        body[header][name] = Value::String(number.clone());
        let key = if is_return { "reference" } else { "orderNumberExternal" };
        let text = |name: &str| body[header][name].as_str().unwrap_or_default().to_owned();
        let (external, mark) = (text(key), text("mark"));
        let committed_at = commit_at.min(self.commit_before.unwrap_or(i64::MAX));
        self.count(&mark, &external);
        self.records.push(Record { number, is_return, external, committed_at, mark, body: body.clone() });
        if let Some(trace) = &mut self.trace {
            let record = &self.records[self.records.len() - 1];
            trace.push(format!("{committed_at:>12} made  {} {}", record.number, record.mark));
        }
        self.plain(200, body.to_string().into_bytes())
    }

    /// A document of the shop came true once more.
    pub fn count(&mut self, mark: &str, what: &str) {
        let made = self.made.entry(mark.to_owned()).or_default();
        *made += 1;
        if *made > 1 && !self.may_be_twice.contains(mark) {
            self.violations.push(format!("{mark} ({what}) is at Extend {made} times"));
        }
    }

    fn list(&mut self, is_return: bool, query: &str, at: i64) -> Vec<Value> {
        let asked = |name: &str| asked(query, name);
        let from = asked(if is_return { "createDateFrom" } else { "modifiedDateFrom" }).unwrap_or_default();
        let Ok(from) = format!("{from}Z").parse::<jiff::Timestamp>() else {
            self.violations.push(format!("a list without a date: {query}"));
            return Vec::new();
        };
        let external = asked("orderNumberExternal");
        let of_order = asked("referenceOrderNumber");
        let of_customer = asked("customerNumber");
        let page: usize = match is_return {
            true => asked("pageNumber").and_then(|page| page.parse().ok()).unwrap_or(1) - 1,
            false => asked("pageOffset").and_then(|page| page.parse().ok()).unwrap_or(0),
        };
        let header = |record: &Record, name: &str| {
            let header = if is_return { "header" } else { "orderHeader" };
            record.body[header][name].as_str().map(str::to_owned)
        };
        let mut rows: Vec<Value> = self
            .records
            .iter()
            .filter(|record| record.is_return == is_return && record.committed_at <= at)
            .filter(|record| self.seconds_at(record.committed_at) >= from.as_second())
            .filter(|record| external.as_ref().is_none_or(|external| record.external == *external))
            .filter(|record| of_order.is_none() || header(record, "referenceOrderNumber") == of_order)
            .filter(|record| of_customer.is_none() || header(record, "customerNumber") == of_customer)
            .map(|record| {
                let changed = jiff::Timestamp::from_second(self.seconds_at(record.committed_at));
                let changed = changed.unwrap_or_default().to_string().replace('Z', "+00:00");
                match is_return {
                    true => json!({ "returnNumber": record.number, "createDate": changed }),
                    false => json!({
                        "orderNumber": record.number,
                        "orderNumberExternal": record.external,
                        "changeDate": changed,
                    }),
                }
            })
            .collect();
        // Rows move between pages while a list is read: one shows twice.
        if !rows.is_empty() && self.rng.u32(..4) == 0 {
            rows.insert(0, rows[self.rng.usize(..rows.len())].clone());
        }
        rows.into_iter().skip(page * 100).take(100).collect()
    }
}

/// A value of a query.
fn asked(query: &str, name: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
}

fn give_places(order: &mut Value) {
    for (index, row) in order["orderRows"].as_array_mut().into_iter().flatten().enumerate() {
        row["position"] = json!((index + 1) * 10);
    }
}

/// The line to Extend, as the workers have it.
pub struct Wire(pub Mutex<Extend>);

impl Wire {
    pub fn lock(&self) -> MutexGuard<'_, Extend> {
        self.0.lock().expect("nobody panics while holding it")
    }
}

impl Api for Wire {
    fn call(&self, request: &Request) -> Result<Answer, NoAnswer> {
        self.lock().call(request)
    }
}
