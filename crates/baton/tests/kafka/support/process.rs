//! One process of `baton run`.

use super::LIMIT;
use baton_test_support::{Signal, send_signal, wait_until};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// A running process; dropping it kills it.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its log in a new file of `folder`.
    pub fn start(name: &str, mut command: Command, folder: &Path) -> Self {
        let starts = (0..).map(|n| folder.join(format!("{name}.{n}.log")));
        let log = starts.into_iter().find(|path| !path.exists()).unwrap();
        let file = File::create(&log).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Self { name: name.to_owned(), child, log }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        send_signal(self.child.id(), signal).unwrap();
    }

    /// Kills it (`kill -9`).
    pub fn kill(mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "{} ended by itself: {}", self.name, self.tail());
        self.signal(Signal::Kill);
        self.child.wait().unwrap();
    }

    /// Waits until it dies at a fail-point.
    pub fn await_abort(mut self, place: &str) {
        let status = self.await_end(&format!("{} to die {place}", self.name));
        assert_eq!(status.signal(), Some(6), "{} {place}: {status}: {}", self.name, self.tail());
    }

    /// Ends it with SIGTERM, which it obeys with exit status 0.
    pub fn terminate(mut self) {
        self.signal(Signal::Term);
        let status = self.await_end(&format!("{} to obey SIGTERM", self.name));
        assert_eq!(status.code(), Some(0), "{}: {status}: {}", self.name, self.tail());
    }

    fn await_end(&mut self, what: &str) -> ExitStatus {
        wait_until(what, LIMIT, || self.child.try_wait().unwrap()).unwrap_or_else(|e| panic!("{e}: {}", self.tail()))
    }

    /// Returns the exit status once it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Returns the status that `/readyz` answers with; none while nobody answers.
    pub fn readiness(&self) -> Option<u16> {
        let log = std::fs::read_to_string(&self.log).ok()?;
        let line = log.lines().find(|l| l.contains("health endpoint listens"))?;
        let address = serde_json::from_str::<serde_json::Value>(line).ok()?["address"].as_str()?.to_owned();
        let mut stream = TcpStream::connect(address).ok()?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: baton\r\nconnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.split(' ').nth(1)?.parse().ok()
    }

    /// Waits until it is ready.
    pub fn await_ready(&mut self) {
        let what = format!("{} to be ready", self.name);
        wait_until(&what, LIMIT, || {
            assert!(self.child.try_wait().unwrap().is_none(), "{} ended by itself: {}", self.name, self.tail());
            (self.readiness() == Some(200)).then_some(())
        })
        .unwrap_or_else(|e| panic!("{e}: {}", self.tail()));
    }

    /// Returns the whole log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Returns the last lines of the log.
    pub fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- {} ({})\n{}", self.name, self.log.display(), self.tail());
        }
    }
}
