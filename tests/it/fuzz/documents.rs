//! Files of the inbox: bytes to a document, or to what is wrong.

use extend_edge::formats::document::Document;
use extend_edge::formats::json::{Completeness, completeness, parse};
use extend_edge::formats::problem::{Language, Problem};
use extend_edge::formats::text;

/// A text no longer than this is cut at every byte.
const CUT_EVERYWHERE: usize = 200;

pub fn run(data: &[u8]) {
    let seen = completeness(data);
    match parse(data) {
        Ok(document) => {
            assert_eq!(seen, Completeness::Complete, "what is taken is whole");
            let text = text::decode(data).expect("what was taken is text");
            a_document_stays_itself(&document, &text);
            no_spelling_of_the_text_matters(&document, &text);
        }
        Err(problems) => problems_can_be_told(data, seen, &problems),
    }
    if seen == Completeness::Complete {
        whoever_still_writes_it_is_waited_for(data);
    }
}

fn problems_can_be_told(data: &[u8], seen: Completeness, problems: &[Problem]) {
    assert!(!problems.is_empty(), "a file that is not taken has a reason");
    let lines = match text::decode(data) {
        Ok(text) => lines(text.as_bytes()),
        Err(_) => lines(data),
    };
    for problem in problems {
        assert!(problem.line.is_none_or(|line| (1..=lines).contains(&line)), "{problem:?} of {lines} lines");
        assert!(problem.field.as_ref().is_none_or(|field| !field.is_empty()), "{problem:?}");
        for language in [Language::English, Language::Swedish] {
            let told = problem.to_json(language);
            assert!(told["message"].as_str().is_some_and(|message| !message.is_empty()), "{told}");
            assert!(told.to_string().len() < 20_000, "a sentence that nobody reads to its end");
        }
    }
    let told = |code: &str| problems.iter().any(|problem| problem.code() == code);
    match seen {
        Completeness::CutOff => {
            assert!(told("cut_off") || told("empty_file"), "{problems:?}")
        }
        Completeness::Complete => assert!(!told("cut_off") && !told("empty_file"), "{problems:?}"),
        Completeness::Broken | Completeness::LineEnded => {}
    }
}

/// What is sent is read again by whoever asks what was sent: by a person with «outbox edit», and by us.
fn a_document_stays_itself(document: &Document, text: &str) {
    let sent = document.body.to_string();
    let again = parse(sent.as_bytes()).unwrap_or_else(|problems| panic!("{sent}\n{problems:?}"));
    assert_eq!((again.kind, &again.key, &again.order), (document.kind, &document.key, &document.order));
    assert_eq!(again.customer_number, document.customer_number);
    assert_eq!(again.body, document.body);
    assert_eq!(again.child_rows, 0, "rows that must not be sent are left out once");
    if document.child_rows == 0 {
        assert_eq!(again.content_hash, document.content_hash);
        assert_eq!(numbers(&sent), numbers(text), "numbers pass through digit for digit");
    }
    if document.key.is_none() && document.kind.has_key() {
        let key = document.made_key("order.json", 1);
        let mut keyed = document.clone();
        keyed.set_key(&key);
        let read = parse(keyed.body.to_string().as_bytes()).expect("a made key spoils nothing");
        assert_eq!(read.key, Some(key), "the key is where Extend reads it");
        assert_eq!(numbers(&keyed.body.to_string()), numbers(&sent));
    }
}

fn no_spelling_of_the_text_matters(document: &Document, text: &str) {
    let mark = "\u{feff}".to_owned() + text;
    let little = || mark.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let big = || mark.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    for bytes in [mark.clone().into_bytes(), little(), big()] {
        let read = parse(&bytes).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(&read, document);
    }
}

/// A slow writer's file is a part of the whole, or that part and zeros up to its whole length. No part of it may
/// be called wrong: it would be set aside before it was written.
fn whoever_still_writes_it_is_waited_for(data: &[u8]) {
    let every = data.len() / CUT_EVERYWHERE + 1;
    let is_utf16 = data.starts_with(b"\xFF\xFE") || data.starts_with(b"\xFE\xFF");
    for end in (0..data.len()).step_by(every) {
        assert_ne!(completeness(&data[..end]), Completeness::Broken, "at byte {end}");
        // Half a unit of UTF-16 and a zero are another letter, perhaps a line end: nobody writes units in halves.
        let mut reserved = data[..if is_utf16 { end & !1 } else { end }].to_vec();
        reserved.resize(data.len(), 0);
        if reserved != data {
            assert_eq!(completeness(&reserved), Completeness::CutOff, "zeros from byte {end}");
        }
    }
}

fn lines(bytes: &[u8]) -> u64 {
    1 + bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// The numbers in a JSON text, as they are written but for their exponents: `1E2` may be written `1e+2`.
fn numbers(json: &str) -> Vec<String> {
    let bytes = json.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let length = bytes[at..]
                    .iter()
                    .take_while(|byte| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
                    .count();
                found.push(json[at..at + length].to_ascii_lowercase().replace("e+", "e"));
                at += length;
            }
            _ => at += 1,
        }
    }
    found
}
