//! `baton capture`: the log, or the inputs in the order of their arrival, as lines that `baton replay` reads.

use anyhow::Context as _;
use baton_records::Timestamp;
use baton_replay::ReplayLine;
use baton_runtime::Config;
use baton_runtime::tools::{self, StoredRecord};
use baton_service::ClusterArgs;
use baton_stream::Topic;
use clap::{Args as ClapArgs, ValueEnum};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// What is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// The sequenced log: replaying it gives the same decisions.
    Log,
    /// The sources, accounts, agents and lifecycle records, by their timestamps.
    Inputs,
}

/// Arguments of `capture`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// From when on
    #[arg(long, value_parser = crate::terminal::time, value_name = "RFC 3339")]
    from: Option<Timestamp>,
    /// Up to when
    #[arg(long, value_parser = crate::terminal::time, value_name = "RFC 3339")]
    to: Option<Timestamp>,
    /// Only this account (marks and policies come along)
    #[arg(long, value_name = "ACCOUNT_ID")]
    account: Option<String>,
    /// What is captured
    #[arg(long, value_enum, default_value = "log")]
    what: What,
    /// Topics with events, for --what inputs
    #[arg(long, value_delimiter = ',', value_name = "TOPIC,…")]
    sources: Vec<String>,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// A JSON object instead of a line
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// When topics cannot be read or the file cannot be written.
pub fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    let config = args.cluster.config()?;
    let file = std::fs::File::create(&args.out).with_context(|| format!("cannot write {}", args.out.display()))?;
    let mut file = BufWriter::new(file);
    let count = match args.what {
        What::Log => log(args, &config, &mut file)?,
        What::Inputs => inputs(args, &config, &mut file)?,
    };
    file.flush().with_context(|| format!("cannot write {}", args.out.display()))?;
    if args.json {
        writeln!(out, "{}", serde_json::json!({ "records": count, "file": args.out }))?;
    } else {
        writeln!(
            out,
            "{count} records in {}; replay them with: baton replay {}",
            args.out.display(),
            args.out.display()
        )?;
    }
    Ok(())
}

/// Writes the log as it stands, partition by partition: its order is the order of decisions.
fn log(args: &Args, config: &Config, file: &mut impl Write) -> anyhow::Result<u64> {
    let (mut count, mut failed) = (0, None);
    tools::read(config, &Topic::Interactions, args.from, &mut |record| {
        let of_account = record.key.is_none() || is_wanted(args, &record);
        if of_account && args.to.is_none_or(|to| record.timestamp <= to) {
            failed = write_line(file, line(Topic::Interactions.name("baton"), record, true)).err();
            count += 1;
        }
        failed.is_none()
    })?;
    failed.map_or(Ok(count), Err)
}

/// Writes inputs by timestamp; those of one partition keep their order.
fn inputs(args: &Args, config: &Config, file: &mut impl Write) -> anyhow::Result<u64> {
    let mut topics: Vec<Topic> = args.sources.iter().map(|s| Topic::Source(s.as_str().into())).collect();
    topics.extend([Topic::Accounts, Topic::Agents, Topic::Lifecycle, Topic::Policies]);
    let mut all: Vec<(Timestamp, String, StoredRecord)> = Vec::new();
    for topic in &topics {
        let mut highest = std::collections::BTreeMap::new();
        let name = topic.name("baton");
        tools::read(config, topic, args.from, &mut |record| {
            if args.to.is_none_or(|to| record.timestamp <= to) && is_wanted(args, &record) {
                let arrival = highest.entry(record.partition).or_insert(record.timestamp);
                *arrival = record.timestamp.max(*arrival);
                all.push((*arrival, name.clone(), record));
            }
            true
        })?;
    }
    all.sort_by_key(|(arrival, _, _)| *arrival);
    let count = all.len() as u64;
    for (_, name, record) in all {
        write_line(file, line(name, record, false))?;
    }
    Ok(count)
}

fn is_wanted(args: &Args, record: &StoredRecord) -> bool {
    args.account.as_ref().is_none_or(|account| record.key.as_deref() == Some(account.as_bytes()))
}

fn line(topic: String, record: StoredRecord, with_partition: bool) -> ReplayLine {
    ReplayLine {
        topic: topic.into(),
        key: record.key,
        timestamp: record.timestamp,
        value: record.value,
        headers: record.headers,
        partition: with_partition.then_some(record.partition),
    }
}

fn write_line(file: &mut impl Write, line: ReplayLine) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    line.write(&mut bytes);
    file.write_all(&bytes).context("cannot write the capture")
}
