//! Shapes of everything that crosses a topic: events, accounts, agents, lifecycle records, the log, signals, handoffs,
//! decisions, contexts. Pure: no Kafka, no clock, no randomness.
//!
//! Reading order: [`Timestamp`], [`Event`], [`Account`], [`Agent`], [`Lifecycle`], then what the stages pass on
//! ([`Passed`], [`LogRecord`], [`Signal`], [`Request`]), then what comes out ([`Handoff`], [`Decision`], [`Context`]).
//! Every type that comes from outside has a `decode` that returns a [`Rejection`] with a bounded [`Reason`] and the
//! dotted path of the field.

mod account;
mod agent;
mod context;
mod decision;
mod decode;
mod event;
mod fact;
mod flat;
mod handoff;
mod identity;
pub mod ids;
mod interaction;
mod lifecycle;
pub mod money;
pub mod number;
mod object;
mod passed;
mod policy_text;
mod pool;
mod reject;
mod shape;
mod signal;
pub mod text;
mod time;

pub use account::{Account, Identity, QuietPeriod, SlaContract};
pub use agent::{Agent, AgentSkill, AgentStatus};
pub use context::{Context, ConversationState, Dossier, Fact};
pub use decision::{ApprovalNote, Decision, Gate, Outcome, RuleResult, Why};
pub use decode::{DEEPEST, LARGEST};
pub use event::{Actor, Ai, ApprovalRequest, Channel, Event};
pub use fact::capped;
pub use handoff::{
    AgentChoice, Approval, CloseReason, Handoff, Overflow, OverflowReason, Priority, Quorum, ReasonForHandoff,
    Requirement, Sla, Stage, Status, Strategy,
};
pub use identity::{company_domain, is_public_mail, normalise_identity};
pub use interaction::{Body, Entry, IgnoredReason, Interaction, LogRecord, Received, Source};
pub use lifecycle::{External, Lifecycle, LifecycleType, Verdict};
pub use passed::{AccountVersion, LowWater, Passed, Payload};
pub use policy_text::PolicyText;
pub use pool::{AssignResult, PoolRecord, Request, RequestState, SlaState};
pub use reject::{Reason, Rejection};
pub use signal::{Signal, SignalKind};
pub use time::Timestamp;

/// An id or a short text; cheap to copy.
pub type Id = smol_str::SmolStr;
