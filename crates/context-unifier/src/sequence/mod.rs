//! *sequence*: one order and one time for all that is known of an account.
//!
//! The only writer of the log. Everything that it decides (repeats, log time, conversations, contexts) depends on its
//! input and its stores alone; the clock only cuts arrivals and paces marks.

mod aside;
mod contexts;
mod conversations;
mod duplicates;
mod log_time;
mod policies;
mod task;

pub use task::SequenceTask;

use crate::Directory;
use aside::Aside;
use baton_policy::Policy;
use baton_records::{
    Account, Body, Entry, Event, Id, IgnoredReason, Interaction, LogRecord, LowWater, Passed, Payload, Source,
    Timestamp,
};
use baton_stream::{Broken, Counted, Outbox, Store, Table};
use contexts::Contexts;
use conversations::Conversations;
use duplicates::{Duplicates, EventKey};
use log_time::LowWaters;
use policies::Policies;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, RwLock};
use std::time::Duration;

/// Alone, *sequence* writes a mark at most so often.
const MARK_PACE: Duration = Duration::from_millis(500);
/// The log begins so far in the past: a backlog of that age fires in order, and brokers do not take the first records,
/// whose time is the Kafka timestamp, for older than retention and delete them.
const BEGIN: Duration = Duration::from_secs(30 * 24 * 3_600);
/// When nothing moved the log for so long, a mark does.
const SILENCE: Duration = Duration::from_secs(30);

/// When marks are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// *sequence* runs alone and knows no deadlines: a mark every 500 ms when log time can move.
    Alone,
    /// In one process with all later stages: a mark when a deadline is due.
    OneProcess,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Head {
    /// The number of the newest log record.
    #[serde(rename = "n")]
    seq: u64,
    /// Its log time, in milliseconds.
    #[serde(rename = "t")]
    time: i64,
}

/// Gives every record its place in the log of its partition.
#[derive(Debug)]
pub struct Sequence {
    directory: Arc<RwLock<Directory>>,
    pace: Pace,
    head: Table<(), Head>,
    low: Table<(), LowWaters>,
    policies: Policies,
    duplicates: Duplicates,
    aside: Aside,
    conversations: Conversations,
    contexts: Contexts,
    minimum: Option<Timestamp>,
    prepared: bool,
    marked_at: Option<Timestamp>,
    logged_at: Option<Timestamp>,
}

impl Sequence {
    /// Makes the sequence of one account partition. Its stores must be restored before anything else is called.
    pub fn new(pace: Pace, directory: Arc<RwLock<Directory>>) -> Self {
        Self {
            directory,
            pace,
            head: Table::new("sequence.head"),
            low: Table::new("sequence.low"),
            policies: Policies::new(),
            duplicates: Duplicates::new(),
            aside: Aside::new(),
            conversations: Conversations::new(),
            contexts: Contexts::new(),
            minimum: None,
            prepared: false,
            marked_at: None,
            logged_at: None,
        }
    }

    /// Returns the log time so far.
    pub fn time(&self) -> Timestamp {
        self.head.get(&()).map_or(log_time::EPOCH, |head| Timestamp::from_millis(head.time))
    }

    /// Returns the number of the newest log record, 0 for none.
    pub fn seq(&self) -> u64 {
        self.head.get(&()).map_or(0, |head| head.seq)
    }

    /// Returns the policy in force; none before the first one came.
    pub fn policy(&self) -> Option<&Policy> {
        self.policies.in_force()
    }

    /// Takes a record that *intake* or *assign* passed on: appends to the log what comes of it, which is nothing when it
    /// waits for its account's record, and to `out` contexts.
    ///
    /// # Errors
    /// [`Broken`] when a policy cannot be read any more.
    pub fn take(
        &mut self,
        passed: Passed,
        clock: Timestamp,
        log: &mut Vec<LogRecord>,
        out: &mut Outbox,
    ) -> Result<(), Broken> {
        self.prepare(clock)?;
        let arrival = passed.timestamp.min(clock);
        let before = log.len();
        self.first_policy(arrival, log)?;
        if let Payload::Policy { version, text } = passed.payload {
            if self.policies.switch(&version, &text)? {
                self.append(arrival, Entry::Policy { version, text }, log);
            }
        } else if let Some(needs) = passed.needs.as_ref().filter(|v| !self.aside.has(&passed.account_id, v)) {
            let needs = needs.clone();
            if let Some(oldest) = self.aside.put(passed, needs) {
                out.count(Counted::Bound);
                self.log(oldest, clock, log, out);
            }
        } else {
            self.log(passed, clock, log, out);
        }
        if log.len() > before {
            self.logged_at = Some(clock);
            self.contexts.write_due(self.time(), &self.conversations, out);
        }
        Ok(())
    }

    /// Returns the lowest low-water mark of all source partitions: nothing older is still to come. None while that of one
    /// of them is unknown.
    pub const fn minimum(&self) -> Option<Timestamp> {
        self.minimum
    }

    /// Takes the low-water marks of an intake thread.
    pub fn low_water(&mut self, told: LowWater) {
        self.low.update_or_default(&(), |low| low.take(told));
        self.minimum = self.low.get(&()).and_then(LowWaters::minimum);
    }

    /// Writes a mark when log time can move and should: alone every 500 ms, in one process when `due` (the next
    /// deadline of the partition) has come, in both when the log stood still for 30 s.
    ///
    /// # Errors
    /// [`Broken`] when a stored policy cannot be read any more.
    pub fn mark(
        &mut self,
        clock: Timestamp,
        due: Option<Timestamp>,
        log: &mut Vec<LogRecord>,
        out: &mut Outbox,
    ) -> Result<(), Broken> {
        self.prepare(clock)?;
        let logged_at = *self.logged_at.get_or_insert(clock);
        let Some(low) = self.minimum.map(|low| low.min(clock)).filter(|low| *low > self.time()) else {
            self.contexts.write_due(self.time(), &self.conversations, out);
            return Ok(());
        };
        let wanted = match self.pace {
            Pace::Alone => self.marked_at.is_none_or(|at| clock >= at.plus(MARK_PACE)),
            Pace::OneProcess => due.is_some_and(|due| due <= low),
        };
        if wanted || clock >= logged_at.plus(SILENCE) {
            self.first_policy(low, log)?;
            self.append(low, Entry::Mark, log);
            (self.marked_at, self.logged_at) = (Some(clock), Some(clock));
        }
        self.contexts.write_due(low, &self.conversations, out);
        Ok(())
    }

    /// Returns when, by the wall clock, [`Sequence::mark`] should be called next, for the same `due`.
    pub fn wake_at(&self, due: Option<Timestamp>) -> Option<Timestamp> {
        if !self.prepared {
            return Some(Timestamp::MIN);
        }
        let low = self.minimum?;
        let context = self.contexts.next_due().filter(|at| *at <= low.max(self.time()));
        if low <= self.time() {
            return context;
        }
        let paced = match self.pace {
            Pace::Alone => Some(self.marked_at.map_or(Timestamp::MIN, |at| at.plus(MARK_PACE))),
            Pace::OneProcess => due.filter(|due| *due <= low),
        };
        let silent = self.logged_at.map(|at| at.plus(SILENCE));
        [context, paced, silent].into_iter().flatten().min()
    }

    /// Writes the contexts that wait for log time to move; only at the end of a replay.
    pub fn finish(&mut self, out: &mut Outbox) {
        self.contexts.write_due(Timestamp::MAX, &self.conversations, out);
    }

    /// Returns the stores, always in the same order.
    pub fn stores(&mut self) -> Vec<&mut dyn Store> {
        let mut all: Vec<&mut dyn Store> = vec![&mut self.head, &mut self.low, self.duplicates.store()];
        all.extend(self.policies.stores());
        all.extend(self.aside.stores());
        all.extend(self.conversations.stores());
        all.extend(self.contexts.stores());
        all
    }

    /// Makes what is kept in memory only, once, after the stores are restored; begins a log that has no record yet.
    fn prepare(&mut self, clock: Timestamp) -> Result<(), Broken> {
        if !self.prepared {
            if self.head.get(&()).is_none() {
                self.head.put((), Head { seq: 0, time: clock.minus(BEGIN).max(log_time::EPOCH).millis() });
            }
            self.policies.prepare()?;
            self.contexts.prepare();
            self.minimum = self.low.get(&()).and_then(LowWaters::minimum);
            self.prepared = true;
        }
        Ok(())
    }

    /// Puts the newest policy in front of a log that has none yet.
    fn first_policy(&mut self, arrival: Timestamp, log: &mut Vec<LogRecord>) -> Result<(), Broken> {
        if self.policies.in_force().is_some() {
            return Ok(());
        }
        let Some(newest) = crate::read(&self.directory).policy() else { return Ok(()) };
        if self.policies.switch(&newest.version, &newest.text)? {
            let entry = Entry::Policy { version: newest.version.clone(), text: newest.text.clone() };
            self.append(arrival, entry, log);
        }
        Ok(())
    }

    fn append(&mut self, arrival: Timestamp, entry: Entry, log: &mut Vec<LogRecord>) {
        let time = log_time::log_time(self.time(), arrival, self.minimum, self.policies.limits().lateness);
        let seq = self.head.update_or_default(&(), |head| {
            head.seq += 1;
            head.time = time.millis();
            head.seq
        });
        log.push(LogRecord { seq, time, entry });
    }

    fn log(&mut self, passed: Passed, clock: Timestamp, log: &mut Vec<LogRecord>, out: &mut Outbox) {
        let Passed { account_id, source, timestamp, history, needs, traceparent, payload } = passed;
        let mut arrival = timestamp.min(clock);
        if let Some(resolved_at) = needs.and_then(|version| self.aside.arrival_of(&account_id, &version)) {
            arrival = arrival.max(resolved_at);
        }
        let place = Place { account_id, source, arrival, history, traceparent };
        match payload {
            Payload::Event { event } => self.log_event(place, event, log, out),
            Payload::Account { account } => self.log_account(place, account, clock, log, out),
            Payload::Lifecycle { lifecycle, agent_teams, received } => {
                out.count(Counted::Applied);
                self.append_body(place, Body::Lifecycle { lifecycle, agent_teams, received }, log);
            }
            Payload::Assign { result } => self.append_body(place, Body::Assign { result }, log),
            // `take` has switched already: a policy is about no account and never set aside.
            Payload::Policy { .. } => {}
        }
    }

    fn log_event(&mut self, mut place: Place, event: Box<Event>, log: &mut Vec<LogRecord>, out: &mut Outbox) {
        let limits = self.policies.limits();
        let (join, history_after) = (limits.conversation_join, limits.history_after);
        let (window, most) = (limits.duplicate_window, limits.duplicate_ids);
        let now = log_time::log_time(self.time(), place.arrival, self.minimum, limits.lateness);
        let key = EventKey {
            account_id: &place.account_id,
            topic: &place.source.topic,
            event_id: &event.event_id,
            arrival: place.arrival,
            log_time: now,
        };
        if self.duplicates.is_repeat(&key, window, most) {
            return self.ignore(place, event.event_id.clone(), IgnoredReason::Duplicate, log, out);
        }
        place.history |= event.occurred_at < place.arrival.minus(history_after);
        out.count(if place.history { Counted::History } else { Counted::Applied });
        let account_id = place.account_id.clone();
        if event.event_type == "erasure" {
            let (contact, until) = (event.contact_id.clone(), place.arrival);
            let dropped = self.aside.erase(&account_id, contact.as_ref(), until);
            self.append_body(place, Body::Event { event, conversation: None }, log);
            self.conversations.erase(&account_id, contact.as_ref());
            self.contexts.erase(&account_id, contact.as_ref(), until, out);
            for (place, event_id) in dropped {
                self.ignore(place, event_id, IgnoredReason::Erased, log, out);
            }
            return;
        }
        let conversation = self.conversations.place(&account_id, &event, join);
        self.contexts.learn(&account_id, &event, place.arrival, now);
        self.append_body(place, Body::Event { event, conversation }, log);
    }

    fn log_account(
        &mut self,
        place: Place,
        account: Option<Box<Account>>,
        clock: Timestamp,
        log: &mut Vec<LogRecord>,
        out: &mut Outbox,
    ) {
        out.count(Counted::Applied);
        let account_id = place.account_id.clone();
        self.aside.seen(&account_id, &place.source, place.arrival);
        if account.is_none() {
            self.conversations.erase(&account_id, None);
            self.contexts.forget(&account_id, out);
        }
        self.append_body(place, Body::Account { account }, log);
        for waiting in self.aside.release(&account_id) {
            self.log(waiting, clock, log, out);
        }
    }

    fn ignore(
        &mut self,
        place: Place,
        event_id: Id,
        reason: IgnoredReason,
        log: &mut Vec<LogRecord>,
        out: &mut Outbox,
    ) {
        out.count(Counted::Ignored(reason));
        self.append_body(place, Body::Ignored { event_id, reason }, log);
    }

    fn append_body(&mut self, place: Place, body: Body, log: &mut Vec<LogRecord>) {
        let Place { account_id, source, arrival, history, traceparent } = place;
        let interaction = Interaction { account_id, arrival, history, source, traceparent, body };
        self.append(arrival, Entry::Interaction(Box::new(interaction)), log);
    }
}

/// What stands around the body of an interaction.
#[derive(Debug, Clone)]
struct Place {
    account_id: Id,
    source: Source,
    arrival: Timestamp,
    history: bool,
    traceparent: Option<Id>,
}
