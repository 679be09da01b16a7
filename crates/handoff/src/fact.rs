//! A fact as it is kept, and its bytes: there are many, and few are ever looked at.

use baton_records::{Channel, Id};
use baton_stream::Value;

const FORMAT: u8 = 1;
/// By their places in the bytes; new ones come last.
const CHANNELS: [Channel; 8] = [
    Channel::Chat,
    Channel::Email,
    Channel::Phone,
    Channel::Social,
    Channel::Web,
    Channel::Crm,
    Channel::Billing,
    Channel::Usage,
];

/// A fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FactEntry {
    /// The text.
    pub text: Id,
    /// The channel.
    pub source: Channel,
    /// `occurred_at`.
    pub as_of: i64,
    /// The arrival.
    pub arrival: i64,
    /// Whether a person of the account said it in a message.
    pub customer: bool,
    /// The conversation.
    pub conversation: Option<Id>,
    /// The person.
    pub contact: Option<Id>,
    /// The feature that was used, which the policy may map to a price plan.
    pub feature: Option<Id>,
    /// When it counts as having happened, if not at `as_of`: it came late.
    pub judged: Option<i64>,
    /// Whether it may be evidence of what comes later.
    pub evidence: bool,
}

impl FactEntry {
    /// Tells whether it is evidence at this moment: when it happened, or when it was judged.
    pub(crate) fn is_at(&self, moment: i64) -> bool {
        self.as_of == moment || self.judged == Some(moment)
    }

    /// Returns when it happened for what is judged.
    pub(crate) fn judged_at(&self) -> i64 {
        self.judged.unwrap_or(self.as_of)
    }
}

/// ```text
/// format, channel, flags, as_of, arrival, judged?, conversation?, contact?, feature?, text
/// ```
/// Numbers have eight bytes, little endian; texts are preceded by their length in four, the last one ends with the bytes.
impl Value for FactEntry {
    fn encode(&self, out: &mut Vec<u8>) {
        let channel = CHANNELS.iter().position(|c| *c == self.source).unwrap_or_default();
        let texts = [&self.conversation, &self.contact, &self.feature];
        let mut flags = u8::from(self.customer) | u8::from(self.evidence) << 1 | u8::from(self.judged.is_some()) << 2;
        for (i, text) in texts.iter().enumerate() {
            flags |= u8::from(text.is_some()) << (3 + i);
        }
        out.extend_from_slice(&[FORMAT, channel as u8, flags]);
        for number in [Some(self.as_of), Some(self.arrival), self.judged].into_iter().flatten() {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for text in texts.into_iter().flatten() {
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(self.text.as_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let ([FORMAT, channel, flags], mut rest) = bytes.split_first_chunk()? else { return None };
        let source = *CHANNELS.get(usize::from(*channel))?;
        let has = |flag: u8| flags & 1 << flag != 0;
        let (as_of, arrival) = (number(&mut rest)?, number(&mut rest)?);
        let judged = if has(2) { Some(number(&mut rest)?) } else { None };
        let mut text = |flag: u8| if has(flag) { id(&mut rest).map(Some) } else { Some(None) };
        let (conversation, contact, feature) = (text(3)?, text(4)?, text(5)?);
        let text = Id::from(std::str::from_utf8(rest).ok()?);
        let (customer, evidence) = (has(0), has(1));
        Some(Self { text, source, as_of, arrival, customer, conversation, contact, feature, judged, evidence })
    }
}

fn number(from: &mut &[u8]) -> Option<i64> {
    let (number, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(i64::from_le_bytes(*number))
}

fn id(from: &mut &[u8]) -> Option<Id> {
    let (length, rest) = from.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *from = rest;
    std::str::from_utf8(text).ok().map(Id::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts() -> impl Strategy<Value = FactEntry> {
        let text = || proptest::option::of(".{0,40}").prop_map(|text| text.map(Id::from));
        let flags = (any::<bool>(), any::<bool>(), 0..CHANNELS.len());
        (".*", any::<i64>(), any::<i64>(), flags, [text(), text(), text()], any::<Option<i64>>()).prop_map(
            |(said, as_of, arrival, (customer, evidence, channel), [conversation, contact, feature], judged)| {
                FactEntry {
                    text: said.into(),
                    source: CHANNELS[channel],
                    as_of,
                    arrival,
                    customer,
                    conversation,
                    contact,
                    feature,
                    judged,
                    evidence,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn facts_come_back(fact in facts()) {
            let mut bytes = Vec::new();
            fact.encode(&mut bytes);
            prop_assert_eq!(FactEntry::decode(&bytes), Some(fact));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = FactEntry::decode(&bytes);
        }
    }

    #[test]
    fn every_channel_has_its_place() {
        assert_eq!(CHANNELS.map(Channel::name), ["chat", "email", "phone", "social", "web", "crm", "billing", "usage"]);
    }
}
