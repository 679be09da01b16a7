//! What *decide* asks for.

use crate::entry::{Entry, Place};
use crate::need::{Needs, steps};
use crate::timers::Due;
use crate::{Answers, Assign};
use baton_records::{Id, Request, RequestState};

impl Assign {
    /// Takes the newest snapshot of a handoff.
    pub(crate) fn request(&mut self, request: Request, out: &mut Answers) {
        let known = self.entries.get(&request.handoff_id);
        if known.is_some_and(|entry| entry.request.revision > request.revision) {
            return;
        }
        let entry = self.pick(&request.handoff_id);
        match request.state {
            RequestState::Closed => self.close(entry, &request, out),
            RequestState::Accepted => self.accept(entry, request, out),
            RequestState::Queued => match entry {
                None => self.start(request, out),
                Some(entry) if starts_anew(&entry, &request) => self.restart(entry, request, out),
                Some(entry) => self.renew(entry, request, out),
            },
        }
    }

    fn start(&mut self, request: Request, out: &mut Answers) {
        let cause = request.at;
        let entry = Entry::new(request, self.clock.timer(cause));
        self.start_steps(&entry);
        self.settle(entry, cause, out);
    }

    /// Queues a handoff anew: another team, other needs, or nobody has it any more.
    fn restart(&mut self, mut old: Entry, mut request: Request, out: &mut Answers) {
        let cause = request.at;
        keep_declined(&mut request, &old);
        let holder = self.let_go(&mut old, cause);
        let mut entry = Entry::new(request, self.clock.timer(cause));
        entry.number = old.number;
        entry.shown = old.shown && matches!(old.place, Place::Offered { .. });
        self.start_steps(&entry);
        let stays = |agent_id: &Id| {
            let floor = Needs::of(&entry.request, steps(&entry.request).len());
            let (now, excluded) = (self.clock.at(cause), |id: &Id| entry.request.declined.contains(id));
            old.request.team == entry.request.team
                && !excluded(agent_id)
                && self.roster.meets(agent_id, &entry.request.team, &floor, now, &excluded)
        };
        match (&old.place, holder) {
            (Place::Offered { .. }, Some(agent_id)) if stays(&agent_id) => {
                self.roster.hold(&agent_id, entry.id());
                entry.tried = old.tried.into_iter().filter(|tried| tried.agent_id == agent_id).collect();
                entry.place = Place::Offered { agent_id };
                entry.end = old.end;
                if let Some(end) = entry.end {
                    self.timers.add(end, entry.id(), Due::End);
                }
                self.keep(entry);
            }
            (_, holder) => {
                self.settle(entry, cause, out);
                if let Some(agent_id) = holder {
                    self.fill(&agent_id, cause, out);
                }
            }
        }
    }

    /// Takes a snapshot of a handoff that goes on as it was: its place in the queue, who declined, or new reasons.
    fn renew(&mut self, mut entry: Entry, mut request: Request, out: &mut Answers) {
        let cause = request.at;
        keep_declined(&mut request, &entry);
        if entry.rested && has_new_reasons(&entry.request, &request) {
            entry.rested = false;
            let holder = entry.holder().cloned();
            entry.tried.retain(|tried| Some(&tried.agent_id) == holder.as_ref());
        }
        entry.request = request;
        match entry.place.clone() {
            Place::Offered { agent_id } if entry.request.declined.contains(&agent_id) => {
                self.lose(entry, agent_id, cause, out);
            }
            Place::Waiting | Place::Resting => self.settle(entry, cause, out),
            Place::Offered { .. } | Place::Accepted { .. } | Place::Left => self.keep(entry),
        }
    }

    /// Notes who has accepted, also when the offer had moved on to somebody else.
    fn accept(&mut self, entry: Option<Entry>, request: Request, out: &mut Answers) {
        let (cause, agent_id) = (request.at, request.agent_id.clone());
        let mut before = None;
        let mut next = Entry::new(request, self.clock.timer(cause));
        next.next_step = None;
        if let Some(mut old) = entry {
            before = old.holder().filter(|holder| Some(*holder) != agent_id.as_ref()).cloned();
            next.number = old.number;
            keep_declined(&mut next.request, &old);
            self.stop(&mut old);
            self.stop_steps(&mut old);
        }
        if let Some(agent_id) = &agent_id {
            self.roster.hold(agent_id, next.id());
        }
        let handoff_id = next.id().clone();
        next.place = Place::Accepted { agent_id };
        self.keep(next);
        if let Some(agent_id) = before {
            self.roster.release(&agent_id, &handoff_id, self.clock.at(cause));
            self.fill(&agent_id, cause, out);
        }
    }

    fn close(&mut self, entry: Option<Entry>, request: &Request, out: &mut Answers) {
        let Some(mut entry) = entry else { return };
        self.note_resolved(request);
        if let Some(agent_id) = self.let_go(&mut entry, request.at) {
            self.fill(&agent_id, request.at, out);
        }
    }

    /// Remembers who solved the customer's matter, for subjects by whose families agents are ranked.
    fn note_resolved(&mut self, request: &Request) {
        let (Some(by), Some(terms)) = (&request.resolved_by, &self.terms) else { return };
        if self.roster.agent(by).is_some() {
            for (family, keep) in terms.families_of(request.subject.as_ref()) {
                self.resolved.note(by, family, request.at, keep);
            }
        }
    }

    /// Takes an offer away from its agent, finds another one, and finds the agent something else.
    pub(crate) fn lose(&mut self, mut entry: Entry, agent_id: Id, cause: baton_records::Timestamp, out: &mut Answers) {
        self.stop(&mut entry);
        self.roster.release(&agent_id, entry.id(), self.clock.at(cause));
        entry.place = Place::Waiting;
        self.settle(entry, cause, out);
        self.fill(&agent_id, cause, out);
    }

    /// Stops all timers of a handoff and releases who holds it.
    fn let_go(&mut self, entry: &mut Entry, cause: baton_records::Timestamp) -> Option<Id> {
        let end = entry.end;
        self.stop(entry);
        entry.end = end;
        self.stop_steps(entry);
        let holder = entry.holder().cloned();
        if let Some(agent_id) = &holder {
            self.roster.release(agent_id, entry.id(), self.clock.at(cause));
        }
        holder
    }

    fn start_steps(&mut self, entry: &Entry) {
        if let Some(timer) = entry.next_step {
            self.timers.add(timer, entry.id(), Due::Step);
        }
    }

    fn stop_steps(&mut self, entry: &mut Entry) {
        if let Some(timer) = entry.next_step.take() {
            self.timers.remove(timer, entry.id(), Due::Step);
        }
    }
}

fn starts_anew(entry: &Entry, request: &Request) -> bool {
    let old = &entry.request;
    matches!(entry.place, Place::Accepted { .. })
        || old.team != request.team
        || old.requirements != request.requirements
        || old.industry != request.industry
}

/// Tells whether a snapshot comes of a change of reasons, and not of a deadline, an offer or a refusal.
fn has_new_reasons(old: &Request, new: &Request) -> bool {
    let plain = old.sla == new.sla && old.agent_id == new.agent_id && old.declined == new.declined;
    old.priority != new.priority || (old.revision < new.revision && plain)
}

/// Who refused a handoff is never offered it again, whatever a later snapshot says.
fn keep_declined(request: &mut Request, old: &Entry) {
    for agent_id in &old.request.declined {
        if !request.declined.contains(agent_id) {
            request.declined.push(agent_id.clone());
        }
    }
}
