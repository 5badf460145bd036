//! Marker files: what the writer has said of a file, and what is waited for where it has said nothing.

use std::time::{Duration, Instant, SystemTime};

use super::{Inbox, Look};
use crate::formats::problem::Wrong;
use crate::rules::arrival::{self, Said};

impl Inbox {
    /// A hint about a marker is one about what it marks.
    pub(super) fn add_marked(&self, names: &mut Vec<String>) {
        let Some(ending) = &self.watching.marker else { return };
        let of = |name: &String| Some(self.documents(name, arrival::marked(name, ending)?));
        let marked: Vec<String> = names.iter().filter_map(of).flatten().collect();
        names.extend(marked);
    }

    /// What its writer has said of a file. `Err`: it is a marker itself, or is waited for, without being read.
    pub(super) fn said(&mut self, name: &str, metadata: &std::fs::Metadata) -> Result<Said, Look> {
        let Some(ending) = self.watching.marker.clone() else { return Ok(Said::Nothing) };
        let patience = self.watching.patience.broken_after;
        if let Some(of) = arrival::marked(name, &ending) {
            let speaks = self.documents(name, of).iter().any(|document| self.is_file(document));
            return Err(match self.seen.get(name) {
                _ if !speaks => self.wait(name, patience, Wrong::MarkerAlone),
                Some(seen) if seen.told => Look::Gone,
                _ => Look::Nothing,
            });
        }
        let markers = arrival::markers(name, &ending);
        let written = |name: &String| {
            let metadata = std::fs::symlink_metadata(self.watching.inbox.join(name)).ok()?;
            metadata.is_file().then(|| metadata.modified().ok()).flatten()
        };
        let document = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let marker = markers.iter().filter_map(written).max().map(|written| written >= document);
        match (arrival::said(marker), markers.into_iter().next()) {
            (Said::NotYet, Some(marker)) => Err(self.wait(name, patience, Wrong::NoMarker { marker })),
            (said, _) => Ok(said),
        }
    }

    /// The names in the inbox that a marker may speak of, as far as they were seen: its own document's, else all of
    /// that stem.
    fn documents(&self, marker: &str, of: &str) -> Vec<String> {
        if self.seen.contains_key(of) || self.is_file(of) {
            return vec![of.to_owned()];
        }
        let others = self.seen.keys().filter(|name| *name != marker);
        others.filter(|name| arrival::stem(name) == Some(of)).cloned().collect()
    }

    fn is_file(&self, name: &str) -> bool {
        self.watching.inbox.join(name).is_file()
    }

    /// Waits for what belongs to a file, and once it has not come for so long says what lacks.
    fn wait(&mut self, name: &str, patience: Duration, wrong: Wrong) -> Look {
        let Some(seen) = self.seen.get_mut(name) else { return Look::Nothing };
        let left = patience.saturating_sub(seen.since.elapsed());
        if left.is_zero() {
            seen.look_at = None;
            return match std::mem::replace(&mut seen.told, true) {
                true => Look::Nothing,
                false => Look::Await(seen.stamp.clone(), Some(wrong)),
            };
        }
        let is_first = seen.look_at.replace(Instant::now() + left).is_none();
        // A marker that comes a moment before its file is nobody's trouble.
        match is_first && wrong != Wrong::MarkerAlone {
            true => Look::Await(seen.stamp.clone(), None),
            false => Look::Nothing,
        }
    }
}
