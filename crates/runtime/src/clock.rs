//! The wall clock.

use baton_records::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the wall clock's time.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
