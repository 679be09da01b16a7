//! A human agent as the contact center describes them.

use crate::decode::{FromOutside, decode};
use crate::shape::{Shape, is_id, optional, required};
use crate::{Id, Rejection, text};
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
    #[serde(default, deserialize_with = "crate::decode::null_is_default")]
    pub teams: Vec<Id>,
    /// Languages, BCP 47.
    #[serde(default = "english")]
    pub languages: Vec<Id>,
    /// Industries that they know.
    #[serde(default, deserialize_with = "crate::decode::null_is_default")]
    pub industries: Vec<Id>,
    /// Their skills.
    #[serde(default, deserialize_with = "crate::object::list")]
    pub skills: Vec<AgentSkill>,
    /// Accounts that they are dedicated to.
    #[serde(default, deserialize_with = "crate::decode::null_is_default")]
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

impl AgentSkill {
    const SHAPE: Shape = Shape::Record(&[
        required("skill", Shape::Id),
        optional("level", Shape::Whole(1, u32::MAX)),
        optional("expires", Shape::Date),
    ]);

    fn is_sound(&self) -> bool {
        is_id(&self.skill) && self.level >= 1 && self.expires.as_ref().is_none_or(|day| text::is_date(day))
    }
}

impl FromOutside for Agent {
    const SHAPE: Shape = Shape::Record(&[
        required("agent_id", Shape::Id),
        optional("name", Shape::Text),
        optional("teams", Shape::List(&Shape::Id)),
        optional("languages", Shape::List(&Shape::Id)),
        optional("industries", Shape::List(&Shape::Id)),
        optional("skills", Shape::List(&AgentSkill::SHAPE)),
        optional("accounts", Shape::List(&Shape::Id)),
        optional("capacity", Shape::Whole(0, u32::MAX)),
        optional("load", Shape::Whole(0, u32::MAX)),
        optional("status", Shape::OneOf(&["available", "away", "offline"])),
    ]);

    fn is_sound(&self) -> bool {
        let lists = [&self.teams, &self.languages, &self.industries, &self.accounts];
        is_id(&self.agent_id)
            && lists.into_iter().flatten().all(|id| is_id(id))
            && self.skills.iter().all(AgentSkill::is_sound)
    }
}

impl Agent {
    /// Reads an agent.
    ///
    /// # Errors
    /// A [`Rejection`] with the reason and the field.
    pub fn decode(json: &[u8]) -> Result<Self, Rejection> {
        decode(json)
    }
}
