//! Nothing lost, nothing twice, and the same bytes as a replay, while processes are killed.

use crate::support::{ContactCenter, FOUR, Proof, Site, Workload, broker, events, patience, turn};
use baton_test_support::wait_until;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::Duration;

const PLACES: [&str; 5] = ["after_poll", "after_produce", "after_send_offsets", "before_commit", "after_commit"];

/// Kills processes and starts them again.
struct Killer {
    rng: StdRng,
    victims: Vec<&'static str>,
    kills: usize,
}

impl Killer {
    fn new(victims: &[&'static str]) -> Self {
        Self { rng: StdRng::seed_from_u64(7), victims: victims.to_vec(), kills: 0 }
    }

    /// Kills one process while the log grows, lets it die at a fail-point while it grows further, and starts it for good.
    fn strike(&mut self, site: &mut Site, workload: &mut Workload, events: usize) {
        let victim = self.victims[self.kills / 2 % self.victims.len()];
        workload.go_on(site, events / 2);
        let more = self.rng.random_range(1..events as i64 / 2);
        let begin = site.written("interactions");
        // A moment that comes while there is work to do; when there was too little of it, any moment is as good.
        let _ = wait_until("some growth of the log", Duration::from_secs(5), || {
            (site.written("interactions") >= begin + more).then_some(())
        });
        site.take(victim).kill();
        let place = PLACES[self.kills / 2 % PLACES.len()];
        let nth = self.rng.random_range(1..if place == "after_produce" { 60 } else { 12 });
        workload.go_on(site, events - events / 2);
        site.start_failing(victim, &format!("{place}:{nth}"));
        site.take(victim).await_abort(&format!("{place}:{nth}"));
        site.start(victim);
        self.kills += 2;
    }
}

/// Feeds a site while its processes are killed.
fn feed(site: &mut Site, killer: &mut Killer, rounds: usize) {
    let mut workload = Workload::new(42);
    let mut contact_center = ContactCenter::new(43);
    workload.found(site);
    for round in 0..rounds {
        killer.strike(site, &mut workload, events() / rounds);
        contact_center.work(site);
        if round == rounds / 2 {
            workload.found_late(site);
        }
    }
    site.assert_running();
}

fn report(what: &str, proof: &Proof<'_>, killer: &Killer, compared: usize) {
    let found = proof.every_input_once();
    assert!(found.applied > 0 && found.ignored > 0 && found.dead_letters > 0 && found.agents > 0, "{found:?}");
    println!("{what}: {} kills; {found:?}; {compared} handoffs and decisions as in the replay", killer.kills);
}

#[test]
fn four_processes_lose_and_double_nothing_while_they_are_killed() {
    let _turn = turn();
    let mut site = Site::new(broker(), "once-four");
    FOUR.iter().for_each(|name| site.start(name));
    let rounds = if events() > 50_000 { 40 } else { 8 };
    let mut killer = Killer::new(&FOUR);
    feed(&mut site, &mut killer, rounds);
    Proof(&site).every_input_once();
    site.take("context-unifier").terminate();
    let compared = Proof(&site).same_as_replay();
    site.terminate();
    assert_eq!(Proof(&site).same_as_replay(), compared);
    report("four processes", &Proof(&site), &killer, compared);
}

#[test]
fn two_instances_lose_and_double_nothing_while_they_are_killed() {
    let _turn = turn();
    let mut site = Site::new(broker(), "once-one");
    let names = ["one-a", "one-b"];
    names.iter().for_each(|name| site.start(name));
    let rounds = if events() > 50_000 { 20 } else { 6 };
    let mut killer = Killer::new(&names);
    feed(&mut site, &mut killer, rounds);
    Proof(&site).every_input_once();
    site.terminate();
    let compared = Proof(&site).same_as_replay();
    report("two instances", &Proof(&site), &killer, compared);
}

#[test]
fn the_layout_changes_in_mid_stream_and_no_byte_does() {
    let _turn = turn();
    let mut site = Site::new(broker(), "layouts");
    let (mut workload, mut contact_center) = (Workload::new(52), ContactCenter::new(53));
    workload.found(&site);
    for layout in [&["one"][..], &FOUR, &["one"], &FOUR, &["one"]] {
        workload.go_on(&site, events() / 10);
        layout.iter().for_each(|name| site.start_nameless(name));
        let before = site.written("handoffs");
        wait_until("handoffs of this layout", patience(), || (site.written("handoffs") > before + 20).then_some(()))
            .unwrap();
        contact_center.work(&site);
        workload.go_on(&site, events() / 20);
        // In the middle of it: four processes stop one after the other, with work left between them.
        if layout.len() == 1 {
            let before = site.written("interactions");
            wait_until("more of the log", patience(), || (site.written("interactions") > before).then_some(()))
                .unwrap();
        }
        site.terminate();
    }
    workload.found_late(&site);
    site.start_nameless("one");
    Proof(&site).every_input_once();
    site.terminate();
    let compared = Proof(&site).same_as_replay();
    assert!(compared > 0);
}
