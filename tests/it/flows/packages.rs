//! The packages, made by the one command that makes them, with the program that is being tested. The .deb is
//! installed and removed where a folder can be made into a machine of its own.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::shop::{Ran, run};

fn build(out: &Path) -> Option<PathBuf> {
    for tool in ["dpkg-deb", "objdump"] {
        if Command::new(tool).arg("--version").output().is_err() {
            eprintln!("SKIPPED: there is no {tool} here");
            return None;
        }
    }
    let built = run(Command::new("bash")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/build"))
        .arg(out)
        .env("EXTEND_EDGE_LINUX", env!("CARGO_BIN_EXE_extend-edge"))
        // What is in the .zip is made of any file here.
        .env("EXTEND_EDGE_WINDOWS", env!("CARGO_BIN_EXE_extend-edge"))
        .env("SOURCE_DATE_EPOCH", "1767225600"));
    assert_eq!(built.code, Some(0), "{built:?}");
    let first = built.stdout.lines().next().expect("a package");
    Some(PathBuf::from(first))
}

fn deb(arguments: &[&str], package: &Path) -> Ran {
    run(Command::new("dpkg-deb").args(arguments).arg(package))
}

#[test]
fn two_builds_give_the_same_bytes() {
    let (one, two) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    if build(one.path()).is_none() {
        return;
    }
    build(two.path());
    let mut packages = 0;
    for entry in fs::read_dir(one.path()).expect("packages") {
        let path = entry.expect("a package").path();
        let other = two.path().join(path.file_name().expect("a name"));
        assert!(
            fs::read(&path).expect("a package") == fs::read(other).expect("a package"),
            "{}",
            path.display()
        );
        packages += 1;
    }
    assert!(packages >= 1);
}

#[test]
fn the_package_has_all_that_a_shop_needs() {
    let out = tempfile::tempdir().expect("a folder");
    let Some(package) = build(out.path()) else { return };
    let contents = deb(&["--contents"], &package).stdout;
    for file in [
        "./usr/bin/extend-edge",
        "./usr/lib/systemd/system/extend-edge.service",
        "./usr/share/man/man1/extend-edge.1.gz",
        "./usr/share/man/man1/extend-edge-service.1.gz",
        "./usr/share/doc/extend-edge/copyright",
        "./usr/share/doc/extend-edge/examples/extend-edge.toml",
    ] {
        assert!(contents.lines().any(|line| line.ends_with(file)), "{file} is not in\n{contents}");
    }
    assert!(contents.lines().all(|line| line.contains("root/root")), "{contents}");
    let control = deb(&["--field"], &package).stdout;
    assert!(control.contains(concat!("Version: ", env!("CARGO_PKG_VERSION"))), "{control}");
    let unpacked = out.path().join("unpacked");
    run(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&unpacked));
    let unit =
        fs::read_to_string(unpacked.join("usr/lib/systemd/system/extend-edge.service")).expect("a unit");
    assert!(unit.contains("ExecStart=/usr/bin/extend-edge run --home /var/lib/extend-edge\n"), "{unit}");
    assert!(!unit.contains("/tmp"), "{unit}");
}

/// dpkg works in a root of its own: this computer's is not touched.
#[test]
fn it_is_installed_and_removed_and_loses_nothing() {
    let out = tempfile::tempdir().expect("a folder");
    let Some(package) = build(out.path()) else { return };
    let can = run(Command::new("unshare").args(["--mount", "true"]));
    if can.code != Some(0) {
        eprintln!("SKIPPED: no root here: the package was not installed");
        return;
    }
    // /etc, /usr and /var seem to be changed, and what is written goes to memory.
    let script = r#"
        set -e
        work=$(mktemp -d); mount -t tmpfs none "$work"
        for folder in etc usr var; do
            mkdir -p "$work/$folder/u" "$work/$folder/w"
            mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$work/$folder/u,workdir=$work/$folder/w" "/$folder"
        done
        dpkg --install "$1" > /dev/null
        extend-edge --version
        id -u extend-edge > /dev/null
        stat -c '%U %a' /var/lib/extend-edge/data /var/lib/extend-edge/extend-edge.toml
        echo order > /var/lib/extend-edge/exchange/inbox/order.json
        dpkg --install "$1" > /dev/null
        echo again: $(cat /var/lib/extend-edge/exchange/inbox/order.json)
        dpkg --purge extend-edge < /dev/null | grep stays
        test ! -e /usr/bin/extend-edge
        echo left: $(cat /var/lib/extend-edge/exchange/inbox/order.json)
    "#;
    let ran = run(Command::new("unshare").args(["--mount", "bash", "-c", script, "bash"]).arg(&package));
    if ran.stderr.contains("overlay") {
        eprintln!("SKIPPED: no overlay file system here: the package was not installed");
        return;
    }
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for line in ["extend-edge 750", "root 640", "again: order", "left: order"] {
        assert!(ran.stdout.contains(line), "{line}: {ran:?}");
    }
}
