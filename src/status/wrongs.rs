//! What is wrong, for the alarms: what needs a person, and what will need one if it lasts.

use jiff::Timestamp;
use rusqlite::Connection;

use super::{NeedsPerson, Status};
use crate::config::{Config, Language};
use crate::rules::alert::Seen;
use crate::store::agent::{self, LineRow};

/// The code of an alarm that can't be told.
const NOT_TOLD: &str = "alert_trouble";

impl Status {
    /// Everything that is wrong now, each with a name that it keeps for as long as it lasts.
    pub fn wrongs(&self, language: Language) -> Vec<Seen> {
        // That alarms can't be told is nothing to be told by an alarm.
        let people = self.needs_person.iter().filter(|one| one.code != NOT_TOLD);
        let mut all: Vec<Seen> = people.map(of_person).collect();
        let line = self.line.as_ref();
        all.extend(line.filter(|line| line.state == "away").map(|line| away(line, language)));
        let is_up = line.is_some_and(|line| line.state == "up");
        for one in self.entities.iter().filter(|one| one.is_stale) {
            let (name, ago) = (one.entity.name(), one.ago(language));
            let why = one.state.last_error.as_deref().map(|why| format!(" {why}.")).unwrap_or_default();
            all.push(Seen {
                key: format!("stale:{name}"),
                code: "stale".into(),
                message: language.pick(
                    format!("What is known of {name} is old: it was last fetched {ago}.{why} The webshop works with old figures. «extend-edge sync {name}» fetches now and says what keeps it."),
                    format!("Det som är känt av {name} är gammalt: det hämtades senast {ago}.{why} Webbshoppen arbetar med gamla uppgifter. «extend-edge sync {name}» hämtar nu och säger vad som hindrar."),
                ),
                since: None,
                // While Extend is away all of it grows old: that is told already.
                may_begin: is_up,
            });
        }
        all
    }
}

/// Alarms that can't be told.
pub(super) fn not_told(connection: &Connection, config: &Config) -> rusqlite::Result<Option<NeedsPerson>> {
    let why =
        agent::get(connection, agent::ALERT_TROUBLE)?.filter(|why| !why.is_empty() && config.alert.is_on());
    Ok(why.map(|why| NeedsPerson {
        code: NOT_TOLD.into(),
        item: None,
        file: None,
        message: config.exchange.language.pick(
            format!("Alarms can't be told: {why}. See command and webhook under [alert]; «extend-edge alert test» tries them. It is tried again by itself."),
            format!("Det går inte att larma: {why}. Se command och webhook under [alert]; «extend-edge alert test» prövar dem. Det försöks igen av sig självt."),
        ),
    }))
}

fn of_person(one: &NeedsPerson) -> Seen {
    let of = one.item.map(|item| item.to_string()).or_else(|| one.file.clone());
    Seen {
        key: of.map_or_else(|| one.code.clone(), |of| format!("{}:{of}", one.code)),
        code: one.code.clone(),
        message: one.message.clone(),
        since: None,
        may_begin: true,
    }
}

fn away(line: &LineRow, language: Language) -> Seen {
    let (since, reason) = (&line.since, line.reason.as_deref().unwrap_or("-"));
    Seen {
        key: "extend_away".into(),
        code: "extend_away".into(),
        message: language.pick(
            format!("Extend can't be reached since {since}: {reason}. What comes in waits and is sent by itself, nothing is lost. Is the line to the internet up?"),
            format!("Extend kan inte nås sedan {since}: {reason}. Det som kommer in väntar och skickas av sig självt, inget går förlorat. Fungerar internet?"),
        ),
        since: since.parse::<Timestamp>().ok(),
        may_begin: true,
    }
}
