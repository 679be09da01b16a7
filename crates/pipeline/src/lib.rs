//! The four stages of an account partition as one task: what one process runs, and what a replay drives.
//!
//! Topics in: `account.repartition`; while it catches up after a change of layout also `baton.interactions` and
//! `baton.signals`. Topics out: those of all four stages. State: the stores of the four stages under their own names, so
//! that a change of layout keeps them.
//!
//! Invariants: a record of the log is scored, detected and decided exactly once, in the order of its number, whichever
//! layout wrote it. Nothing is decided from memory that a crash could lose: what [`AccountTask`] holds back it asks for
//! again.
//!
//! Reading order: [`Stages`], then [`AccountTask`].

mod catch_up;
mod stages;
mod task;

pub use catch_up::CatchUp;
pub use stages::{Said, Stages};
pub use task::{AccountConfig, AccountTask};
