//! What the made-up Extend makes of changes, cancellations and customers, and how the shop writes them.

use extend_edge::extend::requests::{Method, Request};
use extend_edge::rules::answer::Answer;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::came::{Came, Document};
use super::extend::Extend;
use super::shop::{Dropped, Shop};

/// A change that is to come true at its time.
pub struct Pending {
    at: i64,
    number: String,
    what: What,
}

enum What {
    /// Rows to lay over or to add.
    Rows(Vec<Value>),
    Annul,
}

impl Extend {
    /// PUT and DELETE of an order. What it makes of it is there from `commit_at` on.
    pub fn change(&mut self, request: &Request, path: &str, commit_at: i64) -> Answer {
        let number = path.rsplit('/').next().unwrap_or_default().to_owned();
        let Some(record) = self.records.iter().find(|record| record.number == number) else {
            return self.message(404, "there is no such record");
        };
        if record.body["orderHeader"]["orderStatus"] == "Annulled" {
            return self.message(400, "The order is annulled and cannot be changed");
        }
        let body: Value = serde_json::from_str(request.body.as_deref().unwrap_or("null")).unwrap_or_default();
        if body.to_string().contains("P-UNKNOWN") {
            return self.message(400, "The product P-UNKNOWN does not exist");
        }
        let what = match request.method {
            Method::Delete => What::Annul,
            _ => What::Rows(body["orderRows"].as_array().cloned().unwrap_or_default()),
        };
        let at = commit_at.min(self.commit_before.unwrap_or(i64::MAX));
        self.pending.push(Pending { at, number, what });
        self.come_true(self.now);
        self.plain(200, json!({ "Message": "done" }).to_string().into_bytes())
    }

    /// The process that waited for answers is dead: what it asked for is there by `latest`.
    pub fn hurry(&mut self, latest: i64) {
        self.pending.iter_mut().for_each(|pending| pending.at = pending.at.min(latest));
    }

    /// Changes whose time has come.
    pub fn come_true(&mut self, now: i64) {
        self.pending.sort_by_key(|pending| pending.at);
        while self.pending.first().is_some_and(|pending| pending.at <= now) {
            let pending = self.pending.remove(0);
            self.apply(pending);
        }
    }

    fn apply(&mut self, pending: Pending) {
        let Some(record) = self.records.iter_mut().find(|record| record.number == pending.number) else {
            return;
        };
        let body = &mut record.body;
        let rows = match pending.what {
            What::Annul => {
                body["orderHeader"]["orderStatus"] = json!("Annulled");
                return;
            }
            What::Rows(rows) => rows,
        };
        let mut marks = Vec::new();
        if let Some(there) = body["orderRows"].as_array_mut() {
            for mut row in rows {
                match there.iter_mut().find(|known| known["position"] == row["position"]) {
                    Some(known) if row["rowOperation"] == "Inactive" && row["warehouse"] == "TEST" => {
                        known["orderRowStatus"] = json!("Annulled");
                    }
                    Some(known) => *known = row,
                    None => {
                        row["position"] = json!((there.len() + 1) * 10);
                        marks.extend(row["mark"].as_str().map(str::to_owned));
                        there.push(row);
                    }
                }
            }
        }
        for mark in marks {
            self.count(&mark, "a change");
        }
    }

    /// GET and POST of a customer.
    pub fn customer(&mut self, request: &Request, path: &str, commit_at: i64) -> Answer {
        let number = path.rsplit('/').next().unwrap_or_default();
        let now = self.now;
        if request.method == Method::Get {
            return match self.customers.get(number).filter(|(at, _)| *at <= now) {
                Some((_, body)) => {
                    let body = body.to_string().into_bytes();
                    self.plain(200, body)
                }
                None => self.message(404, "there is no such customer"),
            };
        }
        let body: Value = serde_json::from_str(request.body.as_deref().unwrap_or("null")).unwrap_or_default();
        let number = body["customerNumber"].as_str().unwrap_or_default().to_owned();
        // The number is Extend's key: a second one is refused.
        if self.customers.contains_key(&number) {
            return self.message(400, "The customer exists already");
        }
        let at = commit_at.min(self.commit_before.unwrap_or(i64::MAX));
        self.count(body["mark"].as_str().unwrap_or_default(), &number);
        self.customers.insert(number, (at, body.clone()));
        self.plain(200, body.to_string().into_bytes())
    }

    /// The list of customers, or of those that came after the day that is asked for.
    pub fn list_customers(&self, changed_after: Option<&str>, at: i64) -> Value {
        let after = changed_after.and_then(|text| format!("{text}Z").parse::<jiff::Timestamp>().ok());
        let rows = self
            .customers
            .iter()
            .filter(|(_, (since, _))| *since <= at)
            .filter(|(_, (since, _))| after.is_none_or(|after| self.seconds_at(*since) >= after.as_second()))
            .map(|(number, (_, body))| json!({ "customerNumber": number, "name": body["name"] }))
            .collect();
        Value::Array(rows)
    }

    /// Whether an order may name this customer.
    pub fn knows_customer(&self, number: &str, at: i64) -> bool {
        !number.starts_with("N-") || self.customers.get(number).is_some_and(|(since, _)| *since <= at)
    }
}

impl Shop {
    /// A change or cancellation of an order that was dropped lately, or a customer.
    pub fn changed(&mut self, rng: &mut fastrand::Rng) -> Dropped {
        let mark = self.mark();
        let recent = self.dropped.len().saturating_sub(12);
        let orders: Vec<&String> = self.dropped[recent..]
            .iter()
            .filter(|file| !file.is_return)
            .filter_map(|file| file.key.as_ref())
            .collect();
        let of = match orders.is_empty() || rng.u32(..20) == 0 {
            true => "W-nobody".to_owned(),
            false => orders[rng.usize(..orders.len())].clone(),
        };
        let body = match rng.u32(..6) {
            0 => json!({ "cancelOrder": { "orderNumberExternal": of, "mark": mark } }),
            1 => json!({ "cancelRows": { "orderNumberExternal": of, "positions": [10], "mark": mark } }),
            2 => json!({
                "customerNumber": format!("N-{mark}"), "mark": mark, "name": "New",
                "customerDeliveryAddress": { "address": { "city": "Umeå" } },
            }),
            _ => json!({
                "changeOrder": { "orderNumberExternal": of },
                "orderRows": [{
                    "mark": mark,
                    "product": { "productNumber": if rng.u32(..15) == 0 { "P-UNKNOWN" } else { "P9" } },
                    "salesData": { "quantity": 1, "unit": "pcs" },
                }],
            }),
        };
        let bytes = format!("{body:#}").into_bytes();
        self.customers.extend(body["customerNumber"].as_str().map(str::to_owned));
        let name = format!("change-{mark}.json");
        Dropped { name, bytes, mark: Some(mark), key: None, body, is_return: false }
    }
}

/// A change, cancellation or customer that came to its end, held against what Extend has. `None`: the item is
/// of another kind.
pub fn check(
    document: &Document,
    extend: &Extend,
    id: i64,
    state: &str,
    code: &str,
    number: &str,
) -> Option<Result<(), String>> {
    let kind = document.kind.as_str();
    if kind == "order" || kind == "return" {
        return None;
    }
    let wrong = |why: &str| Some(Err(format!("item {id} ({kind}, {state}, {code}): {why}")));
    if state == "refused" {
        let expected = match code {
            "unclear_change" | "unknown_order" | "ambiguous_order" => {
                kind != "customer" || code == "unclear_change"
            }
            "extend_refused" => kind != "customer",
            "unknown_row" => kind == "row_cancellation",
            _ => false,
        };
        return if expected { Some(Ok(())) } else { wrong("is refused for no reason") };
    }
    if state != "delivered" {
        return Some(Ok(()));
    }
    let there = extend.records.iter().find(|record| record.number == number);
    let row_is_annulled = |record: &super::extend::Record| {
        record.body["orderRows"][0]["orderRowStatus"] == "Annulled"
            || record.body["orderHeader"]["orderStatus"] == "Annulled"
    };
    let made = extend.made.get(&document.mark).copied().unwrap_or(0);
    let holds = match (kind, there) {
        ("order_cancellation", None) => true,
        ("order_cancellation", Some(record)) => record.body["orderHeader"]["orderStatus"] == "Annulled",
        ("row_cancellation", Some(record)) => row_is_annulled(record),
        _ => made >= 1,
    };
    if holds { Some(Ok(())) } else { wrong("is delivered, and Extend does not have it") }
}

/// Rows that were added to an order stand in it in the order in which their documents came.
pub fn check_sequence(came: &Came, extend: &Extend) -> Result<(), String> {
    for record in extend.records.iter().rev().take(40).filter(|record| !record.is_return) {
        let mut last = 0;
        for row in record.body["orderRows"].as_array().into_iter().flatten() {
            let Some(mark) = row["mark"].as_str().filter(|mark| !extend.may_be_twice.contains(*mark)) else {
                continue;
            };
            let ids = came.rows.get(mark).map(Vec::as_slice).unwrap_or_default();
            match ids.iter().find(|id| **id > last) {
                Some(id) => last = *id,
                None => return Err(format!("{mark} came into {} out of its turn", record.number)),
            }
        }
    }
    Ok(())
}

/// Whether an order was refused for want of its customer, whose document came later, or was called off.
pub fn lacks_customer(connection: &Connection, came: &Came, id: i64) -> bool {
    let Some(number) = came.items.get(&id).and_then(|document| document.customer.as_deref()) else {
        return false;
    };
    let is_there = |customer: &i64| {
        connection
            .prepare_cached("SELECT 1 FROM outbox WHERE id = ?1 AND state = 'delivered'")
            .and_then(|mut found| found.exists([*customer]))
            .unwrap_or(false)
    };
    number.starts_with("N-")
        && !came
            .items
            .range(..id)
            .filter(|(_, document)| document.kind == "customer" && document.key.as_deref() == Some(number))
            .any(|(customer, _)| is_there(customer))
}
