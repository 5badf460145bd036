//! Answers to what is sent, looked up and asked before a change: every status with every body.
//!
//! Parts: answers in the order in which they come, each with its status in front: `200 {"orderHeader": …}`. Where
//! they end, so does the line.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use extend_edge::extend::client::Api;
use extend_edge::extend::jobs::{CallJob, CallOutcome, SendJob, run as run_job};
use extend_edge::extend::look_up::{LookUpJob, Looked};
use extend_edge::extend::prepare::{PrepareJob, Target};
use extend_edge::extend::requests::{Method, Request};
use extend_edge::formats::document::{Kind, text_at};
use extend_edge::rules::answer::{Answer, Health, Limits, NoAnswer, NotDone, Sent, of_read, of_write};
use extend_edge::rules::change::Verb;
use extend_edge::rules::lookup::{Finding, judge};
use serde_json::{Value, json};

use super::parts::parts;

const KEY: &str = "W-1";

/// More than a look-up makes: twenty pages of a hundred.
const MOST_REQUESTS: u32 = 2100;

/// Extend as the input has it, and what it was asked.
struct Line {
    answers: Mutex<Vec<Result<Answer, NoAnswer>>>,
    asked: Mutex<Vec<Request>>,
}

impl Line {
    fn new(answers: &[Result<Answer, NoAnswer>]) -> Line {
        Line { answers: Mutex::new(answers.to_vec()), asked: Mutex::new(Vec::new()) }
    }
}

impl Api for Line {
    fn call(&self, request: &Request) -> Result<Answer, NoAnswer> {
        self.asked.lock().expect("one thread").push(request.clone());
        self.answers
            .lock()
            .expect("one thread")
            .pop()
            .unwrap_or_else(|| Err(NoAnswer::Lost("no more".into())))
    }
}

fn answer(part: &[u8]) -> Result<Answer, NoAnswer> {
    let digits = part.get(..3).and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u16>().ok());
    let Some(status) = digits.filter(|status| (100..1000).contains(status)) else {
        return Err(NoAnswer::Lost("cut".into()));
    };
    let body = part.get(4..).unwrap_or_default().to_vec();
    let retry_after = body.first().map(|byte| Duration::from_secs(u64::from(*byte)));
    Ok(Answer { status, body, retry_after, limits: Limits::default(), server_time: None })
}

pub fn run(data: &[u8]) {
    let mut answers: Vec<_> = parts(data).into_iter().map(answer).collect();
    let first = answers[0].clone();
    one_answer(&first);
    answers.reverse();
    for kind in Kind::ALL {
        for job in jobs(kind) {
            let line = Line::new(&answers);
            let done = run_job(&line, job.clone());
            let asked = line.asked.into_inner().expect("one thread");
            assert!(asked.len() <= job.requests() as usize, "{} requests without leave", asked.len());
            assert_eq!(done.seen.unused as usize, job.requests() as usize - asked.len());
            if let (CallJob::LookUp(job), CallOutcome::LookedUp { found, .. }) = (&job, &done.outcome) {
                assert_eq!(
                    step_by_step(&answers, job),
                    *found,
                    "leave for one request at a time changes nothing"
                );
            }
            check(kind, &job, done.outcome, &asked, &first);
        }
    }
}

fn one_answer(result: &Result<Answer, NoAnswer>) {
    let (sent, got) = (of_write(result), of_read(result.clone()));
    let health = extend_edge::rules::answer::health(result);
    // One request, one account of it: what is at Extend for certain came in an answer that is Extend's own.
    if let Sent::Done(body) = &sent {
        assert!(body.is_object() && health == Health::Well, "{result:?}");
    }
    if let Sent::Not(NotDone::Refused { message, .. } | NotDone::Forbidden(message)) = &sent {
        assert!(!message.trim().is_empty() && message.chars().count() <= 2000, "{result:?}");
    }
    let Ok(answer) = result else { return };
    match answer.status {
        200..=299 => assert!(!matches!(sent, Sent::Not(_)), "it may be done: {sent:?}"),
        429 => assert!(matches!(sent, Sent::Not(NotDone::Again { .. }))),
        401 => assert!(sent == Sent::Not(NotDone::LoginRefused) && health == Health::LoginRefused),
        500.. => {
            let unclear = matches!(sent, Sent::Unclear(_));
            assert!(unclear || matches!(sent, Sent::Not(NotDone::NotExtend(_))), "{sent:?}")
        }
        _ => assert!(!matches!(sent, Sent::Done(_)), "{sent:?}"),
    }
    let _ = got;
}

fn jobs(kind: Kind) -> Vec<CallJob> {
    let target = kind.is_prepared().then(|| "OC-1".to_owned());
    let verb = if kind.changes_order() { Verb::Put } else { Verb::Post };
    let mut all = vec![
        CallJob::Send(SendJob {
            id: 1,
            attempt: 1,
            kind,
            key: Some(KEY.into()),
            verb,
            payload: json!({ "createAction": { "orderNumberExternal": KEY } }).to_string(),
            target: target.clone(),
            order_to_find: (kind == Kind::Return).then(|| KEY.to_owned()),
        }),
        CallJob::LookUp(LookUpJob {
            id: 1,
            attempt: 1,
            kind,
            key: KEY.into(),
            customer_number: Some("C-1".into()),
            order_number: None,
            target,
            from: "2026-11-20T00:00:00".into(),
            first_attempt_at: Some(1_795_300_000),
            requests: MOST_REQUESTS,
            so_far: Arc::default(),
        }),
    ];
    if kind.is_prepared() {
        let target = Target::External(KEY.into());
        all.push(CallJob::Prepare(PrepareJob { id: 1, attempt: 1, kind, target }));
    }
    all
}

fn check(
    kind: Kind,
    job: &CallJob,
    outcome: CallOutcome,
    asked: &[Request],
    first: &Result<Answer, NoAnswer>,
) {
    let changes = |request: &&Request| request.method != Method::Get;
    let changing = asked.iter().filter(changes).count();
    match outcome {
        CallOutcome::Sent { sent, .. } => {
            assert!(changing <= 1, "one attempt is one request");
            if let Sent::Done(body) = &sent {
                assert_eq!(changing, 1);
                assert!(body.is_object());
            }
            // Whatever was sent without a clear answer is never taken for not sent.
            if kind != Kind::Return && matches!(first, Err(NoAnswer::Lost(_))) {
                assert!(matches!(sent, Sent::Unclear(_)), "{sent:?}");
            }
        }
        CallOutcome::LookedUp { found, .. } => {
            assert_eq!(changing, 0, "a look-up changes nothing");
            match found {
                Ok(Looked::All(candidates)) => judged(kind, &candidates),
                Ok(Looked::More(_)) => panic!("it does not end"),
                Err(why) => assert!(!why.is_empty()),
            }
        }
        CallOutcome::Prepared { standing, .. } => {
            assert_eq!(changing, 0, "asking changes nothing");
            if let Ok(standing) = standing {
                assert!(!standing.number.trim().is_empty());
                assert!(standing.record.is_none_or(|record| record.is_object()));
            }
        }
        other => panic!("{job:?} gave {other:?}"),
    }
}

fn step_by_step(answers: &[Result<Answer, NoAnswer>], job: &LookUpJob) -> Result<Looked, String> {
    let line = Line::new(answers);
    let mut job = LookUpJob { requests: 1, ..job.clone() };
    loop {
        match run_job(&line, CallJob::LookUp(job.clone())).outcome {
            CallOutcome::LookedUp { found: Ok(Looked::More(so_far)), .. } => job.so_far = so_far,
            CallOutcome::LookedUp { found, .. } => return found,
            other => panic!("{other:?}"),
        }
    }
}

fn judged(kind: Kind, candidates: &[extend_edge::rules::lookup::Candidate]) {
    let mut numbers: Vec<&str> = candidates.iter().map(|candidate| &*candidate.number).collect();
    numbers.sort_unstable();
    assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]), "one record is one candidate");
    let sent = json!({ "orderHeader": { "customerNumber": "C-1" },
                       "orderRows": [{ "product": { "productNumber": "P-1" } }] });
    for first_attempt_at in [None, Some(1_795_300_000)] {
        match judge(&sent, first_attempt_at, candidates) {
            Finding::Found(at) if kind == Kind::Order => {
                let record: &Value = &candidates[at].record;
                assert_eq!(text_at(record, &["orderHeader", "customerNumber"]), Some("C-1"));
            }
            Finding::LookAlike(named) => assert!(!named.is_empty()),
            Finding::NotFound if first_attempt_at.is_none() => {
                assert!(candidates.is_empty(), "where no time is known, nothing is too old to be ours");
            }
            _ => {}
        }
    }
}
