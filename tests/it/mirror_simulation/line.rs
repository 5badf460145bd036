//! The line to the pretended Extend, and how it fails.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use extend_edge::extend::client::Api;
use extend_edge::extend::requests::{Method, Request};
use extend_edge::rules::answer::{Answer, Limits, NoAnswer};
use extend_edge::standin::{Desk, RateGroup};
use serde_json::{Value, json};

/// How the line behaves, until it is told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Every call goes well.
    Well,
    /// Every other call fails, each in its own way.
    Shaky,
    /// Connections are refused.
    Refused,
    /// Other programs use up the tenant's requests.
    Crowded,
    /// Lists of everything are answered well, and wrong.
    Lying(Lie),
}

/// How a list of everything is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// There is suddenly nothing in it.
    Empty,
    /// There is suddenly a tenth in it.
    Tenth,
    /// A page in the middle has no rows, however often it is read.
    EmptyPage,
    /// A page in the middle is shorter than it should be, however often it is read.
    ShortPage,
}

/// The line.
pub struct Line {
    pub desk: Desk,
    state: Mutex<State>,
}

/// What the line knows.
pub struct State {
    rng: fastrand::Rng,
    /// The moment at which a call is made, in milliseconds since the simulation began.
    pub now: i64,
    /// Extend's clock at the beginning, in milliseconds since 1970.
    epoch: i64,
    pub mood: Mood,
    /// Answers by resource: the name of a list, or `Name/` for a record of it.
    pub asked: BTreeMap<String, u32>,
}

impl State {
    /// Extend's clock.
    pub fn extend_time(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.epoch + self.now).unwrap_or_default()
    }
}

impl Line {
    pub fn new(desk: Desk, rng: fastrand::Rng, epoch: i64) -> Line {
        let state = State { rng, now: 0, epoch, mood: Mood::Well, asked: BTreeMap::new() };
        Line { desk, state: Mutex::new(state) }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("one thread")
    }

    /// A moment by Extend's clock in milliseconds since the simulation began.
    pub fn since_epoch(&self, time: jiff::Timestamp) -> i64 {
        time.as_millisecond() - self.state().epoch
    }

    /// What GET shows now, uncounted and true.
    pub fn look(&self, target: &str) -> Option<Value> {
        let answer = self.desk.look(target);
        (answer.status == 200).then(|| serde_json::from_slice(&answer.body).expect("JSON"))
    }
}

impl Api for Line {
    fn call(&self, request: &Request) -> Result<Answer, NoAnswer> {
        let mut state = self.state();
        let pause = state.rng.i64(20..250);
        state.now += pause;
        let time = state.extend_time();
        self.desk.world().clock().stand_at(time);
        *state.asked.entry(resource(&request.path)).or_default() += 1;
        let method = match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        };
        if let Some(failed) = state.failure(request, time) {
            return failed;
        }
        if state.mood == Mood::Crowded {
            self.desk.spend_limit(RateGroup::Standard, state.rng.u32(10..120));
        }
        let response =
            self.desk.answer(method, &request.path, request.body.as_deref().unwrap_or("").as_bytes());
        let header = |name: &str| {
            let found = response.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.and_then(|(_, value)| value.parse::<i64>().ok())
        };
        let mut answer = Answer {
            status: response.status,
            retry_after: header("retry-after").map(|seconds| Duration::from_secs(seconds as u64)),
            limits: Limits {
                limit: header("x-ratelimit-limit").map(|number| number as u32),
                remaining: header("x-ratelimit-remaining").map(|number| number as u32),
                reset: header("x-ratelimit-reset"),
            },
            server_time: Some(time.as_second()),
            body: response.body,
        };
        if let (Mood::Lying(lie), 200) = (state.mood, answer.status) {
            answer.body = told(lie, &request.path, answer.body);
        }
        if state.mood == Mood::Shaky && state.rng.u32(..6) == 0 && request.method == Method::Get {
            // The connection breaks off, and somebody in between makes a whole answer of the half.
            answer.body.truncate(answer.body.len() / 2);
        }
        Ok(answer)
    }
}

impl State {
    /// A call that does not get to Extend, or not back.
    fn failure(&mut self, request: &Request, time: jiff::Timestamp) -> Option<Result<Answer, NoAnswer>> {
        let refused = || Some(Err(NoAnswer::NotSent("the connection was refused".into())));
        match self.mood {
            Mood::Refused => return refused(),
            Mood::Shaky if self.rng.bool() => {}
            _ => return None,
        }
        if request.method != Method::Get {
            // What becomes of a write whose answer is lost is the other simulation's.
            return refused();
        }
        let answer = |status: u16, body: &str, retry_after: Option<u64>| {
            Some(Ok(Answer {
                status,
                body: body.as_bytes().to_vec(),
                retry_after: retry_after.map(Duration::from_secs),
                limits: Limits::default(),
                server_time: Some(time.as_second()),
            }))
        };
        match self.rng.u32(..9) {
            0 => {
                self.now += 30_000;
                Some(Err(NoAnswer::Lost("no answer in time".into())))
            }
            1 => refused(),
            2 => answer(500, "{\"Message\": \"An error has occurred.\"}", None),
            3 => answer(503, "<html><h1>Service Unavailable</h1></html>", None),
            4 => answer(429, "{\"Message\": \"Too many requests.\"}", Some(self.rng.u64(1..40))),
            5 => answer(429, "{\"Message\": \"Too many requests.\"}", None),
            6 => answer(400, "{\"Message\": \"was deadlocked … Rerun the transaction.\"}", None),
            7 => answer(200, "<html>Welcome, guest</html>", None),
            _ => answer(200, "", None),
        }
    }
}

/// `Products` for the list, `Products/` for a record.
fn resource(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default().trim_start_matches('/');
    match path.split_once('/') {
        Some((name, _)) => format!("{name}/"),
        None => path.to_owned(),
    }
}

fn number_of(path: &str, name: &str) -> Option<usize> {
    let (_, rest) = path.split_once(&format!("{name}="))?;
    rest.split('&').next()?.parse().ok()
}

/// The answer with the lie in it. Lists of changes tell the truth: nothing could tell a lie there from a
/// quiet shop.
fn told(lie: Lie, path: &str, body: Vec<u8>) -> Vec<u8> {
    let Some((_, query)) = path.split_once('?') else { return body };
    if query.contains("DateFrom") || query.contains("AfterDate") {
        return body;
    }
    // Whoever asks for a record by its number is told the truth.
    let by_number = path.starts_with("/Customers") && query.contains("customerNumber=");
    if by_number || query.contains("productNumber=") || query.contains("productNumberList=") {
        return body;
    }
    let Ok(mut whole) = serde_json::from_slice::<Value>(&body) else { return body };
    let page = number_of(query, "pageOffset").or(number_of(query, "pageNumber").map(|page| page - 1));
    let info = whole.get("paginationInfo").cloned();
    let rows = match &mut whole {
        Value::Array(rows) => rows,
        Value::Object(fields) => match fields.values_mut().find_map(Value::as_array_mut) {
            Some(rows) => rows,
            None => return body,
        },
        _ => return body,
    };
    let page = page.unwrap_or(0);
    let total =
        info.as_ref().and_then(|info| info["totalResources"].as_u64()).map_or(rows.len(), |n| n as usize);
    let shown = match lie {
        Lie::Empty => 0,
        Lie::Tenth if page > 0 => 0,
        Lie::Tenth => total.min(rows.len()) / 10,
        Lie::EmptyPage if page > 0 => 0,
        Lie::ShortPage if page > 0 => rows.len() * 2 / 3,
        _ => return body,
    };
    rows.truncate(shown);
    if let (Some(info), Lie::Empty | Lie::Tenth) = (whole.get_mut("paginationInfo"), lie) {
        *info = json!({ "currentPage": page + 1, "totalPages": usize::from(shown > 0), "pageSize": 100,
            "totalResources": shown, "message": null });
    }
    whole.to_string().into_bytes()
}
