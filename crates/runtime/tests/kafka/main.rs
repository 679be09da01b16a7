//! The runtime on Apache Kafka.

#[cfg(test)]
mod counts;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tables;
