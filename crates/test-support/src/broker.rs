//! One broker of Apache Kafka in KRaft mode.

use crate::watchdog::Watchdog;
use crate::{Error, Signal, jars, send_signal, wait_until};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::Duration;

const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const START_TRIES: usize = 5;
/// Any 16 bytes in base64url do.
const CLUSTER_ID: &str = "BatonTestClusterBatonA";
/// Below the ports that the kernel gives to outgoing connections, so that a broker finds its port free after a restart.
const PORTS: std::ops::Range<u16> = 14_000..30_000;

/// The broker's heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heap {
    /// In MiB.
    pub mebibytes: u32,
}

impl Default for Heap {
    fn default() -> Self {
        Self { mebibytes: 512 }
    }
}

/// A broker. Dropping it ends it and removes its data; one of `BATON_TEST_BROKERS` is left alone.
#[derive(Debug)]
pub struct KafkaBroker {
    bootstrap: String,
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    libs: PathBuf,
    folder: PathBuf,
    port: u16,
    heap: Heap,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    broker: Child,
    _watchdog: Watchdog,
}

impl KafkaBroker {
    /// Starts a broker with the default heap and settings, and waits until it answers.
    ///
    /// # Errors
    /// [`Error`] when Java or Maven is missing, or the broker does not answer within a minute.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(Heap::default(), &[])
    }

    /// Starts a broker with settings of its own, which come after the default ones.
    ///
    /// # Errors
    /// As [`KafkaBroker::start`].
    pub fn start_with(heap: Heap, settings: &[(&str, &str)]) -> Result<Self, Error> {
        if let Some(brokers) = std::env::var("BATON_TEST_BROKERS").ok().filter(|b| !b.is_empty()) {
            return Ok(Self { bootstrap: brokers, own: None });
        }
        let libs = jars::folder()?;
        let mut tries = 0;
        loop {
            tries += 1;
            let (port, controller) = (free_port()?, free_port()?);
            let folder = make_folder()?;
            let mut own = Own { libs: libs.clone(), folder, port, heap, running: None };
            own.write_settings(controller, settings)?;
            match own.format().and_then(|()| own.launch()) {
                Ok(()) => return Ok(Self { bootstrap: format!("127.0.0.1:{port}"), own: Some(own) }),
                // Somebody took the port between the look and the start.
                Err(Error::Start { why, .. }) if tries < START_TRIES && why.contains("Address already in use") => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the broker that all tests of this binary share; it ends with the process.
    ///
    /// # Errors
    /// As [`KafkaBroker::start`]; every caller sees the first start's error.
    pub fn shared() -> Result<&'static Self, &'static Error> {
        static SHARED: OnceLock<Result<KafkaBroker, Error>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Returns its address, `host:port`.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Returns its process id; none when it is stopped or not ours.
    pub fn pid(&self) -> Option<u32> {
        Some(self.own.as_ref()?.running.as_ref()?.broker.id())
    }

    /// Returns what it has logged so far; nothing when it is not ours.
    pub fn log(&self) -> String {
        self.own.as_ref().map(Own::log).unwrap_or_default()
    }

    /// Stops it cleanly; its data stay. Stopping a stopped broker does nothing.
    ///
    /// # Errors
    /// [`Error::NotOurs`], or [`Error::Waited`] when it does not end within 30 s.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.owned("stop")?.end(Signal::Term)
    }

    /// Kills it (`kill -9`); its data stay.
    ///
    /// # Errors
    /// [`Error::NotOurs`], or [`Error::Io`] when the process cannot be waited for.
    pub fn kill(&mut self) -> Result<(), Error> {
        self.owned("kill")?.end(Signal::Kill)
    }

    /// Starts it again, on the same ports and data; a running one is stopped first.
    ///
    /// # Errors
    /// As [`KafkaBroker::start`].
    pub fn restart(&mut self) -> Result<(), Error> {
        let own = self.owned("restart")?;
        own.end(Signal::Term)?;
        own.launch()
    }

    fn owned(&mut self, what: &'static str) -> Result<&mut Own, Error> {
        self.own.as_mut().ok_or(Error::NotOurs { what })
    }
}

impl Own {
    fn write_settings(&self, controller: u16, settings: &[(&str, &str)]) -> Result<(), Error> {
        let text = server_properties(&self.folder, self.port, controller, settings);
        write(&self.folder.join("server.properties"), &text)?;
        write(&self.folder.join("log4j2.yaml"), LOG4J)
    }

    fn format(&self) -> Result<(), Error> {
        let output = self
            .java("kafka.tools.StorageTool")
            .args(["format", "--standalone", "-t", CLUSTER_ID, "-c"])
            .arg(self.folder.join("server.properties"))
            .output()
            .map_err(jars::missing("java"))?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Err(self.failed(&text))
    }

    fn launch(&mut self) -> Result<(), Error> {
        let log_path = self.folder.join("kafka.log");
        let log = File::options().create(true).append(true).open(&log_path);
        let log = log.map_err(Error::io(format!("open {}", log_path.display())))?;
        let errors = log.try_clone().map_err(Error::io(format!("share {}", log_path.display())))?;
        let broker = self
            .java("kafka.Kafka")
            .arg(self.folder.join("server.properties"))
            .stdout(log)
            .stderr(errors)
            // Ctrl-C is for the test; the broker ends when the test is gone.
            .process_group(0)
            .spawn()
            .map_err(jars::missing("java"))?;
        let watchdog = Watchdog::start(broker.id(), &self.folder)?;
        let running = self.running.insert(Running { broker, _watchdog: watchdog });
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let answer = wait_until("the broker's answer", START_LIMIT, || match running.broker.try_wait() {
            Ok(None) => TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok().map(|_| true),
            Ok(Some(_)) | Err(_) => Some(false),
        });
        match answer {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.running = None;
                Err(self.failed(&fs::read_to_string(&log_path).unwrap_or_default()))
            }
            Err(late) => {
                let _ = self.end(Signal::Kill);
                Err(late.into())
            }
        }
    }

    fn end(&mut self, signal: Signal) -> Result<(), Error> {
        let Some(running) = self.running.as_mut() else { return Ok(()) };
        let broker = &mut running.broker;
        // It may have ended by itself; then there is nobody to signal.
        if matches!(broker.try_wait(), Ok(None)) {
            send_signal(broker.id(), signal)?;
        }
        wait_until("the broker's end", STOP_LIMIT, || match broker.try_wait() {
            Ok(None) => None,
            Ok(Some(_)) | Err(_) => Some(()),
        })?;
        self.running = None;
        Ok(())
    }

    fn java(&self, class: &str) -> Command {
        let mut command = Command::new("java");
        command
            .arg(format!("-Xmx{}m", self.heap.mebibytes))
            .arg("-XX:+UseSerialGC")
            .arg(format!("-Dlog4j2.configurationFile={}", self.folder.join("log4j2.yaml").display()))
            .arg("-cp")
            .arg(self.libs.join("*"))
            .arg(class)
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        command
    }

    fn log(&self) -> String {
        // It may not have begun.
        fs::read_to_string(self.folder.join("kafka.log")).unwrap_or_default()
    }

    fn failed(&self, text: &str) -> Error {
        Error::Start { folder: self.folder.clone(), why: jars::last_lines(text, 12) }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // Its data go with it, so there is nothing to end cleanly.
        let _ = self.end(Signal::Kill);
        if std::thread::panicking() {
            // What a failure left behind is looked into.
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(60)..].join("\n");
            // The test says why it failed in any case.
            let _ = writeln!(std::io::stderr(), "--- broker ({})\n{last}", self.folder.display());
            return;
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

const LOG4J: &str = "\
Configuration:
  Appenders: {Console: {name: c, PatternLayout: {pattern: \"%d %p %c %m%n\"}}}
  Loggers:
    Root: {level: WARN, AppenderRef: {ref: c}}
    Logger: {name: kafka.coordinator.transaction, level: INFO}
";

fn server_properties(folder: &Path, port: u16, controller: u16, settings: &[(&str, &str)]) -> String {
    // Few internal partitions start fast. The sizes leave room for an envelope around an event of 1 MiB. A killed broker
    // may not register again before its session is over (9 s by default).
    let mut text = format!(
        "\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={}
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
message.max.bytes=8388608
replica.fetch.max.bytes=8388608
",
        folder.join("data").display()
    );
    for (name, value) in settings {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{name}={value}");
    }
    text
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(Error::io(format!("write {}", path.display())))
}

fn make_folder() -> Result<PathBuf, Error> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let folder = std::env::temp_dir().join(format!(
        "baton-kafka-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    ));
    // What stands there is of a process that had this id before.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(Error::io(format!("make {}", folder.display())))?;
    Ok(folder)
}

/// Returns a port that nobody listens on. Processes start at different places of the range, so that those which run at
/// the same time seldom meet.
fn free_port() -> Result<u16, Error> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let span = PORTS.end - PORTS.start;
    let first = u16::try_from(u64::from(std::process::id()) * 37 % u64::from(span)).unwrap_or(0);
    for _ in 0..span {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % span;
        let port = PORTS.start + (first + step) % span;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::io("find a free port")(std::io::Error::from(std::io::ErrorKind::AddrInUse)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_settings_come_last_so_that_they_win() {
        let text = server_properties(Path::new("/d"), 1, 2, &[("message.max.bytes", "9")]);
        assert!(text.ends_with("message.max.bytes=9\n"));
        assert!(text.contains("\nlog.dirs=/d/data\n"));
    }

    #[test]
    fn ports_differ_and_lie_below_the_outgoing_ones() {
        let (one, two) = (free_port().unwrap(), free_port().unwrap());
        assert!(one != two && PORTS.contains(&one) && PORTS.contains(&two));
    }
}
