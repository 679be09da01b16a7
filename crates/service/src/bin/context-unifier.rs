//! The `context-unifier` processor as a process of its own.

use baton_service::topology::Processor;
use std::process::ExitCode;

fn main() -> ExitCode {
    baton_service::main(
        Processor::ContextUnifier,
        "context-unifier",
        "Takes events from sources of any key and writes one log for each account",
    )
}
