//! The `anomaly-detector` processor as a process of its own.

use baton_service::topology::Processor;
use std::process::ExitCode;

fn main() -> ExitCode {
    baton_service::main(
        Processor::AnomalyDetector,
        "anomaly-detector",
        "Says where an account's behaviour leaves its baseline",
    )
}
