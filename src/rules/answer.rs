//! What an answer of Extend means, or the lack of one.
//!
//! The classes are those of Extend's own pages (marked «documented» here and elsewhere) and, where these
//! are silent, the careful reading: whatever may have been processed is unclear, and what is unclear is
//! looked up before it is sent again.

use std::time::Duration;

use serde_json::Value;

/// An answer as it came from the line.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body, decompressed.
    pub body: Vec<u8>,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<Duration>,
    /// What the rate limit headers said.
    pub limits: Limits,
    /// The `Date` header, in seconds since 1970: Extend's clock.
    pub server_time: Option<i64>,
}

/// `x-ratelimit-…` of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests allowed in the window.
    pub limit: Option<u32>,
    /// How many of them are left.
    pub remaining: Option<u32>,
    /// When the window ends, in seconds since 1970 by Extend's clock.
    pub reset: Option<i64>,
}

/// A call that brought no whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// The request never left whole: refused, no such name, no TLS. It was not processed.
    NotSent(String),
    /// It may have been processed: a timeout, a reset, an answer that was cut.
    Lost(String),
}

/// What became of a request that changes something at Extend.
#[derive(Debug, Clone, PartialEq)]
pub enum Sent {
    /// Done; Extend's answer.
    Done(Value),
    /// Extend said yes, but in a way that does not tell to what.
    Unconfirmed(String),
    /// Nobody knows whether it was processed.
    Unclear(String),
    /// Nothing was changed.
    Not(NotDone),
}

/// Why nothing was changed at Extend.
#[derive(Debug, Clone, PartialEq)]
pub enum NotDone {
    /// Not processed; the same request can be made again at once or after the time Extend named.
    Again {
        /// The pause that Extend asked for.
        after: Option<Duration>,
        /// Why.
        why: String,
    },
    /// Extend said no; the same request will fail again.
    Refused {
        /// A word for programs.
        code: &'static str,
        /// Extend's own message.
        message: String,
    },
    /// The login was not accepted. Not processed.
    LoginRefused,
    /// The login may not do this. Not processed.
    Forbidden(String),
    /// Something answered that is not Extend's API. Not processed.
    NotExtend(String),
}

/// What a call says about Extend as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Extend itself answered.
    Well,
    /// It may be away: a probe must tell.
    Suspect(String),
    /// It is there and does not accept the login.
    LoginRefused,
}

/// What became of a POST, PUT or DELETE.
pub fn of_write(result: &Result<Answer, NoAnswer>) -> Sent {
    let answer = match result {
        Err(NoAnswer::NotSent(why)) => return Sent::Not(NotDone::Again { after: None, why: why.clone() }),
        Err(NoAnswer::Lost(why)) => return Sent::Unclear(why.clone()),
        Ok(answer) => answer,
    };
    let status = answer.status;
    let not_done = match status {
        200..=299 => {
            return match serde_json::from_slice::<Value>(&answer.body) {
                Ok(body) if body.is_object() => Sent::Done(body),
                Ok(_) => Sent::Unconfirmed(format!("answer {status} with a body that is no record")),
                Err(_) => Sent::Unclear(format!("answer {status} without a readable body")),
            };
        }
        300..=399 => NotDone::NotExtend(format!("answer {status} points to another address")),
        400 => match business_message(&answer.body) {
            Some(message) if is_transient(&message) => {
                NotDone::Again { after: answer.retry_after, why: message }
            }
            Some(message) => NotDone::Refused { code: "extend_refused", message },
            None => return Sent::Unclear("answer 400 without Extend's message".into()),
        },
        401 => NotDone::LoginRefused,
        403 => NotDone::Forbidden(
            business_message(&answer.body).unwrap_or_else(|| "the login has no right to do this".into()),
        ),
        404 | 410 => match business_message(&answer.body) {
            Some(message) => NotDone::Refused { code: "not_found", message },
            None => NotDone::NotExtend(format!("answer {status}: there is no such address")),
        },
        405 | 501 => NotDone::NotExtend(format!("answer {status}: the address does not take this")),
        413 | 414 | 415 | 422 => NotDone::Refused {
            code: "extend_refused",
            message: business_message(&answer.body)
                .unwrap_or_else(|| format!("Extend does not take this document (answer {status})")),
        },
        429 => NotDone::Again { after: answer.retry_after, why: "too many requests".into() },
        _ => return Sent::Unclear(format!("answer {status}")),
    };
    Sent::Not(not_done)
}

/// What became of a GET.
#[derive(Debug, Clone, PartialEq)]
pub enum Got {
    /// The body of a 2xx answer; whether it is what was asked for, its reader says.
    Body(Vec<u8>),
    /// There is no such record.
    Missing,
    /// Ask again later.
    Again {
        /// The pause that Extend asked for.
        after: Option<Duration>,
        /// Why.
        why: String,
    },
    /// Extend does not answer this question; asking again will not help.
    Refused(String),
    /// The login was not accepted.
    LoginRefused,
}

/// What became of a GET.
pub fn of_read(result: Result<Answer, NoAnswer>) -> Got {
    let answer = match result {
        Err(NoAnswer::NotSent(why) | NoAnswer::Lost(why)) => return Got::Again { after: None, why },
        Ok(answer) => answer,
    };
    match answer.status {
        200..=299 => match answer.body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{' | b'[' | 0xEF) => Got::Body(answer.body),
            _ => Got::Again { after: None, why: "the answer is not JSON".into() },
        },
        401 => Got::LoginRefused,
        404 | 410 if business_message(&answer.body).is_some() || answer.body.is_empty() => Got::Missing,
        400 | 403 | 413 | 414 | 415 | 422 => match business_message(&answer.body) {
            Some(message) if is_transient(&message) => Got::Again { after: answer.retry_after, why: message },
            Some(message) => Got::Refused(message),
            None => Got::Again { after: None, why: format!("answer {}", answer.status) },
        },
        429 => Got::Again { after: answer.retry_after, why: "too many requests".into() },
        status => Got::Again { after: answer.retry_after, why: format!("answer {status}") },
    }
}

/// What a call says about Extend as a whole.
pub fn health(result: &Result<Answer, NoAnswer>) -> Health {
    match result {
        Err(NoAnswer::NotSent(why) | NoAnswer::Lost(why)) => Health::Suspect(why.clone()),
        Ok(answer) => match answer.status {
            200..=299 if serde_json::from_slice::<serde::de::IgnoredAny>(&answer.body).is_ok() => {
                Health::Well
            }
            200..=299 => Health::Suspect("what answers is not Extend: the answer is not JSON".into()),
            401 => Health::LoginRefused,
            400 | 403 | 404 | 409..=499 if business_message(&answer.body).is_some() => Health::Well,
            429 => Health::Well,
            status @ 300..=399 => {
                Health::Suspect(format!("answer {status}: the address points elsewhere; see base_url"))
            }
            404 => Health::Suspect("answer 404: there is no such address; see base_url and client".into()),
            status => Health::Suspect(format!("answer {status}")),
        },
    }
}

/// `{"Message": "…"}`: how Extend says what is wrong (documented).
pub fn business_message(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    ["Message", "message"].iter().find_map(|name| {
        let message = value.get(name)?.as_str()?.trim();
        (!message.is_empty()).then(|| message.chars().take(2000).collect())
    })
}

/// Some 400s succeed when tried again: a deadlock, a timeout inside Extend (documented).
fn is_transient(message: &str) -> bool {
    let lower = message.to_lowercase();
    (lower.contains("deadlock") && lower.contains("rerun the transaction"))
        || (lower.contains("timeout") && lower.contains("expired"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Result<Answer, NoAnswer> {
        Ok(Answer {
            status,
            body: body.as_bytes().to_vec(),
            retry_after: None,
            limits: Limits::default(),
            server_time: None,
        })
    }

    fn check(result: Result<Answer, NoAnswer>, sent: &str, health_is: &str) {
        let got = match of_write(&result) {
            Sent::Done(_) => "done",
            Sent::Unconfirmed(_) => "unconfirmed",
            Sent::Unclear(_) => "unclear",
            Sent::Not(NotDone::Again { .. }) => "again",
            Sent::Not(NotDone::Refused { .. }) => "refused",
            Sent::Not(NotDone::LoginRefused) => "login",
            Sent::Not(NotDone::Forbidden(_)) => "forbidden",
            Sent::Not(NotDone::NotExtend(_)) => "not extend",
        };
        let state = match health(&result) {
            Health::Well => "well",
            Health::Suspect(_) => "suspect",
            Health::LoginRefused => "login",
        };
        assert_eq!((got, state), (sent, health_is), "{result:?}");
    }

    #[test]
    fn every_class_of_answer() {
        check(answer(200, "{\"orderHeader\": {}}"), "done", "well");
        check(answer(200, ""), "unclear", "suspect");
        check(answer(200, "[]"), "unconfirmed", "well");
        check(answer(200, "{\"orderHea"), "unclear", "suspect");
        check(answer(200, "<html>Log in to the café's network"), "unclear", "suspect");
        check(answer(302, ""), "not extend", "suspect");
        check(answer(400, "{\"Message\": \"Product P-1 does not exist\"}"), "refused", "well");
        let deadlock = "{\"Message\": \"was deadlocked on lock resources. Rerun the transaction.\"}";
        check(answer(400, deadlock), "again", "well");
        check(answer(400, "{\"Message\": \"Timeout expired. The timeout period elapsed\"}"), "again", "well");
        check(answer(400, "<html>Bad Request</html>"), "unclear", "suspect");
        check(answer(401, "{\"Message\": \"no\"}"), "login", "login");
        check(answer(403, "{\"Message\": \"no right\"}"), "forbidden", "well");
        check(answer(404, "{\"Message\": \"Order OC-1 was not found\"}"), "refused", "well");
        check(answer(404, "<html>"), "not extend", "suspect");
        check(answer(408, ""), "unclear", "suspect");
        check(answer(413, ""), "refused", "suspect");
        check(answer(415, "{\"Message\": \"x\"}"), "refused", "well");
        check(answer(422, "{\"Message\": \"x\"}"), "refused", "well");
        check(answer(429, ""), "again", "well");
        check(answer(500, "{\"Message\": \"x\"}"), "unclear", "suspect");
        check(answer(503, "<html>"), "unclear", "suspect");
        check(Err(NoAnswer::NotSent("refused".into())), "again", "suspect");
        check(Err(NoAnswer::Lost("timeout".into())), "unclear", "suspect");
    }
}
