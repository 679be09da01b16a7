//! The newest policy that was activated.

use baton_policy::{Policy, Problem};
use baton_records::Id;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A policy with the text that it was read from.
#[derive(Debug, Clone)]
pub struct NewestPolicy {
    /// `name@number`.
    pub version: Id,
    /// Its whole text.
    pub text: Id,
    /// What the text says.
    pub policy: Policy,
}

impl NewestPolicy {
    /// Reads a value of `baton.policies`: `{"version", "text"}`, or the text alone.
    ///
    /// # Errors
    /// All that is wrong with the text; nothing when the value is no text at all.
    pub(crate) fn read(value: &[u8]) -> Result<Self, Vec<Problem>> {
        #[derive(Deserialize)]
        struct Record {
            text: Id,
        }
        let text = match serde_json::from_slice::<Record>(value) {
            Ok(record) => record.text,
            Err(_) => Id::from(std::str::from_utf8(value).map_err(|_| Vec::new())?),
        };
        let policy = Policy::parse(&text)?;
        let version = Id::from(policy.version.to_string());
        Ok(Self { version, text, policy })
    }
}

/// Finds the newest among the policies of the topic.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    highest: BTreeMap<Id, u64>,
    newest: Option<Arc<NewestPolicy>>,
}

impl Policies {
    /// Takes a value of the topic. A policy is newer than those before it when its number is the highest of its name.
    pub(crate) fn take(&mut self, value: &[u8]) {
        let Ok(read) = NewestPolicy::read(value) else { return };
        let version = &read.policy.version;
        if self.highest.get(&version.name).is_some_and(|highest| *highest >= version.number) {
            return;
        }
        self.highest.insert(version.name.clone(), version.number);
        self.newest = Some(Arc::new(read));
    }

    pub(crate) fn newest(&self) -> Option<Arc<NewestPolicy>> {
        self.newest.clone()
    }
}
