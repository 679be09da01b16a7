//! The unified context of an account: its newest facts, when each source was heard, its conversations.
//!
//! Facts are single entries. A change is written when log time has moved a second on, so that a burst of events gives
//! one record.

use super::conversations::Conversations;
use baton_records::{Channel, Context, Event, Fact, Id, Timestamp, ids};
use baton_stream::bytes::{put_bytes, put_number, take_number, take_text};
use baton_stream::{Groups, Outbox, Packed, Store, Table, Value, wire};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How many facts of an account are kept …
const MAX_FACTS: u64 = 40;
/// … and how many bytes they may have together; the newest [`MIN_FACTS`] stay anyway.
const MAX_FACT_BYTES: usize = 2_048;
const MIN_FACTS: u64 = 4;
/// What a fact costs beside its text and id.
const FACT_OVERHEAD: usize = 64;
/// A context is written at most so often for an account.
const PACE: Duration = Duration::from_secs(1);
/// How many erased contacts of an account are remembered; the oldest erasure goes first.
const MAX_ERASURES: usize = 64;
/// The largest context, in bytes of JSON.
const MAX_CONTEXT_BYTES: usize = 16 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    text: Id,
    source: Channel,
    event_id: Id,
    as_of: i64,
    /// Whom an erasure of one contact means.
    contact: Option<u32>,
}

const FORMAT: u8 = 1;

/// ```text
/// format, channel, contact (8 bytes; -1: none), as_of, event_id, text
/// ```
/// Numbers and texts as in [`baton_stream::bytes`].
impl Value for Kept {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[FORMAT, self.source.place()]);
        put_number(self.contact.map_or(-1, i64::from), out);
        put_number(self.as_of, out);
        put_bytes(self.event_id.as_bytes(), out);
        put_bytes(self.text.as_bytes(), out);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let ([FORMAT, channel], mut rest) = bytes.split_first_chunk()? else { return None };
        let source = Channel::at(*channel)?;
        let contact = match take_number(&mut rest)? {
            -1 => None,
            tag => Some(u32::try_from(tag).ok()?),
        };
        let as_of = take_number(&mut rest)?;
        let (event_id, text) = (take_text(&mut rest)?.into(), take_text(&mut rest)?.into());
        Some(Self { text, source, event_id, as_of, contact })
    }
}

impl Kept {
    fn bytes(&self) -> usize {
        self.text.len() + self.event_id.len() + FACT_OVERHEAD
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Heard {
    /// The number of the next fact.
    #[serde(rename = "n")]
    next: u64,
    /// How many facts there are.
    #[serde(rename = "k")]
    facts: u64,
    #[serde(rename = "b")]
    bytes: usize,
    /// The newest arrival.
    #[serde(rename = "a")]
    as_of: i64,
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    sources: Vec<(Channel, i64)>,
    /// When the context is to be written.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    due: Option<i64>,
}

/// The contexts of all accounts of the partition.
#[derive(Debug)]
pub(crate) struct Contexts {
    accounts: Table<Id, Heard>,
    /// By account and number.
    facts: Groups<Id, u64, Packed<Kept>>,
    /// Up to when (`occurred_at`) an account, or a contact of it, is erased.
    erased: Table<(Id, Id), i64>,
    /// What is to be written, by time; made of `accounts`.
    due: Option<BTreeSet<(i64, Id)>>,
}

impl Contexts {
    pub(crate) const fn new() -> Self {
        Self {
            accounts: Table::new("sequence.contexts"),
            facts: Groups::new("sequence.facts"),
            erased: Table::new("sequence.erased"),
            due: None,
        }
    }

    fn due(&mut self) -> &mut BTreeSet<(i64, Id)> {
        let accounts = &self.accounts;
        self.due.get_or_insert_with(|| accounts.iter().filter_map(|(id, h)| Some((h.due?, id.clone()))).collect())
    }

    /// Takes an event as a fact, unless what it says was erased before it came.
    pub(crate) fn learn(&mut self, account: &Id, event: &Event, arrival: Timestamp, now: Timestamp) {
        if self.is_erased(account, event) {
            return;
        }
        let kept = Kept {
            text: event.fact_text(),
            source: event.channel,
            event_id: event.event_id.clone(),
            as_of: event.occurred_at.millis(),
            contact: event.contact_id.as_ref().map(contact_tag),
        };
        let write_at = now.plus(PACE).millis();
        let (number, added, newly_due) = self.accounts.update_or_default(account, |heard| {
            let number = heard.next;
            heard.next += 1;
            heard.facts += 1;
            heard.bytes += kept.bytes();
            heard.as_of = heard.as_of.max(arrival.millis());
            match heard.sources.iter_mut().find(|(channel, _)| *channel == event.channel) {
                Some((_, last)) => *last = kept.as_of.max(*last),
                None => heard.sources.push((event.channel, kept.as_of)),
            }
            let newly_due = heard.due.is_none();
            heard.due.get_or_insert(write_at);
            (number, heard.facts, newly_due)
        });
        self.facts.put(account, number, Packed::new(&kept));
        if newly_due {
            self.due().insert((write_at, account.clone()));
        }
        if added > MIN_FACTS {
            self.trim(account);
        }
    }

    /// Tells whether the event happened before an erasure of its account or contact.
    pub(crate) fn is_erased(&self, account: &Id, event: &Event) -> bool {
        let at = event.occurred_at.millis();
        let until =
            |contact: &Id| self.erased.get(&(account.clone(), contact.clone())).is_some_and(|until| at <= *until);
        !self.erased.is_empty() && (until(&Id::default()) || event.contact_id.as_ref().is_some_and(until))
    }

    fn remember_erasure(&mut self, account: &Id, contact: Option<&Id>, until: Timestamp) {
        let of_account = (account.clone(), Id::default());
        if contact.is_some() {
            let known: Vec<_> = self
                .erased
                .range(of_account..)
                .take_while(|((a, _), _)| a == account)
                .map(|(k, at)| (*at, k.clone()))
                .collect();
            if known.len() >= MAX_ERASURES
                && let Some((_, oldest)) = known.into_iter().min()
            {
                self.erased.remove(&oldest);
            }
        }
        let key = (account.clone(), contact.cloned().unwrap_or_default());
        let until = self.erased.get(&key).map_or(until.millis(), |known| until.millis().max(*known));
        self.erased.put(key, until);
    }

    fn trim(&mut self, account: &Id) {
        while self
            .accounts
            .get(account)
            .is_some_and(|h| h.facts > MAX_FACTS || (h.bytes > MAX_FACT_BYTES && h.facts > MIN_FACTS))
        {
            let Some(oldest) = self.facts.group(account).next().map(|(number, _)| *number) else { return };
            self.drop_fact(account, oldest);
        }
    }

    fn drop_fact(&mut self, account: &Id, number: u64) {
        if let Some(gone) = self.facts.remove(account, &number).and_then(|kept| kept.get()) {
            self.accounts.update(account, |heard| {
                heard.facts = heard.facts.saturating_sub(1);
                heard.bytes = heard.bytes.saturating_sub(gone.bytes());
            });
        }
    }

    /// Makes what is kept in memory only, after a restore.
    pub(crate) fn prepare(&mut self) {
        self.due();
    }

    /// Returns when the next context is to be written.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.as_ref()?.first().map(|(at, _)| Timestamp::from_millis(*at))
    }

    /// Writes all contexts that are due.
    pub(crate) fn write_due(&mut self, now: Timestamp, conversations: &Conversations, out: &mut Outbox) {
        while self.due().first().is_some_and(|(at, _)| *at <= now.millis()) {
            let Some((_, account)) = self.due().pop_first() else { return };
            self.accounts.update(&account, |heard| heard.due = None);
            if let Some(context) = self.context(&account, conversations) {
                out.write(wire::context(&context));
            }
        }
    }

    fn context(&self, account: &Id, conversations: &Conversations) -> Option<Context> {
        let heard = self.accounts.get(account)?;
        let mut facts: Vec<Fact> = self
            .facts
            .group(account)
            .filter_map(|(_, kept)| kept.get())
            .map(|kept| Fact {
                text: kept.text,
                source: kept.source,
                event_id: kept.event_id,
                as_of: Timestamp::from_millis(kept.as_of),
            })
            .collect();
        facts.sort_by(|a, b| (a.as_of, &a.event_id).cmp(&(b.as_of, &b.event_id)));
        let sources: BTreeMap<_, _> = heard
            .sources
            .iter()
            .map(|(channel, at)| (Id::new_static(channel.name()), Timestamp::from_millis(*at)))
            .collect();
        let mut context = Context {
            account_id: account.clone(),
            as_of: Timestamp::from_millis(heard.as_of),
            facts,
            sources,
            conversations: conversations.newest(account),
        };
        while estimate(&context) > MAX_CONTEXT_BYTES && serialised(&context) > MAX_CONTEXT_BYTES {
            if !context.facts.is_empty() {
                context.facts = context.facts.split_off(context.facts.len().div_ceil(4));
            } else if !context.conversations.is_empty() {
                context.conversations = context.conversations.split_off(1);
            } else {
                return None;
            }
        }
        Some(context)
    }

    /// Forgets what was erased: an account, with a tombstone, or one contact, of which the rest is written soon. What
    /// happened up to `until` (the erasure's arrival) and comes later is no fact any more.
    pub(crate) fn erase(&mut self, account: &Id, contact: Option<&Id>, until: Timestamp, out: &mut Outbox) {
        self.remember_erasure(account, contact, until);
        let Some(contact) = contact else { return self.forget(account, out) };
        let tag = Some(contact_tag(contact));
        let facts = self.facts.group(account);
        let of_contact = |kept: &Packed<Kept>| kept.get().is_none_or(|kept| kept.contact == tag);
        let gone: Vec<u64> = facts.filter(|(_, kept)| of_contact(kept)).map(|(number, _)| *number).collect();
        for number in gone {
            self.drop_fact(account, number);
        }
        let write_at = i64::MIN;
        let Some(before) = self.accounts.update(account, |heard| heard.due.replace(write_at)) else { return };
        if let Some(before) = before {
            self.due().remove(&(before, account.clone()));
        }
        self.due().insert((write_at, account.clone()));
    }

    /// Forgets an account, and writes a tombstone.
    pub(crate) fn forget(&mut self, account: &Id, out: &mut Outbox) {
        let facts: Vec<u64> = self.facts.group(account).map(|(number, _)| *number).collect();
        for number in facts {
            self.facts.remove(account, &number);
        }
        if let Some(due) = self.accounts.remove(account).and_then(|heard| heard.due) {
            self.due().remove(&(due, account.clone()));
        }
        out.write(wire::context_tombstone(account));
    }

    pub(crate) fn stores(&mut self) -> [&mut dyn Store; 3] {
        [&mut self.accounts, &mut self.facts, &mut self.erased]
    }
}

/// Returns a number of bytes that the context's JSON does not exceed, without making it: a printable character takes at
/// most twice its bytes, one of an id up to six times.
fn estimate(context: &Context) -> usize {
    let facts: usize = context.facts.iter().map(|f| 2 * f.text.len() + 6 * f.event_id.len() + 96).sum();
    let conversations: usize = context.conversations.iter().map(|c| 6 * c.conversation_id.len() + 112).sum();
    facts + conversations + 6 * context.account_id.len() + 512
}

fn serialised(context: &Context) -> usize {
    serde_json::to_vec(context).map_or(0, |json| json.len())
}

fn contact_tag(contact: &Id) -> u32 {
    let [a, b, c, d, ..] = ids::hash128(&[contact]);
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn facts_come_back(text in ".*", event_id in ".{0,40}", channel in 0_u8..8, as_of: i64, contact: Option<u32>) {
            let source = Channel::at(channel).unwrap();
            let kept = Kept { text: text.into(), source, event_id: event_id.into(), as_of, contact };
            let mut bytes = Vec::new();
            kept.encode(&mut bytes);
            prop_assert_eq!(Kept::decode(&bytes), Some(kept));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Kept::decode(&bytes);
        }
    }
}
