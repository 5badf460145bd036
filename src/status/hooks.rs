//! How webhooks stand.

use rusqlite::Connection;
use serde_json::{Value, json};

use super::NeedsPerson;
use crate::config::{Config, Language};
use crate::store::agent;

/// How webhooks stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HooksStatus {
    /// Where the settings have it listen.
    pub listen: Option<String>,
    /// When one was last let in.
    pub last_at: Option<String>,
    /// How many were turned away.
    pub refused: u64,
    /// How many of them since one was last let in.
    pub refused_in_a_row: u64,
    /// When one was last turned away.
    pub refused_at: Option<String>,
    /// Why: `unsigned`, `wrong_signature`, `too_many`.
    pub refused_why: Option<String>,
    /// Why nothing listens though the settings ask for it.
    pub trouble: Option<String>,
}

/// So many webhooks turned away, and none let in meanwhile, are no accident.
const HOOKS_REFUSED: u64 = 3;

pub(super) fn load(connection: &Connection, config: &Config) -> rusqlite::Result<HooksStatus> {
    let note = |name| agent::get(connection, name).map(|text| text.filter(|text| !text.is_empty()));
    let count = |name| note(name).map(|text| text.and_then(|text| text.parse().ok()).unwrap_or(0));
    Ok(HooksStatus {
        listen: config.webhooks.listen.map(|address| address.to_string()),
        last_at: note(agent::HOOK_LAST_AT)?,
        refused: count(agent::HOOKS_REFUSED)?,
        refused_in_a_row: count(agent::HOOKS_REFUSED_IN_A_ROW)?,
        refused_at: note(agent::HOOKS_REFUSED_AT)?,
        refused_why: note(agent::HOOKS_REFUSED_WHY)?,
        trouble: note(agent::HOOKS_TROUBLE)?.filter(|_| config.webhooks.listen.is_some()),
    })
}

impl HooksStatus {
    /// What a person must see to.
    pub(super) fn needs_person(&self, language: Language) -> Vec<NeedsPerson> {
        let mut all = Vec::new();
        let mut add = |code: &str, message: String| {
            all.push(NeedsPerson { code: code.into(), item: None, file: None, message });
        };
        if let Some(why) = &self.trouble {
            add("webhooks_trouble", language.pick(
                format!("Webhooks can't be listened for: {why}. Let the program that has the address go, or write another one under [webhooks] and start the agent again. Changes still come by the clock."),
                format!("Det går inte att lyssna efter webhooks: {why}. Stäng programmet som har adressen, eller skriv en annan under [webhooks] och starta om agenten. Ändringar kommer ändå, efter klockan."),
            ));
        }
        if self.listen.is_some() && self.refused_in_a_row >= HOOKS_REFUSED {
            let (count, at) = (self.refused_in_a_row, self.refused_at.as_deref().unwrap_or("-"));
            let why = self.refused_why.as_deref().unwrap_or("-");
            add("webhooks_refused", language.pick(
                format!("Every webhook is turned away: {count} since one was last let in, the last at {at} ({why}). Is secret under [webhooks] the one that Extend signs with? Changes still come by the clock."),
                format!("Varje webhook avvisas: {count} sedan en senast släpptes in, den sista {at} ({why}). Är secret under [webhooks] den som Extend signerar med? Ändringar kommer ändå, efter klockan."),
            ));
        }
        all
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "listen": self.listen,
            "lastAt": self.last_at,
            "refused": self.refused,
            "refusedInARow": self.refused_in_a_row,
            "lastRefusedAt": self.refused_at,
            "lastRefusedWhy": self.refused_why,
        })
    }

    /// For people; `None` where webhooks are neither expected nor came.
    pub(crate) fn to_text(&self, language: Language) -> Option<String> {
        let listen = match &self.listen {
            Some(address) => language.pick(format!("at {address}"), format!("på {address}")),
            None => language.pick("by files only".to_owned(), "bara som filer".to_owned()),
        };
        if self.listen.is_none() && self.last_at.is_none() {
            return None;
        }
        let last = match &self.last_at {
            Some(at) => language.pick(format!("the last one {at}"), format!("den senaste {at}")),
            None => language.pick("none has come".to_owned(), "ingen har kommit".to_owned()),
        };
        let refused = match (self.refused, &self.refused_why, &self.refused_at) {
            (1.., Some(why), Some(at)) => language.pick(
                format!("; {} turned away, the last one {at} ({why})", self.refused),
                format!("; {} avvisade, den sista {at} ({why})", self.refused),
            ),
            _ => String::new(),
        };
        Some(format!("Webhooks  {listen}: {last}{refused}"))
    }
}
