//! Drives the real tasks from JSON Lines, with the records' own time as the only clock, and in a seeded simulation.
//!
//! Topics in: those of sources, or the log. Topics out: those that Baton writes. State: that of the tasks, in memory.
//!
//! Invariants: what comes out is a function of the lines and the options; there is no other clock and no randomness
//! (the simulation's comes from its seed). The tasks are the very ones that run live.
//!
//! Reading order: [`ReplayLine`], [`Reader`], [`Replay`], then [`simulation`].

mod line;
mod log;
mod reader;
mod replay;
pub mod simulation;
mod source;
mod topics;

pub use line::{LineProblem, ReplayLine};
pub use reader::{ReadError, Reader};
pub use replay::{Options, Place, Pushed, Replay, ReplayError};
