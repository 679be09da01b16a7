//! The detectors of the policy in force, by the type of event that they count.

use crate::accounts::Watched;
use baton_policy::{Detector, DetectorKind, Mode};
use baton_records::{Event, Id};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Detectors that are not off.
#[derive(Debug, Clone, Default)]
pub(crate) struct Detectors {
    by_type: BTreeMap<Id, Vec<Detector>>,
}

impl Detectors {
    pub(crate) fn of(detectors: &[Detector]) -> Self {
        let mut by_type: BTreeMap<Id, Vec<Detector>> = BTreeMap::new();
        for detector in detectors.iter().filter(|d| d.rule.mode != Mode::Off) {
            by_type.entry(detector.event_type.clone()).or_default().push(detector.clone());
        }
        Self { by_type }
    }

    /// Tells whether any detector counts events of this type.
    pub(crate) fn count(&self, event_type: &str) -> bool {
        self.by_type.contains_key(event_type)
    }

    /// Returns the detectors of an account that count this type. What a segment's own detector says replaces what a
    /// detector of the same kind for all segments says.
    pub(crate) fn for_event<'a>(
        &'a self,
        event_type: &str,
        account: Option<&'a Watched>,
    ) -> impl Iterator<Item = &'a Detector> + 'a {
        let all = self.by_type.get(event_type).map_or(&[][..], Vec::as_slice);
        let segment = account.and_then(|a| a.segment.as_deref());
        all.iter()
            .filter(move |d| is_for(d, segment) && !(d.segment == "*" && all.iter().any(|o| replaces(o, d, segment))))
    }

    /// Returns a detector of an account by its name.
    pub(crate) fn named<'a>(&'a self, name: &str, account: Option<&Watched>) -> Option<&'a Detector> {
        let segment = account.and_then(|a| a.segment.as_deref());
        self.by_type.values().flatten().find(|d| d.rule.name == name && is_for(d, segment))
    }
}

fn is_for(detector: &Detector, segment: Option<&str>) -> bool {
    detector.segment == "*" || segment == Some(detector.segment.as_str())
}

fn replaces(own: &Detector, general: &Detector, segment: Option<&str>) -> bool {
    let same_kind = std::mem::discriminant::<DetectorKind>(&own.kind) == std::mem::discriminant(&general.kind);
    own.segment != "*" && is_for(own, segment) && same_kind && own.by == general.by
}

/// Returns what a detector counts apart in an event: empty when it counts nothing apart, none when the event does not
/// say it.
pub(crate) fn subject<'a>(event: &'a Event, by: Option<&str>) -> Option<Cow<'a, str>> {
    const LONGEST: usize = 128;
    let field = match by {
        None => return Some(Cow::Borrowed("")),
        Some(field) => field,
    };
    let text = match field.strip_prefix("attributes.") {
        Some(name) => match event.attributes.get(name)? {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            Value::Number(number) => Cow::Owned(number.to_string()),
            Value::Bool(flag) => Cow::Borrowed(if *flag { "true" } else { "false" }),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        },
        None => match field {
            "subject" => Cow::Borrowed(event.subject.as_deref()?),
            "contact_id" => Cow::Borrowed(event.contact_id.as_deref()?),
            "currency" => Cow::Borrowed(event.currency.as_deref()?),
            "channel" => Cow::Borrowed(event.channel.name()),
            _ => return None,
        },
    };
    (!text.is_empty() && text.len() <= LONGEST).then_some(text)
}
