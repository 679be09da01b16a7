//! `baton topics create`, `baton topics check`.

use baton_runtime::topics::{TopicPlan, check, create};
use baton_service::ClusterArgs;
use clap::{Args, Subcommand};
use std::io::Write;

/// What to do with topics.
#[derive(Debug, Subcommand)]
pub enum TopicsCommand {
    /// Makes the topics that do not exist yet
    #[command(after_help = "Example: baton topics create --brokers 127.0.0.1:9092 --partitions 16 --replication 3")]
    Create(TopicArgs),
    /// Says which topics are missing or are not as they must be
    #[command(after_help = "Example: baton topics check --brokers 127.0.0.1:9092")]
    Check(TopicArgs),
}

/// Arguments of both.
#[derive(Debug, Args)]
pub struct TopicArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Partitions of all topics keyed by account
    #[arg(long, default_value_t = 8, value_name = "N")]
    partitions: i32,
    /// Partitions of the topic keyed by pool of teams
    #[arg(long, default_value_t = 1, value_name = "N")]
    pool_partitions: i32,
    /// Replication factor
    #[arg(long, default_value_t = 1, value_name = "N")]
    replication: i32,
    /// Days for which the log is kept
    #[arg(long, default_value_t = 100, value_name = "DAYS")]
    interactions_days: u64,
    /// Days for which decisions are kept
    #[arg(long, default_value_t = 400, value_name = "DAYS")]
    decisions_days: u64,
    /// A JSON object instead of lines
    #[arg(long)]
    json: bool,
}

impl TopicArgs {
    fn plan(&self) -> TopicPlan {
        TopicPlan {
            partitions: self.partitions,
            pool_partitions: self.pool_partitions,
            replication: self.replication,
            interactions_days: self.interactions_days,
            decisions_days: self.decisions_days,
        }
    }
}

/// Runs it.
///
/// # Errors
/// When the brokers do not answer, or something is wrong with the topics.
pub fn run(command: &TopicsCommand, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        TopicsCommand::Create(args) => {
            let made = create(&args.cluster.config()?, &args.plan())?;
            if args.json {
                writeln!(out, "{}", serde_json::json!({ "made": made }))?;
            } else if made.is_empty() {
                writeln!(out, "all topics exist already")?;
            } else {
                made.iter().try_for_each(|name| writeln!(out, "made {name}"))?;
            }
            Ok(())
        }
        TopicsCommand::Check(args) => {
            let wrong = check(&args.cluster.config()?, &args.plan())?;
            if args.json {
                writeln!(out, "{}", serde_json::json!({ "wrong": wrong }))?;
            } else if wrong.is_empty() {
                writeln!(out, "all topics are as they must be")?;
            } else {
                wrong.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            }
            anyhow::ensure!(wrong.is_empty(), "{} things are wrong with the topics", wrong.len());
            Ok(())
        }
    }
}
