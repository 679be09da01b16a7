//! Shows handoffs as they come: a card for each new one, a line for what becomes of it.

use super::company::Company;
use crate::card;
use crate::terminal::{Paint, plain};
use baton_records::{CloseReason, Handoff, OverflowReason, Status};
use std::io::{self, Write};
use std::time::Duration;

/// Shows one revision; `took` is the time since the event that caused it.
///
/// # Errors
/// When it cannot be written.
pub fn revision(
    company: &Company,
    handoff: &Handoff,
    took: Option<Duration>,
    paint: Paint,
    out: &mut impl Write,
) -> io::Result<()> {
    if handoff.status != Status::Opened {
        let place = format!("{} {}", company.title, plain(&handoff.account_id));
        return writeln!(out, "  {} {}", paint.dim(&format!("> {place}:")), news(handoff));
    }
    let took =
        took.map_or_else(|| "a deadline passed".to_owned(), |took| format!("{} ms after its event", took.as_millis()));
    writeln!(out, "\n{}", paint.bold(&format!("--- {}, {took} ---", company.title)))?;
    card::write(handoff, paint, out)
}

/// Says in a few words what a later revision is about.
fn news(handoff: &Handoff) -> String {
    let agent = handoff.agent.as_ref();
    let who = agent.map_or("nobody".into(), |agent| plain(&agent.agent_id));
    match handoff.status {
        Status::Opened => "opened".to_owned(),
        Status::Assigned => {
            let why: Vec<_> = agent.iter().flat_map(|agent| &agent.why).map(|why| plain(why)).collect();
            format!("{who} of {} is asked ({})", plain(&handoff.team), why.join(", "))
        }
        Status::Updated => format!("updated; {who} has it, owner number {} of the conversation", handoff.epoch),
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
