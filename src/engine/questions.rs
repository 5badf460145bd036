//! Questions about availability: each is answered and never sent as an order.
//!
//! Extend is asked where it can be, within the limits that it sets. Otherwise, and where its answer takes too
//! long for somebody who waits, the mirror answers. Nothing is recorded: what is kept here can be lost, since a
//! question lies in the inbox until it is answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Transaction;
use serde_json::Value;

use super::mind::Mind;
use super::{Job, Settled};
use crate::exchange::answer::{Answer, AnswerJob, Answered};
use crate::exchange::watch::Arrived;
use crate::extend::ask::{AskJob, Asked};
use crate::extend::jobs::CallJob;
use crate::formats::contents::Contents;
use crate::formats::document::{Document, Kind};
use crate::formats::problem::{Problem, Wrong};
use crate::formats::receipt::problems_json;
use crate::rules::answer::Got;
use crate::rules::budget::{Class, Group};
use crate::rules::line::State;
use crate::store::{agent, intake};

/// Questions that are put to Extend at a time.
pub const ASK_WORKERS: usize = 2;

/// Somebody waits: after this long the mirror answers, whatever Extend does.
const PATIENCE: Duration = Duration::from_secs(5);

/// Questions that are kept at the most. The watcher tells of the others again.
const MOST: usize = 1000;

/// Questions that are answered in one job.
const TOGETHER: usize = 64;

/// A file that was read before it was answered and heard of after is no second question.
const SIGHTING_ON_ITS_WAY: Duration = Duration::from_secs(2);

/// The questions that are not answered yet, and how they stand.
#[derive(Clone, Default)]
pub(super) struct Questions {
    /// By name; `atp/` stands before it.
    open: BTreeMap<String, Question>,
    /// Name and stamp of those that were just answered, and when.
    answered: Vec<(String, String, Duration)>,
    /// How many are being put to Extend.
    asking: usize,
    /// Answers are being written.
    writing: bool,
}

#[derive(Clone)]
struct Question {
    hash: String,
    stamp: String,
    order: Arc<Value>,
    came_at: Duration,
    stage: Stage,
}

#[derive(Clone)]
enum Stage {
    Waits,
    Asked,
    Answer(Answer),
    Writing,
}

impl Questions {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

impl Mind {
    /// A file in inbox/atp/: a question, or rejected as any other file.
    pub(super) fn hear_question(&mut self, tx: &Transaction<'_>, arrived: &Arrived) -> rusqlite::Result<()> {
        if intake::is_being_moved(tx, &arrived.name, arrived.hash.as_deref())? {
            return Ok(());
        }
        intake::forget_left(tx, &arrived.name)?;
        let order = match arrived.parsed.as_ref().map_err(Clone::clone).and_then(question) {
            Ok(document) => Arc::new(document.body.clone()),
            Err(problems) => {
                return self.reject(tx, arrived, &problems_json(&problems, self.config.exchange.language));
            }
        };
        let (now, questions) = (self.now.mono, &mut self.course.questions);
        questions.answered.retain(|(_, _, at)| now < *at + SIGHTING_ON_ITS_WAY);
        let was_answered = questions
            .answered
            .iter()
            .any(|(name, stamp, _)| *name == arrived.name && *stamp == arrived.stamp);
        let is_open =
            questions.open.get(&arrived.name).is_some_and(|open| Some(&open.hash) == arrived.hash.as_ref());
        if was_answered || is_open || questions.open.len() >= MOST {
            return Ok(());
        }
        let hash = arrived.hash.clone().unwrap_or_default();
        let question =
            Question { hash, stamp: arrived.stamp.clone(), order, came_at: now, stage: Stage::Waits };
        questions.open.insert(arrived.name.clone(), question);
        Ok(())
    }

    /// What Extend said. A question that was answered otherwise, or is another one by now, is let be.
    pub(super) fn after_asked(&mut self, asked: Asked) {
        let questions = &mut self.course.questions;
        questions.asking = questions.asking.saturating_sub(1);
        let open = questions.open.get_mut(&asked.name).filter(|open| open.hash == asked.hash);
        if let Some(open) = open.filter(|open| matches!(open.stage, Stage::Asked)) {
            open.stage = Stage::Answer(match asked.got {
                Got::Body(body) => Answer::Extend(body),
                Got::Refused(message) => Answer::Refused(message),
                Got::Again { .. } | Got::Missing | Got::LoginRefused => Answer::Mirror,
            });
        }
    }

    pub(super) fn hear_answered(
        &mut self,
        tx: &Transaction<'_>,
        answered: &[Answered],
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let mut trouble = None;
        for one in answered {
            match &one.result {
                Ok(()) => log::info!("{:?} is answered", one.name),
                Err(error) => trouble = Some(error.to_string()),
            }
            settled.answered.push((one.name.clone(), one.hash.clone(), one.result.is_ok()));
        }
        if let Some(error) = &trouble {
            log::error!("a question could not be answered, and is tried again: {error}");
        }
        let noted = agent::get(tx, agent::ANSWER_TROUBLE)?.unwrap_or_default();
        let trouble = trouble.unwrap_or_default();
        if noted != trouble {
            agent::set(tx, agent::ANSWER_TROUBLE, &trouble)?;
        }
        Ok(())
    }

    /// What was answered is done. What could not be is told of again by the watcher.
    pub(super) fn after_answered(&mut self, answered: Vec<(String, String, bool)>) {
        let (now, questions) = (self.now.mono, &mut self.course.questions);
        questions.writing &= answered.is_empty();
        for (name, hash, well) in answered {
            if questions.open.get(&name).is_some_and(|open| open.hash == hash)
                && let Some(question) = questions.open.remove(&name)
                && well
            {
                questions.answered.push((name, question.stamp, now));
            }
        }
    }

    pub(super) fn plan_questions(&mut self, jobs: &mut Vec<Job>) {
        if self.course.questions.is_empty() {
            return;
        }
        let mut questions = std::mem::take(&mut self.course.questions);
        for (name, question) in &mut questions.open {
            self.plan_question(name, question, &mut questions.asking, jobs);
        }
        if !questions.writing {
            let answers: Vec<AnswerJob> = questions
                .open
                .iter_mut()
                .filter_map(|(name, question)| {
                    let Stage::Answer(answer) = &question.stage else { return None };
                    let (answer, hash, order) =
                        (answer.clone(), question.hash.clone(), question.order.clone());
                    Some((question, AnswerJob { name: name.clone(), hash, order, answer }))
                })
                .take(TOGETHER)
                .map(|(question, job)| {
                    question.stage = Stage::Writing;
                    job
                })
                .collect();
            if !answers.is_empty() {
                questions.writing = true;
                jobs.push(Job::Answer(answers));
            }
        }
        self.course.questions = questions;
    }

    fn plan_question(
        &mut self,
        name: &str,
        question: &mut Question,
        asking: &mut usize,
        jobs: &mut Vec<Job>,
    ) {
        let line = &self.course.line;
        let (is_open, is_unknown) = (line.is_open(), line.state == State::Unknown);
        let patient_until = question.came_at + PATIENCE;
        let is_late = patient_until <= self.now.mono;
        match question.stage {
            Stage::Waits if is_late => question.stage = Stage::Answer(Answer::Mirror),
            Stage::Waits if is_open && *asking < ASK_WORKERS => {
                match self.course.budget.take(Class::Orders, Group::Low, self.now.mono) {
                    Ok(()) => {
                        let body = question.order.to_string();
                        let ask = AskJob { name: name.to_owned(), hash: question.hash.clone(), body };
                        jobs.push(Job::Ask(CallJob::Ask(ask)));
                        *asking += 1;
                        question.stage = Stage::Asked;
                        self.wake(patient_until);
                    }
                    Err(_) => question.stage = Stage::Answer(Answer::Mirror),
                }
            }
            // The first probe is on its way, or a worker will be free.
            Stage::Waits if is_open || is_unknown => self.wake(patient_until),
            Stage::Waits => question.stage = Stage::Answer(Answer::Mirror),
            Stage::Asked if is_late => question.stage = Stage::Answer(Answer::Mirror),
            Stage::Asked => self.wake(patient_until),
            Stage::Answer(_) | Stage::Writing => {}
        }
    }
}

/// The order that a question is.
fn question(contents: &Contents) -> Result<&Document, Vec<Problem>> {
    let no_question = || vec![Problem::of_file(Wrong::NoQuestion)];
    match contents.parts.as_slice() {
        [part] if !contents.is_several() => match &part.result {
            Ok(document) if document.kind == Kind::Order => Ok(document),
            Ok(_) => Err(no_question()),
            Err(problems) => Err(problems.clone()),
        },
        _ => Err(no_question()),
    }
}
