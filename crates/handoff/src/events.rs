//! An event on its way: kept as a fact, put into its conversation, judged by the rules that look at it, decided.

use crate::conversation::{effective, make_room};
use crate::decisions::Judgement;
use crate::episode::Finding;
use crate::facts::{self, is_customer_message, is_message};
use crate::knowledge::{is_answer, is_draft};
use crate::priority::{is_demand, millis};
use crate::state::{Answer, At, Face, Hit, Turn};
use crate::step::{Place, Step};
use baton_policy::Mode;
use baton_records::{Account, Actor, Dossier, Event, Gate, Id, Signal, SignalKind, Status, Why};
use baton_stream::Counted;
use std::sync::Arc;

/// An event's place in the order of what happened.
struct Placed {
    at: At,
    /// Behind the lateness bound.
    late: bool,
}

/// An event in its conversation, with what scorer and detector said of it.
#[derive(Clone, Copy)]
struct Heard<'e> {
    event: &'e Event,
    topic: &'e Id,
    conversation: &'e Id,
    placed: &'e Placed,
    /// Its place among the conversation's customer turns.
    turn: Option<usize>,
    hits: &'e [Hit],
    signals: &'e [Signal],
}

/// Tells whether a human of the company answers the customer with an event.
fn is_human_answer(event: &Event) -> bool {
    event.actor == Some(Actor::HumanAgent) && matches!(event.event_type.as_str(), "message" | "call")
}

impl<'a> Step<'a> {
    /// Takes an event with what scorer and detector said of it.
    pub(crate) fn event(
        &mut self,
        event: &Event,
        conversation: Option<&Id>,
        history: bool,
        topic: &Id,
        signals: &[Signal],
    ) {
        if event.event_type == "erasure" {
            return self.erase(event);
        }
        let conversation = self.keep_own(event, conversation);
        let key = conversation.cloned().unwrap_or_default();
        let placed = self.place_event(event);
        let said = (effective(event.occurred_at, self.now()), event.event_id.clone());
        let (counted, hits) = (self.is_counted(event), crate::cues::hits(signals));
        let mut fact = facts::entry(event, conversation, said.0, self.arrival);
        fact.judged = placed.late.then_some(placed.at.0);
        fact.evidence = counted || !hits.is_empty();
        let named = facts::Named::new(&event.event_id, topic);
        facts::keep(self.state, &self.account, (event, named), &fact, history);
        let mut judgement = Judgement::new(key.clone());
        judgement.matters = counted || is_customer_message(event) || is_answer(event) || event.event_type == "request";
        if history {
            judgement.silence(Why::History);
        } else {
            let turn = self.converse(&key, event, &placed, &hits);
            if is_human_answer(event) {
                self.answered(&key, placed.at.0);
            }
            let heard = Heard { event, topic, conversation: &key, placed: &placed, turn, hits: &hits, signals };
            self.judge(heard, &mut judgement);
            self.apply(conversation, self.arrival, &mut judgement);
            if !placed.late {
                self.refresh(&said);
            }
        }
        if judgement.matters || !judgement.rules.is_empty() {
            let cause = format!("{topic}/{}", event.event_id);
            self.decide(judgement, Some(&event.event_id), self.arrival, &cause);
        }
    }

    /// Returns an event's conversation: that of its own name while a handoff of that is open, though a contact has joined it
    /// to another one. What humans answer there counts for the handoff too, and its rules will be quiet there.
    fn keep_own<'e>(&mut self, event: &'e Event, joined: Option<&'e Id>) -> Option<&'e Id> {
        let Some((own, other)) = event.conversation_id.as_ref().zip(joined).filter(|(own, other)| own != other) else {
            return joined;
        };
        let place = (self.account.clone(), own.clone());
        let Some(episode) = self.state.open.get(&place) else { return joined };
        if !episode.joined.contains(other) {
            self.state.open.update(&place, |episode| episode.join(other));
        }
        Some(own)
    }

    fn now(&self) -> baton_records::Timestamp {
        baton_records::Timestamp::from_millis(self.arrival)
    }

    /// Finds an event's place: within the lateness bound where it happened, behind it as the newest.
    fn place_event(&mut self, event: &Event) -> Placed {
        let said = effective(event.occurred_at, self.now());
        let bound = millis(self.rules.policy.limits.lateness);
        let channel = event.channel;
        let highest = self.state.activity.update_or_default(&self.account, |a| {
            let known = a.sources.entry(channel).or_insert((i64::MIN, i64::MIN));
            if said > known.0 {
                *known = (said, known.0);
            } else if said > known.1 && said < known.0 {
                known.1 = said;
            }
            let before = a.highest;
            a.highest = before.max(said);
            before
        });
        let late = said < highest.saturating_sub_unsigned(bound);
        if late {
            self.out.count(Counted::Late);
        }
        let at = if late { highest.saturating_add(1) } else { said };
        Placed { at: (at, event.event_id.clone()), late }
    }

    /// Puts an event into its conversation; a customer message's place among the turns is returned.
    fn converse(&mut self, conversation: &Id, event: &Event, placed: &Placed, hits: &[Hit]) -> Option<usize> {
        let customer = is_customer_message(event);
        if !is_message(&event.event_type) && !customer && event.subject.is_none() {
            return None;
        }
        make_room(self.state, &self.account, conversation);
        let settled = self.state.activity.get(&self.account).map_or(i64::MIN, |a| a.highest);
        let settled = settled.saturating_sub_unsigned(millis(self.rules.policy.limits.lateness));
        let (window, gradual, floor) = (self.rules.window, &self.rules.gradual, self.rules.subject_floor);
        let answer = is_human_answer(event).then_some(Answer { at: placed.at.0, arrival: self.arrival, ended: None });
        let key = (self.account.clone(), conversation.clone());
        self.state.conversations.update_or_default(&key, |c| {
            c.last = c.last.max(placed.at.0);
            c.take_subject(&placed.at, event, settled, floor);
            if let Some(answer) = answer {
                c.take_answer(answer);
            }
            if !customer {
                return None;
            }
            c.trim(settled, window);
            let face = Face {
                channel: Some(event.channel),
                contact: event.contact_id.clone(),
                language: event.text.as_deref().and_then(baton_language::language).map(Id::new_static),
                identities: event.identities.iter().map(|(t, value)| (t.clone(), value.clone())).collect(),
            };
            c.take_gradual(&placed.at, hits, gradual);
            let face = c.shared(face);
            Some(c.take_turn(Turn { at: placed.at.clone(), hits: hits.to_vec(), face }))
        })
    }

    /// Lets every rule look that looks at this kind of event.
    fn judge(&mut self, heard: Heard<'_>, judgement: &mut Judgement<'a>) {
        let Heard { event, topic, conversation, placed, turn, hits, signals } = heard;
        let record = self.record();
        let seen = self.seen(conversation, &placed.at);
        let turns = seen.turns;
        let facts = seen.facts(&record, event);
        if let Some(place) = turn {
            judgement.turn = Some(turns);
            self.judge_cues(conversation, place, signals, facts, judgement);
        }
        let waits = self.judge_priority(conversation, &placed.at, hits, facts, false, judgement);
        if waits && is_demand(event) {
            self.keep_question(conversation, &placed.at, hits, event);
        }
        if is_answer(event) && placed.late && !is_draft(event) {
            // What was decided before it stands; a draft still waits for its gate.
            judgement.silence(Why::Late);
        } else if is_answer(event) {
            self.judge_answer(conversation, &placed.at, event, signals, facts, judgement);
        }
        self.judge_skill(conversation, &placed.at, facts, judgement);
        if event.subject.is_some() && !placed.late {
            self.judge_overtaken(conversation, &placed.at, &record, judgement);
        }
        self.judge_gradual(conversation, &placed.at, turn.is_some(), facts, judgement);
        if is_draft(event) {
            let gate = judgement.gate.unwrap_or(Gate::Send);
            judgement.customer_notice = if gate == Gate::Hold { self.notice(conversation, &placed.at) } else { None };
            judgement.gate = Some(gate);
        } else {
            judgement.gate = None;
        }
        if let Some(request) = event.request.as_ref().filter(|_| event.event_type == "request") {
            self.judge_request(conversation, &placed.at, request, facts, judgement);
        }
        for signal in signals.iter().filter(|s| matches!(s.kind, SignalKind::Anomaly | SignalKind::Absence)) {
            self.judge_anomaly(signal, Some(topic), judgement);
        }
    }

    /// Keeps what a rule found, unless the rule is in shadow or cools down.
    pub(crate) fn found(&self, conversation: &Id, finding: Finding<'a>, judgement: &mut Judgement<'a>) {
        if finding.rule.mode != Mode::Live {
            return judgement.silence(Why::Shadow);
        }
        let key = (self.account.clone(), conversation.clone(), finding.name.clone());
        if self.state.quiet.get(&key).is_some_and(|q| q.until > self.arrival) {
            return judgement.silence(Why::CoolDown);
        }
        judgement.findings.push(finding);
    }

    /// Forgets what the account, or one contact of it, said and did.
    fn erase(&mut self, event: &Event) {
        let contact = event.contact_id.as_ref();
        facts::erase(self.state, &self.account, contact);
        let from = (self.account.clone(), Id::default());
        let conversations: Vec<Place> = self
            .state
            .conversations
            .range(from..)
            .take_while(|(k, _)| k.0 == self.account)
            .map(|(k, _)| k.clone())
            .collect();
        let open: Vec<Place> = self.open_places().map(|(place, _)| place.clone()).collect();
        let concerned: Vec<bool> = open.iter().map(|place| self.erase_pins(place, contact)).collect();
        for key in &conversations {
            self.state.conversations.update(key, |c| c.erase(contact));
        }
        self.forget_questions(|q| contact.is_none() || q.event.contact_id.as_ref() == contact);
        if contact.is_none() {
            self.state.activity.update(&self.account, |a| a.sources.clear());
        }
        for (place, _) in open.into_iter().zip(concerned).filter(|(_, concerned)| *concerned) {
            let Some(mut episode) = self.take(&place) else { continue };
            episode.erased = true;
            self.write(&mut episode, Status::Updated, self.arrival, None, Dossier::default());
            self.put(place, episode);
        }
    }

    /// Drops pinned facts; tells whether the handoff says anything of the contact.
    fn erase_pins(&mut self, place: &Place, contact: Option<&Id>) -> bool {
        let Some(episode) = self.state.open.get(place) else { return false };
        let face = |c: &Id| self.conversation(c).is_some_and(|c| c.face(&episode.cut).contact.as_ref() == contact);
        let concerned = contact.is_none() || episode.joined.iter().any(face);
        let handoff = episode.handoff_id.clone();
        let pins = self.state.pinned.range((handoff.clone(), 0, Id::default())..).take_while(|(k, _)| k.0 == handoff);
        let gone: Vec<_> = pins
            .filter(|(_, fact)| contact.is_none() || fact.contact.as_ref() == contact)
            .map(|(k, _)| k.clone())
            .collect();
        for key in &gone {
            self.state.pinned.remove(key);
        }
        concerned || !gone.is_empty()
    }

    /// Takes the account's new record, or its end.
    pub(crate) fn account_record(&mut self, account: Option<&Account>) {
        match account {
            Some(account) => {
                self.state.accounts.put(self.account.clone(), Arc::new(account.clone()));
                self.judge_record();
            }
            None => {
                self.state.accounts.remove(&self.account);
                facts::erase(self.state, &self.account, None);
            }
        }
    }
}
