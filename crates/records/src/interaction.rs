//! The log: one order of all that may influence decisions about an account.

use crate::{Account, AssignResult, Event, Id, Lifecycle, Timestamp};
use serde::{Deserialize, Serialize};

/// Where a record came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Source {
    /// Topic.
    pub topic: Id,
    /// Partition.
    pub partition: i32,
    /// Offset; in a replay the line number of its file, from 1.
    pub offset: i64,
}

/// A lifecycle record as it was received, for a dead letter that *decide* writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// The key in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Id>,
    /// The value, which was UTF-8.
    pub value: Id,
}

/// What an interaction is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Something happened.
    Event {
        /// What.
        event: Box<Event>,
        /// The conversation that it belongs to: the source's, or that of the same contact on another channel within 30
        /// minutes.
        conversation: Option<Id>,
    },
    /// The CRM record changed; `None` is a tombstone.
    Account {
        /// The new record.
        account: Option<Box<Account>>,
    },
    /// The contact center reported.
    Lifecycle {
        /// The report.
        lifecycle: Box<Lifecycle>,
        /// The teams of its agent, as known when it came in.
        agent_teams: Vec<Id>,
        /// The record as received.
        received: Received,
    },
    /// *assign* answered.
    Assign {
        /// The answer.
        result: AssignResult,
    },
    /// An event that changes nothing; it stands here so that every source record's fate can be read.
    Ignored {
        /// The event.
        event_id: Id,
        /// Why.
        reason: IgnoredReason,
    },
}

/// Why an event was ignored; a bounded set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IgnoredReason {
    /// Its id was seen within the policy's window.
    Duplicate,
    /// An answer about a handoff that has moved on.
    Stale,
    /// It waited for its account when what it says was erased.
    Erased,
}

/// A record of the log about one account. Its JSON form has the body's fields beside its own, and `kind`.
#[derive(Debug, Clone, PartialEq)]
pub struct Interaction {
    /// The account.
    pub account_id: Id,
    /// The source record's timestamp, never above the unifier's clock.
    pub arrival: Timestamp,
    /// Whether it feeds facts and baselines only.
    pub history: bool,
    /// Where it came from; *assign*'s answers come from its own partition.
    pub source: Source,
    /// The W3C `traceparent` of the source record. A header, not a field.
    pub traceparent: Option<Id>,
    /// What it is about.
    pub body: Body,
}

/// One record of `baton.interactions`.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord {
    /// Its number within the partition, from 1 without gaps; header `baton-seq`.
    pub seq: u64,
    /// Its log time; the Kafka timestamp.
    pub time: Timestamp,
    /// What it says.
    pub entry: Entry,
}

/// What a record of the log says.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// Time passes.
    Mark,
    /// From here on this policy is in force.
    Policy {
        /// `name@number`.
        version: Id,
        /// Its whole text.
        text: Id,
    },
    /// Something about an account.
    Interaction(Box<Interaction>),
}
