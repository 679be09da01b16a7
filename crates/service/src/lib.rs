//! Runs processors on Kafka.
//!
//! Reading order: [`topology`] says which stages a layout has, [`settings`] are the arguments that `baton run` and the
//! four processors share, [`policies`] puts a policy in force, [`run()`] starts everything and stops it at SIGTERM,
//! [`Interrupt`] tells other commands of it.

mod interrupt;
pub mod policies;
mod run;
mod settings;
pub mod topology;

pub use interrupt::Interrupt;
pub use run::{main, run};
pub use settings::{ClusterArgs, RunArgs};

/// Every binary that links this crate makes and drops many small records a second.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
