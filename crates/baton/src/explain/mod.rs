//! `baton explain`: why, and why not, from the records of `baton.decisions`; what became of an event without decision,
//! from the log, the dead letters and the sources when they are given too; the handoff as it stands, from its own topic.
//! The records come from files or from brokers.

mod brokers;
mod file;
mod print;
mod search;

use crate::terminal::{open, progress, time};
use anyhow::Context as _;
use baton_records::{Id, Timestamp};
use clap::ArgGroup;
use std::io::{BufReader, Write};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  baton replay --policy deploy/policies/saas.yaml \\
      --emit baton.handoffs,baton.decisions,baton.interactions,baton.dead-letters march.jsonl > out.jsonl
  baton explain evt-0001 --file out.jsonl
  baton explain --account acme --from 2026-03-02T00:00:00Z --file out.jsonl --file march.jsonl
  baton explain evt-0001 --brokers 127.0.0.1:9092";

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, group(ArgGroup::new("what").required(true).args(["id", "account"])))]
pub struct Args {
    /// A handoff's or an event's id
    id: Option<Id>,
    /// All decisions about this account
    #[arg(long)]
    account: Option<Id>,
    /// Only those of this conversation
    #[arg(long, requires = "account")]
    conversation: Option<Id>,
    /// Only those at or after this time (RFC 3339)
    #[arg(long, requires = "account", value_parser = time)]
    from: Option<Timestamp>,
    /// Only those at or before this time (RFC 3339)
    #[arg(long, requires = "account", value_parser = time)]
    to: Option<Timestamp>,
    /// JSON Lines: decisions as they stand, or records as `replay` writes and `capture` keeps them; `-` is standard input
    #[arg(long = "file", value_name = "FILE", required_unless_present = "brokers")]
    files: Vec<PathBuf>,
    /// Bootstrap servers of the cluster whose topics are read when no file is given
    #[arg(long, env = "BATON_BROKERS", value_name = "HOST:PORT,…")]
    brokers: Option<String>,
    /// Further settings of librdkafka, one name=value a line (TLS, SASL); secrets belong here
    #[arg(long, value_name = "FILE")]
    kafka_config: Option<PathBuf>,
    /// Topics with events, which tell of an event that waits; for --brokers
    #[arg(long, value_delimiter = ',', value_name = "TOPIC,…")]
    sources: Vec<Id>,
    /// What stands before the names of Baton's topics
    #[arg(long, default_value = "baton")]
    prefix: Id,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// When a file or the topics cannot be read, or hold nothing about what was asked for.
pub fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    let question = match (&args.id, &args.account) {
        (Some(id), _) => search::Question::Id(id.clone()),
        (None, account) => search::Question::Account {
            account: account.clone().unwrap_or_default(),
            conversation: args.conversation.clone(),
            from: args.from.unwrap_or(Timestamp::MIN),
            to: args.to.unwrap_or(Timestamp::MAX),
        },
    };
    let mut search = search::Search::new(question);
    let mut printer = print::Printer::new(out, args.json);
    let mut take = |record| search.take(record).map_or(Ok(()), |decision| printer.decision(&decision));
    match &args.brokers {
        Some(brokers) if args.files.is_empty() => brokers::read(args, brokers, &mut take)?,
        _ => read_files(args, &mut take)?,
    }
    let found = search.finish();
    for fate in &found.fates {
        printer.fate(fate)?;
    }
    if let Some(handoff) = &found.handoff {
        printer.handoff(handoff)?;
    }
    if found.is_empty() {
        anyhow::bail!("{}", found.nothing());
    }
    Ok(())
}

fn read_files(args: &Args, take: &mut dyn FnMut(file::Record) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let bar = progress(&args.files);
    for path in &args.files {
        let records = file::Records::new(BufReader::new(bar.wrap_read(open(path)?)), &args.prefix);
        for record in records {
            take(record.with_context(|| path.display().to_string())?)?;
        }
    }
    bar.finish_and_clear();
    Ok(())
}
