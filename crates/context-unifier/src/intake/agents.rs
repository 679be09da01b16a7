//! Which pool an agent is in.

use baton_policy::Policy;
use baton_records::{Agent, Id, PoolRecord, Timestamp};
use baton_stream::{Outbox, Store, Table, wire};
use serde::{Deserialize, Serialize};

/// An agent, and the pool that knows of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Placed {
    #[serde(rename = "a")]
    agent: Agent,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pool: Option<Id>,
}

/// The agents of one partition.
#[derive(Debug)]
pub(crate) struct Agents {
    placed: Table<Id, Placed>,
}

/// Teams lie in two pools.
pub(crate) struct TwoPools;

/// The pool of a policy that lists none.
const ONLY_POOL: Id = Id::new_static("all");

/// Returns the pool of somebody with these teams. The only pool takes everybody; with several, a team that no pool has
/// leads nowhere.
fn pool_of(policy: &Policy, teams: &[Id]) -> Result<Option<Id>, TwoPools> {
    let mut names = policy.pools.iter().filter(|(_, members)| teams.iter().any(|team| members.contains(team)));
    match (names.next(), names.next()) {
        (Some(_), Some(_)) => Err(TwoPools),
        (Some((name, _)), None) => Ok(Some(name.clone())),
        (None, _) if policy.pools.is_empty() => Ok(Some(ONLY_POOL)),
        (None, _) if policy.pools.len() == 1 => Ok(policy.pools.keys().next().cloned()),
        (None, _) => Ok(None),
    }
}

impl Agents {
    pub(crate) const fn new() -> Self {
        Self { placed: Table::new("intake.agents") }
    }

    /// Takes an agent's new record; until a policy is known it goes nowhere.
    pub(crate) fn put(
        &mut self,
        agent: Agent,
        policy: Option<&Policy>,
        at: Timestamp,
        out: &mut Outbox,
    ) -> Result<(), TwoPools> {
        let pool = match policy {
            Some(policy) => pool_of(policy, &agent.teams)?,
            None => None,
        };
        let before = self.placed.get(&agent.agent_id).and_then(|placed| placed.pool.clone());
        self.tell(&agent, before, pool, at, out);
        Ok(())
    }

    /// Takes a tombstone.
    pub(crate) fn remove(&mut self, agent_id: &Id, at: Timestamp, out: &mut Outbox) {
        if let Some(Placed { pool: Some(pool), .. }) = self.placed.remove(agent_id) {
            let gone = PoolRecord::Agent { agent_id: agent_id.clone(), agent: None, at };
            out.write(wire::pool_record(&gone, &pool));
        }
    }

    /// Moves agents whose pool is another one under a new policy. Who would be in two pools is in none.
    pub(crate) fn move_all(&mut self, policy: &Policy, at: Timestamp, out: &mut Outbox) {
        let moved: Vec<_> = self
            .placed
            .iter()
            .map(|(_, placed)| (placed, pool_of(policy, &placed.agent.teams).unwrap_or(None)))
            .filter(|(placed, pool)| placed.pool != *pool)
            .map(|(placed, pool)| (placed.clone(), pool))
            .collect();
        for (placed, pool) in moved {
            self.tell(&placed.agent, placed.pool, pool, at, out);
        }
    }

    fn tell(&mut self, agent: &Agent, before: Option<Id>, pool: Option<Id>, at: Timestamp, out: &mut Outbox) {
        let record = |agent_or_none| PoolRecord::Agent { agent_id: agent.agent_id.clone(), agent: agent_or_none, at };
        if let Some(before) = before.filter(|before| Some(before) != pool.as_ref()) {
            out.write(wire::pool_record(&record(None), &before));
        }
        if let Some(pool) = &pool {
            out.write(wire::pool_record(&record(Some(Box::new(agent.clone()))), pool));
        }
        self.placed.put(agent.agent_id.clone(), Placed { agent: agent.clone(), pool });
    }

    pub(crate) fn store(&mut self) -> &mut dyn Store {
        &mut self.placed
    }
}
