//! A thousand agents after an outage: the pure rules alone, and an Extend that can only do so much.

use std::time::Duration;

use extend_edge::rules::answer::Health;
use extend_edge::rules::budget::{Budget, Class, Group};
use extend_edge::rules::line::Line;
use extend_edge::rules::retry::Pauses;

const AGENTS: usize = 1000;
/// Requests that Extend can answer in a second; it fails the rest. All agents at once would ask for 20 000.
const CAPACITY: u32 = 400;
/// Milliseconds in one turn of the simulation.
const TURN: u64 = 50;
/// Documents that wait at each agent.
const BACKLOG: u32 = 30;

struct Agent {
    line: Line,
    budget: Budget,
    backlog: u32,
}

/// Requests in each second, probes among them, and when the last document was delivered.
struct Told {
    probes: Vec<u32>,
    requests: Vec<u32>,
    drained_at: Option<u64>,
}

fn outage(seed: u64, seconds: u64, and_then: u64) -> Told {
    let mut dice = fastrand::Rng::with_seed(seed);
    let pauses = Pauses { first: Duration::from_secs(2), longest: Duration::from_secs(300) };
    // All of them were up, and all of them fail in the same moment: the worst case.
    let mut agents: Vec<Agent> = (0..AGENTS)
        .map(|_| {
            let mut line = Line::new(Duration::ZERO);
            line.after_probe(Health::Well, Duration::ZERO, &pauses, 0.5);
            line.after_call(&Health::Suspect("no answer".into()), Duration::ZERO);
            Agent { line, budget: Budget::new(300, Duration::ZERO), backlog: BACKLOG }
        })
        .collect();
    let until = seconds + and_then;
    let (mut probes, mut requests) = (vec![0; until as usize], vec![0; until as usize]);
    let mut drained_at = None;
    for turn in 0..until * 1000 / TURN {
        let now = Duration::from_millis(turn * TURN);
        let second = now.as_secs() as usize;
        let is_up = now.as_secs() >= seconds;
        let answered = |requests: &mut Vec<u32>| {
            requests[second] += 1;
            is_up && requests[second] <= CAPACITY
        };
        for agent in &mut agents {
            if agent.line.wants_probe(now) && agent.budget.take(Class::Orders, Group::High, now).is_ok() {
                probes[second] += 1;
                let health = match answered(&mut requests) {
                    true => Health::Well,
                    false => Health::Suspect("no answer".into()),
                };
                agent.line.after_probe(health, now, &pauses, dice.f64());
            }
            // Four workers, an answer takes 200 ms: one request a turn.
            if agent.line.is_open()
                && agent.backlog > 0
                && agent.budget.take(Class::Orders, Group::Standard, now).is_ok()
            {
                match answered(&mut requests) {
                    true => agent.backlog -= 1,
                    false => agent.line.after_call(&Health::Suspect("no answer".into()), now),
                }
            }
        }
        if drained_at.is_none() && agents.iter().all(|agent| agent.backlog == 0) {
            drained_at = Some(now.as_secs());
        }
    }
    Told { probes, requests, drained_at }
}

#[test]
fn a_thousand_agents_come_back_without_knocking_extend_over() {
    for (seed, seconds) in [(1, 1800), (2, 4 * 3600), (3, 5)] {
        let told = outage(seed, seconds, 1800);
        let away = &told.probes[600.min(seconds as usize)..seconds as usize];
        let most_probes = away.iter().max().copied().unwrap_or(0);
        let after = &told.requests[seconds as usize..];
        let most = after.iter().max().copied().unwrap_or(0);
        let over = after.iter().filter(|requests| **requests > CAPACITY).count();
        println!(
            "outage of {seconds} s: at most {most_probes} probes a second after ten minutes, at most {most} \
             requests a second afterwards, {over} seconds above what Extend can do, drained {:?} s after",
            told.drained_at.map(|at| at - seconds)
        );
        // A probe of each in 150 to 300 seconds: fewer than five a second, and they are spread.
        assert!(most_probes <= 20, "{most_probes} probes in a second");
        assert!(told.drained_at.is_some_and(|at| at <= seconds + 900), "drained at {:?}", told.drained_at);
        if seconds > 600 {
            assert!(most <= CAPACITY && over == 0, "{most} requests in a second, {over} seconds too many");
        }
    }
}
