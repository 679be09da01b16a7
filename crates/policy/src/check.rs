//! What only the whole policy can tell: names that are defined nowhere, overflow without an end, rules that nobody
//! staffs.

use crate::problem::{Position, suggestion};
use crate::read::{Kind, Reader, Receives, Reference};
use crate::{Calendar, Policy, Rule, Tier};
use baton_records::{Id, Requirement};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Checks a policy; its places in the text are those of the names that it refers to.
pub(crate) fn whole(policy: &Policy, reader: &Reader) {
    let references = reader.references.borrow();
    for reference in references.iter() {
        defined(policy, reader, reference);
    }
    overflow_ends(policy, reader, &references);
    pools(policy, reader, &references);
    rules(policy, reader, &references);
    for (name, tier) in &policy.tiers.by_name {
        deadlines_end(policy, reader, &references, name, tier);
    }
}

fn place(references: &[Reference], kind: Kind, name: &str) -> Position {
    let found = references.iter().find(|reference| reference.kind == kind && reference.name == name);
    found.map_or(Position { line: 1, column: 1 }, |reference| reference.at)
}

fn defined(policy: &Policy, reader: &Reader, reference: &Reference) {
    let name = &reference.name;
    let (what, known): (&str, Vec<&str>) = match reference.kind {
        Kind::Team => ("team", policy.teams.keys().map(Id::as_str).collect()),
        Kind::Tier => ("tier", policy.tiers.by_name.keys().map(Id::as_str).collect()),
        Kind::Calendar => {
            ("calendar", policy.calendars.keys().map(Id::as_str).chain(std::iter::once("always")).collect())
        }
        Kind::Cue => ("cue", policy.sentiment.cues.keys().map(Id::as_str).collect()),
        Kind::Skill => ("skill", policy.skills.iter().map(Id::as_str).collect()),
    };
    if !known.contains(&name.as_str()) {
        reader.problems.add(reference.at, format!("the {what} `{name}` is defined nowhere"), suggestion(name, known));
    } else if reference.kind == Kind::Team && reference.receives == Receives::Handoffs && !reader.answers(name) {
        reader.problems.add(
            reference.at,
            format!("the team `{name}` gets handoffs, and nothing says what happens when nobody is there"),
            format!("give `teams.{name}` an `overflow: {{to: …, after: 60s}}`, or `overflow: wait`"),
        );
    }
}

/// Follows each team's overflow; one that comes back to itself never ends.
fn overflow_ends(policy: &Policy, reader: &Reader, references: &[Reference]) {
    let next: BTreeMap<&Id, &Id> =
        policy.teams.iter().filter_map(|(name, team)| Some((name, &team.overflow.as_ref()?.to))).collect();
    let mut reported: BTreeSet<&Id> = BTreeSet::new();
    for start in next.keys() {
        let mut way: Vec<&Id> = vec![start];
        let mut at = *start;
        while let Some(to) = next.get(at) {
            if let Some(first) = way.iter().position(|seen| seen == to) {
                let circle = way.get(first..).unwrap_or_default();
                if !circle.iter().any(|team| reported.contains(*team)) {
                    let names = circle.iter().map(|team| team.as_str()).chain(std::iter::once(to.as_str()));
                    reader.problems.add(
                        place(references, Kind::Team, to),
                        format!("overflow goes in a circle: {}", names.collect::<Vec<_>>().join(" → ")),
                        "let the last team say `overflow: wait`",
                    );
                    reported.extend(circle);
                }
                break;
            }
            way.push(to);
            at = to;
        }
    }
}

fn pools(policy: &Policy, reader: &Reader, references: &[Reference]) {
    if policy.pools.is_empty() {
        return;
    }
    let mut pool_of: BTreeMap<&Id, &Id> = BTreeMap::new();
    for (pool, teams) in &policy.pools {
        for team in teams {
            if let Some(other) = pool_of.insert(team, pool) {
                let what = format!("the team `{team}` stands in the pools `{other}` and `{pool}`");
                reader.problems.add(place(references, Kind::Team, team), what, "keep it in one of them");
            }
        }
    }
    for (name, team) in &policy.teams {
        let at = place(references, Kind::Team, name);
        let receives =
            references.iter().any(|r| r.kind == Kind::Team && r.name == *name && r.receives == Receives::Handoffs);
        if receives && !pool_of.contains_key(name) {
            let mend = "add it to one; with `pools` every team that gets handoffs stands in one";
            reader.problems.add(at, format!("the team `{name}` stands in no pool"), mend);
        }
        if let Some(overflow) = &team.overflow
            && pool_of.get(&overflow.to).is_some_and(|pool| pool_of.get(name).is_some_and(|own| own != pool))
        {
            let what = format!("`{name}` overflows to `{}`, which is of another pool", overflow.to);
            reader.problems.add(place(references, Kind::Team, &overflow.to), what, "keep overflow within a pool");
        }
    }
}

/// Returns every rule of the policy.
fn all_rules(policy: &Policy) -> impl Iterator<Item = &Rule> {
    let sentiment = policy.sentiment.rules.iter().map(|r| &r.rule);
    let domains = policy.knowledge.domains.values().chain(policy.knowledge.default.iter());
    let knowledge = domains.flat_map(|domain| domain.owners.iter());
    let human_only = policy.knowledge.human_only.iter().map(|r| &r.rule);
    let priority = policy.priority.iter().map(|r| &r.rule);
    let gradual = policy.gradual.iter().map(|r| &r.rule);
    let anomaly = policy.anomaly.iter().map(|r| &r.rule);
    let approval = policy.approval.clauses.iter().map(|r| &r.rule).chain(policy.approval.highest.iter());
    let skill = policy.skill.iter().map(|r| &r.rule);
    sentiment
        .chain(knowledge)
        .chain(human_only)
        .chain(priority)
        .chain(gradual)
        .chain(anomaly)
        .chain(approval)
        .chain(skill)
}

fn rules(policy: &Policy, reader: &Reader, references: &[Reference]) {
    let mut seen: BTreeMap<&Id, u32> = BTreeMap::new();
    let owners: BTreeSet<Id> = policy
        .knowledge
        .domains
        .keys()
        .chain(std::iter::once(&Id::new_static("default")))
        .map(|d| Id::from(format!("knowledge.{d}")))
        .collect();
    for rule in all_rules(policy) {
        let count = seen.entry(&rule.name).or_default();
        *count += 1;
        if *count == 2 && !owners.contains(&rule.name) {
            let what = format!("two rules are named `{}`", rule.name);
            reader.problems.add(
                reader.place_of_name(&rule.name),
                what,
                "give each its own name; decisions and metrics go by it",
            );
        }
        for requirement in &rule.requirements {
            staffed(policy, reader, references, rule, requirement);
        }
    }
}

/// A skill that nobody on the way staffs is never found.
fn staffed(policy: &Policy, reader: &Reader, references: &[Reference], rule: &Rule, requirement: &Requirement) {
    let Requirement::Skill { skill, .. } = requirement else { return };
    let Some(team) = policy.teams.get(&rule.team) else { return };
    if !team.skills.contains(skill) && policy.skills.contains(skill) {
        reader.problems.add(
            place(references, Kind::Skill, skill),
            format!("`{}` asks for `{skill}`, which its team `{}` does not staff", rule.name, rule.team),
            format!("add it to `teams.{}.skills`, or name a team that has it", rule.team),
        );
    }
}

/// Business hours that are few make a deadline lie years ahead: a slip of the pen.
fn deadlines_end(policy: &Policy, reader: &Reader, references: &[Reference], name: &Id, tier: &Tier) {
    const LONGEST_WEEKS: u32 = 104;
    let Some(calendar) = policy.calendars.get(&tier.calendar) else { return };
    let weekly = Calendar::weekly(calendar);
    if !weekly.is_zero() && tier.resolution > weekly.saturating_mul(LONGEST_WEEKS) && tier.resolution > Duration::ZERO {
        reader.problems.add(
            place(references, Kind::Calendar, &tier.calendar),
            format!("the tier `{name}` would end after more than {LONGEST_WEEKS} weeks of `{}`", tier.calendar),
            "count its `resolution` in working hours: 40h is a week of 9 to 17",
        );
    }
}
