//! The commands.

use crate::{capture, demo, explain, policy, replay, run, status, topics};
use clap::{Parser, Subcommand};
use std::io::Write;

/// Decides, while the conversation is still going on, when an AI agent must hand over to a human.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows three companies' handoffs live, on an embedded broker
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::Args),
    /// Replays records or a captured log, without a broker
    Replay(replay::Args),
    /// Runs processors on Kafka
    #[command(after_help = run::EXAMPLES)]
    Run(Box<run::Args>),
    /// Makes topics, or says what is wrong with them
    #[command(subcommand)]
    Topics(topics::TopicsCommand),
    /// Tells what runs, how far it is, which policy is in force, what is open
    #[command(after_help = "Example: baton status --brokers 127.0.0.1:9092")]
    Status(status::Args),
    /// Writes the log, or the inputs, into a file that `baton replay` reads
    #[command(
        after_help = "Example: baton capture --brokers 127.0.0.1:9092 --from 2026-03-02T00:00:00Z --out monday.jsonl"
    )]
    Capture(capture::Args),
    /// Checks policies, puts one in force, lists them
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Tells why there was a handoff, or why not
    Explain(explain::Args),
}

/// Runs a command; what it reports goes to `out`.
///
/// # Errors
/// What went wrong, in words for the terminal.
pub fn dispatch(cli: Cli, out: &mut impl Write) -> anyhow::Result<()> {
    match cli.command {
        Command::Demo(args) => demo::run(&args, out),
        Command::Replay(args) => replay::run(args, out),
        Command::Run(args) => run::run(&args),
        Command::Topics(command) => topics::run(&command, out),
        Command::Status(args) => status::run(&args, out),
        Command::Capture(args) => capture::run(&args, out),
        Command::Policy(command) => policy::run(&command, out),
        Command::Explain(args) => explain::run(&args, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn check(command: &clap::Command) {
            for child in command.get_subcommands() {
                if child.has_subcommands() {
                    check(child);
                } else {
                    let help = child.get_after_help().map(ToString::to_string).unwrap_or_default();
                    assert!(help.contains("baton "), "{} has no example", child.get_name());
                }
            }
        }
        check(&Cli::command());
    }
}
