//! How the mirror stands: how fresh each entity is, what is still to come, and what is not at Extend as it
//! was delivered.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{NAMED, NeedsPerson, minutes_since};
use crate::config::{Config, Language};
use crate::rules::budget::{Budget, Group};
use crate::rules::freshness;
use crate::rules::mirror::Entity;
use crate::store::reconciliation::{self, Trouble};
use crate::store::{details, prices, sync_state};

/// How an entity of the mirror stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityStatus {
    /// Which.
    pub entity: Entity,
    /// What the tables know.
    pub state: sync_state::SyncState,
    /// Minutes since the last round that ended well; `None`: never.
    pub minutes_old: Option<i64>,
    /// Whether it is older than it should be at the pace of the settings.
    pub is_stale: bool,
    /// What is still to be fetched.
    pub to_come: ToCome,
}

/// What is still to be fetched of an entity, and how long that takes at the pace that the settings allow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToCome {
    /// Whole records: descriptions, bills of materials, dates.
    pub details: u64,
    /// Customers whose prices were never fetched.
    pub customers: u64,
    /// Of how many customers.
    pub of_customers: u64,
    /// About how many minutes the records take where nothing more urgent comes between; `None`: nothing is
    /// to come, or it can't be told.
    pub minutes: Option<u64>,
}

/// Looks.
pub(super) fn load(
    connection: &Connection,
    config: &Config,
    now: Timestamp,
) -> rusqlite::Result<Vec<EntityStatus>> {
    let mut entities = Vec::new();
    for entity in crate::engine::entities(config) {
        let state = sync_state::load(connection, entity)?;
        let minutes_old = state.last_success_at.as_deref().and_then(|at| minutes_since(at, now));
        let mut to_come = ToCome { details: details::count_wanted(connection, entity)?, ..ToCome::default() };
        if entity == Entity::Prices {
            let turns = prices::turns(connection)?;
            (to_come.customers, to_come.of_customers) = (turns.to_come, turns.customers);
        }
        let age = minutes_old.map(|minutes| Duration::from_secs(minutes.max(0).unsigned_abs() * 60));
        let is_stale = freshness::is_stale(entity, age, crate::engine::pause_between_rounds(config, entity));
        entities.push(EntityStatus { entity, state, minutes_old, is_stale, to_come });
    }
    plan(&mut entities, config.extend.requests_per_minute);
    Ok(entities)
}

/// Records are fetched entity by entity, in the order of their names: those before it come first.
fn plan(entities: &mut [EntityStatus], requests_per_minute: u32) {
    let flow = Budget::new(requests_per_minute, Duration::ZERO).flow(Group::Standard);
    let mut before = 0;
    let mut order: Vec<&mut EntityStatus> = entities.iter_mut().collect();
    order.sort_by_key(|one| one.entity.name());
    for one in order.into_iter().filter(|one| one.to_come.details > 0) {
        before += one.to_come.details;
        one.to_come.minutes = Some((before as f64 / flow).ceil() as u64);
    }
}

/// Orders that the reconciliation found missing or twice at Extend.
pub(super) fn not_as_delivered(
    connection: &Connection,
    language: Language,
) -> rusqlite::Result<Vec<NeedsPerson>> {
    let mut all = Vec::new();
    for found in reconciliation::load(connection, NAMED)? {
        let reconciliation::Delivered { id, key, number } = found.order;
        let (code, message) = match found.trouble {
            Trouble::Missing => ("missing_at_extend", language.pick(
                format!("Order {key} (item {id}) was delivered as {number}, and Extend does not have that number any more. See at Extend what became of it. If it is lost, write it out with «extend-edge outbox export {id}» and drop it again with a number of its own."),
                format!("Order {key} (post {id}) levererades som {number}, och Extend har inte längre det numret. Se i Extend vad som hänt. Är den borta, skriv ut den med «extend-edge outbox export {id}» och lägg in den igen med ett eget nummer."),
            )),
            Trouble::Twice => ("twice_at_extend", language.pick(
                format!("Order {key} (item {id}) is at Extend more than once: {}. If they are the same order, annul all but {number} there; what is annulled is no longer told.", found.numbers),
                format!("Order {key} (post {id}) finns flera gånger i Extend: {}. Är det samma order, annullera alla utom {number} där; det som är annullerat nämns inte mer.", found.numbers),
            )),
        };
        all.push(NeedsPerson { code: code.into(), item: Some(id), file: None, message });
    }
    Ok(all)
}

/// For people: a table, and what is still to come.
pub(super) fn to_lines(entities: &[EntityStatus], now: Timestamp, language: Language) -> Vec<String> {
    let row = |cells: [&str; 5]| {
        let [entity, rows, fetched, all, trouble] = cells;
        format!("{entity:<14}{rows:>9}  {fetched:<20}{all:<20}{trouble}").trim_end().to_owned()
    };
    let mut lines = vec![row(language.pick(
        ["", "rows", "fetched", "all", "last trouble"],
        ["", "rader", "hämtat", "allt", "senaste problem"],
    ))];
    for one in entities {
        let fetched = ago(one.minutes_old, language);
        let full = one.state.last_full_at.as_deref().and_then(|at| minutes_since(at, now));
        let trouble = one.state.last_error.as_deref().unwrap_or("");
        let rows = one.state.rows.to_string();
        lines.push(row([one.entity.name(), &rows, &fetched, &ago(full, language), trouble]));
    }
    lines.push(String::new());
    let plans: Vec<String> = entities.iter().flat_map(|one| one.plan(language)).collect();
    if !plans.is_empty() {
        lines.push(language.pick("Still to come:", "Återstår:").into());
        lines.extend(plans.into_iter().map(|plan| format!("- {plan}")));
        lines.push(String::new());
    }
    lines
}

fn ago(minutes: Option<i64>, language: Language) -> String {
    match minutes {
        None => language.pick("never", "aldrig").to_owned(),
        Some(minutes) if minutes >= 120 => {
            let hours = minutes / 60;
            language.pick(format!("{hours} h ago"), format!("för {hours} h sedan"))
        }
        Some(minutes) => language.pick(format!("{minutes} min ago"), format!("för {minutes} min sedan")),
    }
}

impl EntityStatus {
    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        let (state, to_come) = (&self.state, &self.to_come);
        json!({
            "rows": state.rows,
            "lastSuccessAt": state.last_success_at,
            "minutesOld": self.minutes_old,
            "lastFullAt": state.last_full_at,
            "oddRecords": state.odd_records,
            "lastError": state.last_error,
            "lastErrorAt": state.last_error_at,
            "detailsToCome": to_come.details,
            "detailsToComeMinutes": to_come.minutes,
            "customersToCome": to_come.customers,
            "sweep": state.sweep.as_ref().map(|sweep| json!({
                "since": sweep.began_at, "rows": sweep.rows, "ofRows": sweep.total,
            })),
        })
    }

    /// How old it is, in words.
    pub(crate) fn ago(&self, language: Language) -> String {
        ago(self.minutes_old, language)
    }

    /// What is still to be fetched, a sentence each.
    pub(crate) fn plan(&self, language: Language) -> Vec<String> {
        let name = self.entity.name();
        let mut plans = Vec::new();
        if let Some(sweep) = &self.state.sweep {
            let of = sweep.total.map(|total| language.pick(format!(" of {total}"), format!(" av {total}")));
            let (rows, of) = (sweep.rows, of.unwrap_or_default());
            let since = &sweep.began_at;
            plans.push(language.pick(
                format!("{name}: all of it is read since {since}, {rows} rows{of} so far"),
                format!("{name}: allt läses sedan {since}, {rows} rader{of} hittills"),
            ));
        }
        if self.to_come.details > 0 {
            let (details, minutes) = (self.to_come.details, self.to_come.minutes.unwrap_or_default());
            let time =
                if minutes < 120 { format!("{minutes} min") } else { format!("{} h", minutes.div_ceil(60)) };
            plans.push(language.pick(
                format!("{name}: {details} records in full, in about {time}"),
                format!("{name}: {details} fullständiga poster, om ungefär {time}"),
            ));
        }
        if self.to_come.customers > 0 {
            let (customers, all) = (self.to_come.customers, self.to_come.of_customers);
            plans.push(language.pick(
                format!("{name}: those of {customers} of {all} customers"),
                format!("{name}: de för {customers} av {all} kunder"),
            ));
        }
        plans
    }
}
