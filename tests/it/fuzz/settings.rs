//! The settings, as a person left them.

use std::path::Path;

use extend_edge::config::{Config, ConfigError};

/// Stands for a password in the seeds. Nobody must read it in a message.
const PASSWORD: &str = "Zq7-kept-secret";

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // These name a file that is read: here it would be one of the machine's.
    if text.contains("_file") || text.contains('\\') {
        return;
    }
    let home = Path::new("/nowhere");
    match Config::parse(home, text, None) {
        Ok(config) => {
            assert!(
                !format!("{config:?}").contains(config.extend.password.expose()),
                "the password is shown"
            );
            assert!(!config.extend.username.contains(':') && !config.extend.base_url.ends_with('/'));
            assert!(config.exchange.broken_after >= config.exchange.settle);
            assert!(config.outbox.retry_max >= config.outbox.retry_first);
            assert!(config.log.keep_files >= 1 && !config.exchange.formats.is_empty());
            assert!(config.inbox().is_absolute() && config.database.is_absolute());
            for warning in &config.warnings {
                assert!(!warning.to_string().contains(PASSWORD) || !is_only_a_password(text), "{warning}");
            }
        }
        Err(ConfigError::Problems(problems)) => {
            assert!(!problems.is_empty(), "settings that are not taken have a reason");
            let lines = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
            for problem in &problems {
                assert!(problem.line.is_none_or(|line| (1..=lines).contains(&line)), "{problem:?}");
                assert!(!problem.to_string().is_empty() && !problem.message.is_empty());
                let shown = format!("{problem} {problem:?}");
                assert!(!shown.contains(PASSWORD) || !is_only_a_password(text), "{problem}");
            }
        }
        Err(error) => panic!("{error}"),
    }
}

/// Whether the password stands nowhere but behind its own key.
fn is_only_a_password(text: &str) -> bool {
    text.lines().filter(|line| line.contains(PASSWORD)).all(|line| {
        let key = line.trim_start().split(['=', ' ', '\t']).next().unwrap_or_default();
        ["password", "secret"].contains(&key)
    })
}
