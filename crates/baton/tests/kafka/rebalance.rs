//! Instances come, go and are away for too long, while records flow.

use crate::support::{ContactCenter, FOUR, LIMIT, Proof, Site, Workload, broker, turn};
use baton_test_support::{Signal, wait_until};
use std::time::Duration;

const EVENTS: usize = 300;

#[test]
fn a_second_instance_joins_and_leaves_under_load() {
    let _turn = turn();
    let mut site = Site::new(broker(), "joins");
    let (mut workload, mut contact_center) = (Workload::new(61), ContactCenter::new(62));
    workload.found(&site);
    site.start_nameless("first");
    workload.go_on(&site, EVENTS);
    site.await_ready();
    site.start_nameless("second");
    // Until the newcomer is ready, and some more.
    for _ in 0..3 {
        workload.go_on(&site, EVENTS);
        contact_center.work(&site);
        site.await_ready();
    }
    site.take("first").terminate();
    workload.go_on(&site, EVENTS);
    workload.found_late(&site);
    Proof(&site).every_input_once();
    site.terminate();
    assert!(Proof(&site).same_as_replay() > 0);
}

/// Pauses a process beyond the time-out of its session, waits until its partitions are with somebody else, and lets it go
/// on into work that is no longer its own.
fn away_for_too_long(site: &mut Site, workload: &mut Workload, sleeper: &str) {
    // Who is given nothing in the first round of a rebalance is ready, too; it would have nothing to lose.
    let has_tasks = format!("{sleeper} to have tasks");
    wait_until(&has_tasks, LIMIT, || site.process(sleeper).log().contains("task restored").then_some(())).unwrap();
    workload.go_on(site, EVENTS);
    site.process(sleeper).signal(Signal::Stop);
    workload.go_on(site, EVENTS);
    Proof(site).every_input_once();
    site.process(sleeper).signal(Signal::Continue);
    workload.go_on(site, EVENTS);
    let back = format!("{sleeper} to notice that it was away");
    wait_until(&back, LIMIT, || {
        site.process(sleeper).log().contains("starts over from what is committed").then_some(())
    })
    .unwrap();
    workload.go_on(site, EVENTS);
}

/// One of two instances of one process is away for too long.
fn an_instance_is_away(prefix: &str, seed: u64, start: fn(&mut Site, &str)) {
    let _turn = turn();
    let mut site = Site::new(broker(), prefix);
    let mut workload = Workload::new(seed);
    workload.found(&site);
    workload.found_late(&site);
    ["first", "second"].iter().for_each(|name| start(&mut site, name));
    site.await_ready();
    away_for_too_long(&mut site, &mut workload, "first");
    Proof(&site).every_input_once();
    site.terminate();
    assert!(Proof(&site).same_as_replay() > 0);
}

#[test]
fn an_instance_that_was_away_for_too_long_writes_nothing() {
    an_instance_is_away("away-one", 71, Site::start_nameless);
}

#[test]
fn an_instance_with_a_name_that_was_away_for_too_long_writes_nothing() {
    an_instance_is_away("away-named", 73, Site::start);
}

#[test]
fn a_router_that_was_away_for_too_long_writes_nothing() {
    let _turn = turn();
    let mut site = Site::new(broker(), "away-four");
    let mut workload = Workload::new(81);
    workload.found(&site);
    workload.found_late(&site);
    FOUR.iter().for_each(|name| site.start_nameless(name));
    site.await_ready();
    let before = site.written("decisions");
    workload.go_on(&site, EVENTS);
    wait_until("decisions", LIMIT, || (site.written("decisions") > before).then_some(())).unwrap();
    site.process("router").signal(Signal::Stop);
    workload.go_on(&site, EVENTS);
    // A second router takes over once the first one's session is over.
    let mut other = site.command("router");
    other.args(["--instance", "router-b"]);
    site.run("router-b", other);
    site.process("router-b").await_ready();
    wait_until("the second router's decisions", Duration::from_secs(60), || {
        (site.written("decisions") > before + EVENTS as i64 / 2).then_some(())
    })
    .unwrap();
    site.process("router").signal(Signal::Continue);
    workload.go_on(&site, EVENTS);
    Proof(&site).every_input_once();
    site.take("context-unifier").terminate();
    assert!(Proof(&site).same_as_replay() > 0);
    site.terminate();
}

#[test]
fn partitions_given_back_by_an_instance_that_then_died_are_taken_up() {
    let _turn = turn();
    let mut site = Site::new(broker(), "orphans");
    let mut workload = Workload::new(75);
    workload.found(&site);
    workload.found_late(&site);
    // It dies between the two rounds of the rebalance that the newcomer begins: what it gave back is with nobody.
    site.start_failing("first", "after_revoke:1");
    site.await_ready();
    workload.go_on(&site, EVENTS);
    site.start("second");
    // Or one of its threads begins anew by itself, when a commit comes in the middle of the rebalance, and the rest of the
    // instance would die later on: no less of a test.
    wait_until("the rebalance to be cut short", LIMIT, || {
        let first = site.process("first");
        let cut_short = first.ended().is_some() || first.log().contains("starts over from what is committed");
        cut_short.then_some(())
    })
    .unwrap();
    drop(site.take("first"));
    site.start("first");
    workload.go_on(&site, EVENTS);
    site.await_ready();
    Proof(&site).every_input_once();
    let logs = ["first", "second"].map(|name| site.process(name).log());
    assert!(logs.iter().any(|log| log.contains("some partitions are with nobody")), "there were no orphans: {logs:#?}");
    site.terminate();
    assert!(Proof(&site).same_as_replay() > 0);
}
