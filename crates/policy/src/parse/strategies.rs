//! S1 to S4: sentiment, knowledge, priority, gradual.

use super::every_rule::{rule, rule_of_team};
use crate::problem::suggestion;
use crate::read::{Block, Kind, Reader, Receives};
use crate::yaml::{Node, Value};
use crate::{Cue, CueRule, Domain, GradualRule, HumanOnly, KnowledgePolicy, PriorityRule, Rule, SentimentPolicy};
use baton_language::{CONCEPTS, CueSpec, Cues};
use baton_records::{Id, SignalKind};
use std::collections::BTreeSet;

/// Cues that a scorer can listen for at most.
const MOST_CUES: usize = 200;

pub(super) fn sentiment(parent: &Block<'_>) -> SentimentPolicy {
    let Some(node) = parent.get("sentiment") else { return SentimentPolicy::default() };
    let reader = parent.reader;
    let block = reader.block(node, "sentiment");
    let mut policy = SentimentPolicy::default();
    if let Some(node) = block.get("cues") {
        for (key, node) in reader.entries(node, "cues") {
            policy.cues.insert(Id::from(key.name.as_str()), cue(reader, node, &key.name));
        }
        understood(reader, &policy);
        if policy.cues.len() > MOST_CUES {
            reader.problems.add(
                node.at,
                format!("`cues` has {} cues", policy.cues.len()),
                format!("keep {MOST_CUES} at most"),
            );
        }
    }
    if let Some(node) = block.get("rules") {
        policy.rules =
            reader.entries(node, "rules").iter().map(|(key, node)| cue_rule(reader, node, &key.name)).collect();
    }
    block.finish();
    policy
}

fn cue(reader: &Reader, node: &Node, name: &str) -> Cue {
    let kinds =
        [("sentiment", SignalKind::Sentiment), ("intent", SignalKind::Intent), ("urgency", SignalKind::Urgency)];
    let block = reader.block(node, format!("cues.{name}"));
    let concept = block.get("concept").map(|node| {
        let concept = reader.text(node, "concept");
        if !concept.is_empty() && !CONCEPTS.contains(&concept) {
            reader.problems.add(
                node.at,
                format!("the concept `{concept}` is unknown"),
                suggestion(concept, CONCEPTS.iter().copied()),
            );
        }
        Id::from(concept)
    });
    let phrases: Vec<Id> = block.texts("phrases").iter().map(|phrase| normal_phrase(phrase)).collect();
    if concept.is_none() && phrases.is_empty() {
        let mend = "add `concept: …`, or `phrases:` of your own";
        reader.problems.add(block.at, format!("the cue `{name}` looks for nothing"), mend);
    }
    let cue = Cue {
        concept,
        phrases,
        threshold: block.need("threshold", "0.7").map_or(0.0, |node| reader.number(node, "threshold", 0.01, 1.0)),
        kind: block
            .need("kind", "sentiment")
            .map_or(SignalKind::Sentiment, |node| reader.word(node, "kind", &kinds, SignalKind::Sentiment)),
    };
    block.finish();
    cue
}

/// A scorer must be able to listen for the policy's phrases; what it cannot take is said here, not when it starts. The
/// concepts are known to be good, and costly to compile.
fn understood(reader: &Reader, policy: &SentimentPolicy) {
    for (name, cue) in policy.cues.iter().filter(|(_, cue)| !cue.phrases.is_empty()) {
        let phrases: Vec<&str> = cue.phrases.iter().map(Id::as_str).collect();
        if let Err(error) = Cues::compile([CueSpec { name, concept: None, phrases: &phrases }]) {
            reader.problems.add(reader.place_of_name(name), format!("the cue `{name}` is not understood"), error.what);
        }
    }
}

/// Words in lower case with one space between them.
fn normal_phrase(phrase: &str) -> Id {
    Id::from(phrase.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" "))
}

fn cue_rule(reader: &Reader, node: &Node, name: &str) -> CueRule {
    let block = reader.block(node, name);
    let any = block.refer_all("any_of", Kind::Cue, Receives::Nothing);
    let mut groups: Vec<Vec<Id>> = Vec::new();
    if !any.is_empty() {
        groups.push(any);
    }
    if let Some(node) = block.get("all_of") {
        for item in reader.list(node, "all_of") {
            let cues = reader.list(item, "all_of");
            groups.push(cues.iter().map(|cue| reader.refer(cue, "all_of", Kind::Cue, Receives::Nothing)).collect());
        }
    }
    if groups.is_empty() || groups.iter().any(Vec::is_empty) {
        let mend = "add `any_of: [cue, …]` (one of them) or `all_of: [cue, …]` (each of them)";
        reader.problems.add(block.at, format!("the rule `{name}` waits for no cue"), mend);
    }
    let sentences = block.need("sentences", "1").map_or(1, |node| reader.whole(node, "sentences", 1, 20));
    let within_turns = block.need("within_turns", "1").map_or(1, |node| reader.whole(node, "within_turns", 1, 50));
    let rule = rule(&block, name);
    block.finish();
    CueRule { rule, groups, sentences, within_turns }
}

pub(super) fn knowledge(parent: &Block<'_>) -> KnowledgePolicy {
    let Some(node) = parent.get("knowledge") else { return KnowledgePolicy::default() };
    let reader = parent.reader;
    let block = reader.block(node, "knowledge");
    let floor = block.get("floor").map(|node| reader.number(node, "floor", 0.0, 1.0));
    let mut policy = KnowledgePolicy::default();
    if let Some(node) = block.get("domains") {
        for (key, node) in reader.entries(node, "domains") {
            policy.domains.insert(Id::from(key.name.as_str()), domain(reader, node, &key.name, floor));
        }
    }
    policy.default = block.need("default", "{owner: tier1}").map(|node| domain(reader, node, "default", floor));
    if let Some(node) = block.get("human_only") {
        for (key, node) in reader.entries(node, "human_only") {
            let entry = reader.block(node, key.name.clone());
            let tags: BTreeSet<Id> = entry.names("tags").into_iter().collect();
            if tags.is_empty() {
                reader.problems.add(entry.at, format!("`{}` names no tag", key.name), "add `tags: [regulatory]`");
            }
            let rule = rule(&entry, &key.name);
            entry.finish();
            policy.human_only.push(HumanOnly { tags, rule });
        }
    }
    block.finish();
    policy
}

fn domain(reader: &Reader, node: &Node, name: &str, usual_floor: Option<f64>) -> Domain {
    let block = reader.block(node, format!("domains.{name}"));
    let rule_name = format!("knowledge.{name}");
    let own_floor = block.get("floor").map(|node| reader.number(node, "floor", 0.0, 1.0));
    let floor = own_floor.or(usual_floor).unwrap_or_else(|| {
        let mend = "add `floor: 0.75` here, or once under `knowledge`";
        reader.problems.add(block.at, format!("the domain `{name}` has no floor"), mend);
        0.0
    });
    let owners = match (block.get("owner"), block.get("owners")) {
        (Some(owner), None) => {
            let team = reader.refer(owner, "owner", Kind::Team, Receives::Handoffs);
            vec![rule_of_team(&block, &rule_name, team)]
        }
        (None, Some(owners)) => owners_in_order(reader, owners, &rule_name),
        (Some(_), Some(second)) => {
            reader.problems.add(
                second.at,
                format!("the domain `{name}` has `owner` and `owners`"),
                "keep one of the two",
            );
            Vec::new()
        }
        (None, None) => {
            let mend = "add `owner: team`, or `owners:` with a `when` each";
            reader.problems.add(block.at, format!("the domain `{name}` has no owner"), mend);
            Vec::new()
        }
    };
    block.finish();
    Domain { owners, floor }
}

/// Reads owners of which the first whose `when` holds takes it; the last one takes what is left.
fn owners_in_order(reader: &Reader, node: &Node, rule_name: &str) -> Vec<Rule> {
    let mut owners = Vec::new();
    let items = reader.list(node, "owners");
    for (index, item) in items.iter().enumerate() {
        let block = reader.block(item, rule_name);
        let owner = rule(&block, rule_name);
        let last = index + 1 == items.len();
        if last && block.get("when").is_some() {
            let mend = "end the list with an owner without `when`";
            reader.problems.add(item.at, format!("`{rule_name}` has no owner when no `when` holds"), mend);
        }
        if !last && block.get("when").is_none() {
            let mend = "give it a `when`, or move it to the end";
            reader.problems.add(item.at, format!("an owner of `{rule_name}` hides those behind it"), mend);
        }
        block.finish();
        owners.push(owner);
    }
    if let Value::Map(_) | Value::Nothing = node.value {
        reader.problems.add(node.at, "`owners` has no owner", "write one `- team: …` line for each");
    }
    owners
}

pub(super) fn priority(parent: &Block<'_>) -> Vec<PriorityRule> {
    named(parent, "priority", |block, name| {
        let cues: BTreeSet<Id> = block.refer_all("cues", Kind::Cue, Receives::Nothing).into_iter().collect();
        let types = block.names("types").into_iter().collect();
        let rule = rule(block, name);
        if cues.is_empty() && rule.when.is_none() {
            let mend = "add `cues: [outage]` or a `when`";
            block.reader.problems.add(block.at, format!("the rule `{name}` would fire for every message"), mend);
        }
        PriorityRule { rule, cues, types }
    })
}

pub(super) fn gradual(parent: &Block<'_>) -> Vec<GradualRule> {
    named(parent, "gradual", |block, name| {
        let cues: BTreeSet<Id> = block.refer_all("cues", Kind::Cue, Receives::Nothing).into_iter().collect();
        let messages = block.get("messages").map_or(1, |node| block.reader.whole(node, "messages", 1, 50));
        let types = block.names("types").into_iter().collect();
        let rule = rule(block, name);
        if cues.is_empty() && rule.when.is_none() {
            let mend = "add `cues: [integration_question]` or a `when`";
            block.reader.problems.add(block.at, format!("the rule `{name}` would fire for every message"), mend);
        }
        GradualRule { rule, cues, messages, types }
    })
}

/// Reads a block of rules by name, in their order.
pub(super) fn named<T>(parent: &Block<'_>, key: &'static str, read: impl Fn(&Block<'_>, &str) -> T) -> Vec<T> {
    let Some(node) = parent.get(key) else { return Vec::new() };
    let entries = parent.reader.entries(node, key);
    entries
        .iter()
        .map(|(name, node)| {
            let block = parent.reader.block(node, name.name.clone());
            let rule = read(&block, &name.name);
            block.finish();
            rule
        })
        .collect()
}
