//! Where log messages go: files in `data/logs/` that rotate by size and day and are bounded in
//! number, and stderr. Times are UTC.
//!
//! A log that cannot be written never stops the program: what goes wrong with it is said on stderr,
//! and where stderr is gone too, it is lost.

mod files;
pub mod tail;

use std::io::Write;

use flexi_logger::{
    DeferredNow, Duplicate, ErrorChannel, FlexiLoggerError, LogSpecification, Logger, LoggerHandle,
};
use jiff::Timestamp;
use log::{LevelFilter, Record};

use crate::config::Config;

use files::{DAY, LogFiles};

/// Who logs, which decides where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The agent: to the files and to stderr, both at the level of the settings.
    Service,
    /// A command beside the agent: warnings and errors to stderr. The files are the agent's; two
    /// processes that rotate the same files would lose lines.
    Command,
    /// The agent where stderr belongs to something else, or is not there: to the files only.
    Quiet,
}

/// Starts logging. The handle must be kept until the program ends.
///
/// Where the folder of the log files cannot be used, the log begins with a warning that says so, and
/// every message tries again.
///
/// # Errors
/// When logging was started before in this process.
pub fn start(config: &Config, mode: Mode) -> Result<LoggerHandle, FlexiLoggerError> {
    start_beside(config, mode, None)
}

/// The same beside another log, which gets every message too.
///
/// # Errors
/// As [`start`].
pub fn start_beside(
    config: &Config,
    mode: Mode,
    also: Option<Box<dyn log::Log>>,
) -> Result<LoggerHandle, FlexiLoggerError> {
    let (logger, handle, warning) = build(config, mode)?;
    match also {
        None => log::set_boxed_logger(logger)?,
        Some(also) => log::set_boxed_logger(Box::new(Both(logger, also)))?,
    }
    if let Some(warning) = warning {
        log::warn!("{warning}");
    }
    Ok(handle)
}

struct Both(Box<dyn log::Log>, Box<dyn log::Log>);

impl log::Log for Both {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        self.0.enabled(metadata) || self.1.enabled(metadata)
    }

    fn log(&self, record: &Record) {
        self.0.log(record);
        self.1.log(record);
    }

    fn flush(&self) {
        self.0.flush();
        self.1.flush();
    }
}

type Built = (Box<dyn log::Log>, LoggerHandle, Option<String>);

fn build(config: &Config, mode: Mode) -> Result<Built, FlexiLoggerError> {
    let level = match mode {
        Mode::Service | Mode::Quiet => config.log.level,
        Mode::Command => config.log.level.min(LevelFilter::Warn),
    };
    // What the migrations say of themselves tells a shop nothing.
    let quieter = level.min(LevelFilter::Warn);
    let specification = LogSpecification::builder()
        .default(level)
        .module("refinery", quieter)
        .module("refinery_core", quieter)
        .build();
    let logger = Logger::with(specification)
        .use_utc()
        .format(line)
        .error_channel(ErrorChannel::StdErr)
        .panic_if_error_channel_is_broken(false);
    if mode == Mode::Command {
        let (logger, handle) = logger.log_to_stderr().build()?;
        return Ok((logger, handle, None));
    }
    let files = LogFiles::new(config.logs(), config.log.keep_files);
    let warning = files.try_out(&Timestamp::now().strftime(DAY).to_string()).err().map(|error| {
        let logs = config.logs();
        config.exchange.language.pick(
            format!("the log cannot be written to {}: {error}", logs.display()),
            format!("loggen kan inte skrivas i {}: {error}", logs.display()),
        )
    });
    let stderr = if mode == Mode::Service { Duplicate::All } else { Duplicate::None };
    let (logger, handle) = logger.log_to_writer(Box::new(files)).duplicate_to_stderr(stderr).build()?;
    Ok((logger, handle, warning))
}

/// `2026-11-21T22:16:00.000Z INFO  message`; further lines of a message are indented, so that a line
/// that begins with a time begins a message.
fn line(out: &mut dyn Write, now: &mut DeferredNow, record: &Record) -> std::io::Result<()> {
    let message = record.args().to_string().replace("\r\n", "\n").replace(['\n', '\r'], "\n    ");
    write!(out, "{} {:<5} {message}", now.now_utc_owned().format("%Y-%m-%dT%H:%M:%S%.3fZ"), record.level())
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::Level;
    use std::fs;
    use std::path::Path;

    fn config_at(home: &Path, log: &str) -> Config {
        let text = format!(
            "[extend]\nbase_url = \"http://localhost:1\"\nclient = \"c\"\nusername = \"u\"\npassword = \"p\"\n[log]\n{log}"
        );
        Config::parse(home, &text, None).unwrap()
    }

    fn write(logger: &dyn log::Log, level: Level, message: &str) {
        logger.log(&Record::builder().level(level).target("t").args(format_args!("{message}")).build());
    }

    fn current(config: &Config) -> String {
        let file = fs::read_dir(config.logs()).unwrap().next().unwrap().unwrap().path();
        fs::read_to_string(file).unwrap()
    }

    #[test]
    fn lines_have_utc_time_and_level_and_stay_apart() {
        let dir = tempfile::tempdir().unwrap();
        let config = config_at(dir.path(), "");
        let (logger, _handle, warning) = build(&config, Mode::Quiet).unwrap();
        assert_eq!(warning, None);
        write(&*logger, Level::Info, "one\ntwo");
        write(&*logger, Level::Debug, "not this one");
        logger.flush();
        let text = current(&config);
        let (time, rest) = text.split_once(' ').unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok() && time.len() == 24 && time.ends_with('Z'), "{time}");
        assert_eq!(rest, "INFO  one\n    two\n");
    }

    #[test]
    fn a_folder_that_cannot_be_used_stops_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let config = config_at(dir.path(), "");
        fs::write(config.data(), "in the way").unwrap();
        let (logger, _handle, warning) = build(&config, Mode::Service).unwrap();
        assert!(warning.unwrap().contains("logs"));
        write(&*logger, Level::Error, "a line that a test wrote to stderr");
        fs::remove_file(config.data()).unwrap();
        write(&*logger, Level::Info, "and now it can be used");
        assert!(current(&config).ends_with("and now it can be used\n"));
    }

    #[test]
    fn a_command_makes_no_files() {
        let dir = tempfile::tempdir().unwrap();
        let config = config_at(dir.path(), "level = \"trace\"\n");
        let (logger, _handle, _) = build(&config, Mode::Command).unwrap();
        write(&*logger, Level::Info, "not shown");
        assert!(!config.data().exists());
    }
}
