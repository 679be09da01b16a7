//! Finds partitions that a group has given to nobody.
//!
//! A cooperative rebalance takes two rounds: members give partitions back, then these are given out. A static member that
//! ends between the two and comes back is handed what it had and begins no second round, so that what was given back
//! stays with nobody. Its threads then join once more, as new members, which always begins a round.

use crate::config::{Config, REQUEST};
use crate::error::KafkaFailure;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::groups::GroupInfo;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(3);
/// So many looks in a row must find them: between the two rounds of a rebalance it is as it should be.
const LOOKS: u32 = 3;

/// A group that is watched.
pub struct Watched {
    /// The stage.
    pub stage: &'static str,
    /// The topics that it subscribes to.
    pub leads: Vec<String>,
    /// Set for good once its threads must join as new members.
    pub orphaned: Arc<AtomicBool>,
}

/// Watches groups until told to stop.
///
/// # Errors
/// When there is no client.
pub fn watch(config: &Config, groups: &[Watched], stop: &AtomicBool) -> Result<(), KafkaFailure> {
    let connect = || config.client().create().map_err(|e| KafkaFailure::of("make a client", &e));
    let mut client: BaseConsumer = connect()?;
    let mut found: BTreeMap<&str, u32> = BTreeMap::new();
    let mut last = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        std::thread::park_timeout(Duration::from_millis(500));
        if last.elapsed() < EVERY {
            continue;
        }
        last = Instant::now();
        for group in groups.iter().filter(|g| !g.orphaned.load(Ordering::Relaxed)) {
            let looks = found.entry(group.stage).or_default();
            match has_orphans(&client, config, group) {
                Ok(true) => *looks += 1,
                Ok(false) => *looks = 0,
                Err(failure) => {
                    tracing::warn!(stage = group.stage, error = %failure, "the group cannot be looked at");
                    // See the pulse of other clients: this one may have forgotten the brokers.
                    client = connect()?;
                }
            }
            if *looks >= LOOKS {
                tracing::warn!(
                    stage = group.stage,
                    "some partitions are with nobody; joining the group as a new member"
                );
                group.orphaned.store(true, Ordering::Relaxed);
            }
        }
    }
    Ok(())
}

fn has_orphans(client: &BaseConsumer, config: &Config, watched: &Watched) -> Result<bool, KafkaFailure> {
    let of = |e: &rdkafka::error::KafkaError| KafkaFailure::of("look at a group", e);
    let list = client.fetch_group_list(Some(&config.group(watched.stage)), REQUEST).map_err(|e| of(&e))?;
    let Some(group) = list.groups().iter().find(|g| g.state() == "Stable") else { return Ok(false) };
    let mut partitions = 0;
    for lead in &watched.leads {
        let metadata = client.fetch_metadata(Some(lead), REQUEST).map_err(|e| of(&e))?;
        partitions += metadata.topics().iter().map(|t| t.partitions().len()).sum::<usize>();
    }
    Ok(assigned(group) < partitions)
}

/// Counts the partitions that a group's members have.
fn assigned(group: &GroupInfo) -> usize {
    group.members().iter().filter_map(|m| partitions_in(m.assignment()?)).sum()
}

/// Counts the partitions in an assignment: version, then an array of topics, each with an array of partitions.
fn partitions_in(assignment: &[u8]) -> Option<usize> {
    let (_version, rest) = assignment.split_at_checked(2)?;
    let (topics, mut rest) = rest.split_first_chunk::<4>()?;
    let mut count = 0;
    for _ in 0..i32::from_be_bytes(*topics) {
        let (length, name) = rest.split_first_chunk::<2>()?;
        let (_name, behind) = name.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let (partitions, behind) = behind.split_first_chunk::<4>()?;
        let partitions = usize::try_from(i32::from_be_bytes(*partitions)).ok()?;
        (_, rest) = behind.split_at_checked(partitions * 4)?;
        count += partitions;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_of_all_topics_of_an_assignment_are_counted() {
        let mut bytes = vec![0, 1, 0, 0, 0, 2];
        for (name, partitions) in [("a", 2_u8), ("bcd", 3)] {
            bytes.extend([0, name.len() as u8]);
            bytes.extend(name.as_bytes());
            bytes.extend([0, 0, 0, partitions]);
            (0..partitions).for_each(|p| bytes.extend([0, 0, 0, p]));
        }
        bytes.extend([0xff; 4]);
        assert_eq!(partitions_in(&bytes), Some(5));
        assert_eq!(partitions_in(&bytes[..20]), None, "cut short");
        assert_eq!(partitions_in(&[]), None, "no assignment yet");
    }
}
