//! Which policy is in force in a partition of the log.

use baton_policy::{Limits, Policy};
use baton_records::Id;
use baton_stream::{Broken, Store, Table};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What holds before the first policy.
const SHIPPED: Limits = Limits {
    lateness: Duration::from_secs(5),
    history_after: Duration::from_secs(24 * 3_600),
    cool_down: Duration::from_secs(30 * 60),
    expire_after: Duration::from_secs(30 * 24 * 3_600),
    closed_known_for: Duration::from_secs(7 * 24 * 3_600),
    duplicate_window: Duration::from_secs(7 * 24 * 3_600),
    duplicate_ids: 4_096,
    conversation_join: Duration::from_secs(30 * 60),
    account_late: Duration::from_secs(15 * 60),
};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct InForce {
    version: Id,
    text: Id,
}

/// The policy in force, and the highest number of each name that was.
#[derive(Debug)]
pub(crate) struct Policies {
    in_force: Table<(), InForce>,
    highest: Table<Id, u64>,
    parsed: Option<Box<Policy>>,
}

impl Policies {
    pub(crate) const fn new() -> Self {
        Self { in_force: Table::new("sequence.policy"), highest: Table::new("sequence.policies"), parsed: None }
    }

    /// Reads the stored policy, after a restore.
    pub(crate) fn prepare(&mut self) -> Result<(), Broken> {
        if let Some(stored) = self.in_force.get(&()) {
            self.parsed = Some(Box::new(parse(&stored.version, &stored.text)?));
        }
        Ok(())
    }

    pub(crate) fn in_force(&self) -> Option<&Policy> {
        self.parsed.as_deref()
    }

    pub(crate) fn limits(&self) -> &Limits {
        self.parsed.as_ref().map_or(&SHIPPED, |policy| &policy.limits)
    }

    /// Puts a policy in force, if its number is higher than that of any of its name before it.
    pub(crate) fn switch(&mut self, version: &Id, text: &Id) -> Result<bool, Broken> {
        let policy = parse(version, text)?;
        let number = policy.version.number;
        if self.highest.get(&policy.version.name).is_some_and(|highest| *highest >= number) {
            return Ok(false);
        }
        self.highest.put(policy.version.name.clone(), number);
        self.in_force.put((), InForce { version: version.clone(), text: text.clone() });
        self.parsed = Some(Box::new(policy));
        Ok(true)
    }

    pub(crate) fn stores(&mut self) -> [&mut dyn Store; 2] {
        [&mut self.in_force, &mut self.highest]
    }
}

fn parse(version: &Id, text: &Id) -> Result<Policy, Broken> {
    Policy::parse(text).map_err(|problems| {
        let first = problems.first().map(ToString::to_string).unwrap_or_default();
        Broken { what: format!("policy {version}: its text cannot be read by this release ({first})") }
    })
}
