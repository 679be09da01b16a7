//! The shipped policies say what the scenarios fix.

use baton_language::{CueSpec, Cues};
use baton_policy::{Bound, Policy, Rule, duration_words};
use baton_records::{Channel, Id, Priority, Quorum, Stage, Strategy};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

/// Parses a policy of the repository, once.
pub fn shipped(path: &str) -> Policy {
    static PARSED: Mutex<BTreeMap<String, Policy>> = Mutex::new(BTreeMap::new());
    let mut parsed = PARSED.lock().unwrap();
    parsed.entry(path.to_owned()).or_insert_with(|| read(path)).clone()
}

fn read(path: &str) -> Policy {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    Policy::parse(&text).unwrap_or_else(|problems| {
        panic!("{path}\n{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

fn of(name: &str) -> Policy {
    shipped(&format!("deploy/policies/{name}.yaml"))
}

#[test]
fn all_parse() {
    for (path, version) in [
        ("deploy/policies/saas.yaml", "saas@1"),
        ("deploy/policies/manufacturing.yaml", "manufacturing@1"),
        ("deploy/policies/bank.yaml", "bank@1"),
        ("benches/policy-bench.yaml", "bench@1"),
    ] {
        assert_eq!(shipped(path).version.to_string(), version);
    }
}

fn every_rule(policy: &Policy) -> Vec<&Rule> {
    let domains = policy.knowledge.domains.values().chain(policy.knowledge.default.iter());
    let mut rules: Vec<&Rule> = domains.flat_map(|domain| &domain.owners).collect();
    rules.extend(policy.sentiment.rules.iter().map(|r| &r.rule));
    rules.extend(policy.knowledge.human_only.iter().map(|r| &r.rule));
    rules.extend(policy.priority.iter().map(|r| &r.rule));
    rules.extend(policy.gradual.iter().map(|r| &r.rule));
    rules.extend(policy.anomaly.iter().map(|r| &r.rule));
    rules.extend(policy.approval.clauses.iter().map(|r| &r.rule));
    rules.extend(&policy.approval.highest);
    rules.extend(policy.skill.iter().map(|r| &r.rule));
    rules
}

fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Critical => "critical",
        Priority::High => "high",
        Priority::Normal => "normal",
        Priority::Low => "low",
    }
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Observe => "observe",
        Stage::Join => "join",
        Stage::Own => "own",
    }
}

#[test]
fn rules_are_those_of_the_scenarios() {
    let mut count = 0;
    for line in include_str!("../../cases/shipped.txt").lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let policy = of(fields[0]);
        let rules = every_rule(&policy);
        let rule = rules.iter().find(|rule| rule.name == fields[1]).unwrap_or_else(|| panic!("no rule: {line}"));
        let got = [
            rule.team.as_str(),
            priority(rule.priority),
            stage(rule.stage),
            &rule.bypass.join(", "),
            &rule.notify.join(", "),
            &rule.workflow.join(", "),
        ];
        assert_eq!(got.as_slice(), &fields[2..8], "{line}");
        count += 1;
    }
    assert!(count >= 40);
}

#[test]
fn tiers_are_those_of_the_scenarios() {
    for (name, tier, first, resolution, calendar) in [
        ("saas", "enterprise", "1h", "8h", "always"),
        ("saas", "business", "1h", "8h", "office"),
        ("saas", "standard", "8h", "1d 16h", "office"),
        ("manufacturing", "high_volume", "1h", "8h", "always"),
        ("manufacturing", "low_volume", "8h", "1d 16h", "office"),
        ("manufacturing", "standard", "8h", "1d 16h", "office"),
        ("bank", "private", "30m", "8h", "always"),
        ("bank", "standard", "8h", "1d 16h", "office"),
    ] {
        let policy = of(name);
        let terms = &policy.tiers.by_name[tier];
        let got = (duration_words(terms.first_response), duration_words(terms.resolution), terms.calendar.as_str());
        assert_eq!(got, (first.to_owned(), resolution.to_owned(), calendar), "{name} {tier}");
        assert_eq!(policy.tiers.default, "standard");
        assert_eq!(policy.limits.lateness, Duration::from_secs(5));
        assert_eq!(policy.limits.cool_down, Duration::from_secs(1_800));
        assert_eq!(policy.offers.lapse_after, Duration::from_secs(60));
        assert_eq!(policy.collision_order.first(), Some(&Strategy::Approval));
    }
}

#[test]
fn only_named_floors_and_sources_differ() {
    const DAY: Duration = Duration::from_secs(86_400);
    for (name, sources) in [
        ("saas", vec![(Channel::Crm, 30 * DAY), (Channel::Usage, 7 * DAY)]),
        ("manufacturing", vec![(Channel::Crm, 30 * DAY)]),
        ("bank", vec![(Channel::Crm, 90 * DAY), (Channel::Billing, 30 * DAY)]),
    ] {
        let policy = of(name);
        assert_eq!(policy.context.expected_sources.into_iter().collect::<Vec<_>>(), sources, "{name}");
        assert_eq!(policy.context.stale_after_others, 365 * DAY);
        let floors = policy.knowledge.domains.values().chain(policy.knowledge.default.iter()).map(|d| d.floor);
        assert!(floors.into_iter().all(|floor| (floor - 0.75).abs() < f64::EPSILON), "{name}");
        assert!(policy.notices.contains_key("en") && policy.notices.contains_key("de"), "{name}");
        assert_eq!(policy.approval.due, 2 * DAY / 24);
        assert_eq!(policy.approval.cumulative_window, 30 * DAY);
    }
}

#[test]
fn limits_are_meant_as_the_scenarios_say() {
    let (saas, manufacturing, bank) = (of("saas"), of("manufacturing"), of("bank"));
    assert_eq!(saas.approval.clauses[0].bound, Bound::AtMost);
    assert_eq!(bank.approval.clauses[0].bound, Bound::Under);
    assert!(bank.approval.clauses[0].cumulative);
    for clause in &manufacturing.approval.clauses {
        assert_eq!(clause.approvers, [Id::from("account_manager"), Id::from("engineering_lead")]);
        assert_eq!(clause.quorum, Quorum::All);
    }
    for (policy, last) in [(saas, "vp_sales"), (manufacturing, "plant_director"), (bank, "branch_manager")] {
        assert_eq!(policy.approval.escalation, [Id::from(last)]);
    }
}

/// Returns the cues that a policy hears in a text.
fn heard(policy: &Policy, text: &str) -> Vec<Id> {
    let cues = &policy.sentiment.cues;
    let specs = cues.iter().map(|(name, cue)| CueSpec { name, concept: cue.concept.as_deref(), phrases: &[] });
    let listening = Cues::compile(specs).unwrap();
    let hits = listening.find(text);
    hits.iter().filter(|hit| hit.score >= cues[hit.cue].threshold).map(|hit| Id::from(hit.cue)).collect()
}

#[test]
fn cues_are_heard_at_the_shipped_thresholds() {
    for line in include_str!("../../cases/heard.txt").lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let [name, text, expected] = fields.as_slice() else { panic!("{line}") };
        let heard = heard(&of(name), text);
        let named = |list: &str| list.split(',').map(|cue| Id::from(cue.trim())).collect::<Vec<_>>();
        match expected.split_once('/') {
            Some((_, never)) => assert!(named(never).iter().all(|cue| !heard.contains(cue)), "{line}: {heard:?}"),
            None => assert!(named(expected).iter().all(|cue| heard.contains(cue)), "{line}: {heard:?}"),
        }
    }
}
