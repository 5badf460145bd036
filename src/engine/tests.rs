//! The engine without threads: events in, tables read.

use super::*;
use crate::exchange::watch::Arrived;
use crate::formats::{canonical, contents::Format};

const SETTINGS: &str = "[extend]\nbase_url = \"http://127.0.0.1:9\"\nclient = \"demo\"\nusername = \"edge\"\n\
                        password = \"not-a-secret\"\n";

fn engine(home: &std::path::Path) -> Engine {
    let config = Arc::new(Config::parse(home, SETTINGS, None).unwrap());
    Engine::new(store::open_in_memory().unwrap(), config, Task::default(), now()).unwrap()
}

fn now() -> Now {
    Now { wall: "2026-11-21T22:16:00Z".parse().unwrap(), mono: Duration::ZERO }
}

fn arrived(key: &str) -> Event {
    let text = format!(
        "{{\"orderHeader\": {{\"orderNumberExternal\": \"{key}\"}}, \"orderRows\": [{{\"product\": \
         {{\"productNumber\": \"P\"}}, \"salesData\": {{\"quantity\": 1, \"unit\": \"ST\"}}}}]}}"
    );
    let content = text.into_bytes();
    Event::Seen(Sighting::Arrived(Box::new(Arrived {
        name: format!("{key}.json"),
        size: content.len() as u64,
        hash: Some(canonical::bytes_hash(&content)),
        stamp: String::new(),
        parsed: Format::Json.parse(&content),
        content,
    })))
}

fn files(engine: &Engine) -> Vec<(String, String)> {
    let mut select =
        engine.connection.prepare("SELECT name, verdict FROM files ORDER BY name").expect("a statement");
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("rows")
}

#[test]
fn what_can_not_be_stored_is_undone_alone_and_the_rest_is_taken() {
    let home = tempfile::tempdir().unwrap();
    let mut engine = engine(home.path());
    engine
        .connection
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON outbox WHEN NEW.key = 'B' BEGIN
                 SELECT raise(ABORT, 'this one can not be stored');
             END;",
        )
        .unwrap();
    let jobs = engine.step([arrived("A"), arrived("B"), arrived("C")], now()).unwrap();
    let taken = [("A.json", "accepted"), ("B.json", "rejected"), ("C.json", "accepted")];
    assert_eq!(files(&engine), taken.map(|(name, verdict)| (name.to_owned(), verdict.to_owned())));
    let queued: i64 = engine
        .connection
        .query_row("SELECT count(*) FROM outbox WHERE state = 'queued'", [], |row| row.get(0))
        .unwrap();
    let documents: i64 =
        engine.connection.query_row("SELECT count(*) FROM documents", [], |row| row.get(0)).unwrap();
    assert_eq!((queued, documents), (2, 2), "nothing of it is left behind");
    assert!(jobs.iter().any(|job| matches!(job, Job::Move(files) if files.len() == 3)));
    // Nothing is taken in twice.
    engine.step([], now()).unwrap();
    assert_eq!(files(&engine).len(), 3);
}
