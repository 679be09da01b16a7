//! The `router` processor as a process of its own.

use baton_service::topology::Processor;
use std::process::ExitCode;

fn main() -> ExitCode {
    baton_service::main(Processor::Router, "router", "Decides handoffs and finds the agents for them")
}
