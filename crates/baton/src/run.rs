//! `baton run`: processors on Kafka.

use baton_service::RunArgs;
use baton_service::topology::Processor;
use clap::Args as ClapArgs;

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  baton run --brokers 127.0.0.1:9092 --sources chat,crm,billing --policy deploy/policies/saas.yaml --create-topics
  baton run router --brokers 127.0.0.1:9092 --instance router-1 --listen 0.0.0.0:9600

Without names all four processors run in one process, which is a layout of its own: stop all of it before you change to
processes of their own, and the reverse. Nothing is lost by a change.";

/// Arguments of `run`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Processors; all in one process when none is named
    #[arg(value_enum)]
    processors: Vec<Processor>,
    #[command(flatten)]
    args: RunArgs,
}

/// Runs until SIGTERM.
///
/// # Errors
/// When they cannot start, or had to stop.
pub fn run(args: &Args) -> anyhow::Result<()> {
    baton_service::run(&args.args, &args.processors)
}
