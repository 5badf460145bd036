//! What every parser of files and answers must hold whatever it is given. Each module is the body of one fuzz
//! target (`fuzz/`); here the bodies run over seeds that a person wrote or a fuzzer found, whole and cut off, so
//! that they keep meaning something and what was found once stays found.

mod answers;
mod batches;
mod changes;
mod csv;
mod documents;
mod file_names;
mod hooks;
mod mirror;
mod parts;
mod recovery;
mod requests;
mod settings;
mod ubl;
mod wire;

use std::path::{Path, PathBuf};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fuzz");

/// The seeds of a target.
fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(HERE).join("seeds").join(target);
    let mut seeds = files(&folder);
    assert!(!seeds.is_empty(), "{} has no seeds", folder.display());
    if target == "documents" {
        seeds.extend(files(&Path::new(HERE).join("../samples")));
    }
    seeds
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a file").path()).filter(|path| path.is_file());
    paths.map(|path| (path.clone(), std::fs::read(path).expect("a file"))).collect()
}

/// Runs a target's body over its seeds, and over each cut off at so many places.
fn run_over_seeds(target: &str, body: fn(&[u8]), cuts: usize) {
    for (path, seed) in seeds(target) {
        println!("{}", path.display());
        body(&seed);
        for cut in 1..=cuts {
            body(&seed[..seed.len() * cut / (cuts + 1)]);
        }
    }
}

#[test]
fn every_target_holds_for_its_seeds() {
    run_over_seeds("answers", answers::run, 50);
    run_over_seeds("batches", batches::run, 50);
    run_over_seeds("changes", changes::run, 50);
    run_over_seeds("csv", csv::run, 50);
    run_over_seeds("documents", documents::run, 50);
    run_over_seeds("file_names", file_names::run, 10);
    run_over_seeds("hooks", hooks::run, 50);
    run_over_seeds("mirror", mirror::run, 20);
    run_over_seeds("recovery", recovery::run, 2);
    run_over_seeds("requests", requests::run, 10);
    run_over_seeds("settings", settings::run, 50);
    run_over_seeds("ubl", ubl::run, 30);
    run_over_seeds("wire", wire::run, 10);
}

/// Each body has its target, and each target its body.
#[test]
fn fuzz_has_a_target_for_each_body() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("fuzz/Cargo.toml");
    let names = |folder: &Path| {
        let stem =
            |(path, _): (PathBuf, Vec<u8>)| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let mut names: Vec<String> = files(folder).into_iter().filter_map(stem).collect();
        names.retain(|name| !["mod", "parts"].contains(&name.as_str()));
        names.sort_unstable();
        names
    };
    let (bodies, targets) = (names(Path::new(HERE)), names(&folder.join("targets")));
    assert_eq!(bodies, targets);
    for name in targets {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz/Cargo.toml");
    }
}
