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
