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
}

/// All lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    teams: BTreeMap<Id, BTreeMap<Needs, Line>>,
    /// Those that some agents must not be offered, by team.
    marked: BTreeMap<Id, BTreeSet<Id>>,
}

impl Lines {
    /// Adds a handoff if it waits or rests.
    pub fn enter(&mut self, entry: &Entry) {
        let team = &entry.request.team;
        let line = || entry.needs();
        match entry.place {
            Place::Waiting => {
                self.teams.entry(team.clone()).or_default().entry(line()).or_default().waiting.insert(entry.turn());
                if !entry.tried.is_empty() || !entry.request.declined.is_empty() {
                    self.marked.entry(team.clone()).or_default().insert(entry.id().clone());
                }
            }
            Place::Resting => {
                self.teams.entry(team.clone()).or_default().entry(line()).or_default().resting.insert(entry.turn());
            }
            Place::Offered { .. } | Place::Accepted { .. } | Place::Left => {}
        }
    }

    /// Removes a handoff, as it was when it entered.
    pub fn leave(&mut self, entry: &Entry) {
        if !matches!(entry.place, Place::Waiting | Place::Resting) {
            return;
        }
        let team = &entry.request.team;
        if let Some(marked) = self.marked.get_mut(team) {
            marked.remove(entry.id());
        }
        let Some(lines) = self.teams.get_mut(team) else { return };
        let needs = entry.needs();
        let Some(line) = lines.get_mut(&needs) else { return };
        line.waiting.remove(&entry.turn());
        line.resting.remove(&entry.turn());
        if line.waiting.is_empty() && line.resting.is_empty() {
            lines.remove(&needs);
        }
    }

    /// Returns the lines of a team.
    pub fn of(&self, team: &Id) -> impl Iterator<Item = (&Needs, &Line)> {
        self.teams.get(team).into_iter().flatten()
    }

    /// Returns the waiting handoffs of a team that some agents must not be offered.
    pub fn marked(&self, team: &Id) -> impl Iterator<Item = &Id> {
        self.marked.get(team).into_iter().flatten()
    }
}
