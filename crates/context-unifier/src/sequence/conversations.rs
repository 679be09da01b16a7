//! Which conversation an event belongs to, and the newest conversations of an account.
//!
//! Messages of one contact within the policy's time on another channel belong to the same conversation: the source's
//! name for the second one becomes an alias of the first.

use baton_records::{Actor, Channel, ConversationState, Event, Id, Timestamp};
use baton_stream::{Store, Table};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How many conversations and aliases of an account are remembered; the one that is silent for longest goes first.
const MAX_CONVERSATIONS: usize = 8;
/// How many contacts of an account are remembered; the one that is silent for longest goes first.
const MAX_CONTACTS: usize = 16;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Conversation {
    /// The conversation that this is another name of.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    alias_of: Option<Id>,
    #[serde(rename = "c")]
    channel: Channel,
    #[serde(rename = "t")]
    last: i64,
    #[serde(rename = "n")]
    customer_turns: u32,
}

/// Where a contact spoke last on one channel.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Spoke {
    #[serde(rename = "c")]
    channel: Channel,
    #[serde(rename = "v")]
    conversation: Id,
    #[serde(rename = "t")]
    at: i64,
    /// It came to this conversation from another channel.
    #[serde(rename = "j", default, skip_serializing_if = "std::ops::Not::not")]
    joined: bool,
}

/// The conversations and contacts of all accounts of the partition.
#[derive(Debug)]
pub(crate) struct Conversations {
    conversations: Table<(Id, Id), Conversation>,
    contacts: Table<(Id, Id), Vec<Spoke>>,
}

impl Conversations {
    pub(crate) const fn new() -> Self {
        Self { conversations: Table::new("sequence.conversations"), contacts: Table::new("sequence.contacts") }
    }

    /// Returns the conversation of an event, and remembers what later events need.
    pub(crate) fn place(&mut self, account: &Id, event: &Event, join_within: Duration) -> Option<Id> {
        let spoken = is_spoken(event);
        let named = event.conversation_id.clone();
        if !spoken {
            return named.map(|name| self.root(account, name));
        }
        let known_alias = named.as_ref().and_then(|name| self.alias_of(account, name));
        let contact = event.contact_id.as_ref().map(|contact| (account.clone(), contact.clone()));
        let (mut place, mut joined) = (known_alias.clone().or_else(|| named.clone()), known_alias.is_some());
        if let (None, Some(contact)) = (&known_alias, &contact)
            && let Some(other) = self.elsewhere(contact, event, join_within)
            && named.as_ref() != Some(&other)
        {
            (place, joined) = (Some(other), true);
        }
        let place = place?;
        if let Some(name) = named.filter(|name| *name != place) {
            self.remember(account, name, event, Some(place.clone()));
        }
        self.remember(account, place.clone(), event, None);
        if let Some(contact) = contact.filter(|_| by_customer(event)) {
            let spoke =
                Spoke { channel: event.channel, conversation: place.clone(), at: event.occurred_at.millis(), joined };
            self.remember_contact(contact, spoke);
        }
        Some(place)
    }

    fn root(&self, account: &Id, name: Id) -> Id {
        self.alias_of(account, &name).unwrap_or(name)
    }

    fn alias_of(&self, account: &Id, name: &Id) -> Option<Id> {
        self.conversations.get(&(account.clone(), name.clone()))?.alias_of.clone()
    }

    /// Finds where the contact spoke on another channel near the event; an event without a conversation's name also
    /// goes on where its channel came to another one's conversation.
    fn elsewhere(&self, contact: &(Id, Id), event: &Event, within: Duration) -> Option<Id> {
        let within = i64::try_from(within.as_millis()).unwrap_or(i64::MAX);
        let at = event.occurred_at.millis();
        self.contacts
            .get(contact)?
            .iter()
            .filter(|s| s.channel != event.channel || (s.joined && event.conversation_id.is_none()))
            .filter(|s| at.saturating_sub(s.at).saturating_abs() <= within)
            .max_by_key(|s| (s.at, s.channel))
            .map(|s| s.conversation.clone())
    }

    fn remember(&mut self, account: &Id, name: Id, event: &Event, alias_of: Option<Id>) {
        let key = (account.clone(), name);
        let turn = u32::from(by_customer(event) && event.event_type == "message");
        let at = event.occurred_at.millis();
        let known = self.conversations.update(&key, |c| {
            if at >= c.last {
                (c.last, c.channel) = (at, event.channel);
            }
            c.customer_turns = c.customer_turns.saturating_add(turn);
            if alias_of.is_some() {
                c.alias_of.clone_from(&alias_of);
            }
        });
        if known.is_some() {
            return;
        }
        if self.of_account(account).count() >= MAX_CONVERSATIONS {
            let oldest = self.of_account(account).min_by_key(|(name, c)| (c.last, (*name).clone()));
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.conversations.remove(&(account.clone(), oldest));
            }
        }
        let new = Conversation { alias_of, channel: event.channel, last: at, customer_turns: turn };
        self.conversations.put(key, new);
    }

    fn remember_contact(&mut self, key: (Id, Id), spoke: Spoke) {
        if self.contacts.get(&key).is_none() {
            let first = (key.0.clone(), Id::default());
            let of_account = || self.contacts.range(first.clone()..).take_while(|((a, _), _)| *a == key.0);
            if of_account().count() >= MAX_CONTACTS {
                let newest = |spoke: &[Spoke]| spoke.iter().map(|s| s.at).max();
                let oldest = of_account().min_by_key(|(k, s)| (newest(s), (*k).clone())).map(|(k, _)| k.clone());
                if let Some(oldest) = oldest {
                    self.contacts.remove(&oldest);
                }
            }
        }
        self.contacts.update_or_default(&key, |all| match all.iter_mut().find(|s| s.channel == spoke.channel) {
            Some(known) if known.at > spoke.at => {}
            Some(known) => *known = spoke,
            None => all.push(spoke),
        });
    }

    fn of_account<'a>(&'a self, account: &'a Id) -> impl Iterator<Item = (&'a Id, &'a Conversation)> + 'a {
        self.conversations
            .range((account.clone(), Id::default())..)
            .take_while(move |((a, _), _)| a == account)
            .map(|((_, name), c)| (name, c))
    }

    /// Returns the newest conversations, newest last.
    pub(crate) fn newest(&self, account: &Id) -> Vec<ConversationState> {
        let mut all: Vec<_> = self
            .of_account(account)
            .filter(|(_, c)| c.alias_of.is_none())
            .map(|(name, c)| ConversationState {
                conversation_id: name.clone(),
                channel: c.channel,
                last: Timestamp::from_millis(c.last),
                customer_turns: c.customer_turns,
            })
            .collect();
        all.sort_by(|a, b| (a.last, &a.conversation_id).cmp(&(b.last, &b.conversation_id)));
        all
    }

    /// Forgets an account, or one contact of it.
    pub(crate) fn erase(&mut self, account: &Id, contact: Option<&Id>) {
        if let Some(contact) = contact {
            self.contacts.remove(&(account.clone(), contact.clone()));
            return;
        }
        let names: Vec<_> = self.of_account(account).map(|(name, _)| name.clone()).collect();
        for name in names {
            self.conversations.remove(&(account.clone(), name));
        }
        let first = (account.clone(), Id::default());
        let contacts: Vec<_> =
            self.contacts.range(first..).take_while(|((a, _), _)| a == account).map(|(k, _)| k.clone()).collect();
        for contact in contacts {
            self.contacts.remove(&contact);
        }
    }

    pub(crate) fn stores(&mut self) -> [&mut dyn Store; 2] {
        [&mut self.conversations, &mut self.contacts]
    }
}

/// Tells whether an event is part of a conversation.
fn is_spoken(event: &Event) -> bool {
    matches!(&*event.event_type, "message" | "message.draft" | "call")
}

fn by_customer(event: &Event) -> bool {
    event.event_type != "message.draft" && matches!(event.actor, None | Some(Actor::Customer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const JOIN: Duration = Duration::from_secs(30 * 60);

    fn said(minute: i64, channel: &str, conversation: Option<&str>, contact: Option<&str>, actor: &str) -> Event {
        serde_json::from_value(json!({
            "event_id": "e", "occurred_at": Timestamp::from_millis(minute * 60_000), "channel": channel,
            "type": "message", "conversation_id": conversation, "contact_id": contact, "actor": actor
        }))
        .unwrap()
    }

    #[test]
    fn a_contact_takes_the_conversation_along() {
        let mut all = Conversations::new();
        let account = Id::from("acme");
        for (minute, channel, named, contact, actor, wanted) in [
            (0, "chat", Some("c1"), Some("pat"), "customer", Some("c1")),
            (5, "email", Some("m1"), Some("kim"), "customer", Some("m1")),
            (10, "email", Some("m2"), Some("pat"), "customer", Some("c1")),
            (11, "email", Some("m2"), None, "ai_agent", Some("c1")),
            (50, "email", Some("m2"), Some("pat"), "customer", Some("c1")),
            (60, "phone", None, Some("pat"), "customer", Some("c1")),
            (80, "phone", None, Some("pat"), "customer", Some("c1")),
            (120, "social", Some("s1"), Some("pat"), "customer", Some("s1")),
            (121, "social", None, None, "customer", None),
        ] {
            let placed = all.place(&account, &said(minute, channel, named, contact, actor), JOIN);
            assert_eq!(placed.as_deref(), wanted, "minute {minute}");
        }
        let newest = all.newest(&account);
        assert_eq!(newest.iter().map(|c| &*c.conversation_id).collect::<Vec<_>>(), ["m1", "c1", "s1"]);
        assert_eq!(newest[1].customer_turns, 5);
        all.erase(&account, None);
        assert!(all.conversations.is_empty() && all.contacts.is_empty());
    }

    #[test]
    fn an_account_keeps_its_newest_conversations_and_contacts() {
        let mut all = Conversations::new();
        let account = Id::from("acme");
        for n in 0..40 {
            let (name, contact) = (format!("c{n}"), format!("p{n}"));
            all.place(&account, &said(n * 60, "chat", Some(&name), Some(&contact), "customer"), JOIN);
        }
        assert_eq!((all.conversations.len(), all.contacts.len()), (MAX_CONVERSATIONS, MAX_CONTACTS));
        assert_eq!(all.newest(&account).last().map(|c| c.conversation_id.clone()), Some(Id::from("c39")));
    }
}
