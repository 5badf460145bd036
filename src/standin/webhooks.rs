//! Webhooks as the real service sends them: signed, numbered, and never to be relied on.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

/// How long a receiver may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// `OrderPicked`, `ProductChanged`, …
    pub action: String,
    /// What it happened to: `{"OrderNumber": "OC-1001"}`.
    pub details: Map<String, Value>,
}

impl Notification {
    /// A notification with one detail.
    pub fn new(action: &str, name: &str, value: &str) -> Notification {
        let details = Map::from_iter([(name.to_owned(), Value::from(value))]);
        Notification { action: action.to_owned(), details }
    }
}

/// One delivery of one webhook.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// 32 hex digits, the same for every attempt.
    pub id: String,
    /// 1, 2, …
    pub attempt: u32,
    /// Where it went.
    pub url: String,
    /// What happened.
    pub notifications: Vec<Notification>,
    /// The status that was answered; none where no answer came.
    pub status: Option<u16>,
}

impl Delivery {
    /// Whether the service is done with it: any 2xx, and 410. Else it sends it again, after 1 and
    /// then 4 minutes, and then never.
    pub fn is_over(&self) -> bool {
        self.attempt >= 3 || matches!(self.status, Some(200..=299 | 410))
    }
}

/// The value of the header `ms-signature` for these bytes.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let digest = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mut mac| {
        mac.update(body);
        mac.finalize().into_bytes()
    });
    // A key of any length is taken, so there is always a digest.
    let hex: String = digest.iter().flatten().map(|byte| format!("{byte:02X}")).collect();
    format!("sha256={hex}")
}

/// The body of a webhook.
pub fn body(id: &str, attempt: u32, notifications: &[Notification]) -> Vec<u8> {
    let notifications: Vec<Value> = notifications
        .iter()
        .map(|notification| json!({"Action": notification.action, "Details": notification.details}))
        .collect();
    json!({"Id": id, "Attempt": attempt, "Properties": {}, "Notifications": notifications})
        .to_string()
        .into_bytes()
}

/// Makes the first attempt, or the next one of a delivery that was made before.
pub(super) fn attempt(secret: &str, mut delivery: Delivery) -> Delivery {
    delivery.attempt += 1;
    let body = body(&delivery.id, delivery.attempt, &delivery.notifications);
    let sent = agent()
        .post(&delivery.url)
        .header("content-type", "application/json; charset=utf-8")
        .header("ms-signature", signature(secret, &body))
        .send(&body[..]);
    delivery.status = sent.ok().map(|answer| answer.status().as_u16());
    delivery
}

/// The handshake before the first webhook: GET with `?echo=…` must give exactly that text.
pub(super) fn handshake(url: &str) -> bool {
    let text = new_id();
    let join = if url.contains('?') { '&' } else { '?' };
    let answer = agent().get(format!("{url}{join}echo={text}")).call();
    answer.is_ok_and(|mut answer| {
        answer.status() == 200 && answer.body_mut().read_to_string().is_ok_and(|body| body == text)
    })
}

/// 32 hex digits.
pub(super) fn new_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).build().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_published_one() {
        assert_eq!(
            signature("secret123", b"{'test':'test2'}"),
            "sha256=25FB6994568A75CD233E04BA1C653AF1BF476041CC543AF04F82CAAC482C201A"
        );
    }
}
