//! Starts processors, serves their health, and stops them at SIGTERM.

use crate::policies::{self, Activation};
use crate::settings::RunArgs;
use crate::topology::{Plan, Processor, alone, one_process};
use anyhow::{Context as _, anyhow, bail};
use baton_runtime::{Config, Instance, topics};
use baton_telemetry::{Health, Metrics, ThreadState, init_logging, serve};
use clap::Parser;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often the process looks whether its threads still run.
const LOOK: Duration = Duration::from_millis(200);

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
    init_logging(&args.log)?;
    let config = args.config()?;
    prepare(args, &config, processors)?;
    let plan = Plan { sources: config.sources.clone(), live_from: config.live_from };
    let topology = if processors.is_empty() { one_process(&plan) } else { alone(processors, &plan) };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start the health endpoint's runtime")?;
    runtime.block_on(async {
        // Listening for signals comes first: one that comes while tasks start is not lost.
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
        let (metrics, health) = (Metrics::new()?, Health::new());
        health.set("start", ThreadState::Joining);
        let server = match args.listen {
            Some(address) => Some(serve(address, health.clone(), metrics.clone()).await?),
            None => None,
        };
        if let Some(server) = &server {
            tracing::info!(address = %server.address(), "health endpoint listens");
        }
        let (own_metrics, own_health) = (metrics, health.clone());
        let starting = tokio::task::spawn_blocking(move || Instance::start(config, topology, own_metrics, own_health));
        let instance = tokio::select! {
            started = starting => started.context("starting panicked; this is a defect")??,
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        };
        health.set("start", ThreadState::Running);
        let shared = instance.shared().clone();
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                () = tokio::time::sleep(LOOK) => if shared.broken().is_some() { break },
            }
        }
        tracing::info!("stopping");
        tokio::task::spawn_blocking(move || instance.stop())
            .await
            .context("stopping panicked; this is a defect")?
            .map_err(|why| anyhow!(why))
    })
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
