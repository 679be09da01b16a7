//! What the contact center reports, in every state of a handoff.

use crate::approval::{self, Grant};
use crate::decisions::Judgement;
use crate::episode::{Episode, NAMES};
use crate::priority::millis;
use crate::step::{Place, Step};
use baton_records::{
    AgentChoice, CloseReason, External, Id, IgnoredReason, Lifecycle, LifecycleType as Type, Outcome, Reason, Received,
    Rejection, RequestState, Source, Stage, Status, Why, ids,
};
use baton_stream::{Counted, wire};

/// Reports about one handoff that are remembered.
const REPORTS: usize = 32;

/// Which handoff a report is about.
enum Target {
    /// An open one.
    Open(Place),
    /// One that is over: closed when.
    Closed(Id, i64),
    /// None is needed.
    Nobody,
}

/// What a report did.
enum Done {
    /// A revision was written, or the handoff closed.
    Revised,
    /// It was taken without one.
    Taken,
    /// It changed nothing, for this reason.
    Ignored(Why),
}

impl Step<'_> {
    /// Takes a report; one that cannot be goes to dead letters as it was received.
    pub(crate) fn lifecycle(&mut self, report: &Lifecycle, teams: &[Id], received: &Received, source: &Source) {
        if let Err(rejection) = self.try_lifecycle(report, teams, received) {
            self.out.count(Counted::DeadLetter(rejection.reason));
            let letter = wire::dead_letter_received(received, source, self.trace.as_ref(), &rejection, "router");
            self.out.write(letter);
        }
    }

    fn try_lifecycle(&mut self, report: &Lifecycle, teams: &[Id], received: &Received) -> Result<(), Rejection> {
        let target = self.target(report)?;
        let kind = report.lifecycle_type;
        let any_state = matches!(kind, Type::Rated | Type::Judged | Type::Linked);
        let mut judgement = Judgement::new(Id::default());
        let done = match target {
            Target::Nobody => Done::Taken,
            Target::Closed(handoff, at) => {
                let known = self.rules.policy.limits.closed_known_for;
                if !any_state {
                    let forgotten = self.arrival > at.saturating_add_unsigned(millis(known));
                    return Err(if forgotten { unknown("handoff_id") } else { invalid() });
                }
                self.link_closed(&handoff, report.external.as_ref().filter(|_| kind == Type::Linked));
                judgement.handoff_id = Some(handoff);
                Done::Taken
            }
            Target::Open(place) => {
                if !any_state {
                    self.fire_before_arrival(&place);
                }
                let Some(mut episode) = self.take(&place) else { return Err(invalid()) };
                if !self.fits(&episode, kind) {
                    self.put(place, episode);
                    return Err(invalid());
                }
                if is_repeat(&mut episode, &received.value) {
                    self.put(place, episode);
                    self.out.count(Counted::Ignored(IgnoredReason::Duplicate));
                    return Ok(());
                }
                judgement.conversation = episode.conversation.clone();
                judgement.handoff_id = Some(episode.handoff_id.clone());
                match self.act(&mut episode, report, teams) {
                    (done, None) => {
                        self.put(place, episode);
                        done
                    }
                    (_, Some((status, reason))) => {
                        self.close(episode, status, reason, self.arrival);
                        Done::Revised
                    }
                }
            }
        };
        match done {
            Done::Revised => judgement.say(Outcome::Updated, Why::Fired),
            Done::Taken => {}
            Done::Ignored(why) => judgement.say(Outcome::None, why),
        }
        self.decide(judgement, None, report.at.millis(), &received.value);
        Ok(())
    }

    /// Finds the handoff that a report names.
    fn target(&self, report: &Lifecycle) -> Result<Target, Rejection> {
        if report.lifecycle_type == Type::Judged && report.handoff_id.is_none() && report.external.is_none() {
            return Ok(Target::Nobody);
        }
        let linked = report.lifecycle_type == Type::Linked;
        if let Some(id) = &report.handoff_id {
            let open = self.open_places().find(|(_, e)| e.handoff_id == *id).map(|(place, _)| place.clone());
            return self.or_closed(open, Some(id), None).ok_or_else(|| unknown("handoff_id"));
        }
        if let Some(external) = report.external.as_ref().filter(|_| !linked) {
            let named = |e: &Episode| e.external.as_ref() == Some(external);
            let open = self.open_places().find(|(_, e)| named(e)).map(|(place, _)| place.clone());
            return self.or_closed(open, None, Some(external)).ok_or_else(|| unknown("external"));
        }
        let mut open = self.open_places().map(|(place, _)| place.clone());
        match (open.next(), open.next()) {
            (Some(only), None) => Ok(Target::Open(only)),
            _ => Err(unknown("account_id")),
        }
    }

    fn or_closed(&self, open: Option<Place>, id: Option<&Id>, external: Option<&External>) -> Option<Target> {
        if let Some(place) = open {
            return Some(Target::Open(place));
        }
        let from = (self.account.clone(), Id::default());
        let mut closed = self.state.closed.range(from..).take_while(|(k, _)| k.0 == self.account);
        let same =
            |key: &Id, of: Option<&External>| id.map_or_else(|| of == external && external.is_some(), |id| key == id);
        let (key, closed) = closed.find(|(k, c)| same(&k.1, c.external.as_ref()))?;
        Some(Target::Closed(key.1.clone(), closed.at))
    }

    fn link_closed(&mut self, handoff: &Id, external: Option<&External>) {
        if let Some(external) = external {
            let key = (self.account.clone(), handoff.clone());
            self.state.closed.update(&key, |c| c.external = Some(external.clone()));
        }
    }

    /// Tells whether a report fits an open handoff's state.
    fn fits(&self, episode: &Episode, kind: Type) -> bool {
        episode.taken
            || self.rules.is_external(&episode.team)
            || !matches!(kind, Type::FirstResponse | Type::Resolved | Type::Transferred | Type::Returned)
    }

    /// Does what a report says; a closing is returned rather than done.
    fn act(
        &mut self,
        episode: &mut Episode,
        report: &Lifecycle,
        teams: &[Id],
    ) -> (Done, Option<(Status, CloseReason)>) {
        let closing = |reason| (Done::Revised, Some((Status::Closed, reason)));
        let done = match report.lifecycle_type {
            Type::Offered => self.offered(episode, report),
            Type::Accepted => self.accepted(episode, report, teams),
            Type::Declined => self.declined(episode, report),
            Type::FirstResponse => {
                let first = episode.clocks.responded.map_or(self.arrival, |r| r.min(self.arrival));
                episode.clocks.responded = Some(first);
                Done::Taken
            }
            Type::Transferred => self.transferred(episode, report, teams),
            Type::Returned => self.returned(episode),
            Type::Linked => {
                episode.external = report.external.clone();
                Done::Taken
            }
            Type::Rated | Type::Judged => Done::Taken,
            Type::Confirmed => match self.learn(episode, false) {
                true => Done::Taken,
                false => Done::Ignored(Why::NoRule),
            },
            Type::Dismissed => {
                self.learn(episode, true);
                return closing(CloseReason::Dismissed);
            }
            Type::Resolved => {
                let holder = episode.agent.as_ref().map(|agent| &agent.agent_id);
                let by = report.agent_id.as_ref().or(holder).filter(|_| report.resolved == Some(true));
                episode.resolved_by = by.cloned();
                return closing(CloseReason::Resolved);
            }
            Type::Abandoned => return closing(CloseReason::Abandoned),
            Type::ApprovalGranted => {
                match approval::grant(episode, report.digest.as_ref(), report.agent_id.as_ref(), teams) {
                    Grant::WrongDigest => Done::Ignored(Why::WrongDigest),
                    Grant::NotAnApprover => Done::Ignored(Why::NotAnApprover),
                    Grant::Waits => Done::Taken,
                    Grant::Complete => self.revised(episode, Status::Approved),
                }
            }
            Type::ApprovalDenied => match approval::may_deny(episode, report.digest.as_ref(), teams) {
                Grant::WrongDigest => Done::Ignored(Why::WrongDigest),
                Grant::NotAnApprover => Done::Ignored(Why::NotAnApprover),
                _ => return (Done::Revised, Some((Status::Denied, CloseReason::Denied))),
            },
        };
        (done, None)
    }

    fn revised(&mut self, episode: &mut Episode, status: Status) -> Done {
        self.revise(episode, status, self.arrival);
        Done::Revised
    }

    fn offered(&mut self, episode: &mut Episode, report: &Lifecycle) -> Done {
        let Some(agent) = &report.agent_id else { return Done::Taken };
        let same = episode.agent.as_ref().is_some_and(|a| a.agent_id == *agent);
        if episode.accepted || same || episode.declined.contains(agent) {
            return Done::Ignored(Why::NoRule);
        }
        episode.agent =
            Some(AgentChoice { agent_id: agent.clone(), why: vec![Id::new_static("offered by the contact center")] });
        self.revised(episode, Status::Assigned)
    }

    fn accepted(&mut self, episode: &mut Episode, report: &Lifecycle, teams: &[Id]) -> Done {
        let declined = report.agent_id.as_ref().is_some_and(|a| episode.declined.contains(a));
        if episode.accepted || declined {
            return Done::Ignored(Why::NoRule);
        }
        episode.accepted = true;
        episode.taken = true;
        episode.returned = false;
        if let Some(agent) = &report.agent_id
            && episode.agent.as_ref().is_none_or(|a| a.agent_id != *agent)
        {
            episode.agent = Some(AgentChoice { agent_id: agent.clone(), why: vec![Id::new_static("accepted it")] });
            follow(episode, teams);
        }
        self.own_epoch(episode);
        self.revised(episode, Status::Updated)
    }

    fn declined(&mut self, episode: &mut Episode, report: &Lifecycle) -> Done {
        let Some(agent) = &report.agent_id else { return Done::Taken };
        let holds = episode.agent.as_ref().is_some_and(|a| a.agent_id == *agent);
        if episode.accepted && holds || episode.declined.contains(agent) || episode.declined.len() >= NAMES {
            return Done::Ignored(Why::NoRule);
        }
        episode.declined.push(agent.clone());
        if holds {
            // No revision: the next offer, or that there is none, is *assign*'s to say.
            episode.agent = None;
        }
        let state = if episode.accepted { RequestState::Accepted } else { RequestState::Queued };
        self.request(episode, state);
        Done::Taken
    }

    fn transferred(&mut self, episode: &mut Episode, report: &Lifecycle, teams: &[Id]) -> Done {
        // *assign* forgot it when it was returned, and numbers its answers anew.
        if std::mem::take(&mut episode.returned) {
            episode.answered = 0;
        }
        if let Some(team) = report.team.as_ref().filter(|t| self.rules.policy.teams.contains_key(*t)) {
            episode.team = team.clone();
            episode.routed = Some(team.clone());
        }
        match &report.agent_id {
            Some(agent) => {
                let why = vec![Id::new_static("passed on by a human")];
                episode.agent = Some(AgentChoice { agent_id: agent.clone(), why });
                episode.accepted = true;
                if report.team.is_none() {
                    follow(episode, teams);
                }
            }
            None => {
                episode.agent = None;
                episode.accepted = false;
                episode.queued_revision = episode.revision + 1;
            }
        }
        episode.overflow = None;
        self.own_epoch(episode);
        self.revised(episode, Status::Updated)
    }

    fn returned(&mut self, episode: &mut Episode) -> Done {
        if !episode.accepted {
            return Done::Ignored(Why::NoRule);
        }
        episode.accepted = false;
        episode.agent = None;
        episode.returned = true;
        // The human's part is over: the stage starts again from the least that a reason asks for.
        episode.stage = episode.reasons.iter().map(|r| r.stage).min().unwrap_or(Stage::Observe);
        self.own_epoch(episode);
        self.revised(episode, Status::Updated)
    }
}

/// Tells whether the same report came before, and remembers it. A contact center may send it twice; taken again it would
/// undo what came between.
fn is_repeat(episode: &mut Episode, received: &str) -> bool {
    let [a, b, c, d, e, f, g, h, ..] = ids::hash128(&["report", received]);
    let hash = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    if episode.reports.contains(&hash) {
        return true;
    }
    episode.reports.push(hash);
    let over = episode.reports.len().saturating_sub(REPORTS);
    episode.reports.drain(..over);
    false
}

/// The team becomes the agent's first, unless the handoff's is among theirs.
fn follow(episode: &mut Episode, teams: &[Id]) {
    if let Some(first) = teams.first().filter(|_| !teams.contains(&episode.team)) {
        episode.team = first.clone();
        episode.routed = Some(first.clone());
    }
}

fn unknown(field: &'static str) -> Rejection {
    Rejection::new(Reason::UnknownHandoff, Id::new_static(field))
}

fn invalid() -> Rejection {
    Rejection::new(Reason::InvalidTransition, Id::new_static("type"))
}
