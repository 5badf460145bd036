//! How many requests may be made. The limit belongs to the tenant and other programs may be using it
//! too (documented), so Extend's own count is obeyed and lowers ours; orders go before everything else, and a
//! share is kept for them.

use std::time::Duration;

use super::answer::Limits;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Orders, returns and their look-ups.
    Orders,
    /// Everything that fills the mirror.
    Mirror,
}

/// A token bucket. A fifth of a minute's requests may go in a burst and the rest flows evenly, so that
/// no minute, wherever it begins, holds more than `per_minute`.
#[derive(Debug, Clone)]
pub struct Budget {
    burst: f64,
    per_second: f64,
    tokens: f64,
    counted_at: Duration,
    /// Nothing before this moment: Extend said so.
    closed_until: Duration,
    /// The mirror waits until this moment: what Extend has left is kept for orders.
    mirror_closed_until: Duration,
}

/// The share of Extend's window, and of our burst, that the mirror leaves to orders.
const KEPT_FOR_ORDERS: f64 = 0.2;

/// Requests that must be had at once, as one is no use without the other: so many always fit into the bucket,
/// also where the settings allow fewer in a minute.
const LARGEST_JOB: f64 = 2.0;

/// How long to wait where Extend says «too many» and not for how long.
const UNTOLD_PAUSE: Duration = Duration::from_secs(5);

impl Budget {
    /// A full bucket. `per_minute` is from the settings.
    pub fn new(per_minute: u32, now: Duration) -> Budget {
        let per_minute = f64::from(per_minute.max(1));
        let burst = (per_minute * 0.2).max(LARGEST_JOB);
        Budget {
            burst,
            per_second: (per_minute - burst).max(per_minute * 0.2) / 60.0,
            tokens: burst,
            counted_at: now,
            closed_until: Duration::ZERO,
            mirror_closed_until: Duration::ZERO,
        }
    }

    /// Takes one request if there is room; else gives the moment to ask again.
    ///
    /// # Errors
    /// The moment, not before which there is no room.
    pub fn take(&mut self, class: Class, now: Duration) -> Result<(), Duration> {
        self.take_together(class, 1, now)
    }

    /// As [`Budget::take`], for a job that makes up to `requests` (2 at the most): all of them or none, so
    /// that no request is ever made without leave.
    ///
    /// # Errors
    /// The moment, not before which there is no room.
    pub fn take_together(&mut self, class: Class, requests: u32, now: Duration) -> Result<(), Duration> {
        let requests = f64::from(requests);
        self.refill(now);
        let kept = match class {
            Class::Orders => 0.0,
            Class::Mirror => (self.burst * KEPT_FOR_ORDERS).floor(),
        };
        let closed_until = match class {
            Class::Orders => self.closed_until,
            Class::Mirror => self.closed_until.max(self.mirror_closed_until),
        };
        if now < closed_until {
            return Err(closed_until);
        }
        let missing = kept + requests - self.tokens;
        if missing > 1e-6 {
            return Err(now + Duration::from_secs_f64((missing / self.per_second).max(0.001)));
        }
        self.tokens -= requests;
        Ok(())
    }

    fn refill(&mut self, now: Duration) {
        let elapsed = now.saturating_sub(self.counted_at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.burst);
        self.counted_at = now;
    }

    /// What was taken and not used.
    pub fn give_back(&mut self, requests: u32) {
        self.tokens = (self.tokens + f64::from(requests)).min(self.burst);
    }

    /// After an answer: what Extend says is left. `server_now` is Extend's clock in seconds since 1970.
    pub fn after_answer(&mut self, limits: &Limits, server_now: Option<i64>, now: Duration) {
        let (Some(limit), Some(remaining)) = (limits.limit, limits.remaining) else { return };
        let until_reset = match (limits.reset, server_now) {
            (Some(reset), Some(server)) => reset.saturating_sub(server),
            _ => 0,
        };
        // A reset in the past or far away says nothing; a window is a minute (documented).
        let window = Duration::from_secs(u64::try_from(until_reset).unwrap_or(0).clamp(1, 60));
        if remaining == 0 {
            self.closed_until = self.closed_until.max(now + window);
        }
        if f64::from(remaining) < f64::from(limit) * KEPT_FOR_ORDERS {
            self.mirror_closed_until = self.mirror_closed_until.max(now + window);
        }
    }

    /// After a 429.
    pub fn after_too_many(&mut self, retry_after: Option<Duration>, now: Duration) {
        let pause =
            retry_after.unwrap_or(UNTOLD_PAUSE).clamp(Duration::from_secs(1), Duration::from_secs(300));
        self.closed_until = self.closed_until.max(now + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_share_is_kept_for_orders() {
        let mut budget = Budget::new(300, Duration::ZERO);
        let mirrored = (0..100).filter(|_| budget.take(Class::Mirror, Duration::ZERO).is_ok()).count();
        let orders = (0..100).filter(|_| budget.take(Class::Orders, Duration::ZERO).is_ok()).count();
        assert_eq!((mirrored, orders), (48, 12));
    }

    #[test]
    fn what_extend_says_is_obeyed() {
        let mut budget = Budget::new(300, Duration::ZERO);
        let now = Duration::from_secs(10);
        let low = Limits { limit: Some(300), remaining: Some(40), reset: Some(1030) };
        budget.after_answer(&low, Some(1000), now);
        assert_eq!(budget.take(Class::Mirror, now), Err(Duration::from_secs(40)));
        assert_eq!(budget.take(Class::Orders, now), Ok(()));
        let none = Limits { limit: Some(300), remaining: Some(0), reset: Some(900) };
        budget.after_answer(&none, Some(1000), now);
        assert_eq!(budget.take(Class::Orders, now), Err(Duration::from_secs(11)), "a reset in the past");
        budget.after_too_many(Some(Duration::from_secs(7)), now);
        assert_eq!(budget.take(Class::Orders, now), Err(Duration::from_secs(17)));
    }

    #[test]
    fn two_that_belong_together_are_had_together_or_not_at_all() {
        let mut budget = Budget::new(1, Duration::ZERO);
        assert_eq!(budget.take_together(Class::Orders, 2, Duration::ZERO), Ok(()));
        budget.give_back(1);
        let at = budget.take_together(Class::Orders, 2, Duration::ZERO).unwrap_err();
        assert_eq!(at, Duration::from_secs(300), "one is missing, and one comes in five minutes");
        assert_eq!(budget.take_together(Class::Orders, 2, at), Ok(()));
    }

    proptest! {
        #[test]
        fn no_minute_holds_more_than_the_limit(
            limit in 1u32..400,
            steps in proptest::collection::vec((0u64..2000, any::<bool>(), 1u32..3), 1..800),
        ) {
            let mut budget = Budget::new(limit, Duration::ZERO);
            let mut now = Duration::ZERO;
            let mut taken: Vec<Duration> = Vec::new();
            for (pause, orders, together) in steps {
                now += Duration::from_millis(pause);
                let class = if orders { Class::Orders } else { Class::Mirror };
                while budget.take_together(class, together, now).is_ok() {
                    taken.extend((0..together).map(|_| now));
                }
            }
            for (index, from) in taken.iter().enumerate() {
                let within = taken[index..].iter().take_while(|at| **at < *from + Duration::from_secs(60)).count();
                prop_assert!(within <= limit.max(2) as usize, "{within} in a minute of {limit}");
            }
        }
    }
}
