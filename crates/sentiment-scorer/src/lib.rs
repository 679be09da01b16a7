//! *score*: the log in, a signal for every cue that a customer's message states out.
//!
//! | topic in | topic out |
//! |---|---|
//! | `baton.interactions` | `baton.signals`, with progress marks `scorer` |
//!
//! State: the number of the last log record, and the text of the policy in force. Counting cues over several turns is
//! *decide*'s. Invariants: a record of the log is scored once; what it says depends on the record and on the policy
//! that stands before it in the log alone; nothing but a customer's own, new words is scored.

mod score;
mod task;

pub use score::Score;
pub use task::ScoreTask;
