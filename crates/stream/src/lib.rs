//! What a processor sees of the stream: records in, records out, a clock that somebody else moves, and state that
//! survives. Pure: the same trait is driven by the Kafka runtime, by a replay of a file and by the simulation.
//!
//! Invariants: a [`Task`] never reads a clock, never does I/O, never panics on input. All of its state that must
//! survive stands in [`Store`]s; what it reads again after a restart from inputs that it still holds does not.

pub mod bytes;
mod changelog;
mod groups;
mod key;
mod outbox;
mod packed;
mod store;
mod topic;
pub mod wire;

pub use changelog::{BatchSink, Changelog};
pub use groups::Groups;
pub use key::Key;
pub use outbox::{Counted, Handed, Header, Outbox, Output};
pub use packed::Packed;
pub use store::{CorruptEntry, Range, Sink, Store, Table, Value};
pub use topic::Topic;

use baton_records::{Source, Timestamp};

/// One input record, as it stands in its topic.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Its topic.
    pub topic: &'a Topic,
    /// Its partition.
    pub partition: i32,
    /// Its offset; in a replay the line number, from 1.
    pub offset: i64,
    /// Its Kafka timestamp.
    pub timestamp: Timestamp,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value; none is a tombstone or a mark.
    pub value: Option<&'a [u8]>,
    /// Its headers, in order.
    pub headers: &'a [Header],
}

impl Input<'_> {
    /// Returns the value of the last header with this name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().rev().find(|h| h.name == name).map(|h| h.value.as_slice())
    }

    /// Returns where it stands, the topic by its [`Topic::canonical`] name.
    pub fn source(&self) -> Source {
        Source { topic: self.topic.canonical(), partition: self.partition, offset: self.offset }
    }
}

/// Timestamps of records that were fetched and not yet given to the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    /// That of the next one.
    pub next: Timestamp,
    /// The lowest of them.
    pub lowest: Timestamp,
}

impl Unread {
    /// Makes it of their timestamps, in order; none when there are none.
    pub fn of(timestamps: impl IntoIterator<Item = Timestamp>) -> Option<Self> {
        let mut timestamps = timestamps.into_iter();
        let next = timestamps.next()?;
        Some(timestamps.fold(Self { next, lowest: next }, Self::and))
    }

    /// Adds the timestamp of a record behind the others.
    #[must_use]
    pub fn and(self, timestamp: Timestamp) -> Self {
        Self { lowest: self.lowest.min(timestamp), ..self }
    }
}

/// How far a task's lead partition has been read, as whoever drives the task knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The wall clock (in a replay the records' time).
    pub clock: Timestamp,
    /// What was fetched and not yet given to the task, if anything was.
    pub unread: Option<Unread>,
    /// The latest moment at which the partition's end was asked for that the position has reached since.
    pub reached: Option<Timestamp>,
    /// The latest moment at which the partition is known to have been readable.
    pub heard: Timestamp,
}

/// A task cannot go on: its invariants or its stored state are broken. The processor stops.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; stop the processor, and restore its state from the changelog or report this as a defect")]
pub struct Broken {
    /// What is wrong, with names and offsets, never with payloads.
    pub what: String,
}

/// A set of co-partitioned input partitions with the state that belongs to them.
///
/// Whoever drives a task restores its stores, then calls [`Task::process`] for every record in order, and
/// [`Task::punctuate`] whenever [`Task::wake_at`] has come. All outputs, all changes of stores and the offsets of all
/// records taken since the last commit become visible together or not at all; when they do not, the task is thrown away
/// and made anew from its stores.
pub trait Task: Send {
    /// Takes one record.
    ///
    /// # Errors
    /// [`Broken`] when the task cannot go on. A bad record is no error: it goes to dead letters.
    fn process(&mut self, input: Input<'_>, clock: Timestamp, out: &mut Outbox) -> Result<(), Broken>;

    /// Tells the task that time passes.
    ///
    /// # Errors
    /// [`Broken`] when the task cannot go on.
    fn punctuate(&mut self, progress: Progress, out: &mut Outbox) -> Result<(), Broken>;

    /// Returns when (by the wall clock) the task wants to be punctuated next; none: not before the next record.
    fn wake_at(&self) -> Option<Timestamp>;

    /// Returns the lowest offset of an input partition that the task must see again after a restart, when that is lower
    /// than what it has taken: it holds such records in memory only.
    fn needed_from(&self, _topic: &Topic) -> Option<i64> {
        None
    }

    /// Tells whether the task wants no more of this topic for now, because it waits for another.
    fn is_full(&self, _topic: &Topic) -> bool {
        false
    }

    /// Returns the low-water mark of the task's source partition; only *intake* has one.
    fn low_water(&self) -> Option<Timestamp> {
        None
    }

    /// Returns the log time up to which the task has decided; only *decide* has one.
    fn decided_up_to(&self) -> Option<Timestamp> {
        None
    }

    /// Writes what waits for a later moment (contexts); only at the end of a replay.
    ///
    /// # Errors
    /// [`Broken`] when the task cannot go on.
    fn finish(&mut self, _out: &mut Outbox) -> Result<(), Broken> {
        Ok(())
    }

    /// Returns the stores, always the same ones in the same order.
    fn stores(&mut self) -> Vec<&mut dyn Store>;
}
