//! The broker goes down and comes back.

use crate::support::{FOUR, LIMIT, Proof, Site, Workload, turn};
use baton_test_support::{KafkaBroker, wait_until};

const EVENTS: usize = 400;

/// Sees processes through an outage: not ready meanwhile, ready again without any traffic, nothing lost.
fn outage(prefix: &str, names: &[&str], down: impl Fn(&mut KafkaBroker)) {
    let _turn = turn();
    let mut broker = KafkaBroker::start().unwrap();
    let mut site = Site::new(&broker, prefix);
    let mut workload = Workload::new(91);
    workload.found(&site);
    workload.found_late(&site);
    names.iter().for_each(|name| site.start(name));
    site.await_ready();
    workload.go_on(&site, EVENTS);
    let before = site.written("interactions");
    wait_until("some of the log", LIMIT, || (site.written("interactions") > before).then_some(())).unwrap();
    down(&mut broker);
    for name in names {
        let what = format!("{name} to say that it is not ready");
        wait_until(&what, LIMIT, || (site.process(name).readiness() == Some(503)).then_some(())).unwrap();
    }
    broker.restart().unwrap();
    site.await_ready();
    workload.go_on(&site, EVENTS);
    Proof(&site).every_input_once();
    site.assert_running();
    site.take(names[0]).terminate();
    assert!(Proof(&site).same_as_replay() > 0);
    site.terminate();
}

#[test]
fn one_process_waits_for_a_broker_that_was_killed() {
    outage("down-hard", &["one"], |broker| broker.kill().unwrap());
}

#[test]
fn four_processes_wait_for_a_broker_that_was_stopped() {
    outage("down-clean", &FOUR, |broker| broker.stop().unwrap());
}
