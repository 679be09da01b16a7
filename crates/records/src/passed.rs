//! What *intake* passes on to *sequence* through `account.repartition`.

use crate::{Account, AssignResult, Event, Id, Lifecycle, Received, Source, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The account record that resolved an event: the event must stand behind it in the log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountVersion {
    /// Partition of the accounts topic.
    pub partition: i32,
    /// Offset there.
    pub offset: i64,
}

/// What is passed on.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// An event.
    Event {
        /// It.
        event: Box<Event>,
    },
    /// A CRM record; `None` is a tombstone.
    Account {
        /// It.
        account: Option<Box<Account>>,
    },
    /// A report of the contact center.
    Lifecycle {
        /// It.
        lifecycle: Box<Lifecycle>,
        /// The teams of its agent.
        agent_teams: Vec<Id>,
        /// The record as received.
        received: Received,
    },
    /// An answer of *assign*.
    Assign {
        /// It.
        result: AssignResult,
    },
    /// A policy, written into every partition; its `account_id` is empty.
    Policy {
        /// `name@number`.
        version: Id,
        /// Its whole text.
        text: Id,
    },
}

/// One record of `account.repartition`. Its JSON form has the payload's fields beside its own, and `kind`.
#[derive(Debug, Clone, PartialEq)]
pub struct Passed {
    /// The account.
    pub account_id: Id,
    /// Where it came from.
    pub source: Source,
    /// The source record's own timestamp.
    pub timestamp: Timestamp,
    /// Older than the source's `--live-from`.
    pub history: bool,
    /// The account record that must stand before it.
    pub needs: Option<AccountVersion>,
    /// The W3C `traceparent`. A header, not a field.
    pub traceparent: Option<Id>,
    /// What.
    pub payload: Payload,
}

/// The low-water marks of one intake thread, written into every partition of `account.repartition`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LowWater {
    /// When this list of source partitions was made; the newest list counts.
    pub epoch: i64,
    /// All source partitions, as `topic/partition`; left out where it did not change since this thread's last mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<Id>>,
    /// Low water by source partition, in milliseconds since the epoch.
    pub marks: BTreeMap<Id, i64>,
}
