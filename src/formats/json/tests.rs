use super::*;
use crate::formats::document::OrderReference;

fn problems(text: &str) -> Vec<(String, Option<String>, Option<u64>)> {
    match parse(text.as_bytes()) {
        Ok(document) => panic!("{text} was taken as {:?}", document.kind),
        Err(problems) => problems.into_iter().map(|p| (p.code().to_owned(), p.field, p.line)).collect(),
    }
}

fn check(text: &str, code: &str, field: Option<&str>, line: Option<u64>) {
    let expected = (code.to_owned(), field.map(String::from), line);
    assert!(problems(text).contains(&expected), "{text}\n{:?}", problems(text));
}

#[test]
fn every_problem_is_named_with_its_place() {
    check("", "empty_file", None, None);
    check(" \r\n", "empty_file", None, None);
    check("{\"orderHeader\": {}", "cut_off", None, Some(1));
    check("{\n\"a\" 1}", "invalid_json", None, Some(2));
    check(&"[".repeat(10_000), "too_deep", None, Some(1));
    check("{\"a\": 1}", "unknown_document", None, Some(1));
    check("3", "unknown_document", None, Some(1));
    check("{\"orderHeader\": {}}", "missing_field", Some("orderRows"), Some(1));
    check("{\"orderRows\": []}", "missing_field", Some("orderHeader"), Some(1));
    check("{\"orderHeader\": {},\n\"orderRows\": []}", "missing_field", Some("orderRows[0]"), Some(2));
    let rows = "{\"orderHeader\": {\"orderNumberExternal\": 7},\n \"orderRows\": [\n  {\"product\": {},\n \
                \"salesData\": {\"quantity\": \"2\",\n \"unit\": \"\"}}]}";
    check(rows, "wrong_type", Some("orderHeader.orderNumberExternal"), Some(1));
    check(rows, "missing_field", Some("orderRows[0].product.productNumber"), Some(3));
    check(rows, "wrong_type", Some("orderRows[0].salesData.quantity"), Some(4));
    check(rows, "missing_field", Some("orderRows[0].salesData.unit"), Some(5));
    let twice = "{\"orderHeader\": {},\n\"orderRows\": [1],\n\"orderRows\": []}";
    check(twice, "duplicate_field", Some("orderRows"), Some(3));
    check("{\"a\": [{\"b\": {\"c\": 1, \"c\": 1}}]}", "duplicate_field", Some("a[0].b.c"), Some(1));
    check("{\"orderHeader\": {}}\0\0", "cut_off", None, Some(1));
    check(
        "{\"orderHeader\":{},\"orderRows\":[{\"product\":{\"productNumber\":\"P\"},\"salesData\":{\"quantity\":1e400,\"unit\":\"S\"}}]}",
        "wrong_type",
        Some("orderRows[0].salesData.quantity"),
        Some(1),
    );
    check("{\"createAction\": {}}", "missing_field", Some("createAction.action"), Some(1));
    check("{\"createAction\": {\"action\": \"X\"}}", "unknown_value", Some("createAction.action"), Some(1));
    let whole = "{\"createAction\": {\"action\": \"ReturnCompleteCustomerOrder\"}}";
    check(whole, "missing_field", Some("createAction.orderNumber"), Some(1));
    check("{\"createAction\": {\"action\": \"ReturnProducts\"}}", "missing_field", Some("rows"), Some(1));
}

#[test]
fn a_writer_that_stops_anywhere_is_seen_as_cut_off() {
    let whole =
        "{\"orderHeader\": {\"a\": -1.5e3, \"å\": \"\\u00e5😀\"}, \"orderRows\": [true, null]}".as_bytes();
    for end in 0..whole.len() {
        assert_eq!(completeness(&whole[..end]), Completeness::CutOff, "at byte {end}");
    }
    assert_eq!(completeness(whole), Completeness::Complete);
}

#[test]
fn room_that_was_made_beforehand_is_waited_for_even_within_a_character() {
    let whole = "{\"å\": 1}".as_bytes();
    for end in 0..whole.len() {
        let mut reserved = whole[..end].to_vec();
        reserved.resize(whole.len(), 0);
        assert_eq!(completeness(&reserved), Completeness::CutOff, "zeros from byte {end}");
    }
    check("{\"orderRows\": \"å", "cut_off", None, Some(1));
    assert_eq!(completeness(b"PK\x03\x04\xC3"), Completeness::Broken, "a spreadsheet");
    let cut = parse(b"{\"\xC3\0\0\0").unwrap_err();
    assert_eq!(cut, [Problem::of_file(Wrong::CutOff)]);
}

#[test]
fn a_large_file_that_is_wrong_in_every_row_is_told_of_in_its_first_problems() {
    let rows = vec!["{}"; 100_000].join(",\n");
    let problems = problems(&format!("{{\"orderHeader\":{{}},\"orderRows\":[{rows}]}}"));
    assert_eq!(problems.len(), MOST_PROBLEMS);
    assert_eq!(problems[99].2, Some(50), "two in each line");
}

#[test]
fn an_order_of_nothing_but_parts_is_not_sent_without_a_row() {
    let row = "{\"product\":{\"productNumber\":\"P\"},\"salesData\":{\"quantity\":1,\"unit\":\"S\"},\
               \"billOfMaterialsParentRowPosition\":10}";
    let text = format!("{{\"orderHeader\":{{}},\n\"orderRows\":[{row},{row}]}}");
    check(&text, "only_child_rows", Some("orderRows"), Some(2));
}

#[test]
fn numbers_and_unknown_fields_stay_as_they_were_written() {
    let text = "{\"orderHeader\":{\"mine\":{\"x\":[1.50]}},\"orderRows\":[{\"product\":{\"productNumber\":\"P\"},\
                \"salesData\":{\"quantity\":41.0,\"unit\":\"ST\",\"unitPrice\":10.6778}}]}";
    assert_eq!(parse(text.as_bytes()).unwrap().body.to_string(), text);
}

#[test]
fn a_return_gets_its_key_where_extend_reads_it() {
    let text = "{\"createAction\":{\"action\":\"ReturnCompleteCustomerOrder\",\"orderNumber\":\"OC-142\"}}";
    let mut document = parse(text.as_bytes()).unwrap();
    assert_eq!(document.key, None);
    assert_eq!(document.order, Some(OrderReference::Extend("OC-142".into())));
    document.set_key("K");
    assert_eq!(document.body["header"]["reference"], "K");
}
