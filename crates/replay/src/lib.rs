//! Drives the real tasks from JSON Lines, with the records' own time as the only clock.

mod line;
mod reader;
pub mod simulation;

pub use line::{LineProblem, ReplayLine};
pub use reader::{ReadError, Reader};
