//! An episode: one open handoff, its reasons, and how they decide team, priority and stage.

use crate::state::{ApprovalState, At};
use baton_policy::{Policy, Rule};
use baton_records::{AgentChoice, External, Id, Overflow, Priority, Requirement, SlaState, Stage, Strategy};
use serde::{Deserialize, Serialize};

/// Evidence of one reason, at most.
pub(crate) const EVIDENCE: usize = 50;
/// Teams that are told, and agents who declined, at most.
pub(crate) const NAMES: usize = 64;
/// Conversations whose answers count for one handoff, at most.
const JOINED: usize = 16;

/// One event that is evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Evidence {
    /// When, in the order in which it was judged, and which event.
    #[serde(rename = "a")]
    pub at: At,
    /// Whether a person of the account said it.
    #[serde(rename = "c", default, skip_serializing_if = "std::ops::Not::not")]
    pub customer: bool,
}

/// One reason of an open handoff.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReasonState {
    pub strategy: Strategy,
    pub rule: Id,
    pub team: Id,
    pub priority: Priority,
    pub stage: Stage,
    pub summary: Id,
    pub value: f64,
    pub threshold: f64,
    /// Oldest first.
    pub evidence: Vec<Evidence>,
    /// The newest event that the rule needed to fire for the first time.
    pub since: At,
    /// What a detector counts apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<Id>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bypass: Vec<Id>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workflow: Vec<Id>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<Requirement>,
}

/// The clocks of a handoff; times in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Clocks {
    /// The tier that they come from.
    pub tier: Id,
    /// From when they count.
    pub base: i64,
    /// When the first response is due, and when it is at risk.
    pub first: Option<(i64, i64)>,
    /// When the resolution is due, and when it is at risk.
    pub resolution: Option<(i64, i64)>,
    /// When a human answered: the arrival.
    pub responded: Option<i64>,
    /// Which of the four have fired, one bit each.
    pub fired: u8,
}

/// An open handoff.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Episode {
    pub handoff_id: Id,
    /// None: about the account.
    pub conversation: Option<Id>,
    /// Conversations whose human answers count.
    pub joined: Vec<Id>,
    pub opened_at: i64,
    /// The number of the log record, and how many opened with it, for "opened last".
    pub opened_seq: (u64, u32),
    pub revision: u32,
    pub decided: i64,
    pub epoch: u32,
    pub stage: Stage,
    pub priority: Priority,
    pub team: Id,
    /// Set by an overflow or a human: goes before the first reason's team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routed: Option<Id>,
    /// The rule that decided the team.
    pub lead: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentChoice>,
    /// Whether the newest revision names an agent.
    #[serde(default)]
    pub shown_agent: bool,
    pub accepted: bool,
    /// Whether it was accepted ever.
    #[serde(default)]
    pub taken: bool,
    /// The AI has it back, until a reason changes.
    #[serde(default)]
    pub returned: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declined: Vec<Id>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overflow: Option<Overflow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
    pub reasons: Vec<ReasonState>,
    pub clocks: Clocks,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<ApprovalState>,
    /// What is newer than this is not in the dossier.
    pub cut: At,
    /// Evidence up to here: what comes within the lateness bound and is older gives a revision.
    pub evidence_cut: At,
    /// The highest number of an answer of *assign*.
    #[serde(default)]
    pub answered: u32,
    /// Hashes of the newest reports about it, as they were received.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<u64>,
    /// The revision from which on *assign*'s answers count.
    pub queued_revision: u32,
    /// The pool whose *assign* knows of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Id>,
    /// When it expires.
    pub expires: i64,
    /// Identities were erased.
    #[serde(default)]
    pub erased: bool,
    /// Who solved the customer's matter, while it closes.
    #[serde(skip)]
    pub resolved_by: Option<Id>,
}

/// What a rule found.
#[derive(Debug, Clone)]
pub(crate) struct Finding<'r> {
    pub strategy: Strategy,
    pub rule: &'r Rule,
    /// The name that records carry.
    pub name: Id,
    pub value: f64,
    pub threshold: f64,
    pub evidence: Vec<Evidence>,
    pub since: At,
    pub approval: Option<ApprovalState>,
    /// Concerns the account rather than a conversation.
    pub about_account: bool,
    /// What a detector counts apart.
    pub subject: Option<Id>,
    /// What opens, when it is no event.
    pub cause: Option<Id>,
    /// For people.
    pub summary: Id,
}

/// What merging a finding changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Merged {
    /// Nothing.
    Nothing,
    /// Evidence or a value.
    Evidence,
    /// A reason, or what follows from one.
    Reason,
}

/// The later of two moments.
pub(crate) fn later(a: &At, b: &At) -> At {
    if a >= b { a.clone() } else { b.clone() }
}

/// Adds what is not there yet, up to [`NAMES`]; tells whether it did.
pub(crate) fn add_names(to: &mut Vec<Id>, names: &[Id]) -> bool {
    let before = to.len();
    for name in names {
        if to.len() < NAMES && !to.contains(name) {
            to.push(name.clone());
        }
    }
    to.len() > before
}

impl ReasonState {
    pub(crate) fn new(finding: &Finding<'_>) -> Self {
        let mut reason = Self {
            strategy: finding.strategy,
            rule: finding.name.clone(),
            team: finding.rule.team.clone(),
            priority: finding.rule.priority,
            stage: finding.rule.stage,
            summary: finding.summary.clone(),
            value: finding.value,
            threshold: finding.threshold,
            evidence: Vec::with_capacity(finding.evidence.len()),
            since: finding.since.clone(),
            subjects: finding.subject.iter().cloned().collect(),
            bypass: finding.rule.bypass.clone(),
            workflow: finding.rule.workflow.clone(),
            requirements: finding.rule.requirements.clone(),
        };
        reason.add_evidence(&finding.evidence);
        reason
    }

    /// Adds evidence in its order, keeping the newest; tells whether that changed anything.
    fn add_evidence(&mut self, evidence: &[Evidence]) -> bool {
        let mut changed = false;
        for new in evidence {
            if let Err(place) = self.evidence.binary_search_by(|e| e.at.cmp(&new.at)) {
                if place == 0 && self.evidence.len() >= EVIDENCE {
                    continue;
                }
                self.evidence.insert(place, new.clone());
                changed = true;
            }
        }
        let over = self.evidence.len().saturating_sub(EVIDENCE);
        self.evidence.drain(..over);
        changed
    }

    fn merge(&mut self, finding: &Finding<'_>) -> bool {
        if finding.since < self.since {
            self.since = finding.since.clone();
        }
        // The value that lies furthest beyond its threshold stands, whichever came first.
        let beyond = |value: f64, threshold: f64| (value - threshold).abs();
        if beyond(finding.value, finding.threshold) > beyond(self.value, self.threshold) {
            (self.value, self.threshold) = (finding.value, finding.threshold);
        }
        add_names(&mut self.subjects, finding.subject.as_slice());
        self.add_evidence(&finding.evidence)
    }
}

impl Episode {
    /// Merges a finding into the reasons. Team and priority follow with [`Episode::settle`].
    pub(crate) fn merge(&mut self, finding: &Finding<'_>) -> Merged {
        let merged = match self.reasons.iter_mut().find(|r| r.rule == finding.name) {
            Some(reason) => match reason.merge(finding) {
                true => Merged::Evidence,
                false => Merged::Nothing,
            },
            None => {
                self.reasons.push(ReasonState::new(finding));
                Merged::Reason
            }
        };
        for e in &finding.evidence {
            self.evidence_cut = later(&self.evidence_cut, &e.at);
        }
        self.cut = later(&self.cut, &self.evidence_cut);
        if merged != Merged::Nothing {
            add_names(&mut self.notify, &finding.rule.notify);
            self.stage = self.stage.max(finding.rule.stage);
        }
        merged
    }

    /// Counts a conversation's human answers for this handoff.
    pub(crate) fn join(&mut self, conversation: &Id) {
        if !self.joined.contains(conversation) && self.joined.len() < JOINED {
            self.joined.push(conversation.clone());
        }
    }

    /// Sorts the reasons and lets the first decide; tells whether the team changed.
    pub(crate) fn settle(&mut self, policy: &Policy) -> bool {
        let order = |s: Strategy| policy.collision_order.iter().position(|o| *o == s).unwrap_or(usize::MAX);
        self.reasons.sort_by(|a, b| {
            (b.priority.cmp(&a.priority))
                .then(order(a.strategy).cmp(&order(b.strategy)))
                .then_with(|| a.rule.cmp(&b.rule))
        });
        let Some(first) = self.reasons.first() else { return false };
        let raised = first.priority > self.priority;
        let (lead, team) = (first.rule.clone(), first.team.clone());
        self.priority = self.priority.max(first.priority);
        if lead == self.lead {
            return false;
        }
        if self.accepted && !raised {
            if team != self.team {
                add_names(&mut self.notify, &[team]);
            }
            return false;
        }
        self.lead = lead;
        self.move_to(team)
    }

    /// Gives the handoff to the first reason's team, without whom it was with.
    fn move_to(&mut self, team: Id) -> bool {
        self.routed = None;
        if team == self.team {
            return false;
        }
        let old = std::mem::replace(&mut self.team, team);
        if self.accepted {
            add_names(&mut self.notify, &[old]);
        }
        self.agent = None;
        self.accepted = false;
        self.overflow = None;
        true
    }

    /// Names every team that a reason asks for but that an accepted handoff did not go to.
    pub(crate) fn notify_losers(&mut self) {
        if !self.accepted {
            return;
        }
        let losers: Vec<Id> = self.reasons.iter().filter(|r| r.team != self.team).map(|r| r.team.clone()).collect();
        add_names(&mut self.notify, &losers);
    }

    /// Teams that were skipped: those that the reasons bypass, without those that have it.
    pub(crate) fn bypassed(&self) -> Vec<Id> {
        let mut teams = Vec::new();
        for reason in &self.reasons {
            add_names(&mut teams, &reason.bypass);
        }
        teams.retain(|t| *t != self.team);
        teams
    }

    /// What to do, of all reasons in their order.
    pub(crate) fn workflow(&self) -> Vec<Id> {
        let mut steps = Vec::new();
        for reason in &self.reasons {
            add_names(&mut steps, &reason.workflow);
        }
        steps
    }

    /// What the agent must have: everything that a reason of the team in charge asks for.
    pub(crate) fn requirements(&self) -> Vec<Requirement> {
        let mut all: Vec<Requirement> = Vec::new();
        let in_charge = self.reasons.iter().filter(|r| r.team == self.team);
        for requirement in in_charge.flat_map(|r| &r.requirements) {
            if !all.contains(requirement) {
                all.push(requirement.clone());
            }
        }
        all
    }

    /// Whether a human owns the conversation.
    pub(crate) const fn human_owns(&self) -> bool {
        self.accepted && matches!(self.stage, Stage::Own)
    }

    /// How it stands towards its deadlines.
    pub(crate) const fn sla_state(&self) -> SlaState {
        match self.clocks.fired {
            0 => SlaState::Met,
            bits if bits & 0b1010 != 0 => SlaState::Breached,
            _ => SlaState::AtRisk,
        }
    }

    /// The approval that the record shows: the oldest that waits, else the newest.
    pub(crate) fn shown_approval(&self) -> Option<&ApprovalState> {
        self.approvals.iter().find(|a| !a.approved).or(self.approvals.last())
    }
}
