//! When what is known of Extend is older than it should be.

use std::time::Duration;

use super::mirror::Entity;

/// So many rounds may fail before anybody is told …
const ROUNDS: u32 = 3;
/// … and nothing is old before this …
const LEAST: Duration = Duration::from_secs(30 * 60);
/// … or this, where each customer has its turn and all of them take as long as they take.
const LEAST_OF_PRICES: Duration = Duration::from_secs(24 * 3600);

/// Whether an entity is old: `age` is since its last round that ended well, `every` the pause between two of
/// them. What was never fetched is on its way, and not old.
pub fn is_stale(entity: Entity, age: Option<Duration>, every: Duration) -> bool {
    age.is_some_and(|age| age > stale_after(entity, every))
}

/// From which age on it is old.
fn stale_after(entity: Entity, every: Duration) -> Duration {
    let least = if entity == Entity::Prices { LEAST_OF_PRICES } else { LEAST };
    every.saturating_mul(ROUNDS).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_rounds_may_fail_and_half_an_hour_is_nothing() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        assert!(!is_stale(Entity::Balances, Some(minutes(30)), minutes(1)));
        assert!(is_stale(Entity::Balances, Some(minutes(31)), minutes(1)));
        assert!(!is_stale(Entity::Products, Some(minutes(180)), minutes(60)));
        assert!(is_stale(Entity::Products, Some(minutes(181)), minutes(60)));
        assert!(!is_stale(Entity::Prices, Some(minutes(24 * 60)), minutes(60)));
        assert!(is_stale(Entity::Prices, Some(minutes(24 * 60 + 1)), minutes(60)));
        assert!(!is_stale(Entity::Prices, None, minutes(60)));
    }
}
