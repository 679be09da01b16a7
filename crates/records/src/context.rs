//! What is known of an account.

use crate::{Channel, Id, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// For people; at most 500 characters.
    pub text: Id,
    /// The channel that it came from.
    pub source: Channel,
    /// The event.
    pub event_id: Id,
    /// Its `occurred_at`.
    pub as_of: Timestamp,
}

/// What a human must know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Dossier {
    /// At most 1 KiB, for systems with small attributes.
    pub brief: Id,
    /// At most 1,200 characters.
    pub summary: Id,
    /// At most 100, oldest first.
    pub facts: Vec<Fact>,
    /// Expected sources that are silent.
    pub missing_sources: Vec<Id>,
    /// Event ids of facts older than the policy's age for their source.
    pub stale: Vec<Id>,
}

/// A conversation of a context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationState {
    /// Its id.
    pub conversation_id: Id,
    /// The newest channel.
    pub channel: Channel,
    /// The newest event's `occurred_at`.
    pub last: Timestamp,
    /// How many messages by customers.
    pub customer_turns: u32,
}

/// The unified context of an account, at most 16 KiB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// The account.
    pub account_id: Id,
    /// The newest arrival that it contains.
    pub as_of: Timestamp,
    /// What is known, oldest first.
    pub facts: Vec<Fact>,
    /// The last `occurred_at` by channel.
    pub sources: BTreeMap<Id, Timestamp>,
    /// The newest conversations.
    pub conversations: Vec<ConversationState>,
}
