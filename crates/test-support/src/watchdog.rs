//! Ends a broker when the process that started it is gone.
//!
//! The watchdog reads a pipe whose other end only this process holds. However the process ends, `kill -9` included, the
//! kernel closes that end; the watchdog then kills the broker and removes its folder.

use crate::Error;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SCRIPT: &str = r#"cat >/dev/null
kill -KILL "$1" 2>/dev/null
rm -rf -- "$2""#;

/// A watchdog over one process and its folder.
#[derive(Debug)]
pub(crate) struct Watchdog(Child);

impl Watchdog {
    /// Starts one.
    pub(crate) fn start(pid: u32, folder: &Path) -> Result<Self, Error> {
        Command::new("sh")
            .args(["-c", SCRIPT, "watchdog", &pid.to_string()])
            .arg(folder)
            // Ctrl-C is for the test; the watchdog has to outlive it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Self)
            .map_err(Error::io("start sh as the broker's watchdog"))
    }
}

impl Drop for Watchdog {
    /// Calls it off; the broker is left as it is.
    fn drop(&mut self) {
        // It is killed before its pipe closes, so it never sees the end of it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait_until;
    use std::time::Duration;

    #[test]
    fn kills_and_cleans_up_when_its_pipe_closes() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("broker");
        std::fs::create_dir(&inner).unwrap();
        let mut broker = Command::new("sleep").arg("600").spawn().unwrap();
        let mut watchdog = Watchdog::start(broker.id(), &inner).unwrap();
        drop(watchdog.0.stdin.take());
        let limit = Duration::from_secs(10);
        let status = wait_until("the end of the process", limit, || broker.try_wait().unwrap()).unwrap();
        assert!(!status.success());
        wait_until("the end of the folder", limit, || (!inner.exists()).then_some(())).unwrap();
    }

    #[test]
    fn called_off_it_leaves_the_process_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut broker = Command::new("sleep").arg("600").spawn().unwrap();
        drop(Watchdog::start(broker.id(), folder.path()).unwrap());
        assert!(broker.try_wait().unwrap().is_none());
        assert!(folder.path().exists());
        broker.kill().unwrap();
        broker.wait().unwrap();
    }
}
