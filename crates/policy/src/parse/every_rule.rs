//! What every rule has, whatever its strategy.

use super::frame::share;
use crate::read::{Block, Kind, Reader, Receives};
use crate::yaml::{Node, Value};
use crate::{Mode, Rule, TeamOverflow};
use baton_records::{Id, OverflowReason, Priority, Requirement, Stage};
use std::time::Duration;

const PRIORITIES: [(&str, Priority); 4] =
    [("critical", Priority::Critical), ("high", Priority::High), ("normal", Priority::Normal), ("low", Priority::Low)];

const STAGES: [(&str, Stage); 3] = [("observe", Stage::Observe), ("join", Stage::Join), ("own", Stage::Own)];

const MODES: [(&str, Mode); 3] = [("off", Mode::Off), ("shadow", Mode::Shadow), ("live", Mode::Live)];

/// Reads the fields that every rule has. `team` must stand there; the rest has the defaults of the contract: normal,
/// `own`, live, for all accounts, without a cap.
pub(super) fn rule(block: &Block<'_>, name: &str) -> Rule {
    let reader = block.reader;
    let team = block.need("team", "tier1");
    rule_of_team(
        block,
        name,
        team.map_or_else(Id::default, |n| reader.refer(n, "team", Kind::Team, Receives::Handoffs)),
    )
}

/// The same where the team is known already.
pub(super) fn rule_of_team(block: &Block<'_>, name: &str, team: Id) -> Rule {
    let reader = block.reader;
    let summary = block.get("summary").map_or_else(|| spoken(name), |node| Id::from(reader.text(node, "summary")));
    Rule {
        name: Id::from(name),
        team,
        priority: block
            .get("priority")
            .map_or(Priority::Normal, |n| reader.word(n, "priority", &PRIORITIES, Priority::Normal)),
        stage: block.get("stage").map_or(Stage::Own, |n| reader.word(n, "stage", &STAGES, Stage::Own)),
        bypass: block.refer_all("bypass", Kind::Team, Receives::Nothing),
        notify: block.refer_all("notify", Kind::Team, Receives::Nothing),
        workflow: block.texts("workflow"),
        requirements: requirements(block),
        summary,
        mode: block.get("mode").map_or(Mode::Live, |n| reader.word(n, "mode", &MODES, Mode::Live)),
        when: block.get("when").and_then(|n| reader.condition(n, "when")),
        percent: block.get("scope").and_then(|n| scope(reader, n)),
        max_opens_per_min: block.get("max_opens_per_min").map(|n| reader.whole(n, "max_opens_per_min", 1, 1_000_000)),
    }
}

/// `sentiment.asks_human` is spoken "sentiment: asks human".
fn spoken(name: &str) -> Id {
    Id::from(name.replacen('.', ": ", 1).replace('_', " "))
}

fn scope(reader: &Reader, node: &Node) -> Option<u8> {
    let text = reader.text(node, "scope");
    if !text.is_empty() && !text.ends_with('%') {
        reader.problems.add(
            node.at,
            format!("`scope` is `{text}`"),
            "write a share of the accounts such as 25%; a condition belongs into `when`",
        );
        return None;
    }
    let percent = share(reader, node, "scope") * 100.0;
    if (percent - percent.round()).abs() > 1e-9 {
        reader.problems.add(node.at, format!("`scope` is `{text}`"), "write a whole percentage");
    }
    // In range: `share` gives 0 to 1.
    Some(percent.round() as u8)
}

fn requirements(block: &Block<'_>) -> Vec<Requirement> {
    let Some(node) = block.get("requirements") else { return Vec::new() };
    let items = match &node.value {
        Value::Map(_) => std::slice::from_ref(node),
        _ => block.reader.list(node, "requirements"),
    };
    items.iter().filter_map(|item| requirement(block.reader, item)).collect()
}

fn requirement(reader: &Reader, node: &Node) -> Option<Requirement> {
    let block = reader.block(node, "requirements");
    let skill = block.get("skill");
    let language = block.get("language");
    let industry = block.get("industry");
    let dedicated = block.get("dedicated");
    let given = [skill, language, industry, dedicated].iter().flatten().count();
    if given != 1 {
        let mend = "write exactly one of `skill`, `language`, `industry`, `dedicated: true` in each";
        reader.problems.add(node.at, format!("a requirement asks for {given} things"), mend);
        return None;
    }
    let requirement = if let Some(skill) = skill {
        skill_requirement(&block, skill)
    } else if let Some(language) = language {
        Requirement::Language { language: reader.name(language, "language") }
    } else if let Some(industry) = industry {
        Requirement::Industry { industry: reader.name(industry, "industry") }
    } else {
        let words = [("industry", "industry")];
        if let Some(node) = dedicated {
            reader.word(node, "dedicated", &[("true", ())], ());
        }
        let relax_to = block.get("relax_to").map(|n| Id::new_static(reader.word(n, "relax_to", &words, "industry")));
        Requirement::Dedicated { dedicated: true, relax_to }
    };
    block.finish();
    Some(requirement)
}

fn skill_requirement(block: &Block<'_>, skill: &Node) -> Requirement {
    let reader = block.reader;
    let min_level = block.need("min_level", "3").map_or(1, |n| reader.whole(n, "min_level", 1, 100));
    let relax_to = block.get("relax_to").map(|n| (n, reader.whole(n, "relax_to", 1, 100)));
    let relax_after = block.get("relax_after").map(|n| (n, reader.duration(n, "relax_after")));
    match (relax_to, relax_after) {
        (Some((node, level)), _) if level >= min_level => {
            reader.problems.add(node.at, "`relax_to` is not below `min_level`", "write a lower level, or take it away");
        }
        (Some((node, _)), None) => {
            reader.problems.add(node.at, "`relax_to` does not say when", "add `relax_after: 30s`")
        }
        (None, Some((node, _))) => {
            reader.problems.add(node.at, "`relax_after` does not say to what", "add `relax_to: 3`")
        }
        _ => {}
    }
    Requirement::Skill {
        skill: reader.refer(skill, "skill", Kind::Skill, Receives::Nothing),
        min_level,
        relax_to: relax_to.map(|(_, level)| level),
        relax_after_s: relax_after.map(|(_, after)| u32::try_from(after.as_secs()).unwrap_or(u32::MAX)),
    }
}

/// Reads `wait`, which is none, or `{to, after, notify}`.
pub(super) fn overflow(reader: &Reader, node: &Node, within: &str) -> Option<TeamOverflow> {
    overflow_with_reason(reader, node, within, None).map(|(overflow, _)| overflow)
}

/// The same with a `reason` when `usual` is given.
pub(super) fn overflow_with_reason(
    reader: &Reader,
    node: &Node,
    within: &str,
    usual: Option<OverflowReason>,
) -> Option<(TeamOverflow, OverflowReason)> {
    if let Value::Scalar(_) = node.value {
        reader.word(node, "overflow", &[("wait", ())], ());
        return None;
    }
    let words = [
        ("no_certified", OverflowReason::NoCertified),
        ("no_free_agent", OverflowReason::NoFreeAgent),
        ("nobody_eligible", OverflowReason::NobodyEligible),
    ];
    let block = reader.block(node, format!("{within}.overflow"));
    let to = block.need("to", "tier2");
    let overflow = TeamOverflow {
        to: to.map_or_else(Id::default, |n| reader.refer(n, "to", Kind::Team, Receives::Handoffs)),
        after: block.need("after", "60s").map_or(Duration::ZERO, |n| reader.duration(n, "after")),
        notify: block.refer_all("notify", Kind::Team, Receives::Nothing),
    };
    let reason = usual.map_or(OverflowReason::NoFreeAgent, |usual| {
        block.get("reason").map_or(usual, |n| reader.word(n, "reason", &words, usual))
    });
    block.finish();
    Some((overflow, reason))
}
