//! *context-unifier*: from sources of any key to one log for each account.
//!
//! Topics in: sources, `Accounts`, `Agents`, `Lifecycle`, `Policies` ([`IntakeTask`], one for each partition of any of
//! them); `AccountRepartition` ([`SequenceTask`], or [`Sequence`] inside of a larger task). Out: `AccountRepartition`,
//! `PoolRepartition`, `Ties`, `Interactions`, `Contexts`, `DeadLetters`.
//!
//! Invariants: no clock is read; an event is given to an account only by its own word, an identity of one account, or a
//! tie that one account has; the log is written by [`Sequence`] alone, its numbers have no gap and its time never falls.
//!
//! Reading order: [`Directory`], [`IntakeTask`], [`Sequence`].

mod directory;
mod intake;
mod sequence;

pub use directory::{Directory, Lookup, LookupKind, MAX_TIES, NewestPolicy, Resolution, Tie};
pub use intake::{IntakeConfig, IntakeTask};
pub use sequence::{Pace, Sequence, SequenceTask};

use baton_records::Rejection;
use baton_stream::{Counted, Input, Outbox, wire};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// Reads the directory. A writer that panicked has left it whole: each of its tables changes in one step.
fn read(directory: &RwLock<Directory>) -> RwLockReadGuard<'_, Directory> {
    directory.read().unwrap_or_else(PoisonError::into_inner)
}

/// Sends a record to dead letters.
fn reject(input: Input<'_>, rejection: &Rejection, processor: &str, out: &mut Outbox) {
    out.write(wire::dead_letter(&input, rejection, processor));
    out.count(Counted::DeadLetter(rejection.reason));
}
