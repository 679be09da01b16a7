//! `baton`: the command line. It reads the arguments, runs one command, and says how it went by its exit status: 0, 1
//! (failed) or 2 (wrong usage).
//!
//! Reading order: `cli.rs` lists the commands; each has a module of its name. Those that need a broker stand apart from
//! those that do not.

mod capture;
mod card;
mod cli;
mod demo;
mod explain;
mod policy;
mod replay;
mod run;
mod status;
mod terminal;
mod topics;

use clap::Parser as _;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let result = cli::dispatch(cli, &mut out);
    // What a failing command has reported stands before its error.
    let flushed = out.flush();
    match result.and_then(|()| Ok(flushed?)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough.
        Err(error) if terminal::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // When standard error is gone too, the exit status is all that can be said.
            let _ = writeln!(std::io::stderr(), "baton: {error:#}");
            ExitCode::FAILURE
        }
    }
}
