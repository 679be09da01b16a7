//! How a handoff finds an agent, or leaves its team.

use crate::entry::{Entry, Place, Tried};
use crate::need::{Needs, steps};
use crate::timers::Due;
use crate::{Answers, Assign, why};
use baton_policy::{Experience, TeamOverflow};
use baton_records::{AssignResult, Id, OverflowReason, Timestamp};
use std::time::Duration;

/// What a handoff can hope for at its step.
enum Prospect {
    /// This agent is free.
    Free(Id),
    /// Somebody who could take it is away or busy; or nobody is asked by *assign*.
    Later,
    /// Nobody could take it.
    Nobody,
}

impl Assign {
    /// Finds an agent for a handoff that nobody holds and that stands in no line; else queues it or sends it on.
    pub(crate) fn settle(&mut self, mut entry: Entry, cause: Timestamp, out: &mut Answers) {
        loop {
            match self.prospect(&entry, cause) {
                Prospect::Free(agent_id) => return self.offer(entry, agent_id, cause, out),
                Prospect::Later => return self.wait(entry, cause, out),
                Prospect::Nobody if entry.rested => return self.rest(entry, cause, out),
                Prospect::Nobody => {
                    if !self.relax(&mut entry) {
                        return self.nobody(entry, cause, out);
                    }
                }
            }
        }
    }

    /// Takes a handoff one step down its ladder; false on the floor.
    pub(crate) fn relax(&mut self, entry: &mut Entry) -> bool {
        let before = entry.next_step;
        let relaxed = entry.relax();
        if relaxed {
            if let Some(timer) = before {
                self.timers.remove(timer, entry.id(), Due::Step);
            }
            if let Some(timer) = entry.next_step {
                self.timers.add(timer, entry.id(), Due::Step);
            }
        }
        relaxed
    }

    fn prospect(&self, entry: &Entry, cause: Timestamp) -> Prospect {
        let team = &entry.request.team;
        if self.terms.as_ref().is_none_or(|terms| terms.is_external(team)) {
            return Prospect::Later;
        }
        let (needs, now) = (entry.needs(), self.clock.at(cause));
        let excluded = |agent_id: &Id| self.excluded(entry, agent_id);
        let ranked = |agent_id: &Id| self.experience(entry, agent_id, now).map_or(0, |(_, resolved)| resolved);
        let ranking = self.ranking(entry).map(|_| &ranked as &dyn Fn(&Id) -> u32);
        if let Some(agent_id) = self.roster.best(team, &needs, now, &excluded, ranking) {
            return Prospect::Free(agent_id.clone());
        }
        if !entry.rested && self.roster.somebody(team, &needs, now, &excluded) {
            Prospect::Later
        } else {
            Prospect::Nobody
        }
    }

    fn ranking(&self, entry: &Entry) -> Option<(&Id, Experience)> {
        self.terms.as_ref()?.ranking(&entry.request.team, entry.request.subject.as_ref())
    }

    /// Returns how many handoffs of the family of an entry's subject an agent has resolved.
    fn experience(&self, entry: &Entry, agent_id: &Id, now: Timestamp) -> Option<(&Id, u32)> {
        let (family, experience) = self.ranking(entry)?;
        Some((family, self.resolved.of(agent_id, family, experience, now)))
    }

    pub(crate) fn excluded(&self, entry: &Entry, agent_id: &Id) -> bool {
        entry.excludes(agent_id, self.roster.back_at(agent_id))
    }

    /// Offers a handoff that stands in no line.
    pub(crate) fn offer(&mut self, mut entry: Entry, agent_id: Id, cause: Timestamp, out: &mut Answers) {
        let Some(lapse_after) = self.terms.as_ref().map(|terms| terms.lapse_after) else {
            return self.wait(entry, cause, out);
        };
        let at = cause.max(entry.request.at);
        let now = self.clock.at(at);
        let why = why::offered(&self.roster, &entry, &agent_id, now, self.experience(&entry, &agent_id, now));
        self.stop(&mut entry);
        let end = self.clock.timer(at).plus(lapse_after);
        self.timers.add(end, entry.id(), Due::End);
        entry.end = Some(end);
        let back_at = self.roster.back_at(&agent_id);
        entry.tried.retain(|tried| tried.agent_id != agent_id);
        entry.tried.push(Tried { agent_id: agent_id.clone(), back_at });
        self.roster.hold(&agent_id, entry.id());
        entry.number = entry.number.saturating_add(1);
        entry.shown = true;
        let (handoff_id, revision, number) = answer(&entry);
        let result = AssignResult::Offered { handoff_id, revision, number, agent_id: agent_id.clone(), why, at };
        out.push((entry.request.account_id.clone(), result));
        entry.place = Place::Offered { agent_id };
        self.keep(entry);
    }

    /// Leaves a handoff in the queue; its team is given up when nobody becomes free in time.
    fn wait(&mut self, mut entry: Entry, cause: Timestamp, out: &mut Answers) {
        let after = self.patience(&entry);
        self.hold_out(&mut entry, cause, after);
        self.withdraw(&mut entry, cause, out);
        entry.place = Place::Waiting;
        self.keep(entry);
    }

    /// Returns for how long a handoff waits in its team: for an account's own agent, or a deputy, as long as the rule
    /// says that asks for one.
    fn patience(&self, entry: &Entry) -> Option<Duration> {
        let terms = self.terms.as_ref().filter(|terms| !terms.is_external(&entry.request.team))?;
        match entry.needs().dedicated_to() {
            Some(_) => terms.unmet(&entry.request).map(|(overflow, _)| overflow.after),
            None => terms.overflow(&entry.request.team).map(|overflow| overflow.after),
        }
    }

    fn hold_out(&mut self, entry: &mut Entry, cause: Timestamp, after: Option<Duration>) {
        if let (None, Some(after)) = (entry.end, after) {
            let end = self.clock.timer(cause.max(entry.request.at)).plus(after);
            self.timers.add(end, entry.id(), Due::End);
            entry.end = Some(end);
        }
    }

    /// Nobody of the team could take it, even on the floor of its ladder.
    fn nobody(&mut self, entry: Entry, cause: Timestamp, out: &mut Answers) {
        match self.way_out(&entry, cause) {
            None => self.rest(entry, cause, out),
            // Who is dedicated to an account is worth waiting for, as is their deputy.
            Some(_) if entry.needs().dedicated_to().is_some() => self.wait(entry, cause, out),
            Some((overflow, reason)) => self.overflow(entry, overflow, reason, cause, out),
        }
    }

    /// Gives the team up: nobody was free for as long as the policy waits. The ladder goes down to its floor before.
    pub(crate) fn give_up(&mut self, mut entry: Entry, cause: Timestamp, out: &mut Answers) {
        entry.end = None;
        while self.relax(&mut entry) {}
        if let Prospect::Free(agent_id) = self.prospect(&entry, cause) {
            return self.offer(entry, agent_id, cause, out);
        }
        match self.way_out(&entry, cause) {
            None => self.settle(entry, cause, out),
            Some((overflow, reason)) => self.overflow(entry, overflow, reason, cause, out),
        }
    }

    /// Returns where a handoff goes that nobody of its team takes, and why.
    fn way_out(&self, entry: &Entry, cause: Timestamp) -> Option<(TeamOverflow, OverflowReason)> {
        let terms = self.terms.as_ref()?;
        let (team, now) = (&entry.request.team, self.clock.at(cause));
        let floor = Needs::of(&entry.request, steps(&entry.request).len());
        let dedicated = floor.dedicated_to().is_some();
        // Who is away or busy could take it, but the account's own agent is not waited for any longer.
        let unmet = dedicated || (!floor.0.is_empty() && !self.roster.anybody(team, &floor, now));
        if !unmet {
            return terms.overflow(team).map(|overflow| (overflow.clone(), OverflowReason::NoFreeAgent));
        }
        let (overflow, reason) = terms.unmet(&entry.request)?;
        let skill = floor.skilled() && !dedicated;
        let usual = if skill { OverflowReason::NoCertified } else { OverflowReason::NobodyEligible };
        Some((overflow.clone(), reason.unwrap_or(usual)))
    }

    fn overflow(
        &mut self,
        mut entry: Entry,
        overflow: TeamOverflow,
        reason: OverflowReason,
        cause: Timestamp,
        out: &mut Answers,
    ) {
        self.stop(&mut entry);
        entry.number = entry.number.saturating_add(1);
        entry.shown = false;
        let (handoff_id, revision, number) = answer(&entry);
        let (from, at) = (entry.request.team.clone(), cause.max(entry.request.at));
        let stays = overflow.to == from;
        let TeamOverflow { to, notify, .. } = overflow;
        let result = AssignResult::Overflowed { handoff_id, revision, number, reason, from, to, notify, at };
        out.push((entry.request.account_id.clone(), result));
        if stays {
            return self.rest(entry, cause, out);
        }
        if let Some(timer) = entry.next_step.take() {
            self.timers.remove(timer, entry.id(), Due::Step);
        }
        entry.place = Place::Left;
        self.keep(entry);
    }

    /// Leaves a handoff in its last team, until somebody comes back.
    fn rest(&mut self, mut entry: Entry, cause: Timestamp, out: &mut Answers) {
        self.stop(&mut entry);
        self.withdraw(&mut entry, cause, out);
        if !entry.rested {
            entry.rested = true;
            for tried in &mut entry.tried {
                tried.back_at = self.roster.back_at(&tried.agent_id);
            }
        }
        entry.place = Place::Resting;
        self.keep(entry);
    }

    /// Says that the agent whom *decide* knows of has lost the handoff.
    fn withdraw(&mut self, entry: &mut Entry, cause: Timestamp, out: &mut Answers) {
        if !std::mem::take(&mut entry.shown) {
            return;
        }
        entry.number = entry.number.saturating_add(1);
        let (handoff_id, revision, number) = answer(entry);
        let at = cause.max(entry.request.at);
        out.push((entry.request.account_id.clone(), AssignResult::Withdrawn { handoff_id, revision, number, at }));
    }

    /// Stops the timer of the offer or of the wait.
    pub(crate) fn stop(&mut self, entry: &mut Entry) {
        if let Some(timer) = entry.end.take() {
            self.timers.remove(timer, entry.id(), Due::End);
        }
    }

    /// Stores a handoff, in its line if it waits.
    pub(crate) fn keep(&mut self, entry: Entry) {
        self.lines.enter(&entry);
        self.entries.put(entry.id().clone(), entry);
    }

    /// Takes a handoff out of its line and of the table.
    pub(crate) fn pick(&mut self, handoff_id: &Id) -> Option<Entry> {
        let entry = self.entries.remove(handoff_id)?;
        self.lines.leave(&entry);
        Some(entry)
    }

    /// Offers an agent what waits for somebody like them, as long as they are free.
    pub(crate) fn fill(&mut self, agent_id: &Id, cause: Timestamp, out: &mut Answers) {
        while self.roster.is_free(agent_id) {
            let Some(handoff_id) = self.next_for(agent_id, self.clock.at(cause)) else { return };
            let Some(entry) = self.pick(&handoff_id) else { return };
            self.offer(entry, agent_id.clone(), cause, out);
        }
    }

    /// Returns the handoff whose turn it is for an agent: the first one of all lines whose needs they meet.
    fn next_for(&self, agent_id: &Id, now: Timestamp) -> Option<Id> {
        let terms = self.terms.as_ref()?;
        let agent = self.roster.agent(agent_id)?;
        let mut best = None;
        for team in agent.teams.iter().filter(|team| !terms.is_external(team)) {
            for (needs, line) in self.lines.of(team).filter(|(needs, _)| self.roster.could(agent_id, needs, now)) {
                for turns in [&line.waiting, &line.resting] {
                    let ahead = turns.iter().take_while(|turn| best.is_none_or(|best| *turn < best));
                    best = ahead
                        .into_iter()
                        .find(|turn| self.may_take(agent_id, team, needs, &turn.handoff_id, now))
                        .or(best);
                }
            }
        }
        best.map(|turn| turn.handoff_id.clone())
    }

    fn may_take(&self, agent_id: &Id, team: &Id, needs: &Needs, handoff_id: &Id, now: Timestamp) -> bool {
        let Some(entry) = self.entries.get(handoff_id) else { return false };
        let excluded = |agent_id: &Id| self.excluded(entry, agent_id);
        !excluded(agent_id) && self.roster.meets(agent_id, team, needs, now, &excluded)
    }
}

fn answer(entry: &Entry) -> (Id, u32, u32) {
    (entry.id().clone(), entry.request.revision, entry.number)
}
