//! Failures on demand: which requests they meet, and what then happens to them.

use std::time::Duration;

use crate::web::Response;

use super::answers::refusal;

/// The 400 that is no business error: the same request succeeds when it is sent again.
const DEADLOCK: &str = "Transaction (Process ID 61) was deadlocked on lock resources with another process \
     and has been chosen as the deadlock victim. Rerun the transaction.";
/// The other 400 that is no business error.
const TIMEOUT_EXPIRED: &str = "Timeout expired. The timeout period elapsed prior to completion of the \
     operation or the server is not responding.";
const UNAVAILABLE_PAGE: &str = "<html><head><title>503 Service Unavailable</title></head>\
     <body><h1>Service Unavailable</h1><p>HTTP Error 503.</p></body></html>";
const LOGIN_PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in to the network</title></head>\
     <body><form action=\"/login\">Welcome, guest</form></body></html>";

/// What goes wrong. *Processed* means that the order is created, the balance taken, and so on.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Not processed; the connection is held silently for so long and closed.
    Hang(Duration),
    /// Processed; the connection is held silently for so long and closed.
    HangAfter(Duration),
    /// Not processed; closed without an answer.
    CloseBefore,
    /// Processed; closed without an answer.
    CloseAfter,
    /// Closed without an answer; processed so much later, or when the test says so with
    /// [`super::StandIn::commit_late`].
    CommitLater(Duration),
    /// Processed; the first half of the answer's body, then closed.
    CutAnswer,
    /// Processed; answered so much later.
    Slow(Duration),
    /// Not processed; 429, with or without `Retry-After` in seconds.
    TooMany {
        /// The value of the header.
        retry_after: Option<u32>,
    },
    /// Not processed; 500 in JSON.
    ServerErrorBefore,
    /// Processed; 500 in JSON.
    ServerErrorAfter,
    /// Not processed; 503 in HTML, as a proxy answers.
    HtmlUnavailable,
    /// Processed; 503 in HTML.
    HtmlAfter,
    /// Not processed; 400 that says so: a deadlock, rerun the transaction.
    Deadlock,
    /// Not processed; 400 that says that a timeout expired.
    TimeoutExpired,
    /// Not processed; 400 with this message.
    Business(String),
    /// Processed; 200 with a body that is no JSON.
    Garbage,
    /// Not processed; 200 with a body that is no JSON.
    GarbageBefore,
    /// Processed; 200 without a body.
    EmptyOk,
    /// Not processed; 200 with the login page of somebody's network.
    HtmlOk,
    /// Not processed; 401.
    Unauthorized,
    /// Not processed; 403.
    Forbidden,
    /// Not processed; 302 to this address.
    Redirect(String),
    /// Not processed; 404.
    NotFound,
    /// Not processed; this status with a message in JSON.
    Status(u16),
    /// Not processed; 200 with this body, which is the answer to something else.
    OtherAnswer(String),
}

/// How a fault bears on a request: whether it is processed, and what is answered.
pub(super) enum Effect {
    /// Not processed; this is answered.
    Instead(Response),
    /// Not processed; held so long and closed.
    Hang(Duration),
    /// Processed later; closed now.
    Later(Duration),
    /// Processed; then this.
    After(Ending),
}

/// What follows when a request was processed.
pub(super) enum Ending {
    Answer(Response),
    HoldAndClose(Duration),
    Cut,
    Slow(Duration),
}

impl Fault {
    pub(super) fn effect(&self) -> Effect {
        let unavailable = || Response::new(503, "text/html; charset=utf-8", UNAVAILABLE_PAGE);
        let garbage = || Response::json(200, "{\"orderHeader\": {\"orderNumb\u{0}\u{fffd}");
        let error = || refusal(500, "An error has occurred.");
        match self {
            Fault::Hang(time) => Effect::Hang(*time),
            Fault::CloseBefore => Effect::Hang(Duration::ZERO),
            Fault::CommitLater(time) => Effect::Later(*time),
            Fault::HangAfter(time) => Effect::After(Ending::HoldAndClose(*time)),
            Fault::CloseAfter => Effect::After(Ending::HoldAndClose(Duration::ZERO)),
            Fault::CutAnswer => Effect::After(Ending::Cut),
            Fault::Slow(time) => Effect::After(Ending::Slow(*time)),
            Fault::ServerErrorAfter => Effect::After(Ending::Answer(error())),
            Fault::HtmlAfter => Effect::After(Ending::Answer(unavailable())),
            Fault::Garbage => Effect::After(Ending::Answer(garbage())),
            Fault::EmptyOk => Effect::After(Ending::Answer(Response::json(200, ""))),
            Fault::TooMany { retry_after } => {
                let answer = refusal(429, "Too many requests.");
                Effect::Instead(match retry_after {
                    Some(seconds) => answer.with_header("retry-after", seconds.to_string()),
                    None => answer,
                })
            }
            Fault::ServerErrorBefore => Effect::Instead(error()),
            Fault::HtmlUnavailable => Effect::Instead(unavailable()),
            Fault::Deadlock => Effect::Instead(refusal(400, DEADLOCK)),
            Fault::TimeoutExpired => Effect::Instead(refusal(400, TIMEOUT_EXPIRED)),
            Fault::Business(message) => Effect::Instead(refusal(400, message)),
            Fault::GarbageBefore => Effect::Instead(garbage()),
            Fault::HtmlOk => Effect::Instead(Response::new(200, "text/html; charset=utf-8", LOGIN_PAGE)),
            Fault::Unauthorized => {
                Effect::Instead(refusal(401, "Authorization has been denied for this request."))
            }
            Fault::Forbidden => {
                Effect::Instead(refusal(403, "You do not have permission to use this resource."))
            }
            Fault::Redirect(to) => {
                let answer = Response::new(302, "text/html; charset=utf-8", "<html>Object moved</html>");
                Effect::Instead(answer.with_header("location", to.clone()))
            }
            Fault::NotFound => {
                Effect::Instead(refusal(404, "No HTTP resource was found that matches the request."))
            }
            Fault::OtherAnswer(body) => Effect::Instead(Response::json(200, body.clone())),
            Fault::Status(status) => Effect::Instead(refusal(*status, format!("Status {status}."))),
        }
    }
}

/// How often a rule strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Times {
    /// The first request that it meets.
    #[default]
    Once,
    /// So many requests.
    Count(u32),
    /// Until the rules are cleared.
    Always,
}

/// Which requests a rule meets.
#[derive(Debug, Clone, Default)]
pub struct FaultMatcher {
    /// `POST`; any where there is none.
    pub method: Option<String>,
    /// `CustomerOrders`; any where there is none.
    pub resource: Option<String>,
    /// Whether the request names one record (`true`), is for the whole resource (`false`), or either.
    pub with_id: Option<bool>,
    /// The query or the body holds this text; any where there is none.
    pub containing: Option<String>,
    /// So many matching requests are let through first.
    pub skip: u32,
    /// Of the requests after those, every n-th is met; 0 and 1 mean every one.
    pub every: u32,
    /// How many are met in all.
    pub times: Times,
}

impl FaultMatcher {
    /// Requests with that method for that resource, once.
    pub fn to(method: &str, resource: &str) -> FaultMatcher {
        FaultMatcher {
            method: Some(method.to_owned()),
            resource: Some(resource.to_owned()),
            ..FaultMatcher::default()
        }
    }

    /// Every request.
    pub fn any() -> FaultMatcher {
        FaultMatcher::default()
    }

    /// The same, letting so many through first.
    pub fn skip(self, skip: u32) -> FaultMatcher {
        FaultMatcher { skip, ..self }
    }

    /// The same, meeting every n-th only.
    pub fn every(self, every: u32) -> FaultMatcher {
        FaultMatcher { every, ..self }
    }

    /// The same, striking so often.
    pub fn times(self, times: Times) -> FaultMatcher {
        FaultMatcher { times, ..self }
    }

    /// The same, only for requests whose query or body holds this text.
    pub fn containing(self, text: &str) -> FaultMatcher {
        FaultMatcher { containing: Some(text.to_owned()), ..self }
    }

    /// The same, only for requests that name one record, or only for those that do not.
    pub fn with_id(self, with_id: bool) -> FaultMatcher {
        FaultMatcher { with_id: Some(with_id), ..self }
    }
}

/// What rules look at in a request.
pub(super) struct Asked<'a> {
    pub method: &'a str,
    pub resource: &'a str,
    pub with_id: bool,
    pub query: &'a str,
    pub body: &'a [u8],
}

impl FaultMatcher {
    fn matches(&self, asked: &Asked<'_>) -> bool {
        let holds = |text: &str| {
            asked.query.contains(text)
                || asked.body.windows(text.len().max(1)).any(|part| part == text.as_bytes())
        };
        self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(asked.method))
            && self.resource.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(asked.resource))
            && self.with_id.is_none_or(|wanted| wanted == asked.with_id)
            && self.containing.as_deref().is_none_or(holds)
    }
}

/// A failure and the requests that it meets.
#[derive(Debug, Clone)]
pub struct FaultRule {
    /// Which requests.
    pub matcher: FaultMatcher,
    /// What happens to them.
    pub fault: Fault,
}

impl FaultRule {
    /// Strikes the next request with that method for that resource.
    pub fn once(method: &str, resource: &str, fault: Fault) -> FaultRule {
        FaultRule { matcher: FaultMatcher::to(method, resource), fault }
    }

    /// Strikes every request with that method for that resource.
    pub fn always(method: &str, resource: &str, fault: Fault) -> FaultRule {
        FaultRule { matcher: FaultMatcher::to(method, resource).times(Times::Always), fault }
    }

    /// Strikes every request.
    pub fn everything(fault: Fault) -> FaultRule {
        FaultRule { matcher: FaultMatcher::any().times(Times::Always), fault }
    }
}

/// The rules in force, oldest first. The first that strikes decides.
#[derive(Debug, Default)]
pub(super) struct Faults {
    rules: Vec<(FaultRule, Count)>,
}

#[derive(Debug, Default)]
struct Count {
    seen: u32,
    struck: u32,
}

impl Faults {
    pub fn push(&mut self, rule: FaultRule) {
        self.rules.push((rule, Count::default()));
    }

    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// The fault that meets this request. Rules after the one that
    /// strikes do not count it.
    pub fn meet(&mut self, asked: &Asked<'_>) -> Option<Fault> {
        let mut met = None;
        for (rule, count) in &mut self.rules {
            let matcher = &rule.matcher;
            let matches = matcher.matches(asked);
            if !matches || met.is_some() {
                continue;
            }
            let after_skip = count.seen.checked_sub(matcher.skip);
            count.seen += 1;
            let due = after_skip.is_some_and(|at| (at + 1) % matcher.every.max(1) == 0);
            let left = match matcher.times {
                Times::Once => count.struck == 0,
                Times::Count(times) => count.struck < times,
                Times::Always => true,
            };
            if due && left {
                count.struck += 1;
                met = Some(rule.fault.clone());
            }
        }
        met
    }
}
