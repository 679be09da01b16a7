//! The clocks of a handoff: from when they count, when they are due, and what ends them.

use crate::episode::Episode;
use crate::state::Conversation;
use crate::step::Step;
use baton_records::{Id, Stage, Timestamp};
use std::time::Duration;

impl Step<'_> {
    /// Sets a handoff's deadlines from its evidence, until a human has answered; what is set stays while the moment from
    /// which they count does.
    pub(crate) fn set_clocks(&mut self, episode: &mut Episode) {
        if episode.clocks.responded.is_some() {
            return;
        }
        let (base, responded) = self.base(episode);
        let terms = self.rules.policy.sla_for(&self.record());
        let wants_first = episode.stage > Stage::Observe;
        let clocks = &mut episode.clocks;
        let same = clocks.base == base && clocks.tier == terms.tier && clocks.resolution.is_some();
        if !same || clocks.first.is_some() != wants_first {
            let start = Timestamp::from_millis(base);
            let share = self.rules.policy.offers.at_risk_share;
            let due = |duration: Duration| {
                let at = |d| self.rules.policy.deadline(start, d, &terms.calendar, &terms.time_zone).millis();
                (at(duration), at(duration.mul_f64(share.clamp(0.0, 1.0))))
            };
            clocks.first = wants_first.then(|| due(terms.first_response));
            clocks.resolution = Some(due(terms.resolution));
            (clocks.base, clocks.tier) = (base, terms.tier);
        }
        clocks.responded = responded;
    }

    /// Returns the moment from which deadlines count, and the arrival of the human answer that the log already holds.
    ///
    /// The first customer message of the evidence that nobody had answered when the first reason stood; without customer
    /// message the conversation's oldest unanswered one; else what opened the handoff.
    fn base(&self, episode: &Episode) -> (i64, Option<i64>) {
        let opening = episode.reasons.iter().map(|r| r.since.0).min().unwrap_or(episode.opened_at);
        let conversations: Vec<&Conversation> =
            episode.joined.iter().filter_map(|c| self.conversation(c)).collect();
        let from = (episode.handoff_id.clone(), 0, Id::default());
        let said = self.state.pinned.range(from..).take_while(|(k, _)| k.0 == episode.handoff_id);
        let said: Vec<i64> = said.filter(|(_, f)| f.customer).map(|(_, f)| f.as_of.min(f.arrival)).collect();
        let open = said.iter().find(|at| !conversations.iter().any(|c| c.answered_before(**at, opening)));
        let base = match (open.or(said.last()), episode.conversation.as_ref().and_then(|c| self.conversation(c))) {
            (Some(at), _) => *at,
            (None, Some(conversation)) => conversation.unanswered.unwrap_or(opening),
            (None, None) => opening,
        };
        let responded = conversations.iter().filter_map(|c| c.answered(base)).min();
        (base, responded.filter(|_| !said.is_empty()))
    }

    pub(crate) fn conversation(&self, id: &Id) -> Option<&Conversation> {
        self.state.conversations.get(&(self.account.clone(), id.clone()))
    }

    /// Ends the first timers of handoffs in whose conversation a human answered; what was due before fires first.
    pub(crate) fn answered(&mut self, conversation: &Id) {
        let places: Vec<_> = self
            .open_places()
            .filter(|(_, e)| e.joined.contains(conversation))
            .map(|(place, _)| place.clone())
            .collect();
        for place in places {
            self.fire_before_arrival(&place);
            let arrival = self.arrival;
            if let Some(mut episode) = self.take(&place) {
                let clocks = &mut episode.clocks;
                clocks.responded = Some(clocks.responded.map_or(arrival, |r| r.min(arrival)));
                self.put(place, episode);
            }
        }
    }
}
