//! What leaves Baton: handoffs, decisions, contexts.

use super::{json, trace_header, value};
use crate::{Input, Output, Topic};
use baton_records::{Context, Decision, Handoff, Id, Rejection, Timestamp};

fn output(topic: Topic, account_id: &str, value: Vec<u8>, at: Timestamp, traceparent: Option<&Id>) -> Output {
    Output {
        topic,
        partition: None,
        key: Some(account_id.as_bytes().to_vec()),
        value: Some(value),
        timestamp: Some(at),
        headers: trace_header(traceparent).into_iter().collect(),
    }
}

/// Writes a revision of a handoff, by account. Its Kafka timestamp is `decided_at`.
pub fn handoff(handoff: &Handoff, traceparent: Option<&Id>) -> Output {
    output(Topic::Handoffs, &handoff.account_id, json(handoff), handoff.decided_at, traceparent)
}

/// Writes a decision, by account. Its Kafka timestamp is `at`.
pub fn decision(decision: &Decision, traceparent: Option<&Id>) -> Output {
    output(Topic::Decisions, &decision.account_id, json(decision), decision.at, traceparent)
}

/// Writes an account's newest context, by account. Its Kafka timestamp is `as_of`.
pub fn context(context: &Context) -> Output {
    output(Topic::Contexts, &context.account_id, json(context), context.as_of, None)
}

/// Writes that an account has no context any more.
pub fn context_tombstone(account_id: &str) -> Output {
    Output {
        topic: Topic::Contexts,
        partition: None,
        key: Some(account_id.as_bytes().to_vec()),
        value: None,
        timestamp: None,
        headers: Vec::new(),
    }
}

/// Reads a revision of a handoff.
///
/// # Errors
/// A [`Rejection`] when Baton cannot have written it.
pub fn read_handoff(input: Input<'_>) -> Result<Handoff, Rejection> {
    value(&input)
}

/// Reads a decision.
///
/// # Errors
/// A [`Rejection`] when Baton cannot have written it.
pub fn read_decision(input: Input<'_>) -> Result<Decision, Rejection> {
    value(&input)
}

/// Reads a context; none is a tombstone.
///
/// # Errors
/// A [`Rejection`] when Baton cannot have written it.
pub fn read_context(input: Input<'_>) -> Result<Option<Context>, Rejection> {
    input.value.map(|_| value(&input)).transpose()
}
