//! The agents: who is there, what they can, what they hold.

use crate::need::{Need, Needs, Profile, speaks};
use baton_records::{Agent, AgentStatus, Id, Timestamp};
use baton_stream::{Store, Table};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What *assign* remembers of an agent beside their record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// When they last lost or finished a handoff; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
    /// Since when they have been there, or able to do what they can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_at: Option<Timestamp>,
}

/// How a free agent ranks: least load, then idle for longest, then id.
type Seat = (u32, Option<Timestamp>, Id);

/// Whether the agents of an account are there to take a handoff; if not, deputies are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    There,
    Missing,
}

/// The agents and their indexes. Those marked *derived* are built anew from the tables after a restore.
#[derive(Debug)]
pub(crate) struct Roster {
    agents: Table<Id, Arc<Agent>>,
    standing: Table<Id, Standing>,
    profiles: BTreeMap<Id, Profile>,
    teams: BTreeMap<Id, BTreeSet<Id>>,
    dedicated: BTreeMap<Id, BTreeSet<Id>>,
    held: BTreeMap<Id, BTreeSet<Id>>,
    free: BTreeMap<Id, BTreeSet<Seat>>,
    seats: BTreeMap<Id, Seat>,
}

impl Roster {
    pub fn new() -> Self {
        Self {
            agents: Table::new("assign.agents"),
            standing: Table::new("assign.standing"),
            profiles: BTreeMap::new(),
            teams: BTreeMap::new(),
            dedicated: BTreeMap::new(),
            held: BTreeMap::new(),
            free: BTreeMap::new(),
            seats: BTreeMap::new(),
        }
    }

    pub fn stores(&mut self) -> [&mut dyn Store; 2] {
        [&mut self.agents, &mut self.standing]
    }

    /// Builds the indexes of the restored agents.
    pub fn index(&mut self) {
        let all: Vec<_> = self.agents.iter().map(|(_, agent)| Arc::clone(agent)).collect();
        for agent in &all {
            self.enlist(agent);
        }
    }

    pub fn agent(&self, agent_id: &Id) -> Option<&Arc<Agent>> {
        self.agents.get(agent_id)
    }

    /// Sets an agent's record, and since when they have been back if they are; returns the record before.
    pub fn set(&mut self, agent: Agent, back_at: Option<Timestamp>) -> Option<Arc<Agent>> {
        let before = self.strike(&agent.agent_id);
        if let Some(at) = back_at {
            let next = |known: Timestamp| at.max(Timestamp::from_millis(known.millis().saturating_add(1)));
            self.standing.update_or_default(&agent.agent_id, |s| s.back_at = Some(s.back_at.map_or(at, next)));
        }
        self.enlist(&agent);
        self.agents.put(agent.agent_id.clone(), Arc::new(agent));
        before
    }

    /// Removes an agent; what they hold they go on holding.
    pub fn remove(&mut self, agent_id: &Id) -> Option<Arc<Agent>> {
        let before = self.strike(agent_id);
        self.agents.remove(agent_id);
        self.standing.remove(agent_id);
        before
    }

    /// Notes that an agent holds a handoff.
    pub fn hold(&mut self, agent_id: &Id, handoff_id: &Id) {
        self.held.entry(agent_id.clone()).or_default().insert(handoff_id.clone());
        self.reseat(agent_id);
    }

    /// Notes that an agent no longer holds a handoff.
    pub fn release(&mut self, agent_id: &Id, handoff_id: &Id, at: Timestamp) {
        let Some(held) = self.held.get_mut(agent_id) else { return };
        if !held.remove(handoff_id) {
            return;
        }
        if held.is_empty() {
            self.held.remove(agent_id);
        }
        if self.agents.get(agent_id).is_some() {
            self.standing.update_or_default(agent_id, |s| s.released_at = s.released_at.max(Some(at)));
        }
        self.reseat(agent_id);
    }

    /// Returns the handoffs that an agent holds.
    pub fn held(&self, agent_id: &Id) -> impl Iterator<Item = &Id> {
        self.held.get(agent_id).into_iter().flatten()
    }

    /// Returns an agent's work, in and outside of Baton.
    pub fn load(&self, agent: &Agent) -> u32 {
        let held = self.held.get(&agent.agent_id).map_or(0, BTreeSet::len);
        agent.load.saturating_add(u32::try_from(held).unwrap_or(u32::MAX))
    }

    pub fn is_free(&self, agent_id: &Id) -> bool {
        self.seats.contains_key(agent_id)
    }

    pub fn back_at(&self, agent_id: &Id) -> Option<Timestamp> {
        self.standing.get(agent_id).and_then(|standing| standing.back_at)
    }

    /// Returns the best free agent of a team who meets the needs and is not excluded: of the highest level, then of the
    /// highest rank, if there is a ranking.
    pub fn best(
        &self,
        team: &Id,
        needs: &Needs,
        now: Timestamp,
        excluded: &dyn Fn(&Id) -> bool,
        rank: Option<&dyn Fn(&Id) -> u32>,
    ) -> Option<&Id> {
        let owner = self.owner(team, needs, excluded);
        let seats = self.free.get(team)?.iter().map(|(_, _, agent_id)| agent_id);
        let mut able = seats.filter(|id| !excluded(id) && self.fits(id, needs, now, owner));
        if needs.skilled() || rank.is_some() {
            // Seats come in the order of the other criteria, and the first of equals is kept.
            able.min_by_key(|id| Reverse((self.levels(id, needs, now), rank.map_or(0, |rank| rank(id)))))
        } else {
            able.next()
        }
    }

    /// Tells whether an agent of a team who is available, away or busy meets the needs.
    pub fn somebody(&self, team: &Id, needs: &Needs, now: Timestamp, excluded: &dyn Fn(&Id) -> bool) -> bool {
        let owner = self.owner(team, needs, excluded);
        let there = |id: &&Id| self.agents.get(*id).is_some_and(|agent| agent.status != AgentStatus::Offline);
        let mut members = self.teams.get(team).into_iter().flatten().filter(there);
        members.any(|id| !excluded(id) && self.fits(id, needs, now, owner))
    }

    /// Returns the agents of a team who are available, away or busy and could meet the needs, as deputies too.
    pub fn able<'a>(&'a self, team: &Id, needs: &'a Needs, now: Timestamp) -> impl Iterator<Item = &'a Id> {
        let there = |id: &&Id| self.agents.get(*id).is_some_and(|agent| agent.status != AgentStatus::Offline);
        let members = self.teams.get(team).into_iter().flatten();
        members.filter(there).filter(move |id| self.could(id, needs, now))
    }

    /// Tells whether any agent of a team, there or not, meets the needs.
    pub fn anybody(&self, team: &Id, needs: &Needs, now: Timestamp) -> bool {
        let mut members = self.teams.get(team).into_iter().flatten();
        members.any(|id| self.fits(id, needs, now, Owner::Missing))
    }

    /// Tells whether an agent could meet the needs, as a deputy too.
    pub fn could(&self, agent_id: &Id, needs: &Needs, now: Timestamp) -> bool {
        self.fits(agent_id, needs, now, Owner::Missing)
    }

    /// Tells whether an agent meets the needs now.
    pub fn meets(&self, id: &Id, team: &Id, needs: &Needs, now: Timestamp, excluded: &dyn Fn(&Id) -> bool) -> bool {
        self.fits(id, needs, now, self.owner(team, needs, excluded))
    }

    /// Returns the level of a skill that counts at this moment.
    pub fn level(&self, agent_id: &Id, skill: &Id, now: Timestamp) -> Option<u32> {
        self.profiles.get(agent_id).and_then(|profile| profile.level(skill, now))
    }

    fn owner(&self, team: &Id, needs: &Needs, excluded: &dyn Fn(&Id) -> bool) -> Owner {
        let Some(account_id) = needs.dedicated_to() else { return Owner::Missing };
        let there = |id: &&Id| {
            let available = |agent: &Agent| agent.status == AgentStatus::Available && agent.teams.contains(team);
            self.agents.get(*id).is_some_and(|agent| available(agent)) && !excluded(id)
        };
        let mut owners = self.dedicated.get(account_id).into_iter().flatten();
        if owners.any(|id| there(&id)) { Owner::There } else { Owner::Missing }
    }

    fn fits(&self, agent_id: &Id, needs: &Needs, now: Timestamp, owner: Owner) -> bool {
        let Some(agent) = self.agents.get(agent_id) else { return false };
        needs.0.iter().all(|need| match need {
            Need::Skill { skill, level } => self.level(agent_id, skill, now).is_some_and(|has| has >= *level),
            Need::Language(wanted) => agent.languages.iter().any(|spoken| speaks(spoken, wanted)),
            Need::Industry(industry) => agent.industries.contains(industry),
            Need::Dedicated { account_id, deputy } => {
                let deputy = || deputy.as_ref().is_some_and(|industry| agent.industries.contains(industry));
                agent.accounts.contains(account_id) || (owner == Owner::Missing && deputy())
            }
        })
    }

    fn levels(&self, agent_id: &Id, needs: &Needs, now: Timestamp) -> u32 {
        let level = |need: &Need| match need {
            Need::Skill { skill, .. } => self.level(agent_id, skill, now).unwrap_or(0),
            _ => 0,
        };
        needs.0.iter().map(level).fold(0, u32::saturating_add)
    }

    fn enlist(&mut self, agent: &Agent) {
        let id = &agent.agent_id;
        self.profiles.insert(id.clone(), Profile::of(agent));
        for team in &agent.teams {
            self.teams.entry(team.clone()).or_default().insert(id.clone());
        }
        for account in &agent.accounts {
            self.dedicated.entry(account.clone()).or_default().insert(id.clone());
        }
        self.seat(agent);
    }

    fn strike(&mut self, agent_id: &Id) -> Option<Arc<Agent>> {
        let before = Arc::clone(self.agents.get(agent_id)?);
        self.unseat(&before);
        self.profiles.remove(agent_id);
        for (keys, index) in [(&before.teams, &mut self.teams), (&before.accounts, &mut self.dedicated)] {
            for key in keys {
                if let Some(members) = index.get_mut(key) {
                    members.remove(agent_id);
                    if members.is_empty() {
                        index.remove(key);
                    }
                }
            }
        }
        Some(before)
    }

    fn reseat(&mut self, agent_id: &Id) {
        if let Some(agent) = self.agents.get(agent_id).map(Arc::clone) {
            self.unseat(&agent);
            self.seat(&agent);
        }
    }

    fn seat(&mut self, agent: &Agent) {
        let load = self.load(agent);
        if agent.status != AgentStatus::Available || load >= agent.capacity {
            return;
        }
        let released_at = self.standing.get(&agent.agent_id).and_then(|standing| standing.released_at);
        let seat = (load, released_at, agent.agent_id.clone());
        for team in &agent.teams {
            self.free.entry(team.clone()).or_default().insert(seat.clone());
        }
        self.seats.insert(agent.agent_id.clone(), seat);
    }

    fn unseat(&mut self, agent: &Agent) {
        let Some(seat) = self.seats.remove(&agent.agent_id) else { return };
        for team in &agent.teams {
            if let Some(free) = self.free.get_mut(team) {
                free.remove(&seat);
            }
        }
    }
}
