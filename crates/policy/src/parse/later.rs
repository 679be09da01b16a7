//! S5, S7 and S8: anomaly, approval, skill.

use super::every_rule::{overflow_with_reason, rule};
use super::strategies::named;
use crate::read::{Block, Kind, Reader, Receives};
use crate::yaml::Node;
use crate::{
    ApprovalPolicy, Bound, Clause, Condition, Detector, DetectorKind, Experience, Measure, Rule, SkillRule,
    TeamOverflow, Usual,
};
use baton_records::{Id, OverflowReason, Quorum};
use rust_decimal::Decimal;
use std::collections::BTreeSet;
use std::time::Duration;

/// Thresholds of detectors lie here: feedback moves them between 0.95 and 0.999.
const DETECTOR_THRESHOLDS: (f64, f64) = (0.5, 0.999);

pub(super) fn anomaly(parent: &Block<'_>) -> Vec<Detector> {
    named(parent, "anomaly", detector)
}

fn detector(block: &Block<'_>, name: &str) -> Detector {
    let reader = block.reader;
    let (least, most) = DETECTOR_THRESHOLDS;
    let (warm_up, warm_up_events, usual) = warm_up(block);
    let kind = detector_kind(block, name);
    if usual.is_some() && !matches!(kind, DetectorKind::Rate { .. }) {
        let mend = "take `usual` away; other detectors wait until they know the account";
        reader.problems.add(block.at, format!("`{name}` says what is usual but looks at no rate"), mend);
    }
    Detector {
        rule: rule(block, name),
        segment: block.get("segment").map_or_else(|| "*".into(), |node| reader.name(node, "segment")),
        event_type: block.need("counts", "order").map_or_else(Id::default, |node| reader.name(node, "counts")),
        by: block.get("by").map(|node| by(reader, node)),
        threshold: block.need("threshold", "0.99").map_or(0.0, |node| reader.number(node, "threshold", least, most)),
        warm_up,
        warm_up_events,
        usual,
        dismissed_for: block.duration("dismissed_for", "14d"),
        kind,
    }
}

fn by(reader: &Reader, node: &Node) -> Id {
    let text = reader.name(node, "by");
    let known = ["subject", "contact_id", "channel"].contains(&text.as_str());
    let attribute = text.strip_prefix("attributes.").is_some_and(|rest| !rest.is_empty() && !rest.contains('.'));
    if !known && !attribute && !text.is_empty() {
        let mend = "write `attributes.sku` with the attribute's name, `subject`, `contact_id` or `channel`";
        reader.problems.add(node.at, format!("`by` cannot be `{text}`"), mend);
    }
    text
}

fn warm_up(parent: &Block<'_>) -> (Duration, u32, Option<Usual>) {
    let reader = parent.reader;
    let Some(node) = parent.need("warm_up", "{for: 60d, events: 20}") else { return (Duration::ZERO, 0, None) };
    let block = reader.block(node, "warm_up");
    let warm_up = (
        block.duration("for", "60d"),
        block.need("events", "20").map_or(0, |node| reader.whole(node, "events", 1, 100_000)),
        block.get("usual").map(|node| usual(reader, node)),
    );
    block.finish();
    warm_up
}

fn usual(reader: &Reader, node: &Node) -> Usual {
    let block = reader.block(node, "warm_up.usual");
    let events = block.need("events", "10").map_or(1, |node| reader.whole(node, "events", 1, 1_000_000));
    let within = block.duration("in", "30d");
    if within.is_zero() {
        reader.problems.add(block.at, "`usual` is about no time", "write an `in` above zero, such as `in: 30d`");
    }
    block.finish();
    Usual { events, within }
}

fn detector_kind(parent: &Block<'_>, name: &str) -> DetectorKind {
    let reader = parent.reader;
    let (rate, burst, absence) = (parent.get("rate"), parent.get("burst"), parent.get("absence"));
    if [rate, burst, absence].iter().flatten().count() != 1 {
        let mend = "write exactly one of `rate:`, `burst:`, `absence:`";
        reader.problems.add(parent.at, format!("the detector `{name}` does not say how it looks"), mend);
    }
    if let Some(node) = absence {
        return absence_kind(reader, node);
    }
    let (node, key) = match (rate, burst) {
        (Some(node), _) => (Some(node), "rate"),
        (None, node) => (node, "burst"),
    };
    let (window, min_events) = node.map_or((Duration::ZERO, 0), |node| {
        let block = reader.block(node, format!("{name}.{key}"));
        let window = (
            block.duration("window", "48h"),
            block.need("min_events", "3").map_or(0, |node| reader.whole(node, "min_events", 1, 100_000)),
        );
        if window.0.is_zero() {
            reader.problems.add(block.at, format!("`{key}` has no window"), "write a `window` above zero");
        }
        block.finish();
        window
    });
    if key == "rate" { DetectorKind::Rate { window, min_events } } else { DetectorKind::Burst { window, min_events } }
}

fn absence_kind(reader: &Reader, node: &Node) -> DetectorKind {
    let block = reader.block(node, "absence");
    let min_events = block.need("min_events", "12").map_or(2, |node| reader.whole(node, "min_events", 2, 100_000));
    let min_gaps = block.need("min_gaps", "1.2").map_or(1.0, |node| reader.number(node, "min_gaps", 1.0, 100.0));
    let max_gaps = block.need("max_gaps", "1.4").map_or(1.0, |node| reader.number(node, "max_gaps", 1.0, 100.0));
    if min_gaps > max_gaps {
        reader.problems.add(block.at, "`min_gaps` is above `max_gaps`", "write the earlier one as `min_gaps`");
    }
    block.finish();
    DetectorKind::Absence { min_events, min_gaps, max_gaps }
}

pub(super) fn approval(parent: &Block<'_>) -> ApprovalPolicy {
    let Some(node) = parent.get("approval") else { return ApprovalPolicy::default() };
    let reader = parent.reader;
    let block = reader.block(node, "approval");
    let policy = ApprovalPolicy {
        clauses: named(&block, "clauses", clause),
        highest: block.need("highest", "{team: vp_sales}").map(|node| highest(reader, node)),
        due: block.duration("due", "2h"),
        escalation: block.refer_all("escalation", Kind::Team, Receives::Handoffs),
        cumulative_window: block.duration("cumulative_window", "30d"),
    };
    block.finish();
    policy
}

fn highest(reader: &Reader, node: &Node) -> Rule {
    let block = reader.block(node, "approval.highest");
    let rule = rule(&block, "approval.highest");
    block.finish();
    rule
}

fn clause(block: &Block<'_>, name: &str) -> Clause {
    let reader = block.reader;
    let (limit, bound) = limit(block, name);
    let measures = [("percent", Measure::Percent), ("amount", Measure::Amount)];
    let measure = block.get("measure").map(|node| reader.word(node, "measure", &measures, Measure::Percent));
    if limit.is_some() != measure.is_some() {
        let mend = "write both, such as `measure: percent` and `at_most: 15`";
        reader.problems.add(block.at, format!("`{name}` has only one of `measure` and its limit"), mend);
    }
    let allow = block.get("allow").map(|node| reader.condition(node, "allow").unwrap_or_else(Condition::always));
    if limit.is_none() && allow.is_none() {
        let mend = "add `measure` with `at_most` or `under`, or `allow: \"…\"` (`allow: \"false\"`: never by itself)";
        reader.problems.add(block.at, format!("`{name}` does not say what is within authority"), mend);
    }
    let approvers = block.refer_all("approvers", Kind::Team, Receives::Nothing);
    if approvers.is_empty() {
        reader.problems.add(block.at, format!("`{name}` has no approvers"), "add `approvers: [team]`");
    }
    let cumulative = block
        .get("cumulative")
        .is_some_and(|node| reader.word(node, "cumulative", &[("true", true), ("false", false)], false));
    if cumulative && measure != Some(Measure::Amount) {
        reader.problems.add(
            block.at,
            format!("`{name}` adds up what is no amount"),
            "write `measure: amount`, or take `cumulative` away",
        );
    }
    let quorums = [("any", Quorum::Any), ("all", Quorum::All)];
    Clause {
        rule: rule(block, name),
        action: block.need("action", "discount").map_or_else(Id::default, |node| reader.name(node, "action")),
        applies: block.get("applies").and_then(|node| reader.condition(node, "applies")),
        allow: allow.unwrap_or_else(Condition::always),
        limit,
        measure,
        bound,
        approvers,
        quorum: block.get("quorum").map_or(Quorum::Any, |node| reader.word(node, "quorum", &quorums, Quorum::Any)),
        cumulative,
        text: block
            .need("text", "\"Discounts of up to 15 %\"")
            .map_or_else(Id::default, |n| Id::from(reader.text(n, "text"))),
    }
}

fn limit(block: &Block<'_>, name: &str) -> (Option<Decimal>, Bound) {
    let reader = block.reader;
    let (at_most, under) = (block.get("at_most"), block.get("under"));
    if let (Some(_), Some(second)) = (at_most, under) {
        reader.problems.add(second.at, format!("`{name}` has `at_most` and `under`"), "keep one of the two");
    }
    match (at_most, under) {
        (Some(node), _) => (Some(reader.decimal(node, "at_most")), Bound::AtMost),
        (None, Some(node)) => (Some(reader.decimal(node, "under")), Bound::Under),
        (None, None) => (None, Bound::AtMost),
    }
}

/// What agents have resolved is remembered for so long.
const LONGEST_EXPERIENCE: Duration = Duration::from_secs(366 * 86_400);

pub(super) fn skill(parent: &Block<'_>) -> Vec<SkillRule> {
    named(parent, "skill", |block, name| {
        let reader = block.reader;
        let subjects: BTreeSet<Id> = block.names("subjects").into_iter().collect();
        let domains: BTreeSet<Id> = block.names("domains").into_iter().collect();
        if subjects.is_empty() && domains.is_empty() {
            let mend = "add `subjects: [billing-v3]` or `domains: [lending]`";
            reader.problems.add(block.at, format!("the rule `{name}` looks at nothing"), mend);
        }
        let human_only = block
            .get("human_only")
            .is_some_and(|node| reader.word(node, "human_only", &[("true", true), ("false", false)], false));
        let floor = block.get("floor").map(|node| reader.number(node, "floor", 0.0, 1.0));
        if floor.is_none() && !human_only {
            reader.problems.add(
                block.at,
                format!("the rule `{name}` has no floor"),
                "add `floor: 0.75`, or `human_only: true`",
            );
        }
        let (overflow, overflow_reason) = skill_overflow(block, name);
        SkillRule {
            rule: rule(block, name),
            subjects,
            domains,
            human_only,
            floor: floor.unwrap_or(0.0),
            overflow,
            overflow_reason,
            prefer_resolved: block.get("prefer_resolved").map(|node| experience(reader, node, name)),
        }
    })
}

fn experience(reader: &Reader, node: &Node, name: &str) -> Experience {
    let block = reader.block(node, format!("{name}.prefer_resolved"));
    let at_least = block.need("at_least", "5").map_or(1, |node| reader.whole(node, "at_least", 1, 100_000));
    let within = block.duration("within", "180d");
    if within.is_zero() || within > LONGEST_EXPERIENCE {
        let mend = "write a time of at most a year, such as `within: 180d`";
        reader.problems.add(block.at, format!("`{name}` counts what was resolved for no time, or for too long"), mend);
    }
    block.finish();
    Experience { at_least, within }
}

fn skill_overflow(block: &Block<'_>, name: &str) -> (Option<TeamOverflow>, OverflowReason) {
    let usual = OverflowReason::NoCertified;
    let read = block.get("overflow").and_then(|node| overflow_with_reason(block.reader, node, name, Some(usual)));
    read.map_or((None, usual), |(overflow, reason)| (Some(overflow), reason))
}
