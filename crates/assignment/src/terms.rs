//! What *assign* needs of the policy.

use baton_policy::{Assigner, Experience, Policy, SkillRule, TeamOverflow, Version, is_named};
use baton_records::{Id, OverflowReason, Request, Requirement};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The teams, their ways out, and how long an offer stands.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub version: Version,
    pub lapse_after: Duration,
    overflow: BTreeMap<Id, TeamOverflow>,
    external: BTreeSet<Id>,
    skilled: Vec<Skilled>,
    /// Teams whose agents are ranked by what they have resolved of a family of subjects.
    pub families: Vec<(Id, Id, Experience)>,
}

/// The way out of a rule whose requirements nobody meets.
#[derive(Debug, Clone)]
struct Skilled {
    team: Id,
    requirements: Vec<Requirement>,
    overflow: TeamOverflow,
    reason: OverflowReason,
}

impl Terms {
    pub fn of(policy: &Policy) -> Self {
        let teams = || policy.teams.iter();
        let skilled = policy.skill.iter().filter_map(|skill| {
            Some(Skilled {
                team: skill.rule.team.clone(),
                requirements: skill.rule.requirements.clone(),
                overflow: skill.overflow.clone()?,
                reason: skill.overflow_reason,
            })
        });
        Self {
            version: policy.version.clone(),
            lapse_after: policy.offers.lapse_after,
            overflow: teams().filter_map(|(name, team)| Some((name.clone(), team.overflow.clone()?))).collect(),
            external: teams().filter(|(_, t)| t.assign == Assigner::External).map(|(name, _)| name.clone()).collect(),
            skilled: skilled.collect(),
            families: policy.skill.iter().flat_map(families).collect(),
        }
    }

    /// Returns the family by which a team's agents are ranked for a subject.
    pub fn ranking(&self, team: &Id, subject: Option<&Id>) -> Option<(&Id, Experience)> {
        let all = self.families.iter().filter(|(of, family, _)| of == team && is_of(family, subject));
        all.map(|(_, family, experience)| (family, *experience)).next()
    }

    /// Returns the families that a subject belongs to, each with how long what was resolved of it counts.
    pub fn families_of(&self, subject: Option<&Id>) -> BTreeMap<&Id, Duration> {
        let mut all = BTreeMap::new();
        for (_, family, experience) in self.families.iter().filter(|(_, family, _)| is_of(family, subject)) {
            let keep = all.entry(family).or_insert(experience.within);
            *keep = experience.within.max(*keep);
        }
        all
    }

    /// Tells whether the contact center finds the agents of a team.
    pub fn is_external(&self, team: &Id) -> bool {
        self.external.contains(team)
    }

    /// Returns where a team's handoffs go when nobody takes them; none: they wait.
    pub fn overflow(&self, team: &Id) -> Option<&TeamOverflow> {
        self.overflow.get(team)
    }

    /// Returns where a handoff goes whose requirements nobody meets, and the reason that the policy gives: by its rule,
    /// else as the team's.
    pub fn unmet(&self, request: &Request) -> Option<(&TeamOverflow, Option<OverflowReason>)> {
        let asked = |skilled: &&Skilled| {
            let all = skilled.requirements.iter().all(|r| request.requirements.contains(r));
            skilled.team == request.team && !skilled.requirements.is_empty() && all
        };
        let rule = self.skilled.iter().find(asked).map(|skilled| (&skilled.overflow, Some(skilled.reason)));
        rule.or_else(|| self.overflow(&request.team).map(|overflow| (overflow, None)))
    }
}

fn families(skill: &SkillRule) -> Vec<(Id, Id, Experience)> {
    let family = |experience| skill.subjects.iter().map(move |s| (skill.rule.team.clone(), s.clone(), experience));
    skill.prefer_resolved.map(|experience| family(experience).collect()).unwrap_or_default()
}

fn is_of(family: &Id, subject: Option<&Id>) -> bool {
    subject.is_some_and(|subject| is_named(family, subject))
}

#[cfg(test)]
impl Terms {
    /// Makes the terms of these teams, with their ways out and those of rules that ask for the account's own agent, as a
    /// test wants them.
    pub fn of_teams(
        teams: &[(Id, Option<TeamOverflow>)],
        external: &[Id],
        dedicated: &[(Id, Option<TeamOverflow>)],
    ) -> Self {
        let ways_out = teams.iter().filter_map(|(team, overflow)| Some((team.clone(), overflow.clone()?)));
        Self {
            version: Version { name: "test".into(), number: 1 },
            lapse_after: Duration::from_secs(60),
            overflow: ways_out.collect(),
            external: external.iter().cloned().collect(),
            skilled: dedicated.iter().filter_map(dedicated_rule).collect(),
            families: Vec::new(),
        }
    }
}

#[cfg(test)]
fn dedicated_rule((team, overflow): &(Id, Option<TeamOverflow>)) -> Option<Skilled> {
    Some(Skilled {
        team: team.clone(),
        requirements: vec![Requirement::Dedicated { dedicated: true, relax_to: Some("industry".into()) }],
        overflow: overflow.clone()?,
        reason: OverflowReason::NobodyEligible,
    })
}
