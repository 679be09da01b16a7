//! An instance: all threads of one process.

use crate::clock;
use crate::config::{Config, Peers, REQUEST};
use crate::ends::Ends;
use crate::error::{Failure, KafkaFailure, StartError};
use crate::layout;
use crate::orphans::{self, Watched};
use crate::stage::{Partitions, Stage, Topology};
use crate::state::Shared;
use crate::table;
use crate::thread::{Poison, Setup, live};
use crate::topics;
use baton_stream::Topic;
use rdkafka::error::RDKafkaErrorCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often new partitions of sources are looked for.
const LOOK_FOR_PARTITIONS: Duration = Duration::from_secs(30);

/// The running threads of a process.
pub struct Instance {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Instance {
    /// Starts all threads of a topology, unless `shared` tells it to stop meanwhile.
    ///
    /// # Errors
    /// When topics are missing or differ, another layout runs, or the brokers do not answer.
    pub fn start(config: Config, topology: Topology, shared: Arc<Shared>) -> Result<Self, StartError> {
        let partitions = topics::partitions(&config)?;
        match config.peers {
            Peers::Possible => layout::refuse_other(&config, topology.layout)?,
            Peers::Impossible => {}
        }
        let mut instance = Self { shared, threads: Vec::new() };
        match instance.start_threads(&Arc::new(config), topology, partitions) {
            Ok(()) => Ok(instance),
            Err(error) => {
                // Why it has to stop is known already.
                let _ = instance.stop();
                Err(error)
            }
        }
    }

    fn start_threads(
        &mut self,
        config: &Arc<Config>,
        topology: Topology,
        partitions: Partitions,
    ) -> Result<(), StartError> {
        let reads_sources = topology.stages.iter().any(|s| s.low_water.is_some());
        if reads_sources {
            self.shared.set_sources(clock::now().millis(), source_partitions(config, &topology)?);
        }
        if let Some(table) = topology.table.clone() {
            let full = Arc::new(AtomicBool::new(false));
            let (config, shared, signal) = (config.clone(), self.shared.clone(), full.clone());
            self.spawn("table", move || table::run(&config, &table, &shared, &signal))?;
            self.await_table(&full)?;
        }
        let ends = Arc::new(Ends::default());
        {
            let (config, ends) = (config.clone(), ends.clone());
            self.spawn_watcher("ends", move |shared| ends.run(&config, shared))?;
        }
        let mut unique = 0;
        let mut watched = Vec::new();
        for stage in &topology.stages {
            let orphaned = Arc::new(AtomicBool::new(false));
            let leads = stage.leads.iter().map(|topic| config.topic(topic)).collect();
            watched.push(Watched { stage: stage.name, leads, orphaned: orphaned.clone() });
            for number in 0..config.threads.max(1) {
                let setup = Setup {
                    config: config.clone(),
                    stage: stage.clone(),
                    layout: topology.layout,
                    number,
                    unique,
                    transactional_id: transactional_id(config, stage, number),
                    partitions,
                    ends: ends.clone(),
                    shared: self.shared.clone(),
                    orphaned: orphaned.clone(),
                };
                unique += 1;
                self.spawn(stage.name, move || supervise(&setup))?;
            }
        }
        if config.instance.is_some() {
            let config = config.clone();
            self.spawn_watcher("orphans", move |shared| orphans::watch(&config, &watched, &shared.stop))?;
        }
        if reads_sources {
            let (config, shared) = (config.clone(), self.shared.clone());
            self.spawn("sources", move || watch_sources(&config, &topology, &shared))?;
        }
        Ok(())
    }

    /// Starts a thread without which the process must not go on.
    fn spawn_watcher(
        &mut self,
        name: &str,
        body: impl FnOnce(&Shared) -> Result<(), KafkaFailure> + Send + 'static,
    ) -> Result<(), StartError> {
        let shared = self.shared.clone();
        self.spawn(name, move || {
            if let Err(failure) = body(&shared) {
                shared.break_off(failure.to_string());
            }
        })
    }

    fn spawn(&mut self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), StartError> {
        let shared = self.shared.clone();
        let handle = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                // A stage without its thread would look ready and stand still.
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_err() {
                    shared.break_off("a thread panicked; this is a defect".into());
                }
            })
            .map_err(|e| StartError::Refused(format!("cannot start a thread: {e}")))?;
        self.threads.push(handle);
        Ok(())
    }

    fn await_table(&self, full: &AtomicBool) -> Result<(), StartError> {
        let started = Instant::now();
        while !full.load(Ordering::Relaxed) {
            if let Some(why) = self.shared.broken() {
                return Err(StartError::Refused(why));
            }
            if self.shared.stop.load(Ordering::Relaxed) {
                return Err(StartError::Stopped);
            }
            if started.elapsed() > 10 * REQUEST {
                return Err(StartError::Refused(
                    "accounts, agents and policies were not read within 5 minutes; is a transaction open on their topics?".into(),
                ));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Returns what the threads share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Tells whether every thread is assigned and restored.
    pub fn is_ready(&self) -> bool {
        let threads = self.shared.threads();
        self.shared.is_reachable() && !threads.is_empty() && threads.iter().all(crate::state::ThreadState::is_ready)
    }

    /// Asks the threads to finish or abort their transactions, leave their groups, and waits for them.
    ///
    /// # Errors
    /// Why they had to stop, when it was not at our wish.
    pub fn stop(mut self) -> Result<(), String> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            if thread.join().is_err() {
                self.shared.break_off("a thread panicked; this is a defect".into());
            }
        }
        self.shared.broken().map_or(Ok(()), Err)
    }
}

fn transactional_id(config: &Config, stage: &Stage, number: usize) -> String {
    // Without a name of its own an instance is a new one at each start: its process id and the time tell it apart.
    let instance =
        config.instance.clone().unwrap_or_else(|| format!("{}.{}", std::process::id(), clock::now().millis()));
    format!("{}-{instance}-{number}", config.group(stage.name))
}

/// So many lives in a row that were fenced, each soon after the one before, mean that somebody else has the same name.
const FENCES: u32 = 3;
/// A life that lasted longer had its name for itself.
const UNDISTURBED: Duration = Duration::from_secs(60);

/// Returns how many lives in a row were fenced, this one included.
///
/// Being fenced once proves no rival: a consumer whose session is over while its thread waits for brokers that are away
/// sends heartbeats without a member id, and is then told that a newer instance has its place (librdkafka 2.12).
fn fences(before: u32, failure: &KafkaFailure, lived: Duration) -> u32 {
    match failure.code {
        RDKafkaErrorCode::FencedInstanceId | RDKafkaErrorCode::Fenced if lived < UNDISTURBED => before + 1,
        RDKafkaErrorCode::FencedInstanceId | RDKafkaErrorCode::Fenced => 1,
        _ => 0,
    }
}

/// Lives one life after the other until told to stop.
fn supervise(setup: &Setup) {
    let mut poison = Poison::new();
    let mut pause = Duration::from_millis(50);
    let mut fenced = 0;
    while !setup.shared.stop.load(Ordering::Relaxed) {
        let started = Instant::now();
        let mut ended = live(setup, &mut poison);
        if let Err(Failure::Restart(failure)) = &ended
            && setup.config.instance.is_some()
        {
            fenced = fences(fenced, failure, started.elapsed());
            if fenced == FENCES {
                let stage = setup.stage.name;
                ended = Err(Failure::Stop(format!(
                    "{stage}: another process runs with the same --instance; give each its own"
                )));
            }
        }
        match ended {
            Ok(()) => return,
            Err(Failure::Stop(why)) => {
                tracing::error!(stage = setup.stage.name, error = %why, "the processor stops");
                return setup.shared.break_off(why);
            }
            Err(Failure::Restart(failure)) => {
                tracing::warn!(stage = setup.stage.name, error = %failure, "the thread starts over from what is committed");
                setup.shared.metrics().aborted(setup.stage.metrics);
            }
        }
        pause = if started.elapsed() > Duration::from_secs(30) {
            Duration::from_millis(50)
        } else {
            (pause * 2).min(LONGEST_PAUSE)
        };
        std::thread::park_timeout(pause);
    }
}

fn source_partitions(config: &Config, topology: &Topology) -> Result<Vec<String>, StartError> {
    let counts = topics::counts(config)?;
    let mut all = Vec::new();
    let leads = topology.stages.iter().filter(|s| s.low_water.is_some()).flat_map(|s| &s.leads);
    for topic in leads {
        let name = config.topic(topic);
        let Some(count) = counts.get(&name) else {
            let mend = if matches!(topic, Topic::Source(_)) {
                "make it, or leave it out of --sources"
            } else {
                "make it with: baton topics create"
            };
            return Err(StartError::Refused(format!("topic {name} does not exist; {mend}")));
        };
        all.extend((0..*count).map(|p| format!("{name}/{p}")));
    }
    Ok(all)
}

/// Takes new partitions of sources into the list that travels with the marks.
fn watch_sources(config: &Config, topology: &Topology, shared: &Shared) {
    let mut last = Instant::now();
    while !shared.stop.load(Ordering::Relaxed) {
        std::thread::park_timeout(Duration::from_millis(500));
        if last.elapsed() < LOOK_FOR_PARTITIONS {
            continue;
        }
        last = Instant::now();
        match source_partitions(config, topology) {
            Ok(now) if now != shared.sources().1 => shared.set_sources(clock::now().millis(), now),
            Ok(_) => {}
            Err(error) => tracing::warn!(error = %error, "the source topics cannot be looked at"),
        }
    }
}
