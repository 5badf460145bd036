//! The stand-in's clock, and dates the way that Extend writes and reads them.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Extend's servers stand in Sweden. The zone is written out, as the time zone database is not part
/// of the program.
static SWEDEN: LazyLock<TimeZone> =
    LazyLock::new(|| TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap_or(TimeZone::UTC));

/// The system's time plus an offset that can be set, or a time at which it stands. Clones move together.
#[derive(Debug, Clone)]
pub struct Clock {
    offset_micros: Arc<AtomicI64>,
    stands_at_micros: Arc<AtomicI64>,
}

/// Where a clock stands that goes.
const GOES: i64 = i64::MIN;

impl Default for Clock {
    fn default() -> Clock {
        Clock { offset_micros: Arc::default(), stands_at_micros: Arc::new(AtomicI64::new(GOES)) }
    }
}

impl Clock {
    /// The time by this clock.
    pub fn now(&self) -> Timestamp {
        let stands_at = self.stands_at_micros.load(Ordering::SeqCst);
        if stands_at != GOES {
            return Timestamp::from_microsecond(stands_at).unwrap_or_default();
        }
        let offset = SignedDuration::from_micros(self.offset_micros.load(Ordering::SeqCst));
        let now = Timestamp::now();
        now.checked_add(offset).unwrap_or(now)
    }

    /// Moves the clock by so much from where it is, forward or back.
    pub fn shift(&self, by: SignedDuration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.offset_micros.fetch_add(micros, Ordering::SeqCst);
    }

    /// Sets the clock to a time; it goes on from there.
    pub fn set(&self, to: Timestamp) {
        let offset = to.duration_since(Timestamp::now()).as_micros();
        self.offset_micros.store(i64::try_from(offset).unwrap_or(0), Ordering::SeqCst);
        self.stands_at_micros.store(GOES, Ordering::SeqCst);
    }

    /// Has the clock stand at a time until it is told otherwise: for simulations, whose time is made up.
    pub fn stand_at(&self, time: Timestamp) {
        self.stands_at_micros.store(time.as_microsecond(), Ordering::SeqCst);
    }
}

/// A time as it stands in answers: Swedish local time with its offset, `+01:00` or `+02:00`.
pub(super) fn local(time: Timestamp) -> String {
    time.to_zoned(SWEDEN.clone()).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

/// A date filter of a query: UTC without an offset, `2026-11-21T10:00:00`. One that carries an offset
/// is refused, so that a client that got it wrong is found out.
pub(super) fn parse_filter(text: &str) -> Option<Timestamp> {
    if text.ends_with(['Z', 'z']) || text.rfind(['+', '-']).is_some_and(|at| at > 10) {
        return None;
    }
    let time: DateTime = text.parse().ok()?;
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// A date of a document as the service keeps it: as it was sent where it carries an offset, else as
/// Swedish local time with its offset. `None` where it is no date.
pub(super) fn keep_date(text: &str) -> Option<String> {
    if text.parse::<Timestamp>().is_ok() {
        return Some(text.to_owned());
    }
    let time: DateTime = text.parse().ok()?;
    time.to_zoned(SWEDEN.clone()).ok().map(|zoned| local(zoned.timestamp()))
}

/// The time that a kept date stands for.
pub(super) fn read_date(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_carry_swedish_offsets() {
        let at = |text: &str| local(text.parse().expect("a time"));
        assert_eq!(at("2026-11-21T22:16:00Z"), "2026-11-21T23:16:00.000+01:00");
        assert_eq!(at("2026-07-01T10:00:00.25Z"), "2026-07-01T12:00:00.250+02:00");
    }

    #[test]
    fn filters_are_utc_without_an_offset() {
        assert_eq!(parse_filter("2026-11-21T10:00:00"), "2026-11-21T10:00:00Z".parse().ok());
        assert_eq!(parse_filter("2026-11-21T10:00:00.5"), "2026-11-21T10:00:00.5Z".parse().ok());
        for wrong in ["2026-11-21T10:00:00Z", "2026-11-21T10:00:00+01:00", "2026-11-21T10:00:00-01:00", "x"] {
            assert_eq!(parse_filter(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn kept_dates_always_carry_an_offset() {
        let sent = "2019-12-25T00:00:00+02:00";
        assert_eq!(keep_date(sent).as_deref(), Some(sent));
        assert_eq!(keep_date("2019-12-25T00:00:00").as_deref(), Some("2019-12-25T00:00:00.000+01:00"));
        assert_eq!(keep_date("tomorrow"), None);
    }

    #[test]
    fn a_clock_that_stands_goes_again_when_it_is_set() {
        let clock = Clock::default();
        let then: Timestamp = "2026-11-21T22:16:00Z".parse().expect("a time");
        clock.stand_at(then);
        assert_eq!(clock.clone().now(), then);
        clock.set(then);
        let first = clock.now();
        while clock.now() == first {}
        assert!(first >= then);
    }
}
