//! What an event says, in words for people.

use crate::text::plain;
use crate::{Actor, Event, Id};
use serde_json::Value;
use std::fmt::Write;

/// How many characters a fact has at most.
const MAX_CHARS: usize = 500;
/// How many attributes a fact names at most.
const MAX_ATTRIBUTES: usize = 8;
/// How many characters of one detail are kept.
const MAX_DETAIL_CHARS: usize = 80;

impl Event {
    /// Returns what the event says, for people: at most 500 characters, without control characters. What somebody said
    /// stands in quotes; amounts, quantities, the subject and attributes are named.
    pub fn fact_text(&self) -> Id {
        let mut out = String::with_capacity(96);
        self.headline(&mut out);
        let mut details = Details { out: &mut out, any: false };
        self.numbers(&mut details);
        self.request_details(&mut details);
        if let Some(subject) = &self.subject {
            details.add(format_args!("{}", shown(subject)));
        }
        self.attribute_details(&mut details);
        if let Some(text) = self.text.as_deref().filter(|t| !t.trim().is_empty()) {
            quote(&mut out, text);
        }
        Id::from(capped(&out, MAX_CHARS))
    }

    fn headline(&self, out: &mut String) {
        let fixed = match (&*self.event_type, self.actor) {
            ("message", Some(Actor::AiAgent)) => "AI answered",
            ("message", Some(Actor::HumanAgent)) => "Human agent wrote",
            ("message", Some(Actor::System)) => "System wrote",
            ("message", _) => "Customer wrote",
            ("message.draft", _) => "AI's draft, not sent",
            ("message.auto", _) => "Automatic reply",
            ("bounce", _) => "Message bounced",
            ("call", Some(Actor::HumanAgent)) => "Call by a human agent",
            ("call", Some(Actor::AiAgent)) => "Call by the AI",
            ("call", _) => "Call by the customer",
            ("note", _) => "Internal note",
            ("rfq", _) => "Request for quote",
            _ => "",
        };
        if !fixed.is_empty() {
            out.push_str(fixed);
        } else {
            let name = plain(capped(&self.event_type, MAX_DETAIL_CHARS));
            let mut words = name.split(['.', '_']).filter(|w| !w.is_empty());
            let mut letters = words.next().unwrap_or("event").chars();
            out.extend(letters.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(letters));
            for word in words {
                out.push(' ');
                out.push_str(word);
            }
        }
        if let Some(ai) = self.ai.as_ref().filter(|_| self.actor == Some(Actor::AiAgent)) {
            if let Some(confidence) = ai.confidence {
                let _ = write!(out, " (confidence {confidence})");
            }
            if let Some(domain) = &ai.domain {
                let _ = write!(out, " on {}", shown(domain));
            }
        }
    }

    fn numbers(&self, details: &mut Details<'_>) {
        if let Some(quantity) = self.quantity {
            details.add(format_args!("quantity {quantity}"));
        }
        if let Some(amount) = self.amount {
            match &self.currency {
                Some(currency) => details.add(format_args!("{amount} {}", shown(currency))),
                None => details.add(format_args!("{amount}")),
            }
        }
        if let Some(value) = self.value {
            details.add(format_args!("value {value}"));
        }
    }

    fn request_details(&self, details: &mut Details<'_>) {
        let Some(request) = &self.request else { return };
        details.add(format_args!("{}", shown(&request.action)));
        if let Some(percent) = request.percent {
            details.add(format_args!("{percent} %"));
        }
        if let Some(amount) = request.amount {
            let currency = request.currency.as_deref().unwrap_or("");
            details.add(format_args!("{amount}{}{}", if currency.is_empty() { "" } else { " " }, shown(currency)));
        }
        for change in request.changes.iter().take(MAX_ATTRIBUTES) {
            details.add(format_args!("change of {}", shown(change)));
        }
    }

    fn attribute_details(&self, details: &mut Details<'_>) {
        for (name, value) in self.attributes.iter().take(MAX_ATTRIBUTES) {
            let name = name.replace('_', " ");
            match value {
                Value::String(text) => details.add(format_args!("{} {}", shown(&name), shown(text))),
                Value::Number(number) => details.add(format_args!("{} {number}", shown(&name))),
                Value::Bool(flag) => details.add(format_args!("{} {flag}", shown(&name))),
                Value::Null | Value::Array(_) | Value::Object(_) => {}
            }
        }
    }
}

fn shown(text: &str) -> std::borrow::Cow<'_, str> {
    plain(capped(text, MAX_DETAIL_CHARS))
}

/// Appends what was said, so that the closing quote stays when it is cut.
fn quote(out: &mut String, text: &str) {
    let used = out.chars().count();
    let room = MAX_CHARS.saturating_sub(used + 4);
    let text = plain(text.trim());
    let kept = capped(&text, room);
    out.push_str(": \"");
    out.push_str(kept);
    if kept.len() < text.len() {
        while out.chars().count() >= MAX_CHARS - 1 {
            out.pop();
        }
        out.push('…');
    }
    out.push('"');
}

/// Returns the first `chars` characters of a text.
pub fn capped(text: &str, chars: usize) -> &str {
    if text.len() <= chars {
        return text;
    }
    text.char_indices().nth(chars).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

/// Writes ": first, second".
struct Details<'a> {
    out: &'a mut String,
    any: bool,
}

impl Details<'_> {
    fn add(&mut self, what: std::fmt::Arguments<'_>) {
        self.out.push_str(if self.any { ", " } else { ": " });
        self.any = true;
        let _ = self.out.write_fmt(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(fields: Value) -> String {
        let mut event = json!({"event_id": "e", "occurred_at": "2026-01-01T00:00:00Z", "channel": "chat"});
        for (name, value) in fields.as_object().unwrap() {
            event[name] = value.clone();
        }
        serde_json::from_value::<Event>(event).unwrap().fact_text().to_string()
    }

    #[test]
    fn events_read_as_sentences() {
        for (event, wanted) in [
            (
                json!({"type": "message", "actor": "customer", "text": " Line is down\u{7} "}),
                "Customer wrote: \"Line is down\"",
            ),
            (
                json!({"type": "message", "actor": "ai_agent", "text": "Try again", "ai": {"confidence": 0.62, "domain": "custom_api"}}),
                "AI answered (confidence 0.62) on custom_api: \"Try again\"",
            ),
            (json!({"type": "message.draft", "actor": "ai_agent", "text": "Hi"}), "AI's draft, not sent: \"Hi\""),
            (
                json!({"type": "order", "quantity": 3, "amount": "150.00", "currency": "USD", "attributes": {"sku": "R-12"}}),
                "Order: quantity 3, 150.00 USD, sku R-12",
            ),
            (
                json!({"type": "feature.used", "attributes": {"feature": "advanced_analytics"}}),
                "Feature used: feature advanced_analytics",
            ),
            (
                json!({"type": "ticket.opened", "subject": "T-1", "text": "API errors"}),
                "Ticket opened: T-1: \"API errors\"",
            ),
            (
                json!({"type": "request", "request": {"action": "overdraft_waiver", "amount": "40.00", "currency": "USD", "changes": ["hardship_claim"]}}),
                "Request: overdraft_waiver, 40.00 USD, change of hardship_claim",
            ),
            (json!({"type": "note", "text": "Likes tea"}), "Internal note: \"Likes tea\""),
        ] {
            assert_eq!(text(event), wanted);
        }
    }

    #[test]
    fn a_cap_never_splits_a_character() {
        assert_eq!((capped("äöü", 2), capped("äöü", 3), capped("abc", 0)), ("äö", "äöü", ""));
    }

    #[test]
    fn a_long_text_is_cut_inside_its_quotes() {
        let said = text(json!({"type": "message", "text": "ä".repeat(2_000)}));
        assert_eq!(said.chars().count(), 500);
        assert!(said.ends_with("…\""), "{said}");
        assert!(text(json!({"type": "note", "text": "b".repeat(470)})).chars().count() <= 500);
    }
}
