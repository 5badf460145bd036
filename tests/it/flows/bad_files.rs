//! Files that are no orders: each is set aside with a reason that helps, and the agent goes on.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::shop::{Plan, Shop, order};

/// A bad file, and what its error file must say.
struct Bad {
    name: &'static str,
    bytes: Vec<u8>,
    code: &'static str,
    field: Option<&'static str>,
    line: Option<u64>,
    /// Words that a shopkeeper finds in the sentence, in English and in Swedish.
    words: [&'static str; 2],
}

fn bad(
    name: &'static str,
    bytes: impl Into<Vec<u8>>,
    code: &'static str,
    place: (Option<&'static str>, Option<u64>),
    words: [&'static str; 2],
) -> Bad {
    Bad { name, bytes: bytes.into(), code, field: place.0, line: place.1, words }
}

fn bad_files() -> Vec<Bad> {
    let whole = format!("{:#}", order("BAD-1", "Product-123", 1));
    let half = &whole[..whole.len() / 2];
    let half_line = half.lines().count() as u64;
    let without_product = "{\"orderHeader\": {\"orderNumberExternal\": \"BAD-2\"},\n \"orderRows\": [\n  \
        {\"product\": {},\n   \"salesData\": {\"quantity\": 1, \"unit\": \"Stk\"}}\n]}\n";
    let text_quantity = without_product
        .replace("{\"product\": {}", "{\"product\": {\"productNumber\": \"8010\"}")
        .replace("\"quantity\": 1", "\"quantity\": \"1\"");
    vec![
        bad("empty.json", "", "empty_file", (None, None), ["the file is empty", "filen är tom"]),
        bad("ff.json", [0xFF, 0xFF, b'{', b'}'], "invalid_encoding", (None, Some(1)), ["UTF-8", "UTF-8"]),
        bad("half.json", half, "cut_off", (None, Some(half_line)), ["ends in the middle", "tar slut mitt i"]),
        bad(
            "comma.json",
            "{\"orderHeader\": {},\n \"orderRows\": [{},]}\n",
            "invalid_json",
            (None, Some(2)),
            ["not valid JSON", "giltig JSON"],
        ),
        bad(
            "shape.json",
            "{\"order\": 1}",
            "unknown_document",
            (None, Some(1)),
            ["neither an order", "varken en order"],
        ),
        bad(
            "number.json",
            "17",
            "unknown_document",
            (None, Some(1)),
            ["neither an order", "varken en order"],
        ),
        bad(
            "no product.json",
            without_product,
            "missing_field",
            (Some("orderRows[0].product.productNumber"), Some(3)),
            [
                "Line 3, field orderRows[0].product.productNumber",
                "Rad 3, fält orderRows[0].product.productNumber",
            ],
        ),
        bad(
            "quantity.json",
            text_quantity,
            "wrong_type",
            (Some("orderRows[0].salesData.quantity"), Some(4)),
            ["a number without quotes", "ett tal utan citattecken"],
        ),
        bad("large.json", vec![b' '; 50_000_000], "too_large", (None, None), ["50 MB", "50 MB"]),
        bad(
            "deep.json",
            "[".repeat(10_000),
            "too_deep",
            (None, Some(1)),
            ["deeper than in any order", "djupare än i någon order"],
        ),
        bad(
            "rows.csv",
            "order;product\r\n1;8010\r\n",
            "no_mapping",
            (None, None),
            ["mapping init FILE", "mapping init FIL"],
        ),
        bad("nothing.json", "[]", "empty_list", (None, None), ["the list is empty", "listan är tom"]),
        bad(
            "lines.jsonl",
            "{\"orderHeader\": {}}",
            "cut_off",
            (None, Some(1)),
            ["the last line has no line end", "sista raden saknar radslut"],
        ),
        bad(
            "order.xml",
            "<Order/>",
            "unknown_document",
            (None, Some(1)),
            ["no UBL 2.1 order", "ingen UBL 2.1-order"],
        ),
        bad(
            "åäö räksmörgås 1.json",
            "{",
            "cut_off",
            (None, Some(1)),
            ["ends in the middle", "tar slut mitt i"],
        ),
    ]
}

/// Everything is set aside with the right words, and a good order after it arrives.
fn set_aside(language: &str, words: usize) {
    let mut shop = Plan::sample().set("exchange.language", &format!("\"{language}\"")).open();
    shop.start();
    let files = bad_files();
    files.iter().for_each(|file| shop.drop_file(file.name, &file.bytes));
    let long = format!("{}.json", "n".repeat(245));
    shop.drop_file(&long, "{\"order\": 1}");
    for file in &files {
        let (error, text) = shop.wait_error(file.name);
        assert_eq!(error["file"], file.name);
        assert_eq!(error["code"], file.code, "{}", file.name);
        assert_eq!(error["field"], json!(file.field), "{}", file.name);
        assert_eq!(error["line"], json!(file.line), "{}", file.name);
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains(file.words[words]), "{}: {message}", file.name);
        assert!(text.contains(message) && text.contains(file.name), "{text}");
        let problem = &error["documents"][0]["problems"][0];
        assert_eq!(problem["message"], message);
    }
    shop.wait("the inbox to be empty", |shop| shop.inbox().is_empty());
    let rejected = shop.exchange("rejected");
    for file in &files {
        assert!(fs::read(rejected.join(file.name)).expect("the original") == file.bytes, "{}", file.name);
    }
    assert_eq!(fs::read(rejected.join(&long)).expect("the original"), b"{\"order\": 1}");
    // A name of 250 bytes has no room for an ending: it is cut, and still there.
    let long_errors = |ending: &str| {
        let names = fs::read_dir(&rejected)
            .expect("rejected/")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter(|name| name.starts_with("nnn") && name.ends_with(ending)).count()
    };
    shop.wait("the long name's error files", |_| {
        long_errors(".error.txt") == 1 && long_errors(".error.json") == 1
    });

    shop.drop_json("good.json", &order("GOOD-1", "Product-123", 1));
    shop.wait_state("good.json", "delivered");
    let (status, code) = shop.status();
    assert_eq!(code, Some(3));
    let needs = status["needsPerson"].as_array().expect("a list");
    for name in files.iter().map(|file| file.name).chain([&*long]) {
        let one =
            needs.iter().find(|one| one["file"] == name).unwrap_or_else(|| panic!("{name}: {status:#}"));
        assert_eq!(one["code"], "rejected");
        assert!(one["message"].as_str().is_some_and(|message| message.contains(name)));
    }
    assert_eq!(needs.len(), files.len() + 1);
    assert!(shop.runs());
    shop.stop();
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 1);
    shop.assert_described(&[]);
}

#[test]
fn bad_files_are_set_aside_with_a_reason() {
    set_aside("en", 0);
}

#[test]
fn the_reasons_are_in_swedish_where_the_settings_say_so() {
    set_aside("sv", 1);
}

#[test]
fn a_mended_file_of_the_same_name_makes_all_well_again() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.drop_file("order.json", "{\"order\": 1}");
    shop.wait_error("order.json");
    assert_eq!(shop.status().1, Some(3));
    shop.drop_json("order.json", &order("MENDED-1", "Product-123", 1));
    shop.wait_state("order.json", "delivered");
    assert_eq!(shop.status().1, Some(0));
    shop.assert_described(&[]);
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_never_followed_or_read() {
    let mut shop = Plan::sample().open();
    let inbox = shop.exchange("inbox");
    let outside = shop.home().join("outside.json");
    fs::write(&outside, order("OUTSIDE", "Product-123", 1).to_string()).expect("written");
    fs::create_dir(inbox.join("folder.json")).expect("a folder");
    fs::write(inbox.join("folder.json/inside.json"), order("INSIDE", "Product-123", 1).to_string())
        .expect("written");
    std::os::unix::fs::symlink(&outside, inbox.join("link.json")).expect("a link");
    std::os::unix::fs::symlink(inbox.join("nothing"), inbox.join("dangling.json")).expect("a link");
    let made = std::process::Command::new("mkfifo").arg(inbox.join("pipe.json")).status().expect("mkfifo");
    assert!(made.success());
    shop.start();
    shop.drop_json("good.json", &order("GOOD-1", "Product-123", 1));
    shop.wait_state("good.json", "delivered");
    let names = ["dangling.json", "folder.json", "link.json", "pipe.json"];
    shop.wait("all of them to be named", |shop| {
        shop.number("SELECT count(*) FROM inbox_left WHERE code = 'not_a_file'") == Some(names.len() as i64)
    });
    let (status, code) = shop.status();
    assert_eq!(code, Some(3));
    for name in names {
        let needs = status["needsPerson"].as_array().expect("a list");
        let one =
            needs.iter().find(|one| one["file"] == name).unwrap_or_else(|| panic!("{name}: {status:#}"));
        assert_eq!(one["code"], "not_a_file");
        assert!(fs::symlink_metadata(inbox.join(name)).is_ok(), "{name} is left where it is");
    }
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 1);
    // Taken away, they need nobody any more.
    fs::remove_dir_all(inbox.join("folder.json")).expect("removed");
    names.iter().filter(|name| **name != "folder.json").for_each(|name| {
        fs::remove_file(inbox.join(name)).expect("removed");
    });
    shop.wait("nothing to need a person", |shop| shop.status().1 == Some(0));
    assert!(fs::metadata(outside).is_ok());
    shop.assert_described(&[]);
}

#[cfg(unix)]
fn forbid(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o000)).expect("rights");
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_set_aside() {
    let mut shop: Shop = Plan::sample().open();
    let secret = shop.exchange("inbox").join("secret.json");
    let text = order("SECRET-1", "Product-123", 1).to_string();
    fs::write(&secret, &text).expect("written");
    forbid(&secret);
    if fs::read(&secret).is_ok() {
        eprintln!("skipped: this user may read everything");
        return;
    }
    shop.start();
    let (error, words) = shop.wait_error("secret.json");
    assert_eq!(error["code"], "unreadable");
    assert!(words.contains("the right to read"), "{words}");
    assert_eq!(shop.status().1, Some(3));
    shop.drop_json("good.json", &order("GOOD-1", "Product-123", 1));
    shop.wait_state("good.json", "delivered");
    shop.assert_described(&[]);
}
