//! The broker goes down and comes back.

use crate::support::{FOUR, LIMIT, Proof, Site, Workload, now, turn};
use baton_test_support::{Heap, KafkaBroker, wait_until};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

const EVENTS: usize = 400;

/// For how many seconds the broker is away at least; more than 10 is longer than a session and than a transaction may take.
fn away() -> i64 {
    std::env::var("BATON_OUTAGE_S").map_or(0, |seconds| seconds.parse().unwrap())
}

/// Sees processes through an outage: not ready meanwhile, ready again without any traffic, nothing lost.
///
/// A single broker that restarts may skip markers of transactions, which then never end (KAFKA-20734, in 4.3): no client
/// can mend that, so the outage is taken once more with a new broker when its log says so.
fn outage(prefix: &str, names: &[&str], down: fn(&mut KafkaBroker)) {
    let _turn = turn();
    for tries in 1.. {
        // A hand-over to nobody before it stops makes it skip more of them.
        let settings = [("controlled.shutdown.enable", "false")];
        let mut broker = KafkaBroker::start_with(Heap::default(), &settings).unwrap();
        let Err(failure) = catch_unwind(AssertUnwindSafe(|| sees_through(&mut broker, prefix, names, down))) else {
            return;
        };
        if tries == 5 || !broker.log().contains("these partitions are likely deleted already") {
            resume_unwind(failure);
        }
    }
}

fn sees_through(broker: &mut KafkaBroker, prefix: &str, names: &[&str], down: fn(&mut KafkaBroker)) {
    let mut site = Site::new(broker, prefix);
    let mut workload = Workload::new(91);
    workload.found(&site);
    workload.found_late(&site);
    names.iter().for_each(|name| site.start(name));
    site.await_ready();
    workload.go_on(&site, EVENTS);
    let before = site.written("interactions");
    wait_until("some of the log", LIMIT, || (site.written("interactions") > before).then_some(())).unwrap();
    down(broker);
    for name in names {
        let what = format!("{name} to say that it is not ready");
        wait_until(&what, LIMIT, || (site.process(name).readiness() == Some(503)).then_some(())).unwrap();
    }
    let begun = now();
    wait_until("the outage to last", 2 * LIMIT, || (now() - begun >= 1000 * away()).then_some(())).unwrap();
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
