use super::*;
use crate::formats::problem::Language;

fn order(key: &str) -> String {
    format!(
        "{{\"orderHeader\":{{\"orderNumberExternal\":\"{key}\"}},\"orderRows\":[{{\"product\":{{\"productNumber\":\"P\"}},\
         \"salesData\":{{\"quantity\":1.50,\"unit\":\"ST\"}}}}]}}"
    )
}

/// What becomes of each part: its key where it is good, the codes and lines of its problems where it is not.
fn told(name: &str, bytes: &[u8]) -> Vec<String> {
    let told = |problems: &[Problem]| {
        let problems = problems.iter().map(|problem| format!("{} {:?}", problem.code(), problem.line));
        problems.collect::<Vec<_>>().join(", ")
    };
    match Format::of(name, &[]).unwrap().parse(bytes) {
        Err(problems) => vec![format!("file: {}", told(&problems))],
        Ok(contents) => contents
            .parts
            .iter()
            .map(|part| match &part.result {
                Ok(document) => document.key.clone().unwrap_or_default(),
                Err(problems) => told(problems),
            })
            .collect(),
    }
}

#[test]
fn each_document_stands_for_itself() {
    let (a, b) = (order("A"), order("B"));
    let array = format!("[\n{a},\n\n {{\"orderHeader\": {{}},\n \"orderRows\": []}}, {b}\n,[1]]");
    assert_eq!(
        told("x.json", array.as_bytes()),
        ["A", "missing_field Some(5)", "B", "unsupported_kind Some(6)"]
    );
    let lines = format!("{a}\r\n\n{{\"orderHeader\"\n  {b} \n7\n");
    assert_eq!(told("x.JSONL", lines.as_bytes()), ["A", "cut_off Some(3)", "B", "unknown_document Some(5)"]);
    assert_eq!(told("x", a.as_bytes()), ["A"]);
    let utf16: Vec<u8> = format!("\u{feff}[{a}]").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(told("x.json", &utf16), ["A"]);
}

#[test]
fn a_file_that_holds_nothing_or_breaks_off_is_no_file_of_documents() {
    assert_eq!(told("x.json", b" [ ] "), ["file: empty_list None"]);
    assert_eq!(told("x.jsonl", b"\n\n"), ["file: empty_file None"]);
    assert_eq!(told("x.json", b"[{},\n{]"), ["file: invalid_json Some(2)"]);
    assert_eq!(
        told("x.jsonl", format!("{}\n{}", order("A"), order("B")).as_bytes()),
        ["file: cut_off Some(2)"]
    );
}

#[test]
fn what_was_not_taken_is_a_file_of_the_same_format_that_tells_the_same() {
    let bad = "{\"orderHeader\": {\"orderNumberExternal\": \"BAD\"},\n \"orderRows\": [\n  {}]}";
    let one_line = bad.replace('\n', "");
    for (name, file, expected) in [
        ("x.json", format!("[{},\n{bad},{},7]", order("A"), order("B")), format!("[\n{bad},\n7\n]\n")),
        ("x.jsonl", format!("{}\n\n{one_line}\n{}\n7\n", order("A"), order("B")), format!("{one_line}\n7\n")),
    ] {
        let format = Format::of(name, &[]).unwrap();
        let contents = format.parse(file.as_bytes()).unwrap();
        let bad: Vec<(usize, Vec<Problem>)> = contents
            .parts
            .iter()
            .enumerate()
            .filter_map(|(place, part)| Some((place, part.result.clone().err()?)))
            .collect();
        let aside = contents.set_aside(file.as_bytes(), &bad);
        assert_eq!(String::from_utf8(aside.bytes.clone()).unwrap(), expected);
        let positions: Vec<(usize, Option<&str>)> =
            aside.problems.iter().map(|problem| (problem.position, problem.key.as_deref())).collect();
        assert_eq!(positions, [(2, Some("BAD")), (2, Some("BAD")), (4, None)]);
        let again = format.parse(&aside.bytes).unwrap();
        let problems = again.parts.iter().flat_map(|part| part.result.clone().err().unwrap());
        assert!(problems.eq(aside.problems.iter().map(|problem| problem.problem.clone())), "{aside:?}");
        for problem in &aside.problems {
            assert!(!problem.problem.message(Language::Swedish).is_empty());
        }
    }
}

#[test]
fn lines_are_whole_when_the_last_one_ends() {
    let whole = format!("{}\nå\n", order("A"));
    for end in 0..whole.len() {
        let seen = Format::JsonLines.completeness(&whole.as_bytes()[..end]);
        let ends = whole.as_bytes()[..end].ends_with(b"\n");
        assert_eq!(seen, if ends { Completeness::LineEnded } else { Completeness::CutOff }, "at byte {end}");
    }
    assert_eq!(Format::JsonLines.completeness(b"a\n\0\0"), Completeness::CutOff);
    assert_eq!(Format::JsonLines.completeness(b"a\xFFb\n"), Completeness::Broken);
}

#[test]
fn ten_thousand_documents_without_a_number_have_as_many_keys() {
    let without = order("").replace("\"orderNumberExternal\":\"\"", "");
    let file = format!("[{}]", vec![without; 10_000].join(",\n"));
    let contents = Format::Json.parse(file.as_bytes()).unwrap();
    let keys: std::collections::HashSet<String> = contents
        .parts
        .iter()
        .map(|part| part.result.as_ref().unwrap().made_key("x.json", part.position))
        .collect();
    assert_eq!(keys.len(), 10_000);
}

#[test]
fn a_file_of_lines_gets_the_line_end_that_it_lacks_in_its_own_encoding() {
    let utf_16 = |text: &str, little: bool| -> Vec<u8> {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        units.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    };
    for (bytes, ended) in [
        (b"{}\n{}".to_vec(), b"{}\n{}\n".to_vec()),
        (b"{}\n".to_vec(), b"{}\n".to_vec()),
        (utf_16("{}", true), utf_16("{}\n", true)),
        (utf_16("{}", false), utf_16("{}\n", false)),
        // Half a letter is no whole file, whatever a marker says.
        (b"{\"a\": \"\xC3".to_vec(), b"{\"a\": \"\xC3".to_vec()),
    ] {
        assert_eq!(Format::JsonLines.ended(&bytes), ended);
    }
    assert_eq!(&*Format::Json.ended(b"{"), b"{", "JSON tells by itself");
}
