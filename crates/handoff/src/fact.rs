//! A fact as it is kept, and its bytes: there are many, and few are ever looked at.

use baton_records::{Channel, Id};
use baton_stream::Value;
use baton_stream::bytes::{put_bytes, put_number, take_number, take_text};

/// Format 1 had its numbers and lengths the other way round.
const FORMAT: u8 = 2;

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
/// Numbers and texts as in [`baton_stream::bytes`]; the last text ends with the bytes.
impl Value for FactEntry {
    fn encode(&self, out: &mut Vec<u8>) {
        let texts = [&self.conversation, &self.contact, &self.feature];
        let mut flags = u8::from(self.customer) | u8::from(self.evidence) << 1 | u8::from(self.judged.is_some()) << 2;
        for (i, text) in texts.iter().enumerate() {
            flags |= u8::from(text.is_some()) << (3 + i);
        }
        out.extend_from_slice(&[FORMAT, self.source.place(), flags]);
        for number in [Some(self.as_of), Some(self.arrival), self.judged].into_iter().flatten() {
            put_number(number, out);
        }
        for text in texts.into_iter().flatten() {
            put_bytes(text.as_bytes(), out);
        }
        out.extend_from_slice(self.text.as_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let ([FORMAT, channel, flags], mut rest) = bytes.split_first_chunk()? else { return None };
        let source = Channel::at(*channel)?;
        let has = |flag: u8| flags & 1 << flag != 0;
        let (as_of, arrival) = (take_number(&mut rest)?, take_number(&mut rest)?);
        let judged = if has(2) { Some(take_number(&mut rest)?) } else { None };
        let mut text =
            |flag: u8| if has(flag) { take_text(&mut rest).map(|text| Some(Id::from(text))) } else { Some(None) };
        let (conversation, contact, feature) = (text(3)?, text(4)?, text(5)?);
        let text = Id::from(std::str::from_utf8(rest).ok()?);
        let (customer, evidence) = (has(0), has(1));
        Some(Self { text, source, as_of, arrival, customer, conversation, contact, feature, judged, evidence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts() -> impl Strategy<Value = FactEntry> {
        let text = || proptest::option::of(".{0,40}").prop_map(|text| text.map(Id::from));
        let flags = (any::<bool>(), any::<bool>(), 0..8_u8);
        (".*", any::<i64>(), any::<i64>(), flags, [text(), text(), text()], any::<Option<i64>>()).prop_map(
            |(said, as_of, arrival, (customer, evidence, channel), [conversation, contact, feature], judged)| {
                FactEntry {
                    text: said.into(),
                    source: Channel::at(channel).unwrap(),
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
}
