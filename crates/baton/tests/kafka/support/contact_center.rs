//! A contact center that answers what is offered to its agents.

use super::Site;
use super::workload::{now, rfc3339};
use baton_test_support::TestRecord;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A contact center; it answers each revision once.
pub struct ContactCenter {
    rng: StdRng,
    seen: BTreeSet<(String, u64)>,
}

impl ContactCenter {
    /// Opens one.
    pub fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), seen: BTreeSet::new() }
    }

    /// Answers what was offered since the last time.
    pub fn work(&mut self, site: &Site) {
        let mut answers = Vec::new();
        for record in site.read("handoffs") {
            let handoff: Value = serde_json::from_slice(record.value.as_deref().unwrap_or_default()).unwrap();
            let id = handoff["handoff_id"].as_str().unwrap().to_owned();
            if !self.seen.insert((id.clone(), handoff["revision"].as_u64().unwrap())) || handoff["status"] != "assigned"
            {
                continue;
            }
            let agent = &handoff["agent"]["agent_id"];
            let steps: &[&str] = match self.rng.random_range(0..10) {
                0 => &["declined"],
                // Nobody looks at it: the offer lapses.
                1 | 2 => &[],
                3 => &["accepted"],
                4 => &["accepted", "returned"],
                _ => &["accepted", "first_response", "resolved"],
            };
            for kind in steps {
                let value = json!({"handoff_id": id, "type": kind, "agent_id": agent, "at": rfc3339(now())});
                answers.push(TestRecord::new(&id, &value.to_string()));
            }
        }
        site.client.produce(&site.topic("lifecycle"), &answers).unwrap();
    }
}
