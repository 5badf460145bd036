//! What keeps the agent from its work and can't stand in the database: the database itself is out of reach, a
//! disk is full, a folder is gone. Looked at by the command, which needs nothing of the agent for it.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::NeedsPerson;
use crate::config::{Config, Language};
use crate::store;

/// An agent holds the database for milliseconds; who holds it for so long keeps the agent out.
const A_WHILE: Duration = Duration::from_secs(2);

/// So much must fit on a disk that is not full.
const ROOM: usize = 64 * 1024;

/// What is wrong with the machine, a sentence each.
pub fn troubles(connection: &Connection, config: &Config) -> Vec<NeedsPerson> {
    let language = config.exchange.language;
    let mut all = Vec::new();
    let mut add = |code: &str, message: String| {
        all.push(NeedsPerson { code: code.into(), item: None, file: None, message });
    };
    if is_held(connection) {
        add("database_locked", locked(&config.database, language));
    }
    let data = config.database.parent().unwrap_or(&config.home).to_owned();
    if let Err(error) = has_room(&data) {
        add("database_disk", disk_of_database(&data, &error, language));
    }
    let logs = config.logs();
    if logs != data
        && let Err(error) = has_room(&logs)
    {
        add("log_trouble", language.pick(
            format!("The log can't be written to {}: {error}. The agent works on without it; make room there.", logs.display()),
            format!("Loggen kan inte skrivas i {}: {error}. Agenten arbetar vidare utan den; gör plats där.", logs.display()),
        ));
    }
    if !config.inbox().is_dir() {
        add("exchange_gone", exchange_gone(config));
    }
    all
}

/// The exchange folder is not there.
pub fn exchange_gone(config: &Config) -> String {
    let folder = config.inbox();
    config.exchange.language.pick(
        format!(
            "The folder {} is not there. Bring the share back, or make the folder again with «extend-edge init»; \
             the agent goes on by itself.",
            folder.display()
        ),
        format!(
            "Mappen {} finns inte. Koppla in nätverksmappen igen, eller skapa mappen på nytt med «extend-edge init»; \
             agenten fortsätter av sig själv.",
            folder.display()
        ),
    )
}

/// The database can't be reached for another program that holds it.
pub fn locked(database: &Path, language: Language) -> String {
    let database = database.display();
    language.pick(
        format!(
            "Another program holds the database {database}: the agent can record nothing, and what you drop waits \
             in the inbox. Close that program; the agent goes on by itself."
        ),
        format!(
            "Ett annat program håller databasen {database}: agenten kan inte skriva något, och det du lägger in \
             väntar i inbox. Stäng det programmet; agenten fortsätter av sig själv."
        ),
    )
}

/// The engine can't record anything, for a reason that it gave itself.
pub fn nothing_recorded(config: &Config, why: &str) -> NeedsPerson {
    let database = config.database.display();
    NeedsPerson {
        code: "database_disk".into(),
        item: None,
        file: None,
        message: config.exchange.language.pick(
            format!("Nothing can be recorded in {database}: {why}. What you drop waits in the inbox. Make room, make the disk writable, or close the program that holds the database; the agent goes on by itself."),
            format!("Inget kan skrivas i {database}: {why}. Det du lägger in väntar i inbox. Gör plats, gör disken skrivbar, eller stäng programmet som håller databasen; agenten fortsätter av sig själv."),
        ),
    }
}

/// The engine has not moved for so long.
pub fn stuck(since: Duration, language: Language) -> NeedsPerson {
    let minutes = since.as_secs() / 60;
    NeedsPerson {
        code: "agent_stuck".into(),
        item: None,
        file: None,
        message: language.pick(
            format!(
                "The agent has not moved for {minutes} min: nothing is taken in or sent. Start it again."
            ),
            format!("Agenten har stått stilla i {minutes} min: inget tas in eller skickas. Starta om den."),
        ),
    }
}

fn disk_of_database(folder: &Path, error: &io::Error, language: Language) -> String {
    let folder = folder.display();
    language.pick(
        format!(
            "The database in {folder} can't be written: {error}. What you drop waits in the inbox. Make room, or make \
             the disk writable; the agent goes on by itself."
        ),
        format!(
            "Databasen i {folder} kan inte skrivas: {error}. Det du lägger in väntar i inbox. Gör plats, eller gör \
             disken skrivbar; agenten fortsätter av sig själv."
        ),
    )
}

fn is_held(connection: &Connection) -> bool {
    let tried =
        connection.busy_timeout(A_WHILE).and_then(|()| connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK"));
    tried.is_err_and(|error| store::is_busy(&error))
}

/// Writes a little and takes it away again. That this account may not write there says nothing of the
/// agent's.
fn has_room(folder: &Path) -> io::Result<()> {
    let probe = folder.join(format!(".extend-edge-status-{}.tmp", std::process::id()));
    let tried = std::fs::File::create(&probe).and_then(|mut file| file.write_all(&[0x20; ROOM]));
    let removed = std::fs::remove_file(&probe);
    match tried.and(removed) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}
