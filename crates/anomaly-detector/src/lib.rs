//! *detect*: the log in, a signal for every event that a detector counts and for every deadline of silence out.
//!
//! | topic in | topic out |
//! |---|---|
//! | `baton.interactions` | `baton.signals`, with progress marks `detector` |
//!
//! State: for each account, detector and subject (such as a sku) a small series; deadlines are part of it and are
//! restored with it. Verdicts of humans (`dismissed`, `confirmed`) move thresholds in *decide*, not here.
//!
//! What a signal says: `score` is how abnormal, `threshold` the policy's, `expected` what is usual (none while the
//! account's history is too short: warming up, the score is 0 then). Of silence, `value` and `expected` are seconds; a
//! signal of kind `absence` with an event is a sign of life, its score is 0.
//!
//! Invariants: what is said depends on the log alone; a deadline fires once, never before its time, and never for an
//! event that history brought at or after that deadline; an order of arrival other than that of `occurred_at` leaves
//! the same deadlines.

mod accounts;
mod bursts;
mod detect;
mod detectors;
mod rates;
mod series;
mod task;

pub use detect::Detect;
pub use task::DetectTask;
