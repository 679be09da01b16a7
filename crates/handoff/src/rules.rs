//! The policy in force with what is looked up for every record.

use baton_policy::{Assigner, Clause, Condition, ConversationView, Mode, Policy, Rule, Variables};
use baton_records::{Account, ApprovalRequest, Event, Id, Stage, ids};
use rust_decimal::Decimal;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// The pool of all teams when the policy lists none.
const ONE_POOL: &str = "all";

/// A policy, ready to judge.
#[derive(Debug)]
pub(crate) struct Rules {
    pub policy: Policy,
    /// `name@number`.
    pub version: Id,
    /// The widest window of a cue rule, in turns.
    pub window: usize,
    /// Cues that gradual rules look for.
    pub gradual: BTreeSet<Id>,
    /// The highest floor of a rule that looks for an answer's subject.
    pub subject_floor: f64,
    pools: BTreeMap<Id, Id>,
    /// Conditions that could not be evaluated since [`Rules::failed`] was asked.
    failed: Cell<usize>,
}

impl Rules {
    pub(crate) fn new(version: Id, policy: Policy) -> Self {
        let window = policy.sentiment.rules.iter().map(|r| r.within_turns as usize).max().unwrap_or(1);
        let gradual = policy.gradual.iter().flat_map(|r| r.cues.iter().cloned()).collect();
        let of = |(pool, teams): (&Id, &BTreeSet<Id>)| {
            teams.iter().map(|team| (team.clone(), pool.clone())).collect::<Vec<_>>()
        };
        let pools = policy.pools.iter().flat_map(of).collect();
        let by_subject = policy.skill.iter().filter(|r| !r.human_only && !r.subjects.is_empty());
        let subject_floor = by_subject.map(|r| r.floor).fold(0.0, f64::max);
        Self { version, window, gradual, subject_floor, pools, policy, failed: Cell::new(0) }
    }

    /// Returns the pool whose *assign* finds agents for a team; none when the contact center does.
    pub(crate) fn pool_of(&self, team: &Id) -> Option<Id> {
        match self.policy.teams.get(team).map(|t| t.assign) {
            Some(Assigner::External) => None,
            _ => Some(self.pools.get(team).cloned().unwrap_or_else(|| Id::new_static(ONE_POOL))),
        }
    }

    /// Tells whether the contact center finds the team's agents.
    pub(crate) fn is_external(&self, team: &Id) -> bool {
        self.policy.teams.get(team).is_some_and(|t| t.assign == Assigner::External)
    }
}

/// Tells whether a rule looks at this account at all.
pub(crate) fn in_scope(rule: &Rule, account: &Id) -> bool {
    if rule.mode == Mode::Off {
        return false;
    }
    let Some(percent) = rule.percent else { return true };
    let [a, b, c, d, ..] = ids::hash128(&["scope", &rule.name, account]);
    u32::from_le_bytes([a, b, c, d]) % 100 < u32::from(percent)
}

/// What conditions may look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub account: &'a Account,
    pub event: Option<&'a Event>,
    /// Customer turns of the conversation so far.
    pub turns: u32,
    /// Cues in its turns up to the event.
    pub cues: &'a [Id],
    /// The stage of its open handoff.
    pub stage: Option<Stage>,
}

impl Rules {
    /// Tells whether a condition holds; without one it does. One that cannot be evaluated does not hold, and is counted.
    pub(crate) fn holds(&self, condition: Option<&Condition>, facts: Facts<'_>) -> bool {
        let Some(condition) = condition else { return true };
        condition.holds(&self.variables(facts)).unwrap_or_else(|_| self.fail())
    }

    /// Tells whether a clause allows a request together with what was approved before.
    pub(crate) fn allows(
        &self,
        clause: &Clause,
        request: &ApprovalRequest,
        earlier: Decimal,
        facts: Facts<'_>,
    ) -> bool {
        clause.allows(&self.policy, request, earlier, &self.variables(facts)).unwrap_or_else(|_| self.fail())
    }

    /// Returns how many conditions could not be evaluated since the last call.
    pub(crate) fn failed(&self) -> usize {
        self.failed.take()
    }

    fn fail(&self) -> bool {
        self.failed.set(self.failed.get() + 1);
        false
    }

    fn variables<'v>(&'v self, facts: Facts<'v>) -> Variables<'v> {
        let view = ConversationView { turns: facts.turns, cues: facts.cues, stage: facts.stage };
        let mut variables = self.policy.variables(facts.account).conversation(view);
        if let Some(event) = facts.event {
            variables = variables.event(event);
        }
        variables
    }
}
