//! Starts processors, serves their health, and stops them at SIGTERM.

use crate::policies::{self, Activation};
use crate::settings::RunArgs;
use crate::topology::{Plan, Processor, alone, one_process};
use anyhow::{Context as _, anyhow, bail};
use baton_runtime::{Config, Instance, Shared, topics};
use baton_telemetry::{Health, Metrics, ThreadState, init_logging, serve};
use clap::Parser;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often the process looks whether its threads still run.
const LOOK: Duration = Duration::from_millis(200);
/// How long an end may take: far below the 30 s after which Kubernetes kills.
const STOP_LIMIT: Duration = Duration::from_secs(10);
const STARTING_PANICKED: &str = "starting panicked; this is a defect";

/// The main of a processor's own binary.
pub fn main(processor: Processor, name: &'static str, about: &'static str) -> ExitCode {
    #[derive(Parser)]
    #[command(version)]
    struct Cli {
        #[command(flatten)]
        args: RunArgs,
    }
    let example = format!(
        "Example: {name} --brokers 127.0.0.1:9092{} --listen 127.0.0.1:9600",
        if processor == Processor::ContextUnifier { " --sources chat,crm,billing" } else { "" }
    );
    let command = <Cli as clap::CommandFactory>::command().name(name).about(about).after_help(example);
    let cli = match <Cli as clap::FromArgMatches>::from_arg_matches(&command.get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match run(&cli.args, &[processor]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // When standard error is gone too, the exit status is all that can be said.
            let _ = writeln!(std::io::stderr(), "{name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs processors until SIGTERM or SIGINT; none named: all of them in one process, as one layout of its own.
///
/// # Errors
/// When they cannot start, or had to stop.
pub fn run(args: &RunArgs, processors: &[Processor]) -> anyhow::Result<()> {
    baton_runtime::share_heaps();
    init_logging(&args.log)?;
    let config = args.config()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start the health endpoint's runtime")?;
    let ended = runtime.block_on(serve_until_told(args, config, processors));
    // A request to brokers that are away may still wait for them.
    runtime.shutdown_background();
    ended
}

async fn serve_until_told(args: &RunArgs, config: Config, processors: &[Processor]) -> anyhow::Result<()> {
    // Listening for signals comes first: one that comes while tasks start is not lost.
    let mut signals = Signals::listen()?;
    let (metrics, health) = (Metrics::new()?, Health::new());
    health.set("start", ThreadState::Joining);
    let server = match args.listen {
        Some(address) => Some(serve(address, health.clone(), metrics.clone()).await?),
        None => None,
    };
    if let Some(server) = &server {
        tracing::info!(address = %server.address(), "health endpoint listens");
    }
    let shared = Arc::new(Shared::new(metrics, health.clone()));
    let (args, processors, of_start) = (args.clone(), processors.to_vec(), shared.clone());
    let mut starting = tokio::task::spawn_blocking(move || start(&args, config, &processors, of_start));
    let instance = tokio::select! {
        started = &mut starting => started.context(STARTING_PANICKED)??,
        () = signals.came() => {
            shared.stop.store(true, Ordering::Relaxed);
            return within_limit(async {
                match starting.await.context(STARTING_PANICKED)? {
                    Ok(instance) => stop(instance).await,
                    // It was told to end before it had started.
                    Err(_) => Ok(()),
                }
            })
            .await;
        }
    };
    health.set("start", ThreadState::Running);
    loop {
        tokio::select! {
            () = signals.came() => break,
            () = tokio::time::sleep(LOOK) => if shared.broken().is_some() { break },
        }
    }
    tracing::info!("stopping");
    within_limit(stop(instance)).await
}

async fn stop(instance: Instance) -> anyhow::Result<()> {
    let stopped = tokio::task::spawn_blocking(move || instance.stop()).await;
    stopped.context("stopping panicked; this is a defect")?.map_err(|why| anyhow!(why))
}

/// Waits for what ends, but not long for brokers that are away: they end transactions and sessions by themselves.
async fn within_limit(ending: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::time::timeout(STOP_LIMIT, ending).await.unwrap_or_else(|_| {
        tracing::warn!("the brokers do not answer; open transactions are left to their time-out");
        Ok(())
    })
}

/// The signals that end a process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt()).context("cannot listen for SIGINT")? })
    }

    async fn came(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn start(args: &RunArgs, config: Config, processors: &[Processor], shared: Arc<Shared>) -> anyhow::Result<Instance> {
    prepare(args, &config, processors)?;
    let plan = Plan { sources: config.sources.clone(), live_from: config.live_from };
    let topology = if processors.is_empty() { one_process(&plan) } else { alone(processors, &plan) };
    Ok(Instance::start(config, topology, shared)?)
}

/// Makes topics and puts the policy in force, where the arguments say so.
fn prepare(args: &RunArgs, config: &Config, processors: &[Processor]) -> anyhow::Result<()> {
    let reads_sources = processors.is_empty() || processors.contains(&Processor::ContextUnifier);
    if reads_sources && config.sources.is_empty() {
        bail!("no source is named; say which topics hold events with --sources TOPIC,…");
    }
    if args.create_topics {
        let plan = topics::TopicPlan {
            partitions: args.partitions,
            replication: args.replication,
            ..topics::TopicPlan::default()
        };
        let made = topics::create(config, &plan)?;
        tracing::info!(topics = made.len(), "topics made");
    }
    if let Some(path) = &args.policy {
        match policies::activate(config, path)? {
            Activation::Done(version) => tracing::info!(version = %version, "policy is in force"),
            Activation::Unchanged { newest } => {
                tracing::info!(newest = %newest, "no newer policy than the one in force")
            }
        }
    }
    if reads_sources && policies::list(config)?.is_empty() {
        bail!(
            "no policy is in force; give one with --policy FILE, or put one in force with: baton policy activate FILE"
        );
    }
    Ok(())
}
