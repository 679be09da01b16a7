//! The runtime on Apache Kafka.

#[cfg(test)]
mod counts;
mod refusals;
mod tables;
