//! A small policy with one rule of each kind.

use baton_policy::*;
use baton_records::{Channel, Id, OverflowReason, Priority, Quorum, SignalKind, Stage, Strategy};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(super) fn rule(name: &str, team: &str, priority: Priority) -> Rule {
    Rule {
        name: name.into(),
        team: team.into(),
        priority,
        stage: Stage::Own,
        bypass: Vec::new(),
        notify: Vec::new(),
        workflow: Vec::new(),
        requirements: Vec::new(),
        summary: format!("Because of {name}").into(),
        mode: Mode::Live,
        when: None,
        percent: None,
        max_opens_per_min: None,
    }
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

fn hours(n: u64) -> Duration {
    minutes(n * 60)
}

fn ids<C: FromIterator<Id>>(names: &[&str]) -> C {
    names.iter().copied().map(Id::from).collect()
}

fn when(text: &str) -> Option<Condition> {
    Some(Condition::parse(text).unwrap())
}

fn limits() -> Limits {
    Limits {
        lateness: Duration::from_secs(5),
        history_after: hours(24),
        cool_down: minutes(30),
        expire_after: hours(24 * 30),
        closed_known_for: hours(24 * 7),
        duplicate_window: hours(24 * 7),
        duplicate_ids: 4096,
        conversation_join: minutes(30),
        account_late: minutes(15),
    }
}

fn tier(first: Duration, resolution: Duration, calendar: &str) -> Tier {
    Tier { first_response: first, resolution, calendar: calendar.into(), min_annual_value: None }
}

fn teams() -> BTreeMap<Id, Team> {
    let team = |assign| Team { skills: BTreeSet::new(), overflow: None, assign };
    let own = [
        "tier1",
        "tier3",
        "tier3_secondary",
        "sales",
        "owners",
        "integration",
        "legal",
        "accounts",
        "director",
        "engineering",
        "vip",
        "vp",
        "csm",
    ];
    let mut teams: BTreeMap<Id, Team> = own.iter().map(|n| (Id::from(*n), team(Assigner::Baton))).collect();
    teams.insert("partners".into(), team(Assigner::External));
    teams
}

fn sentiment() -> SentimentPolicy {
    let kinds = [
        ("frustration", SignalKind::Sentiment),
        ("competitor", SignalKind::Sentiment),
        ("urgency", SignalKind::Urgency),
        ("distress", SignalKind::Sentiment),
        ("outage", SignalKind::Urgency),
        ("asks_human", SignalKind::Intent),
        ("integration", SignalKind::Intent),
        ("partner", SignalKind::Intent),
    ];
    let cue = |kind| Cue { concept: None, phrases: Vec::new(), threshold: 0.7, kind };
    let two = CueRule {
        rule: rule("sentiment.frustration", "sales", Priority::High),
        groups: vec![ids(&["frustration", "competitor"])],
        sentences: 2,
        within_turns: 4,
    };
    let both = CueRule {
        rule: rule("sentiment.distress", "owners", Priority::Critical),
        groups: vec![ids(&["urgency"]), ids(&["distress"])],
        sentences: 1,
        within_turns: 1,
    };
    let single = |name: &str, team: &str, cue: &str| CueRule {
        rule: rule(name, team, Priority::Normal),
        groups: vec![ids(&[cue])],
        sentences: 1,
        within_turns: 1,
    };
    SentimentPolicy {
        cues: kinds.iter().map(|(name, kind)| (Id::from(*name), cue(*kind))).collect(),
        rules: vec![
            two,
            both,
            single("intent.asks_human", "tier1", "asks_human"),
            single("intent.partner", "partners", "partner"),
        ],
    }
}

fn knowledge() -> KnowledgePolicy {
    let domain = |name: &str, team: &str| Domain {
        owners: vec![rule(&format!("knowledge.{name}"), team, Priority::Normal)],
        floor: 0.75,
    };
    let domains = [("custom_api", "integration"), ("billing", "tier1")];
    KnowledgePolicy {
        domains: domains.iter().map(|(name, team)| (Id::from(*name), domain(name, team))).collect(),
        default: Some(domain("default", "tier1")),
        human_only: vec![HumanOnly {
            tags: ids(&["regulatory"]),
            rule: rule("knowledge.regulatory", "legal", Priority::Normal),
        }],
    }
}

fn priority() -> Vec<PriorityRule> {
    let outage = |name: &str, team: &str, priority, condition: &str| PriorityRule {
        rule: Rule {
            when: when(condition),
            bypass: ids(&["tier1"]),
            notify: ids(&["accounts"]),
            ..rule(name, team, priority)
        },
        cues: ids(&["outage"]),
        types: BTreeSet::new(),
    };
    let vip = PriorityRule {
        rule: Rule { when: when("account.annual_value >= 1000000.0"), ..rule("priority.vip", "vip", Priority::High) },
        cues: BTreeSet::new(),
        types: BTreeSet::new(),
    };
    vec![
        outage("priority.outage", "tier3", Priority::Critical, "account.tier == 'enterprise'"),
        outage("priority.outage_other", "tier1", Priority::High, "account.tier != 'enterprise'"),
        vip,
    ]
}

fn approval() -> ApprovalPolicy {
    let clause = |action: &str, team: &str| Clause {
        rule: rule(&format!("approval.{action}"), team, Priority::Normal),
        action: action.into(),
        applies: None,
        allow: Condition::always(),
        limit: None,
        measure: None,
        bound: Bound::AtMost,
        approvers: ids(&[team]),
        quorum: Quorum::Any,
        cumulative: false,
        text: format!("Who may {action}").into(),
    };
    ApprovalPolicy {
        clauses: vec![
            Clause {
                limit: Some(Decimal::from(15)),
                measure: Some(Measure::Percent),
                ..clause("discount", "director")
            },
            Clause {
                allow: Condition::parse("size(request.changes) == 0").unwrap(),
                approvers: ids(&["accounts", "engineering"]),
                quorum: Quorum::All,
                ..clause("order_change", "engineering")
            },
            Clause {
                limit: Some(Decimal::from(100)),
                measure: Some(Measure::Amount),
                bound: Bound::Under,
                cumulative: true,
                ..clause("waiver", "director")
            },
        ],
        highest: Some(rule("approval.highest", "vp", Priority::Normal)),
        due: hours(2),
        escalation: ids(&["vp"]),
        cumulative_window: hours(24 * 30),
    }
}

fn skill() -> Vec<SkillRule> {
    let rule = |name: &str, team: &str, subject: &str, human_only| SkillRule {
        rule: rule(name, team, Priority::Normal),
        subjects: ids(&[subject]),
        domains: BTreeSet::new(),
        human_only,
        floor: 0.75,
        overflow: None,
        overflow_reason: OverflowReason::NoCertified,
        prefer_resolved: None,
    };
    vec![
        rule("skill.security", "tier3", "security-incident", true),
        rule("skill.machines", "engineering", "xr-*", false),
    ]
}

fn absence() -> Detector {
    Detector {
        rule: rule("order_gap", "accounts", Priority::Normal),
        segment: "*".into(),
        event_type: "order".into(),
        by: Some("attributes.sku".into()),
        threshold: 0.99,
        warm_up: hours(24 * 60),
        warm_up_events: 20,
        usual: None,
        dismissed_for: hours(24 * 14),
        kind: DetectorKind::Absence { min_events: 12, min_gaps: 1.07, max_gaps: 1.42 },
    }
}

pub(super) fn policy() -> Policy {
    let tiers = [("enterprise", tier(hours(1), hours(8), "always")), ("standard", tier(hours(8), hours(40), "always"))];
    Policy {
        version: Version { name: "test".into(), number: 1 },
        currency: "USD".into(),
        limits: limits(),
        redact: BTreeSet::new(),
        calendars: BTreeMap::new(),
        tiers: Tiers {
            default: "standard".into(),
            by_name: tiers.into_iter().map(|(name, tier)| (Id::from(name), tier)).collect(),
        },
        skills: BTreeSet::new(),
        teams: teams(),
        pools: BTreeMap::new(),
        offers: Offers { lapse_after: minutes(1), at_risk_share: 0.8 },
        collision_order: vec![
            Strategy::Approval,
            Strategy::Anomaly,
            Strategy::Priority,
            Strategy::Skill,
            Strategy::Sentiment,
            Strategy::Knowledge,
            Strategy::Gradual,
        ],
        context: ContextPolicy {
            expected_sources: [(Channel::Crm, hours(24 * 30)), (Channel::Usage, hours(24 * 7))].into(),
            stale_after: [(Channel::Usage, hours(24 * 30))].into(),
            stale_after_others: hours(24 * 365),
            feature_plans: [(Id::from("advanced_analytics"), Id::from("scale"))].into(),
        },
        sentiment: sentiment(),
        knowledge: knowledge(),
        priority: priority(),
        gradual: vec![GradualRule {
            rule: Rule { stage: Stage::Observe, ..rule("gradual.integration", "csm", Priority::Normal) },
            cues: ids(&["integration"]),
            messages: 1,
            types: BTreeSet::new(),
        }],
        anomaly: vec![absence()],
        approval: approval(),
        skill: skill(),
        notices: [(Id::from("en"), Id::from("A colleague will answer.")), (Id::from("de"), Id::from("Gleich."))].into(),
    }
}
