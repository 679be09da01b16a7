//! What is to happen, in the order of time.

use super::cluster::TopicPartition;
use super::profile::Fault;
use super::traffic::Produced;
use baton_records::Timestamp;
use std::time::Duration;

/// What happens at a time; members and instances go by their number, polls and commits by the start that they belong to.
pub(super) enum Action {
    Poll(usize, u64),
    Commit(usize, u64),
    Produce(Box<Produced>),
    Fault(Fault, Duration),
    Start(usize),
    AtSpeed(usize),
    Table(usize, Duration),
    Again,
    Readers(TopicPartition),
}

/// What comes first, is due first; at one time what was scheduled first.
pub(super) struct Scheduled {
    pub(super) at: Timestamp,
    pub(super) order: u64,
    pub(super) action: Action,
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Scheduled {}
