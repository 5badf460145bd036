//! The line to Extend: one outage is noticed once, and while it lasts one probe at a time asks whether it is
//! over.

use rusqlite::Transaction;

use super::{Job, Mind};
use crate::extend::jobs::CallJob;
use crate::rules::answer::Health;
use crate::rules::budget::{Class, Group};
use crate::rules::line::{Line, State};
use crate::store::{agent, outbox, owed};

impl Mind {
    pub(super) fn settle_probe(
        &mut self,
        tx: &Transaction<'_>,
        mut line: Line,
        health: Health,
        newly_suspected: &[i64],
    ) -> rusqlite::Result<()> {
        let was = line.state;
        let dice = self.dice();
        let change = line.after_probe(health, self.now.mono, &self.pauses, dice);
        let suspects = self.course.suspects.clone();
        if line.state == State::Up {
            // Extend is well, so it was the item. In an outage nobody is blamed.
            for id in suspects.into_iter().chain(newly_suspected.iter().copied()) {
                if let Some(item) = outbox::load(tx, id)? {
                    self.blame(tx, &item)?;
                }
            }
        }
        if let Some(state) = change {
            match state {
                State::Up if was == State::Unknown => log::info!("Extend answers"),
                State::Up => log::info!("Extend is back"),
                State::LoginRefused => log::error!(
                    "Extend does not accept user name and password; nothing is sent until it does"
                ),
                _ => log::warn!("Extend can't be reached: {}", line.reason.as_deref().unwrap_or("")),
            }
        }
        if change.is_some() || line.state != State::Up {
            agent::save_line(
                tx,
                &agent::LineRow {
                    state: line.state.name().into(),
                    since: self.now.text(),
                    reason: line.reason.as_deref().map(|reason| self.in_words(reason).into_owned()),
                    next_probe_at: (line.state != State::Up).then(|| self.wall_at(line.probe_at)),
                },
            )?;
        }
        if change.is_some() {
            owed::owe(tx, "status", "")?;
        }
        self.course.line = line;
        Ok(())
    }

    pub(super) fn plan_probe(&mut self, jobs: &mut Vec<Job>) {
        if self.course.line.is_open() || self.course.probing {
            return;
        }
        if !self.course.line.wants_probe(self.now.mono) {
            self.wake(self.course.line.probe_at);
            return;
        }
        match self.course.budget.take(Class::Orders, Group::High, self.now.mono) {
            Ok(()) => jobs.push(Job::Push(CallJob::Probe)),
            Err(at) => self.wake(at),
        }
    }
}
