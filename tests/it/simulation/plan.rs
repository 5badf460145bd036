//! What is to happen on a day: which files come, and what goes wrong.

use super::extend::Mood;
use super::shop::Dropped;
use super::world::{DAY, Death, HOUR, Happening, MINUTE, SECOND, World};

impl World {
    /// Files come in clusters, and trouble comes where files are.
    pub fn plan_day(&mut self, morning: i64) {
        for _ in 0..self.rng.u32(1..3) {
            let centre = morning + self.rng.i64(5 * MINUTE..17 * HOUR);
            let files = match self.rng.u32(..12) {
                0 => self.rng.u32(8..25),
                _ => self.rng.u32(1..4),
            };
            for _ in 0..files {
                let at = centre + self.rng.i64(0..2 * MINUTE);
                self.plan_file(at);
            }
            for _ in 0..self.rng.u32(..4) {
                let at = centre + self.rng.i64(-20 * SECOND..4 * MINUTE);
                self.plan_trouble(at);
            }
        }
        self.queue_any(morning + 20 * HOUR, Happening::Quiet);
    }

    fn plan_file(&mut self, at: i64) {
        let file = self.shop.next(&mut self.rng);
        // A return that names an order leaves its customer to Extend: nothing would tell the two apart.
        // Nor would anything where the file comes again and its order was tried before.
        let comes_again = self.shop.dropped.iter().filter(|other| other.key == file.key).count() > 1;
        let told_apart =
            !comes_again && (!file.is_return || file.body["header"]["customerNumber"].is_string());
        if let Some(key) = file.key.clone().filter(|_| self.rng.u32(..5) == 0 && told_apart) {
            // The same number stands at Extend already: older, or another customer's.
            let (mut body, at) = (file.body.clone(), at);
            let header = if file.is_return { "header" } else { "orderHeader" };
            body[header]["mark"] = serde_json::Value::Null;
            let old = self.rng.bool();
            if !old {
                body[header]["customerNumber"] = "C-OTHER".into();
            }
            let age = if old { self.rng.i64(HOUR..30 * HOUR) } else { self.rng.i64(-MINUTE..5 * MINUTE) };
            self.wire.lock().plant(file.is_return, &key, body, at - age);
        }
        match self.rng.u32(..15) {
            0 => {
                let mut half = file.clone();
                half.bytes.truncate(file.bytes.len() / 2);
                self.queue_any(at, Happening::Drops(Box::new(half)));
                let later = at + self.rng.i64(1..50 * SECOND);
                self.queue_any(later, Happening::Completes(Box::new(file)));
            }
            1 => {
                let other = Dropped { name: file.name.clone(), ..self.shop.order(&mut self.rng, None) };
                self.queue_any(at, Happening::Drops(Box::new(file.clone())));
                let later = at + self.rng.i64(1..3 * SECOND);
                self.queue_any(later, Happening::Overwrites(Box::new(file), Box::new(other)));
            }
            _ => self.queue_any(at, Happening::Drops(Box::new(file))),
        }
    }

    fn plan_trouble(&mut self, at: i64) {
        match self.rng.u32(..20) {
            0..5 => {
                let death = match self.rng.u32(..5) {
                    0 => Death::Now,
                    1 => Death::PowerLoss,
                    2 => Death::BeforeNextStep,
                    _ => Death::AfterNextCommit,
                };
                self.queue_any(at, Happening::Dies(death));
            }
            5..7 => {
                let commits = self.rng.i64(1..4);
                self.queue_any(at, Happening::CommitsFail(commits));
            }
            7..15 => {
                let mood = match self.rng.u32(..14) {
                    0..6 => Mood::Shaky,
                    6..8 => Mood::Hanging,
                    8 | 9 => Mood::Refused,
                    10 => Mood::BadGateway,
                    11 => Mood::NoLogin,
                    12 => Mood::Forbidden,
                    _ => Mood::Crowded,
                };
                let long = match self.rng.u32(..8) {
                    0 => self.rng.i64(HOUR..3 * HOUR),
                    1 | 2 => self.rng.i64(5 * MINUTE..HOUR),
                    _ => self.rng.i64(SECOND..5 * MINUTE),
                };
                self.queue_any(at, Happening::Mood(mood));
                self.queue_any(at + long, Happening::Mood(Mood::Well));
            }
            15 | 16 => {
                let by = [-DAY, DAY, -HOUR, HOUR, -5 * MINUTE][self.rng.usize(..5)];
                self.queue_any(at, Happening::ClockJumps(by));
            }
            17 => self.disk_fails_until = at + self.rng.i64(SECOND..5 * MINUTE),
            _ => {
                let later = at + self.rng.i64(0..30 * MINUTE);
                self.queue_any(later, Happening::PersonActs);
            }
        }
    }
}
