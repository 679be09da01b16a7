//! Topics: made with the settings that the contract states, and checked.

use crate::config::{Config, MAX_RECORD_BYTES, REQUEST};
use crate::error::StartError;
use crate::stage::{Partitions, STAGES};
use baton_stream::Topic;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use std::collections::BTreeMap;
use std::time::Duration;

const HOUR_MS: u64 = 3_600_000;

/// How topics are made.
#[derive(Debug, Clone)]
pub struct TopicPlan {
    /// Partitions of all topics keyed by account.
    pub partitions: i32,
    /// Partitions of `pool.repartition`.
    pub pool_partitions: i32,
    /// Replication factor.
    pub replication: i32,
    /// Days for which `interactions` is kept.
    pub interactions_days: u64,
    /// Days for which `decisions` is kept.
    pub decisions_days: u64,
}

impl Default for TopicPlan {
    fn default() -> Self {
        Self { partitions: 8, pool_partitions: 1, replication: 1, interactions_days: 100, decisions_days: 400 }
    }
}

/// One topic as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name on the cluster.
    pub name: String,
    /// Its partitions.
    pub partitions: i32,
    /// Its settings.
    pub settings: BTreeMap<String, String>,
}

/// Returns all topics that Baton owns or shares, as they should be.
pub fn wanted(config: &Config, plan: &TopicPlan) -> Vec<Wanted> {
    let account = plan.partitions;
    let mut all = Vec::new();
    let mut add = |name: String, partitions: i32, compact: bool, keep_days: Option<u64>| {
        let mut settings = BTreeMap::new();
        settings.insert("max.message.bytes".to_owned(), MAX_RECORD_BYTES.to_string());
        settings.insert("cleanup.policy".to_owned(), if compact { "compact" } else { "delete" }.to_owned());
        if compact {
            settings.insert("max.compaction.lag.ms".to_owned(), (24 * HOUR_MS).to_string());
        }
        let keep = match keep_days {
            Some(days) => (days * 24 * HOUR_MS).to_string(),
            None => "-1".to_owned(),
        };
        if !compact {
            settings.insert("retention.ms".to_owned(), keep);
        }
        all.push(Wanted { name, partitions, settings });
    };
    let name = |topic: Topic| config.topic(&topic);
    add(name(Topic::Accounts), account, true, None);
    add(name(Topic::Agents), 1, true, None);
    add(name(Topic::Lifecycle), account, false, Some(100));
    add(name(Topic::Policies), 1, true, None);
    add(name(Topic::Ties), 1, true, None);
    // What has been passed on is of no use after a while; a stage that stood still for a week must be told loudly.
    add(name(Topic::AccountRepartition), account, false, Some(7));
    add(name(Topic::PoolRepartition), plan.pool_partitions, false, Some(7));
    add(name(Topic::Interactions), account, false, Some(plan.interactions_days));
    add(name(Topic::Contexts), account, true, None);
    add(name(Topic::Signals), account, false, Some(30));
    add(name(Topic::Handoffs), account, false, Some(100));
    add(name(Topic::Decisions), account, false, Some(plan.decisions_days));
    add(name(Topic::DeadLetters), account, false, Some(100));
    for stage in STAGES {
        let partitions = if stage == "router.assign" { plan.pool_partitions } else { account };
        add(config.changelog(stage), partitions, true, None);
    }
    all
}

/// Makes the topics that do not exist yet; returns their names.
///
/// # Errors
/// When the brokers do not answer or refuse one.
pub fn create(config: &Config, plan: &TopicPlan) -> Result<Vec<String>, StartError> {
    let existing = counts(config)?;
    let missing: Vec<Wanted> = wanted(config, plan).into_iter().filter(|w| !existing.contains_key(&w.name)).collect();
    let admin: AdminClient<DefaultClientContext> =
        config.client().create().map_err(|e| brokers(config, "cannot connect", e))?;
    let new: Vec<NewTopic<'_>> = missing
        .iter()
        .map(|w| {
            let fixed = NewTopic::new(&w.name, w.partitions, TopicReplication::Fixed(plan.replication));
            w.settings.iter().fold(fixed, |topic, (name, value)| topic.set(name, value))
        })
        .collect();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let options = AdminOptions::new().operation_timeout(Some(REQUEST)).request_timeout(Some(REQUEST));
    let results = pollster::block_on(admin.create_topics(&new, &options))
        .map_err(|e| brokers(config, "cannot make topics", e))?;
    for result in results {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(StartError::Refused(format!("topic {topic} cannot be made: {code}"))),
        }
    }
    await_leaders(config, &missing)?;
    Ok(missing.into_iter().map(|w| w.name).collect())
}

fn await_leaders(config: &Config, wanted: &[Wanted]) -> Result<(), StartError> {
    let started = std::time::Instant::now();
    loop {
        let found = counts(config)?;
        if wanted.iter().all(|w| found.get(&w.name) == Some(&w.partitions)) {
            return Ok(());
        }
        if started.elapsed() > REQUEST {
            return Err(StartError::Refused("new topics have no leaders after 30 s; look at the brokers' logs".into()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What is wrong with the topics, one line each; empty when all is well.
///
/// # Errors
/// When the brokers do not answer.
pub fn check(config: &Config, plan: &TopicPlan) -> Result<Vec<String>, StartError> {
    let found = counts(config)?;
    let account = found.get(&config.topic(&Topic::AccountRepartition)).copied();
    let mut wrong = Vec::new();
    for topic in wanted(config, plan) {
        let free = topic.name == config.topic(&Topic::Accounts)
            || [Topic::Agents, Topic::Lifecycle, Topic::Policies, Topic::DeadLetters, Topic::Ties]
                .iter()
                .any(|t| config.topic(t) == topic.name);
        match found.get(&topic.name) {
            None => wrong.push(format!("topic {} does not exist; make it with: baton topics create", topic.name)),
            Some(_) if free || topic.partitions == plan.pool_partitions && topic.name.contains("assign") => {}
            Some(count) if topic.partitions == plan.partitions && Some(*count) != account => wrong.push(format!(
                "topic {} has {count} partitions, {} has {}; all topics keyed by account need the same number: start over with a new prefix and a replay",
                topic.name,
                config.topic(&Topic::AccountRepartition),
                account.unwrap_or(0)
            )),
            Some(_) => {}
        }
    }
    wrong.extend(wrong_settings(config, plan, &found)?);
    Ok(wrong)
}

fn wrong_settings(config: &Config, plan: &TopicPlan, found: &BTreeMap<String, i32>) -> Result<Vec<String>, StartError> {
    let admin: AdminClient<DefaultClientContext> =
        config.client().create().map_err(|e| brokers(config, "cannot connect", e))?;
    let there: Vec<Wanted> = wanted(config, plan).into_iter().filter(|w| found.contains_key(&w.name)).collect();
    let names: Vec<ResourceSpecifier<'_>> = there.iter().map(|w| ResourceSpecifier::Topic(&w.name)).collect();
    let options = AdminOptions::new().request_timeout(Some(REQUEST));
    let results = pollster::block_on(admin.describe_configs(names.iter(), &options))
        .map_err(|e| brokers(config, "cannot read settings", e))?;
    let mut wrong = Vec::new();
    for (topic, result) in there.iter().zip(results) {
        let Ok(resource) = result else { continue };
        let have = resource.entry_map();
        let cleanup = have.get("cleanup.policy").and_then(|e| e.value.clone()).unwrap_or_default();
        let want = topic.settings.get("cleanup.policy").cloned().unwrap_or_default();
        if cleanup != want {
            wrong.push(format!(
                "topic {} has cleanup.policy {cleanup}; it needs {want}: change it with kafka-configs",
                topic.name
            ));
        }
    }
    Ok(wrong)
}

/// Returns the partition counts of the topics that exist and whose partitions have leaders.
///
/// # Errors
/// When the brokers do not answer.
pub fn counts(config: &Config) -> Result<BTreeMap<String, i32>, StartError> {
    let client: BaseConsumer = config.client().create().map_err(|e| brokers(config, "cannot connect", e))?;
    let metadata = client.fetch_metadata(None, REQUEST).map_err(|e| brokers(config, "no broker answers", e))?;
    let led =
        |t: &&rdkafka::metadata::MetadataTopic| t.error().is_none() && t.partitions().iter().all(|p| p.leader() >= 0);
    Ok(metadata
        .topics()
        .iter()
        .filter(led)
        .map(|t| (t.name().to_owned(), i32::try_from(t.partitions().len()).unwrap_or(i32::MAX)))
        .collect())
}

/// Returns the partition counts of the internal topics.
///
/// # Errors
/// When they do not exist, differ, or the brokers do not answer.
pub fn partitions(config: &Config) -> Result<Partitions, StartError> {
    let found = counts(config)?;
    let of = |topic: Topic| {
        let name = config.topic(&topic);
        found.get(&name).copied().ok_or_else(|| {
            StartError::Refused(format!(
                "topic {name} does not exist; make it with: baton topics create, or run with --create-topics"
            ))
        })
    };
    let account = of(Topic::AccountRepartition)?;
    for topic in [Topic::Interactions, Topic::Contexts, Topic::Signals, Topic::Handoffs, Topic::Decisions] {
        let count = of(topic.clone())?;
        if count != account {
            return Err(StartError::Refused(format!(
                "topic {} has {count} partitions, {} has {account}; all topics keyed by account need the same number: start over with a new prefix and a replay",
                config.topic(&topic),
                config.topic(&Topic::AccountRepartition)
            )));
        }
    }
    Ok(Partitions { account, pool: of(Topic::PoolRepartition)? })
}

fn brokers(config: &Config, what: &'static str, source: rdkafka::error::KafkaError) -> StartError {
    StartError::Brokers { what, brokers: config.brokers.clone(), source }
}
