//! The stages of both layouts.

use anomaly_detector::DetectTask;
use baton_pipeline::{AccountConfig, AccountTask};
use baton_records::{Id, LowWater, Timestamp};
use baton_runtime::{GlobalTable, LowWaterMarks, Partitions, Stage, TaskId, Topology};
use baton_stream::{Input, Output, Task, Topic, wire};
use baton_telemetry::Stage as Name;
use clap::ValueEnum;
use context_unifier::{Directory, IntakeConfig, IntakeTask, SequenceTask};
use router::{AssignConfig, AssignTask, CLOCK_EVERY, DecideConfig, DecideTask, Pace};
use sentiment_scorer::ScoreTask;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The four processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Processor {
    /// Intake and sequence.
    ContextUnifier,
    /// Score.
    SentimentScorer,
    /// Detect.
    AnomalyDetector,
    /// Decide and assign.
    Router,
}

/// What stages are made with.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Topics with events.
    pub sources: Vec<Id>,
    /// What is older is history.
    pub live_from: Option<Timestamp>,
}

/// Returns the stages of one process that does everything.
pub fn one_process(plan: &Plan) -> Topology {
    let directory = Arc::new(RwLock::new(Directory::default()));
    Topology {
        layout: "one",
        stages: vec![intake(plan, &directory), account(&directory), assign()],
        table: Some(table(&directory)),
    }
}

/// Returns the stages of some processors, each of them alone.
pub fn alone(processors: &[Processor], plan: &Plan) -> Topology {
    let directory = Arc::new(RwLock::new(Directory::default()));
    let mut stages = Vec::new();
    for processor in processors {
        match processor {
            Processor::ContextUnifier => stages.extend([intake(plan, &directory), sequence(&directory)]),
            Processor::SentimentScorer => stages.push(score()),
            Processor::AnomalyDetector => stages.push(detect()),
            Processor::Router => stages.extend([decide(), assign()]),
        }
    }
    let needs_table = processors.contains(&Processor::ContextUnifier);
    Topology { layout: "four", stages, table: needs_table.then(|| table(&directory)) }
}

fn table(directory: &Arc<RwLock<Directory>>) -> GlobalTable {
    let directory = directory.clone();
    GlobalTable {
        topics: vec![Topic::Accounts, Topic::Agents, Topic::Ties, Topic::Policies],
        feed: Arc::new(move |input: Input<'_>| {
            directory.write().unwrap_or_else(PoisonError::into_inner).apply(input);
        }),
    }
}

fn stage(
    name: &'static str,
    metrics: Name,
    lead: Topic,
    make: impl Fn(&TaskId, &Partitions) -> Box<dyn Task> + Send + Sync + 'static,
) -> Stage {
    Stage {
        name,
        metrics,
        leads: vec![lead],
        companions: Vec::new(),
        left_behind: Vec::new(),
        low_water: None,
        make: Arc::new(make),
    }
}

fn intake(plan: &Plan, directory: &Arc<RwLock<Directory>>) -> Stage {
    let (directory, live_from) = (directory.clone(), plan.live_from);
    let mut leads: Vec<Topic> = plan.sources.iter().cloned().map(Topic::Source).collect();
    leads.extend([Topic::Accounts, Topic::Agents, Topic::Lifecycle, Topic::Policies]);
    Stage {
        name: "context-unifier",
        metrics: Name::Intake,
        leads,
        companions: Vec::new(),
        left_behind: Vec::new(),
        low_water: Some(Arc::new(low_water)),
        make: Arc::new(move |id, partitions| {
            let config = IntakeConfig {
                topic: id.topic.clone(),
                partition: id.partition,
                account_partitions: partitions.account,
                pool_partitions: partitions.pool,
                live_from,
                processor: "context-unifier",
            };
            Box::new(IntakeTask::new(config, directory.clone()))
        }),
    }
}

/// Writes the marks of one intake thread into every account partition.
fn low_water(marks: &LowWaterMarks, partitions: &Partitions) -> Vec<Output> {
    let told = LowWater {
        epoch: marks.epoch,
        sources: Some(marks.sources.iter().map(Id::from).collect()),
        marks: marks.marks.iter().map(|(at, time)| (Id::from(at), time.millis())).collect::<BTreeMap<_, _>>(),
    };
    (0..partitions.account).map(|partition| wire::low_water(&told, partition)).collect()
}

fn sequence(directory: &Arc<RwLock<Directory>>) -> Stage {
    let directory = directory.clone();
    stage("context-unifier.sequence", Name::Sequence, Topic::AccountRepartition, move |id, _| {
        Box::new(SequenceTask::new(id.partition, "context-unifier", directory.clone()))
    })
}

fn score() -> Stage {
    stage("sentiment-scorer", Name::Score, Topic::Interactions, |_, _| Box::new(ScoreTask::new()))
}

fn detect() -> Stage {
    stage("anomaly-detector", Name::Detect, Topic::Interactions, |_, _| Box::new(DetectTask::new()))
}

fn decide() -> Stage {
    Stage {
        companions: vec![Topic::Signals],
        ..stage("router", Name::Decide, Topic::Interactions, |id, partitions| {
            Box::new(DecideTask::new(DecideConfig {
                partition: id.partition,
                account_partitions: partitions.account,
                pool_partitions: partitions.pool,
            }))
        })
    }
}

fn account(directory: &Arc<RwLock<Directory>>) -> Stage {
    let directory = directory.clone();
    Stage {
        left_behind: vec![
            (Topic::Interactions, vec!["sentiment-scorer", "anomaly-detector", "router"]),
            (Topic::Signals, vec!["router"]),
        ],
        ..stage("context-unifier.sequence", Name::Account, Topic::AccountRepartition, move |id, partitions| {
            let config = AccountConfig {
                partition: id.partition,
                account_partitions: partitions.account,
                pool_partitions: partitions.pool,
                clock_every: CLOCK_EVERY,
            };
            Box::new(AccountTask::new(config, directory.clone()))
        })
    }
}

fn assign() -> Stage {
    stage("router.assign", Name::Assign, Topic::PoolRepartition, |id, _| {
        Box::new(AssignTask::new(AssignConfig { partition: id.partition, pace: Pace::Decided }))
    })
}
