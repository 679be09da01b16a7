//! Who takes a handoff: queues, offers, ladders, overflow and the load of agents, for the teams of one pool. Pure: no
//! Kafka, no clock, no randomness; the wall clock is an argument.
//!
//! [`Assign`] takes the records of one partition of `pool.repartition` in order and gives its answers, which go into the
//! accounts' logs. *decide* writes the revisions.
//!
//! Reading order: [`Assign`], `requests` (what *decide* asks for), `queueing` (how a handoff finds an agent or leaves its
//! team), `changes` (agents, the policy, timers), then what these stand on: `entry` (one handoff), `need` (what an agent
//! must have), `lines` (the queues), `roster` (the agents), `experience` (what they have resolved), `clock` and `timers`, `terms` (what is read of the policy).
//!
//! Invariants:
//! - an offer never brings an agent over their capacity; only an acceptance that comes after its offer moved on can;
//! - nobody is offered a handoff below the floor of its ladder, outside of its team, after declining it, or twice in a step;
//! - a handoff waits only while nobody who is free may take it;
//! - the state is the tables and nothing else: all else is an index of them;
//! - no step depends on how many handoffs are open, but a change of policy, and the departure of an agent who leaves
//!   nobody behind who could take them or has not refused many; it looks at what the one who refused least has refused.

mod changes;
mod clock;
mod entry;
mod experience;
mod lines;
mod need;
mod queueing;
mod requests;
mod roster;
mod terms;
mod timers;
mod why;

pub use clock::{Pace, SLACK};

use baton_policy::Policy;
use baton_records::{AssignResult, Id, PoolRecord, Timestamp};
use baton_stream::{Store, Table};
use clock::PoolClock;
use entry::Entry;
use experience::Resolved;
use lines::Lines;
use roster::Roster;
use std::time::Duration;
use terms::Terms;
use timers::{Due, Timers};

/// Answers, each with the account to whose log it goes.
pub type Answers = Vec<(Id, AssignResult)>;

/// The *assign* stage of one partition of `pool.repartition`.
///
/// Restore its [`Assign::stores`] before the first record.
#[derive(Debug)]
pub struct Assign {
    policy: Table<(), Id>,
    entries: Table<Id, Entry>,
    roster: Roster,
    resolved: Resolved,
    clock: PoolClock,
    terms: Option<Terms>,
    lines: Lines,
    timers: Timers,
    indexed: bool,
}

impl Assign {
    /// Makes an empty stage.
    pub fn new(pace: Pace) -> Self {
        Self {
            policy: Table::new("assign.policy"),
            entries: Table::new("assign.handoffs"),
            roster: Roster::new(),
            resolved: Resolved::new(),
            clock: PoolClock::new(pace),
            terms: None,
            lines: Lines::default(),
            timers: Timers::default(),
            indexed: false,
        }
    }

    /// Takes one record. The wall clock moves timers only in [`Assign::advance`].
    ///
    /// A policy whose text cannot be read is passed over, as *sequence* refuses it too.
    pub fn record(&mut self, record: PoolRecord, wall: Timestamp, out: &mut Answers) {
        self.index();
        match record {
            PoolRecord::Request { request } => self.request(*request, out),
            PoolRecord::Agent { agent_id, agent, at } => self.agent(&agent_id, agent.map(|agent| *agent), at, out),
            PoolRecord::Policy { text, .. } => self.policy(text, wall, out),
            PoolRecord::Clock { partition, of, time } => self.clock.mark(partition, of, time),
        }
    }

    /// Moves the pool's clock and, once all that stands in the pool's log has been taken (`caught_up`), fires the timers
    /// that have come: an answer to an offer may stand among what has not.
    pub fn advance(&mut self, wall: Timestamp, caught_up: bool, out: &mut Answers) {
        self.index();
        self.clock.advance(wall);
        let (elapsed_ms, Some(clock)) = self.clock.reached() else { return };
        if !caught_up {
            return;
        }
        while let Some((handoff_id, due)) = self.timers.pop(elapsed_ms, clock) {
            self.fire(&handoff_id, due, out);
        }
    }

    /// Returns how long it takes until the next timer comes, if the clock goes on without a jump; none: there is none.
    pub fn next_timer_in(&self) -> Option<Duration> {
        self.timers.first().map(|timer| self.clock.left(timer)).min()
    }

    /// Returns the stores, always the same ones in the same order.
    pub fn stores(&mut self) -> Vec<&mut dyn Store> {
        let mut stores: Vec<&mut dyn Store> = vec![&mut self.policy, &mut self.entries];
        stores.extend(self.roster.stores());
        stores.extend(self.clock.stores());
        stores.push(self.resolved.store());
        stores
    }

    fn policy(&mut self, text: Id, wall: Timestamp, out: &mut Answers) {
        let Ok(policy) = Policy::parse(&text) else { return };
        let terms = Terms::of(&policy);
        let older =
            |known: &Terms| known.version.name == terms.version.name && known.version.number >= terms.version.number;
        if self.terms.as_ref().is_some_and(older) {
            return;
        }
        self.policy.put((), text);
        let at = self.clock.reached().1.unwrap_or(wall);
        self.enforce(terms, at, out);
    }

    /// Builds the indexes once the stores are restored.
    fn index(&mut self) {
        if std::mem::replace(&mut self.indexed, true) {
            return;
        }
        let policy = self.policy.get(&()).and_then(|text| Policy::parse(text).ok());
        self.terms = policy.map(|policy| Terms::of(&policy)).or(self.terms.take());
        self.roster.index();
        for (handoff_id, entry) in self.entries.iter() {
            self.lines.enter(entry);
            if let Some(agent_id) = entry.holder() {
                self.roster.hold(agent_id, handoff_id);
            }
            if let Some(timer) = entry.next_step {
                self.timers.add(timer, handoff_id, Due::Step);
            }
            if let Some(timer) = entry.end {
                self.timers.add(timer, handoff_id, Due::End);
            }
        }
    }
}

#[cfg(test)]
mod tests;
