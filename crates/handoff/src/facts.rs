//! What is kept of an account's events: the newest messages and the newest of everything else, each by when it happened,
//! and apart from them what may still be evidence.

use crate::episode::Evidence;
use crate::state::{At, FactEntry, FactKey, State, ordered};
use baton_records::{Actor, Event, Id, ids};

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

fn key(account: &Id, class: u8, at: i64, named: Named) -> FactKey {
    let mut bytes = [class; 9];
    if let Some((_, time)) = bytes.split_first_mut() {
        time.copy_from_slice(&ordered(at).to_be_bytes());
    }
    (account.clone(), bytes, named.event_id, named.topic)
}

fn floor_key(account: &Id, class: u8) -> FactKey {
    let mut bytes = [0; 9];
    bytes[0] = class;
    (account.clone(), bytes, Id::default(), [0; 4])
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
pub(crate) fn keep(state: &mut State, account: &Id, event: (&Event, Named), fact: FactEntry, history: bool) {
    let (event, named) = event;
    let (plain, apart) = classes(&event.event_type);
    if fact.evidence {
        return keep_apart(state, account, apart, named, fact);
    }
    let new = key(account, plain, fact.as_of, named);
    state.facts.put(new.clone(), fact);
    let Some(oldest) = too_many(state, account, plain, None) else { return };
    let Some(fact) = state.facts.remove(&oldest) else { return };
    let waits = (account.clone(), ordered(fact.judged_at()), oldest.2.clone());
    if (oldest == new && !history) || state.questions.get(&waits).is_some() {
        keep_apart(state, account, apart, Named { event_id: oldest.2, topic: oldest.3 }, fact);
    }
}

fn keep_apart(state: &mut State, account: &Id, class: u8, named: Named, fact: FactEntry) {
    let new = key(account, class, fact.judged_at(), named);
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

/// Returns the account's facts of one class, oldest first; evidence by when it was judged.
fn class<'s>(
    state: &'s State,
    account: &Id,
    class: u8,
) -> impl DoubleEndedIterator<Item = (&'s FactKey, &'s FactEntry)> {
    state.facts.range(floor_key(account, class)..floor_key(account, class + 1))
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

/// Returns the fact of an event that is evidence: what was judged at that moment.
pub(crate) fn of_evidence<'s>(state: &'s State, account: &Id, evidence: &Evidence) -> Option<&'s FactEntry> {
    let (at, event_id) = &evidence.at;
    let all = ALL.into_iter().flat_map(|of| class(state, account, of));
    let all = all.filter(|(key, fact)| key.2 == *event_id && fact.is_at(*at)).map(|(_, fact)| fact);
    // Of two topics' events with one id and moment the one that was said by who said the evidence.
    all.max_by_key(|fact| fact.customer == evidence.customer)
}

/// Returns the newest fact of an event that a detector has counted, of this topic if there is one.
pub(crate) fn counted<'s>(
    state: &'s State,
    account: &Id,
    event_type: &str,
    event_id: &Id,
    topic: Option<&str>,
) -> Option<(At, &'s FactEntry)> {
    let named = topic.map(|topic| Named::new(event_id, topic).topic);
    let all = class(state, account, classes(event_type).1).filter(|(key, _)| key.2 == *event_id);
    let (key, fact) = all.max_by_key(|(key, fact)| (named.is_some_and(|topic| key.3 == topic), fact.as_of))?;
    Some(((fact.as_of, key.2.clone()), fact))
}

/// Drops the account's facts, or those of one contact.
pub(crate) fn erase(state: &mut State, account: &Id, contact: Option<&Id>) {
    let gone: Vec<FactKey> = ALL
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
