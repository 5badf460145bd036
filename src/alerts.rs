//! Alarms that reach somebody who does not look: a worker sees what is wrong, and tells it with a command, an
//! outgoing webhook, or both. What is told, and when, is decided in [`crate::rules::alert`].

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::config::Config;
use crate::formats::alarm::Message;
use crate::rules::alert::Seen;
use crate::status;
use crate::store;

/// A command may take this long, and a webhook.
const PATIENCE: Duration = Duration::from_secs(30);
/// So much of a command's complaint is passed on, in bytes.
const COMPLAINT: u64 = 500;

/// Looks and tells.
#[derive(Clone)]
pub struct Teller {
    config: Arc<Config>,
    http: ureq::Agent,
    ending: Arc<AtomicBool>,
}

impl Teller {
    /// Opens nothing yet.
    pub fn new(config: Arc<Config>) -> Teller {
        let http = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("extend-edge/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Teller { config, http, ending: Arc::default() }
    }

    /// Ends what is under way: a stop does not wait for it.
    pub fn stop(&self) {
        self.ending.store(true, Ordering::Relaxed);
        self.http.clone().shutdown();
    }

    /// What is wrong now.
    ///
    /// # Errors
    /// The database can't be read.
    pub fn look(&self) -> Result<Vec<Seen>, String> {
        let connection = store::open_reader(&self.config.database).map_err(|error| error.to_string())?;
        let status = status::load(&connection, &self.config, Timestamp::now(), true);
        Ok(status.map_err(|error| error.to_string())?.wrongs(self.config.exchange.language))
    }

    /// Tells it in every way that the settings have. It is told where one of them worked.
    ///
    /// # Errors
    /// None worked: what went wrong, without the address of the webhook, which may be a secret.
    pub fn tell(&self, message: &Message) -> Result<(), String> {
        let mut told = false;
        let mut errors = Vec::new();
        let mut note = |result: Result<(), String>| match result {
            Ok(()) => told = true,
            Err(error) => errors.push(error),
        };
        if !self.config.alert.command.is_empty() {
            note(self.run(message));
        }
        if let Some(url) = &self.config.alert.webhook {
            note(self.post(url.expose(), message));
        }
        if !told {
            return Err(errors.join("; "));
        }
        errors.iter().for_each(|error| log::warn!("an alarm was told in one way only: {error}"));
        Ok(())
    }

    fn post(&self, url: &str, message: &Message) -> Result<(), String> {
        let body = message.json(&self.config.extend.client, self.config.exchange.language).to_string();
        let request = self.http.post(url).header("Content-Type", "application/json; charset=utf-8");
        match request.send(body) {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("the webhook answers {}", answer.status().as_u16())),
            Err(error) => Err(format!("the webhook can't be reached: {}", without_address(&error))),
        }
    }

    fn run(&self, message: &Message) -> Result<(), String> {
        let (shop, language) = (&self.config.extend.client, self.config.exchange.language);
        let Some((program, arguments)) = self.config.alert.command.split_first() else { return Ok(()) };
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(&self.config.home)
            .env_remove(crate::config::PASSWORD_VARIABLE)
            .env("EXTEND_EDGE_ALERT_SUBJECT", message.subject(shop, language))
            .env("EXTEND_EDGE_ALERT_ALL_WELL", if message.is_all_well() { "1" } else { "0" })
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the command {program} can't be started: {error}"))?;
        // On threads of their own: a command need not read, and what it leaves behind may hold its stderr.
        let text = message.text(shop, language);
        let input = child.stdin.take();
        std::thread::spawn(move || input.map(|mut input| input.write_all(text.as_bytes())));
        let (sender, complaint) = crossbeam_channel::bounded(1);
        let errors = child.stderr.take();
        std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = errors.map(|errors| errors.take(COMPLAINT).read_to_end(&mut said));
            let _ = sender.send(String::from_utf8_lossy(&said).trim().replace(['\r', '\n'], " "));
        });
        let status = self.wait(&mut child, program)?;
        if status.success() {
            return Ok(());
        }
        let said = complaint.recv_timeout(Duration::from_millis(500)).unwrap_or_default();
        let said = if said.is_empty() { said } else { format!(": {said}") };
        Err(format!("the command {program} ended with {status}{said}"))
    }

    fn wait(&self, child: &mut Child, program: &str) -> Result<std::process::ExitStatus, String> {
        let began = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if began.elapsed() < PATIENCE && !self.ending.load(Ordering::Relaxed) => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                other => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(match other {
                        Err(error) => format!("the command {program} can't be waited for: {error}"),
                        Ok(_) if began.elapsed() < PATIENCE => {
                            format!("the command {program} was broken off")
                        }
                        Ok(_) => format!("the command {program} did not end in {} s", PATIENCE.as_secs()),
                    });
                }
            }
        }
    }
}

/// What went wrong, in words that do not hold the address.
fn without_address(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::HostNotFound => "no computer of this name was found".to_owned(),
        ureq::Error::ConnectionFailed => "no connection".to_owned(),
        ureq::Error::Tls(what) => format!("TLS: {what}"),
        ureq::Error::Rustls(error) => format!("TLS: {error}"),
        _ => "the request failed".to_owned(),
    }
}
