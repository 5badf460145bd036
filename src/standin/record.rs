//! What was asked and what was answered, for tests to look at.

use std::collections::VecDeque;
use std::time::Instant;

/// Records that are kept when bodies are not: enough to see what went last.
const KEPT_WITHOUT_BODIES: usize = 1000;

/// One request and its answer.
#[derive(Debug, Clone)]
pub struct RequestRecord {
    /// `GET`, `POST`, …
    pub method: String,
    /// The resource, `CustomerOrders`.
    pub resource: String,
    /// The record that it named, decoded.
    pub id: Option<String>,
    /// The query as it was sent, without `?`.
    pub query: String,
    /// The body as it was sent; empty where bodies are not kept.
    pub request_body: Vec<u8>,
    /// The status that was answered; none where the connection was broken, or hangs still.
    pub status: Option<u16>,
    /// The body of the answer; empty where bodies are not kept and where there was no whole answer.
    pub response_body: Vec<u8>,
    /// Whether a fault met it: its answer is then none of the service's own.
    pub faulty: bool,
    /// When it arrived.
    pub at: Instant,
}

impl RequestRecord {
    /// The path as the API's description names it: `/v1_0/{client}/CustomerOrders/{id}`.
    pub fn template(&self) -> String {
        let id = if self.id.is_some() { "/{id}" } else { "" };
        format!("/v1_0/{{client}}/{}{id}", self.resource)
    }
}

/// The records, oldest first. A record is there from the moment that the request has arrived.
#[derive(Debug)]
pub(super) struct Record {
    kept: VecDeque<RequestRecord>,
    /// How many came before the first that is kept.
    before: usize,
    /// How many were forgotten on demand.
    forgotten: usize,
    pub keep_bodies: bool,
}

impl Record {
    pub fn new() -> Record {
        Record { kept: VecDeque::new(), before: 0, forgotten: 0, keep_bodies: true }
    }

    /// Records a request and gives its place.
    pub fn arrived(&mut self, mut record: RequestRecord) -> usize {
        if !self.keep_bodies {
            record.request_body = Vec::new();
            while self.kept.len() >= KEPT_WITHOUT_BODIES {
                self.kept.pop_front();
                self.before += 1;
            }
        }
        self.kept.push_back(record);
        self.before + self.kept.len() - 1
    }

    /// Records what a request was answered.
    pub fn answered(&mut self, place: usize, status: Option<u16>, body: &[u8], faulty: bool) {
        let keep_bodies = self.keep_bodies;
        if let Some(record) = place.checked_sub(self.before).and_then(|at| self.kept.get_mut(at)) {
            record.status = status;
            record.faulty = faulty;
            if keep_bodies {
                record.response_body = body.to_vec();
            }
        }
    }

    pub fn all(&self) -> Vec<RequestRecord> {
        self.kept.iter().cloned().collect()
    }

    pub fn count(&self) -> usize {
        self.before + self.kept.len() - self.forgotten
    }

    pub fn forget(&mut self) {
        self.before += self.kept.len();
        self.forgotten = self.before;
        self.kept.clear();
    }
}
