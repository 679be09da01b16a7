//! Waiting for a condition, with a limit; the one place of the tests where a thread sleeps.

use crate::Error;
use std::process::Command;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(20);

/// A condition did not come true in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("waited {} s in vain for {what}", limit.as_secs_f64())]
pub struct WaitedTooLong {
    /// What was waited for.
    pub what: String,
    /// For how long.
    pub limit: Duration,
}

/// Asks `condition` every 20 ms until it gives a value.
///
/// # Errors
/// [`WaitedTooLong`] when it gave none within `limit`.
pub fn wait_until<T>(
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> Result<T, WaitedTooLong> {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return Ok(value);
        }
        if start.elapsed() >= limit {
            return Err(WaitedTooLong { what: what.to_owned(), limit });
        }
        std::thread::sleep(PAUSE);
    }
}

/// A signal for a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ends it cleanly.
    Term,
    /// Ends it at once.
    Kill,
    /// Pauses it.
    Stop,
    /// Goes on after a pause.
    Continue,
}

/// Sends a signal to a process.
///
/// # Errors
/// [`Error::Io`] when there is no such process.
pub fn send_signal(pid: u32, signal: Signal) -> Result<(), Error> {
    let name = match signal {
        Signal::Term => "-TERM",
        Signal::Kill => "-KILL",
        Signal::Stop => "-STOP",
        Signal::Continue => "-CONT",
    };
    let failed = || format!("kill {name} {pid}");
    let output = Command::new("kill").args([name, &pid.to_string()]).output().map_err(Error::io(failed()))?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::io(failed())(std::io::Error::other(why)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_a_value_and_no_longer_than_the_limit() {
        let mut asked = 0;
        let third = wait_until("the third question", Duration::from_secs(5), || {
            asked += 1;
            (asked == 3).then_some(asked)
        });
        assert_eq!(third, Ok(3));
        let limit = Duration::from_millis(30);
        let never = wait_until("nothing", limit, || None::<()>);
        assert_eq!(never, Err(WaitedTooLong { what: "nothing".into(), limit }));
    }

    #[test]
    fn a_signal_to_nobody_is_an_error() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert!(matches!(send_signal(pid, Signal::Term), Err(Error::Io { .. })));
    }
}
