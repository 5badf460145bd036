//! The rate limits: three groups, each with its own number of requests in a minute.

use std::collections::HashMap;

use jiff::Timestamp;

use super::answers::refusal;
use crate::web::Response;

/// How long a window lasts, in seconds.
const WINDOW: i64 = 60;

/// The groups that the API's description puts its calls into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateGroup {
    /// Calls that cost much: CustomerOrderATP.
    Low,
    /// Most calls.
    Standard,
    /// Calls that cost little: ReturnOrderRowCodes.
    High,
}

impl RateGroup {
    /// The group of a resource.
    pub fn of(resource: &str) -> RateGroup {
        match resource {
            "CustomerOrderATP" => RateGroup::Low,
            "ReturnOrderRowCodes" => RateGroup::High,
            _ => RateGroup::Standard,
        }
    }
}

/// How many requests of each group were made in the window that runs.
#[derive(Debug, Default)]
pub(super) struct RateLimits {
    windows: HashMap<RateGroup, Window>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: i64,
    used: u32,
}

/// Where a group stands after a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    limit: u32,
    remaining: u32,
    reset: i64,
    pub allowed: bool,
}

impl RateLimits {
    /// Counts requests of a group; those past the limit are not allowed and use nothing up.
    pub fn count(&mut self, group: RateGroup, limit: u32, requests: u32, now: Timestamp) -> Standing {
        let now = now.as_second();
        let window = self.windows.entry(group).or_insert(Window { began: now, used: 0 });
        // A clock set back opens a new window too: the old one would never end.
        if now >= window.began + WINDOW || now < window.began {
            *window = Window { began: now, used: 0 };
        }
        let allowed = window.used.saturating_add(requests) <= limit;
        if allowed {
            window.used += requests;
        }
        Standing {
            limit,
            remaining: limit.saturating_sub(window.used),
            reset: window.began + WINDOW,
            allowed,
        }
    }

    /// Uses up what is left of a group's window and more, as another program of the tenant would.
    pub fn spend(&mut self, group: RateGroup, limit: u32, requests: u32, now: Timestamp) {
        let left = self.count(group, limit, 0, now).remaining;
        self.count(group, limit, requests.min(left), now);
    }
}

impl Standing {
    /// The same with nothing left, for a 429 that came although something was.
    pub fn exhausted(self) -> Standing {
        Standing { remaining: 0, ..self }
    }

    /// The headers that every answer of the service carries.
    pub fn mark(self, response: Response) -> Response {
        response
            .with_header("x-ratelimit-limit", self.limit.to_string())
            .with_header("x-ratelimit-remaining", self.remaining.to_string())
            .with_header("x-ratelimit-reset", self.reset.to_string())
    }

    /// The answer past the limit.
    pub fn refusal(self, retry_after: bool, now: Timestamp) -> Response {
        let answer = self.mark(refusal(429, "Too many requests. The rate limit is exceeded."));
        if retry_after {
            let seconds = (self.reset - now.as_second()).max(1);
            return answer.with_header("retry-after", seconds.to_string());
        }
        answer
    }
}
