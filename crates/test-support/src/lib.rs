//! Apache Kafka for tests: a real broker in KRaft mode on free ports, with a data folder of its own, that goes away with
//! the process that started it; and a client that makes topics, writes records and reads them back.
//!
//! Reading order: [`KafkaBroker`], [`TestClient`], [`wait_until`]. A test binary takes [`KafkaBroker::shared`] unless it
//! stops, kills or configures the broker; then it starts one of its own. `BATON_TEST_BROKERS=host:port` names a running
//! cluster to use in place of all of them.
//!
//! Invariants: no test waits without a limit; a broker never outlives its test process, however that ends; nothing in
//! here is linked into what users run.

mod broker;
mod client;
mod error;
mod jars;
mod wait;
mod watchdog;

pub use broker::{Heap, KafkaBroker};
pub use client::{Isolation, TestClient, TestRecord};
pub use error::Error;
pub use wait::{Signal, WaitedTooLong, send_signal, wait_until};
