//! Shows handoffs as they come: a card for each new one, a line for what becomes of it.

use super::company::Company;
use crate::card;
use crate::terminal::{Paint, plain};
use baton_records::{CloseReason, Handoff, Id, OverflowReason, Status};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

/// Shows revisions, and remembers the last one of each handoff to tell what is new.
pub struct Screen {
    paint: Paint,
    last: BTreeMap<Id, Handoff>,
}

impl Screen {
    /// Makes a screen on which nothing stands yet.
    pub const fn new(paint: Paint) -> Self {
        Self { paint, last: BTreeMap::new() }
    }

    /// Shows one revision; `took` is the time since the event that caused it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn revision(
        &mut self,
        company: &Company,
        handoff: &Handoff,
        took: Option<Duration>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let last = self.last.insert(handoff.handoff_id.clone(), handoff.clone());
        if let Some(last) = last {
            let place = format!("> {} {}:", company.title, plain(&handoff.account_id));
            return writeln!(out, "  {} {}", self.paint.dim(&place), news(&last, handoff));
        }
        let took = match took {
            Some(took) => format!("{} ms after its event", took.as_millis()),
            None => "a deadline passed".to_owned(),
        };
        writeln!(out, "\n{}", self.paint.bold(&format!("--- {}, {took} ---", company.title)))?;
        card::write(handoff, self.paint, out)
    }
}

/// Says in a few words what a later revision is about.
fn news(last: &Handoff, handoff: &Handoff) -> String {
    let agent = handoff.agent.as_ref();
    let who = agent.map_or("nobody".into(), |agent| plain(&agent.agent_id));
    match handoff.status {
        Status::Opened => "opened".to_owned(),
        Status::Assigned => {
            let why: Vec<_> = agent.iter().flat_map(|agent| &agent.why).map(|why| plain(why)).collect();
            format!("{who} is asked: {}", why.join(", "))
        }
        Status::Updated => updated(last, handoff, &who),
        Status::AtRisk => "at risk: most of the promised time is gone".to_owned(),
        Status::Overflowed => {
            let because = match handoff.overflow.as_ref().map(|overflow| overflow.reason) {
                Some(OverflowReason::NoCertified) => "nobody certified is there",
                Some(OverflowReason::NobodyEligible) => "nobody may take it",
                Some(OverflowReason::NoFreeAgent) | None => "nobody is free",
            };
            format!("goes over to {}, because {because}", plain(&handoff.team))
        }
        Status::Breached => "a promised time has passed".to_owned(),
        Status::Approved => "the request is approved".to_owned(),
        Status::Denied => "the request is denied".to_owned(),
        Status::Closed => {
            let how = match handoff.close_reason {
                Some(CloseReason::Resolved) | None => "resolved",
                Some(CloseReason::Dismissed) => "a false alarm",
                Some(CloseReason::Abandoned) => "the customer left",
                Some(CloseReason::Denied) => "denied",
                Some(CloseReason::Expired) => "nothing happened any more",
                Some(CloseReason::WithinAuthority) => "the request is within authority now",
            };
            format!("closed by {who}: {how}")
        }
    }
}

fn updated(last: &Handoff, handoff: &Handoff, who: &str) -> String {
    let new = handoff.reasons.iter().find(|reason| last.reasons.iter().all(|old| old.rule != reason.rule));
    if let Some(reason) = new {
        return format!("one more reason: {}", plain(&reason.summary));
    }
    if handoff.epoch > last.epoch {
        return format!("{who} accepts, and the conversation is theirs");
    }
    if handoff.stage != last.stage || handoff.team != last.team {
        return format!("goes on with {}", plain(&handoff.team));
    }
    let evidence = |handoff: &Handoff| handoff.reasons.iter().map(|reason| reason.evidence.len()).sum::<usize>();
    if evidence(handoff) > evidence(last) {
        return "more evidence".to_owned();
    }
    format!("{who} is on it")
}

#[cfg(test)]
mod tests {
    use super::super::company::COMPANIES;
    use super::*;

    const HANDOFF: &str = r#"{"handoff_id": "h-1", "revision": 1, "epoch": 1, "status": "opened", "account_id": "acme",
        "conversation_id": null, "contact_id": null, "channel": null, "language": "en", "identities": {},
        "external": null, "close_reason": null, "stage": "own", "priority": "high", "team": "tier3", "bypassed": [],
        "agent": {"agent_id": "a-7", "why": ["certified"]}, "notify": [], "requirements": [], "overflow": null,
        "sla": {"tier": "gold", "first_response_due": null, "resolution_due": null},
        "reasons": [{"strategy": "priority", "rule": "r", "team": "tier3", "priority": "high", "summary": "Outage",
            "value": 1, "threshold": 1, "evidence": ["e1"]}],
        "workflow": [], "approval": null, "dossier": {"brief": "", "summary": "", "missing_sources": [], "stale": [],
        "facts": []}, "policy_version": "saas@1", "decided_at": "2026-03-02T10:00:00Z"}"#;

    /// Shows a handoff, then what `change` makes of it; returns the second output.
    fn after(change: impl Fn(&mut Handoff)) -> String {
        let mut screen = Screen::new(Paint::Plain);
        let mut handoff: Handoff = serde_json::from_str(HANDOFF).unwrap();
        let mut out = Vec::new();
        let took = Some(Duration::from_millis(25));
        screen.revision(&COMPANIES[0], &handoff, took, &mut out).unwrap();
        let card = String::from_utf8(std::mem::take(&mut out)).unwrap();
        assert!(card.starts_with("\n--- Software company, 25 ms after its event ---\nHIGH  tier3"), "{card}");
        change(&mut handoff);
        screen.revision(&COMPANIES[0], &handoff, took, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_later_revision_is_one_line_about_what_is_new() {
        let line = |what: &str| format!("  > Software company acme: {what}\n");
        let update = |change: fn(&mut Handoff)| {
            after(|handoff| {
                handoff.status = Status::Updated;
                change(handoff);
            })
        };
        assert_eq!(after(|h| h.status = Status::Assigned), line("a-7 is asked: certified"));
        assert_eq!(update(|h| h.epoch = 2), line("a-7 accepts, and the conversation is theirs"));
        assert_eq!(update(|h| h.reasons[0].evidence.push("e2".into())), line("more evidence"));
        assert_eq!(update(|h| h.reasons[0].rule = "s".into()), line("one more reason: Outage"));
        assert_eq!(update(|h| h.team = "tier4".into()), line("goes on with tier4"));
        assert_eq!(update(|_| {}), line("a-7 is on it"));
        let close = |h: &mut Handoff| (h.status, h.close_reason) = (Status::Closed, Some(CloseReason::Resolved));
        assert_eq!(after(close), line("closed by a-7: resolved"));
    }
}
