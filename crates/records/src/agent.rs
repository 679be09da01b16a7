//! A human agent as the contact center describes them.

use crate::Id;
use serde::{Deserialize, Serialize};

/// Whether an agent can take work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentStatus {
    /// Takes work.
    #[default]
    Available,
    /// Will be back.
    Away,
    /// Gone.
    Offline,
}

/// A skill with its level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSkill {
    /// Which skill.
    pub skill: Id,
    /// 1 and up.
    #[serde(default = "one")]
    pub level: u32,
    /// Last day (UTC) on which it counts, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Id>,
}

fn one() -> u32 {
    1
}

fn english() -> Vec<Id> {
    vec![Id::new_static("en")]
}

/// A human agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Their id.
    pub agent_id: Id,
    /// Their name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Id>,
    /// Their teams; the first is their home.
    #[serde(default)]
    pub teams: Vec<Id>,
    /// Languages, BCP 47.
    #[serde(default = "english")]
    pub languages: Vec<Id>,
    /// Industries that they know.
    #[serde(default)]
    pub industries: Vec<Id>,
    /// Their skills.
    #[serde(default)]
    pub skills: Vec<AgentSkill>,
    /// Accounts that they are dedicated to.
    #[serde(default)]
    pub accounts: Vec<Id>,
    /// How many handoffs at once.
    #[serde(default = "one")]
    pub capacity: u32,
    /// Work outside of Baton, in the unit of `capacity`.
    #[serde(default)]
    pub load: u32,
    /// Whether they can take work.
    #[serde(default)]
    pub status: AgentStatus,
}
