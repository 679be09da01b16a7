//! `baton demo`: three companies on an embedded broker, each with all four processors, and the handoffs as they come.
//!
//! Reading order: `company.rs` says who they are, `story.rs` what happens to them, `desk.rs` what their agents do,
//! `stage.rs` plays it, `show.rs` and `summary.rs` report.

mod company;
mod desk;
mod show;
mod stage;
mod story;
mod summary;

use crate::terminal::Paint;
use baton_runtime::clock;
use baton_service::Interrupt;
use std::io::Write;
use std::time::Duration;

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  baton demo
  baton demo --seconds 60 --json | jq 'select(.status == \"opened\") | .reasons[0].summary'

Ctrl-C ends it with its summary. The exit status is 0 when there was a handoff.";

const NOTICE: &str = "The embedded broker shows aborted records to read_committed readers, keeps 5 MiB a partition and \
                      never compacts: what follows shows how Baton decides, and proves nothing about exactly-once.";

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long there is traffic
    #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u32).range(5..=3600))]
    seconds: u32,
    /// Handoffs as JSON lines, between a first line with a notice and a last one with the summary
    #[arg(long)]
    json: bool,
    /// What is logged on standard error: off, error, warn, info, debug
    #[arg(long, default_value = "error", env = "BATON_LOG", value_name = "LEVEL")]
    log: String,
}

/// Runs it.
///
/// # Errors
/// When the broker or a processor cannot go on, or no handoff came.
pub fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    baton_telemetry::init_logging(&args.log)?;
    let interrupt = Interrupt::listen()?;
    let mut screen = show::Screen::new(Paint::of_output());
    if args.json {
        writeln!(out, "{}", serde_json::json!({ "notice": NOTICE }))?;
    } else {
        writeln!(out, "{NOTICE}\n")?;
        writeln!(
            out,
            "A software company, a manufacturer and a bank start their four processors. {} s of traffic follow.",
            args.seconds
        )?;
    }
    out.flush()?;
    let mut stage = stage::Stage::open(Duration::from_secs(args.seconds.into()), &interrupt)?;
    let started = clock::now();
    let played = stage.play(&interrupt, &mut |company, handoff, took| {
        if args.json {
            serde_json::to_writer(&mut *out, handoff)?;
            writeln!(out)?;
        } else {
            screen.revision(company, handoff, took, out)?;
        }
        Ok(out.flush()?)
    });
    let lasted = clock::now().since(started);
    let stopped = stage.close();
    played?;
    let summary = stopped?.finish(lasted);
    if args.json {
        writeln!(out, "{}", serde_json::json!({ "summary": summary }))?;
    } else {
        writeln!(out)?;
        summary.write(out)?;
    }
    anyhow::ensure!(summary.has_handoffs(), "no handoff came in {} s; give it longer with --seconds", args.seconds);
    Ok(())
}
