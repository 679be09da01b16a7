//! What is kept of an account's events: the newest messages and the newest of everything else, each by when it happened,
//! and apart from them what may still be evidence.

use crate::episode::Evidence;
use crate::fact::FactEntry;
use crate::state::{At, FactGroup, FactKey, State, ordered};
use baton_records::{Actor, Event, Id, ids};
use baton_stream::Packed;

const OTHER: u8 = 0;
const MESSAGE: u8 = 1;
/// What is evidence stands apart, so that nothing else drives it out: events that detectors count, messages with cues,
/// questions that wait for the account's record, and what came when its class was full of newer ones.
const OTHER_EVIDENCE: u8 = 2;
const MESSAGE_EVIDENCE: u8 = 3;

const ALL: [u8; 4] = [OTHER, MESSAGE, OTHER_EVIDENCE, MESSAGE_EVIDENCE];

/// Facts that are kept of an account, by class: a dossier's 40 messages or a reason's 50 events, and what may come within
/// the lateness bound.
const ROOM: [usize; 4] = [48, 48, 56, 48];

/// Tells whether an event is a message or a call rather than something that a system reports.
pub(crate) fn is_message(event_type: &str) -> bool {
    event_type.starts_with("message") || event_type == "call"
}

/// Returns the classes of events of a type: of all, and of those that may be evidence.
fn classes(event_type: &str) -> (u8, u8) {
    if is_message(event_type) { (MESSAGE, MESSAGE_EVIDENCE) } else { (OTHER, OTHER_EVIDENCE) }
}

/// Tells whether a person of the account says something with this event.
pub(crate) fn is_customer_message(event: &Event) -> bool {
    matches!(event.actor, None | Some(Actor::Customer))
        && matches!(event.event_type.as_str(), "message" | "call" | "ticket.opened")
}

/// An event by what makes it one: its id within its source topic.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    event_id: Id,
    topic: [u8; 4],
}

impl Named {
    pub(crate) fn new(event_id: &Id, topic: &str) -> Self {
        let [a, b, c, d, ..] = ids::hash128(&["topic", topic]);
        Self { event_id: event_id.clone(), topic: [a, b, c, d] }
    }
}

fn key(at: i64, named: Named) -> FactKey {
    (ordered(at), named.event_id, named.topic)
}

/// Makes the fact that an event is, judged where it happened and evidence of nothing yet.
pub(crate) fn entry(event: &Event, conversation: Option<&Id>, as_of: i64, arrival: i64) -> FactEntry {
    let feature = (event.event_type == "feature.used")
        .then(|| event.attributes.get("feature").and_then(|f| f.as_str()).map(Id::from))
        .flatten();
    FactEntry {
        text: event.fact_text(),
        source: event.channel,
        as_of,
        arrival,
        customer: is_customer_message(event),
        conversation: conversation.cloned(),
        contact: event.contact_id.clone(),
        feature,
        judged: None,
        evidence: false,
    }
}

/// Keeps a fact, and drops the oldest of its class when there are too many. What is judged now (all but history) is never
/// dropped at once, however old it is.
pub(crate) fn keep(state: &mut State, account: &Id, event: (&Event, Named), fact: &FactEntry, history: bool) {
    let (event, named) = event;
    let (plain, apart) = classes(&event.event_type);
    if fact.evidence {
        return keep_apart(state, account, apart, named, fact);
    }
    let group = (account.clone(), plain);
    let new = key(fact.as_of, named);
    state.facts.put(&group, new.clone(), Packed::new(fact));
    let Some(oldest) = too_many(state, &group, None) else { return };
    let Some(gone) = state.facts.remove(&group, &oldest) else { return };
    let judged_now = oldest == new && !history;
    if !judged_now && state.questions.is_empty() {
        return;
    }
    let Some(fact) = gone.get() else { return };
    let waits = (account.clone(), ordered(fact.judged_at()), oldest.1.clone());
    if judged_now || state.questions.get(&waits).is_some() {
        keep_apart(state, account, apart, Named { event_id: oldest.1, topic: oldest.2 }, &fact);
    }
}

fn keep_apart(state: &mut State, account: &Id, class: u8, named: Named, fact: &FactEntry) {
    let group = (account.clone(), class);
    let new = key(fact.judged_at(), named);
    state.facts.put(&group, new.clone(), Packed::new(fact));
    if let Some(oldest) = too_many(state, &group, Some(&new)) {
        state.facts.remove(&group, &oldest);
    }
}

/// Returns the oldest fact, but for the new one, of a class that has too many.
fn too_many(state: &State, group: &FactGroup, new: Option<&FactKey>) -> Option<FactKey> {
    let room = ROOM.get(usize::from(group.1)).copied().unwrap_or_default();
    let mut facts = state.facts.group(group);
    if facts.len() <= room {
        return None;
    }
    facts.find(|(key, _)| Some(*key) != new).map(|(key, _)| key.clone())
}

type Kept<'s> = (&'s FactKey, &'s Packed<FactEntry>);

/// Returns the account's facts of these classes, each oldest first; evidence by when it was judged.
fn of_classes<'s, const N: usize>(state: &'s State, account: &Id, classes: [u8; N]) -> impl Iterator<Item = Kept<'s>> {
    let groups = classes.map(|class| state.facts.group(&(account.clone(), class)));
    groups.into_iter().flatten()
}

/// Returns the account's messages, newest first.
pub(crate) fn messages(state: &State, account: &Id) -> Vec<(At, FactEntry)> {
    newest(of_classes(state, account, [MESSAGE, MESSAGE_EVIDENCE]))
}

/// Returns everything else, newest first.
pub(crate) fn others(state: &State, account: &Id) -> Vec<(At, FactEntry)> {
    newest(of_classes(state, account, [OTHER, OTHER_EVIDENCE]))
}

fn newest<'s>(facts: impl Iterator<Item = Kept<'s>>) -> Vec<(At, FactEntry)> {
    let unpacked = |(key, fact): Kept<'_>| fact.get().map(|fact| ((fact.as_of, key.1.clone()), fact));
    let mut all: Vec<_> = facts.filter_map(unpacked).collect();
    all.sort_by(|(a, _), (b, _)| b.cmp(a));
    all
}

/// Returns the fact of an event that is evidence: what was judged at that moment.
pub(crate) fn of_evidence(state: &State, account: &Id, evidence: &Evidence) -> Option<FactEntry> {
    let (at, event_id) = &evidence.at;
    let all = of_classes(state, account, ALL).filter(|(key, _)| key.1 == *event_id).filter_map(|(_, fact)| fact.get());
    // Of two topics' events with one id and moment the one that was said by who said the evidence.
    all.filter(|fact| fact.is_at(*at)).max_by_key(|fact| fact.customer == evidence.customer)
}

/// Returns the newest fact of an event that a detector has counted, of this topic if there is one.
pub(crate) fn counted(
    state: &State,
    account: &Id,
    event_type: &str,
    event_id: &Id,
    topic: Option<&str>,
) -> Option<(At, FactEntry)> {
    let named = topic.map(|topic| Named::new(event_id, topic).topic);
    let all = of_classes(state, account, [classes(event_type).1]).filter(|(key, _)| key.1 == *event_id);
    let all = all.filter_map(|(key, fact)| Some((key, fact.get()?)));
    let (key, fact) = all.max_by_key(|(key, fact)| (named.is_some_and(|topic| key.2 == topic), fact.as_of))?;
    Some(((fact.as_of, key.1.clone()), fact))
}

/// Drops the account's facts, or those of one contact.
pub(crate) fn erase(state: &mut State, account: &Id, contact: Option<&Id>) {
    let of_contact = |fact: &Packed<FactEntry>| fact.get().is_none_or(|fact| fact.contact.as_ref() == contact);
    for class in ALL {
        let group = (account.clone(), class);
        let facts = state.facts.group(&group).filter(|(_, fact)| contact.is_none() || of_contact(fact));
        let gone: Vec<FactKey> = facts.map(|(key, _)| key.clone()).collect();
        for key in &gone {
            state.facts.remove(&group, key);
        }
    }
}

#[cfg(test)]
pub(crate) const MOST: usize = ROOM[0] + ROOM[1] + ROOM[2] + ROOM[3];
