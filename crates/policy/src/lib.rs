//! The policy: what an operations lead writes, checked and compiled. Pure.
//!
//! [`Policy`] is what the stages read. A policy's text becomes one through [`Policy::parse`], which reports everything
//! that is wrong at once, each with line, column and how to mend it. Rules carry [`Condition`]s over [`Variables`];
//! deadlines come from [`Policy::sla_for`] and [`Policy::deadline`].
//!
//! In reading order: `model` and `rules` (what the stages see), `yaml`, `read` and `parse` (how a text becomes that),
//! `check` (what only the whole can tell), `condition`, `expression` and `variables` (CEL), `calendar`, `authority`,
//! `redact`.

mod authority;
mod calendar;
mod check;
mod condition;
mod duration;
mod expression;
mod model;
mod overlap;
mod parse;
mod problem;
mod read;
mod redact;
mod rules;
mod variables;
mod yaml;

pub use calendar::SlaTerms;
pub use condition::{Condition, ConditionError};
pub use duration::words as duration_words;
pub use model::*;
pub use problem::Problem;
pub use rules::*;
pub use variables::{ConversationView, Variables};
