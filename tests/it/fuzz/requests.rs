//! Requests that come in, at the listener that webhooks and the status page stand behind.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use extend_edge::web::{Limits, Outcome, Response, Server};

const HEAD_BYTES: usize = 2048;
const BODY_BYTES: usize = 4096;

/// A request as the handler had it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Heard {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

static HEARD: Mutex<Vec<Heard>> = Mutex::new(Vec::new());

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let limits = Limits {
        connections: 8,
        head_bytes: HEAD_BYTES,
        body_bytes: BODY_BYTES,
        idle: Duration::from_secs(10),
        request: Duration::from_secs(10),
        answer: Duration::from_secs(10),
    };
    let answer = |request: &extend_edge::web::Request| -> Outcome {
        let headers = request.headers.iter();
        HEARD.lock().expect("no panic").push(Heard {
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            headers: headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect(),
            body: request.body.clone(),
        });
        Response::text(200, "heard").into()
    };
    Server::start("fuzz", "127.0.0.1:0", limits, jiff::Timestamp::now, answer).expect("a port")
});

pub fn run(data: &[u8]) {
    let (heard, answers) = send(&[data]);
    for request in &heard {
        assert!(request.body.len() <= BODY_BYTES, "a body of {} bytes", request.body.len());
        let head: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(
            head + request.path.len() + request.query.len() <= HEAD_BYTES,
            "a head of {head} bytes and more"
        );
        assert!(!request.method.is_empty() && !request.method.contains(char::is_whitespace));
        assert!(!request.path.contains(['\r', '\n', ' ']) && !request.query.contains(['\r', '\n', ' ']));
    }
    // What was heard was there: no request is made of nothing, and no body of another's bytes.
    for request in heard.iter().filter(|request| !request.body.is_empty()) {
        let chunked = request.headers.iter().any(|(name, _)| name == "transfer-encoding");
        assert!(
            chunked || data.windows(request.body.len()).any(|window| window == request.body),
            "{request:?}"
        );
    }
    assert!(answers.is_empty() || answers.starts_with("HTTP/1."), "{answers}");
    // A line gives its bytes as it likes.
    if data.len() > 1 {
        let middle = data.len() / 2;
        let (in_two, _) = send(&[&data[..middle], &data[middle..]]);
        assert_eq!(in_two, heard, "the same bytes in two parts are the same requests");
    }
}

/// Sends the parts and hears all that comes back.
fn send(parts: &[&[u8]]) -> (Vec<Heard>, String) {
    HEARD.lock().expect("no panic").clear();
    let mut stream = TcpStream::connect(SERVER.address()).expect("a connection");
    stream.set_nodelay(true).expect("a socket");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    for part in parts {
        // The server may have had enough.
        if stream.write_all(part).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answers) {
        assert!(error.kind() != std::io::ErrorKind::WouldBlock, "the server hangs");
    }
    (HEARD.lock().expect("no panic").clone(), String::from_utf8_lossy(&answers).into_owned())
}
