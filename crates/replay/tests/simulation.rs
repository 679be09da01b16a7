//! Runs the real tasks on a simulated cluster, with faults, and checks the invariants of the protocol.
//!
//! `SEEDS=500 cargo test -p baton-replay --test simulation` runs more; `SEED=42` runs one alone.

#![cfg(test)]

use baton_replay::simulation::{Fallen, PROFILES, Profile, World, check, check_sources};
use baton_replay::{Options, Place, Replay, ReplayLine};
use baton_stream::Topic;
use std::collections::BTreeSet;

/// How many seeds a run takes that does not say.
const SEEDS: u64 = 28;

fn policy() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulation.yaml");
    std::fs::read_to_string(path).unwrap()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn profile(seed: u64) -> Profile {
    PROFILES[seed as usize % PROFILES.len()]
}

fn run(seed: u64, policy: &str) -> (World, Vec<Fallen>) {
    let mut world = World::new(seed, profile(seed), policy);
    world.run();
    let fallen = check(&world);
    (world, fallen)
}

#[test]
fn invariants_hold_whatever_happens() {
    let policy = policy();
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEEDS").unwrap_or(SEEDS),
    };
    let mut problems = Vec::new();
    let (mut statuses, mut faults) = (BTreeSet::new(), BTreeSet::new());
    let all = seeds.end - seeds.start >= SEEDS;
    for seed in seeds {
        let (world, mut fallen) = run(seed, &policy);
        match check_sources(&world) {
            Some(differences) => fallen.extend(differences),
            None => assert!(!profile(seed).orderly, "seed {seed}: records came out of order"),
        }
        faults.extend(world.faults.keys().copied());
        let handoffs = world.committed.iter().filter(|c| c.output.topic == Topic::Handoffs);
        statuses.extend(handoffs.map(|c| {
            let value: serde_json::Value = serde_json::from_slice(c.output.value.as_deref().unwrap()).unwrap();
            value["status"].as_str().unwrap().to_owned()
        }));
        problems.extend(fallen.into_iter().map(|f| {
            let what: String = f.what.chars().take(1_500).collect();
            format!("seed {seed} ({}): {} {what}", profile(seed).name, f.invariant)
        }));
    }
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
    if all {
        let seen: Vec<&str> = statuses.iter().map(String::as_str).collect();
        let wanted = ["approved", "assigned", "at_risk", "breached", "closed", "opened", "overflowed", "updated"];
        assert_eq!(seen, wanted, "the runs must show every kind of revision that their contact center causes");
        assert_eq!(faults.len(), 8, "the runs must show every fault, but showed {faults:?}");
    }
}

#[test]
fn a_seed_gives_the_same_run_again() {
    let policy = policy();
    let (a, b) = (run(1, &policy).0, run(1, &policy).0);
    assert_eq!(a.committed, b.committed);
}

/// Returns the log as `baton capture` gives it, its partitions one after the other.
fn captured(world: &World) -> Vec<ReplayLine> {
    let topic = Topic::Interactions;
    let lines = world.cluster.partitions_of(&topic).flat_map(|(at, partition)| {
        partition.records().iter().map(|record| ReplayLine {
            topic: "baton.interactions".into(),
            partition: Some(at.1),
            key: record.key.clone(),
            timestamp: record.timestamp,
            value: record.value.clone(),
            headers: record.headers.clone(),
        })
    });
    lines.collect()
}

fn replayed(lines: &[ReplayLine], policy: Option<&str>) -> Vec<ReplayLine> {
    let emit = vec!["baton.handoffs".into(), "baton.decisions".into()];
    let mut replay = Replay::new(Options { emit, policy: policy.map(Into::into), ..Options::default() }).unwrap();
    let mut out = Vec::new();
    for (number, line) in (1..).zip(lines) {
        // A file between them must not matter.
        let mut text = Vec::new();
        line.write(&mut text);
        let line = ReplayLine::parse(std::str::from_utf8(&text).unwrap()).unwrap();
        replay.push(Place { file: 0, line: number }, &line, &mut |line| out.push(line)).unwrap();
    }
    replay.finish(&mut |line| out.push(line)).unwrap();
    out
}

#[test]
fn a_replay_of_the_captured_log_gives_the_bytes_of_live() {
    let policy = policy();
    for seed in 1..=5 {
        let (world, _) = run(seed, &policy);
        let lines = captured(&world);
        let bytes = |partition: i32, topic: &Topic| -> Vec<_> {
            let live = world.committed.iter().filter(|c| c.partition == partition && c.output.topic == *topic);
            live.map(|c| (c.output.key.clone(), c.output.value.clone())).collect()
        };
        for topic in [Topic::Handoffs, Topic::Decisions] {
            let live = [bytes(0, &topic), bytes(1, &topic)].concat();
            for policy in [None, Some(policy.as_str())] {
                let again = replayed(&lines, policy);
                let again = again.into_iter().filter(|l| l.topic == topic.name("baton"));
                assert_eq!(again.map(|l| (l.key, l.value)).collect::<Vec<_>>(), live, "seed {seed}");
            }
        }
    }
}
