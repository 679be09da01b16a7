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

/// What the threads of a process share.
pub struct Shared {
    /// Threads stop when this is set.
    pub stop: AtomicBool,
    metrics: Metrics,
    health: Health,
    threads: Mutex<BTreeMap<String, ThreadState>>,
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
