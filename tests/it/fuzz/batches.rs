//! Files of several documents: an array, or one a line.

use extend_edge::formats::contents::{Contents, Format};
use extend_edge::formats::json::Completeness;
use extend_edge::formats::problem::{Language, Problem};
use extend_edge::formats::receipt::{error_json, error_text, part_problems_json};

pub fn run(data: &[u8]) {
    for format in [Format::Json, Format::JsonLines] {
        let seen = format.completeness(data);
        match format.parse(data) {
            Ok(contents) => {
                if format == Format::JsonLines {
                    assert_eq!(seen, Completeness::LineEnded, "what is taken is whole");
                }
                each_stands_for_itself(format, &contents, data);
            }
            Err(problems) => assert!(!problems.is_empty(), "a file that is not taken has a reason"),
        }
    }
}

fn each_stands_for_itself(format: Format, contents: &Contents, data: &[u8]) {
    let positions = contents.parts.iter().map(|part| part.position);
    assert!(positions.eq(1..=contents.parts.len()), "every document has its place");
    let bad: Vec<(usize, Vec<Problem>)> = contents
        .parts
        .iter()
        .enumerate()
        .filter_map(|(place, part)| Some((place, part.result.clone().err()?)))
        .collect();
    if bad.is_empty() || !contents.is_several() {
        return;
    }
    // What was set aside is the same documents, with the same to say about them, and no others.
    let aside = contents.set_aside(data, &bad);
    let again = format.parse(&aside.bytes).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(again.parts.len(), bad.len());
    let told = again.parts.iter().flat_map(|part| part.result.clone().expect_err("still bad"));
    let told: Vec<Problem> = told.collect();
    let expected: Vec<Problem> = aside.problems.iter().map(|part| part.problem.clone()).collect();
    assert_eq!(told, expected);
    for language in [Language::English, Language::Swedish] {
        let problems = part_problems_json(&aside.problems, language);
        let json: serde_json::Value = serde_json::from_str(&error_json("f", &problems)).expect("JSON");
        assert_eq!(json["documents"].as_array().map(Vec::len), Some(bad.len()), "each is named");
        assert!(!error_text("f", &problems, true, language).is_empty());
    }
    // Nor are the good ones changed by what stands beside them.
    let good: Vec<usize> =
        (0..contents.parts.len()).filter(|place| contents.parts[*place].result.is_ok()).collect();
    if !good.is_empty() {
        let apart: Vec<(usize, Vec<Problem>)> = good.iter().map(|place| (*place, Vec::new())).collect();
        let again = format.parse(&contents.set_aside(data, &apart).bytes).expect("good ones");
        for (place, part) in good.into_iter().zip(&again.parts) {
            assert_eq!(part.result, contents.parts[place].result);
        }
    }
}
