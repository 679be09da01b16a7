//! `baton status`: what runs, how far it is, which policy is in force, what is open.

use baton_records::{CloseReason, Handoff, Id, Status, Timestamp};
use baton_runtime::stage::STAGES;
use baton_runtime::{Config, layout, tools};
use baton_service::{ClusterArgs, policies};
use baton_stream::Topic;
use clap::Args as ClapArgs;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;

/// Arguments of `status`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// A JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// What is reported.
#[derive(Debug, Serialize)]
struct Report {
    release: &'static str,
    layout: Option<String>,
    stages: Vec<StageReport>,
    log_time: BTreeMap<i32, Timestamp>,
    policy: Option<String>,
    open_handoffs: BTreeMap<String, usize>,
}

#[derive(Debug, Serialize)]
struct StageReport {
    stage: &'static str,
    members: usize,
    lag: Option<i64>,
}

/// Runs it.
///
/// # Errors
/// When the brokers do not answer or topics are missing.
pub fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    let report = report(&args.cluster.config()?)?;
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
        return Ok(());
    }
    let layout = match report.layout.as_deref() {
        Some("one") => "one process",
        Some("four") => "processes of their own",
        _ => "nothing runs",
    };
    writeln!(out, "baton {}  layout: {layout}", report.release)?;
    writeln!(out, "policy: {}", report.policy.as_deref().unwrap_or("none in force"))?;
    for stage in &report.stages {
        let lag = stage.lag.map_or_else(|| "-".to_owned(), |lag| lag.to_string());
        writeln!(out, "  {:<26} members {:<3} lag {lag}", stage.stage, stage.members)?;
    }
    for (partition, time) in &report.log_time {
        writeln!(out, "  log {partition:<3} at {time}")?;
    }
    let open: usize = report.open_handoffs.values().sum();
    writeln!(out, "open handoffs: {open}")?;
    for (team, count) in &report.open_handoffs {
        writeln!(out, "  {team:<30} {count}")?;
    }
    Ok(())
}

fn report(config: &Config) -> anyhow::Result<Report> {
    let members = layout::members(config)?;
    let mut stages = Vec::new();
    for stage in STAGES {
        stages.push(StageReport {
            stage,
            members: members.iter().filter(|m| m.stage == stage).count(),
            lag: tools::lag(config, stage)?,
        });
    }
    Ok(Report {
        release: env!("CARGO_PKG_VERSION"),
        layout: members.first().map(|m| m.layout.clone()),
        stages,
        log_time: tools::newest_times(config, &Topic::Interactions)?,
        policy: policies::list(config)?.iter().map(|a| &a.version).max_by_key(|v| v.number).map(ToString::to_string),
        open_handoffs: open_handoffs(config)?,
    })
}

/// Counts open handoffs by team, from their newest revisions.
fn open_handoffs(config: &Config) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut open: BTreeMap<Id, Id> = BTreeMap::new();
    tools::read(config, &Topic::Handoffs, None, &mut |record| {
        if let Some(handoff) = record.value.and_then(|v| serde_json::from_slice::<Handoff>(&v).ok()) {
            let closed: Option<CloseReason> = handoff.close_reason;
            if closed.is_some() || handoff.status == Status::Closed {
                open.remove(&handoff.handoff_id);
            } else {
                open.insert(handoff.handoff_id, handoff.team);
            }
        }
        true
    })?;
    let mut teams = BTreeMap::new();
    for team in open.into_values() {
        *teams.entry(team.to_string()).or_insert(0) += 1;
    }
    Ok(teams)
}
