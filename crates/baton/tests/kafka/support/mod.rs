//! Processes of `baton` on a broker, what they are fed with, and what is proven of what they leave behind.

mod contact_center;
mod process;
mod proof;
mod site;
mod workload;

pub use contact_center::ContactCenter;
use process::Process;
pub use proof::{Proof, header};
pub use site::{FOUR, Site};
pub use workload::{Workload, now, rfc3339};

use baton_test_support::KafkaBroker;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long anything may take on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(120);

/// How many events a run that kills processes has: 10,000, or `BATON_EVENTS`; 100,000 in the long form.
pub fn events() -> usize {
    std::env::var("BATON_EVENTS").map_or(10_000, |n| n.parse().unwrap())
}

/// How long it may take to work such a run off.
pub fn patience() -> Duration {
    LIMIT * u32::try_from(events() / 10_000).unwrap().max(1)
}

/// Lets one test at a time use the machine.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    // A test that failed has left nothing behind that another one needs.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the broker that the tests share.
pub fn broker() -> &'static KafkaBroker {
    KafkaBroker::shared().unwrap()
}
