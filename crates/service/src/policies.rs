//! Policies as records: which are known, and putting one in force.

use anyhow::{Context as _, bail};
use baton_policy::{Policy, Version};
use baton_records::Timestamp;
use baton_runtime::{Config, Writer, tools};
use baton_stream::Topic;
use std::path::Path;

/// A policy that was put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activated {
    /// Its version.
    pub version: Version,
    /// When.
    pub at: Timestamp,
    /// Its text.
    pub text: String,
}

/// What putting a policy in force came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activation {
    /// It is in force now.
    Done(Version),
    /// It was already, or a newer one is.
    Unchanged {
        /// The one in force.
        newest: Version,
    },
}

/// Returns the policies that were put in force, oldest first.
///
/// # Errors
/// When the topic cannot be read.
pub fn list(config: &Config) -> anyhow::Result<Vec<Activated>> {
    let mut all = Vec::new();
    tools::read(config, &Topic::Policies, None, &mut |record| {
        let text = String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned();
        if let Some(version) = record.key.as_deref().and_then(|key| Version::parse(&String::from_utf8_lossy(key))) {
            all.push(Activated { version, at: record.timestamp, text });
        }
        true
    })?;
    all.sort_by_key(|a| a.at);
    Ok(all)
}

/// Reads a policy file.
///
/// # Errors
/// Everything that is wrong with it, a line each.
pub fn load(path: &Path) -> anyhow::Result<(Policy, String)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the policy {}", path.display()))?;
    match Policy::parse(&text) {
        Ok(policy) => Ok((policy, text)),
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(|p| format!("{}:{p}", path.display())).collect();
            bail!("the policy has {} problems:\n{}", lines.len(), lines.join("\n"))
        }
    }
}

/// Puts the policy of a file in force when its version is newer than the newest.
///
/// # Errors
/// When it is wrong, the same version stands there with another text, or the topic cannot be written.
pub fn activate(config: &Config, path: &Path) -> anyhow::Result<Activation> {
    let (policy, text) = load(path)?;
    activate_text(config, &policy, text).with_context(|| format!("in {}", path.display()))
}

/// Puts a policy in force, of which `text` is the text, when its version is newer than the newest.
///
/// # Errors
/// When the same version stands there with another text, or the topic cannot be written.
pub fn activate_text(config: &Config, policy: &Policy, text: String) -> anyhow::Result<Activation> {
    let known = list(config)?;
    if known.iter().any(|a| a.version == policy.version && a.text != text) {
        bail!("{} stands there already with another text; give the policy a new number", policy.version);
    }
    if let Some(newest) =
        known.iter().map(|a| &a.version).max_by_key(|v| v.number).filter(|v| v.number >= policy.version.number)
    {
        return Ok(Activation::Unchanged { newest: newest.clone() });
    }
    let writer = Writer::open(config)?;
    writer.send(&config.topic(&Topic::Policies), &policy.version.to_string(), text.as_bytes(), None)?;
    writer.flush()?;
    Ok(Activation::Done(policy.version.clone()))
}
