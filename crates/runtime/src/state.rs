//! What the threads of a process share: the stop flag, their states, the list of source partitions.

use baton_records::Timestamp;
use baton_stream::{Counted, Output};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How a thread stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadState {
    /// Its stage.
    pub stage: &'static str,
    /// It has heard of its assignment.
    pub assigned: bool,
    /// Its tasks.
    pub tasks: usize,
    /// Offsets that are still to be restored.
    pub restoring: u64,
    /// Log time up to which its tasks have decided.
    pub decided: Option<Timestamp>,
}

impl ThreadState {
    /// The state before the first assignment.
    pub fn starting(stage: &'static str) -> Self {
        Self { stage, assigned: false, tasks: 0, restoring: 0, decided: None }
    }

    /// Tells whether it does its work.
    pub fn is_ready(&self) -> bool {
        self.assigned && self.restoring == 0
    }
}

/// Takes what the threads tell of their work.
pub trait Observer: Send + Sync {
    /// Something became of an input record.
    fn counted(&self, stage: &'static str, counted: Counted);
    /// A record was given to the producer.
    fn wrote(&self, output: &Output);
    /// A transaction was committed.
    fn committed(&self, stage: &'static str, took: Duration);
    /// A life of a thread ended with a failure.
    fn restarted(&self, stage: &'static str);
    /// A thread's state changed.
    fn state(&self, thread: usize, state: &ThreadState);
}

/// What the threads of a process share.
pub struct Shared {
    /// Threads stop when this is set.
    pub stop: AtomicBool,
    observer: Box<dyn Observer>,
    threads: Mutex<BTreeMap<usize, ThreadState>>,
    sources: Mutex<(i64, Vec<String>)>,
    broken: Mutex<Option<String>>,
}

impl Shared {
    /// Makes the state of a process that starts.
    pub fn new(observer: Box<dyn Observer>) -> Self {
        Self {
            stop: AtomicBool::new(false),
            observer,
            threads: Mutex::default(),
            sources: Mutex::default(),
            broken: Mutex::default(),
        }
    }

    /// Sets a thread's state.
    pub fn set(&self, thread: usize, state: ThreadState) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if threads.get(&thread) != Some(&state) {
            self.observer.state(thread, &state);
            threads.insert(thread, state);
        }
    }

    /// Says that a thread's brokers do not answer.
    pub fn trouble(&self, thread: usize) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = threads.get_mut(&thread).filter(|s| s.assigned) {
            state.assigned = false;
            self.observer.state(thread, state);
        }
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

    pub(crate) fn count(&self, stage: &'static str, counted: Counted) {
        self.observer.counted(stage, counted);
    }

    pub(crate) fn wrote(&self, output: &Output) {
        self.observer.wrote(output);
    }

    pub(crate) fn committed(&self, stage: &'static str, took: Duration) {
        self.observer.committed(stage, took);
    }

    pub(crate) fn restarted(&self, stage: &'static str) {
        self.observer.restarted(stage);
    }
}
