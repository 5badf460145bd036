//! A webshop that writes slowly, in place, or twice: a file is taken when it is whole, not before.

use std::fs::{self, File};
use std::io::Write;
use std::time::Duration;

use crate::support::shop::{Plan, order};

#[test]
fn a_file_written_in_pieces_is_taken_when_it_is_whole() {
    let mut shop = Plan::sample().set("exchange.broken_after_seconds", "30").open();
    shop.start();
    shop.wait_up();
    let text = order("SLOW-1", "Product-123", 1).to_string();
    let path = shop.exchange("inbox/slow.json");
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(text.len() / 5 + 1).collect();
    for (at, piece) in pieces.iter().enumerate() {
        // Closed after each piece, and longer than settle_ms between them: only the end makes it whole.
        File::options()
            .create(true)
            .append(true)
            .open(&path)
            .expect("the file")
            .write_all(piece)
            .expect("written");
        if at + 1 < pieces.len() {
            shop.wait("the agent to have seen it", |shop| {
                shop.number("SELECT count(*) FROM inbox_left WHERE name = 'slow.json' AND code = 'waiting'")
                    == Some(1)
            });
            std::thread::sleep(Duration::from_millis(250));
            assert!(path.exists() && shop.receipt("slow.json").is_none());
        }
    }
    shop.wait_state("slow.json", "delivered");
    assert_eq!(shop.accepted()["slow.json"], text.as_bytes());
    assert_eq!(shop.status().0["inbox"]["incompleteFiles"], 0);
    shop.assert_described(&[]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_whole_file_that_its_writer_still_holds_is_waited_for() {
    use std::process::{Command, Stdio};
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    let text = order("HELD-1", "Product-123", 1).to_string();
    let path = shop.exchange("inbox/held.json");
    let script = "printf %s \"$TEXT\" >&5; echo written; read line; printf '\\n' >&5; exec 5>&-; echo closed; read line";
    let mut writer = Command::new("sh")
        .args(["-c", &format!("exec 5>'{}'; {script}", path.display())])
        .env("TEXT", &text)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut said = std::io::BufReader::new(writer.stdout.take().expect("a pipe"));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).expect("a line");
    // Several rescans go by: it parses, and it is still being written.
    shop.drop_json("beside.json", &order("BESIDE-1", "Product-123", 1));
    shop.wait_state("beside.json", "delivered");
    std::thread::sleep(Duration::from_millis(1500));
    assert!(path.exists() && shop.receipt("held.json").is_none());
    let mut told = writer.stdin.take().expect("a pipe");
    told.write_all(b"\n").expect("told");
    shop.wait_state("held.json", "delivered");
    assert_eq!(shop.accepted()["held.json"], format!("{text}\n").as_bytes());
    told.write_all(b"\n").expect("told");
    writer.wait().expect("gone");
    shop.assert_described(&[]);
}

#[test]
fn a_file_that_stays_cut_off_is_rejected_and_may_come_again_whole() {
    let mut shop = Plan::sample().open();
    shop.start();
    let text = order("CUT-1", "Product-123", 1).to_string();
    shop.drop_file("cut.json", &text[..60]);
    let (error, _) = shop.wait_error("cut.json");
    assert_eq!(error["code"], "cut_off");
    shop.drop_file("cut.json", &text);
    shop.wait_state("cut.json", "delivered");
    assert_eq!(shop.status().1, Some(0));
    shop.assert_described(&[]);
}

#[test]
fn names_of_unfinished_files_are_left_alone_until_they_are_renamed() {
    let mut shop = Plan::sample().open();
    shop.start();
    let inbox = shop.exchange("inbox");
    let names =
        [".a.json", "~a.json", "a.json.tmp", "a.json.part", "a.json.filepart", "a.crdownload", "a.json~"];
    for (at, name) in names.iter().enumerate() {
        fs::write(inbox.join(name), order(&format!("PART-{at}"), "Product-123", 1).to_string())
            .expect("written");
    }
    shop.drop_json("good.json", &order("GOOD-1", "Product-123", 1));
    shop.wait_state("good.json", "delivered");
    for name in names {
        assert!(inbox.join(name).exists(), "{name}");
    }
    assert_eq!(shop.status().1, Some(0));
    fs::rename(inbox.join("a.json.part"), inbox.join("a.json")).expect("renamed");
    shop.wait_state("a.json", "delivered");
    assert_eq!(shop.requests("POST", "CustomerOrders").len(), 2);
    shop.assert_described(&[]);
}

#[test]
fn what_lay_there_before_the_start_is_taken_in_the_order_of_names() {
    let mut shop = Plan::sample().open();
    for at in (0..20).rev() {
        shop.drop_json(&format!("{at:02}.json"), &order(&format!("NAME-{at:02}"), "Product-123", 1));
    }
    shop.start();
    shop.wait("all to be delivered", |shop| {
        shop.number("SELECT count(*) FROM outbox WHERE state = 'delivered'") == Some(20)
    });
    let keys: Vec<String> = shop
        .database()
        .prepare("SELECT key FROM outbox ORDER BY id")
        .expect("a statement")
        .query_map([], |row| row.get(0))
        .expect("rows")
        .collect::<Result<_, _>>()
        .expect("rows");
    assert_eq!(keys, (0..20).map(|at| format!("NAME-{at:02}")).collect::<Vec<_>>());
    shop.assert_described(&[]);
}
