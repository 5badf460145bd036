//! How long to wait before trying again.

use std::time::Duration;

/// First and longest pause.
#[derive(Debug, Clone, Copy)]
pub struct Pauses {
    /// The pause after the first failure.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
}

/// An item that failed this often in a row while Extend was otherwise well needs a person.
pub const NEEDS_PERSON_AFTER: u32 = 5;

impl Pauses {
    /// The pause after `failures` in a row (from 1): doubling, then jittered to between half and all of
    /// it, so that many agents do not come back in step. `dice` is from 0 to 1.
    pub fn after(&self, failures: u32, dice: f64) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.saturating_sub(1).min(20));
        doubled.min(self.longest).mul_f64(0.5 + 0.5 * dice.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        let pauses = Pauses { first: Duration::from_secs(2), longest: Duration::from_secs(300) };
        assert_eq!(pauses.after(1, 1.0), Duration::from_secs(2));
        assert_eq!(pauses.after(1, 0.0), Duration::from_secs(1));
        assert_eq!(pauses.after(4, 1.0), Duration::from_secs(16));
        assert_eq!(pauses.after(9, 1.0), Duration::from_secs(300));
        assert_eq!(pauses.after(u32::MAX, 0.0), Duration::from_secs(150));
    }

    proptest! {
        /// No pause is longer than the longest or shorter than half of what it would be without dice, and more
        /// failures never make it shorter.
        #[test]
        fn pauses_stay_within_their_bounds(
            first in 1u64..10_000, longest in 1u64..10_000_000, failures in any::<u32>(), dice in -1.0f64..2.0,
        ) {
            let (first, longest) = (Duration::from_millis(first), Duration::from_millis(longest.max(first)));
            let pauses = Pauses { first, longest };
            let pause = pauses.after(failures, dice);
            prop_assert!(pause <= longest && pause * 2 >= first.min(longest), "{pause:?}");
            prop_assert!(pauses.after(failures.saturating_add(1), dice) >= pause);
            prop_assert!(pauses.after(failures, 0.0) * 2 >= pauses.after(failures, 1.0) - Duration::from_nanos(2));
        }
    }
}
