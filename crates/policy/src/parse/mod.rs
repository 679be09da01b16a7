//! From text to [`Policy`]: one function a block of the file, in the file's order.

mod every_rule;
mod frame;
mod later;
mod strategies;

use crate::check;
use crate::overlap;
use crate::problem::Problem;
use crate::read::{Block, Reader};
use crate::yaml;
use crate::{Policy, Version};
use baton_records::{Id, Strategy};
use std::fmt;

const STRATEGIES: [(&str, Strategy); 7] = [
    ("approval", Strategy::Approval),
    ("anomaly", Strategy::Anomaly),
    ("priority", Strategy::Priority),
    ("skill", Strategy::Skill),
    ("sentiment", Strategy::Sentiment),
    ("knowledge", Strategy::Knowledge),
    ("gradual", Strategy::Gradual),
];

impl Policy {
    /// Parses and checks a policy.
    ///
    /// # Errors
    /// All that is wrong, in the order of the text.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let reader = Reader::default();
        let parsed = yaml::read(text, &reader.problems).and_then(|root| {
            let policy = whole(&reader.block(&root, "policy"));
            check::whole(&policy, &reader);
            if reader.problems.is_empty() {
                overlap::check(&policy, &reader);
            }
            reader.problems.is_empty().then_some(policy)
        });
        match parsed {
            Some(policy) if reader.problems.is_empty() => Ok(policy),
            _ => Err(reader.problems.into_sorted()),
        }
    }
}

impl Version {
    /// Parses `name@number`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, number) = text.split_once('@')?;
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || name.len() > 80 || !name.chars().all(good) || number.starts_with('+') {
            return None;
        }
        let number = number.parse().ok().filter(|number| *number > 0)?;
        Some(Self { name: Id::from(name), number })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.number)
    }
}

fn whole(block: &Block<'_>) -> Policy {
    let policy = Policy {
        version: version(block),
        currency: currency(block),
        limits: frame::limits(block),
        redact: frame::redactions(block),
        calendars: frame::calendars(block),
        tiers: frame::tiers(block),
        skills: frame::skills(block),
        teams: frame::teams(block),
        pools: frame::pools(block),
        offers: frame::offers(block),
        collision_order: collisions(block),
        context: frame::context(block),
        sentiment: strategies::sentiment(block),
        knowledge: strategies::knowledge(block),
        priority: strategies::priority(block),
        gradual: strategies::gradual(block),
        anomaly: later::anomaly(block),
        approval: later::approval(block),
        skill: later::skill(block),
        notices: frame::notices(block),
    };
    block.finish();
    policy
}

fn version(block: &Block<'_>) -> Version {
    let text = block.need("version", "name@1").map(|node| (node, block.reader.text(node, "version")));
    let parsed = text.and_then(|(node, text)| {
        let version = Version::parse(text);
        if version.is_none() && !text.is_empty() {
            let mend = "write a name and a number from 1, such as saas@7; raise the number with every change";
            block.reader.problems.add(node.at, format!("`{text}` is no version"), mend);
        }
        version
    });
    parsed.unwrap_or(Version { name: Id::default(), number: 0 })
}

fn currency(block: &Block<'_>) -> Id {
    let Some(node) = block.need("currency", "USD") else { return Id::default() };
    let text = block.reader.text(node, "currency");
    let good = text.is_empty() || text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase());
    if !good {
        block.reader.problems.add(
            node.at,
            format!("`{text}` is no currency"),
            "write three capital letters (ISO 4217), such as USD",
        );
    }
    Id::from(text)
}

fn collisions(block: &Block<'_>) -> Vec<Strategy> {
    let Some(node) = block.need("collisions", "[approval, anomaly, priority, skill, sentiment, knowledge, gradual]")
    else {
        return Vec::new();
    };
    let reader = block.reader;
    let items = reader.list(node, "collisions");
    let order: Vec<Strategy> =
        items.iter().map(|item| reader.word(item, "collisions", &STRATEGIES, Strategy::Gradual)).collect();
    let lacks = STRATEGIES.iter().filter(|(_, strategy)| !order.contains(strategy)).map(|(name, _)| *name);
    let lacks: Vec<&str> = lacks.collect();
    if !lacks.is_empty() || order.len() != STRATEGIES.len() {
        let what = if lacks.is_empty() {
            "`collisions` names a strategy twice".to_owned()
        } else {
            format!("`collisions` does not say where {} stands", lacks.join(", "))
        };
        reader.problems.add(node.at, what, "name each of the seven strategies once, the winner first");
    }
    order
}
