//! What a detector says.

use crate::{Id, Timestamp};
use serde::{Deserialize, Serialize};

/// Kinds of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// A mood or a cue of one.
    Sentiment,
    /// What the customer wants.
    Intent,
    /// How pressing it is.
    Urgency,
    /// How sure an answer is.
    Knowledge,
    /// Behaviour off its baseline.
    Anomaly,
    /// Silence off its baseline.
    Absence,
}

/// One signal. In `baton.signals` a header `baton-seq` gives the log record that it belongs to, or before which its
/// deadline fired; a header `baton-deadline` (milliseconds) is set for deadlines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Derived from its cause.
    pub signal_id: Id,
    /// The account.
    pub account_id: Id,
    /// Its kind.
    pub kind: SignalKind,
    /// The cue, intent or detector that says it.
    pub name: Id,
    /// 0 to 1, comparable between accounts.
    #[serde(with = "crate::number")]
    pub score: f64,
    /// What was seen.
    #[serde(with = "crate::number")]
    pub value: f64,
    /// What was expected. A detector has no expectation while it warms up: then its score is 0.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::number::option")]
    pub expected: Option<f64>,
    /// From which `score` on it counts.
    #[serde(with = "crate::number")]
    pub threshold: f64,
    /// The sentence of the message in which a cue stands, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentence: Option<u32>,
    /// What the detector counts apart, such as a sku.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Id>,
    /// Why a deadline is silent: inside of a quiet period.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quiet: bool,
    /// The event that it is about; none for a deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<Id>,
    /// The events that are the evidence, oldest first, at most 50.
    #[serde(default)]
    pub evidence: Vec<Id>,
    /// When: the event's arrival, or the deadline.
    pub at: Timestamp,
}
