//! A cluster in memory with a discrete clock, on which the real tasks run while a seeded scheduler does to them what
//! can happen to processes: it kills them between any two steps, lets them be slow, hides what they read, stops the
//! world for hours and changes the layout.
//!
//! Reading order: [`Partition`], [`Cluster`], [`Member`].

mod cluster;
mod member;
mod partition;

pub use cluster::{Change, Cluster, TopicPartition, Transaction, partition_for};
pub use member::{Assignment, Member, Moment};
pub use partition::{Partition, Stored};
