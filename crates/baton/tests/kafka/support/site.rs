//! One Baton on a broker: its topics, its policy, its processes.

use super::Process;
use baton_test_support::{Isolation, KafkaBroker, TestClient, TestRecord};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The processors, each as a process of its own.
pub const FOUR: [&str; 4] = ["context-unifier", "sentiment-scorer", "anomaly-detector", "router"];

/// Partitions of all topics that are keyed by account.
const PARTITIONS: &str = "4";

/// Times of the shipped policy that a test cannot wait for, and what stands in their place.
const SHORTENED: [(&str, &str); 4] = [
    ("lapse_after: 60s", "lapse_after: 3s"),
    ("enterprise: {first_response: 1h, resolution: 8h", "enterprise: {first_response: 15s, resolution: 40s"),
    ("cool_down: 30m", "cool_down: 5s"),
    ("due: 2h", "due: 10s"),
];

/// One Baton.
pub struct Site {
    /// A client of its broker.
    pub client: TestClient,
    /// What stands before its topics.
    pub prefix: String,
    brokers: String,
    // Their logs lie in the folder, so they go first.
    processes: BTreeMap<String, Process>,
    folder: tempfile::TempDir,
}

impl Site {
    /// Makes the topics of a new Baton and puts the shipped policy with short times in force.
    pub fn new(broker: &KafkaBroker, prefix: &str) -> Self {
        Self::with_policy(broker, prefix, &shortened())
    }

    /// Makes the topics of a new Baton and puts a policy in force.
    pub fn with_policy(broker: &KafkaBroker, prefix: &str, policy: &str) -> Self {
        let site = Self {
            client: TestClient::new(broker.bootstrap()),
            prefix: prefix.to_owned(),
            brokers: broker.bootstrap().to_owned(),
            folder: tempfile::tempdir().unwrap(),
            processes: BTreeMap::new(),
        };
        site.client.create_topic(&site.source("chat"), 2, &[]).unwrap();
        site.client.create_topic(&site.source("desk"), 1, &[]).unwrap();
        site.tool(&["topics", "create"], &["--partitions", PARTITIONS]);
        let path = site.folder.path().join("policy.yaml");
        std::fs::write(&path, policy).unwrap();
        site.tool(&["policy", "activate"], &[path.to_str().unwrap()]);
        site
    }

    /// Returns the name of a source topic, which no other test has.
    pub fn source(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// Returns the name of one of Baton's topics.
    pub fn topic(&self, suffix: &str) -> String {
        format!("{}.{suffix}", self.prefix)
    }

    /// Returns a file or folder of this test.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Reads what is committed in one of Baton's topics.
    pub fn read(&self, suffix: &str) -> Vec<TestRecord> {
        self.client.read_all(&self.topic(suffix), Isolation::ReadCommitted).unwrap()
    }

    /// Returns how many offsets one of Baton's topics has taken, in all partitions.
    pub fn written(&self, suffix: &str) -> i64 {
        self.client.end_offsets(&self.topic(suffix), Isolation::ReadUncommitted).unwrap().values().sum()
    }

    /// Runs a command of `baton` on this cluster, which must succeed.
    pub fn tool(&self, command: &[&str], arguments: &[&str]) -> Output {
        let mut tool = Command::new(env!("CARGO_BIN_EXE_baton"));
        tool.args(command).args(["--brokers", &self.brokers, "--prefix", &self.prefix]).args(arguments);
        let output = tool.output().unwrap();
        assert!(output.status.success(), "baton {command:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Returns the command of a process: one of [`FOUR`], or under any other name one that does everything.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
        command.arg("run");
        if FOUR.contains(&name) {
            command.arg(name);
        }
        let sources = [self.source("chat"), self.source("desk")].join(",");
        command.args(["--brokers", &self.brokers, "--prefix", &self.prefix, "--sources", &sources]);
        command.args(["--listen", "127.0.0.1:0"]);
        command
    }

    /// Starts a process by its command.
    pub fn run(&mut self, name: &str, command: Command) {
        let process = Process::start(name, command, self.folder.path());
        assert!(self.processes.insert(name.to_owned(), process).is_none(), "{name} runs already");
    }

    /// Starts a process that takes its tasks back after a restart.
    pub fn start(&mut self, name: &str) {
        let mut command = self.command(name);
        command.args(["--instance", name]);
        self.run(name, command);
    }

    /// Starts a process that is a new member of its groups each time.
    pub fn start_nameless(&mut self, name: &str) {
        let command = self.command(name);
        self.run(name, command);
    }

    /// Starts a process that dies at a fail-point.
    pub fn start_failing(&mut self, name: &str, fail_at: &str) {
        let mut command = self.command(name);
        command.args(["--instance", name]).env("BATON_FAIL_AT", fail_at);
        self.run(name, command);
    }

    /// Returns a running process.
    pub fn process(&mut self, name: &str) -> &mut Process {
        self.processes.get_mut(name).unwrap()
    }

    /// Takes a process out, to end it.
    pub fn take(&mut self, name: &str) -> Process {
        self.processes.remove(name).unwrap()
    }

    /// Waits until all processes are ready.
    pub fn await_ready(&mut self) {
        self.processes.values_mut().for_each(Process::await_ready);
    }

    /// Tells that none of the processes has ended by itself.
    pub fn assert_running(&mut self) {
        for process in self.processes.values_mut() {
            let ended = process.ended();
            assert!(ended.is_none(), "a process ended by itself, {ended:?}: {}", process.tail());
        }
    }

    /// Ends all processes with SIGTERM, one after the other.
    pub fn terminate(&mut self) {
        while let Some((_, process)) = self.processes.pop_first() {
            process.terminate();
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // What a failure left behind is looked into.
        self.folder.disable_cleanup(std::thread::panicking());
    }
}

/// Returns the shipped policy of a software company, with times that a test can wait for.
pub fn shortened() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/policies/saas.yaml");
    let shipped = std::fs::read_to_string(path).unwrap();
    SHORTENED.iter().fold(shipped, |text, (long, short)| {
        assert!(text.contains(long), "the shipped policy no longer says {long:?}");
        text.replace(long, short)
    })
}
