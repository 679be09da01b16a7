//! The router: *decide*, which owns the handoffs of an account partition, and *assign*, which finds the agents of a pool.
//!
//! | task | lead topic | companion | writes |
//! |---|---|---|---|
//! | [`DecideTask`] | interactions | signals | handoffs, decisions, dead letters, pool.repartition |
//! | [`AssignTask`] | pool.repartition | | account.repartition |
//!
//! Both are thin: what decides is `baton_handoff::Decide` and `baton_assignment::Assign`, which know no topics. Reading
//! order: `merge` (the log and the signals become one sequence), `decide`, `assign`.
//!
//! Invariants: a log record is decided once scorer and detector have both passed it, in the order of numbers, and once; a
//! task asks to see again after a restart what it holds in memory only; *assign*'s clock never passes what a *decide*
//! thread has said.

mod assign;
mod decide;
mod merge;
#[cfg(test)]
mod tests;

pub use assign::{AssignConfig, AssignTask};
pub use baton_assignment::Pace;
pub use decide::{CLOCK_EVERY, DecideConfig, DecideTask};
