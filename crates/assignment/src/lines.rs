//! The queues: who waits, by team and by what they need.
//!
//! Handoffs of a team that need the same of an agent wait in one line. An agent who becomes free looks at the heads of
//! the lines whose needs they meet, so no step depends on how many handoffs wait. Within a line they pass over those that
//! they declined or let lapse themselves.

use crate::entry::{Entry, Place, Turn};
use crate::need::Needs;
use baton_records::Id;
use std::collections::{BTreeMap, BTreeSet};

/// One line.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub waiting: BTreeSet<Turn>,
    pub resting: BTreeSet<Turn>,
    /// The waiting handoffs that an agent declined or let lapse, by agent.
    refused: BTreeMap<Id, BTreeSet<Id>>,
}

static NONE: BTreeSet<Id> = BTreeSet::new();

impl Line {
    /// Returns the waiting handoffs among which all are that each of these agents has refused: those of the agent who has
    /// refused least. None when there is no agent.
    pub fn refused_by_all<'a>(&self, agents: impl Iterator<Item = &'a Id>) -> Option<&BTreeSet<Id>> {
        let mut least = None;
        for agent_id in agents {
            let refused = self.refused.get(agent_id).unwrap_or(&NONE);
            if refused.is_empty() {
                return Some(refused);
            }
            least = least.filter(|least: &&BTreeSet<Id>| least.len() <= refused.len()).or(Some(refused));
        }
        least
    }
}

/// Returns the agents who must not be offered a handoff in this step.
fn refusers(entry: &Entry) -> impl Iterator<Item = &Id> {
    entry.request.declined.iter().chain(entry.tried.iter().map(|tried| &tried.agent_id))
}

/// All lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    teams: BTreeMap<Id, BTreeMap<Needs, Line>>,
}

impl Lines {
    /// Adds a handoff if it waits or rests.
    pub fn enter(&mut self, entry: &Entry) {
        if !matches!(entry.place, Place::Waiting | Place::Resting) {
            return;
        }
        let line = self.teams.entry(entry.request.team.clone()).or_default().entry(entry.needs()).or_default();
        if entry.place == Place::Resting {
            line.resting.insert(entry.turn());
            return;
        }
        line.waiting.insert(entry.turn());
        for agent_id in refusers(entry) {
            line.refused.entry(agent_id.clone()).or_default().insert(entry.id().clone());
        }
    }

    /// Removes a handoff, as it was when it entered.
    pub fn leave(&mut self, entry: &Entry) {
        if !matches!(entry.place, Place::Waiting | Place::Resting) {
            return;
        }
        let Some(lines) = self.teams.get_mut(&entry.request.team) else { return };
        let needs = entry.needs();
        let Some(line) = lines.get_mut(&needs) else { return };
        line.waiting.remove(&entry.turn());
        line.resting.remove(&entry.turn());
        for agent_id in refusers(entry) {
            if let Some(refused) = line.refused.get_mut(agent_id) {
                refused.remove(entry.id());
                if refused.is_empty() {
                    line.refused.remove(agent_id);
                }
            }
        }
        if line.waiting.is_empty() && line.resting.is_empty() {
            lines.remove(&needs);
        }
    }

    /// Returns the lines of a team.
    pub fn of(&self, team: &Id) -> impl Iterator<Item = (&Needs, &Line)> {
        self.teams.get(team).into_iter().flatten()
    }
}
