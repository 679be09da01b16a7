//! The `sentiment-scorer` processor as a process of its own.

use baton_service::topology::Processor;
use std::process::ExitCode;

fn main() -> ExitCode {
    baton_service::main(
        Processor::SentimentScorer,
        "sentiment-scorer",
        "Says what customers' words tell: cues, mood, urgency",
    )
}
