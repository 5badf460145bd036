//! One agent for a home and for an exchange folder: a second is refused and told why.

use std::fs;
use std::process::Stdio;

use crate::support::shop::{Plan, order, program, run};

#[test]
fn a_second_agent_is_refused_and_commands_work_beside_the_first() {
    let mut shop = Plan::sample().open();
    shop.start();
    shop.wait_up();
    let pid = format!("process {}", shop.pid());
    let home = shop.home().display().to_string();
    for command in ["run", "once"] {
        let ran = shop.run(&[command]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("another extend-edge"), "{ran:?}");
        assert!(ran.stderr.contains(&pid) && ran.stderr.contains(&home), "it says which: {ran:?}");
        assert!(ran.stderr.contains("stop it first"), "{ran:?}");
    }

    // Another home that shares the exchange folder.
    let other = tempfile::tempdir().expect("a home");
    let settings = fs::read_to_string(shop.home().join("extend-edge.toml")).expect("settings");
    let folder = format!("[exchange]\nfolder = {:?}\n", shop.exchange(""));
    fs::write(other.path().join("extend-edge.toml"), settings.replace("[exchange]\n", &folder))
        .expect("settings");
    let refused = run(program().args(["run", "--home"]).arg(other.path()));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("another extend-edge") && refused.stderr.contains(&pid), "{refused:?}");
    assert!(refused.stderr.contains(&home), "whose it is: {refused:?}");

    // The first has not noticed.
    assert!(shop.runs());
    shop.drop_json("order.json", &order("TWO-1", "Product-123", 1));
    shop.wait_state("order.json", "delivered");
    for command in [&["status"][..], &["check"], &["sync", "balances"], &["outbox", "list"]] {
        let ran = shop.run(command);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let (status, _) = shop.status();
    assert_eq!(status["agent"]["running"], true);

    // And when it has gone, however it went, another may come.
    shop.kill();
    assert_eq!(shop.status().0["agent"]["running"], false);
    let ran = shop.run(&["once"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    shop.assert_described(&[]);
}

#[test]
fn of_two_agents_that_start_together_one_runs() {
    let mut shop = Plan::sample().open();
    let start = || {
        let mut command = program();
        command.args(["run", "--home"]).arg(shop.home()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the program")
    };
    let mut agents = [start(), start(), start()];
    shop.wait("two to be refused", |_| {
        let ended = agents.iter_mut().map(|agent| agent.try_wait().expect("a process"));
        ended.filter(Option::is_none).count() == 1
    });
    for agent in &mut agents {
        if let Some(status) = agent.try_wait().expect("a process") {
            assert_eq!(status.code(), Some(1));
        }
    }
    shop.drop_json("order.json", &order("THREE-1", "Product-123", 1));
    shop.wait_state("order.json", "delivered");
    for agent in &mut agents {
        let _ = agent.kill();
        agent.wait().expect("gone");
    }
    shop.start();
    shop.stop();
    assert_eq!(shop.times_at_extend("THREE-1"), 1);
    shop.assert_described(&[]);
}
