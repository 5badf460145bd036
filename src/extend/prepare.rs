//! How things stand at Extend, asked before something there is changed, and after an attempt to.

use serde_json::Value;

use super::jobs::{Caller, ORDER_ASKED_FOR};
use super::look_up::list_orders;
use super::requests;
use crate::formats::document::Kind;
use crate::rules::answer::NotDone;

/// A change to prepare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrepareJob {
    /// Of the outbox.
    pub id: i64,
    /// The note of this question.
    pub attempt: i64,
    /// What it asks for.
    pub kind: Kind,
    /// What it changes.
    pub target: Target,
}

/// What a change is made to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The order or customer with this number of Extend's.
    Number(String),
    /// The order with this external number, which no item of ours has.
    External(String),
}

/// How things stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Extend's number.
    pub number: String,
    /// The record; `None`: it is not there.
    pub record: Option<Value>,
}

/// Finds what is to be changed and fetches it.
pub(super) fn prepare(line: &mut Caller<'_>, job: &PrepareJob) -> Result<Standing, NotDone> {
    let number = match &job.target {
        Target::Number(number) => number.clone(),
        Target::External(external) => find_order(line, external)?,
    };
    let record = record(line, job.kind, &number).map_err(|why| NotDone::Again { after: None, why })?;
    Ok(Standing { number, record })
}

/// The order or customer with this number; `None`: it is not there.
pub(super) fn record(line: &mut Caller<'_>, kind: Kind, number: &str) -> Result<Option<Value>, String> {
    let resource = if kind == Kind::Customer { "Customers" } else { "CustomerOrders" };
    match line.json(&requests::record(resource, number))? {
        Some(record) if !record.is_object() => Err("the record could not be read".into()),
        record => Ok(record),
    }
}

/// Extend's number of the one order with this external number.
pub(super) fn find_order(line: &mut Caller<'_>, external: &str) -> Result<String, NotDone> {
    let (mut numbers, mut page) = (Vec::new(), 0);
    loop {
        let listed = list_orders(line, external, ORDER_ASKED_FOR, page)
            .map_err(|why| NotDone::Again { after: None, why })?;
        numbers.extend(listed.orders.into_iter().map(|order| order.number));
        if listed.is_last {
            break;
        }
        page += 1;
    }
    numbers.sort_unstable();
    numbers.dedup();
    match &numbers[..] {
        [number] => Ok(number.clone()),
        [] => Err(NotDone::Refused {
            code: "unknown_order",
            message: format!("no order with the number {external} is known, here or at Extend"),
        }),
        _ => Err(NotDone::Refused {
            code: "ambiguous_order",
            message: format!("several orders at Extend have the number {external}: {}", numbers.join(", ")),
        }),
    }
}
