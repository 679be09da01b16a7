//! What an agent must have for a handoff, by step of its ladder.

use baton_records::{Agent, Id, Request, Requirement, Timestamp};
use std::time::Duration;

/// One thing that an agent must have at a step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// A skill at this level or above.
    Skill { skill: Id, level: u32 },
    /// A language.
    Language(Id),
    /// Knowledge of an industry.
    Industry(Id),
    /// The agent of this account, or, when they are not there, a deputy who knows this industry.
    Dedicated { account_id: Id, deputy: Option<Id> },
}

/// All that an agent must have at a step. Handoffs of a team that need the same wait in one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Needs(pub Vec<Need>);

impl Needs {
    /// Returns what a step asks for; step 0 is the strictest, the last one the floor.
    pub fn of(request: &Request, step: usize) -> Self {
        let passed = step.checked_sub(1).and_then(|index| steps(request).get(index).copied());
        Self(request.requirements.iter().filter_map(|requirement| need(request, requirement, passed)).collect())
    }

    /// Returns the accounts whose own agents are asked for.
    pub fn dedicated_to(&self) -> Option<&Id> {
        self.0.iter().find_map(|need| match need {
            Need::Dedicated { account_id, .. } => Some(account_id),
            _ => None,
        })
    }

    /// Tells whether a skill is asked for.
    pub fn skilled(&self) -> bool {
        self.0.iter().any(|need| matches!(need, Need::Skill { .. }))
    }
}

fn need(request: &Request, requirement: &Requirement, passed: Option<Duration>) -> Option<Need> {
    match requirement {
        Requirement::Skill { skill, min_level, relax_to, relax_after_s } => {
            let relaxed = passed.is_some_and(|passed| relax_after(*relax_after_s) <= passed);
            let level = relax_to.filter(|_| relaxed).unwrap_or(*min_level);
            Some(Need::Skill { skill: skill.clone(), level })
        }
        Requirement::Language { language } => Some(Need::Language(language.clone())),
        Requirement::Industry { industry } => Some(Need::Industry(industry.clone())),
        Requirement::Dedicated { dedicated: false, .. } => None,
        Requirement::Dedicated { dedicated: true, relax_to } => {
            let deputy = relax_to.as_ref().filter(|to| *to == "industry").and(request.industry.clone());
            Some(Need::Dedicated { account_id: request.account_id.clone(), deputy })
        }
    }
}

/// Returns after how long each further step of the ladder begins, in order; empty when there is one step only.
pub(crate) fn steps(request: &Request) -> Vec<Duration> {
    let relaxes = |requirement: &Requirement| match requirement {
        Requirement::Skill { min_level, relax_to: Some(to), relax_after_s, .. } if to < min_level => {
            Some(relax_after(*relax_after_s))
        }
        _ => None,
    };
    let mut steps: Vec<_> = request.requirements.iter().filter_map(relaxes).collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

fn relax_after(seconds: Option<u32>) -> Duration {
    Duration::from_secs(seconds.unwrap_or(0).into())
}

/// An agent's record in the form in which needs are compared with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Profile {
    skills: Vec<(Id, u32, Validity)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Validity {
    Always,
    Before(Timestamp),
    Unreadable,
}

impl Profile {
    pub fn of(agent: &Agent) -> Self {
        let skills = agent.skills.iter();
        Self { skills: skills.map(|s| (s.skill.clone(), s.level, validity(s.expires.as_ref()))).collect() }
    }

    /// Returns the highest level of a skill that counts at this moment.
    pub fn level(&self, skill: &Id, now: Timestamp) -> Option<u32> {
        let counts = |validity: &Validity| match validity {
            Validity::Always => true,
            Validity::Before(end) => now < *end,
            Validity::Unreadable => false,
        };
        self.skills.iter().filter(|(name, _, valid)| name == skill && counts(valid)).map(|(_, level, _)| *level).max()
    }
}

/// A date counts through its last day (UTC). One that cannot be read counts never: nobody works below a certificate.
fn validity(expires: Option<&Id>) -> Validity {
    let Some(date) = expires else { return Validity::Always };
    let end = date.parse::<jiff::civil::Date>().and_then(|d| d.tomorrow()).and_then(|d| d.in_tz("UTC"));
    end.map_or(Validity::Unreadable, |end| Validity::Before(Timestamp::from_millis(end.timestamp().as_millisecond())))
}

/// Tells whether an agent's language (BCP 47) serves a wanted one: either may be the more exact one (`de`, `de-AT`).
pub(crate) fn speaks(spoken: &str, wanted: &str) -> bool {
    let mut pairs = spoken.split('-').zip(wanted.split('-'));
    pairs.all(|(a, b)| a.eq_ignore_ascii_case(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_serves_its_own_region_and_no_other() {
        for (spoken, wanted, serves) in [
            ("de", "de", true),
            ("de", "de-AT", true),
            ("DE-at", "de", true),
            ("de-CH", "de-AT", false),
            ("de", "den", false),
        ] {
            assert_eq!(speaks(spoken, wanted), serves, "{spoken} for {wanted}");
        }
    }

    #[test]
    fn a_certificate_counts_through_its_last_day() {
        let skill = |expires: Option<&str>| baton_records::AgentSkill {
            skill: "welding".into(),
            level: 3,
            expires: expires.map(Id::from),
        };
        let at = |text| Timestamp::parse(text).unwrap();
        for (expires, now, level) in [
            (Some("2026-03-02"), "2026-03-02T23:59:59.999Z", Some(3)),
            (Some("2026-03-02"), "2026-03-03T00:00:00Z", None),
            (Some("soon"), "2026-03-03T00:00:00Z", None),
            (None, "2226-03-03T00:00:00Z", Some(3)),
        ] {
            let agent: Agent = serde_json::from_str(r#"{"agent_id":"a"}"#).unwrap();
            let agent = Agent { skills: vec![skill(expires)], ..agent };
            assert_eq!(Profile::of(&agent).level(&"welding".into(), at(now)), level, "{expires:?} at {now}");
        }
    }
}
