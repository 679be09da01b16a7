//! Conversations: turns in the order in which they happened, who spoke last, who has answered.

use crate::rules::Facts;
use crate::state::{Answer, At, Conversation, Face, Hit, State, Turn};
use crate::step::Step;
use baton_records::{Account, Event, Id, Stage, Timestamp};
use std::sync::Arc;

/// Conversations that are kept of an account.
const CONVERSATIONS: usize = 16;
/// Turns that are kept of a conversation, whatever the policy's windows.
const TURNS: usize = 64;
/// Different cues of older turns that are kept of a conversation.
const CUES: usize = 64;
/// Human answers that are kept of a conversation.
const ANSWERS: usize = 8;

impl Conversation {
    /// Takes a customer message in its place, and returns that place.
    pub(crate) fn take_turn(&mut self, turn: Turn) -> usize {
        self.turns = self.turns.saturating_add(1);
        let place = match self.recent.binary_search_by(|t| t.at.cmp(&turn.at)) {
            Ok(place) => return place,
            Err(place) => place,
        };
        let at = turn.at.0;
        self.recent.insert(place, turn);
        let answer = self.answers.iter_mut().find(|a| a.at >= at);
        let waits = answer.map_or(&mut self.unanswered, |a| &mut a.ended);
        *waits = Some(waits.map_or(at, |oldest| oldest.min(at)));
        place
    }

    /// Returns a face as one that turns can share.
    pub(crate) fn shared(&self, face: Face) -> Arc<Face> {
        let known = self.recent.iter().rev().map(|turn| &turn.face).chain([&self.face]);
        known.into_iter().find(|known| ***known == face).map_or_else(|| Arc::new(face), Arc::clone)
    }

    /// Takes a human's answer.
    pub(crate) fn take_answer(&mut self, mut answer: Answer) {
        let place = self.answers.partition_point(|a| (a.at, a.arrival) <= (answer.at, answer.arrival));
        let next = self.answers.get_mut(place);
        let until = next.as_ref().map_or(i64::MAX, |a| a.at);
        let waits = next.map_or(&mut self.unanswered, |a| &mut a.ended);
        if let Some(oldest) = waits.filter(|oldest| *oldest <= answer.at) {
            answer.ended = Some(oldest);
            *waits = self.recent.iter().map(|t| t.at.0).find(|at| *at > answer.at && *at <= until);
        }
        self.answers.insert(place, answer);
        let over = self.answers.len().saturating_sub(ANSWERS);
        self.answers.drain(..over);
    }

    /// Returns the oldest customer message before `until` that no human had answered by then.
    pub(crate) fn unanswered_before(&self, until: i64) -> Option<i64> {
        let next = self.answers.iter().find(|a| a.at >= until);
        next.map_or(self.unanswered, |a| a.ended).filter(|oldest| *oldest <= until)
    }

    /// Drops turns that no window and nothing within the lateness bound can need: those before `settled` but for the
    /// last `window` of them.
    pub(crate) fn trim(&mut self, settled: i64, window: usize) {
        let old = self.recent.partition_point(|t| t.at.0 < settled);
        let mut gone = old.saturating_sub(window.saturating_sub(1)).max(self.recent.len().saturating_sub(TURNS));
        while self.recent.get(gone).is_some_and(|t| gone < old && t.hits.is_empty()) {
            gone += 1;
        }
        for gone in self.recent.drain(..gone) {
            for hit in gone.hits {
                if self.cues.len() < CUES {
                    self.cues.insert(hit.cue);
                }
            }
            self.face = gone.face;
        }
    }

    /// Returns the cues of the turns up to a moment, sorted.
    pub(crate) fn cues_until(&self, at: &At) -> Vec<Id> {
        let recent = self.recent.iter().take_while(|t| t.at <= *at).flat_map(|t| &t.hits).map(|hit| &hit.cue);
        let mut all: Vec<Id> = self.cues.iter().chain(recent).cloned().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Returns who spoke last, up to a moment.
    pub(crate) fn face(&self, cut: &At) -> &Face {
        self.recent.iter().rev().find(|t| t.at <= *cut).map_or(&self.face, |t| &t.face)
    }

    /// Returns the arrival of the first human answer to what was said at `at`.
    pub(crate) fn answered(&self, at: i64) -> Option<i64> {
        self.answers.iter().filter(|a| a.at >= at).map(|a| a.arrival).min()
    }

    /// Tells whether a human answered what was said at `at` before `until`.
    pub(crate) fn answered_before(&self, at: i64, until: i64) -> bool {
        self.answers.iter().any(|a| a.at >= at && a.at < until)
    }

    /// Forgets what a contact, or everybody, said.
    pub(crate) fn erase(&mut self, contact: Option<&Id>) {
        let hit = |face: &Face| contact.is_none() || face.contact.as_ref() == contact;
        if hit(&self.face) {
            self.face = Arc::new(Face { channel: self.face.channel, ..Face::default() });
        }
        for turn in &mut self.recent {
            if hit(&turn.face) {
                turn.face = Arc::new(Face { channel: turn.face.channel, ..Face::default() });
                turn.hits = Vec::<Hit>::new();
            }
        }
        if contact.is_none() {
            self.gradual.clear();
            self.cues.clear();
            self.subject = None;
            self.subjects.clear();
            self.unsure.clear();
        }
    }
}

/// What conditions may look at of a conversation.
#[derive(Debug, Default)]
pub(crate) struct SoFar {
    pub turns: u32,
    cues: Vec<Id>,
    stage: Option<Stage>,
}

impl SoFar {
    pub(crate) fn facts<'a>(&'a self, account: &'a Account, event: &'a Event) -> Facts<'a> {
        Facts { event: Some(event), ..self.facts_without_event(account) }
    }

    /// Returns them for an event of which only a turn is left.
    pub(crate) fn facts_without_event<'a>(&'a self, account: &'a Account) -> Facts<'a> {
        Facts { account, event: None, turns: self.turns, cues: &self.cues, stage: self.stage }
    }
}

impl Step<'_> {
    /// Returns what conditions may look at of a conversation, as it stands at a moment.
    pub(crate) fn seen(&self, conversation: &Id, at: &At) -> SoFar {
        let Some(known) = self.conversation(conversation) else { return SoFar::default() };
        let place = self.place_for(Some(conversation)).and_then(|place| self.state.open.get(&place));
        SoFar { turns: known.turns, cues: known.cues_until(at), stage: place.map(|episode| episode.stage) }
    }
}

/// Makes room for one more conversation: the one that was quiet the longest goes, unless its handoff is open.
pub(crate) fn make_room(state: &mut State, account: &Id, conversation: &Id) {
    let new = (account.clone(), conversation.clone());
    if state.conversations.get(&new).is_some() {
        return;
    }
    let all = state.conversations.range((account.clone(), Id::default())..).take_while(|(k, _)| k.0 == *account);
    let kept: Vec<_> = all.map(|(k, c)| (c.last, k)).collect();
    if kept.len() < CONVERSATIONS {
        return;
    }
    let oldest = kept.into_iter().filter(|(_, k)| state.open.get(k).is_none()).min().map(|(_, k)| k.clone());
    if let Some(oldest) = oldest {
        state.conversations.remove(&oldest);
        let rules: Vec<_> = state
            .quiet
            .range((oldest.0.clone(), oldest.1.clone(), Id::default())..)
            .take_while(|(k, _)| k.0 == oldest.0 && k.1 == oldest.1)
            .map(|(k, _)| k.clone())
            .collect();
        for rule in &rules {
            state.quiet.remove(rule);
        }
    }
}

/// Returns when something happened for what is judged: not after it came in.
pub(crate) fn effective(occurred_at: Timestamp, arrival: Timestamp) -> i64 {
    occurred_at.min(arrival).millis()
}
