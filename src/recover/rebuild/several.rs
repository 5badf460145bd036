//! A file of several documents that still lay in the inbox when the database was lost.

use super::{Builder, File};
use crate::formats::canonical;
use crate::formats::contents::Contents;
use crate::formats::problem::{Problem, Wrong};
use crate::formats::receipt::part_problems_json;
use crate::recover::RecoverError;
use crate::recover::originals;
use crate::recover::receipts::Receipts;
use crate::rules::intake::{Verdict, decide};
use crate::rules::recover::ids;
use crate::store::intake::{self, NewFile};
use crate::store::outbox;

impl Builder<'_> {
    /// It may have been recorded, and documents of it sent. It is recorded again whole, since the engine
    /// leaves alone what is recorded: what was taken by its receipt or, where there is none, by the rules of
    /// intake; the rest becomes a file in rejected/, as it did or would have.
    pub(super) fn add_several(
        &mut self,
        name: &str,
        bytes: &[u8],
        contents: &Contents,
        receipts: &mut Receipts,
    ) -> Result<(), RecoverError> {
        let (all, _) = originals::documents(bytes, name, &self.originals());
        let told: Vec<_> = all
            .iter()
            .map(|held| {
                let key = held.document.key.as_deref().unwrap_or_default();
                receipts.take_unclaimed(name, key, held.position)
            })
            .collect();
        let first = told.iter().flatten().next().cloned();
        if first.is_none() && all.iter().any(|held| !held.document.kind.has_key()) {
            // Nothing says that it was ever taken over, and of changes nobody could ask Extend.
            return Ok(());
        }
        let received_at = first.as_ref().map_or(&self.now, |receipt| &receipt.received_at).clone();
        let mut arrival = None;
        let mut bad: Vec<(usize, Vec<Problem>)> = contents
            .parts
            .iter()
            .enumerate()
            .filter_map(|(place, part)| Some((place, part.result.as_ref().err()?.clone())))
            .collect();
        for (held, receipt) in all.into_iter().zip(told) {
            let key = held.document.key.clone().unwrap_or_default();
            let known = outbox::latest_with_key(self.tx, held.document.kind, &key)?;
            let verdict = decide(&key, held.made, &held.document.content_hash, known.as_ref());
            if receipt.is_none() && (first.is_some() || matches!(verdict, Verdict::Reject(_))) {
                let wrong = match verdict {
                    Verdict::Reject(wrong) => wrong,
                    _ => Wrong::NotStorable { reason: "its receipt does not name it".into() },
                };
                bad.push((held.position - 1, vec![Problem::of_file(wrong)]));
                continue;
            }
            let told = [receipt.as_ref().map(|receipt| receipt.id)];
            let id = ids(&told, &mut self.used, &mut self.before, &mut self.fresh)[0];
            let arrival = match arrival {
                Some(arrival) => arrival,
                None => *arrival.insert(self.arrival(name, first.as_ref(), receipts)),
            };
            let file = File {
                name,
                folder: &format!("accepted/{}", received_at.get(..10).unwrap_or_default()),
                stored: name,
                arrival,
                received_at: &received_at,
                bytes,
                in_inbox: true,
                made: held.made,
                unsure: false,
                position: held.position,
                is_one_of_several: true,
            };
            self.add(&file, held.document, receipt.as_ref(), id, receipts)?;
        }
        if arrival.is_some() && !bad.is_empty() {
            bad.sort_by_key(|(place, _)| *place);
            let aside = contents.set_aside(bytes, &bad);
            let part_of =
                self.files.iter().find(|((_, stored, at), _)| stored == name && Some(*at) == arrival);
            intake::insert_file(
                self.tx,
                &NewFile {
                    name,
                    content_hash: Some(&canonical::bytes_hash(&aside.bytes)),
                    size: aside.bytes.len() as u64,
                    received_at: &self.now,
                    folder: "rejected",
                    stamp: None,
                    content: Some(&aside.bytes),
                    problems: &part_problems_json(&aside.problems, self.config.exchange.language),
                    left_out: &[],
                    part_of: part_of.map(|(_, id)| *id),
                },
            )?;
        }
        Ok(())
    }
}
