//! Whether Extend has what an attempt without an answer asked for: all that it shows under the item's key.
//!
//! How many requests that takes shows only on the way. A job makes those that it has leave for and gives
//! back how far it came; the next job goes on from there.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

use super::jobs::{Caller, holds, seconds};
use super::prepare::record;
use super::requests;
use crate::formats::document::{Kind, text_at};
use crate::rules::confirmation::number_text;
use crate::rules::lookup::Candidate;

/// An item to look up.
#[derive(Debug, Clone, PartialEq)]
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
    /// How many requests it may make now.
    pub requests: u32,
    /// What earlier jobs of this look-up saw.
    pub so_far: Arc<Progress>,
}

/// What a look-up shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Looked {
    /// All there is.
    All(Vec<Candidate>),
    /// There is more to ask.
    More(Arc<Progress>),
}

/// How far a look-up has come.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// Pages of the list that were read.
    pages: u32,
    /// The last of them was.
    list_ended: bool,
    /// Numbers that the list showed.
    listed: Vec<String>,
    /// Records that are still to be fetched.
    to_fetch: VecDeque<(String, Option<i64>)>,
    candidates: Vec<Candidate>,
}

/// Orders on a page of the list (documented).
const ORDERS_ON_A_PAGE: usize = 100;

/// Pages that a look-up reads at the most: two thousand orders with the same external number.
const MOST_PAGES: u32 = 20;

/// A return that was created this much before our first attempt is not looked at. Larger than the time
/// within which [`crate::rules::lookup::judge`] still doubts.
const TOO_OLD_SECONDS: i64 = 2 * 3600;

/// Looks an item up, or goes on with it.
pub(super) fn look_up(line: &mut Caller<'_>, job: LookUpJob) -> Result<Looked, String> {
    if !matches!(job.kind, Kind::Order | Kind::Return) {
        // What is not there is a candidate too: whether that is as wanted is for the rules to say.
        let number = job.target.unwrap_or(job.key);
        let record = record(line, job.kind, &number)?.unwrap_or(Value::Null);
        return Ok(Looked::All(vec![Candidate { number, changed_at: None, record, bound_to_other: false }]));
    }
    let mut progress = Progress::clone(&job.so_far);
    loop {
        if progress.to_fetch.is_empty() && progress.list_ended {
            return Ok(Looked::All(progress.candidates));
        }
        if line.calls >= job.requests {
            return Ok(Looked::More(Arc::new(progress)));
        }
        match progress.to_fetch.pop_front() {
            Some((number, changed_at)) => progress.fetch(line, &job, number, changed_at)?,
            None if job.kind == Kind::Return => progress.list_returns(line, &job)?,
            None => progress.list_orders(line, &job)?,
        }
    }
}

impl Progress {
    fn fetch(
        &mut self,
        line: &mut Caller<'_>,
        job: &LookUpJob,
        number: String,
        changed_at: Option<i64>,
    ) -> Result<(), String> {
        let resource = if job.kind == Kind::Return { "ReturnOrders" } else { "CustomerOrders" };
        let record = line.json(&requests::record(resource, &number))?.unwrap_or(Value::Null);
        // Only the whole record of a return shows its reference.
        if job.kind == Kind::Order || holds(text_at(&record, &["header", "reference"]), &job.key) {
            self.candidates.push(Candidate { number, changed_at, record, bound_to_other: false });
        }
        Ok(())
    }

    fn list_orders(&mut self, line: &mut Caller<'_>, job: &LookUpJob) -> Result<(), String> {
        let listed = list_orders(line, &job.key, &job.from, self.pages)?;
        listed.orders.into_iter().for_each(|order| self.note(order.number, order.changed_at));
        self.turn_page(listed.is_last)
    }

    fn list_returns(&mut self, line: &mut Caller<'_>, job: &LookUpJob) -> Result<(), String> {
        let (order, customer) = (job.order_number.as_deref(), job.customer_number.as_deref());
        // One filter is enough, and an order says more than a customer.
        let customer = if order.is_some() { None } else { customer };
        let page = self.pages + 1;
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
            let Some(number) = row.get("returnNumber").and_then(number_text) else {
                return Err("a return in the list has no number".into());
            };
            self.note(number, created_at);
        }
        // How many a page holds is nowhere written: its own count tells, else an empty page.
        let pages = listed.as_ref().and_then(|body| body["paginationInfo"]["totalPages"].as_u64());
        self.turn_page(pages.map_or(rows.is_empty(), |pages| u64::from(page) >= pages))
    }

    /// A record in the list; rows may move between pages while it is read.
    fn note(&mut self, number: String, date: Option<i64>) {
        if !self.listed.contains(&number) {
            self.listed.push(number.clone());
            self.to_fetch.push_back((number, date));
        }
    }

    fn turn_page(&mut self, was_last: bool) -> Result<(), String> {
        self.pages += 1;
        self.list_ended = was_last;
        match self.pages >= MOST_PAGES && !was_last {
            true => Err(ENDLESS.into()),
            false => Ok(()),
        }
    }
}

const ENDLESS: &str = "the list does not end";

/// A page of the list of orders that have an external number.
pub(super) struct Listed {
    pub orders: Vec<ListedOrder>,
    /// No page comes after it.
    pub is_last: bool,
}

/// An order in that list.
pub(super) struct ListedOrder {
    /// Extend's.
    pub number: String,
    /// In seconds since 1970; `None`: it could not be read.
    pub changed_at: Option<i64>,
}

/// Fetches a page of the orders that have this external number and were changed after `from`.
pub(super) fn list_orders(
    line: &mut Caller<'_>,
    external: &str,
    from: &str,
    page: u32,
) -> Result<Listed, String> {
    if page >= MOST_PAGES {
        return Err(ENDLESS.into());
    }
    let listed = line.json(&requests::orders_by_external(external, from, page))?;
    let Some(Value::Array(rows)) = listed else {
        return Err("the list of orders could not be read".into());
    };
    let ours = rows.iter().filter(|row| holds(text_at(row, &["orderNumberExternal"]), external));
    let orders = ours.map(|row| {
        Some(ListedOrder {
            number: row.get("orderNumber").and_then(number_text)?,
            changed_at: text_at(row, &["changeDate"]).and_then(seconds),
        })
    });
    let orders: Option<Vec<ListedOrder>> = orders.collect();
    let orders = orders.ok_or("an order in the list has no number")?;
    Ok(Listed { orders, is_last: rows.len() < ORDERS_ON_A_PAGE })
}
