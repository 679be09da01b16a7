//! What is usual for one key, learnt online in bounded state, and how abnormal a reading is. Pure: times are arguments.
//!
//! - [`Rhythm`]: gaps between events, for silence.
//! - [`Rate`]: how many events are usual in a window.
//! - [`Amounts`]: which amounts of money, and from whom, are usual.
//!
//! Scores are 0 to 1 and comparable between keys: about the share of usual readings that are less extreme. They are
//! rounded to six digits, so that two machines whose logarithms differ in the last bit write the same.
//!
//! All three take events in any order: what they say depends on the set of events alone, as long as none comes later
//! than what its type names.

mod amounts;
mod rate;
mod rhythm;

pub use amounts::Amounts;
pub use rate::Rate;
pub use rhythm::{Rhythm, Silence};

/// Rounds a score to six digits, between 0 and 1.
fn rounded(score: f64) -> f64 {
    (score.clamp(0.0, 1.0) * 1e6).round() / 1e6
}
