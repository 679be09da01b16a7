//! What *assign* answers: an offer, its end, an overflow. An answer to what has moved on is ignored.

use crate::episode::{Episode, add_names};
use crate::step::Step;
use baton_records::{AgentChoice, AssignResult, Id, IgnoredReason, Overflow, Status, Timestamp};
use baton_stream::Counted;

impl Step<'_> {
    /// Takes an answer of *assign*.
    pub(crate) fn assigned(&mut self, result: &AssignResult) {
        let (AssignResult::Offered { handoff_id, revision, number, at, .. }
        | AssignResult::Withdrawn { handoff_id, revision, number, at }
        | AssignResult::Overflowed { handoff_id, revision, number, at, .. }) = result;
        let place = self.open_places().find(|(_, e)| e.handoff_id == *handoff_id).map(|(place, _)| place.clone());
        let current =
            |e: &Episode| !e.accepted && !e.returned && *number > e.answered && *revision >= e.queued_revision;
        let place = place.filter(|place| self.state.open.get(place).is_some_and(current));
        let taken = place.and_then(|place| self.take(&place).map(|episode| (place, episode)));
        let Some((place, mut episode)) = taken else {
            return self.out.count(Counted::Ignored(IgnoredReason::Stale));
        };
        episode.answered = *number;
        let at = self.not_ahead(*at);
        let applied = match result {
            AssignResult::Offered { agent_id, why, .. } => self.offer(&mut episode, agent_id, why, at),
            AssignResult::Withdrawn { .. } => self.withdraw(&mut episode, at),
            AssignResult::Overflowed { reason, from, to, notify, .. } => {
                episode.overflow = Some(Overflow { reason: *reason, from: from.clone() });
                episode.agent = None;
                episode.team = to.clone();
                episode.routed = Some(to.clone());
                add_names(&mut episode.notify, notify);
                self.revise(&mut episode, Status::Overflowed, at);
                true
            }
        };
        if !applied {
            self.out.count(Counted::Ignored(IgnoredReason::Stale));
        }
        self.put(place, episode);
    }

    /// None above the log time at which it came in.
    fn not_ahead(&self, at: Timestamp) -> i64 {
        at.millis().min(self.time)
    }

    fn offer(&mut self, episode: &mut Episode, agent: &Id, why: &[Id], at: i64) -> bool {
        if episode.declined.contains(agent) {
            return false;
        }
        episode.agent = Some(AgentChoice { agent_id: agent.clone(), why: why.to_vec() });
        self.revise(episode, Status::Assigned, at);
        true
    }

    fn withdraw(&mut self, episode: &mut Episode, at: i64) -> bool {
        episode.agent = None;
        if episode.shown_agent {
            self.revise(episode, Status::Assigned, at);
        }
        true
    }
}
