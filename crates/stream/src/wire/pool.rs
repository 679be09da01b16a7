//! `pool.repartition`: what *decide* and *intake* tell *assign*, by pool.

use super::{MARK, json, value};
use crate::{Header, Input, Output, Topic};
use baton_records::{Id, PoolRecord, Rejection, Request};

fn output(record: &PoolRecord, partition: Option<i32>, key: Option<&str>) -> Output {
    // A clock is a mark: alone it is no reason to commit at once.
    let is_clock = matches!(record, PoolRecord::Clock { .. });
    Output {
        topic: Topic::PoolRepartition,
        partition,
        key: key.map(|k| k.as_bytes().to_vec()),
        value: Some(json(record)),
        timestamp: None,
        headers: is_clock.then(|| Header::new(MARK, "clock")).into_iter().collect(),
    }
}

/// Writes what one pool must know; the pool's name is the key.
pub fn pool_record(record: &PoolRecord, pool: &str) -> Output {
    output(record, None, Some(pool))
}

/// Writes a request of *decide* to a pool.
pub fn pool_request(request: Request, pool: &str) -> Output {
    pool_record(&PoolRecord::Request { request: Box::new(request) }, pool)
}

/// Writes a [`PoolRecord::Clock`] into a partition of the pools.
pub fn pool_clock(clock: &PoolRecord, partition: i32) -> Output {
    output(clock, Some(partition), None)
}

/// Writes a policy into a partition of the pools.
pub fn pool_policy(version: Id, text: Id, partition: i32) -> Output {
    output(&PoolRecord::Policy { version, text }, Some(partition), None)
}

/// Reads a record of `pool.repartition`.
///
/// # Errors
/// A [`Rejection`] when Baton cannot have written it.
pub fn read_pool_record(input: Input<'_>) -> Result<PoolRecord, Rejection> {
    value(&input)
}
