//! What a task gives out.

use crate::Topic;
use baton_records::{Id, IgnoredReason, Outcome, Reason, Status, Strategy, Timestamp, Why};

/// A header of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: std::borrow::Cow<'static, str>,
    /// Its value.
    pub value: Vec<u8>,
}

impl Header {
    /// Makes a header with a fixed name.
    pub fn new(name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// One record to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Where to.
    pub topic: Topic,
    /// The partition; none: by the key, as Java's default partitioner does.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value; none is a tombstone or a mark.
    pub value: Option<Vec<u8>>,
    /// The Kafka timestamp; none: the moment of writing.
    pub timestamp: Option<Timestamp>,
    /// Headers.
    pub headers: Vec<Header>,
}

/// What became of an input record, and what came of it, for metrics; a bounded set but for the policy's teams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// It was passed on or applied.
    Applied,
    /// It waits for an account.
    Waiting,
    /// It was ignored.
    Ignored(IgnoredReason),
    /// It went to dead letters.
    DeadLetter(Reason),
    /// Its timestamp was more than a minute ahead of the clock.
    ClockAhead,
    /// It came behind the lateness bound.
    Late,
    /// A source partition could not be read for too long and was passed over.
    PassedOver,
    /// It is older than what rules look at.
    History,
    /// Something was dropped because its bound was reached.
    Bound,
    /// A condition of the policy could not be evaluated, and so does not hold.
    ConditionFailed,
    /// A decision was written.
    Decided(Outcome, Why),
    /// A revision of a handoff was written.
    Handed(Handed),
}

/// A revision of a handoff, as metrics see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// The strategy of its first reason; none when it has no reason any more.
    pub strategy: Option<Strategy>,
    /// Its team, one of the policy's.
    pub team: Id,
    /// What it is about.
    pub status: Status,
    /// The arrival, or the deadline, of what caused it: from there on its latency counts.
    pub arrival: Timestamp,
}

/// Collects what a task gives out between two commits.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Records to write, in order.
    pub records: Vec<Output>,
    /// What became of input records.
    pub counted: Vec<Counted>,
}

impl Outbox {
    /// Adds a record.
    pub fn write(&mut self, record: Output) {
        self.records.push(record);
    }

    /// Counts what became of a record.
    pub fn count(&mut self, what: Counted) {
        self.counted.push(what);
    }
}
