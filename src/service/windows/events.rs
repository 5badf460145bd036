//! The system's event log: starts, ends, and what a person must see to.

/// The system's event log, for what a person must see to.
pub struct Events(eventlog::EventLog);

/// Opens the event log under the service's name, for what is as weighty as `least`; `None` where the system has
/// none.
pub fn events(name: &str, least: log::Level) -> Option<Events> {
    eventlog::EventLog::new(name, least).ok().map(Events)
}

impl Events {
    /// Writes one event.
    pub fn write(&self, level: log::Level, words: &str) {
        log::Log::log(&self.0, &log::Record::builder().level(level).args(format_args!("{words}")).build());
    }

    /// As a part of the log.
    pub fn into_log(self) -> Box<dyn log::Log> {
        Box::new(self.0)
    }
}
