//! The policy: what an operations lead writes, checked and compiled. Pure.
//!
//! [`Policy`] is what the stages read. A policy's text becomes one through `Policy::parse`, which reports everything
//! that is wrong at once, each with line, column and how to mend it.

mod model;

pub use model::*;

/// A compiled CEL expression over the documented variables.
#[derive(Debug, Clone)]
pub struct Condition {
    /// The expression as it stands in the file.
    pub text: baton_records::Id,
}
