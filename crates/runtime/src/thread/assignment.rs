//! Partitions come and go: tasks are made, restored, caught up, and given back.

use super::{At, Thread};
use crate::client::TopicPartition;
use crate::clock;
use crate::config::{Peers, REQUEST};
use crate::context::Context;
use crate::error::{Failure, KafkaFailure, StartError};
use crate::fail_point;
use crate::layout::refuse_other;
use crate::reader::{MEND, ends};
use crate::slot::Slot;
use crate::stage::TaskId;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long to restore before the group is served again.
const RESTORE_SLICE: Duration = Duration::from_millis(200);

/// Answers a rebalance that may stand open, before a consumer is dropped: one that was given nothing would wait for the
/// answer for ever, while its heartbeats keep it in the group.
pub(super) fn let_go(consumer: &BaseConsumer<Context>) {
    let nothing = TopicPartitionList::new();
    // It may be broken, or nothing may stand open.
    let _ = consumer.incremental_assign(&nothing);
    let _ = consumer.incremental_unassign(&nothing);
}

impl Thread<'_> {
    pub(super) fn assigned(&mut self, partitions: &[TopicPartition]) -> Result<(), Failure> {
        let setup = self.setup;
        if !self.assigned {
            self.refuse_other_layout()?;
        }
        let now = clock::now();
        let mut wanted = TopicPartitionList::new();
        for (name, partition) in partitions {
            wanted.add_partition(name, *partition);
            for companion in &setup.stage.companions {
                wanted.add_partition(&setup.config.topic(companion), *partition);
            }
        }
        let begin = if wanted.count() == 0 {
            wanted
        } else {
            let asked = self.consumer.committed_offsets(wanted, REQUEST);
            if asked.as_ref().is_err_and(|e| e.rdkafka_error_code() == Some(RDKafkaErrorCode::OperationTimedOut)) {
                tracing::warn!(stage = setup.stage.name, "committed offsets do not come: {MEND}");
            }
            asked.map_err(|e| KafkaFailure::of("ask for committed offsets", &e))?
        };
        // Committed offsets are stable ones: the transaction that wrote them is over. So the ends of the changelogs, which
        // are asked for after them, lie behind all that belongs to them.
        for (name, partition) in partitions {
            let Some(place) = self.place(name) else { continue };
            let Some((_, topic)) = self.topics.get(place) else { continue };
            let id = TaskId { topic: topic.clone(), partition: *partition };
            let slot = Slot::open(&setup.config, &setup.stage, id, &setup.partitions, now)?;
            self.slots.insert((place, *partition), slot);
        }
        for mut element in begin.elements() {
            element.error().map_err(|e| KafkaFailure::of("ask for committed offsets", &e))?;
            // A source is first read from its beginning.
            if !matches!(element.offset(), Offset::Offset(_)) {
                element.set_offset(Offset::Beginning).map_err(|e| KafkaFailure::of("assign", &e))?;
            }
            let Some(place) = self.place(element.topic()) else { continue };
            let Some(slot) = self.slots.get_mut(&(place, element.partition())) else { continue };
            slot.anchored = matches!(element.offset(), Offset::Offset(_));
            let next = match element.offset() {
                Offset::Offset(offset) => offset,
                _ => ends(&self.consumer, element.topic(), element.partition())?.0,
            };
            slot.next.insert(slot.id.topic.clone(), next);
        }
        self.consumer.incremental_assign(&begin).map_err(|e| KafkaFailure::of("assign", &e))?;
        self.pause_and_resume()?;
        self.assigned = true;
        self.want_ends();
        tracing::info!(stage = setup.stage.name, partitions = partitions.len(), "partitions assigned");
        Ok(())
    }

    /// Looks once more for members of another layout: one that started at the same moment was not there before.
    fn refuse_other_layout(&self) -> Result<(), Failure> {
        match self.setup.config.peers {
            Peers::Impossible => Ok(()),
            Peers::Possible => match refuse_other(&self.setup.config, self.setup.layout) {
                Ok(()) => Ok(()),
                Err(StartError::Brokers { what, source, .. }) => Err(KafkaFailure::of(what, &source).into()),
                Err(refused) => Err(Failure::Stop(refused.to_string())),
            },
        }
    }

    pub(super) fn revoked(&mut self, partitions: &[TopicPartition]) -> Result<(), Failure> {
        let mut gone: BTreeSet<At> = BTreeSet::new();
        for (name, partition) in partitions {
            let companions = self.setup.stage.companions.iter().map(|topic| self.setup.config.topic(topic));
            let names = companions.chain([name.clone()]);
            gone.extend(names.filter_map(|name| Some((self.place(&name)?, *partition))));
        }
        if self.consumer.assignment_lost() {
            // Somebody else has them already; the rest of this life would only be refused. A consumer that still holds
            // partitions would not close.
            let _ = self.consumer.incremental_unassign(&self.list(gone.iter()));
            return Err(KafkaFailure::new("keep the assignment", RDKafkaErrorCode::AssignmentLost, false).into());
        }
        // What was polled is given back unread, and what was taken is committed before anybody else starts.
        self.buffer.retain(|buffered| !gone.contains(&buffered.at()));
        self.punctuate(true)?;
        self.commit()?;
        for at in &gone {
            self.setup.shared.metrics().forget_partition(self.topic_name(*at), at.1);
            self.setup.shared.metrics().forget_log_time(at.1);
            self.slots.remove(at);
            self.paused.remove(at);
        }
        let list = self.list(gone.iter());
        self.consumer.incremental_unassign(&list).map_err(|e| KafkaFailure::of("unassign", &e))?;
        fail_point::hit("after_revoke");
        self.want_ends();
        tracing::info!(stage = self.setup.stage.name, partitions = partitions.len(), "partitions given back");
        Ok(())
    }

    fn list<'p>(&self, partitions: impl Iterator<Item = &'p At>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for at in partitions {
            list.add_partition(self.topic_name(*at), at.1);
        }
        list
    }

    fn want_ends(&self) {
        let mut wanted: BTreeSet<TopicPartition> = BTreeSet::new();
        if self.setup.stage.low_water.is_some() {
            wanted.extend(self.slots.keys().map(|at| (self.topic_name(*at).to_owned(), at.1)));
        }
        for (topic, _) in &self.setup.stage.left_behind {
            wanted.extend(self.slots.values().map(|s| (self.setup.config.topic(topic), s.id.partition)));
        }
        self.setup.ends.want(self.setup.unique, wanted);
    }

    /// Restores the tasks that are not yet, a slice of time each.
    pub(super) fn restore(&mut self) -> Result<(), Failure> {
        let restoring: Vec<At> = self.slots.iter().filter(|(_, s)| s.is_restoring()).map(|(at, _)| *at).collect();
        for at in restoring {
            let (stage, metrics) = (self.setup.stage.metrics, self.setup.shared.metrics());
            let Some(slot) = self.slots.get_mut(&at) else { continue };
            let done = slot.restore(RESTORE_SLICE, |progress| metrics.restoring(stage, progress))?;
            if let Some(took) = done {
                metrics.restored(stage, took);
                if slot.has_lost_its_place() && !self.setup.stage.knows_its_place() {
                    return Err(lost_place(&slot.name(), &self.setup.config.group(self.setup.stage.name)));
                }
                if slot.task.is_full(&slot.id.topic) {
                    self.look_back(at)?;
                }
            }
        }
        Ok(())
    }

    /// Pauses what is restoring or full, and resumes what no longer is.
    pub(super) fn pause_and_resume(&mut self) -> Result<(), Failure> {
        let mut wanted: BTreeSet<At> = BTreeSet::new();
        let leads = self.setup.stage.leads.len();
        for (at, slot) in &self.slots {
            let companions = (leads..self.topics.len()).map(|place| (place, at.1));
            let stopped = |at: &At| {
                slot.is_restoring() || self.topics.get(at.0).is_some_and(|(_, topic)| slot.task.is_full(topic))
            };
            wanted.extend(companions.chain([*at]).filter(stopped));
        }
        if wanted == self.paused {
            return Ok(());
        }
        let pause = self.list(wanted.difference(&self.paused));
        let resume = self.list(self.paused.difference(&wanted));
        self.consumer.pause(&pause).map_err(|e| KafkaFailure::of("pause", &e))?;
        self.consumer.resume(&resume).map_err(|e| KafkaFailure::of("resume", &e))?;
        self.paused = wanted;
        Ok(())
    }
}

fn lost_place(task: &str, group: &str) -> Failure {
    Failure::Stop(format!(
        "{task}: there is state, but no committed offset of the group {group}: it expired (offsets.retention.minutes of the \
         brokers) or was deleted, and from the beginning records would be taken twice; set the group's offsets to where it \
         was with kafka-consumer-groups.sh --reset-offsets, raise offsets.retention.minutes, or start over with a new prefix \
         and a replay"
    ))
}
