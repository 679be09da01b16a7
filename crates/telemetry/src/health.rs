//! Whether the process lives, and whether it is ready: every thread assigned and restored.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a thread is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ThreadState {
    /// It waits for its first assignment.
    Joining,
    /// It reads back the state of its tasks.
    Restoring,
    /// It processes records; with no task assigned it is ready to take over.
    Running,
    /// It has lost the broker, and goes on when that is back.
    Disconnected,
    /// It ended in order.
    Stopped,
    /// It ended by an error; the process must be started anew.
    Failed,
}

impl ThreadState {
    /// Returns the name that answers and logs carry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Restoring => "restoring",
            Self::Running => "running",
            Self::Disconnected => "disconnected",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// A thread because of which the process is not ready.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NotReady {
    /// Its name.
    pub thread: String,
    /// What it is doing.
    pub state: &'static str,
}

/// The states of all threads. Cloning is cheap and shares them.
#[derive(Debug, Clone, Default)]
pub struct Health {
    threads: Arc<Mutex<BTreeMap<String, ThreadState>>>,
}

impl Health {
    /// Makes one without threads, which is not ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what a thread is doing; its name comes from the code, as `account-0`.
    pub fn set(&self, thread: &str, state: ThreadState) {
        let mut threads = self.lock();
        match threads.get_mut(thread) {
            Some(old) => *old = state,
            None => {
                threads.insert(thread.to_owned(), state);
            }
        }
    }

    /// Tells whether no thread has failed.
    pub fn is_live(&self) -> bool {
        self.lock().values().all(|state| *state != ThreadState::Failed)
    }

    /// Returns the threads that are not running; none means ready. Before any thread has reported, the process itself
    /// stands there as joining.
    pub fn not_ready(&self) -> Vec<NotReady> {
        let threads = self.lock();
        if threads.is_empty() {
            return vec![NotReady { thread: "process".to_owned(), state: ThreadState::Joining.name() }];
        }
        threads
            .iter()
            .filter(|(_, state)| **state != ThreadState::Running)
            .map(|(thread, state)| NotReady { thread: thread.clone(), state: state.name() })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, ThreadState>> {
        // A map of plain states is whole whatever its holder was doing when it panicked.
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_all_run_and_dead_when_one_failed() {
        let health = Health::new();
        assert_eq!(health.not_ready(), [NotReady { thread: "process".into(), state: "joining" }]);
        health.set("account-0", ThreadState::Running);
        assert_eq!(health.not_ready(), []);
        health.set("intake-0", ThreadState::Restoring);
        assert_eq!(health.not_ready(), [NotReady { thread: "intake-0".into(), state: "restoring" }]);
        assert!(health.is_live());
        health.clone().set("intake-0", ThreadState::Failed);
        assert!(!health.is_live());
    }
}
