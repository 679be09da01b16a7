//! What only a real Kafka can show: exactly once under kills, rebalances, hostile input, outages of the broker, and that
//! nothing fires early.
//!
//! One broker serves all tests, each under a prefix of its own; they run one after the other, since each of them starts
//! processes that want the machine.

#![cfg(test)]

mod early;
mod exactly_once;
mod hostile;
mod outage;
mod rebalance;
mod support;
