//! What comes back over the wire: the client reads whatever bytes a server, a proxy or a broken line gives it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use extend_edge::extend::client::{Api, Client};
use extend_edge::extend::requests::{post_order, probe};
use extend_edge::rules::answer::{NoAnswer, of_read, of_write};
use extend_edge::rules::budget::{Budget, Class};

/// A server on this machine that answers every connection with the same bytes, whatever they are.
struct Wire {
    answer: &'static Mutex<Vec<u8>>,
    client: Client,
}

static WIRE: LazyLock<Wire> = LazyLock::new(|| {
    static ANSWER: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("a port");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let bytes = ANSWER.lock().expect("no panic").clone();
            let _ = give(stream, &bytes);
        }
    });
    let client = Client::new(&format!("http://{address}"), "test", "user", "pass", Duration::from_secs(10));
    Wire { answer: &ANSWER, client }
});

fn give(mut stream: TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    // The whole request, so that the close is no reset.
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    while !is_whole(&request) {
        match stream.read(&mut part)? {
            0 => return Ok(()),
            count => request.extend_from_slice(&part[..count]),
        }
    }
    // And the end, or the client would wait for more.
    stream.write_all(bytes)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.to_ascii_lowercase().lines().find_map(|line| {
        line.strip_prefix("content-length:").and_then(|length| length.trim().parse::<usize>().ok())
    });
    body.len() >= length.unwrap_or(0)
}

pub fn run(data: &[u8]) {
    let wire = &*WIRE;
    *wire.answer.lock().expect("no panic") = data.to_vec();
    for request in [post_order("{\"orderHeader\":{}}".into()), probe()] {
        let result = wire.client.call(&request);
        if let Err(no_answer) = &result {
            // The bytes came back, so the request was there.
            assert!(matches!(no_answer, NoAnswer::Lost(_)), "{no_answer:?}");
        }
        let _ = of_write(&result);
        if let Ok(answer) = &result {
            assert!(answer.status >= 100);
            let now = Duration::from_secs(1000);
            let mut budget = Budget::new(300, now);
            budget.after_answer(request.group(), &answer.limits, answer.server_time, now);
            if answer.status == 429 {
                budget.after_too_many(request.group(), answer.retry_after, now);
            }
            // No header shuts us up for longer than five minutes.
            let later = now + Duration::from_secs(301);
            for class in Class::ALL {
                assert_eq!(budget.take(class, request.group(), later), Ok(()));
            }
        }
        let _ = of_read(result);
    }
}
