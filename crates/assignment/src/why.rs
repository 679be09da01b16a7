//! Why an agent was chosen, for people.

use crate::entry::Entry;
use crate::need::Need;
use crate::roster::Roster;
use baton_records::{Id, Timestamp};

/// Returns the reasons for an offer: the team, each need and how it is met, what the agent has resolved of the family of
/// the subject, and their load.
pub(crate) fn offered(
    roster: &Roster,
    entry: &Entry,
    agent_id: &Id,
    now: Timestamp,
    resolved: Option<(&Id, u32)>,
) -> Vec<Id> {
    let Some(agent) = roster.agent(agent_id) else { return Vec::new() };
    let mut why = vec![Id::from(format!("works in {}", entry.request.team))];
    for need in entry.needs().0 {
        why.push(Id::from(match need {
            Need::Skill { skill, level } => {
                let has = roster.level(agent_id, &skill, now).unwrap_or(0);
                format!("holds {skill} at level {has}, {level} is needed")
            }
            Need::Language(language) => format!("speaks {language}"),
            Need::Industry(industry) => format!("knows {industry}"),
            Need::Dedicated { account_id, .. } if agent.accounts.contains(&account_id) => {
                format!("is dedicated to {account_id}")
            }
            Need::Dedicated { deputy, .. } => {
                format!("is a deputy who knows {}", deputy.as_deref().unwrap_or("the industry"))
            }
        }));
    }
    let (load, capacity) = (roster.load(agent), agent.capacity);
    match resolved.filter(|(_, count)| *count > 0) {
        Some((family, count)) => {
            why.push(Id::from(format!("has resolved {count} of {family}, the most of those who are free")));
            why.push(Id::from(format!("has {load} of {capacity} in work")));
        }
        None => why.push(Id::from(format!("has {load} of {capacity} in work, the least of those who are free"))),
    }
    why
}
