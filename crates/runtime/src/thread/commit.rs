//! Ends a transaction: outputs, changelog and offsets together.

use super::Thread;
use crate::client::TopicPartition;
use crate::clock;
use crate::error::Failure;
use crate::fail_point;
use crate::producer::{Producer, SendError};
use crate::slot::Slot;
use std::collections::BTreeMap;
use std::time::Instant;

impl Thread<'_> {
    /// Commits what is open, if anything is.
    pub(super) fn commit(&mut self) -> Result<(), Failure> {
        if !self.producer.is_open() {
            return Ok(());
        }
        let started = Instant::now();
        // Brokers look whether we are still in the group when they are given an offset, and only then: what timers alone
        // wrote needs one too, or a process that was away for too long would write beside whoever took over.
        if self.slots.values().all(|s| s.moved.is_empty())
            && let Some(slot) = self.slots.values_mut().next()
        {
            slot.moved.insert(slot.id.topic.clone());
        }
        for slot in self.slots.values_mut() {
            if slot.touched && !slot.anchored {
                slot.moved.insert(slot.id.topic.clone());
            }
            if std::mem::take(&mut slot.touched) {
                write_changes(slot, &mut self.producer)?;
            }
        }
        let offsets: BTreeMap<TopicPartition, i64> =
            self.slots.values().flat_map(|s| s.offsets(&self.setup.config)).collect();
        self.producer.send_offsets(&self.consumer, None, &offsets)?;
        self.send_hints()?;
        fail_point::hit("after_send_offsets");
        fail_point::hit("before_commit");
        self.producer.commit()?;
        fail_point::hit("after_commit");
        for slot in self.slots.values_mut() {
            slot.anchored |= slot.moved.contains(&slot.id.topic);
            slot.moved.clear();
        }
        self.inputs.clear();
        self.substantial = false;
        self.wrote_companions = false;
        self.last_commit = Instant::now();
        self.last_commit_clock = clock::now();
        for arrival in self.arrivals.drain(..) {
            self.setup.shared.metrics().observe_latency(self.last_commit_clock.since(arrival));
        }
        self.setup.shared.metrics().committed(self.setup.stage.metrics, started.elapsed());
        Ok(())
    }

    /// Tells the groups of the other layout where they would begin.
    fn send_hints(&mut self) -> Result<(), Failure> {
        for (topic, owners) in &self.setup.stage.left_behind {
            let name = self.setup.config.topic(topic);
            let fresh: BTreeMap<TopicPartition, i64> = self
                .hints
                .iter()
                .filter(|(at, offset)| at.0 == name && self.hints_told.get(*at) != Some(offset))
                .map(|(at, offset)| (at.clone(), *offset))
                .collect();
            for owner in owners {
                self.producer.send_offsets(&self.consumer, Some(&self.setup.config.group(owner)), &fresh)?;
            }
            self.hints_told.extend(fresh);
        }
        Ok(())
    }
}

fn write_changes(slot: &mut Slot, producer: &mut Producer) -> Result<(), Failure> {
    let mut failed = None;
    slot.write_changes(clock::now(), &mut |at, key, value| {
        if failed.is_none() {
            failed = producer.send_change(&at.0, at.1, key, value).err();
        }
    });
    match failed {
        None => Ok(()),
        Some(SendError::Failed(failure)) => Err(failure.into()),
        Some(SendError::Refused) => Err(Failure::Stop("an entry of a store is larger than 4 MiB".into())),
    }
}
