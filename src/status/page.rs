//! How the status page stands.

use rusqlite::Connection;
use serde_json::{Value, json};

use super::NeedsPerson;
use crate::config::{Config, Language};
use crate::store::agent;
use crate::web::reachable;

/// How the status page stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageStatus {
    /// Where it is served: an address for a browser.
    pub url: Option<String>,
    /// Why it is not served though the settings ask for it.
    pub trouble: Option<String>,
}

pub(super) fn load(
    connection: &Connection,
    config: &Config,
    agent_runs: bool,
) -> rusqlite::Result<PageStatus> {
    if config.status.listen.is_none() || !agent_runs {
        return Ok(PageStatus::default());
    }
    let at = agent::get(connection, agent::PAGE_AT)?.and_then(|at| at.parse().ok());
    Ok(PageStatus {
        url: at.map(|at| format!("http://{}/", reachable(at))),
        trouble: agent::get(connection, agent::PAGE_TROUBLE)?.filter(|text| !text.is_empty()),
    })
}

impl PageStatus {
    /// What a person must see to.
    pub(super) fn needs_person(&self, language: Language) -> Option<NeedsPerson> {
        let why = self.trouble.as_ref()?;
        Some(NeedsPerson {
            code: "page_trouble".into(),
            item: None,
            file: None,
            message: language.pick(
                format!("The status page can't be served: {why}. Let the program that has the address go, or write another one, or \"\" for none, at listen under [status] and start the agent again. Everything else works."),
                format!("Statussidan kan inte visas: {why}. Stäng programmet som har adressen, eller skriv en annan, eller \"\" för ingen, vid listen under [status] och starta om agenten. Allt annat fungerar."),
            ),
        })
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        json!({ "url": self.url })
    }

    /// For people; `None` where there is none.
    pub(super) fn to_text(&self, language: Language) -> Option<String> {
        let url = self.url.as_ref()?;
        Some(language.pick(format!("Page      {url}"), format!("Sida      {url}")))
    }
}
