//! The stand-in without a socket: each call is answered on the spot, by the thread that asks.

use std::sync::MutexGuard;
use std::time::Duration;

use super::limits::RateGroup;
use super::room::Room;
use super::{Options, World};
use crate::web::Response;

/// The pretended Extend for a simulation: no connection, no thread, and no time but the world's, whose
/// clock the caller sets ([`Clock::stand_at`](super::Clock::stand_at)).
pub struct Desk {
    room: Room,
}

impl Desk {
    /// A desk before this world.
    pub fn new(world: World, options: Options) -> Desk {
        // Nobody waits at a desk.
        Desk { room: Room::new(world, Options { hang_for: Duration::ZERO, ..options }) }
    }

    /// The world, to look at and to change. No call is answered while the guard is held.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.room.world()
    }

    /// Answers a call, which counts against the limit. `target` is what follows the tenant's name in the
    /// address: `/Products?pageCount=100`.
    pub fn answer(&self, method: &str, target: &str, body: &[u8]) -> Response {
        self.room.answer_at_desk(method, target, body, true)
    }

    /// What GET would show, uncounted: for whoever compares.
    pub fn look(&self, target: &str) -> Response {
        self.room.answer_at_desk("GET", target, &[], false)
    }

    /// Uses up requests of a group's minute, as another program of the same tenant would.
    pub fn spend_limit(&self, group: RateGroup, requests: u32) {
        self.room.spend_limit(group, requests);
    }
}
