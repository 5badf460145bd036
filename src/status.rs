//! One look that says whether all is well: for `extend-edge status`, for outgoing/status.json, and for
//! whoever asks later.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::{Map, Value, json};

use crate::clock;
use crate::config::{Config, Language};
use crate::engine::{REPORTS_TROUBLE, forbidden_note};
use crate::formats::document::Kind;
use crate::recover;
use crate::rules::retry::NEEDS_PERSON_AFTER;
use crate::store::agent::{self, LineRow};
use crate::store::{intake, outbox, wal};

mod disk;
mod hooks;
mod mirror;
mod page;
mod wrongs;

pub use disk::nearly_full as disks_nearly_full;
pub use hooks::HooksStatus;
pub use mirror::{EntityStatus, ToCome};
pub use page::PageStatus;

pub mod machine;

/// Something that will not come right by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeedsPerson {
    /// A word for programs.
    pub code: String,
    /// The outbox item, where it is one.
    pub item: Option<i64>,
    /// The file, where it is one.
    pub file: Option<String>,
    /// A sentence for people: what is wrong, and what to do.
    pub message: String,
}

/// Everything that the agent knows of how things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// When this was written.
    pub as_of: String,
    now: Timestamp,
    /// The line; `None`: never looked.
    pub line: Option<LineRow>,
    /// By entity.
    pub entities: Vec<EntityStatus>,
    /// Items by state: queued, sending, refused, delivered, cancelled.
    pub outbox: outbox::Counts,
    /// Files that are in the inbox and not yet complete.
    pub incomplete_files: usize,
    /// How webhooks stand.
    pub hooks: HooksStatus,
    /// How the status page stands.
    pub page: PageStatus,
    /// What a person must see to.
    pub needs_person: Vec<NeedsPerson>,
    /// Whether an agent is at work here.
    pub agent_runs: bool,
}

/// The refused items that are named one by one; there may be more.
const NAMED: usize = 50;

/// What waits this long while no agent runs is noticed by nobody, in minutes.
const UNNOTICED_MINUTES: i64 = 15;

/// Looks. `agent_runs` says whether an agent is at work here.
///
/// # Errors
/// SQLite's.
pub fn load(
    connection: &Connection,
    config: &Config,
    now: Timestamp,
    agent_runs: bool,
) -> rusqlite::Result<Status> {
    let entities = mirror::load(connection, config, now)?;
    let left = intake::load_left(connection)?;
    let outbox = outbox::counts(connection)?;
    let hooks = hooks::load(connection, config)?;
    let mut needs_person = needs_person(connection, config, &left)?;
    needs_person.extend(mirror::not_as_delivered(connection, config.exchange.language)?);
    needs_person.extend(hooks.needs_person(config.exchange.language));
    needs_person.extend(disk::nearly_full(config));
    needs_person.extend(wrongs::not_told(connection, config)?);
    let page = page::load(connection, config, agent_runs)?;
    needs_person.extend(page.needs_person(config.exchange.language));
    let waiting = outbox.oldest_waiting.as_deref().and_then(|at| minutes_since(at, now));
    if !agent_runs && waiting.is_some_and(|minutes| minutes >= UNNOTICED_MINUTES) {
        let language = config.exchange.language;
        needs_person.push(NeedsPerson {
            code: "agent_stopped".into(),
            item: None,
            file: None,
            message: language
                .pick(
                    "The agent does not run, and documents wait to be sent. Start it with «extend-edge run».",
                    "Agenten är inte igång, och dokument väntar på att skickas. Starta den med «extend-edge run».",
                )
                .into(),
        });
    }
    if agent_runs && let Some(held) = wal::load_held(connection)? {
        needs_person.push(database_held(&held, config));
    }
    Ok(Status {
        as_of: clock::text(now),
        now,
        line: agent::load_line(connection)?,
        outbox,
        agent_runs,
        hooks,
        page,
        incomplete_files: left.iter().filter(|left| left.code == "waiting").count(),
        needs_person,
        entities,
    })
}

fn needs_person(
    connection: &Connection,
    config: &Config,
    left: &[intake::Left],
) -> rusqlite::Result<Vec<NeedsPerson>> {
    let language = config.exchange.language;
    let mut all = Vec::new();
    let mut add = |code: &str, item: Option<i64>, file: Option<String>, message: String| {
        all.push(NeedsPerson { code: code.into(), item, file, message });
    };
    if agent::load_line(connection)?.is_some_and(|line| line.state == "login_refused") {
        add("login_refused", None, None, language.pick(
            "Extend does not accept the user name and password. Put the right ones into extend-edge.toml and start the agent again.",
            "Extend godtar inte användarnamn och lösenord. Skriv de rätta i extend-edge.toml och starta om agenten.",
        ).into());
    }
    for name in recover::set_aside(&config.database) {
        let message = language.pick(
            format!(
                "The database was damaged or lost and was made again from the newest backup, receipts/ and accepted/; the old file is {name}, beside the new one. See that the last orders are at Extend, then move or delete that file."
            ),
            format!(
                "Databasen var skadad eller borta och har byggts om från senaste säkerhetskopian, receipts/ och accepted/; den gamla filen är {name}, bredvid den nya. Se efter att de senaste ordrarna finns i Extend, och flytta eller radera sedan filen."
            ),
        );
        add("database_trouble", None, Some(name), message);
    }
    let unreadable = agent::get(connection, recover::UNREADABLE)?.unwrap_or_default();
    for path in unreadable.lines().filter(|path| Path::new(path).exists()) {
        add("unreadable_original", None, Some(path.to_owned()), language.pick(
            format!("{path} could not be read when the database was made again: what it asked for is not sent. See whether Extend has it, then move or delete that file."),
            format!("{path} gick inte att läsa när databasen byggdes om: det som stod där skickas inte. Se efter om Extend har det, och flytta eller radera sedan filen."),
        ));
    }
    if let Some(words) = agent::paused(connection)? {
        add(
            "paused",
            None,
            None,
            language.pick(
                format!(
                    "Nothing is sent since it was paused by {words}. «extend-edge resume» lets it go on."
                ),
                format!(
                    "Inget skickas sedan det pausades av {words}. «extend-edge resume» låter det fortsätta."
                ),
            ),
        );
    }
    for kind in Kind::ALL {
        if let Some(why) = agent::get(connection, &forbidden_note(kind))?.filter(|why| !why.is_empty()) {
            add("forbidden", None, None, language.pick(
                format!("Extend does not let this login send documents of the kind {}: {why} Ask Extend for the right.", kind.name()),
                format!("Extend låter inte detta konto skicka dokument av slaget {}: {why} Be Extend om rättigheten.", kind.name()),
            ));
        }
    }
    for refused in outbox::load_refused(connection, NAMED)? {
        let key = refused.key.as_deref().unwrap_or("-");
        let message = refused.error_message.as_deref().unwrap_or("");
        let text = language.pick(
            format!(
                "{} {key} (item {}) was refused: {message} See «extend-edge outbox show {}».",
                refused.kind, refused.id, refused.id
            ),
            format!(
                "{} {key} (post {}) nekades: {message} Se «extend-edge outbox show {}».",
                refused.kind, refused.id, refused.id
            ),
        );
        add("refused", Some(refused.id), None, text);
    }
    for stuck in outbox::load_failing(connection, NEEDS_PERSON_AFTER, NAMED)? {
        let key = stuck.key.as_deref().unwrap_or("-");
        let message = stuck.error_message.as_deref().unwrap_or("");
        add(
            "keeps_failing",
            Some(stuck.id),
            None,
            language.pick(
                format!(
                    "{} {key} (item {}) keeps failing while Extend otherwise answers: {message}",
                    stuck.kind, stuck.id
                ),
                format!(
                    "{} {key} (post {}) misslyckas gång på gång fast Extend i övrigt svarar: {message}",
                    stuck.kind, stuck.id
                ),
            ),
        );
    }
    for file in intake::load_rejected(connection, NAMED)? {
        if !config.rejected().join(&file.stored_name).exists() {
            continue;
        }
        let message = file.error_message;
        add(
            "rejected",
            None,
            Some(file.name.clone()),
            language.pick(
                format!(
                    "The file {} was not taken over: {message} When that is done, delete it from rejected/.",
                    file.name
                ),
                format!(
                    "Filen {} togs inte emot: {message} När det är gjort, ta bort den ur rejected/.",
                    file.name
                ),
            ),
        );
    }
    for left in left.iter().filter(|left| left.code != "waiting") {
        add(&left.code, None, Some(left.name.clone()), format!("{}: {}", left.name, left.message));
    }
    for (note, english, swedish) in [
        ("inbox_trouble", "The inbox can't be read", "Det går inte att läsa inbox"),
        ("move_trouble", "A file can't be moved out of the inbox", "Det går inte att flytta en fil ur inbox"),
        (
            REPORTS_TROUBLE,
            "The copy for reports can't be refreshed: close the program that has it open, or see [reports] in the settings",
            "Det går inte att förnya kopian för rapporter: stäng programmet som har den öppen, eller se [reports] i inställningarna",
        ),
        (
            "put_trouble",
            "A file for the webshop can't be written",
            "Det går inte att skriva en fil till webbshoppen",
        ),
        (
            agent::ANSWER_TROUBLE,
            "A question in inbox/atp/ can't be answered or taken away",
            "En fråga i inbox/atp/ går inte att besvara eller ta bort",
        ),
        (
            agent::BACKUP_TROUBLE,
            "No backup of the database can be made",
            "Det går inte att göra en säkerhetskopia av databasen",
        ),
    ] {
        if let Some(why) = agent::get(connection, note)?.filter(|why| !why.is_empty()) {
            let remedy = language.pick(
                "It is tried again by itself. Bring a share that dropped back, make room on a full disk, give the \
                 agent the right to write; a folder that is gone is made with «extend-edge init».",
                "Det försöks igen av sig självt. Koppla in en nätverksmapp som försvunnit, gör plats på en full \
                 disk, ge agenten rätt att skriva; en mapp som saknas skapas med «extend-edge init».",
            );
            add(note, None, None, format!("{}: {why}. {remedy}", language.pick(english, swedish)));
        }
    }
    Ok(all)
}

fn database_held(held: &wal::Held, config: &Config) -> NeedsPerson {
    let (since, megabytes) = (&held.since, held.bytes / 1_000_000);
    let database = config.database.display();
    NeedsPerson {
        code: "database_held".into(),
        item: None,
        file: None,
        message: config.exchange.language.pick(
            format!("A program has been in the middle of reading {database} since {since} or longer, and the file {database}-wal grows until it lets go: {megabytes} MB. Close the report, query or program that is open on it; nothing is lost, and the file shrinks by itself."),
            format!("Ett program har varit mitt i en läsning av {database} sedan {since} eller längre, och filen {database}-wal växer tills det släpper: {megabytes} MB. Stäng rapporten, frågan eller programmet som är öppet mot den; inget går förlorat, och filen krymper av sig själv."),
        ),
    }
}

fn minutes_since(at: &str, now: Timestamp) -> Option<i64> {
    let at: Timestamp = at.parse().ok()?;
    Some(now.duration_since(at).as_mins())
}

impl Status {
    /// For programs.
    pub fn to_json(&self) -> Value {
        let entities: Map<String, Value> =
            self.entities.iter().map(|one| (one.entity.name().to_owned(), one.to_json())).collect();
        let needs: Vec<Value> = self
            .needs_person
            .iter()
            .map(
                |one| json!({ "code": one.code, "item": one.item, "file": one.file, "message": one.message }),
            )
            .collect();
        json!({
            "asOf": self.as_of,
            "agent": { "running": self.agent_runs },
            "extend": {
                "state": self.line.as_ref().map_or("unknown", |line| line.state.as_str()),
                "since": self.line.as_ref().map(|line| line.since.as_str()),
                "reason": self.line.as_ref().and_then(|line| line.reason.as_deref()),
                "nextProbeAt": self.line.as_ref().and_then(|line| line.next_probe_at.as_deref()),
            },
            "entities": entities,
            "outbox": {
                "queued": self.outbox.queued,
                "sending": self.outbox.sending,
                "refused": self.outbox.refused,
                "delivered": self.outbox.delivered,
                "cancelled": self.outbox.cancelled,
                "oldestWaitingSince": self.outbox.oldest_waiting,
            },
            "inbox": { "incompleteFiles": self.incomplete_files },
            "webhooks": self.hooks.to_json(),
            "page": self.page.to_json(),
            "needsPerson": needs,
        })
    }

    /// For people.
    pub fn to_text(&self, language: Language, database: &Path) -> String {
        let mut text = String::new();
        let mut line = |words: String| {
            text.push_str(&words);
            text.push('\n');
        };
        line(match &self.line {
            None => language.pick("Extend    never asked yet", "Extend    ännu aldrig tillfrågat").into(),
            Some(row) => {
                let since = &row.since;
                let reason = row.reason.as_deref().unwrap_or("");
                match row.state.as_str() {
                    "up" if !self.agent_runs => language.pick(
                        format!("Extend    answered when the agent last ran, since {since}"),
                        format!("Extend    svarade när agenten senast var igång, sedan {since}"),
                    ),
                    "away" if self.entities.iter().all(|one| one.state.last_success_at.is_none()) => language.pick(
                        format!("Extend    can't be reached since {since}: {reason}. It has never answered here: is base_url right? «extend-edge check» tells. What you drop waits."),
                        format!("Extend    kan inte nås sedan {since}: {reason}. Det har aldrig svarat här: är base_url rätt? «extend-edge check» berättar. Det du lägger in väntar."),
                    ),
                    "up" => language.pick(format!("Extend    answers, since {since}"), format!("Extend    svarar, sedan {since}")),
                    "away" => language.pick(
                        format!("Extend    can't be reached since {since}: {reason}. What you drop waits and is sent by itself."),
                        format!("Extend    kan inte nås sedan {since}: {reason}. Det du lägger in väntar och skickas av sig självt."),
                    ),
                    "login_refused" => language.pick(format!("Extend    refuses the login since {since}"), format!("Extend    nekar inloggningen sedan {since}")),
                    _ => language.pick("Extend    not asked since the start".to_owned(), "Extend    inte tillfrågat sedan starten".to_owned()),
                }
            }
        });
        let counts = &self.outbox;
        let oldest = counts
            .oldest_waiting
            .as_deref()
            .map(|at| language.pick(format!(", the oldest since {at}"), format!(", äldst sedan {at}")))
            .unwrap_or_default();
        line(language.pick(
            format!(
                "Outbox    {} queued, {} being sent{oldest}; {} refused; {} delivered",
                counts.queued, counts.sending, counts.refused, counts.delivered
            ),
            format!(
                "Outbox    {} i kö, {} under sändning{oldest}; {} nekade; {} levererade",
                counts.queued, counts.sending, counts.refused, counts.delivered
            ),
        ));
        if self.incomplete_files > 0 {
            line(language.pick(
                format!("Inbox     {} file(s) not yet complete", self.incomplete_files),
                format!("Inbox     {} fil(er) ännu inte hela", self.incomplete_files),
            ));
        }
        if let Some(words) = self.hooks.to_text(language) {
            line(words);
        }
        if let Some(words) = self.page.to_text(language) {
            line(words);
        }
        line(String::new());
        mirror::to_lines(&self.entities, self.now, language).into_iter().for_each(&mut line);
        if self.needs_person.is_empty() {
            line(language.pick("Nothing needs a person.", "Inget behöver en människa.").into());
        } else {
            line(language.pick("Needs a person:", "Behöver en människa:").into());
            for one in &self.needs_person {
                line(format!("- {}", one.message));
            }
        }
        line(language.pick(
            format!(
                "\nReports: «extend-edge report» lists them; or open {} with any SQLite program.",
                database.display()
            ),
            format!(
                "\nRapporter: «extend-edge report» räknar upp dem; eller öppna {} med valfritt SQLite-program.",
                database.display()
            ),
        ));
        text
    }
}
