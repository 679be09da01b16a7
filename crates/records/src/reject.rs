//! Why a record cannot be taken.

use crate::Id;
use serde::{Deserialize, Serialize};

/// The bounded set of reasons for which a record goes to dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The value is not JSON.
    NotJson,
    /// The value is not UTF-8.
    NotUtf8,
    /// A required field is missing.
    MissingField,
    /// A field has another JSON type than it must have.
    WrongType,
    /// A field has the right type and an impossible value.
    InvalidValue,
    /// Objects and lists are nested more than 32 deep.
    TooDeep,
    /// The value is larger than 1 MiB.
    TooLarge,
    /// The bytes cannot be read at all (an unknown schema id, a broken frame).
    Unreadable,
    /// Identities lead to two accounts.
    AmbiguousIdentity,
    /// Nothing resolved the account in time.
    UnknownAccount,
    /// No such handoff.
    UnknownHandoff,
    /// The handoff's state does not allow this.
    InvalidTransition,
    /// A processor failed on it, or the broker refused what came of it.
    ProcessingFailed,
}

impl Reason {
    /// All reasons, for metrics and tests.
    pub const ALL: [Self; 13] = [
        Self::NotJson,
        Self::NotUtf8,
        Self::MissingField,
        Self::WrongType,
        Self::InvalidValue,
        Self::TooDeep,
        Self::TooLarge,
        Self::Unreadable,
        Self::AmbiguousIdentity,
        Self::UnknownAccount,
        Self::UnknownHandoff,
        Self::InvalidTransition,
        Self::ProcessingFailed,
    ];

    /// Returns the name that headers and metric labels carry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NotUtf8 => "not_utf8",
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::InvalidValue => "invalid_value",
            Self::TooDeep => "too_deep",
            Self::TooLarge => "too_large",
            Self::Unreadable => "unreadable",
            Self::AmbiguousIdentity => "ambiguous_identity",
            Self::UnknownAccount => "unknown_account",
            Self::UnknownHandoff => "unknown_handoff",
            Self::InvalidTransition => "invalid_transition",
            Self::ProcessingFailed => "processing_failed",
        }
    }
}

/// Why a record was not taken, and which field is at fault (a dotted path; empty when it is the whole record).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{field}", reason.name(), if field.is_empty() { "" } else { ": " })]
pub struct Rejection {
    /// The reason.
    pub reason: Reason,
    /// The dotted path of the field, such as `ai.confidence` or `identities.0.type`.
    pub field: Id,
}

impl Rejection {
    /// Makes a rejection for a field.
    pub fn new(reason: Reason, field: impl Into<Id>) -> Self {
        Self { reason, field: field.into() }
    }
}
