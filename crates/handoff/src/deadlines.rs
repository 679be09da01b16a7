//! What happens when nothing happens: SLA, approval and expiry deadlines, in the order of (deadline, handoff, kind).

use crate::decisions::Judgement;
use crate::episode::Episode;
use crate::state::{ordered, unordered};
use crate::step::{Place, Step};
use baton_records::{CloseReason, Id, Outcome, RuleResult, Status, Strategy, Why};

const FIRST_AT_RISK: u8 = 0;
const FIRST_BREACHED: u8 = 1;
const RESOLUTION_AT_RISK: u8 = 2;
const RESOLUTION_BREACHED: u8 = 3;
const APPROVAL: u8 = 4;
const EXPIRED: u8 = 5;

/// A deadline of an open handoff.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due {
    pub at: i64,
    pub handoff: Id,
    pub kind: u8,
    pub place: Place,
}

/// All deadlines of an open handoff that have not fired.
fn of(episode: &Episode) -> Vec<(i64, u8)> {
    let clocks = &episode.clocks;
    let pending = |kind: u8| clocks.fired & (1 << kind) == 0;
    let mut all = Vec::with_capacity(6);
    if let Some((due, risk)) = clocks.first {
        for (at, kind) in [(risk, FIRST_AT_RISK), (due, FIRST_BREACHED)] {
            // An answer ends the timer from its arrival on, however late the message came that it answers.
            if pending(kind) && clocks.responded.is_none_or(|answered| answered >= at) {
                all.push((at, kind));
            }
        }
    }
    if let Some((due, risk)) = clocks.resolution {
        all.extend([(risk, RESOLUTION_AT_RISK), (due, RESOLUTION_BREACHED)].into_iter().filter(|(_, k)| pending(*k)));
    }
    let waiting = episode.approvals.iter().filter(|a| !a.approved && !a.breached);
    all.extend(waiting.map(|a| a.due).min().map(|due| (due, APPROVAL)));
    all.push((episode.expires, EXPIRED));
    all
}

impl Step<'_> {
    /// Takes an open handoff out, with its deadlines.
    pub(crate) fn take(&mut self, place: &Place) -> Option<Episode> {
        let episode = self.state.open.remove(place)?;
        for (at, kind) in of(&episode) {
            self.state.deadlines.remove(&(ordered(at), episode.handoff_id.clone(), [kind]));
        }
        Some(episode)
    }

    /// Puts an open handoff back, with its deadlines.
    pub(crate) fn put(&mut self, place: Place, episode: Episode) {
        for (at, kind) in of(&episode) {
            self.state.deadlines.put((ordered(at), episode.handoff_id.clone(), [kind]), place.clone());
        }
        self.state.open.put(place, episode);
    }

    /// Fires the deadlines of a handoff up to this record's arrival, which log time may not have reached.
    pub(crate) fn fire_before_arrival(&mut self, place: &Place) {
        loop {
            let Some(episode) = self.state.open.get(place) else { return };
            let next = of(episode).into_iter().min().filter(|(at, _)| *at <= self.arrival);
            let Some((at, kind)) = next else { return };
            let handoff = episode.handoff_id.clone();
            self.fire(Due { at, handoff, kind, place: place.clone() });
        }
    }

    /// Fires one deadline.
    pub(crate) fn fire(&mut self, due: Due) {
        let Some(mut episode) = self.take(&due.place) else { return };
        let mut judgement = Judgement::new(due.place.1.clone());
        judgement.handoff_id = Some(episode.handoff_id.clone());
        judgement.say(Outcome::Updated, Why::Fired);
        judgement.rules.push(seen(&episode, due.kind, self.rules.policy.offers.at_risk_share));
        match due.kind {
            EXPIRED => self.close(episode, Status::Closed, CloseReason::Expired, due.at),
            kind => {
                let status = match kind {
                    APPROVAL => crate::approval::overdue(&mut episode, &self.rules.policy, due.at),
                    FIRST_BREACHED | RESOLUTION_BREACHED => Status::Breached,
                    _ => Status::AtRisk,
                };
                if kind != APPROVAL {
                    episode.clocks.fired |= 1 << kind;
                }
                self.revise(&mut episode, status, due.at);
                self.put(due.place, episode);
            }
        }
        let cause = format!("{}@{}/{}", due.handoff, due.at, due.kind);
        self.decide(judgement, None, due.at, &cause);
    }
}

/// What a deadline saw, as a rule.
fn seen(episode: &Episode, kind: u8, at_risk_share: f64) -> RuleResult {
    let (strategy, rule, value) = match kind {
        FIRST_AT_RISK => (Strategy::Priority, "sla.first_response", at_risk_share),
        FIRST_BREACHED => (Strategy::Priority, "sla.first_response", 1.0),
        RESOLUTION_AT_RISK => (Strategy::Priority, "sla.resolution", at_risk_share),
        RESOLUTION_BREACHED => (Strategy::Priority, "sla.resolution", 1.0),
        APPROVAL => (Strategy::Approval, "approval.due", 1.0),
        _ => (episode.reasons.first().map_or(Strategy::Priority, |r| r.strategy), "handoff.expired", 1.0),
    };
    RuleResult {
        strategy,
        rule: Id::new_static(rule),
        value,
        threshold: value,
        margin: 0.0,
        fired: true,
        evidence: Vec::new(),
    }
}

/// Returns the next deadline of all.
pub(crate) fn next(state: &crate::state::State) -> Option<Due> {
    let ((at, handoff, [kind]), place) = state.deadlines.iter().next()?;
    Some(Due { at: unordered(*at), handoff: handoff.clone(), kind: *kind, place: place.clone() })
}
