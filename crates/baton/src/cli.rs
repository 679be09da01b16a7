//! The commands.

use crate::{explain, policy};
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
    /// Checks policies
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Tells why there was a handoff, or why not
    Explain(explain::Args),
}

/// Runs a command; what it reports goes to `out`.
///
/// # Errors
/// What went wrong, in words for the terminal.
pub fn run(cli: Cli, out: &mut impl Write) -> anyhow::Result<()> {
    match cli.command {
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
