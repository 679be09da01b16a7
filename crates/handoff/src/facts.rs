//! What is kept of an account's events: the newest messages and the newest of everything else, each by when it happened.

use crate::state::{At, FactEntry, FactKey, State, ordered};
use baton_records::{Actor, Event, Id};

/// Messages that are kept of an account: a dossier's 40, and what may come within the lateness bound.
const MESSAGES: usize = 48;
/// Other events that are kept of an account.
const OTHERS: usize = 48;

const OTHER: u8 = 0;
const MESSAGE: u8 = 1;

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

/// Makes the fact that an event is.
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
    }
}

/// Keeps a fact, and drops the oldest of its class when there are too many.
pub(crate) fn keep(state: &mut State, account: &Id, event: &Event, fact: FactEntry) {
    let (class, most) = if is_message(event) { (MESSAGE, MESSAGES) } else { (OTHER, OTHERS) };
    state.facts.put(key(account, class, &(fact.as_of, event.event_id.clone())), fact);
    let from = (account.clone(), floor(class), Id::default());
    let to = (account.clone(), floor(class + 1), Id::default());
    let range = state.facts.range(from..to);
    let (mut count, mut oldest) = (0, None);
    for (key, _) in range {
        oldest = oldest.or(Some(key));
        count += 1;
    }
    if let Some(oldest) = oldest.filter(|_| count > most).cloned() {
        state.facts.remove(&oldest);
    }
}

const fn floor(class: u8) -> [u8; 9] {
    let mut bytes = [0; 9];
    bytes[0] = class;
    bytes
}

/// Returns the account's facts of one class, oldest first.
fn class<'s>(
    state: &'s State,
    account: &Id,
    class: u8,
) -> impl DoubleEndedIterator<Item = (&'s FactKey, &'s FactEntry)> {
    let from = (account.clone(), floor(class), Id::default());
    let to = (account.clone(), floor(class + 1), Id::default());
    state.facts.range(from..to)
}

/// Returns the account's messages, oldest first.
pub(crate) fn messages<'s>(
    state: &'s State,
    account: &Id,
) -> impl DoubleEndedIterator<Item = (&'s FactKey, &'s FactEntry)> {
    class(state, account, MESSAGE)
}

/// Returns everything else, oldest first.
pub(crate) fn others<'s>(
    state: &'s State,
    account: &Id,
) -> impl DoubleEndedIterator<Item = (&'s FactKey, &'s FactEntry)> {
    class(state, account, OTHER)
}

/// Returns the newest fact of an event.
pub(crate) fn of_event(state: &State, account: &Id, event_id: &str) -> Option<(At, FactEntry)> {
    let found =
        |(key, fact): (&FactKey, &FactEntry)| (key.2 == event_id).then(|| ((fact.as_of, key.2.clone()), fact.clone()));
    others(state, account).rev().find_map(found).or_else(|| messages(state, account).rev().find_map(found))
}

/// Drops the account's facts, or those of one contact.
pub(crate) fn erase(state: &mut State, account: &Id, contact: Option<&Id>) {
    let gone: Vec<FactKey> = others(state, account)
        .chain(messages(state, account))
        .filter(|(_, fact)| contact.is_none() || fact.contact.as_ref() == contact)
        .map(|(key, _)| key.clone())
        .collect();
    for key in &gone {
        state.facts.remove(key);
    }
}
