//! The compiled policy. Every number, team and phrase of the shipped policies comes out of their YAML, none of the code.

use crate::rules::{
    ApprovalPolicy, ContextPolicy, Detector, GradualRule, KnowledgePolicy, PriorityRule, SentimentPolicy, SkillRule,
};
use baton_records::{Id, Strategy};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// `name@number`: versions of one name are ordered by their number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The name.
    pub name: Id,
    /// The number, from 1.
    pub number: u64,
}

/// A whole policy.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Which version this is.
    pub version: Version,
    /// The currency of all amounts in the policy, ISO 4217.
    pub currency: Id,
    /// Bounds and times.
    pub limits: Limits,
    /// What is replaced before anything but a dead letter is written.
    pub redact: BTreeSet<Redaction>,
    /// Business hours by name; `always` is built in.
    pub calendars: BTreeMap<Id, Calendar>,
    /// Tiers of customers.
    pub tiers: Tiers,
    /// Skills that teams may staff and rules may ask for.
    pub skills: BTreeSet<Id>,
    /// Teams by name.
    pub teams: BTreeMap<Id, Team>,
    /// Pools of teams that share agents; one pool `all` when the policy lists none.
    pub pools: BTreeMap<Id, BTreeSet<Id>>,
    /// How queues offer.
    pub offers: Offers,
    /// Which reason wins at equal priority: the first.
    pub collision_order: Vec<Strategy>,
    /// What the dossier expects.
    pub context: ContextPolicy,
    /// S1: cues and the rules over them.
    pub sentiment: SentimentPolicy,
    /// S2: domains and floors.
    pub knowledge: KnowledgePolicy,
    /// S3: rules by priority.
    pub priority: Vec<PriorityRule>,
    /// S4: rules of gradual involvement.
    pub gradual: Vec<GradualRule>,
    /// S5: detectors.
    pub anomaly: Vec<Detector>,
    /// S7: the authority matrix.
    pub approval: ApprovalPolicy,
    /// S8: subjects that need skills.
    pub skill: Vec<SkillRule>,
    /// What the customer reads while an answer is held, by language.
    pub notices: BTreeMap<Id, Id>,
}

/// Bounds and times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Within this behind the account's highest `occurred_at`, order of arrival changes nothing.
    pub lateness: Duration,
    /// What is older than this at its arrival is history.
    pub history_after: Duration,
    /// How long a rule is quiet for a conversation after closing.
    pub cool_down: Duration,
    /// How long an open handoff lives without any change.
    pub expire_after: Duration,
    /// How long a closed handoff is known.
    pub closed_known_for: Duration,
    /// How long an event id is remembered.
    pub duplicate_window: Duration,
    /// How many event ids of an account are remembered.
    pub duplicate_ids: usize,
    /// How long messages of one contact on another channel belong to the same conversation.
    pub conversation_join: Duration,
    /// How long after a message a CRM record that arrives may still open a handoff for it.
    pub account_late: Duration,
}

/// What may be redacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Redaction {
    /// Card numbers (Luhn).
    Card,
    /// IBANs (mod 97).
    Iban,
}

/// Business hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// Working days; 0 is Monday.
    pub days: BTreeSet<u8>,
    /// Start of work, minutes after midnight, local time.
    pub from_minute: u16,
    /// End of work, minutes after midnight, local time.
    pub to_minute: u16,
    /// Days off, `YYYY-MM-DD`.
    pub holidays: BTreeSet<Id>,
}

/// Tiers.
#[derive(Debug, Clone)]
pub struct Tiers {
    /// For accounts without a known tier.
    pub default: Id,
    /// By name.
    pub by_name: BTreeMap<Id, Tier>,
}

/// A tier and its SLA.
#[derive(Debug, Clone)]
pub struct Tier {
    /// Until a human must have answered.
    pub first_response: Duration,
    /// Until it must be done.
    pub resolution: Duration,
    /// `always` or a calendar.
    pub calendar: Id,
    /// Accounts of at least this `annual_value` (in the policy's currency) are of this tier, whatever their record says.
    pub min_annual_value: Option<Decimal>,
}

/// A team.
#[derive(Debug, Clone)]
pub struct Team {
    /// Skills that it staffs.
    pub skills: BTreeSet<Id>,
    /// Where its handoffs go when nobody is there; none: they wait (`overflow: wait`).
    pub overflow: Option<TeamOverflow>,
    /// Whether Baton or the contact center finds the agent.
    pub assign: Assigner,
}

/// Who finds the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assigner {
    /// *assign*.
    Baton,
    /// The contact center, through `baton.lifecycle`.
    External,
}

/// Overflow of a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamOverflow {
    /// The secondary team.
    pub to: Id,
    /// How long without a free agent.
    pub after: Duration,
    /// Who is told.
    pub notify: Vec<Id>,
}

/// How queues offer.
#[derive(Debug, Clone, PartialEq)]
pub struct Offers {
    /// An offer not accepted within this goes to the next.
    pub lapse_after: Duration,
    /// This share of a deadline gone is `at_risk`.
    pub at_risk_share: f64,
}
