//! What a passed event teaches: ties to its account, and what an erasure drops.

use super::own_ties::OwnTies;
use crate::directory::{Directory, Lookup, Purpose, Tie, ties_of};
use crate::intake::waiting::{erased_keys, keys_of};
use baton_records::{Event, Id, Timestamp};
use baton_stream::{Outbox, Output, Topic};

/// Makes the record that tells all instances of a tie.
pub(crate) fn record(lookup: &Lookup, tie: &Tie) -> Output {
    Output {
        topic: Topic::Ties,
        partition: None,
        key: Some(lookup.to_bytes()),
        value: serde_json::to_vec(tie).ok(),
        timestamp: None,
        headers: Vec::new(),
    }
}

/// Tells of the conversation, ticket and order of an event that belongs to an account, unless it is known. What another
/// account has already is contested from now on.
pub(crate) fn learn(directory: &Directory, own: &mut OwnTies, event: &Event, account_id: &Id, out: &mut Outbox) {
    for (lookup, _) in ties_of(event, Purpose::Learn) {
        let tie = match own.get(&lookup).or_else(|| directory.tie(&lookup)) {
            None => Tie { account_id: account_id.clone(), ..Tie::default() },
            Some(known) if known.contested || known.account_id == *account_id => continue,
            Some(known) => Tie { contested: true, ..known.clone() },
        };
        out.write(record(&lookup, &tie));
        own.put(lookup, tie);
    }
}

/// Tells all instances that what waits under the keys of an erasure is to be dropped.
pub(crate) fn erase(erasure: &Event, at: Timestamp, out: &mut Outbox) {
    for lookup in erased_keys(erasure) {
        out.write(record(&lookup, &Tie { erased_until: Some(at), ..Tie::default() }));
    }
}

/// Tells whether an event that waits is erased.
pub(crate) fn is_erased(directory: &Directory, event: &Event, at: Timestamp) -> bool {
    event.event_type != "erasure" && keys_of(event).iter().any(|lookup| directory.is_erased(lookup, at))
}
