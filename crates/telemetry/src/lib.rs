//! What an operator sees of Baton: metrics, health, logs.
//!
//! Reading order: [`Metrics`] (its names all stand in `names.rs`), [`Health`], [`serve`], [`init_logging`].
//!
//! Invariants: every metric's name starts with `baton_` and ends with its unit or `_total`; labels come from enums, from
//! the policy or from the configuration, never from a record; no log line holds a payload, a name or an address.

mod health;
mod logs;
mod metrics;
mod names;
mod records;
mod server;

pub use health::{Health, NotReady, ThreadState};
pub use logs::{LogError, init_logging};
pub use metrics::{Metrics, MetricsError, RestoreProgress};
pub use records::{RecordCounters, Stage};
pub use server::{ServeError, Server, serve};
