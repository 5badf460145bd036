//! A lost database that is made again from whatever lies in the exchange folder: receipts and originals that a
//! webshop, a person or a dying disk had in its hands.
//!
//! Parts: files, each with its path in the exchange folder on a line in front.

use std::path::{Path, PathBuf};

use extend_edge::config::Config;
use extend_edge::formats::contents::Format;
use extend_edge::formats::document::Kind;
use extend_edge::recover;
use rusqlite::Connection;

use super::parts::parts;

const SETTINGS: &str = "[extend]\nbase_url = \"http://127.0.0.1:1\"\nclient = \"c\"\nusername = \"u\"\n";

pub fn run(data: &[u8]) {
    let home = tempfile::tempdir().expect("a folder");
    let config = Config::parse(home.path(), SETTINGS, Some("p".into())).expect("settings");
    std::fs::create_dir_all(config.data()).expect("a folder");
    let mut originals = Vec::new();
    for part in parts(data) {
        let Some(at) = part.iter().position(|byte| *byte == b'\n') else { continue };
        let Some(path) = std::str::from_utf8(&part[..at]).ok().and_then(|path| inside(&config, path)) else {
            continue;
        };
        let folder = path.parent().expect("a folder");
        if std::fs::create_dir_all(folder).is_err() || std::fs::write(&path, &part[at + 1..]).is_err() {
            continue;
        }
        if folder.parent() == Some(&config.accepted()) && !originals.contains(&path) {
            originals.push(path);
        }
    }
    let now = "2026-11-25T22:00:00Z".parse().expect("a time");
    let connection = recover::open(&config, now).expect("whatever lies there, the agent starts");
    check(&connection, &originals);
    let items = count(&connection, "SELECT count(*) FROM outbox");
    drop(connection);
    let again = recover::open(&config, now).expect("and starts again");
    assert_eq!(count(&again, "SELECT count(*) FROM outbox"), items, "what was made again is whole");
}

/// The place of a file, where it is one that the agent reads.
fn inside(config: &Config, path: &str) -> Option<PathBuf> {
    let names: Vec<&str> = path.split('/').collect();
    let is_name = |name: &&str| {
        (1..=200).contains(&name.len()) && !name.contains(['\0', '\\']) && !matches!(*name, "." | "..")
    };
    let known = matches!(names[..], ["accepted", _, _] | ["receipts" | "inbox" | "outgoing", _]);
    (known && names.iter().all(is_name)).then(|| config.exchange.folder.join(Path::new(path)))
}

fn check(connection: &Connection, originals: &[PathBuf]) {
    for path in originals {
        let name = path.file_name().and_then(|name| name.to_str()).expect("text");
        let day = path.parent().and_then(Path::file_name).and_then(|day| day.to_str()).expect("text");
        // Staged files are renamed first, and other folders are none of ours.
        if name.starts_with('.') || day.parse::<jiff::civil::Date>().is_err() {
            continue;
        }
        let read = std::fs::read(path).ok();
        let contents = read.and_then(|bytes| Format::of(name, &[]).ok()?.parse(&bytes).ok());
        // Of several not all need have been taken: the receipts tell.
        let Some(contents) = contents.filter(|contents| !contents.is_several()) else { continue };
        let Ok(document) = &contents.parts[0].result else { continue };
        let sql = "SELECT count(*) FROM documents JOIN files ON files.id = documents.file_id
                   WHERE stored_name = ?1 AND folder = ?2 AND documents.kind = ?3";
        let folder = format!("accepted/{day}");
        let found: i64 = connection
            .query_row(sql, [name, &folder, document.kind.name()], |row| row.get(0))
            .expect("SQLite");
        assert_eq!(found, 1, "{folder}/{name} is lost");
    }
    for (what, sql) in [
        ("would be sent without being looked up", "SELECT count(*) FROM outbox WHERE state = 'queued'"),
        (
            "are two of one key that are to be sent",
            "SELECT count(*) FROM (SELECT 1 FROM outbox WHERE state = 'sending' GROUP BY kind, key HAVING count(*) > 1)",
        ),
        ("leave no room for the next one", "SELECT count(*) FROM documents WHERE id > 1000000000000000"),
    ] {
        assert_eq!(count(connection, sql), 0, "{what}: {sql}");
    }
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_prepared() && *kind != Kind::Customer) {
        let sql = format!("SELECT count(*) FROM outbox WHERE kind = '{}' AND state = 'sending'", kind.name());
        assert_eq!(count(connection, &sql), 0, "a change without what was there before is for a person");
    }
}

fn count(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).expect("SQLite")
}
