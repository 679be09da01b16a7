//! A handoff as a card for people: who, why, how urgent, until when, what to do, what is known.

use crate::terminal::{Paint, number, plain};
use baton_records::{Approval, Handoff, Priority, Quorum, ReasonForHandoff, Stage, Status};
use std::io::{self, Write};

/// A card shows so many of the newest facts.
const FACTS: usize = 8;

/// Writes the card of one revision.
///
/// # Errors
/// When it cannot be written.
pub fn write(handoff: &Handoff, paint: Paint, out: &mut impl Write) -> io::Result<()> {
    let row = |out: &mut _, name: &str, text: Option<String>| row(out, paint, name, text);
    writeln!(
        out,
        "{}  {}  {}  (revision {}, {})",
        paint.urgent(handoff.priority, priority(handoff.priority)),
        paint.bold(&plain(&handoff.team)),
        status(handoff),
        handoff.revision,
        handoff.decided_at
    )?;
    let mut about = plain(&handoff.account_id).into_owned();
    for (name, value) in [("conversation", &handoff.conversation_id), ("contact", &handoff.contact_id)] {
        if let Some(value) = value {
            about = format!("{about}, {name} {}", plain(value));
        }
    }
    row(out, "about", Some(format!("{about}, {}", plain(&handoff.language))))?;
    row(
        out,
        "agent",
        handoff.agent.as_ref().map(|agent| format!("{}{}", plain(&agent.agent_id), because(&agent.why))),
    )?;
    for reason in &handoff.reasons {
        row(out, "why", Some(why(reason)))?;
    }
    row(out, "until", deadlines(handoff))?;
    row(out, "do", list(&handoff.workflow))?;
    row(out, "approve", handoff.approval.as_ref().map(approval))?;
    row(out, "told", list(&handoff.notify))?;
    row(out, "known", Some(plain(&handoff.dossier.summary).into_owned()).filter(|summary| !summary.is_empty()))?;
    let skipped = handoff.dossier.facts.len().saturating_sub(FACTS);
    for fact in handoff.dossier.facts.iter().skip(skipped) {
        let when = paint.dim(&fact.as_of.to_string());
        writeln!(out, "           {when}  {}  {}", fact.source.name(), plain(&fact.text))?;
    }
    row(out, "missing", list(&handoff.dossier.missing_sources))?;
    row(out, "id", Some(format!("{}  (policy {})", plain(&handoff.handoff_id), plain(&handoff.policy_version))))
}

fn row(out: &mut impl Write, paint: Paint, name: &str, text: Option<String>) -> io::Result<()> {
    let name = paint.dim(&format!("{name:<8}"));
    text.map_or(Ok(()), |text| writeln!(out, "  {name} {text}"))
}

fn list(texts: &[baton_records::Id]) -> Option<String> {
    let texts: Vec<_> = texts.iter().map(|text| plain(text)).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

fn because(why: &[baton_records::Id]) -> String {
    list(why).map_or_else(String::new, |why| format!(": {why}"))
}

fn why(reason: &ReasonForHandoff) -> String {
    format!(
        "{}  ({}, value {}, threshold {})",
        plain(&reason.summary),
        plain(&reason.rule),
        number(reason.value),
        number(reason.threshold)
    )
}

fn deadlines(handoff: &Handoff) -> Option<String> {
    let named = [("first answer", handoff.sla.first_response_due), ("done", handoff.sla.resolution_due)];
    let due: Vec<_> = named.iter().filter_map(|(name, due)| due.map(|due| format!("{name} {due}"))).collect();
    (!due.is_empty()).then(|| format!("{}  ({})", due.join(", "), plain(&handoff.sla.tier)))
}

fn approval(approval: &Approval) -> String {
    let approvers = list(&approval.approvers).unwrap_or_default();
    let quorum = match approval.quorum {
        Quorum::Any => "one of",
        Quorum::All => "all of",
    };
    format!("{}: {quorum} {approvers} until {}  ({})", plain(&approval.action), approval.due, plain(&approval.clause))
}

const fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Critical => "CRITICAL",
        Priority::High => "HIGH",
        Priority::Normal => "NORMAL",
        Priority::Low => "LOW",
    }
}

fn status(handoff: &Handoff) -> String {
    let status = match handoff.status {
        Status::Opened => "opened",
        Status::Assigned => "assigned",
        Status::Updated => "updated",
        Status::AtRisk => "at risk",
        Status::Overflowed => "overflowed",
        Status::Breached => "breached",
        Status::Approved => "approved",
        Status::Denied => "denied",
        Status::Closed => "closed",
    };
    let stage = match handoff.stage {
        Stage::Observe => ", a human reads along",
        Stage::Join => ", a human joins",
        Stage::Own => "",
    };
    format!("{status}{stage}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDOFF: &str = r#"{
        "handoff_id": "h-YWNtZQ-0123456789abcdef", "revision": 2, "epoch": 1, "status": "assigned", "account_id": "acme",
        "conversation_id": "conv-9", "contact_id": null, "channel": "chat", "language": "en", "identities": {},
        "external": null, "close_reason": null, "stage": "join", "priority": "critical", "team": "tier3", "bypassed": [],
        "agent": {"agent_id": "a-7", "why": ["certified", "idle longest"]}, "notify": ["account_manager"],
        "requirements": [], "overflow": null,
        "sla": {"tier": "enterprise", "first_response_due": "2026-03-02T11:00:00Z", "resolution_due": null},
        "reasons": [{"strategy": "priority", "rule": "priority.outage", "team": "tier3", "priority": "critical",
            "summary": "Outage", "value": 0.91, "threshold": 0.7, "evidence": ["e1"]}],
        "workflow": ["call the client"],
        "approval": {"action": "discount", "request": {"action": "discount"}, "digest": "ab", "approvers": ["vp", "cfo"],
            "quorum": "all", "due": "2026-03-02T12:00:00Z", "clause": "up to 15 percent"},
        "dossier": {"brief": "b", "summary": "The system is\u001b[2J down", "missing_sources": ["usage"], "stale": [],
            "facts": [{"text": "Our line is down", "source": "chat", "event_id": "e1", "as_of": "2026-03-02T10:00:00Z"}]},
        "policy_version": "saas@7", "decided_at": "2026-03-02T10:00:00Z"}"#;

    fn card(handoff: &Handoff) -> String {
        let mut out = Vec::new();
        write(handoff, Paint::Plain, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_card_tells_all_that_a_human_needs() {
        let expected = "\
CRITICAL  tier3  assigned, a human joins  (revision 2, 2026-03-02T10:00:00Z)
  about    acme, conversation conv-9, en
  agent    a-7: certified, idle longest
  why      Outage  (priority.outage, value 0.91, threshold 0.7)
  until    first answer 2026-03-02T11:00:00Z  (enterprise)
  do       call the client
  approve  discount: all of vp, cfo until 2026-03-02T12:00:00Z  (up to 15 percent)
  told     account_manager
  known    The system is\u{fffd}[2J down
           2026-03-02T10:00:00Z  chat  Our line is down
  missing  usage
  id       h-YWNtZQ-0123456789abcdef  (policy saas@7)
";
        assert_eq!(card(&serde_json::from_str(HANDOFF).unwrap()), expected);
    }

    #[test]
    fn a_card_shows_the_newest_facts_and_leaves_out_what_is_empty() {
        let mut handoff: Handoff = serde_json::from_str(HANDOFF).unwrap();
        let fact = handoff.dossier.facts[0].clone();
        handoff.dossier.facts =
            (0..20).map(|n| baton_records::Fact { text: format!("fact-{n}").into(), ..fact.clone() }).collect();
        handoff.agent = None;
        handoff.approval = None;
        handoff.notify.clear();
        let text = card(&handoff);
        assert_eq!(text.matches("fact-").count(), FACTS);
        assert!(text.contains("fact-19") && text.contains("fact-12") && !text.contains("fact-11\n"));
        assert!(!text.contains("agent") && !text.contains("approve") && !text.contains("told"));
    }
}
