//! By what an event is looked up.

use baton_records::{Event, External, Id};
use baton_records::{company_domain, normalise_identity};

/// What a key stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookupKind {
    /// An identity of this type, `domain` and `part` among them.
    Identity(Id),
    /// A conversation.
    Conversation,
    /// A ticket.
    Ticket,
    /// An order.
    Order,
    /// An id in another system.
    External,
    /// A person, of whom an erasure may speak.
    Contact,
}

/// One key by which something is looked up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// What it stands for.
    pub kind: LookupKind,
    /// Its value, in the form that is compared.
    pub value: Id,
}

impl Lookup {
    /// Makes the key of an identity.
    pub fn identity(identity_type: &str, value: &str) -> Self {
        let value = normalise_identity(identity_type, value);
        Self { kind: LookupKind::Identity(Id::from(identity_type)), value }
    }

    /// Makes the key of an id in another system.
    pub fn external(external: &External) -> Self {
        Self { kind: LookupKind::External, value: Id::from(format!("{}\n{}", external.system, external.id)) }
    }

    pub(crate) const fn new(kind: LookupKind, value: Id) -> Self {
        Self { kind, value }
    }

    /// Returns the key of its record in the topic of ties.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let (kind, identity_type) = match &self.kind {
            LookupKind::Identity(identity_type) => ("identity", identity_type.as_str()),
            LookupKind::Conversation => ("conversation", ""),
            LookupKind::Ticket => ("ticket", ""),
            LookupKind::Order => ("order", ""),
            LookupKind::External => ("external", ""),
            LookupKind::Contact => ("contact", ""),
        };
        [kind, identity_type, &self.value].join("\n").into_bytes()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut parts = std::str::from_utf8(bytes).ok()?.splitn(3, '\n');
        let (kind, identity_type, value) = (parts.next()?, parts.next()?, parts.next()?);
        let kind = match kind {
            "identity" => LookupKind::Identity(Id::from(identity_type)),
            "conversation" => LookupKind::Conversation,
            "ticket" => LookupKind::Ticket,
            "order" => LookupKind::Order,
            "external" => LookupKind::External,
            "contact" => LookupKind::Contact,
            _ => return None,
        };
        Some(Self { kind, value: Id::from(value) })
    }
}

/// Why the ties of an event are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To find its account.
    Find,
    /// To learn what belongs to its account.
    Learn,
}

/// Returns the conversation, ticket and order that an event names, each with the field that names it.
///
/// A subject is a ticket's or an order's name where the type of the event says so, and is looked up as either where it
/// does not; an event with identities of its own is never found by its subject alone, which may be a part's name.
pub(crate) fn ties_of(event: &Event, purpose: Purpose) -> Vec<(Lookup, &'static str)> {
    let mut all = Vec::new();
    let mut add = |kind, value: &str, field| {
        if !value.is_empty() {
            all.push((Lookup::new(kind, Id::from(value)), field));
        }
    };
    if let Some(conversation) = &event.conversation_id {
        add(LookupKind::Conversation, conversation, "conversation_id");
    }
    let attribute = |name: &str| event.attributes.get(name).and_then(|v| v.as_str());
    if let Some(ticket) = attribute("ticket_id") {
        add(LookupKind::Ticket, ticket, "attributes.ticket_id");
    }
    if let Some(order) = attribute("order_id") {
        add(LookupKind::Order, order, "attributes.order_id");
    }
    let Some(subject) = event.subject.as_deref() else { return all };
    let (ticket, order) = (is_type(event, "ticket"), is_type(event, "order"));
    let is_product = attribute("sku") == Some(subject);
    match purpose {
        Purpose::Learn if is_product => {}
        Purpose::Find if !event.identities.is_empty() => {}
        _ => {
            let any = purpose == Purpose::Find && !ticket && !order;
            if ticket || any {
                add(LookupKind::Ticket, subject, "subject");
            }
            if order || any {
                add(LookupKind::Order, subject, "subject");
            }
        }
    }
    all
}

fn is_type(event: &Event, family: &str) -> bool {
    event.event_type.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Returns every key whose change may resolve the event.
pub(crate) fn lookups_of(event: &Event) -> Vec<Lookup> {
    let mut all: Vec<_> = event.identities.iter().map(|(t, v)| Lookup::identity(t, v)).collect();
    let email = event.identities.get("email").map(|email| normalise_identity("email", email));
    if let Some(domain) = email.as_deref().and_then(company_domain) {
        all.push(Lookup::identity("domain", domain));
    }
    if let Some(subject) = &event.subject {
        all.push(Lookup::identity("part", subject));
    }
    all.extend(ties_of(event, Purpose::Find).into_iter().map(|(lookup, _)| lookup));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_the_topic() {
        let external = External { system: "zen\ndesk".into(), id: "87\n31".into() };
        for lookup in [
            Lookup::identity("email", "Pat@Acme.example"),
            Lookup::external(&external),
            Lookup::new(LookupKind::Conversation, "a\nb".into()),
            Lookup::new(LookupKind::Contact, "c".into()),
        ] {
            assert_eq!(Lookup::from_bytes(&lookup.to_bytes()), Some(lookup));
        }
        assert_eq!(Lookup::from_bytes(b"nonsense\n\nx"), None);
    }
}
