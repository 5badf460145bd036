//! Files in: recorded with their outbox items in one transaction, moved after the commit.

use std::borrow::Cow;
use std::time::Duration;

use rusqlite::Transaction;

use super::{Job, Mind, Settled};
use crate::clock;
use crate::exchange::QUESTIONS_PREFIX;
use crate::exchange::take::Taken;
use crate::exchange::watch::{Arrived, Sighting};
use crate::formats::canonical;
use crate::formats::contents::{Contents, Part};
use crate::formats::document::{Document, Kind, OrderReference};
use crate::formats::problem::{Language, Problem, Wrong};
use crate::formats::receipt::{part_problems_json, problems_json};
use crate::formats::warning::Warning;
use crate::rules::intake::{Known, Verdict, decide};
use crate::store::intake::{Left, NewFile};
use crate::store::{agent, intake, outbox, unknown};

/// A sighting this soon after a move may tell of the time before it.
const SIGHTING_ON_ITS_WAY: Duration = Duration::from_secs(2);

/// Files that are moved together: one job shares the syncing of its folders.
const MOVED_TOGETHER: usize = 256;

impl Mind {
    pub(super) fn hear_sighting(
        &mut self,
        tx: &Transaction<'_>,
        sighting: &Sighting,
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        match sighting {
            Sighting::Arrived(arrived) if arrived.name.starts_with(QUESTIONS_PREFIX) => {
                self.hear_question(tx, arrived)
            }
            Sighting::Arrived(arrived) => self.take_in(tx, arrived),
            Sighting::Left { name, stamp, wrong } => {
                let language = self.config.exchange.language;
                let problem = wrong.clone().map(Problem::of_file);
                if let Some(problem) = &problem {
                    log::warn!("inbox: {name:?} is left alone: {}", problem.message(Language::English));
                }
                intake::note_left(
                    tx,
                    &Left {
                        name: name.clone(),
                        code: problem.as_ref().map_or("waiting", |problem| problem.code()).into(),
                        message: problem.map_or_else(String::new, |problem| problem.message(language)),
                        stamp: stamp.clone(),
                        since: self.now.text(),
                    },
                )
            }
            Sighting::Gone { name } => intake::forget_left(tx, name),
            Sighting::Scanned { error } => {
                settled.scanned = true;
                if let Some(error) = error {
                    log::error!("the inbox can't be read: {error}");
                }
                agent::set(tx, "inbox_trouble", error.as_deref().unwrap_or(""))
            }
        }
    }

    fn take_in(&mut self, tx: &Transaction<'_>, arrived: &Arrived) -> rusqlite::Result<()> {
        // Recorded by an earlier step or an earlier process, and only not moved yet.
        if intake::is_being_moved(tx, &arrived.name, arrived.hash.as_deref())? {
            return Ok(());
        }
        // Read before it was moved and heard of after: no second arrival. If it is one, it still lies in the
        // inbox and the watcher tells of it again.
        if !self.just_moved.is_empty()
            && let Some(id) = intake::last_moved(tx, &arrived.name, arrived.hash.as_deref())?
            && self.just_moved.get(&id).is_some_and(|at| self.now.mono < *at + SIGHTING_ON_ITS_WAY)
        {
            return Ok(());
        }
        intake::forget_left(tx, &arrived.name)?;
        match &arrived.parsed {
            Ok(contents) => self.take_apart(tx, arrived, contents),
            Err(problems) => self.reject(tx, arrived, &problems_json(problems, self.language())),
        }
    }

    /// Each document stands for itself: the good ones are taken, the bad ones become a file of their own.
    fn take_apart(
        &mut self,
        tx: &Transaction<'_>,
        arrived: &Arrived,
        contents: &Contents,
    ) -> rusqlite::Result<()> {
        let mut file_id = None;
        let mut bad = Vec::new();
        for (place, part) in contents.parts.iter().enumerate() {
            let judged = match &part.result {
                Ok(document) => self.judge(tx, &arrived.name, part.position, document)?,
                Err(problems) => match self.repeated(tx, &arrived.name, part)? {
                    Some(taking) => Ok(taking),
                    None => Err(problems.clone()),
                },
            };
            match judged {
                Ok(taking) => {
                    let file = match file_id {
                        Some(id) => id,
                        None => *file_id.insert(self.accept_file(tx, arrived, contents)?),
                    };
                    let id = self.accept(tx, arrived, file, part.position, &taking)?;
                    if !contents.is_several() {
                        tell(&arrived.name, &taking, id);
                    }
                }
                Err(problems) => bad.push((place, problems)),
            }
        }
        if contents.parts.is_empty() {
            self.accept_file(tx, arrived, contents)?;
        }
        if contents.is_several() {
            let taken = contents.parts.len() - bad.len();
            log::info!("{:?}: {taken} of its {} documents taken over", arrived.name, contents.parts.len());
        }
        match file_id {
            _ if bad.is_empty() => Ok(()),
            Some(original) => self.reject_part(tx, arrived, original, contents, &bad),
            None if contents.is_several() => {
                self.reject(tx, arrived, &part_problems_json(&contents.problems(&bad), self.language()))
            }
            None => {
                let problems: Vec<Problem> = bad.into_iter().flat_map(|(_, problems)| problems).collect();
                self.reject(tx, arrived, &problems_json(&problems, self.language()))
            }
        }
    }

    /// An order that the settings leave to a person and that came before as it is: it is at Extend, or somebody saw
    /// to it. A webshop that exports it every day asks nobody anything.
    fn repeated<'d>(
        &self,
        tx: &Transaction<'_>,
        file_name: &str,
        part: &'d Part,
    ) -> rusqlite::Result<Option<Taking<'d>>> {
        let Some(document) = &part.repeats else { return Ok(None) };
        let judged = self.judge(tx, file_name, part.position, document)?;
        Ok(judged.ok().filter(|taking| taking.duplicate_of.is_some()))
    }

    fn language(&self) -> Language {
        self.config.exchange.language
    }

    /// One order, once: the document with its key, or why it can't be taken.
    fn judge<'d>(
        &self,
        tx: &Transaction<'_>,
        file_name: &str,
        position: usize,
        document: &'d Document,
    ) -> rusqlite::Result<Result<Taking<'d>, Vec<Problem>>> {
        let mut taking =
            Taking { document: Cow::Borrowed(document), made_key: false, duplicate_of: None, earlier: None };
        if !document.kind.has_key() {
            return Ok(Ok(taking));
        }
        if document.key.is_none() {
            taking.made_key = true;
            taking.document.to_mut().set_key(&document.made_key(file_name, position));
        }
        let key = taking.document.key.as_deref().unwrap_or_default();
        taking.earlier = outbox::latest_with_key(tx, document.kind, key)?;
        // Where the webshop may change customers, other content changes the customer.
        let may_change = document.kind == Kind::Customer && self.config.customers.update;
        let verdict = decide(key, taking.made_key, &document.content_hash, taking.earlier.as_ref());
        Ok(match verdict {
            Verdict::Accept => Ok(taking),
            Verdict::Reject(Wrong::DuplicateKey { .. }) if may_change => Ok(taking),
            Verdict::Duplicate { of } => Ok(Taking { duplicate_of: Some(of), ..taking }),
            Verdict::Reject(wrong) => Err(vec![Problem::of_file(wrong)]),
        })
    }

    fn accept_file(
        &self,
        tx: &Transaction<'_>,
        arrived: &Arrived,
        contents: &Contents,
    ) -> rusqlite::Result<i64> {
        let left_out: Vec<_> = contents.left_out.iter().map(|one| one.to_json(self.language())).collect();
        let received_at = self.now.text();
        intake::insert_file(
            tx,
            &NewFile {
                name: &arrived.name,
                content_hash: arrived.hash.as_deref(),
                size: arrived.size,
                received_at: &received_at,
                folder: &format!("accepted/{}", &received_at[..10]),
                stamp: None,
                content: Some(&arrived.content),
                problems: &[],
                left_out: &left_out,
                part_of: None,
            },
        )
    }

    fn accept(
        &mut self,
        tx: &Transaction<'_>,
        arrived: &Arrived,
        file_id: i64,
        position: usize,
        taking: &Taking<'_>,
    ) -> rusqlite::Result<i64> {
        let (document, made_key) = (taking.document.as_ref(), taking.made_key);
        let received_at = self.now.text();
        let unknown = unknown::load(tx, document, &self.config, self.now.wall)?;
        let warnings = warnings(document, made_key, &unknown, self.language());
        let id = intake::insert_document(tx, file_id, position, document, taking.duplicate_of, &warnings)?;
        if taking.duplicate_of.is_none() {
            outbox::insert(tx, id, document, made_key, &arrived.name, &received_at)?;
            let earlier = taking.earlier.as_ref();
            if let Some(earlier) = earlier.filter(|earlier| earlier.ended && !earlier.at_extend) {
                outbox::take_place_of(tx, earlier.id, id, &received_at)?;
            }
            outbox::wait_where_needed(tx, id, document)?;
            self.cancel_here(tx, id, document)?;
        }
        Ok(id)
    }

    /// The webshop cancels an order that Extend does not have yet: neither is sent.
    fn cancel_here(&mut self, tx: &Transaction<'_>, id: i64, document: &Document) -> rusqlite::Result<()> {
        if let (Kind::OrderCancellation, Some(OrderReference::External(external))) =
            (document.kind, &document.order)
            && let Some(order) = outbox::open_order_with_external(tx, external)?
        {
            self.call_off(tx, order, id)?;
        }
        Ok(())
    }

    pub(super) fn reject(
        &mut self,
        tx: &Transaction<'_>,
        arrived: &Arrived,
        problems: &[serde_json::Value],
    ) -> rusqlite::Result<()> {
        log::warn!("{:?} is rejected: {}", arrived.name, codes(problems));
        intake::insert_file(
            tx,
            &NewFile {
                name: &arrived.name,
                content_hash: arrived.hash.as_deref(),
                size: arrived.size,
                received_at: &self.now.text(),
                folder: "rejected",
                stamp: arrived.hash.is_none().then_some(arrived.stamp.as_str()),
                content: arrived.hash.is_some().then_some(arrived.content.as_slice()),
                problems,
                left_out: &[],
                part_of: None,
            },
        )?;
        Ok(())
    }

    /// The documents in `bad` become a file of the same format, to be mended and dropped again.
    fn reject_part(
        &mut self,
        tx: &Transaction<'_>,
        arrived: &Arrived,
        original: i64,
        contents: &Contents,
        bad: &[(usize, Vec<Problem>)],
    ) -> rusqlite::Result<()> {
        let aside = contents.set_aside(&arrived.content, bad);
        let problems = part_problems_json(&aside.problems, self.language());
        log::warn!("{:?}: {} of its documents are rejected: {}", arrived.name, bad.len(), codes(&problems));
        intake::insert_file(
            tx,
            &NewFile {
                name: &arrived.name,
                content_hash: Some(&canonical::bytes_hash(&aside.bytes)),
                size: aside.bytes.len() as u64,
                received_at: &self.now.text(),
                folder: "rejected",
                stamp: None,
                content: Some(&aside.bytes),
                left_out: &[],
                problems: &problems,
                part_of: Some(original),
            },
        )?;
        Ok(())
    }

    /// The database could not hold a file's documents: it is rejected, so that a person hears of it.
    pub(super) fn reject_unstorable(
        &mut self,
        tx: &Transaction<'_>,
        arrived: &Arrived,
        why: &str,
    ) -> rusqlite::Result<()> {
        let problem = Problem::of_file(Wrong::NotStorable { reason: why.to_owned() });
        self.reject(tx, arrived, &problems_json(&[problem], self.language()))
    }

    pub(super) fn hear_moved(
        &mut self,
        tx: &Transaction<'_>,
        taken: &[Taken],
        settled: &mut Settled,
    ) -> rusqlite::Result<()> {
        let mut trouble = None;
        let now = self.now.mono;
        self.just_moved.retain(|_, at| now < *at + SIGHTING_ON_ITS_WAY);
        for file in taken {
            match &file.result {
                Ok(stored_name) => {
                    intake::mark_moved(tx, file.id, stored_name)?;
                    self.just_moved.insert(file.id, now);
                }
                Err(error) => trouble = Some(error.to_string()),
            }
        }
        if let Some(error) = &trouble {
            log::error!("a file could not be moved out of the inbox, and is tried again: {error}");
        }
        agent::set(tx, "move_trouble", trouble.as_deref().unwrap_or(""))?;
        settled.moved = Some(trouble.is_none());
        Ok(())
    }

    /// The bytes of taken files are kept until the system has surely written the files themselves.
    fn forget_contents(&mut self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        if self.course.forget_contents_at > self.now.mono {
            return Ok(());
        }
        self.course.forget_contents_at = self.now.mono + Duration::from_secs(60);
        let settled = self.now.wall.checked_sub(jiff::SignedDuration::from_mins(5)).unwrap_or(self.now.wall);
        intake::forget_contents(tx, &clock::text(settled)).map(|_| ())
    }

    pub(super) fn plan_moves(&mut self, tx: &Transaction<'_>, jobs: &mut Vec<Job>) -> rusqlite::Result<()> {
        if self.course.moving {
            return Ok(());
        }
        if let Some(at) = self.course.move_again_at.filter(|at| *at > self.now.mono) {
            self.wake(at);
            return Ok(());
        }
        self.forget_contents(tx)?;
        let files = intake::load_to_move(tx, MOVED_TOGETHER)?;
        if !files.is_empty() {
            jobs.push(Job::Move(files));
        }
        Ok(())
    }
}

/// A document that is taken over.
struct Taking<'d> {
    /// With its key.
    document: Cow<'d, Document>,
    made_key: bool,
    /// The item that it repeats: it is not sent again.
    duplicate_of: Option<i64>,
    /// The latest item with its key.
    earlier: Option<Known>,
}

/// Logs what became of a document that has a file of its own.
fn tell(file_name: &str, taking: &Taking<'_>, id: i64) {
    let (kind, key) = (taking.document.kind.name(), taking.document.key.as_deref().unwrap_or("-"));
    match taking.duplicate_of {
        Some(first) => log::info!("{file_name:?}: {kind} {key} repeats item {first}, not sent again"),
        None => log::info!("{file_name:?}: {kind} {key} taken over as item {id}"),
    }
}

/// The words for programs, each once.
fn codes(problems: &[serde_json::Value]) -> String {
    let mut codes: Vec<&str> = problems.iter().filter_map(|problem| problem["code"].as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes.join(", ")
}

/// What a person may want to know of a document, as JSON.
pub(crate) fn warnings(
    document: &Document,
    made_key: bool,
    unknown: &[Warning],
    language: Language,
) -> String {
    let mut all = Vec::new();
    if made_key {
        let message = made_key_warning(document, language);
        all.push(serde_json::json!({ "code": "made_key", "message": message }));
    }
    if document.child_rows > 0 {
        let message = child_rows_warning(document.child_rows, language);
        all.push(serde_json::json!({ "code": "child_rows", "message": message }));
    }
    all.extend(document.warnings.iter().chain(unknown).map(|warning| warning.to_json(language)));
    serde_json::Value::Array(all).to_string()
}

fn child_rows_warning(rows: usize, language: Language) -> String {
    language.pick(
        format!(
            "{rows} rows are parts of a bill of materials (billOfMaterialsParentRowPosition) and were left out: \
             Extend makes them itself"
        ),
        format!(
            "{rows} rader är delar av en strukturartikel (billOfMaterialsParentRowPosition) och utelämnades: \
             Extend skapar dem själv"
        ),
    )
}

fn made_key_warning(document: &Document, language: Language) -> String {
    let key = document.key.as_deref().unwrap_or_default();
    let field = match document.kind {
        Kind::Return => "header.reference",
        _ => "orderHeader.orderNumberExternal",
    };
    match language {
        Language::English => {
            format!("the file gave no number of its own in {field}, so it was sent with {key}")
        }
        Language::Swedish => {
            format!("filen hade inget eget nummer i {field}, så den skickas med {key}")
        }
    }
}
