//! Gives tasks what another layout left unfinished, before they take anything of their lead.

use super::time::NO_INPUT;
use super::{At, Thread};
use crate::client::TopicPartition;
use crate::clock;
use crate::error::{Failure, KafkaFailure};
use crate::reader::Reader;
use crate::slot::{Slot, committed_of};
use baton_stream::{Task, Topic};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long to read before the group is served again.
const SLICE: Duration = Duration::from_millis(200);

/// What another layout left to one task.
pub struct Rest {
    reader: Reader,
    /// The topics, with their names on the cluster; whether the task wants no more of one for now.
    topics: BTreeMap<String, (Topic, Held)>,
    partition: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    No,
    Yes,
}

impl Rest {
    /// Returns how many offsets remain.
    pub fn remaining(&self) -> u64 {
        self.reader.progress().1
    }

    /// Reads no further in a topic that the task is full of, and goes on where it no longer is.
    fn hold(&mut self, task: &dyn Task) -> Result<(), KafkaFailure> {
        for (name, (topic, held)) in &mut self.topics {
            let at: TopicPartition = (name.clone(), self.partition);
            match (task.is_full(topic), &held) {
                (true, Held::No) => (*held, ()) = (Held::Yes, self.reader.pause(&at)?),
                (false, Held::Yes) => (*held, ()) = (Held::No, self.reader.resume(&at)?),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Thread<'_> {
    /// Looks what another layout left to a task that has just been restored.
    pub(super) fn look_back(&mut self, at: At) -> Result<(), Failure> {
        let setup = self.setup;
        let mut from: Vec<(TopicPartition, i64)> = Vec::new();
        for (topic, owners) in &setup.stage.left_behind {
            let place = (setup.config.topic(topic), at.1);
            let mut lowest: Option<i64> = None;
            for owner in owners {
                let committed = committed_of(&setup.config, owner, &place)?;
                lowest = Some(lowest.map_or(committed, |l| l.min(committed)));
            }
            from.push((place, lowest.unwrap_or(0)));
        }
        if from.is_empty() {
            return Ok(());
        }
        let reader = Reader::open(&setup.config, &from)?;
        let named = |(topic, _): &(Topic, _)| (setup.config.topic(topic), (topic.clone(), Held::No));
        let topics = setup.stage.left_behind.iter().map(named).collect();
        if let Some(slot) = self.slots.get_mut(&at) {
            slot.rest = Some(Rest { reader, topics, partition: at.1 });
        }
        Ok(())
    }

    /// Gives each task a slice of what was left to it.
    pub(super) fn catch_up(&mut self) -> Result<(), Failure> {
        let behind: Vec<At> = self.slots.iter().filter(|(_, s)| s.rest.is_some()).map(|(at, _)| *at).collect();
        for at in behind {
            let Some(mut rest) = self.slots.get_mut(&at).and_then(|slot| slot.rest.take()) else { continue };
            self.take_slice(at, &mut rest)?;
            let Some(slot) = self.slots.get_mut(&at) else { continue };
            if !slot.task.is_full(&slot.id.topic) {
                let records = rest.reader.progress().0;
                tracing::info!(task = %slot.name(), records, "task caught up with the other layout");
            } else if rest.reader.is_caught_up() {
                return Err(falls_short(slot));
            } else {
                slot.rest = Some(rest);
            }
        }
        Ok(())
    }

    fn take_slice(&mut self, at: At, rest: &mut Rest) -> Result<(), Failure> {
        let started = Instant::now();
        let interval = self.setup.config.commit_interval;
        while started.elapsed() < SLICE && !(self.producer.is_open() && self.began.elapsed() > interval) {
            let Some(slot) = self.slots.get_mut(&at) else { return Ok(()) };
            if rest.reader.is_caught_up() || !slot.task.is_full(&slot.id.topic) {
                return Ok(());
            }
            rest.hold(&*slot.task)?;
            let Some(record) = rest.reader.next(Duration::from_millis(10))? else { continue };
            let Some((topic, _)) = rest.topics.get(record.topic()) else { continue };
            if !self.producer.is_open() {
                self.began = Instant::now();
                self.producer.begin()?;
            }
            slot.touched = true;
            slot.task.process(record.input(topic), clock::now(), &mut self.outbox)?;
            self.substantial = true;
            self.flush(NO_INPUT)?;
        }
        Ok(())
    }
}

fn falls_short(slot: &Slot) -> Failure {
    Failure::Stop(format!(
        "{}: the log and the signals end before what the stores have seen; restore the topics, or start over with a new \
         prefix and a replay",
        slot.name()
    ))
}
