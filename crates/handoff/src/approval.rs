//! S7: requests within authority are approved, the rest waits for approvers; silence is never consent.

use crate::decisions::{Judgement, Seen};
use crate::episode::{Episode, Evidence, Finding, Merged};
use crate::priority::millis;
use crate::rules::{Facts, in_scope};
use crate::state::{ApprovalState, At, Granted};
use crate::step::{Place, Step};
use baton_policy::{Clause, Mode, Policy, Rule};
use baton_records::{ApprovalNote, ApprovalRequest, CloseReason, Id, Outcome, Quorum, Status, Strategy, Why};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// Approvals of one handoff, and automatic ones of an account and action, that are kept.
const APPROVALS: usize = 8;
/// Requests of one conversation and action that are remembered while one of them waits.
const ASKED: usize = 16;
const GRANTED: usize = 64;
/// The rule's name when several requests together are beyond authority.
const CUMULATIVE: &str = "approval.cumulative";

/// What the authority matrix says of a request.
struct Ruling<'r> {
    rule: &'r Rule,
    name: Id,
    clause: Option<&'r Clause>,
    seen: Seen,
    measure: Decimal,
}

fn number(value: Option<Decimal>) -> Option<f64> {
    value.and_then(|v| v.to_f64())
}

/// What a ruling compares: the request's measure with the clause's limit, else whether it is beyond authority at all.
fn compared(clause: &Clause, value: Option<Decimal>, fired: bool) -> Seen {
    match (number(value), number(clause.limit)) {
        (Some(value), Some(threshold)) if !fired || value >= threshold => {
            Seen { value, threshold, fired, below: false }
        }
        _ => Seen { value: f64::from(u8::from(fired)), threshold: 1.0, fired, below: false },
    }
}

impl<'a> Step<'a> {
    /// Judges a request by the authority matrix.
    pub(crate) fn judge_request(
        &mut self,
        conversation: &Id,
        at: &At,
        request: &ApprovalRequest,
        facts: Facts<'_>,
        judgement: &mut Judgement<'a>,
    ) {
        let Some(ruling) = self.rule_on(conversation, request, facts) else { return };
        let digest = request.digest(&self.account);
        let clause = ruling.clause.map_or_else(|| ruling.rule.summary.clone(), |c| c.text.clone());
        judgement.approval =
            Some(ApprovalNote { action: request.action.clone(), digest: digest.clone(), clause: clause.clone() });
        judgement.saw(Strategy::Approval, &ruling.name, ruling.seen, vec![at.1.clone()]);
        if !ruling.seen.fired {
            return self.approve(conversation, at, request, ruling.measure, judgement);
        }
        if self.is_overtaken(conversation, at, &request.action) {
            return judgement.say(Outcome::None, Why::WithinAuthority);
        }
        let approvers = ruling.clause.map_or(&[][..], |c| c.approvers.as_slice());
        let approvers = if approvers.is_empty() { vec![ruling.rule.team.clone()] } else { approvers.to_vec() };
        let due = at.0.saturating_add_unsigned(millis(self.rules.policy.approval.due));
        let approval = ApprovalState {
            at: at.clone(),
            conversation: conversation.clone(),
            request: request.clone(),
            asked: vec![(at.clone(), digest.clone())],
            digest,
            approvers,
            all: ruling.clause.is_some_and(|c| c.quorum == Quorum::All),
            due,
            step: 0,
            clause,
            grants: Vec::new(),
            approved: false,
            breached: false,
        };
        let finding = Finding {
            strategy: Strategy::Approval,
            rule: ruling.rule,
            name: ruling.name,
            value: ruling.seen.value,
            threshold: ruling.seen.threshold,
            evidence: vec![Evidence { at: at.clone(), customer: false }],
            since: at.clone(),
            approval: Some(approval),
            about_account: false,
            subject: None,
            cause: None,
            summary: ruling.rule.summary.clone(),
        };
        if ruling.rule.mode == Mode::Live {
            // A request must reach somebody even while its rule cools down.
            judgement.findings.push(finding);
        } else {
            judgement.silence(Why::Shadow);
        }
    }

    fn rule_on(&self, conversation: &Id, request: &ApprovalRequest, facts: Facts<'_>) -> Option<Ruling<'a>> {
        let rules = self.rules;
        let matrix = &rules.policy.approval;
        let covers = |c: &&Clause| {
            c.action == request.action && in_scope(&c.rule, &self.account) && rules.holds(c.applies.as_ref(), facts)
        };
        let Some(clause) = matrix.clauses.iter().find(covers) else {
            let highest = matrix.highest.as_ref().filter(|r| in_scope(r, &self.account))?;
            let seen = Seen { value: 1.0, threshold: 1.0, fired: true, below: false };
            let ruling =
                Ruling { rule: highest, name: highest.name.clone(), clause: None, seen, measure: Decimal::ZERO };
            return Some(ruling);
        };
        let own = clause.measure.and_then(|m| m.of(request));
        let ruling = |name: &Id, value, fired| Ruling {
            rule: &clause.rule,
            name: name.clone(),
            clause: Some(clause),
            seen: compared(clause, value, fired),
            measure: own.unwrap_or_default(),
        };
        if !rules.allows(clause, request, Decimal::ZERO, facts) {
            return Some(ruling(&clause.rule.name, own, true));
        }
        if let Some(own) = own.filter(|_| clause.cumulative) {
            let earlier = self.granted_before(conversation, &request.action);
            if !rules.allows(clause, request, earlier, facts) {
                return Some(ruling(&Id::new_static(CUMULATIVE), own.checked_add(earlier), true));
            }
        }
        Some(ruling(&clause.rule.name, own, false))
    }

    /// What was approved automatically within the window, without this conversation's own request.
    fn granted_before(&self, conversation: &Id, action: &Id) -> Decimal {
        let since = self.arrival.saturating_sub_unsigned(millis(self.rules.policy.approval.cumulative_window));
        let all = self.state.granted.get(&(self.account.clone(), action.clone()));
        let counts = |g: &&Granted| g.arrival > since && !amends(g, conversation);
        all.map(|all| all.iter().filter(counts).map(|g| g.measure).sum()).unwrap_or_default()
    }

    /// Approves a request within authority; an amendment of one that waits ends the waiting.
    fn approve(
        &mut self,
        conversation: &Id,
        at: &At,
        request: &ApprovalRequest,
        measure: Decimal,
        judgement: &mut Judgement<'a>,
    ) {
        judgement.say(Outcome::Approved, Why::WithinAuthority);
        let since = self.arrival.saturating_sub_unsigned(millis(self.rules.policy.approval.cumulative_window));
        let granted = Granted { arrival: self.arrival, at: at.clone(), conversation: conversation.clone(), measure };
        self.state.granted.update_or_default(&(self.account.clone(), request.action.clone()), |all| {
            all.retain(|g| g.arrival > since && !(amends(g, conversation) && g.at < *at));
            if !all.iter().any(|g| amends(g, conversation)) {
                all.push(granted);
            }
            // At the bound the oldest two become one, of no conversation: what was granted is never forgotten too early.
            while all.len() > GRANTED {
                let oldest = all.remove(0);
                if let Some(next) = all.first_mut() {
                    next.measure += oldest.measure;
                    next.conversation = Id::default();
                }
            }
        });
        let Some(place) = self.amended(conversation, at, &request.action) else { return };
        let Some(mut episode) = self.take(&place) else { return };
        judgement.handoff_id = Some(episode.handoff_id.clone());
        episode.approvals.retain(|a| !(a.conversation == *conversation && a.request.action == request.action));
        let only = episode.reasons.iter().all(|r| r.strategy == Strategy::Approval) && episode.approvals.is_empty();
        if only {
            self.close(episode, Status::Closed, CloseReason::WithinAuthority, self.arrival);
        } else {
            self.revise(&mut episode, Status::Updated, self.arrival);
            self.put(place, episode);
        }
    }

    /// Tells whether a newer request of the same conversation and action has been approved: this one came after its own
    /// amendment.
    fn is_overtaken(&self, conversation: &Id, at: &At, action: &Id) -> bool {
        let all = self.state.granted.get(&(self.account.clone(), action.clone()));
        all.is_some_and(|all| all.iter().any(|g| g.conversation == *conversation && g.at > *at))
    }

    /// The open handoff with an older request of the same conversation and action.
    fn amended(&self, conversation: &Id, at: &At, action: &Id) -> Option<Place> {
        let older = |a: &ApprovalState| a.conversation == *conversation && a.request.action == *action && a.at < *at;
        self.open_places().find(|(_, e)| e.approvals.iter().any(older)).map(|(place, _)| place.clone())
    }
}

/// Tells whether an approval was of the same request as what its conversation asks for now; each one without a
/// conversation is a request of its own, and counts.
fn amends(granted: &Granted, conversation: &Id) -> bool {
    !conversation.is_empty() && granted.conversation == *conversation
}

/// Takes a request that needs approval; another one of the same conversation and action is an amendment, whichever of them
/// comes first. The same request again is none: it is due when the first of them is, since the last amendment.
pub(crate) fn take(episode: &mut Episode, mut approval: ApprovalState) -> Merged {
    let same =
        |a: &&mut ApprovalState| a.conversation == approval.conversation && a.request.action == approval.request.action;
    let mut merged = Merged::Reason;
    match episode.approvals.iter_mut().find(same) {
        Some(old) => {
            let given = approval.due.saturating_sub(approval.at.0);
            let mut asked = std::mem::take(&mut old.asked);
            asked.append(&mut approval.asked);
            asked.sort();
            let over = asked.len().saturating_sub(ASKED);
            asked.drain(..over);
            if old.digest == approval.digest || old.at > approval.at {
                merged = Merged::Nothing;
            } else {
                *old = approval;
            }
            let again = asked.iter().rev().take_while(|(_, digest)| *digest == old.digest);
            if let Some((first, _)) = again.last().filter(|_| old.step == 0) {
                old.due = first.0.saturating_add(given);
            }
            if let Some((newest, _)) = asked.last().filter(|(_, digest)| *digest == old.digest) {
                old.at = newest.clone();
            }
            old.asked = asked;
        }
        None => episode.approvals.push(approval),
    }
    episode.approvals.sort_by(|a, b| a.at.cmp(&b.at));
    let over = episode.approvals.len().saturating_sub(APPROVALS);
    episode.approvals.drain(..over);
    merged
}

/// Passes on what nobody answered; after the last approver it is breached, never approved.
pub(crate) fn overdue(episode: &mut Episode, policy: &Policy, at: i64) -> Status {
    let waiting = episode.approvals.iter_mut().filter(|a| !a.approved && !a.breached && a.due <= at);
    let mut status = Status::Breached;
    for approval in waiting {
        match policy.approval.escalation.get(approval.step) {
            Some(next) => {
                approval.step += 1;
                approval.approvers = vec![next.clone()];
                approval.all = false;
                approval.grants.clear();
                approval.due = approval.due.saturating_add_unsigned(millis(policy.approval.due));
                status = Status::Updated;
            }
            None => approval.breached = true,
        }
    }
    status
}

/// What became of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    /// Another request's digest.
    WrongDigest,
    /// By somebody who may not.
    NotAnApprover,
    /// More must grant.
    Waits,
    /// All that must have granted.
    Complete,
}

/// Takes a grant by an agent with their teams.
pub(crate) fn grant(episode: &mut Episode, digest: Option<&Id>, agent: Option<&Id>, teams: &[Id]) -> Grant {
    let Some(approval) = episode.approvals.iter_mut().find(|a| Some(&a.digest) == digest) else {
        return Grant::WrongDigest;
    };
    let can: Vec<Id> = approval.approvers.iter().filter(|a| teams.contains(a)).cloned().collect();
    let (Some(agent), false) = (agent, can.is_empty()) else { return Grant::NotAnApprover };
    if approval.approved {
        return Grant::Waits;
    }
    if !approval.grants.iter().any(|(who, _)| who == agent) && approval.grants.len() < GRANTED {
        approval.grants.push((agent.clone(), can));
    }
    let needed = if approval.all { approval.approvers.len() } else { 1 };
    if matched(&approval.approvers, &approval.grants) < needed {
        return Grant::Waits;
    }
    approval.approved = true;
    Grant::Complete
}

/// Tells whether an agent with these teams may deny the request with this digest.
pub(crate) fn may_deny(episode: &Episode, digest: Option<&Id>, teams: &[Id]) -> Grant {
    match episode.approvals.iter().find(|a| Some(&a.digest) == digest) {
        None => Grant::WrongDigest,
        Some(approval) if !approval.approvers.iter().any(|a| teams.contains(a)) => Grant::NotAnApprover,
        Some(_) => Grant::Complete,
    }
}

/// How many approver teams can be given an agent each, no agent twice: a greatest matching by augmenting paths.
fn matched(approvers: &[Id], grants: &[(Id, Vec<Id>)]) -> usize {
    let mut of_team: Vec<Option<usize>> = vec![None; approvers.len()];
    let mut count = 0;
    for agent in 0..grants.len() {
        let mut tried = vec![false; approvers.len()];
        count += usize::from(place(agent, approvers, grants, &mut of_team, &mut tried));
    }
    count
}

fn place(
    agent: usize,
    approvers: &[Id],
    grants: &[(Id, Vec<Id>)],
    of_team: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    let Some((_, teams)) = grants.get(agent) else { return false };
    for (team, name) in approvers.iter().enumerate() {
        let Some(seen) = tried.get_mut(team).filter(|seen| !**seen && teams.contains(name)) else { continue };
        *seen = true;
        let held = of_team.get(team).copied().flatten();
        if held.is_none_or(|other| place(other, approvers, grants, of_team, tried)) {
            if let Some(slot) = of_team.get_mut(team) {
                *slot = Some(agent);
            }
            return true;
        }
    }
    false
}
