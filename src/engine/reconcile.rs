//! The daily reconciliation: orders that were delivered in the last days, held against Extend's list. One
//! that is missing there is asked for by its number before it is told; one that is there twice is told with
//! both numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::Transaction;
use serde_json::value::RawValue;

use super::Mind;
use super::mirror::before;
use super::rounds::Under;
use crate::clock;
use crate::rules::mirror::cells::{self, Kind};
use crate::rules::mirror::{Entity, fields};
use crate::rules::schedule::Urgency;
use crate::store::details;
use crate::store::reconciliation::{self, Trouble};

/// How far back orders are held against Extend's list.
const RECONCILED: Duration = Duration::from_secs(7 * 86_400);

/// For how long what was found is told.
const TOLD: Duration = Duration::from_secs(30 * 86_400);

/// An order as Extend's list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    number: String,
    external: String,
    customer: String,
    annulled: bool,
}

/// The rows that have the number of an order of ours, the shop's or Extend's.
pub(super) fn listed(tx: &Transaction<'_>, rows: &[&RawValue]) -> rusqlite::Result<Vec<Listed>> {
    let mut all = Vec::new();
    for row in rows {
        let text = |name| {
            let cell = cells::read(Kind::Text, fields::at(row.get(), name), &mut false);
            cell.as_text().unwrap_or_default().trim().to_owned()
        };
        let listed = Listed {
            number: text("orderNumber"),
            external: text("orderNumberExternal"),
            customer: text("customerNumber"),
            annulled: text("orderStatus") == "Annulled",
        };
        if reconciliation::is_ours(tx, &listed.external, &listed.number)? {
            all.push(listed);
        }
    }
    Ok(all)
}

impl Mind {
    /// After a whole list of the last days' orders; `last` is its last page.
    pub(super) fn reconcile(
        &self,
        tx: &Transaction<'_>,
        under: &Under,
        last: &[Listed],
    ) -> rusqlite::Result<()> {
        let now = self.now.text();
        let since = clock::text(before(self.now.wall, RECONCILED));
        // The list may have been read twice: what it showed last counts.
        let all: BTreeMap<&str, &Listed> =
            under.listed.iter().chain(last).map(|listed| (listed.number.as_str(), listed)).collect();
        let mut unseen = Vec::new();
        for order in reconciliation::delivered(tx, &since, &under.began)? {
            let Some(own) = all.get(order.number.as_str()) else {
                unseen.push(order.number);
                continue;
            };
            let mut beside: Vec<&str> = Vec::new();
            for other in all.values() {
                let same = other.external == own.external && other.customer == own.customer;
                // Another item's order is another order, and one that is annulled does no harm.
                if same
                    && !own.external.is_empty()
                    && other.number != own.number
                    && !own.annulled
                    && !other.annulled
                    && reconciliation::item_of(tx, &other.number)?.is_none()
                {
                    beside.push(&other.number);
                }
            }
            if beside.is_empty() {
                reconciliation::clear(tx, order.id, Trouble::Twice)?;
            } else {
                let numbers = format!("{}, {}", order.number, beside.join(", "));
                log::error!("order {} (item {}) is at Extend more than once: {numbers}", order.key, order.id);
                reconciliation::note(tx, order.id, Trouble::Twice, &numbers, &now)?;
            }
        }
        // What was missing may be there again.
        let missing = reconciliation::load(tx, 1000)?.into_iter();
        unseen.extend(
            missing.filter(|found| found.trouble == Trouble::Missing).map(|found| found.order.number),
        );
        details::mark_detail_wanted(tx, Entity::Orders, &unseen, Urgency::Changed)?;
        reconciliation::forget_delivered_before(tx, &clock::text(before(self.now.wall, TOLD)))
    }

    /// Extend says that it has no such order.
    pub(super) fn note_missing_order(
        &self,
        tx: &Transaction<'_>,
        number: &str,
        now: &str,
    ) -> rusqlite::Result<()> {
        let Some(id) = reconciliation::item_of(tx, number)? else { return Ok(()) };
        log::error!("order {number} (item {id}) was delivered, and Extend does not have it any more");
        reconciliation::note(tx, id, Trouble::Missing, number, now)
    }

    /// Extend has it.
    pub(super) fn note_found_order(&self, tx: &Transaction<'_>, number: &str) -> rusqlite::Result<()> {
        match reconciliation::item_of(tx, number)? {
            Some(id) => reconciliation::clear(tx, id, Trouble::Missing),
            None => Ok(()),
        }
    }
}
