//! The tasks of both layouts, and between which partitions they stand.

use super::cluster::TopicPartition;
use super::member::Assignment;
use anomaly_detector::DetectTask;
use baton_pipeline::{AccountConfig, AccountTask};
use baton_records::Id;
use baton_stream::{Task, Topic};
use context_unifier::{Directory, IntakeConfig, IntakeTask, SequenceTask};
use router::{AssignConfig, AssignTask, DecideConfig, DecideTask, Pace};
use sentiment_scorer::ScoreTask;
use std::sync::{Arc, RwLock};
use std::time::Duration;

/// The processor that dead letters of *intake* and *sequence* name.
const UNIFIER: &str = "context-unifier";

/// Which processors are one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// All of them.
    One,
    /// Each is its own.
    Four,
}

impl Layout {
    /// Returns the other one.
    pub const fn other(self) -> Self {
        match self {
            Self::One => Self::Four,
            Self::Four => Self::One,
        }
    }
}

/// How many partitions there are.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Of the topics keyed by account.
    pub accounts: i32,
    /// Names of sources, and their partitions.
    pub sources: Vec<(&'static str, i32)>,
}

impl Default for Shape {
    fn default() -> Self {
        Self { accounts: 2, sources: vec![("chat", 2), ("desk", 1)] }
    }
}

impl Shape {
    /// Returns all topics with their partition counts.
    pub fn topics(&self) -> Vec<(Topic, i32)> {
        let mut topics: Vec<(Topic, i32)> =
            self.sources.iter().map(|(name, n)| (Topic::Source(Id::new_static(name)), *n)).collect();
        let by_account = [
            Topic::AccountRepartition,
            Topic::Interactions,
            Topic::Contexts,
            Topic::Signals,
            Topic::Handoffs,
            Topic::Decisions,
        ];
        topics.extend(by_account.into_iter().map(|topic| (topic, self.accounts)));
        let single = [
            Topic::Accounts,
            Topic::Agents,
            Topic::Lifecycle,
            Topic::Policies,
            Topic::Ties,
            Topic::PoolRepartition,
            Topic::DeadLetters,
        ];
        topics.extend(single.into_iter().map(|topic| (topic, 1)));
        topics
    }

    /// Returns the partitions that *intake* reads.
    pub fn sources(&self) -> Vec<TopicPartition> {
        let tables = [Topic::Policies, Topic::Accounts, Topic::Agents, Topic::Lifecycle];
        let named = self
            .sources
            .iter()
            .flat_map(|(name, count)| (0..*count).map(|partition| (Topic::Source(Id::new_static(name)), partition)));
        tables.into_iter().map(|topic| (topic, 0)).chain(named).collect()
    }
}

/// What a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// *intake* of a source partition.
    Intake(Topic, i32),
    /// *sequence* alone.
    Sequence(i32),
    /// The scorer alone.
    Score(i32),
    /// The detector alone.
    Detect(i32),
    /// *decide* alone.
    Decide(i32),
    /// The four of them as one.
    Account(i32),
    /// *assign*.
    Assign,
}

impl Role {
    /// Returns the tasks of both layouts.
    pub fn all(shape: &Shape) -> Vec<Self> {
        let mut roles: Vec<Self> = shape.sources().into_iter().map(|(topic, p)| Self::Intake(topic, p)).collect();
        for p in 0..shape.accounts {
            roles.extend([Self::Account(p), Self::Sequence(p), Self::Score(p), Self::Detect(p), Self::Decide(p)]);
        }
        roles.push(Self::Assign);
        roles
    }

    /// Tells whether a layout has this task.
    pub fn runs_in(&self, layout: Layout) -> bool {
        match self {
            Self::Intake(..) | Self::Assign => true,
            Self::Account(_) => layout == Layout::One,
            _ => layout == Layout::Four,
        }
    }

    /// Returns between which partitions it stands.
    pub fn assignment(&self) -> Assignment {
        let at = |topic: &Topic, p: i32| (topic.clone(), p);
        let (group, scope, inputs) = match self {
            Self::Intake(topic, p) => ("unifier", format!("{}/{p}", topic.suffix()), vec![at(topic, *p)]),
            Self::Account(p) => {
                let companions = [at(&Topic::Interactions, *p), at(&Topic::Signals, *p)];
                (
                    "sequence",
                    format!("account/{p}"),
                    [vec![at(&Topic::AccountRepartition, *p)], companions.into()].concat(),
                )
            }
            Self::Sequence(p) => ("sequence", format!("account/{p}"), vec![at(&Topic::AccountRepartition, *p)]),
            Self::Score(p) => ("scorer", format!("account/{p}"), vec![at(&Topic::Interactions, *p)]),
            Self::Detect(p) => ("detector", format!("account/{p}"), vec![at(&Topic::Interactions, *p)]),
            Self::Decide(p) => {
                ("router", format!("account/{p}"), vec![at(&Topic::Interactions, *p), at(&Topic::Signals, *p)])
            }
            Self::Assign => ("assign", "pool/0".to_owned(), vec![at(&Topic::PoolRepartition, 0)]),
        };
        let low_water = match self {
            Self::Intake(topic, p) => Some(format!("{}/{p}", topic.suffix())),
            _ => None,
        };
        Assignment { group: group.to_owned(), scope, inputs, low_water }
    }

    /// Makes the task, without state.
    pub fn build(&self, shape: &Shape, directory: &Arc<RwLock<Directory>>) -> Box<dyn Task> {
        let directory = Arc::clone(directory);
        let accounts = shape.accounts;
        match self {
            Self::Intake(topic, partition) => {
                let config = IntakeConfig {
                    topic: topic.clone(),
                    partition: *partition,
                    account_partitions: accounts,
                    pool_partitions: 1,
                    live_from: None,
                    processor: UNIFIER,
                };
                Box::new(IntakeTask::new(config, directory))
            }
            Self::Account(partition) => {
                let config = AccountConfig {
                    partition: *partition,
                    account_partitions: accounts,
                    pool_partitions: 1,
                    clock_every: Duration::from_millis(500),
                };
                Box::new(AccountTask::new(config, directory))
            }
            Self::Sequence(partition) => Box::new(SequenceTask::new(*partition, UNIFIER, directory)),
            Self::Score(_) => Box::new(ScoreTask::new()),
            Self::Detect(_) => Box::new(DetectTask::new()),
            Self::Decide(partition) => {
                let config = DecideConfig { partition: *partition, account_partitions: accounts, pool_partitions: 1 };
                Box::new(DecideTask::new(config))
            }
            Self::Assign => Box::new(AssignTask::new(AssignConfig { partition: 0, pace: Pace::Decided })),
        }
    }
}
