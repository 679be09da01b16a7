//! The arguments that `baton run` and the four processors share.

use anyhow::Context as _;
use baton_records::{Id, Timestamp};
use baton_runtime::Config;
use clap::Args;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Which cluster, and which Baton on it.
#[derive(Debug, Clone, Args)]
pub struct ClusterArgs {
    /// Bootstrap servers, such as kafka-1:9092,kafka-2:9092
    #[arg(long, env = "BATON_BROKERS", value_name = "HOST:PORT,…")]
    pub brokers: String,
    /// Stands in the place of "baton" in all topic names, consumer groups and transactional ids
    #[arg(long, default_value = "baton", value_name = "NAME")]
    pub prefix: String,
    /// The topic with accounts, when it is not PREFIX.accounts
    #[arg(long, value_name = "TOPIC")]
    pub accounts_topic: Option<String>,
    /// Further settings of librdkafka, one name=value a line (TLS, SASL); secrets belong here
    #[arg(long, value_name = "FILE")]
    pub kafka_config: Option<PathBuf>,
}

impl ClusterArgs {
    /// Returns the runtime's configuration.
    ///
    /// # Errors
    /// When the file of settings cannot be read.
    pub fn config(&self) -> anyhow::Result<Config> {
        let mut config = Config::new(&self.brokers, &self.prefix);
        config.accounts_topic.clone_from(&self.accounts_topic);
        if let Some(path) = &self.kafka_config {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read --kafka-config {}", path.display()))?;
            config.kafka = parse_settings(&text).with_context(|| format!("in {}", path.display()))?;
        }
        Ok(config)
    }
}

fn parse_settings(text: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let mut settings = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line
            .split_once('=')
            .with_context(|| format!("line {}: no name=value; write a setting of librdkafka", number + 1))?;
        settings.insert(name.trim().to_owned(), value.trim().to_owned());
    }
    Ok(settings)
}

/// How processors run.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// A policy to put in force when its version is newer than the newest
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Topics with events
    #[arg(long, value_delimiter = ',', value_name = "TOPIC,…")]
    pub sources: Vec<String>,
    /// Records before this are history; by default 24 h before their source was first read
    #[arg(long, value_parser = parse_time, value_name = "RFC 3339")]
    pub live_from: Option<Timestamp>,
    /// Where to answer /livez, /readyz and /metrics
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// A name that no other instance has and that stays over restarts: a restarted process takes its tasks back at once
    #[arg(long, env = "BATON_INSTANCE", value_name = "NAME")]
    pub instance: Option<String>,
    /// Task threads a stage
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub threads: usize,
    /// Makes the topics that do not exist yet
    #[arg(long)]
    pub create_topics: bool,
    /// Partitions of the topics that --create-topics makes
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub partitions: i32,
    /// Replication factor of the topics that --create-topics makes
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub replication: i32,
    /// What is logged: error, warn, info, debug
    #[arg(long, default_value = "info", env = "BATON_LOG", value_name = "LEVEL")]
    pub log: String,
}

impl RunArgs {
    /// Returns the runtime's configuration.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn config(&self) -> anyhow::Result<Config> {
        let mut config = self.cluster.config()?;
        config.sources = self.sources.iter().map(Id::from).collect();
        config.live_from = self.live_from;
        config.instance.clone_from(&self.instance);
        config.threads = self.threads;
        Ok(config)
    }
}

/// Parses a time of the command line.
///
/// # Errors
/// In words for the terminal.
pub fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| format!("{text:?} is no RFC 3339 time; write it like 2026-03-02T10:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_lines_with_an_equals_sign() {
        let settings = parse_settings("# TLS\nsecurity.protocol = ssl\n\nssl.ca.location=/etc/ca=1.pem\n").unwrap();
        assert_eq!(settings["security.protocol"], "ssl");
        assert_eq!(settings["ssl.ca.location"], "/etc/ca=1.pem");
        let error = parse_settings("security.protocol").unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
    }
}
