//! Whether Extend is there. One outage is noticed once, and while it lasts one cheap probe at a time
//! asks whether it is over: not one retry an item.

use std::time::Duration;

use super::answer::Health;
use super::retry::Pauses;

/// How Extend was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The process has just begun.
    Unknown,
    /// It answers.
    Up,
    /// It does not.
    Away,
    /// It answers and does not accept our login.
    LoginRefused,
}

impl State {
    /// Its name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            State::Unknown => "unknown",
            State::Up => "up",
            State::Away => "away",
            State::LoginRefused => "login_refused",
        }
    }
}

/// The line to Extend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How Extend was last seen.
    pub state: State,
    /// Why it is not up.
    pub reason: Option<String>,
    /// Up, but a call failed in a way that a probe must explain; nothing is sent until it has.
    pub suspected: bool,
    /// Probes in a row that failed.
    pub failed_probes: u32,
    /// When the next probe is due.
    pub probe_at: Duration,
}

impl Line {
    /// At the start of the process: a probe is due at once. It also tells Extend's time.
    pub fn new(now: Duration) -> Line {
        Line { state: State::Unknown, reason: None, suspected: false, failed_probes: 0, probe_at: now }
    }

    /// Whether anything but a probe may be sent.
    pub fn is_open(&self) -> bool {
        self.state == State::Up && !self.suspected
    }

    /// Whether a probe should be made now, if none is on its way.
    pub fn wants_probe(&self, now: Duration) -> bool {
        !self.is_open() && self.probe_at <= now
    }

    /// After any call that was not the probe.
    pub fn after_call(&mut self, health: &Health, now: Duration) {
        match health {
            Health::Well => {}
            Health::Suspect(why) => self.suspect(why, now),
            Health::LoginRefused => self.suspect("the login was refused", now),
        }
    }

    fn suspect(&mut self, why: &str, now: Duration) {
        if self.is_open() {
            self.suspected = true;
            self.reason = Some(why.to_owned());
            self.probe_at = now;
        }
    }

    /// After the probe. Gives what changed, where something did.
    pub fn after_probe(
        &mut self,
        health: Health,
        now: Duration,
        pauses: &Pauses,
        dice: f64,
    ) -> Option<State> {
        let before = self.state;
        let (state, reason) = match health {
            Health::Well => (State::Up, None),
            Health::Suspect(why) => (State::Away, Some(why)),
            Health::LoginRefused => {
                (State::LoginRefused, Some("Extend does not accept user name and password".to_owned()))
            }
        };
        self.state = state;
        self.reason = reason;
        self.suspected = false;
        self.failed_probes = if state == State::Up { 0 } else { self.failed_probes.saturating_add(1) };
        self.probe_at = now + pauses.after(self.failed_probes.max(1), dice);
        (state != before).then_some(state)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAUSES: Pauses = Pauses { first: Duration::from_secs(2), longest: Duration::from_secs(300) };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_outage_is_noticed_once_and_ends_with_a_probe() {
        let mut line = Line::new(seconds(0));
        assert!(line.wants_probe(seconds(0)) && !line.is_open());
        assert_eq!(line.after_probe(Health::Well, seconds(0), &PAUSES, 0.5), Some(State::Up));
        assert!(line.is_open() && !line.wants_probe(seconds(1000)));

        line.after_call(&Health::Suspect("timeout".into()), seconds(10));
        assert!(!line.is_open() && line.wants_probe(seconds(10)));
        let away = Health::Suspect("timeout".into());
        assert_eq!(line.after_probe(away.clone(), seconds(11), &PAUSES, 1.0), Some(State::Away));
        assert!(!line.wants_probe(seconds(12)) && line.wants_probe(seconds(13)));
        // More bad news from calls still on their way changes nothing.
        line.after_call(&away, seconds(12));
        assert!(!line.wants_probe(seconds(12)));
        assert_eq!(line.after_probe(away, seconds(13), &PAUSES, 1.0), None);
        assert_eq!(line.probe_at, seconds(17));
        assert_eq!(line.after_probe(Health::Well, seconds(17), &PAUSES, 1.0), Some(State::Up));
        assert!(line.is_open());
    }

    #[test]
    fn a_suspicion_that_the_probe_clears_is_no_outage() {
        let mut line = Line::new(seconds(0));
        line.after_probe(Health::Well, seconds(0), &PAUSES, 0.5);
        line.after_call(&Health::Suspect("answer 500".into()), seconds(1));
        assert_eq!(line.after_probe(Health::Well, seconds(1), &PAUSES, 0.5), None);
        assert!(line.is_open());
    }

    #[derive(Debug, Clone)]
    enum Seen {
        Call(Health),
        Probe(Health),
        Time(u64),
    }

    fn health() -> impl Strategy<Value = Health> {
        prop_oneof![Just(Health::Well), Just(Health::Suspect("x".into())), Just(Health::LoginRefused)]
    }

    proptest! {
        /// Whatever comes in whatever order: the line is open exactly while the last probe found Extend well and
        /// no call has failed since, and while it is closed the next probe is never further off than the longest
        /// pause.
        #[test]
        fn closed_by_any_doubt_and_opened_by_a_probe_alone(
            all in proptest::collection::vec(
                prop_oneof![
                    health().prop_map(Seen::Call),
                    health().prop_map(Seen::Probe),
                    (0u64..400).prop_map(Seen::Time),
                ],
                0..60,
            ),
            dice in 0.0f64..=1.0,
        ) {
            let (mut now, mut open) = (seconds(0), false);
            let mut line = Line::new(now);
            for seen in all {
                let before = line.state;
                match seen {
                    Seen::Time(passed) => now += seconds(passed),
                    Seen::Call(health) => {
                        line.after_call(&health, now);
                        open &= health == Health::Well;
                        prop_assert_eq!(line.state, before, "only a probe tells how Extend is");
                    }
                    Seen::Probe(health) => {
                        open = health == Health::Well;
                        let change = line.after_probe(health, now, &PAUSES, dice);
                        prop_assert_eq!(change, (line.state != before).then_some(line.state));
                    }
                }
                prop_assert_eq!(line.is_open(), open);
                prop_assert_eq!(line.reason.is_none(), open || line.state == State::Unknown);
                prop_assert!(open || line.wants_probe(now + PAUSES.longest), "nobody asks any more");
                prop_assert!(!open || !line.wants_probe(now + seconds(100_000)), "asked for nothing");
            }
        }
    }
}
