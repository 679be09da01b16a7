//! What the threads of a process share: the stop flag, their states, the list of source partitions.

use baton_telemetry::{Health, Metrics, Stage, ThreadState as HealthState};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// How a thread stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadState {
    /// Its stage.
    pub stage: Stage,
    /// It has heard of its assignment.
    pub assigned: bool,
    /// Its tasks.
    pub tasks: usize,
    /// Offsets that are still to be restored.
    pub restoring: u64,
}

impl ThreadState {
    /// The state before the first assignment.
    pub fn starting(stage: Stage) -> Self {
        Self { stage, assigned: false, tasks: 0, restoring: 0 }
    }

    fn health(&self) -> HealthState {
        match self {
            Self { assigned: false, .. } => HealthState::Joining,
            Self { restoring: 0, .. } => HealthState::Running,
            _ => HealthState::Restoring,
        }
    }

    /// Tells whether it does its work.
    pub fn is_ready(&self) -> bool {
        self.assigned && self.restoring == 0
    }
}

/// What one thread holds, for metrics.
#[derive(Debug, Clone, Default)]
pub struct Holdings {
    /// Tasks that run.
    pub running: usize,
    /// Tasks that are being restored, or catch up.
    pub restoring: usize,
    /// Source partitions that cannot be read and are waited for.
    pub waited_for: usize,
    /// Entries of its tasks' stores.
    pub entries: BTreeMap<&'static str, usize>,
}

/// What the threads of a process share.
pub struct Shared {
    /// Threads stop when this is set.
    pub stop: AtomicBool,
    metrics: Metrics,
    health: Health,
    threads: Mutex<BTreeMap<String, ThreadState>>,
    holdings: Mutex<BTreeMap<(Stage, String), Holdings>>,
    sources: Mutex<(i64, Vec<String>)>,
    broken: Mutex<Option<String>>,
    reachable: AtomicBool,
}

impl Shared {
    /// Makes the state of a process that starts.
    pub fn new(metrics: Metrics, health: Health) -> Self {
        Self {
            stop: AtomicBool::new(false),
            metrics,
            health,
            threads: Mutex::default(),
            holdings: Mutex::default(),
            sources: Mutex::default(),
            broken: Mutex::default(),
            reachable: AtomicBool::new(true),
        }
    }

    /// Sets a thread's state.
    pub fn set(&self, thread: &str, state: ThreadState) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if threads.get(thread) != Some(&state) {
            self.health.set(thread, state.health());
            threads.insert(thread.to_owned(), state);
        }
    }

    /// Takes what a thread holds; metrics tell what all threads of a process hold together.
    pub fn hold(&self, stage: Stage, thread: &str, holdings: Holdings) {
        let mut all = self.holdings.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.insert((stage, thread.to_owned()), holdings);
        // What nobody holds any more is 0.
        let mut entries: BTreeMap<&'static str, usize> =
            before.unwrap_or_default().entries.into_keys().map(|store| (store, 0)).collect();
        for (store, count) in all.values().flat_map(|holdings| &holdings.entries) {
            *entries.entry(store).or_default() += count;
        }
        for (store, count) in entries {
            self.metrics.set_state_entries(store, count);
        }
        self.metrics.set_waited_for(all.values().map(|holdings| holdings.waited_for).sum());
        let of_stage = || all.iter().filter(|((of, _), _)| *of == stage).map(|(_, holdings)| holdings);
        let (running, restoring) = (of_stage().map(|h| h.running).sum(), of_stage().map(|h| h.restoring).sum());
        self.metrics.set_tasks(stage, running, restoring);
    }

    /// Says whether the brokers answer.
    pub fn set_reachable(&self, reachable: bool) {
        if self.reachable.swap(reachable, Ordering::Relaxed) != reachable {
            self.health.set("brokers", if reachable { HealthState::Running } else { HealthState::Disconnected });
        }
    }

    /// Tells whether the brokers answered when they were asked last.
    pub fn is_reachable(&self) -> bool {
        self.reachable.load(Ordering::Relaxed)
    }

    /// Returns the states of all threads.
    pub fn threads(&self) -> Vec<ThreadState> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Returns when the list of source partitions was made, and the list.
    pub fn sources(&self) -> (i64, Vec<String>) {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the list of source partitions.
    pub fn set_sources(&self, epoch: i64, sources: Vec<String>) {
        *self.sources.lock().unwrap_or_else(PoisonError::into_inner) = (epoch, sources);
    }

    /// Stops all threads because one cannot go on.
    pub fn break_off(&self, why: String) {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Returns why the threads had to stop.
    pub fn broken(&self) -> Option<String> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the metrics of the process.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(shared: &Shared) -> Vec<String> {
        let text = shared.metrics.text().unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    #[test]
    fn metrics_tell_what_all_threads_hold_together() {
        let shared = Shared::new(Metrics::new().unwrap(), Health::new());
        let holdings = |waited_for, entries| Holdings {
            running: 2,
            restoring: 1,
            waited_for,
            entries: BTreeMap::from([("intake.agents", entries)]),
        };
        shared.hold(Stage::Intake, "intake-0", holdings(1, 5));
        shared.hold(Stage::Intake, "intake-1", holdings(2, 7));
        for line in [
            "baton_source_partitions_waited_for 3",
            "baton_state_entries{store=\"intake.agents\"} 12",
            "baton_tasks_assigned{stage=\"intake\"} 4",
            "baton_tasks_restoring{stage=\"intake\"} 2",
        ] {
            assert!(lines(&shared).iter().any(|l| l == line), "{line}: {:#?}", lines(&shared));
        }
        shared.hold(Stage::Intake, "intake-0", Holdings::default());
        shared.hold(Stage::Intake, "intake-1", Holdings::default());
        let nothing = ["baton_source_partitions_waited_for 0", "baton_state_entries{store=\"intake.agents\"} 0"];
        assert!(nothing.iter().all(|line| lines(&shared).iter().any(|l| l == line)), "{:#?}", lines(&shared));
    }
}
