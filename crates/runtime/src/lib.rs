//! The exactly-once runtime: the only crate that names `rdkafka` and reads clocks.
//!
//! Reading order: [`stage`] says what is run, [`instance`] starts it, [`thread`] is the loop, [`slot`] keeps a task,
//! [`producer`] and [`client`] are the edge to librdkafka, [`reader`] restores. [`tools`], [`tail`] and [`writer`] are for
//! the command line, [`embedded`] for demonstrations.
//!
//! Where the known traps of Kafka and librdkafka are handled: partitioner, `retry.backoff.ms`,
//! `transaction.timeout.ms`, `fetch.queue.backoff.ms`, prefetch bounds and record sizes in [`config`]; commits that wait
//! in steps of 100 ms in [`client`]; doubtful commits in [`thread`] (every failure ends a life, and the next has a new
//! producer with the same id); offsets below retention in [`thread`] and [`reader`] (there is no silent reset);
//! "caught up" as position against an asked-for end in [`ends`] and [`slot`]; refused records in [`producer`] and
//! [`thread`]; clients that forget all brokers in [`pulse`]; members that fence themselves in [`instance`]; consumers that
//! hang when they close in [`context`]; transactions that a stopped broker never ends in [`reader`], which can only say
//! so.

mod client;
pub mod clock;
pub mod config;
mod context;
mod embedded;
mod ends;
pub mod error;
mod fail_point;
mod heaps;
pub mod instance;
pub mod layout;
mod orphans;
mod producer;
mod pulse;
mod reader;
mod slot;
pub mod stage;
pub mod state;
mod table;
mod tail;
mod thread;
pub mod tools;
pub mod topics;
mod writer;

pub use config::{Config, Peers};
pub use embedded::EmbeddedBroker;
pub use error::StartError;
pub use heaps::share_heaps;
pub use instance::Instance;
pub use stage::{GlobalTable, LowWaterMarks, Partitions, Stage, TaskId, Topology};
pub use state::{Shared, ThreadState};
pub use tail::Tail;
pub use writer::Writer;
