//! A bucket of requests that several classes share.

use std::time::Duration;

use super::Class;

/// The part of what flows in that is each class's own, however busy those before it are. In the order of
/// [`Class::ALL`]; what is over when its own is full flows into what all share.
const OWN: [f64; 4] = [0.0, 0.05, 0.05, 0.02];

/// The part of the burst that a class leaves to those before it.
const LEFT: [f64; 4] = [0.0, 0.1, 0.2, 0.3];

/// Requests that must be had at once, as one is no use without the other: so many always fit into what all
/// share, also where the settings allow fewer in a minute.
const LARGEST_JOB: f64 = 2.0;

/// A token bucket. A fifth of a minute's requests may go in a burst and the rest flows evenly, so that
/// no minute, wherever it begins, holds more than `per_minute`.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    per_minute: f64,
    burst: f64,
    per_second: f64,
    shared: f64,
    own: [f64; 4],
    most_own: [f64; 4],
    counted_at: Duration,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(per_minute: f64, now: Duration) -> Bucket {
        let per_minute = per_minute.max(1.0);
        // Too few to be parted: then whoever comes first is served.
        let parted = per_minute >= 12.0;
        let burst = (per_minute * 0.2).max(if parted { 5.0 } else { LARGEST_JOB });
        let most_own = OWN.map(|part| if parted && part > 0.0 { (burst * part).max(1.0) } else { 0.0 });
        Bucket {
            per_minute,
            burst,
            per_second: (per_minute - burst).max(per_minute * 0.2) / 60.0,
            shared: burst - most_own.iter().sum::<f64>(),
            own: most_own,
            most_own,
            counted_at: now,
        }
    }

    pub(super) fn per_minute(&self) -> f64 {
        self.per_minute
    }

    /// What flows in, in a minute.
    pub(super) fn flow(&self) -> f64 {
        self.per_second * 60.0
    }

    /// From now on it is filled at this rate. It has no more than it had.
    pub(super) fn set_per_minute(&mut self, per_minute: f64, now: Duration) {
        self.refill(now);
        let mut changed = Bucket::new(per_minute, now);
        let most_shared = changed.most_shared();
        changed.shared = self.shared.min(most_shared);
        for (own, had) in changed.own.iter_mut().zip(self.own) {
            *own = own.min(had);
        }
        *self = changed;
    }

    fn most_shared(&self) -> f64 {
        self.burst - self.most_own.iter().sum::<f64>()
    }

    pub(super) fn refill(&mut self, now: Duration) {
        let flow = now.saturating_sub(self.counted_at).as_secs_f64() * self.per_second;
        let mut over = flow;
        for ((own, most), part) in self.own.iter_mut().zip(self.most_own).zip(OWN) {
            let gain = (flow * part).min(most - *own).max(0.0);
            *own += gain;
            over -= gain;
        }
        self.shared = (self.shared + over).min(self.most_shared());
        self.counted_at = now;
    }

    /// How long until this class may take so many; zero: now. To be asked after [`Bucket::refill`].
    pub(super) fn wait(&self, class: Class, requests: f64) -> Duration {
        let shared = self.until_shared(self.left_by(class) + requests);
        let seconds = shared.min(self.until_own(class as usize, requests));
        if seconds <= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(seconds.max(0.001)) }
    }

    fn left_by(&self, class: Class) -> f64 {
        (self.most_shared() * LEFT[class as usize]).floor()
    }

    fn until_shared(&self, wanted: f64) -> f64 {
        let missing = wanted - self.shared;
        if missing <= 1e-6 {
            return 0.0;
        }
        // What flows into the classes' own meanwhile does not come here.
        let mut seconds = missing / self.per_second;
        for _ in 0..6 {
            let elsewhere: f64 = (0..OWN.len())
                .map(|at| (OWN[at] * self.per_second * seconds).min(self.most_own[at] - self.own[at]))
                .sum();
            seconds = (missing + elsewhere) / self.per_second;
        }
        seconds
    }

    /// Infinite where the class has no own.
    fn until_own(&self, index: usize, requests: f64) -> f64 {
        if self.most_own[index] < requests {
            return f64::INFINITY;
        }
        (requests - self.own[index] - 1e-6).max(0.0) / (OWN[index] * self.per_second)
    }

    /// Takes what [`Bucket::wait`] allowed.
    pub(super) fn take(&mut self, class: Class, requests: f64) {
        if self.shared - self.left_by(class) >= requests - 1e-6 {
            self.shared -= requests;
        } else {
            self.own[class as usize] -= requests;
        }
    }

    pub(super) fn give_back(&mut self, requests: f64) {
        self.shared = (self.shared + requests).min(self.most_shared());
    }
}
