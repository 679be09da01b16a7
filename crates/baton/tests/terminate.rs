//! SIGTERM ends a process that has not even started.

use baton_test_support::{Signal, send_signal, wait_until};
use std::process::{Command, Stdio};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn a_process_that_looks_for_its_brokers_obeys_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut process = Command::new(env!("CARGO_BIN_EXE_baton"))
        .args(["run", "--brokers", "127.0.0.1:1", "--sources", "chat", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let told = || std::fs::read_to_string(&log).unwrap();
    wait_until("the process to listen", LIMIT, || told().contains("health endpoint listens").then_some(()))
        .unwrap_or_else(|e| panic!("{e}: {}", told()));
    send_signal(process.id(), Signal::Term).unwrap();
    let status = wait_until("its end", LIMIT, || process.try_wait().unwrap());
    let _ = process.kill();
    assert_eq!(status.map(|s| s.code()), Ok(Some(0)), "{}", told());
}
