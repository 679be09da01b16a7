//! A cluster in memory with a discrete clock, on which the real tasks run while a seeded scheduler does to them what
//! can happen to processes: it kills them between any two steps, lets them be slow, hides what they read, stops the
//! world for hours and changes the layout.
//!
//! Reading order: [`Partition`], [`Cluster`], [`Member`], [`World`], [`check`].

mod answers;
mod check;
mod cluster;
mod instance;
mod member;
mod partition;
mod profile;
mod roles;
mod schedule;
mod sources;
mod traffic;
mod world;

pub use check::{Fallen, check};
pub use cluster::{Change, Cluster, Entries, TopicPartition, Transaction, partition_for};
pub use member::{Assignment, Member, Moment};
pub use partition::{Partition, Stored};
pub use profile::{Fault, PROFILES, Profile};
pub use roles::{Layout, Role, Shape};
pub use sources::check_sources;
pub use world::{Committed, DRAIN, LIVE, START, World};
