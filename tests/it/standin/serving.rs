//! The server under the stand-in: whole requests only, bounded in every direction.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use extend_edge::web::{Limits, Outcome, Request, Response, Server};
use jiff::Timestamp;

/// A server that says what it got.
fn echo(limits: Limits) -> Server {
    let handler = |request: &Request| {
        let Request { method, path, query, .. } = request;
        let body = String::from_utf8_lossy(&request.body);
        match path.as_str() {
            "/close" => Outcome::Close,
            "/raw" => Outcome::Raw(b"as it is".to_vec()),
            "/cut" => Outcome::Cut(Response::text(200, "0123456789")),
            "/none" => Response { status: 204, headers: vec![], body: vec![] }.into(),
            _ => Response::text(200, format!("{method} {path} {query} {body}"))
                .with_header("x-more", "1")
                .into(),
        }
    };
    let clock = || Timestamp::from_second(784_111_777).expect("a time");
    Server::start("echo", "127.0.0.1:0", limits, clock, handler).expect("a server")
}

/// Sends bytes and gives all that comes back until the server closes.
fn send(server: &Server, bytes: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    stream.write_all(bytes.as_bytes()).expect("to be heard");
    let mut answer = Vec::new();
    // A server that has had enough may reset the connection after its answer.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn body_of(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

const LAST: &str = "connection: close\r\n\r\n";

#[test]
fn a_connection_serves_one_request_after_another() {
    let server = echo(Limits::default());
    let answer = send(
        &server,
        &format!(
            "GET /a?b=%20 HTTP/1.1\r\nhost: x\r\n\r\nPOST /c HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nxyzGET /d HTTP/1.1\r\nhost: x\r\n{LAST}"
        ),
    );
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{answer}");
    assert_eq!(answer.matches("date: Sun, 06 Nov 1994 08:49:37 GMT").count(), 3, "{answer}");
    assert!(answer.contains("GET /a b=%20 ") && answer.contains("POST /c  xyz") && answer.contains("GET /d"));
}

#[test]
fn a_chunked_body_is_put_together() {
    let server = echo(Limits::default());
    let answer = send(
        &server,
        &format!(
            "POST /c HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n{LAST}3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n"
        ),
    );
    assert_eq!(body_of(&answer), "POST /c  abcdefgh");
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    let server = echo(Limits::default());
    let answer = send(
        &server,
        &format!("PUT /c HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n{LAST}ab"),
    );
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"), "{answer}");
}

#[test]
fn head_and_204_have_no_body() {
    let server = echo(Limits::default());
    assert_eq!(body_of(&send(&server, &format!("HEAD /a HTTP/1.1\r\nhost: x\r\n{LAST}"))), "");
    let none = send(&server, &format!("GET /none HTTP/1.1\r\nhost: x\r\n{LAST}"));
    assert!(none.starts_with("HTTP/1.1 204") && !none.contains("content-length"), "{none}");
}

#[test]
fn connections_break_on_demand() {
    let server = echo(Limits::default());
    assert_eq!(send(&server, "GET /close HTTP/1.1\r\nhost: x\r\n\r\n"), "");
    assert_eq!(send(&server, "GET /raw HTTP/1.1\r\nhost: x\r\n\r\n"), "as it is");
    let cut = send(&server, "GET /cut HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(cut.contains("content-length: 10"), "{cut}");
    assert_eq!(body_of(&cut), "01234");
}

#[test]
fn what_is_too_large_or_unreadable_is_refused() {
    let server = echo(Limits { body_bytes: 10, head_bytes: 1000, ..Limits::default() });
    let status = |request: &str| send(&server, request).get(9..12).unwrap_or_default().to_owned();
    assert_eq!(status("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\n\r\n"), "413");
    let chunked =
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n";
    assert_eq!(status(chunked), "413");
    assert_eq!(status(&format!("GET / HTTP/1.1\r\nx: {}", "a".repeat(40_000))), "431");
    assert_eq!(status("not http at all\r\n\r\n"), "400");
}

#[test]
fn slow_and_silent_clients_are_cut_off() {
    let soon = Duration::from_millis(50);
    let server = echo(Limits { idle: soon, request: soon, ..Limits::default() });
    assert_eq!(send(&server, ""), "");
    assert_eq!(send(&server, "GET / HTTP/1.1\r\nhos"), "");
    assert_eq!(send(&server, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nabc"), "");
}

#[test]
fn one_connection_too_many_is_turned_away() {
    let server = echo(Limits { connections: 1, ..Limits::default() });
    let mut first = TcpStream::connect(server.address()).expect("a connection");
    first.write_all(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n").expect("to be heard");
    first.read_exact(&mut [0; 1]).expect("an answer");
    assert!(send(&server, "").starts_with("HTTP/1.1 503"));
}

#[test]
fn dropping_the_server_ends_connections_that_are_open() {
    let server = echo(Limits::default());
    let mut open = TcpStream::connect(server.address()).expect("a connection");
    open.write_all(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n").expect("to be heard");
    open.read_exact(&mut [0; 1]).expect("an answer");
    drop(server);
    // Ends, whichever way: the test would hang otherwise.
    let _ = open.read_to_end(&mut Vec::new());
}
