//! `baton replay`: the same code as live, on a file, with the records' own time as the clock.

use crate::policy;
use crate::terminal::{open, progress, time};
use anyhow::Context as _;
use baton_records::{Id, Timestamp};
use baton_replay::{Options, Place, Pushed, Reader, Replay, ReplayLine};
use baton_stream::Topic;
use std::io::{BufReader, Write};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  baton replay --policy deploy/policies/saas.yaml march.jsonl
  baton replay --policy deploy/policies/saas.yaml --until 2026-04-01T00:00:00Z \\
      --emit baton.handoffs,baton.decisions march.jsonl > out.jsonl
  baton replay --policy draft.yaml captured-log.jsonl

A line of the input is {\"topic\", \"key\", \"timestamp\", \"value\"}; timestamp is when the record arrived, in milliseconds.
The topics baton.accounts, baton.agents and baton.lifecycle are what their names say, baton.interactions is the log, which
brings its own policies, and any other topic is a source.";

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The policy in force from the start, in place of any that the records bring
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Topics to write; without it, the prefix's handoffs
    #[arg(long, value_name = "TOPIC", value_delimiter = ',')]
    emit: Vec<Id>,
    /// The clock goes on to this time (RFC 3339), and records after it are not read; without it, it stops at the last record
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Records older than this (RFC 3339) are history
    #[arg(long, value_name = "TIME", value_parser = time)]
    live_from: Option<Timestamp>,
    /// What stands before the names of Baton's topics
    #[arg(long, default_value = "baton")]
    prefix: Id,
    /// JSON Lines in the order of arrival; none, or `-`, is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// When a file or the policy cannot be used, or a stage stops.
pub fn run(args: Args, out: &mut impl Write) -> anyhow::Result<()> {
    let policy = args.policy.as_deref().map(policy::read).transpose()?.map(Id::from);
    let Args { mut emit, until, live_from, prefix, files, .. } = args;
    if emit.is_empty() {
        emit.push(Id::from(Topic::Handoffs.name(&prefix)));
    }
    let mut replay = Replay::new(Options { prefix, policy, emit, until, live_from })?;
    let files = if files.is_empty() { vec![PathBuf::from("-")] } else { files };
    let bar = progress(&files);
    let mut lines = Vec::new();
    'files: for (number, path) in files.iter().enumerate() {
        let reader = Reader::new(BufReader::new(bar.wrap_read(open(path)?)));
        for record in reader {
            let (line, record) = record.with_context(|| path.display().to_string())?;
            let place = Place { file: i32::try_from(number)?, line };
            let pushed = replay.push(place, &record, &mut |output: ReplayLine| output.write(&mut lines))?;
            write(&mut lines, out)?;
            if pushed == Pushed::AfterUntil {
                // Lines are in the order of arrival: what follows is later still.
                break 'files;
            }
        }
    }
    replay.finish(&mut |output: ReplayLine| output.write(&mut lines))?;
    write(&mut lines, out)?;
    bar.finish_and_clear();
    Ok(())
}

fn write(lines: &mut Vec<u8>, out: &mut impl Write) -> anyhow::Result<()> {
    out.write_all(lines)?;
    lines.clear();
    Ok(())
}
