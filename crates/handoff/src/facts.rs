//! What is kept of an account's events: the newest messages and the newest of everything else, each by when it happened,
//! and apart from them what may still be evidence.

use crate::state::{At, FactEntry, FactKey, State, ordered};
use baton_records::{Actor, Event, Id};

const OTHER: u8 = 0;
const MESSAGE: u8 = 1;
/// What is evidence stands apart, so that nothing else drives it out: events that detectors count, messages with cues,
/// questions that wait for the account's record, and what came when its class was full of newer ones.
const OTHER_EVIDENCE: u8 = 2;
const MESSAGE_EVIDENCE: u8 = 3;

/// Facts that are kept of an account, by class: a dossier's 40 messages or a reason's 50 events, and what may come within
/// the lateness bound.
const ROOM: [usize; 4] = [48, 48, 56, 48];

/// Tells whether an event is a message or a call rather than something that a system reports.
pub(crate) fn is_message(event: &Event) -> bool {
    event.event_type.starts_with("message") || event.event_type == "call"
}

/// Tells whether a person of the account says something with this event.
pub(crate) fn is_customer_message(event: &Event) -> bool {
    matches!(event.actor, None | Some(Actor::Customer))
        && matches!(event.event_type.as_str(), "message" | "call" | "ticket.opened")
}

fn key(account: &Id, class: u8, at: &At) -> FactKey {
    let mut bytes = [class; 9];
    if let Some((_, time)) = bytes.split_first_mut() {
        time.copy_from_slice(&ordered(at.0).to_be_bytes());
    }
    (account.clone(), bytes, at.1.clone())
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
pub(crate) fn keep(state: &mut State, account: &Id, event: &Event, fact: FactEntry, history: bool) {
    let (plain, apart) = if is_message(event) { (MESSAGE, MESSAGE_EVIDENCE) } else { (OTHER, OTHER_EVIDENCE) };
    if fact.evidence {
        return keep_apart(state, account, apart, &event.event_id, fact);
    }
    let new = key(account, plain, &(fact.as_of, event.event_id.clone()));
    state.facts.put(new.clone(), fact);
    let Some(oldest) = too_many(state, account, plain, None) else { return };
    let Some(fact) = state.facts.remove(&oldest) else { return };
    let waits = (account.clone(), ordered(fact.judged_at()), oldest.2.clone());
    if (oldest == new && !history) || state.questions.get(&waits).is_some() {
        keep_apart(state, account, apart, &oldest.2, fact);
    }
}

fn keep_apart(state: &mut State, account: &Id, class: u8, event_id: &Id, fact: FactEntry) {
    let new = key(account, class, &(fact.judged_at(), event_id.clone()));
    state.facts.put(new.clone(), fact);
    if let Some(oldest) = too_many(state, account, class, Some(&new)) {
        state.facts.remove(&oldest);
    }
}

/// Returns the oldest fact, but for the new one, of a class that has too many.
fn too_many(state: &State, account: &Id, of: u8, new: Option<&FactKey>) -> Option<FactKey> {
    let (mut count, mut oldest) = (0, None);
    for (key, _) in class(state, account, of) {
        oldest = oldest.or(Some(key).filter(|key| Some(*key) != new));
        count += 1;
    }
    let room = ROOM.get(usize::from(of)).copied().unwrap_or_default();
    oldest.filter(|_| count > room).cloned()
}

const fn floor(class: u8) -> [u8; 9] {
    let mut bytes = [0; 9];
    bytes[0] = class;
    bytes
}

/// Returns the account's facts of one class, oldest first; evidence by when it was judged.
fn class<'s>(
    state: &'s State,
    account: &Id,
    class: u8,
) -> impl DoubleEndedIterator<Item = (&'s FactKey, &'s FactEntry)> {
    let from = (account.clone(), floor(class), Id::default());
    let to = (account.clone(), floor(class + 1), Id::default());
    state.facts.range(from..to)
}

/// Returns the account's messages, newest first.
pub(crate) fn messages<'s>(state: &'s State, account: &Id) -> Vec<(At, &'s FactEntry)> {
    newest(state, account, [MESSAGE, MESSAGE_EVIDENCE])
}

/// Returns everything else, newest first.
pub(crate) fn others<'s>(state: &'s State, account: &Id) -> Vec<(At, &'s FactEntry)> {
    newest(state, account, [OTHER, OTHER_EVIDENCE])
}

fn newest<'s>(state: &'s State, account: &Id, classes: [u8; 2]) -> Vec<(At, &'s FactEntry)> {
    let all = classes.iter().flat_map(|of| class(state, account, *of));
    let mut all: Vec<_> = all.map(|(key, fact)| ((fact.as_of, key.2.clone()), fact)).collect();
    all.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
    all
}

/// Returns the newest fact of an event.
pub(crate) fn of_event(state: &State, account: &Id, event_id: &str) -> Option<(At, FactEntry)> {
    let found =
        |(key, fact): (&FactKey, &FactEntry)| (key.2 == event_id).then(|| ((fact.as_of, key.2.clone()), fact.clone()));
    [OTHER_EVIDENCE, OTHER, MESSAGE_EVIDENCE, MESSAGE]
        .into_iter()
        .find_map(|of| class(state, account, of).rev().find_map(found))
}

/// Drops the account's facts, or those of one contact.
pub(crate) fn erase(state: &mut State, account: &Id, contact: Option<&Id>) {
    let gone: Vec<FactKey> = [OTHER, MESSAGE, OTHER_EVIDENCE, MESSAGE_EVIDENCE]
        .into_iter()
        .flat_map(|of| class(state, account, of))
        .filter(|(_, fact)| contact.is_none() || fact.contact.as_ref() == contact)
        .map(|(key, _)| key.clone())
        .collect();
    for key in &gone {
        state.facts.remove(key);
    }
}

#[cfg(test)]
pub(crate) const MOST: usize = ROOM[0] + ROOM[1] + ROOM[2] + ROOM[3];
