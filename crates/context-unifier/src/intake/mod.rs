//! *intake*: reads source partitions, finds whom each record belongs to, and passes it on by account or pool.

mod agents;
mod clean;
mod low_water;
mod own_ties;
mod records;
mod ties;
mod waiting;

use crate::directory::{Directory, NewestPolicy, Resolution};
use agents::Agents;
use baton_records::{Id, IgnoredReason, Reason, Rejection, Source, Timestamp};
use baton_stream::{Broken, Counted, Input, Outbox, Progress, Store, Table, Task, Topic, wire};
use own_ties::OwnTies;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, RwLock};
use std::time::Duration;
use waiting::{Parked, Waiting};

/// Without `--live-from`, what is older than this before the partition was first read is history.
const LIVE_SPAN: Duration = Duration::from_secs(24 * 3_600);
/// A record whose timestamp is further ahead of the clock is counted.
const CLOCK_SLACK: Duration = Duration::from_secs(60);
/// How often the low-water mark is made anew.
const CADENCE: Duration = Duration::from_millis(500);

/// What an intake task must know.
#[derive(Debug, Clone)]
pub struct IntakeConfig {
    /// What it reads: a source, `Accounts`, `Agents`, `Lifecycle` or `Policies`.
    pub topic: Topic,
    /// Which partition of it.
    pub partition: i32,
    /// How many partitions the topics keyed by account have.
    pub account_partitions: i32,
    /// How many partitions the topic keyed by pool has.
    pub pool_partitions: i32,
    /// Records before this are history; none: 24 h before the partition was first read. A replay gives
    /// [`Timestamp::MIN`] where it has none.
    pub live_from: Option<Timestamp>,
    /// The name that dead letters carry.
    pub processor: &'static str,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Position {
    #[serde(rename = "f")]
    first_read: i64,
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    low: Option<i64>,
}

/// The task of one source partition.
#[derive(Debug)]
pub struct IntakeTask {
    config: IntakeConfig,
    directory: Arc<RwLock<Directory>>,
    position: Table<(), Position>,
    waiting: Waiting,
    agents: Agents,
    own_ties: OwnTies,
    /// The policy in force, and the directory's changes up to which waiting events were looked at; in memory only, so
    /// that after a restart all are looked at again.
    policy: Option<Arc<NewestPolicy>>,
    checked: Option<u64>,
    since: Option<Timestamp>,
    punctuated: Option<Timestamp>,
    passed_over: bool,
}

/// Where a record came from and when.
struct Origin {
    source: Source,
    timestamp: Timestamp,
    history: bool,
    traceparent: Option<Id>,
}

impl IntakeTask {
    /// Makes the task of a source partition. Its stores must be restored before it is used.
    pub fn new(config: IntakeConfig, directory: Arc<RwLock<Directory>>) -> Self {
        Self {
            config,
            directory,
            position: Table::new("intake.position"),
            waiting: Waiting::new(),
            agents: Agents::new(),
            own_ties: OwnTies::default(),
            policy: None,
            checked: None,
            since: None,
            punctuated: None,
            passed_over: false,
        }
    }

    fn live_from(&mut self, clock: Timestamp) -> Timestamp {
        let first_read = match self.position.get(&()) {
            Some(position) => Timestamp::from_millis(position.first_read),
            None => {
                self.position.put((), Position { first_read: clock.millis(), low: None });
                clock
            }
        };
        self.config.live_from.unwrap_or_else(|| first_read.minus(LIVE_SPAN))
    }

    /// Looks at what the directory has learnt: agents change pools with the policy, waiting events are released.
    fn refresh(&mut self, clock: Timestamp, out: &mut Outbox) {
        self.since.get_or_insert(clock);
        self.waiting.prepare();
        let shared = Arc::clone(&self.directory);
        let directory = crate::read(&shared);
        let newest = directory.policy();
        let known = self.policy.as_ref().map(|p| &p.version);
        if newest.as_ref().map(|p| &p.version) != known {
            if let Some(newest) = &newest {
                self.agents.move_all(&newest.policy, clock, out);
            }
            self.policy = newest;
        }
        let changes = directory.changes();
        if self.checked != Some(changes) {
            if !self.waiting.is_empty() {
                self.release(&directory, clock, out);
            }
            self.checked = Some(changes);
        }
    }

    fn release(&mut self, directory: &Directory, clock: Timestamp, out: &mut Outbox) {
        let concerned = self.waiting.concerned(self.checked.and_then(|since| directory.changed_since(since)));
        let live_from = self.live_from(clock);
        let mut ready = Vec::new();
        for offset in concerned {
            let Some(parked) = self.waiting.get(offset) else { continue };
            let Some(event) = parked.event() else { continue };
            if ties::is_erased(directory, &event, parked.timestamp) {
                self.waiting.take(offset);
                out.count(Counted::Ignored(IgnoredReason::Erased));
                continue;
            }
            match directory.resolve(&event) {
                Resolution::Unknown => {}
                resolved => ready.push((event.occurred_at, offset, event, resolved)),
            }
        }
        ready.sort_by_key(|(occurred_at, offset, ..)| (*occurred_at, *offset));
        for (_, offset, event, resolved) in ready {
            let Some(parked) = self.waiting.take(offset) else { continue };
            match resolved {
                Resolution::Account { account_id, needs } => {
                    let origin = Origin {
                        source: self.source(offset),
                        timestamp: parked.timestamp,
                        history: parked.timestamp < live_from,
                        traceparent: parked.traceparent,
                    };
                    self.pass_event(directory, origin, event, account_id, needs, out);
                }
                Resolution::Ambiguous { field } => {
                    self.reject_parked(offset, &parked, &Rejection::new(Reason::AmbiguousIdentity, field), out);
                }
                Resolution::Unknown => {}
            }
        }
    }

    fn source(&self, offset: u64) -> Source {
        Source {
            topic: self.config.topic.canonical(),
            partition: self.config.partition,
            offset: i64::try_from(offset).unwrap_or(i64::MAX),
        }
    }

    fn reject_parked(&self, offset: u64, parked: &Parked, rejection: &Rejection, out: &mut Outbox) {
        let (source, trace) = (self.source(offset), parked.traceparent.as_ref());
        out.write(wire::dead_letter_received(&parked.received, &source, trace, rejection, self.config.processor));
        out.count(Counted::DeadLetter(rejection.reason));
    }
}

impl Task for IntakeTask {
    fn process(&mut self, input: Input<'_>, clock: Timestamp, out: &mut Outbox) -> Result<(), Broken> {
        self.refresh(clock, out);
        if input.timestamp > clock.plus(CLOCK_SLACK) {
            out.count(Counted::ClockAhead);
        }
        let taken = match input.topic {
            Topic::Source(_) => self.take_event(input, clock, out),
            Topic::Accounts => self.take_account(input, clock, out),
            Topic::Agents => self.take_agent(input, clock, out),
            Topic::Lifecycle => self.take_lifecycle(input, clock, out),
            Topic::Policies => self.take_policy(input, out),
            other => {
                let what = format!("intake was given a record of {}, which it does not read", other.suffix());
                return Err(Broken { what });
            }
        };
        if let Err(rejection) = taken {
            crate::reject(input, &rejection, self.config.processor, out);
        }
        Ok(())
    }

    fn punctuate(&mut self, progress: Progress, out: &mut Outbox) -> Result<(), Broken> {
        self.refresh(progress.clock, out);
        while let Some((offset, parked)) = self.waiting.expired(progress.clock) {
            let unknown = Rejection::new(Reason::UnknownAccount, "account_id");
            self.reject_parked(offset, &parked, &unknown, out);
        }
        let since = *self.since.get_or_insert(progress.clock);
        let live_from = self.live_from(progress.clock);
        let mark = low_water::mark(progress, since, live_from);
        if mark.passed_over && !self.passed_over {
            out.count(Counted::PassedOver);
        }
        self.passed_over = mark.passed_over;
        let before = self.position.get(&()).and_then(|position| position.low);
        if let Some(low) = mark.low.map(Timestamp::millis).filter(|low| before.is_none_or(|before| *low > before)) {
            self.position.update(&(), |position| position.low = Some(low));
        }
        self.punctuated = Some(progress.clock);
        Ok(())
    }

    fn wake_at(&self) -> Option<Timestamp> {
        let Some(punctuated) = self.punctuated else { return Some(Timestamp::MIN) };
        if !self.waiting.is_empty() && self.checked != Some(crate::read(&self.directory).changes()) {
            return Some(punctuated);
        }
        let mark = punctuated.plus(CADENCE);
        Some(self.waiting.next_expiry().map_or(mark, |expiry| expiry.min(mark)))
    }

    fn low_water(&self) -> Option<Timestamp> {
        self.position.get(&()).and_then(|position| position.low).map(Timestamp::from_millis)
    }

    fn stores(&mut self) -> Vec<&mut dyn Store> {
        vec![&mut self.position, self.waiting.store(), self.agents.store()]
    }
}
