//! systemd: the unit is written, started, stopped and asked through `systemctl`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::unit::{Credential, MARK, Unit};
use super::{accounts, rights, written_folders};
use crate::config::{Config, Language};

/// Where an administrator's own units are.
const UNITS: &str = "/etc/systemd/system";
/// Where systemd looks for passwords, encrypted and plain.
const STORES: [(&str, bool); 2] = [("/etc/credstore.encrypted", true), ("/etc/credstore", false)];
/// Where the agent can't be, as its account does not get there.
const OUT_OF_REACH: [&str; 4] = ["/home", "/root", "/tmp", "/var/tmp"];
/// How long a start may take before whoever waits is told to look later.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether systemd runs this computer, by sd_booted(3).
pub fn is_here() -> bool {
    sd_notify::booted().unwrap_or(false)
}

/// What to do where it does not.
pub fn without(config: &Config) -> String {
    let command = format!("{} run --home {}", program().display(), config.home.display());
    config.exchange.language.pick(
        format!(
            "systemd does not run this computer, so there is no service to install. Let whatever starts programs \
             here run «{command}» when the computer starts, under an account of its own, and run it again 5 seconds \
             after it has ended with any code but 0 and 2. SIGTERM ends it within 5 seconds."
        ),
        format!(
            "systemd styr inte den här datorn, så det finns ingen tjänst att installera. Låt det som startar program \
             här köra «{command}» när datorn startar, under ett eget konto, och köra det igen 5 sekunder efter att \
             det har slutat med annan kod än 0 och 2. SIGTERM avslutar det inom 5 sekunder."
        ),
    )
}

fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| super::NAME.into())
}

/// The unit for a home, as `install` writes it.
///
/// # Errors
/// A name that can't be one; a password that systemd does not have.
pub fn unit(config: &Config, user: &str, group: Option<&str>) -> anyhow::Result<Unit> {
    let language = config.exchange.language;
    for name in [Some(user), group].into_iter().flatten() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.starts_with('-') || name.len() > 32 || !name.chars().all(is_part) {
            bail!(language.pick(
                format!("{name:?} can't be the name of an account or group: letters, digits, - and _ only"),
                format!(
                    "{name:?} kan inte vara namnet på ett konto eller en grupp: bara bokstäver, siffror, - och _"
                ),
            ));
        }
    }
    let credential = config.extend.password_credential.as_deref().map(|name| credential(name, language));
    Ok(Unit {
        program: program(),
        home: config.home.clone(),
        user: user.to_owned(),
        group: group.map(str::to_owned),
        written: written_folders(config),
        credential: credential.transpose()?,
    })
}

fn credential(name: &str, language: Language) -> anyhow::Result<Credential> {
    for (store, is_encrypted) in STORES {
        let file = Path::new(store).join(name);
        if file.exists() {
            return Ok(Credential { name: name.to_owned(), file, is_encrypted });
        }
    }
    let [(encrypted, _), (plain, _)] = STORES;
    bail!(language.pick(
        format!(
            "the settings say password_credential = {name:?}, and there is neither {encrypted}/{name} nor \
             {plain}/{name}. Make it with: systemd-ask-password -n | systemd-creds encrypt --name={name} - \
             {encrypted}/{name}"
        ),
        format!(
            "inställningarna säger password_credential = {name:?}, och det finns varken {encrypted}/{name} eller \
             {plain}/{name}. Skapa den med: systemd-ask-password -n | systemd-creds encrypt --name={name} - \
             {encrypted}/{name}"
        ),
    ))
}

/// A service by its name.
#[derive(Debug, Clone)]
pub struct Service {
    name: String,
    language: Language,
}

impl Service {
    /// The service with this name.
    pub fn new(name: &str, language: Language) -> Service {
        Service { name: name.to_owned(), language }
    }

    fn file(&self) -> PathBuf {
        Path::new(UNITS).join(format!("{}.service", self.name))
    }

    /// Makes the account where it is missing, gives it its folders, writes the unit, and starts it. What was
    /// done is told in lines.
    ///
    /// # Errors
    /// What could not be done, and what to do about it.
    pub fn install(&self, config: &Config, unit: &Unit) -> anyhow::Result<String> {
        let mut told = String::new();
        self.must_be_root("install")?;
        self.must_be_reachable(&unit.program)?;
        self.must_be_ours()?;
        let runs_already = self.state()?.is_active();
        if crate::home::is_locked(config) && !runs_already {
            bail!(self.language.pick(
                "the agent runs already, not as this service: stop it first (Ctrl-C where it was started)",
                "agenten är redan igång, men inte som den här tjänsten: stoppa den först (Ctrl-C där den startades)",
            ));
        }
        crate::home::make_folders(config)?;
        let account = match accounts::account(&unit.user)? {
            Some(account) => account,
            None => {
                let account = accounts::make(&unit.user, &unit.home)?;
                told.push_str(&self.language.pick(
                    format!("made the account {} for the agent\n", unit.user),
                    format!("skapade kontot {} åt agenten\n", unit.user),
                ));
                account
            }
        };
        let web = match &unit.group {
            Some(group) => accounts::group(group, self.language)?,
            None => account.group,
        };
        if runs_already {
            self.systemctl(&["stop", &self.name])?;
        }
        rights::set(config, account, web)?;
        write_unit(&self.file(), &unit.text())?;
        told.push_str(&format!("{}\n", self.file().display()));
        self.systemctl(&["daemon-reload"])?;
        self.systemctl(&["enable", "--quiet", &self.name])?;
        self.start()?;
        told.push_str(&self.state()?.to_string());
        Ok(told)
    }

    /// Stops the service and takes it out of the system. The home stays as it is.
    ///
    /// # Errors
    /// What could not be done.
    pub fn uninstall(&self) -> anyhow::Result<String> {
        self.must_be_root("uninstall")?;
        if !self.file().exists() {
            bail!(self.not_there());
        }
        self.must_be_ours()?;
        self.systemctl(&["disable", "--quiet", "--now", &self.name])?;
        fs::remove_file(self.file()).with_context(|| self.file().display().to_string())?;
        self.systemctl(&["daemon-reload"])?;
        Ok(self.language.pick(
            "The service is gone. The home with its settings, orders and folders is as it was, and so is the \
             agent's account, to which they belong.\n",
            "Tjänsten är borta. Hemmet med inställningar, ordrar och mappar är som det var, och kontot som äger dem \
             också.\n",
        )
        .to_owned())
    }

    /// Starts it, and waits until it is ready.
    ///
    /// # Errors
    /// It can't be started, or is not ready soon.
    pub fn start(&self) -> anyhow::Result<()> {
        self.must_be_root("start")?;
        // A start ends when the agent is ready, which takes long where it makes its database again.
        self.systemctl(&["start", "--no-block", &self.name])?;
        let began = Instant::now();
        loop {
            let state = self.state()?;
            match state.active.as_str() {
                "active" => return Ok(()),
                "failed" => break,
                // It ended and is begun again in a moment.
                "activating" if state.sub == "auto-restart" && began.elapsed() > Duration::from_secs(2) => {
                    break;
                }
                _ if began.elapsed() > PATIENCE => break,
                _ => std::thread::sleep(Duration::from_millis(100)),
            }
        }
        let name = &self.name;
        bail!(self.language.pick(
            format!("{name} is not ready. What it says: journalctl -u {name} -n 20"),
            format!("{name} är inte redo. Vad den säger: journalctl -u {name} -n 20"),
        ))
    }

    /// Stops it, and waits until it has ended.
    ///
    /// # Errors
    /// It can't be stopped.
    pub fn stop(&self) -> anyhow::Result<()> {
        self.must_be_root("stop")?;
        self.systemctl(&["stop", &self.name]).map(|_| ())
    }

    /// How it stands.
    ///
    /// # Errors
    /// systemd can't be asked.
    pub fn state(&self) -> anyhow::Result<State> {
        const PROPERTIES: &str = "LoadState,ActiveState,SubState,UnitFileState,MainPID,NRestarts,StatusText,\
                                  ActiveEnterTimestamp,ExecMainStatus";
        let text = self.systemctl(&["show", &self.name, &format!("--property={PROPERTIES}")])?;
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().to_owned()
        };
        Ok(State {
            name: self.name.clone(),
            is_installed: value("LoadState") == "loaded",
            active: value("ActiveState"),
            sub: value("SubState"),
            at_boot: value("UnitFileState") == "enabled",
            pid: value("MainPID").parse().ok().filter(|pid| *pid != 0),
            restarts: value("NRestarts").parse().unwrap_or(0),
            since: value("ActiveEnterTimestamp"),
            says: value("StatusText"),
            last_exit: value("ExecMainStatus").parse().ok(),
            language: self.language,
        })
    }

    fn systemctl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let ran = Command::new("systemctl").args(arguments).output().context("systemctl")?;
        if !ran.status.success() {
            bail!("systemctl {}: {}", arguments.join(" "), String::from_utf8_lossy(&ran.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
    }

    fn must_be_root(&self, verb: &str) -> anyhow::Result<()> {
        if accounts::is_root() {
            return Ok(());
        }
        bail!(self.language.pick(
            format!("only root may do this: sudo extend-edge service {verb} …"),
            format!("bara root får göra detta: sudo extend-edge service {verb} …"),
        ))
    }

    fn must_be_reachable(&self, program: &Path) -> anyhow::Result<()> {
        if !OUT_OF_REACH.iter().any(|folder| program.starts_with(folder)) {
            return Ok(());
        }
        let shown = program.display();
        bail!(self.language.pick(
            format!(
                "{shown} is where a service can't reach it. Put the program where programs live, and run that one: \
                 sudo install {shown} /usr/local/bin/ && sudo /usr/local/bin/extend-edge service install …"
            ),
            format!(
                "{shown} ligger där en tjänst inte når det. Lägg programmet där program hör hemma, och kör det: \
                 sudo install {shown} /usr/local/bin/ && sudo /usr/local/bin/extend-edge service install …"
            ),
        ))
    }

    /// A unit that somebody else wrote is not replaced and not removed.
    fn must_be_ours(&self) -> anyhow::Result<()> {
        let file = self.file();
        let text = fs::read_to_string(&file).unwrap_or_else(|_| MARK.to_owned());
        if text.starts_with(MARK) {
            return Ok(());
        }
        bail!(self.language.pick(
            format!(
                "{} is there and was not written by this program: move it away first, or choose another --name",
                file.display()
            ),
            format!(
                "{} finns och är inte skriven av det här programmet: flytta undan den, eller välj ett annat --name",
                file.display()
            ),
        ))
    }

    fn not_there(&self) -> String {
        let name = &self.name;
        self.language.pick(
            format!("there is no service {name} that «extend-edge service install» made"),
            format!("det finns ingen tjänst {name} som «extend-edge service install» har skapat"),
        )
    }
}

/// It appears whole.
fn write_unit(file: &Path, text: &str) -> anyhow::Result<()> {
    crate::exchange::write_whole(file, true, |out| out.write_all(text.as_bytes()))?;
    Ok(())
}

/// How a service stands.
#[derive(Debug, Clone)]
pub struct State {
    name: String,
    is_installed: bool,
    /// `active`, `inactive`, `failed`, `activating` or `deactivating`.
    pub active: String,
    sub: String,
    at_boot: bool,
    pid: Option<u32>,
    restarts: u32,
    since: String,
    says: String,
    last_exit: Option<i32>,
    language: Language,
}

impl State {
    /// Whether it runs and is ready.
    pub fn is_active(&self) -> bool {
        self.active == "active"
    }

    /// For a program.
    pub fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "installed": self.is_installed,
            "state": self.active,
            "startsWithTheComputer": self.at_boot,
            "pid": self.pid,
            "restarts": self.restarts,
            "says": self.says,
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        let language = self.language;
        if !self.is_installed {
            let words = language.pick(
                format!("{name} is not installed. Install it with: extend-edge service install"),
                format!("{name} är inte installerad. Installera den med: extend-edge service install"),
            );
            return writeln!(f, "{words}");
        }
        let words = match (self.active.as_str(), self.last_exit) {
            ("active", _) => language.pick(
                format!("{name} runs since {}: {}", self.since, self.says),
                format!("{name} är igång sedan {}: {}", self.since, self.says),
            ),
            ("failed", Some(2)) => language.pick(
                format!("{name} does not run: its settings are wrong. See: extend-edge check"),
                format!("{name} är inte igång: inställningarna är fel. Se: extend-edge check"),
            ),
            ("activating", _) if self.sub == "auto-restart" => language.pick(
                format!(
                    "{name} ended and is started again in a few seconds. Why: journalctl -u {name} -n 20"
                ),
                format!(
                    "{name} slutade och startas om inom några sekunder. Varför: journalctl -u {name} -n 20"
                ),
            ),
            ("activating", _) => language.pick(
                format!("{name} is starting. A database that was lost is made again before it is ready."),
                format!("{name} startar. En databas som gått förlorad byggs om innan den är redo."),
            ),
            ("failed", _) => language.pick(
                format!("{name} does not come up. What it says: journalctl -u {name} -n 20"),
                format!("{name} kommer inte igång. Vad den säger: journalctl -u {name} -n 20"),
            ),
            (other, _) => language.pick(
                format!("{name} does not run ({other}). Start it with: extend-edge service start"),
                format!("{name} är inte igång ({other}). Starta den med: extend-edge service start"),
            ),
        };
        writeln!(f, "{words}")?;
        if self.restarts > 0 {
            let restarts = self.restarts;
            let words = language.pick(
                format!("started again {restarts} times by systemd since it was last started by hand"),
                format!("omstartad {restarts} gånger av systemd sedan den senast startades för hand"),
            );
            writeln!(f, "{words}")?;
        }
        if !self.at_boot {
            let words = language.pick(
                format!("it does not start with the computer; let it: systemctl enable {name}"),
                format!("den startar inte med datorn; låt den: systemctl enable {name}"),
            );
            writeln!(f, "{words}")?;
        }
        Ok(())
    }
}
