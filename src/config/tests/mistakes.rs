//! Settings that are no settings, and how they are told of.

use super::*;

#[test]
fn syntax_errors() {
    check("timeout_seconds 30", &[(":6: timeout_seconds 30: ", "key = value")]);
    check("timeout_seconds: 30", &[(":6: timeout_seconds: 30: ", "key = value")]);
    check("timeout_seconds =\n", &[(":6: timeout_seconds =: ", "text must stand in quotes")]);
    check("timeout_seconds = 3,5", &[(":6: timeout_seconds = 3,5: ", "nothing more on this line")]);
    check("[exchange\nkeep_days = 3", &[(":6: [exchange: ", "ends with ]")]);
    check("[exchange]\nfolder = \"D:\\shop\"", &[(":7: folder = \"D:\\shop\": ", "single quotes")]);
    check("[exchange]\nfolder = \"D:\\Users\"", &[(":7: folder = \"D:\\Users\": ", "single quotes")]);
    check("[exchange]\nfolder = \"D:\\\"", &[(":7: folder = \"D:\\\": ", "single quotes")]);
    check("[exchange]\nfolder = \"shop", &[(":7: folder = \"shop: ", "closing quote")]);
    check("[log]\nkeep_files = 3\nkeep_files = 4", &[(":8: keep_files = 4: ", "written twice")]);
    check("[log]\nkeep_files = 3\n[log]\nlevel = \"info\"", &[(":8: [log]: ", "written twice")]);
    check("[exchange]\nformats = [json]", &[(":7: formats = [json]: ", "quotes")]);
    check("[exchange]\nformats = [\"json\" \"csv\"]", &[(":7: formats = [\"json\" \"csv\"]: ", "comma")]);
    // Nothing of a password is repeated, whatever is wrong with its line.
    for broken in [
        "client = \"shop\" password = \"hunter2\"",
        "password = hunter2",
        "password \"hunter2\"",
        "password = \"hunter2",
        "pasword: hunter2",
    ] {
        let text = EXTEND.replace("password = \"hunter2\"", broken);
        let problems = parse(&text).unwrap_err();
        assert!(problems.iter().any(|problem| problem.starts_with("extend-edge.toml:5: ")), "{problems:#?}");
    }
    check("\"\"\"\nkeep_days = hunter2", &[(":6: ", ""), (":7: ", "")]);
    check(
        "username = \"\"\"hunter2\nkeep_days = hunter2\n\"\"\" x",
        &[(":6: ", "written twice"), (":8: ", "")],
    );
    // A broken header swallows what follows it; of that nothing is told that is not so.
    check_whole(&EXTEND.replace("[extend]", "[extend"), &[(":1: [extend: ", "ends with ]")]);
}

#[test]
fn everything_wrong_is_told_at_once() {
    let text = "[extend]
base_url = \"http://s05.extend.se\"
client = \"shop\"
timeout_seconds = 0
user = \"u\"
pasword = \"hunter2\"

[exchange]
folder = \"C:\\shop\"
keep_days = many
formats = [\"json\", \"xml\"]
colour = 1

[exchnage]
settle_ms = 1

[orders
scope = \"mine\"
[log]
level = \"info
keep_files = \"3\"
";
    check_whole(
        text,
        &[
            (":1: [extend] username: ", "is missing"),
            (":1: [extend] password: ", "is missing"),
            (":2: [extend] base_url = \"http://s05.extend.se\": ", "https://"),
            (":4: [extend] timeout_seconds = 0: ", "1 to 3600"),
            (":5: [extend] user: ", "did you mean username?"),
            (":6: [extend] pasword: ", "did you mean password?"),
            (":9: folder = \"C:\\shop\": ", "single quotes"),
            (":10: [exchange] keep_days = many: ", "days"),
            (":11: [exchange] formats = [\"json\", \"xml\"]: ", "\"json\" and \"csv\""),
            (":12: [exchange] colour: ", "no such key"),
            (":14: [exchnage]: ", "did you mean [exchange]?"),
            (":17: [orders: ", "ends with ]"),
            (":20: level = \"info: ", "closing quote"),
            (":21: [log] keep_files = \"3\": ", "without quotes"),
        ],
    );
}

#[test]
fn problems_are_told_in_swedish_where_the_settings_ask_for_it() {
    check(
        "timeout = 3\n[exchange]\nlanguage = \"sv\"\nkeep_days = 0\nfolder = \"D:\\x\"\n[log]\nlevel = 1\n",
        &[
            (":6: [extend] timeout: ", "ingen sådan nyckel; menades timeout_seconds?"),
            (":9: [exchange] keep_days = 0: ", "här ska stå ett heltal, 1 till 36500 dygn"),
            (":10: folder = \"D:\\x\": ", "enkla citattecken"),
            (":12: [log] level = 1: ", "här ska stå \"off\", \"error\""),
        ],
    );
    let missing = parse("[exchange]\nlanguage = \"sv\"\n").unwrap_err();
    assert!(missing.iter().all(|problem| problem.contains("saknas")), "{missing:#?}");
}

#[test]
fn an_address_that_is_still_the_examples_is_said() {
    let example = parse(&EXTEND.replace("s05.extend.se", "extend.example")).unwrap().warnings;
    assert!(example[0].message.contains("address of the example"), "{example:?}");
}

#[test]
fn files_that_are_no_settings() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(SETTINGS_FILE);
    let load = || Config::load(dir.path()).unwrap_err();
    assert!(matches!(load(), ConfigError::Missing(missing) if missing == path));
    let utf16: Vec<u8> = EXTEND.encode_utf16().fold(vec![0xff, 0xfe], |mut bytes, unit| {
        bytes.extend(unit.to_le_bytes());
        bytes
    });
    for (bytes, part) in [
        (&utf16[..], "extend-edge.toml: expected a file saved as UTF-8; this one was saved as UTF-16"),
        (b"[extend]\nclient = \"sk\xf6\"\n", "extend-edge.toml:2: expected a file saved as UTF-8"),
        (b"[extend]\n\0\0\0", "extend-edge.toml:2: expected text"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let said = load().to_string();
        assert!(said.starts_with(part), "{said}");
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(load(), ConfigError::Unreadable { .. }));
    let with_mark = format!("\u{feff}{}", EXTEND.replace('\n', "\r\n"));
    assert_eq!(parse(&with_mark).unwrap(), parse(EXTEND).unwrap());
}

proptest::proptest! {
    /// However broken the settings are, there is an answer, and it does not hold the password.
    #[test]
    fn no_text_is_too_broken(
        swedish in proptest::bool::ANY,
        cuts in proptest::collection::vec(
            (0.0..1.0f64, 0..30usize, "[\\[\\]{}=.,#'\"\\\\a-z0-9_å \n\r\t]{0,6}|\"\"\"|'''|\n\\[[a-z]{1,5}"),
            0..6,
        ),
    ) {
        let sample = if swedish { crate::home::SETTINGS_SWEDISH } else { crate::home::SETTINGS_ENGLISH };
        let all_set = sample.replace("\n#", "\n").replace("your-password", "hunter2").replace("ert-lösenord", "hunter2");
        for sample in [sample, &all_set, EXTEND] {
            let mut text: Vec<char> = sample.chars().collect();
            for (at, length, insert) in &cuts {
                let start = (at * text.len() as f64) as usize;
                let end = (start + length).min(text.len());
                text.splice(start..end, insert.chars());
            }
            let text: String = text.into_iter().collect();
            let answer = Config::parse(&home(), &text, None);
            // A password that was cut loose from its key is like any other word.
            let keyed = text.lines().filter(|line| line.starts_with("password = ")).map(|line| line.matches("hunter2").count());
            if let Err(error) = answer && keyed.sum::<usize>() == text.matches("hunter2").count() {
                proptest::prop_assert!(!error.to_string().contains("hunter2"), "{text}\n{error}");
            }
        }
    }
}
