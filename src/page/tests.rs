//! What the page says when the agent itself is in trouble.

use std::path::Path;

use ureq_proto::http::{HeaderMap, HeaderValue};

use super::*;

const SETTINGS: &str = "[extend]\nbase_url = \"http://127.0.0.1:9/RESTAPI\"\nclient = \"c\"\nusername = \"u\"\npassword = \"p\"\n";

fn desk(home: &Path) -> Desk {
    Desk {
        config: Arc::new(Config::parse(home, SETTINGS, None).unwrap()),
        guard: Guard::new(None).unwrap(),
        pulse: Arc::default(),
        looking: Mutex::new(()),
        began: Timestamp::now(),
        told_of_password: Mutex::new(None),
    }
}

/// A request for `path`, of a server that goes on for as long as the sender is kept.
fn request(path: &str) -> (Request, Sender<()>) {
    let (sender, stop) = bounded(0);
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("localhost:8788"));
    let request = Request {
        method: "GET".into(),
        path: path.into(),
        query: String::new(),
        headers,
        body: Vec::new(),
        peer: ([127, 0, 0, 1], 1).into(),
        stop,
    };
    (request, sender)
}

fn get(desk: &Desk, path: &str) -> (u16, String) {
    let (request, _going_on) = request(path);
    let response = desk.answer(&request);
    (response.status, String::from_utf8(response.body).unwrap())
}

#[test]
fn what_the_engine_can_not_write_down_is_told_all_the_same() {
    let home = tempfile::tempdir().unwrap();
    let desk = desk(home.path());
    let (status, page) = get(&desk, "/");
    assert_eq!((status, page.contains("The database can&#39;t be read")), (503, true), "{page}");
    assert_eq!(get(&desk, "/healthz").0, 503);

    drop(store::open(&desk.config.database).unwrap());
    assert_eq!(get(&desk, "/healthz"), (200, "ok\n".into()));
    assert!(get(&desk, "/").1.contains("Extend has not been asked yet"));
    desk.pulse.tell(Some("database or disk is full".into()));
    let (status, why) = get(&desk, "/healthz");
    assert_eq!((status, why.contains("disk is full")), (503, true));
    let (status, page) = get(&desk, "/");
    assert_eq!(status, 200);
    assert!(page.contains("One thing needs a person") && page.contains("Nothing can be recorded"), "{page}");
    assert!(get(&desk, "/metrics").1.contains("extend_edge_needs_person{code=\"database_disk\"} 1\n"));
}

#[test]
fn nobody_looks_for_long_and_nothing_is_written() {
    const ENDLESS: &str =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let home = tempfile::tempdir().unwrap();
    let desk = desk(home.path());
    drop(store::open(&desk.config.database).unwrap());
    let (asked, going_on) = request("/");
    let began = Instant::now();
    let endless = |asked: &Request| {
        desk.look(asked, |connection| connection.query_row(ENDLESS, [], |row| row.get::<_, i64>(0)))
    };
    assert!(endless(&asked).unwrap_err().is_interrupted());
    assert!(began.elapsed() >= PATIENCE);
    // A server that stops waits for nobody.
    drop(going_on);
    let began = Instant::now();
    assert!(endless(&asked).unwrap_err().is_interrupted());
    assert!(began.elapsed() < PATIENCE);

    let (asked, _going_on) = request("/");
    desk.look(&asked, |connection| connection.execute("DELETE FROM outbox", [])).unwrap_err();
}
