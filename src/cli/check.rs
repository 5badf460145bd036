//! `extend-edge check`

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Exit, Outcome, complain, print, print_json};
use crate::config::{self, Config, ConfigError, Language};
use crate::extend::client::{Api, Client};
use crate::extend::requests;
use crate::home;
use crate::hooks::listener;
use crate::page;
use crate::rules::answer::{Answer, Health, NoAnswer, health};
use crate::store::upkeep::{self, Examined};
use crate::{status, store};

/// Are settings, folders, rights, disks, database, login, clock, ports and alarms right? Each with ok, or what is wrong
/// and how to mend it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  extend-edge check --home /srv/shop

Exit: 0 all is right; 1 something is not; 2 the settings are wrong.")]
pub struct Arguments {
    /// For a program.
    #[arg(long)]
    json: bool,
}

mod alarm;
mod machine;

struct Finding {
    what: String,
    wrong: Option<String>,
}

pub fn run(home: Option<PathBuf>, arguments: Arguments) -> Outcome {
    let home = config::home_from(home)?;
    let config = match Config::load(&home) {
        Ok(config) => config,
        Err(error) => {
            let missing = matches!(error, ConfigError::Missing(_));
            complain(&error.to_string());
            if missing {
                complain(&format!("Make them with: extend-edge init --home {}", home.display()));
            }
            return Ok(Exit::Usage);
        }
    };
    let language = config.exchange.language;
    if arguments.json {
        let report = report(&config);
        let well = report["ok"] == json!(true);
        print_json(&report);
        return Ok(if well { Exit::Done } else { Exit::Failed });
    }
    notes(&config).iter().for_each(|note| print(&format!("note   {note}\n")));
    let mut well = true;
    for finding in findings(&config) {
        match &finding.wrong {
            None => print(&format!("ok     {}\n", finding.what)),
            Some(wrong) => print(&format!("WRONG  {}\n       {wrong}\n", finding.what)),
        }
        well &= finding.wrong.is_none();
    }
    let words = match home::is_locked(&config) {
        true => language.pick("The agent runs.", "Agenten är igång."),
        false => language.pick(
            "The agent does not run. Start it with: extend-edge run",
            "Agenten är inte igång. Starta den med: extend-edge run",
        ),
    };
    print(&format!("{words}\n"));
    Ok(if well { Exit::Done } else { Exit::Failed })
}

/// What was found, for a program.
pub(super) fn report(config: &Config) -> Value {
    let findings = findings(config);
    let well = findings.iter().all(|finding| finding.wrong.is_none());
    let list: Vec<_> = findings
        .iter()
        .map(|one| json!({ "what": one.what, "ok": one.wrong.is_none(), "wrong": one.wrong }))
        .collect();
    json!({ "ok": well, "agentRunning": home::is_locked(config), "checks": list, "notes": notes(config) })
}

/// What is worth knowing and stops nothing.
fn notes(config: &Config) -> Vec<String> {
    let language = config.exchange.language;
    let mut notes: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    if let Some(name) = super::password_is_elsewhere(config) {
        notes.push(language.pick(
            format!("the password ({name}) is with systemd, which gives it to the service alone: the login is not tried here"),
            format!("lösenordet ({name}) finns hos systemd, som bara ger det till tjänsten: inloggningen prövas inte här"),
        ));
    }
    // Where nobody gets into the home nobody reads its data.
    if machine::is_closed(&config.home, language).is_err()
        && let Err(open) = machine::is_closed(&config.data(), language)
    {
        notes.push(format!("{}: {open}", config.data().display()));
    }
    if config.alert.command.is_empty() && config.alert.webhook.is_none() {
        notes.push(language.pick(
            "nobody is told when something needs a person: [alert] in the settings can mend that".into(),
            "ingen får veta när något behöver en människa: det kan [alert] i inställningarna ändra på".into(),
        ));
    }
    notes.extend(machine::service(language).map(|state| state.trim_end().replace('\n', "; ")));
    notes
}

fn findings(config: &Config) -> Vec<Finding> {
    let language = config.exchange.language;
    let mut findings = Vec::new();
    let mut add =
        |what: String, result: Result<(), String>| findings.push(Finding { what, wrong: result.err() });
    for path in machine::private_paths(config) {
        add(path.display().to_string(), machine::is_closed(&path, language));
    }
    for folder in [
        config.data(),
        config.logs(),
        config.backup.folder.clone(),
        config.inbox(),
        config.inbox_atp(),
        config.accepted(),
        config.rejected(),
        config.receipts(),
        config.hooks(),
        config.outgoing(),
        config.outgoing_changes(),
        config.outgoing_orders(),
        config.outgoing_atp(),
    ] {
        add(folder.display().to_string(), folder_is_writable(&folder, &config.home, language));
    }
    add(config.database.display().to_string(), database_is_well(config, language));
    if let Ok(connection) = store::open_reader(&config.database) {
        for trouble in status::machine::troubles(&connection, config) {
            add(trouble.code, Err(trouble.message));
        }
    }
    let full = status::disks_nearly_full(config);
    if full.is_empty() && config.alert.disk_free_bytes > 0 {
        add(language.pick("the disks have room", "diskarna har plats").into(), Ok(()));
    }
    for disk in full {
        add(disk.file.unwrap_or(disk.code), Err(disk.message));
    }
    let mut extends_clock = None;
    if super::password_is_elsewhere(config).is_none() {
        let answer = Client::of(&config.extend).call(&requests::probe());
        extends_clock = answer.as_ref().ok().and_then(|answer| answer.server_time);
        add(format!("Extend: {}", config.extend.base_url), login_works(&answer, language));
    }
    let clock = language.pick("the clock", "klockan").to_owned();
    add(clock, machine::clock_is_right(extends_clock, jiff::Timestamp::now(), language));
    let running = home::is_locked(config);
    if let Some(address) = config.webhooks.listen {
        let answers = || listener::answers(address);
        add(format!("webhooks: {address}"), can_be_listened_on(address, running, answers, language));
    }
    if let Some(address) = config.status.listen {
        let answers = || page::answers(address);
        add(format!("status page: {address}"), can_be_listened_on(address, running, answers, language));
    }
    if let Some(program) = config.alert.command.first() {
        let alarm = language.pick("the alarm's command", "larmets kommando");
        add(format!("{alarm}: {program}"), alarm::can_be_started(program, &config.home, language));
    }
    if let Some(computer) = config.alert.webhook.as_ref().and_then(|url| alarm::computer_of(url.expose())) {
        let alarm = language.pick("the alarm's webhook", "larmets webhook");
        add(format!("{alarm}: {}", computer.0), alarm::somebody_listens(&computer, language));
    }
    findings
}

fn folder_is_writable(folder: &Path, home: &Path, language: Language) -> Result<(), String> {
    let probe = folder.join(format!(".extend-edge-check-{}.tmp", std::process::id()));
    let tried = std::fs::write(&probe, b"x").and_then(|()| std::fs::remove_file(&probe));
    tried.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => language.pick(
            format!("is not there. Make it with: extend-edge init --home {}", home.display()),
            format!("finns inte. Skapa den med: extend-edge init --home {}", home.display()),
        ),
        _ => language.pick(
            format!(
                "can't be written ({error}). Give the account that runs extend-edge the right to write there."
            ),
            format!("går inte att skriva i ({error}). Ge kontot som kör extend-edge rätt att skriva där."),
        ),
    })
}

fn database_is_well(config: &Config, language: Language) -> Result<(), String> {
    if !config.database.exists() {
        // It is made when the agent first runs.
        return Ok(());
    }
    let result = store::open(&config.database)
        .map_err(|error| error.to_string())
        .and_then(|connection| upkeep::examine_quickly(&connection).map_err(|error| error.to_string()));
    match result {
        Ok(Examined::Whole) => Ok(()),
        Ok(Examined::Index(why)) => Err(language.pick(
            format!("{why}. An index is wrong, and no order is touched: the agent makes it again within a week by itself."),
            format!("{why}. Ett index är fel, och ingen order är berörd: agenten gör om det av sig själv inom en vecka."),
        )),
        Ok(Examined::Damaged(verdict) | Examined::Unfinished(verdict)) | Err(verdict) => Err(language.pick(
            format!("{verdict}. Stop the agent and keep this file: orders that were not sent are in it."),
            format!("{verdict}. Stoppa agenten och behåll filen: ordrar som inte skickats finns i den."),
        )),
    }
}

/// The agent that runs must answer there; else the address must be free.
fn can_be_listened_on(
    address: SocketAddr,
    running: bool,
    answers: impl FnOnce() -> bool,
    language: Language,
) -> Result<(), String> {
    let busy = match TcpListener::bind(address) {
        Ok(_) if running && address.port() != 0 => {
            return Err(language.pick(
                "the agent runs and does not listen here. Has it been started since this was written?".into(),
                "agenten är igång och lyssnar inte här. Har den startats sedan detta skrevs?".into(),
            ));
        }
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    if running && answers() {
        return Ok(());
    }
    Err(language.pick(
        format!("can't be listened on ({busy}). Close the program that has it, or write another address or port."),
        format!("går inte att lyssna på ({busy}). Stäng programmet som har den, eller skriv en annan adress eller port."),
    ))
}

fn login_works(answer: &Result<Answer, NoAnswer>, language: Language) -> Result<(), String> {
    match (health(answer), answer) {
        (Health::Well, _) => Ok(()),
        (Health::LoginRefused, _) => Err(language
            .pick(
                "the user name or the password is not accepted. Mend them under [extend] in the settings.",
                "användarnamnet eller lösenordet godtas inte. Rätta dem under [extend] i inställningarna.",
            )
            .into()),
        (Health::Suspect(why), Err(NoAnswer::NotSent(_))) => Err(language.pick(
            format!("can't be reached: {why}. Is the line to the internet up, and base_url right?"),
            format!("kan inte nås: {why}. Fungerar internet, och är base_url rätt?"),
        )),
        (Health::Suspect(why), _) => Err(language.pick(
            format!("does not answer as it should: {why}. Are base_url and client right?"),
            format!("svarar inte som det ska: {why}. Är base_url och client rätt?"),
        )),
    }
}
