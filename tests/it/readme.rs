//! The README keeps up with the program: settings, codes and queries.

use std::path::Path;

use extend_edge::config::{Config, ConfigError};
use extend_edge::store;

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap().replace('\r', "")
}

/// The part of the README under a heading of the second level.
fn chapter(heading: &str) -> String {
    let readme = read("README.md");
    let (_, after) = readme.split_once(&format!("\n## {heading}\n")).expect(heading);
    after.split("\n## ").next().unwrap().to_owned()
}

/// Section and key of each row in the README's table of settings, and the default that it names.
fn settings_in_readme() -> Vec<(String, String, String)> {
    let chapter = chapter("Settings");
    let rows = chapter.lines().filter_map(|line| line.strip_prefix("| `["));
    rows.map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        let name = |cell: &str| cell.trim_end_matches("]`").trim_matches('`').to_owned();
        (name(cells[0]), name(cells[1]), cells[2].trim_matches('`').to_owned())
    })
    .collect()
}

#[test]
fn every_key_of_the_sample_settings_is_in_the_readme_with_its_default() {
    let told = settings_in_readme();
    let mut section = "";
    let mut keys = 0;
    let sample = read("sample-config/extend-edge.toml");
    for line in sample.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        }
        let is_default = line.starts_with('#');
        let Some((key, value)) = line.trim_start_matches('#').split_once(" = ") else { continue };
        if !key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            continue;
        }
        keys += 1;
        let row = told.iter().find(|(in_section, name, _)| in_section == section && name == key);
        let (_, _, default) = row.unwrap_or_else(|| panic!("[{section}] {key} is not in the README"));
        if is_default {
            assert_eq!(default, value, "the default of [{section}] {key}");
        }
    }
    assert!(keys > 30, "only {keys} keys were found in the sample");
}

#[test]
fn every_key_in_the_readme_is_one_that_the_program_knows() {
    let told = settings_in_readme();
    assert!(told.iter().any(|(_, key, _)| key == "password_file"));
    for (section, key, _) in told {
        let answer =
            |key: &str| match Config::parse(Path::new("home"), &format!("[{section}]\n{key} = {{}}\n"), None)
            {
                Err(ConfigError::Problems(problems)) => {
                    problems.iter().any(|problem| problem.to_string().contains("no such key"))
                }
                other => panic!("{other:?}"),
            };
        assert!(!answer(&key), "[{section}] {key} is in the README and not in the program");
        assert!(answer("made_up_key_zzz"), "an unknown key is not told by its words any more");
    }
}

#[test]
fn every_error_code_is_in_the_readme() {
    let chapter = chapter("Receipts and error files");
    let problem = read("src/formats/problem.rs");
    let (_, code) = problem.split_once("pub fn code").unwrap();
    let (code, _) = code.split_once("pub fn message").unwrap();
    let mut codes: Vec<String> = code.lines().filter_map(|line| quoted_after(line, "=> \"")).collect();
    for file in ["src/formats/csv/problem.rs", "src/formats/ubl/problem.rs", "src/formats/warning.rs"] {
        let text = read(file);
        let (code, _) = text.split_once("pub fn message").unwrap();
        codes.extend(code.lines().filter_map(|line| quoted_after(line, "=> \"")));
    }
    assert!(codes.len() > 15, "{codes:?}");
    // What Extend, or the agent in its place, says no with.
    for (file, before) in [
        ("src/rules/answer.rs", "code: \""),
        ("src/extend/prepare.rs", "code: \""),
        ("src/rules/change/refusal.rs", "Refusal::OrderGone => \""),
        ("src/rules/change/refusal.rs", "Refusal::NoSuchRow { .. } => \""),
        ("src/rules/change/refusal.rs", "Refusal::ChildRow { .. } => \""),
        ("src/rules/change/refusal.rs", "Refusal::CustomerExists => \""),
        ("src/engine/look_ups.rs", "true => (\""),
        ("src/engine/look_ups.rs", "false => (\""),
    ] {
        let found: Vec<String> = read(file).lines().filter_map(|line| quoted_after(line, before)).collect();
        assert!(!found.is_empty(), "{file}");
        codes.extend(found);
    }
    for code in codes {
        assert!(chapter.contains(&format!("| `{code}` |")), "the code {code} is not in the README");
    }
}

fn quoted_after(line: &str, before: &str) -> Option<String> {
    let (_, after) = line.split_once(before)?;
    Some(after.split('"').next()?.to_owned())
}

#[test]
fn every_query_in_the_readme_runs_and_every_column_is_told() {
    let chapter = chapter("Reports");
    let connection = store::open_in_memory().unwrap();
    let mut views = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'view' AND name LIKE 'report\\_%' ESCAPE '\\'")
        .unwrap();
    let views: Vec<String> =
        views.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(views.len() >= 8, "{views:?}");
    for view in views {
        let part = chapter.split("\n### ").find(|part| part.starts_with(&format!("{view}\n")));
        let part = part.unwrap_or_else(|| panic!("{view} has no part of its own under Reports"));
        let columns = connection.prepare(&format!("SELECT * FROM {view}")).unwrap();
        for column in columns.column_names() {
            assert!(part.contains(&format!("| `{column}` |")), "{view}.{column} is not in the README");
        }
        let queries: Vec<&str> =
            part.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(queries.len() >= 3, "{view} has {} queries", queries.len());
        for query in queries {
            let mut statement = connection.prepare(query).unwrap_or_else(|error| panic!("{error}\n{query}"));
            let mut rows = statement.query([]).unwrap_or_else(|error| panic!("{error}\n{query}"));
            while rows.next().unwrap_or_else(|error| panic!("{error}\n{query}")).is_some() {}
        }
    }
}

/// The settings in `text` with a login before them.
fn with_login(text: &str) -> Result<Config, ConfigError> {
    let login = "[extend]\nbase_url = \"https://s05.extend.se/RESTAPI\"\nclient = \"c\"\nusername = \"u\"\n";
    Config::parse(Path::new("home"), &format!("{login}{text}"), Some("p".into()))
}

#[test]
fn every_key_of_a_csv_section_is_in_the_samples_and_the_readme() {
    let chapter = chapter("Formats");
    let (_, example) = chapter.split_once("```toml\n[csv.").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    with_login(&format!("[csv.{example}")).unwrap_or_else(|error| panic!("{error}"));
    let source = read("src/config/csv.rs");
    let (_, keys) = source.split_once("const KEYS").expect("the keys");
    let (keys, _) = keys.split_once("];").expect("their end");
    let keys: Vec<String> = keys.lines().filter_map(|line| quoted_after(line, "    \"")).collect();
    assert!(keys.len() > 15, "{keys:?}");
    for name in ["sample-config/extend-edge.toml", "sample-config/extend-edge.sv.toml"] {
        let sample = read(name);
        let section: Vec<&str> = sample
            .lines()
            .skip_while(|line| *line != "# [csv.webshop]")
            .map_while(|line| line.strip_prefix("# "))
            .collect();
        with_login(&section.join("\n")).unwrap_or_else(|error| panic!("{name}: {error}"));
        for key in &keys {
            let is_key = |line: &str| line.split([' ', '.']).next() == Some(key.as_str());
            assert!(section.iter().any(|line| is_key(line)), "{key} is not in {name}");
            assert!(chapter.contains(&format!("`{key}`")), "{key} is not in the README");
        }
    }
    for amount in extend_edge::formats::csv::fields::AMOUNTS {
        assert!(chapter.contains(&format!("`{amount}`")), "the amount {amount} is not in the README");
    }
}
