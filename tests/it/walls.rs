//! The one wall that matters: `rules/` and `formats/` do no IO, read no clock and throw no dice. Their
//! sources are read here, and what reaches through the wall is named with its line.
//!
//! Comments, strings and `#[cfg(test)]` items do not count. What is left is taken apart into paths, with
//! `use a::{b, c::d}` opened to `a::b` and `a::c::d`, so that no way of writing a path hides it.

use std::path::{Path, PathBuf};

/// The folders behind the wall, in `src/`.
const PURE: [&str; 2] = ["rules", "formats"];

/// Modules of `std` that touch the world.
const STD: [&str; 6] = ["env", "fs", "net", "os", "process", "thread"];

/// Crates that touch the world, or say something to it.
const CRATES: [&str; 11] = [
    "crossbeam",
    "crossbeam_channel",
    "ctrlc",
    "fastrand",
    "flexi_logger",
    "libc",
    "log",
    "notify",
    "rusqlite",
    "ureq",
    "ureq_proto",
];

/// Names that are a hand on the world wherever they stand in a path.
const NAMES: [&str; 8] =
    ["File", "OpenOptions", "RandomState", "SystemTime", "UNIX_EPOCH", "stderr", "stdin", "stdout"];

const MACROS: [&str; 6] = ["dbg", "eprint", "eprintln", "print", "println", "thread_local"];

#[test]
fn rules_and_formats_do_no_io() {
    let mut files = Vec::new();
    for folder in PURE {
        rust_files(&source(folder), &mut files);
    }
    assert!(files.len() > 20, "{} files are too few: is this the right folder?", files.len());
    let found: Vec<String> = files.iter().flat_map(|file| breaches_in(file)).collect();
    assert!(found.is_empty(), "the wall is breached:\n{}", found.join("\n"));
}

#[test]
fn the_scan_sees_what_it_is_there_to_see() {
    for planted in [
        "use std::fs;",
        "use std::{collections::HashMap, fs::read};",
        "fn f() { std::net::TcpStream::connect(a); }",
        "fn f() { ::std::process::exit(1) }",
        "fn f() { std::env::var(a); }",
        "fn f() { std::thread::sleep(d) }",
        "fn f() { let now = Instant::now(); }",
        "use std::time::Instant as I; fn f() { I::now(); }",
        "fn f(at: SystemTime::X) {}",
        "use std::time::SystemTime;",
        "fn f() { jiff::Timestamp::now() }",
        "fn f() { File::open(a) }",
        "fn f() { io::stdout().write_all(a) }",
        "fn f(c: &rusqlite::Connection) {}",
        "use ureq::Agent;",
        "fn f() { fastrand::u32(..) }",
        "use notify::Watcher;",
        "use crossbeam_channel::bounded;",
        "fn f() { println!(\"x\") }",
        "fn f() { log::warn!(\"x\") }",
        "use crate::store;",
        "use crate::{language, engine::Event};",
        "fn f() { crate::clock::text(now) }",
        "use super::super::exchange::take;",
        // Behind things that could hide it.
        "const A: &str = \"// \\\" /*\"; use std::fs;",
        "const A: &str = r#\"\" \"#; use std::fs;",
        "const A: char = '\"'; use std::fs;",
        "fn f<'a>(a: &'a str) { std::fs::read(a) }",
        "/* /* */ */ use std::fs;",
        "#[cfg(test)]\nmod tests { fn f() { let a = '}'; } }\nuse std::fs;",
    ] {
        assert_eq!(breaches("rules", planted).len(), 1, "{planted}: {:?}", breaches("rules", planted));
    }
    assert_eq!(breaches("rules", "a\nb\nstd::fs::read(c)"), [(3, "std::fs::read".to_owned())]);
    // A file of the house with a line planted in the middle of it.
    let file = std::fs::read_to_string(source("rules/retry.rs")).unwrap();
    assert_eq!(breaches("rules", &file), []);
    let planted = file.replacen("impl Pauses {", "fn now() { let _ = Instant::now(); }\nimpl Pauses {", 1);
    assert_ne!(planted, file);
    assert_eq!(breaches("rules", &planted).len(), 1);
    // formats know the mirror's rows and none of the other rules.
    assert_eq!(breaches("formats", "use crate::rules::mirror::Cell;"), []);
    assert_eq!(breaches("formats", "use crate::rules::intake;").len(), 1);
}

#[test]
fn what_is_no_breach_is_let_be() {
    for good in [
        "// std::fs::read",
        "/// [`std::fs`] and println!(\"x\")",
        "/* std::fs */",
        "const A: &str = \"std::fs\";",
        "const A: &[u8] = br##\"std::fs \"# File::open\"##;",
        "use std::io::{self, Write}; use crate::formats::problem::Wrong; use crate::language::Language;",
        "fn f(now: Duration) { self.now(); x.log(y); budget.take(now) }",
        "#[cfg(test)]\nmod tests {\n use std::fs;\n fn f() { println!(\"}\") }\n}",
        "#[cfg(test)]\nuse std::fs;",
        "#[cfg(test)]\n#[allow(x)]\nfn f() { std::fs::read(a) }",
    ] {
        assert_eq!(breaches("rules", good), [], "{good}");
    }
}

fn source(inside: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(inside)
}

/// All but `tests.rs` and what is in `tests/`, which a `#[cfg(test)] mod tests;` declares.
fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

fn breaches_in(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let inside = file.strip_prefix(source("")).unwrap();
    let folder = inside.iter().next().unwrap().to_str().unwrap();
    let breaches = breaches(folder, &text);
    breaches.into_iter().map(|(line, path)| format!("src/{}:{line}: {path}", inside.display())).collect()
}

/// Line and path of everything in a file of `src/{folder}` that reaches through the wall.
fn breaches(folder: &str, text: &str) -> Vec<(usize, String)> {
    let tokens = without_tests(tokens(text));
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        at = read_path(&tokens, at, &[], &mut paths);
    }
    paths
        .into_iter()
        .filter(|(_, path)| is_breach(folder, path))
        .map(|(line, path)| (line, path.join("::")))
        .collect()
}

fn is_breach(folder: &str, path: &[String]) -> bool {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let supers = names.iter().take_while(|name| ["super", "self"].contains(name)).count();
    let behind_supers = supers > 0 && names.get(supers).is_some_and(|name| is_other_room(name));
    let by_root = match names[..] {
        [only] => only.strip_suffix('!').is_some_and(|name| MACROS.contains(&name)),
        ["std" | "core", second, ..] => STD.contains(&second),
        ["crate", "rules", inner, ..] if folder == "formats" => inner != "mirror",
        ["crate", second, ..] => !["rules", "formats", "language"].contains(&second),
        [root, ..] => CRATES.contains(&root),
        [] => false,
    };
    let is_path = names.len() > 1;
    by_root
        || behind_supers
        || (is_path && names.last() == Some(&"now"))
        || (is_path && names.iter().any(|name| NAMES.contains(name)))
}

/// Whether `src/` has a room of this name that is on the other side.
fn is_other_room(name: &str) -> bool {
    let is_room = source(name).is_dir() || source(&format!("{name}.rs")).is_file();
    is_room && !PURE.contains(&name) && name != "language"
}

/// A token and its line.
type Token = (usize, String);

/// Reads the path that begins at `at`, with every branch of its braces, and gives the place behind it.
fn read_path(tokens: &[Token], at: usize, before: &[String], paths: &mut Vec<(usize, Vec<String>)>) -> usize {
    let is = |at: usize, what: &str| tokens.get(at).is_some_and(|(_, token)| token == what);
    let is_name = |at: usize| {
        tokens.get(at).is_some_and(|(_, token)| token.starts_with(|c: char| c.is_alphabetic() || c == '_'))
    };
    if !is_name(at) {
        return at + 1;
    }
    let line = tokens[at].0;
    let (mut path, mut at) = (before.to_vec(), at);
    loop {
        path.push(tokens[at].1.clone());
        at += 1;
        if is(at, "::") && is_name(at + 1) {
            at += 1;
            continue;
        }
        if is(at, "::") && is(at + 1, "{") {
            at += 2;
            while at < tokens.len() && !is(at, "}") {
                at = read_path(tokens, at, &path, paths);
            }
            return at + 1;
        }
        if is(at, "!") && path.len() == 1 {
            path[0].push('!');
        }
        paths.push((line, path));
        return at;
    }
}

/// Tokens without items under `#[cfg(test)]`.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let text = |at: usize| tokens.get(at).map_or("", |(_, token)| token.as_str());
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if (0..MARK.len()).all(|place| text(at + place) == MARK[place]) {
            at += MARK.len();
            // To the `;` or the `}` that ends the item; other attributes stand in square brackets.
            let mut depth = 0;
            while at < tokens.len() {
                let token = text(at);
                at += 1;
                match token {
                    "(" | "[" | "{" => depth += 1,
                    ")" | "]" | "}" => depth -= 1,
                    _ => {}
                }
                if depth == 0 && (token == ";" || token == "}") {
                    break;
                }
            }
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Names, numbers and signs; no comments, strings, letters or lifetimes.
fn tokens(text: &str) -> Vec<Token> {
    let letters: Vec<char> = text.chars().collect();
    let letter = |at: usize| letters.get(at).copied().unwrap_or('\0');
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut at = 0;
    let (mut line, mut counted) = (1, 0);
    while at < letters.len() {
        line += letters[counted..at].iter().filter(|c| **c == '\n').count();
        counted = at;
        match letter(at) {
            '/' if letter(at + 1) == '/' => {
                while at < letters.len() && letter(at) != '\n' {
                    at += 1;
                }
            }
            '/' if letter(at + 1) == '*' => {
                let mut depth = 0;
                while at < letters.len() {
                    match (letter(at), letter(at + 1)) {
                        ('/', '*') => depth += 1,
                        ('*', '/') => depth -= 1,
                        _ => {
                            at += 1;
                            continue;
                        }
                    }
                    at += 2;
                    if depth == 0 {
                        break;
                    }
                }
            }
            '"' => {
                at += 1;
                while at < letters.len() && letter(at) != '"' {
                    at += if letter(at) == '\\' { 2 } else { 1 };
                }
                at += 1;
            }
            '\'' if letter(at + 1) == '\\' => {
                at += 3;
                while at < letters.len() && letter(at) != '\'' {
                    at += 1;
                }
                at += 1;
            }
            '\'' if letter(at + 2) == '\'' => at += 3,
            // A lifetime: its name is no path.
            '\'' => {
                at += 1;
                while is_part(letter(at)) {
                    at += 1;
                }
            }
            c if is_part(c) => {
                let from = at;
                while is_part(letter(at)) {
                    at += 1;
                }
                let name: String = letters[from..at].iter().collect();
                let hashes = (at..).take_while(|at| letter(*at) == '#').count();
                if ["r", "br", "cr"].contains(&name.as_str()) && letter(at + hashes) == '"' {
                    at += hashes + 1;
                    while at < letters.len()
                        && !(letter(at) == '"' && (1..=hashes).all(|place| letter(at + place) == '#'))
                    {
                        at += 1;
                    }
                    at += 1 + hashes;
                } else {
                    tokens.push((line, name));
                }
            }
            ':' if letter(at + 1) == ':' => {
                tokens.push((line, "::".to_owned()));
                at += 2;
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push((line, c.to_string()));
                }
                at += 1;
            }
        }
    }
    tokens
}
