//! What the runtime must know of a stage to run it.

use baton_records::Timestamp;
use baton_stream::{Input, Output, Task, Topic};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which partition a task is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskId {
    /// The lead topic.
    pub topic: Topic,
    /// Its partition.
    pub partition: i32,
}

/// Makes a task.
pub type MakeTask = Arc<dyn Fn(&TaskId, &Partitions) -> Box<dyn Task> + Send + Sync>;

/// Feeds a record of a global table.
pub type FeedTable = Arc<dyn Fn(Input<'_>) + Send + Sync>;

/// Makes the low-water records of an intake thread: one for each account partition.
pub type MakeLowWater = Arc<dyn Fn(&LowWaterMarks, &Partitions) -> Vec<Output> + Send + Sync>;

/// What an intake thread knows of its source partitions.
#[derive(Debug, Clone, Default)]
pub struct LowWaterMarks {
    /// When the list of source partitions was made.
    pub epoch: i64,
    /// All source partitions of all intake threads, as `topic/partition`.
    pub sources: Vec<String>,
    /// The low water of this thread's.
    pub marks: BTreeMap<String, Timestamp>,
}

/// Partition counts of the internal topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partitions {
    /// Of all topics keyed by account.
    pub account: i32,
    /// Of `pool.repartition`.
    pub pool: i32,
}

/// A stage: a consumer group, its tasks and what they write.
#[derive(Clone)]
pub struct Stage {
    /// `context-unifier`, `context-unifier.sequence`, `router` …: group, transactional id and health carry it.
    pub name: &'static str,
    /// What metrics call it.
    pub metrics: baton_telemetry::Stage,
    /// The topics that the group subscribes to.
    pub leads: Vec<Topic>,
    /// Topics of which a task reads the partition of its lead's number, always.
    pub companions: Vec<Topic>,
    /// Topics of which it reads that partition only until it has caught up with what another layout left, each with the
    /// stages whose offsets say where to begin, and which it keeps up to date.
    pub left_behind: Vec<(Topic, Vec<&'static str>)>,
    /// Whether tasks read sources, so that changelogs are shared and low-water marks are written.
    pub low_water: Option<MakeLowWater>,
    /// Makes a task.
    pub make: MakeTask,
}

impl Stage {
    /// Tells whether tasks know by the numbers of records what they have taken, so that committed offsets are hints.
    pub fn knows_its_place(&self) -> bool {
        self.leads == [Topic::Interactions]
    }
}

/// A table that every instance holds in whole.
#[derive(Clone)]
pub struct GlobalTable {
    /// The topics that it is made of.
    pub topics: Vec<Topic>,
    /// Takes one record of them.
    pub feed: FeedTable,
}

/// The stages that this process runs.
#[derive(Clone)]
pub struct Topology {
    /// `one` or `four`: two layouts at once are refused.
    pub layout: &'static str,
    /// The stages.
    pub stages: Vec<Stage>,
    /// The global table, where a stage needs one.
    pub table: Option<GlobalTable>,
}

/// Returns the stage that owns a store, by the part of its name before the dot.
pub fn owner_of_store(store: &str) -> Option<&'static str> {
    Some(match store.split_once('.')?.0 {
        "intake" => "context-unifier",
        "sequence" => "context-unifier.sequence",
        "scorer" => "sentiment-scorer",
        "detector" => "anomaly-detector",
        "decide" => "router",
        "assign" => "router.assign",
        _ => return None,
    })
}

/// All stages that have a changelog.
pub const STAGES: [&str; 6] =
    ["context-unifier", "context-unifier.sequence", "sentiment-scorer", "anomaly-detector", "router", "router.assign"];
