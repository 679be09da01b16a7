//! Counters of input records and decisions: one look-up for a stage, none for a record; handoffs, which are rare, are
//! looked up by their team.

use baton_records::{IgnoredReason, Reason, Why};
use baton_stream::{Counted, Handed};
use prometheus::{IntCounter, IntCounterVec};

/// The stages of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// *intake*.
    Intake,
    /// *sequence*, alone.
    Sequence,
    /// *score*, alone.
    Score,
    /// *detect*, alone.
    Detect,
    /// *decide*, alone.
    Decide,
    /// *sequence*, *score*, *detect* and *decide* as one task.
    Account,
    /// *assign*.
    Assign,
}

impl Stage {
    /// All stages.
    pub const ALL: [Self; 7] =
        [Self::Intake, Self::Sequence, Self::Score, Self::Detect, Self::Decide, Self::Account, Self::Assign];

    /// Returns the name that metric labels carry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Sequence => "sequence",
            Self::Score => "score",
            Self::Detect => "detect",
            Self::Decide => "decide",
            Self::Account => "account",
            Self::Assign => "assign",
        }
    }
}

/// The counters of one stage.
#[derive(Debug, Clone)]
pub struct RecordCounters {
    applied: IntCounter,
    waiting: IntCounter,
    duplicate: IntCounter,
    stale: IntCounter,
    erased: IntCounter,
    dead_letters: Vec<IntCounter>,
    clock_ahead: IntCounter,
    late: IntCounter,
    passed_over: IntCounter,
    history: IntCounter,
    bound: IntCounter,
    condition_failed: IntCounter,
    /// By outcome, then why; none where nothing is decided.
    decided: Vec<IntCounter>,
    handoffs: IntCounterVec,
}

impl RecordCounters {
    /// Makes them; `counter` gives the one for an outcome and a reason.
    pub(crate) fn new(
        counter: impl Fn(&str, &str) -> IntCounter,
        decided: Vec<IntCounter>,
        handoffs: IntCounterVec,
    ) -> Self {
        Self {
            applied: counter("applied", ""),
            waiting: counter("waiting", ""),
            duplicate: counter("ignored", "duplicate"),
            stale: counter("ignored", "stale"),
            erased: counter("ignored", "erased"),
            dead_letters: Reason::ALL.iter().map(|reason| counter("dead_letter", reason.name())).collect(),
            clock_ahead: counter("clock_ahead", ""),
            late: counter("late", ""),
            passed_over: counter("passed_over", ""),
            history: counter("history", ""),
            bound: counter("bound", ""),
            condition_failed: counter("condition_failed", ""),
            decided,
            handoffs,
        }
    }

    /// Counts one record, decision or revision.
    pub fn count(&self, what: Counted) {
        if let Counted::Handed(Handed { strategy, team, status, .. }) = &what {
            let strategy = strategy.map_or("", |strategy| strategy.name());
            self.handoffs.with_label_values(&[strategy, team.as_str(), status.name()]).inc();
        } else if let Some(counter) = self.counter(&what) {
            counter.inc();
        }
    }

    fn counter(&self, what: &Counted) -> Option<&IntCounter> {
        Some(match what {
            Counted::Applied => &self.applied,
            Counted::Waiting => &self.waiting,
            Counted::Ignored(IgnoredReason::Duplicate) => &self.duplicate,
            Counted::Ignored(IgnoredReason::Stale) => &self.stale,
            Counted::Ignored(IgnoredReason::Erased) => &self.erased,
            Counted::DeadLetter(reason) => {
                return Reason::ALL.iter().position(|r| r == reason).and_then(|place| self.dead_letters.get(place));
            }
            Counted::ClockAhead => &self.clock_ahead,
            Counted::Late => &self.late,
            Counted::PassedOver => &self.passed_over,
            Counted::History => &self.history,
            Counted::Bound => &self.bound,
            Counted::ConditionFailed => &self.condition_failed,
            Counted::Decided(outcome, why) => {
                return self.decided.get(*outcome as usize * Why::ALL.len() + *why as usize);
            }
            Counted::Handed(_) => return None,
        })
    }
}
