//! What people wrote, before it is written anywhere but to dead letters: printable, redacted, bounded.

use baton_policy::Policy;
use baton_records::text::plain;
use baton_records::{Account, Event, Id, Lifecycle, capped};
use serde_json::Value;
use std::borrow::Cow;

/// How many characters of a text are kept …
const MAX_TEXT: usize = 16_384;
/// … and of anything shorter, such as a subject or an attribute.
const MAX_WORDS: usize = 1_024;

/// Cleans texts by the policy in force.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cleaner<'a> {
    pub(crate) policy: Option<&'a Policy>,
}

impl Cleaner<'_> {
    pub(crate) fn event(&self, event: &mut Event) {
        self.id(event.text.as_mut(), MAX_TEXT);
        self.id(event.subject.as_mut(), MAX_WORDS);
        for value in event.identities.values_mut() {
            print(value);
        }
        if let Some(ai) = &mut event.ai {
            self.id(ai.domain.as_mut(), MAX_WORDS);
            ai.tags.iter_mut().for_each(|tag| self.id(Some(tag), MAX_WORDS));
        }
        if let Some(request) = &mut event.request {
            self.id(Some(&mut request.action), MAX_WORDS);
            request.changes.iter_mut().for_each(|change| self.id(Some(change), MAX_WORDS));
        }
        event.attributes.values_mut().for_each(|value| self.value(value));
    }

    pub(crate) fn account(&self, account: &mut Account) {
        self.id(account.name.as_mut(), MAX_WORDS);
        account.attributes.values_mut().for_each(|value| self.value(value));
    }

    pub(crate) fn lifecycle(&self, lifecycle: &mut Lifecycle) {
        self.id(lifecycle.note.as_mut(), MAX_TEXT);
    }

    fn id(&self, text: Option<&mut Id>, chars: usize) {
        if let Some(text) = text
            && let Some(clean) = self.changed(text, chars)
        {
            *text = Id::from(clean);
        }
    }

    fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(clean) = self.changed(text, MAX_WORDS) {
                    *text = clean;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.value(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Returns the clean text, or none when it is clean already.
    fn changed(&self, text: &str, chars: usize) -> Option<String> {
        let printed = plain(text);
        let redacted = self.policy.map_or(Cow::Borrowed(&*printed), |policy| policy.redact(&printed));
        let kept = capped(&redacted, chars);
        (kept != text).then(|| kept.to_owned())
    }
}

fn print(text: &mut Id) {
    if let Cow::Owned(clean) = plain(text) {
        *text = Id::from(clean);
    }
}
