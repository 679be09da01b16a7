//! The three companies: who they are, their policy, their topics.

use baton_runtime::{Config, Peers};
use baton_stream::Topic;

const FETCH_WAIT_MS: &str = "10";

/// A company of the demo.
#[derive(Debug)]
pub struct Company {
    /// What stands before its topics; every company has a Baton of its own.
    pub prefix: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Its policy, as shipped.
    pub policy: &'static str,
    /// Its story: accounts, agents, history and what happens while the demo runs.
    pub story: &'static str,
    /// Its topics with events.
    sources: &'static [&'static str],
}

/// The companies, in the order in which they are shown.
pub const COMPANIES: [Company; 3] = [
    Company {
        prefix: "saas",
        title: "Software company",
        policy: include_str!("../../../../deploy/policies/saas.yaml"),
        story: include_str!("../../demo/saas.jsonl"),
        sources: &["chat", "mail", "crm", "usage"],
    },
    Company {
        prefix: "manufacturing",
        title: "Manufacturer",
        policy: include_str!("../../../../deploy/policies/manufacturing.yaml"),
        story: include_str!("../../demo/manufacturing.jsonl"),
        sources: &["chat", "mail", "erp"],
    },
    Company {
        prefix: "bank",
        title: "Bank",
        policy: include_str!("../../../../deploy/policies/bank.yaml"),
        story: include_str!("../../demo/bank.jsonl"),
        sources: &["chat", "ledger"],
    },
];

impl Company {
    /// Returns the configuration of its Baton.
    pub fn config(&self, brokers: &str) -> Config {
        let mut config = Config::new(brokers, self.prefix);
        config.sources = self.sources.iter().map(|name| self.topic(name).into()).collect();
        config.peers = Peers::Impossible;
        // The embedded broker lets a reader that has caught up wait for all of this, whatever comes meanwhile.
        config.kafka.insert("fetch.wait.max.ms".to_owned(), FETCH_WAIT_MS.to_owned());
        config
    }

    /// Returns the name on the broker of a topic of its story.
    pub fn topic(&self, name: &str) -> String {
        match name {
            "accounts" => Topic::Accounts.name(self.prefix),
            "agents" => Topic::Agents.name(self.prefix),
            "lifecycle" => Topic::Lifecycle.name(self.prefix),
            source => format!("{}-{source}", self.prefix),
        }
    }
}
