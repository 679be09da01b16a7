//! What changes beside requests: agents, the policy, time.

use crate::entry::Place;
use crate::terms::Terms;
use crate::timers::Due;
use crate::{Answers, Assign};
use baton_records::{Agent, AgentStatus, Id, Timestamp};
use std::collections::BTreeSet;

impl Assign {
    /// Takes an agent's new record; none: they are gone.
    pub(crate) fn agent(&mut self, agent_id: &Id, agent: Option<Agent>, at: Timestamp, out: &mut Answers) {
        let old = self.roster.agent(agent_id).cloned();
        let teams = agent.as_ref().map(|agent| agent.teams.clone()).unwrap_or_default();
        let there = agent.as_ref().is_some_and(|agent| agent.status != AgentStatus::Offline);
        let back = agent.as_ref().is_some_and(|agent| comes_back(old.as_deref(), agent));
        let less = old.as_deref().is_some_and(|old| agent.as_ref().is_none_or(|agent| can_less(old, agent)));
        match agent {
            Some(agent) => self.roster.set(agent, back.then_some(at)),
            None => {
                self.resolved.forget(agent_id);
                self.roster.remove(agent_id)
            }
        };
        let offered = |handoff_id: &&Id| {
            self.entries.get(*handoff_id).is_some_and(|entry| {
                matches!(entry.place, Place::Offered { .. }) && !(there && teams.contains(&entry.request.team))
            })
        };
        let lost: Vec<Id> = self.roster.held(agent_id).filter(offered).cloned().collect();
        for handoff_id in lost {
            if let Some(entry) = self.pick(&handoff_id) {
                self.lose(entry, agent_id.clone(), at, out);
            }
        }
        if let (true, Some(old)) = (less, old) {
            self.look_again(&old, at, out);
        }
        self.fill(agent_id, at, out);
    }

    /// Settles the waiting handoffs that may have nobody left now that an agent can less than before.
    fn look_again(&mut self, old: &Agent, at: Timestamp, out: &mut Answers) {
        let now = self.clock.at(at);
        let mut concerned = BTreeSet::new();
        let lines = old.teams.iter().flat_map(|team| self.lines.of(team).map(move |(needs, line)| (team, needs, line)));
        for (team, needs, line) in lines {
            let able = self.roster.able(team, needs, now);
            let theirs = needs.dedicated_to().is_some_and(|account_id| old.accounts.contains(account_id));
            match line.refused_by_all(able).filter(|_| !theirs) {
                None => {
                    // Without their own agent a deputy may take also what rests.
                    let resting = line.resting.iter().filter(|_| theirs);
                    concerned.extend(line.waiting.iter().chain(resting).map(|turn| turn.handoff_id.clone()));
                }
                Some(refused) => concerned.extend(refused.iter().filter(|id| self.is_left_alone(id, now)).cloned()),
            }
        }
        self.settle_all(&concerned, at, out);
    }

    /// Tells whether nobody could take a handoff who has not had it in this step.
    fn is_left_alone(&self, handoff_id: &Id, now: Timestamp) -> bool {
        self.entries.get(handoff_id).is_some_and(|entry| {
            let excluded = |agent_id: &Id| self.excluded(entry, agent_id);
            !self.roster.somebody(&entry.request.team, &entry.needs(), now, &excluded)
        })
    }

    fn settle_all(&mut self, handoffs: &BTreeSet<Id>, at: Timestamp, out: &mut Answers) {
        let mut turns: Vec<_> = handoffs.iter().filter_map(|id| self.entries.get(id)).map(|e| e.turn()).collect();
        turns.sort_unstable();
        for turn in turns {
            if let Some(entry) = self.pick(&turn.handoff_id) {
                self.settle(entry, at, out);
            }
        }
    }

    /// Takes a policy into force, unless a newer version of it already is; what waits is looked at again.
    pub(crate) fn enforce(&mut self, terms: Terms, at: Timestamp, out: &mut Answers) {
        self.resolved.retain(&terms.families.iter().map(|(_, family, _)| family).collect());
        self.terms = Some(terms);
        let queued = |place: &Place| matches!(place, Place::Waiting | Place::Resting);
        let waiting = self.entries.iter().filter(|(_, entry)| queued(&entry.place)).map(|(id, _)| id.clone());
        let waiting: BTreeSet<Id> = waiting.collect();
        self.settle_all(&waiting, at, out);
    }

    /// Fires one timer.
    pub(crate) fn fire(&mut self, handoff_id: &Id, due: Due, out: &mut Answers) {
        let Some(mut entry) = self.pick(handoff_id) else { return };
        let timer = match due {
            Due::Step => entry.next_step,
            Due::End => entry.end,
        };
        let Some(at) = timer.map(|timer| self.clock.moment(timer)) else { return self.keep(entry) };
        match (due, entry.place.clone()) {
            (Due::Step, Place::Waiting | Place::Resting) => {
                self.relax(&mut entry);
                self.settle(entry, at, out);
            }
            (Due::Step, _) => {
                self.relax(&mut entry);
                self.keep(entry);
            }
            (Due::End, Place::Offered { agent_id }) => self.lose(entry, agent_id, at, out),
            (Due::End, _) => self.give_up(entry, at, out),
        }
    }
}

/// Tells whether somebody becomes available, or can other things than before.
fn comes_back(old: Option<&Agent>, new: &Agent) -> bool {
    let available = |agent: &Agent| agent.status == AgentStatus::Available;
    available(new) && old.is_none_or(|old| !available(old) || !can_the_same(old, new))
}

/// Tells whether a handoff that an agent could take may be beyond them now.
fn can_less(old: &Agent, new: &Agent) -> bool {
    let gone = old.status == AgentStatus::Available && new.status != AgentStatus::Available;
    gone || new.status == AgentStatus::Offline || !can_the_same(old, new)
}

fn can_the_same(old: &Agent, new: &Agent) -> bool {
    (&old.teams, &old.skills, &old.languages, &old.industries, &old.accounts)
        == (&new.teams, &new.skills, &new.languages, &new.industries, &new.accounts)
}
