//! The rules of the seven strategies, and what the dossier expects.

use crate::model::TeamOverflow;
use baton_records::{Channel, Id, OverflowReason, Priority, Quorum, Requirement, Stage};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What every rule has.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name, `strategy.what`.
    pub name: Id,
    /// The team.
    pub team: Id,
    /// The priority.
    pub priority: Priority,
    /// How far a human steps in; `own` unless given.
    pub stage: Stage,
    /// Teams that are skipped.
    pub bypass: Vec<Id>,
    /// Who is told.
    pub notify: Vec<Id>,
    /// What to do.
    pub workflow: Vec<Id>,
    /// What the agent must have.
    pub requirements: Vec<Requirement>,
    /// For people; what the reason's summary starts with.
    pub summary: Id,
    /// Off, shadow, live.
    pub mode: Mode,
    /// A condition on account, event and conversation.
    pub when: Option<crate::Condition>,
    /// A share of accounts by hash, 0 to 100.
    pub percent: Option<u8>,
    /// Above this many openings a minute (of one partition's log time) it is capped.
    pub max_opens_per_min: Option<u32>,
}

/// How far a rule is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Not at all.
    Off,
    /// Decisions say what it would have opened.
    Shadow,
    /// It opens.
    Live,
}

/// S1.
#[derive(Debug, Clone, Default)]
pub struct SentimentPolicy {
    /// Cues by name: what the scorer looks for.
    pub cues: BTreeMap<Id, Cue>,
    /// Rules over them.
    pub rules: Vec<CueRule>,
}

/// One cue.
#[derive(Debug, Clone, PartialEq)]
pub struct Cue {
    /// The built-in concept of the language crate that it stands for, if any.
    pub concept: Option<Id>,
    /// Phrases of the business's own, each in lower case words.
    pub phrases: Vec<Id>,
    /// From which score on a hit counts.
    pub threshold: f64,
    /// Which kind of signal it gives.
    pub kind: baton_records::SignalKind,
}

/// A rule over cues.
#[derive(Debug, Clone)]
pub struct CueRule {
    /// What every rule has.
    pub rule: Rule,
    /// Groups of cues: at least one cue of each group must stand in the window. `[[urgency],[distress]]` is both,
    /// `[[frustration, competitor]]` either.
    pub groups: Vec<Vec<Id>>,
    /// How many cues in different sentences; 1 is a single statement.
    pub sentences: u32,
    /// Within how many customer turns, the cue turns included; 1 is one message.
    pub within_turns: u32,
}

/// S2.
#[derive(Debug, Clone, Default)]
pub struct KnowledgePolicy {
    /// Domains by name; each rule's name is `knowledge.<domain>` unless given.
    pub domains: BTreeMap<Id, Domain>,
    /// For answers whose domain is missing or unknown.
    pub default: Option<Domain>,
    /// Tags that only a human may answer, in order: the first that matches decides.
    pub human_only: Vec<HumanOnly>,
}

/// A knowledge domain.
#[derive(Debug, Clone)]
pub struct Domain {
    /// Team and priority; its `when` picks among several owners, the first that holds.
    pub owners: Vec<Rule>,
    /// At this confidence and above the AI answers.
    pub floor: f64,
}

/// Tags that only a human may answer.
#[derive(Debug, Clone)]
pub struct HumanOnly {
    /// Any of these tags.
    pub tags: BTreeSet<Id>,
    /// What every rule has.
    pub rule: Rule,
}

/// S3.
#[derive(Debug, Clone)]
pub struct PriorityRule {
    /// What every rule has.
    pub rule: Rule,
    /// Any of these cues must stand in the message; empty: none is needed.
    pub cues: BTreeSet<Id>,
    /// Event types that it looks at; empty: `message`, `call`, `ticket.opened`, `request` of a customer.
    pub types: BTreeSet<Id>,
}

/// S4.
#[derive(Debug, Clone)]
pub struct GradualRule {
    /// What every rule has.
    pub rule: Rule,
    /// All of these cues must have stood in the conversation.
    pub cues: BTreeSet<Id>,
    /// In at least so many customer messages.
    pub messages: u32,
    /// Event types that it looks at; empty: messages of a customer.
    pub types: BTreeSet<Id>,
}

/// S5: one detector.
#[derive(Debug, Clone)]
pub struct Detector {
    /// What every rule has; the detector's name is the rule's.
    pub rule: Rule,
    /// The segment, or `*`.
    pub segment: Id,
    /// The type of event that it counts.
    pub event_type: Id,
    /// The field that it counts apart, such as `attributes.sku`.
    pub by: Option<Id>,
    /// From which score on it fires.
    pub threshold: f64,
    /// No alarm for an account with less history than this …
    pub warm_up: Duration,
    /// … or fewer events than this.
    pub warm_up_events: u32,
    /// What is usual in the segment: it stands in until then. Without it nothing fires; rates only.
    pub usual: Option<Usual>,
    /// How long the same account and detector is quiet after a dismissal.
    pub dismissed_for: Duration,
    /// How.
    pub kind: DetectorKind,
}

/// How many events are usual in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// So many …
    pub events: u32,
    /// … in this time.
    pub within: Duration,
}

/// How a detector looks.
#[derive(Debug, Clone, PartialEq)]
pub enum DetectorKind {
    /// More events than usual within a window.
    Rate {
        /// The window.
        window: Duration,
        /// No alarm for fewer than this.
        min_events: u32,
    },
    /// Many amounts unlike the usual in a short time.
    Burst {
        /// The window.
        window: Duration,
        /// No alarm for fewer than this.
        min_events: u32,
    },
    /// Nothing where something is usual.
    Absence {
        /// How many events must have been seen of what is counted apart.
        min_events: u32,
        /// Not before this many usual gaps.
        min_gaps: f64,
        /// No later than this many usual gaps, however irregular they are.
        max_gaps: f64,
    },
}

/// S7.
#[derive(Debug, Clone, Default)]
pub struct ApprovalPolicy {
    /// What is within authority and who approves the rest, in order.
    pub clauses: Vec<Clause>,
    /// For what no clause covers.
    pub highest: Option<Rule>,
    /// How long approvers have.
    pub due: Duration,
    /// Who approves after each silence; after the last one it is `breached`.
    pub escalation: Vec<Id>,
    /// Automatic approvals of one account and action within this count together.
    pub cumulative_window: Duration,
}

/// One clause of the authority matrix.
#[derive(Debug, Clone)]
pub struct Clause {
    /// What every rule has; the rule fires when the request is beyond authority.
    pub rule: Rule,
    /// The action that it covers.
    pub action: Id,
    /// Picks among clauses of one action.
    pub applies: Option<crate::Condition>,
    /// What is within authority, besides the limit. [`Clause::allows`] judges both.
    pub allow: crate::Condition,
    /// The limit, which decisions quote beside the request's value.
    pub limit: Option<Decimal>,
    /// What is compared with the limit.
    pub measure: Option<Measure>,
    /// Whether the limit itself is still within authority.
    pub bound: Bound,
    /// Teams that approve what is beyond.
    pub approvers: Vec<Id>,
    /// How many of them.
    pub quorum: Quorum,
    /// Automatic approvals count together against the limit.
    pub cumulative: bool,
    /// For people.
    pub text: Id,
}

/// How a limit is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// `at_most`: the limit is within authority.
    AtMost,
    /// `under`: the limit is beyond it.
    Under,
}

/// A number of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// `percent`.
    Percent,
    /// `amount`.
    Amount,
}

/// S8.
#[derive(Debug, Clone)]
pub struct SkillRule {
    /// What every rule has; its requirements are the skill's.
    pub rule: Rule,
    /// Subjects: exact, or a prefix before `*`.
    pub subjects: BTreeSet<Id>,
    /// Knowledge domains.
    pub domains: BTreeSet<Id>,
    /// Fires at the customer's question already.
    pub human_only: bool,
    /// An AI's answer below this fires it.
    pub floor: f64,
    /// Where it goes when nobody holds the skill.
    pub overflow: Option<TeamOverflow>,
    /// The overflow reason then.
    pub overflow_reason: OverflowReason,
    /// Who goes first; none: whoever would anyway.
    pub prefer_resolved: Option<Experience>,
}

/// Agents who have resolved handoffs of a family of subjects go first, those with most of them before others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Experience {
    /// Fewer are none.
    pub at_least: u32,
    /// Older ones do not count.
    pub within: Duration,
}

impl SkillRule {
    /// Returns the subject, or the family of subjects, of this rule that a subject belongs to.
    pub fn family(&self, subject: &str) -> Option<&Id> {
        self.subjects.iter().find(|pattern| is_named(pattern, subject))
    }
}

/// Tells whether a pattern names a subject: itself, or all that begin with what stands before its `*`.
pub fn is_named(pattern: &str, subject: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => subject.starts_with(prefix),
        None => pattern == subject,
    }
}

/// What the dossier expects.
#[derive(Debug, Clone, Default)]
pub struct ContextPolicy {
    /// Silence of a channel for longer than this stands in `missing_sources`.
    pub expected_sources: BTreeMap<Channel, Duration>,
    /// Facts older than this are `stale`.
    pub stale_after: BTreeMap<Channel, Duration>,
    /// The same for channels not named.
    pub stale_after_others: Duration,
    /// The price plan that a feature belongs to.
    pub feature_plans: BTreeMap<Id, Id>,
}
