//! The clocks of a handoff: from when they count, when they are due, and what ends them.

use crate::episode::Episode;
use crate::fact::FactEntry;
use crate::priority::millis;
use crate::state::Conversation;
use crate::step::Step;
use baton_records::{Id, Stage, Timestamp};
use std::time::Duration;

impl Step<'_> {
    /// Sets a handoff's deadlines. What is set stays, unless something within the lateness bound shows that they count
    /// from another moment, or the account turns out to be of another tier.
    pub(crate) fn set_clocks(&mut self, episode: &mut Episode) {
        let opening = episode.reasons.iter().map(|r| r.since.0).min().unwrap_or(episode.opened_at);
        let highest = self.state.activity.get(&self.account).map_or(i64::MIN, |a| a.highest);
        let settled = highest.saturating_sub_unsigned(millis(self.rules.policy.limits.lateness));
        let new = episode.clocks.resolution.is_none();
        let (mut base, mut responded) = (episode.clocks.base, None);
        if new || settled <= opening {
            (base, responded) = self.base(episode, opening);
        }
        let terms = self.rules.policy.sla_for(&self.record());
        let wants_first = episode.stage > Stage::Observe;
        let clocks = &mut episode.clocks;
        let same = !new && clocks.base == base && clocks.tier == terms.tier;
        if !same || clocks.first.is_some() != wants_first {
            let start = Timestamp::from_millis(base);
            let policy = &self.rules.policy;
            let due = |duration: Duration| {
                let due = policy.deadline(start, duration, &terms.calendar, &terms.time_zone);
                (due.millis(), policy.at_risk(start, duration, &terms.calendar, &terms.time_zone).millis())
            };
            clocks.first = wants_first.then(|| due(terms.first_response));
            clocks.resolution = Some(due(terms.resolution));
            (clocks.base, clocks.tier) = (base, terms.tier);
        }
        clocks.responded = [clocks.responded, responded].into_iter().flatten().min();
    }

    /// Returns the moment from which deadlines count, and the arrival of the human answer that the log already holds.
    ///
    /// The first customer message of the evidence that nobody had answered when the first reason stood; without customer
    /// message the conversation's oldest unanswered one; else what opened the handoff. Later evidence moves nothing.
    fn base(&self, episode: &Episode, opening: i64) -> (i64, Option<i64>) {
        let conversations: Vec<&Conversation> = episode.joined.iter().filter_map(|c| self.conversation(c)).collect();
        let from = (episode.handoff_id.clone(), 0, Id::default());
        let pinned = self.state.pinned.range(from..).take_while(|(k, _)| k.0 == episode.handoff_id);
        // What later reasons quote beside it, however old, moves nothing either.
        let first = episode.reasons.iter().map(|r| &r.since).min();
        let opened = |id: &Id, fact: &FactEntry| {
            let opening = episode.reasons.iter().filter(|r| Some(&r.since) == first);
            opening.flat_map(|r| &r.evidence).any(|e| e.at.1 == *id && fact.is_at(e.at.0))
        };
        let said = pinned.filter(|(k, f)| f.customer && opened(&k.2, f)).map(|(_, f)| f.as_of.min(f.arrival));
        let said: Vec<i64> = said.filter(|at| *at <= opening).collect();
        let open = said.iter().find(|at| !conversations.iter().any(|c| c.answered_before(**at, opening)));
        let base = match (open.or(said.last()), episode.conversation.as_ref().and_then(|c| self.conversation(c))) {
            (Some(at), _) => *at,
            (None, Some(conversation)) => conversation.unanswered_before(opening).unwrap_or(opening),
            (None, None) => opening,
        };
        (base, conversations.iter().filter_map(|c| c.answered(base)).min())
    }

    pub(crate) fn conversation(&self, id: &Id) -> Option<&Conversation> {
        self.state.conversations.get(&(self.account.clone(), id.clone()))
    }

    /// Ends the first timers of handoffs in whose conversation a human answered; what was due before fires first.
    pub(crate) fn answered(&mut self, conversation: &Id, at: i64) {
        let places: Vec<_> = self
            .open_places()
            .filter(|(_, e)| e.joined.contains(conversation) && e.clocks.base <= at)
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
