//! `baton explain`: why, and why not, from the records of `baton.decisions`; what became of an event without decision,
//! from the log, the dead letters and the sources when they are given too; the handoff as it stands, from its own topic.

mod file;
mod print;
mod search;

use crate::terminal::{open, time};
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
  baton explain --account acme --from 2026-03-02T00:00:00Z --file out.jsonl --file march.jsonl";

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
    #[arg(long = "file", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
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
/// When a file cannot be read, or holds nothing about what was asked for.
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
    for path in &args.files {
        let records = file::Records::new(BufReader::new(open(path)?), &args.prefix);
        for record in records {
            let record = record.with_context(|| path.display().to_string())?;
            if let Some(decision) = search.take(record) {
                printer.decision(&decision)?;
            }
        }
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
