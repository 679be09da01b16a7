//! Gives records to tasks, and what they give out to the producer.

use super::time::NO_INPUT;
use super::{At, Buffered, Thread, Verdict};
use crate::client::Fetched;
use crate::clock;
use crate::error::{Failure, KafkaFailure};
use crate::fail_point;
use crate::producer::SendError;
use baton_records::{Reason, Rejection, Timestamp};
use baton_stream::{Counted, wire};
use rdkafka::error::RDKafkaErrorCode;
use std::collections::BTreeMap;
use std::time::Instant;

impl Thread<'_> {
    /// Takes what was polled, until a commit is due.
    pub(super) fn take_all(&mut self) -> Result<(), Failure> {
        let now = clock::now();
        while let Some(buffered) = self.buffer.pop_front() {
            match buffered {
                Buffered::Record(at, record) => self.take(at, &record, now)?,
                Buffered::End(at, offset) => {
                    if let Some(slot) = self.slots.get_mut(&at) {
                        slot.moved_to(offset, now);
                    }
                }
            }
            if self.producer.is_open() && self.began.elapsed() > self.setup.config.commit_interval {
                break;
            }
        }
        Ok(())
    }

    /// Returns the task that a partition belongs to: a companion's is that of the lead's partition of its number.
    fn owner(&self, at: At) -> Option<At> {
        if at.0 < self.setup.stage.leads.len() {
            return Some(at);
        }
        self.slots.keys().find(|lead| lead.1 == at.1).copied()
    }

    fn take(&mut self, at: At, record: &Fetched, now: Timestamp) -> Result<(), Failure> {
        match self.poison.get(&(at, record.offset())).copied() {
            None => self.give(at, record, now, None),
            Some(verdict) => {
                self.commit()?;
                self.give(at, record, now, Some(verdict))?;
                self.commit()?;
                self.poison.remove(&(at, record.offset()));
                Ok(())
            }
        }
    }

    fn give(&mut self, at: At, record: &Fetched, now: Timestamp, verdict: Option<Verdict>) -> Result<(), Failure> {
        let owner = self.owner(at);
        let Some((_, topic)) = self.topics.get(at.0) else { return Ok(()) };
        let Some(slot) = owner.and_then(|owner| self.slots.get_mut(&owner)) else { return Ok(()) };
        if !self.producer.is_open() {
            self.began = Instant::now();
            self.producer.begin()?;
        }
        let input = record.input(topic);
        self.substantial |= input.header(wire::MARK).is_none();
        slot.touched = true;
        if verdict == Some(Verdict::Guilty) {
            let rejection = Rejection::new(Reason::ProcessingFailed, "");
            self.outbox.write(wire::dead_letter(&input, &rejection, self.setup.stage.name));
        } else {
            slot.task.process(input, now, &mut self.outbox)?;
        }
        slot.took(topic, record.offset() + 1, input.timestamp, now);
        self.inputs.push((at, record.offset()));
        self.flush(self.inputs.len() - 1)
    }

    /// Sends what the tasks gave out; `input` is the number of the input that caused it.
    pub(super) fn flush(&mut self, input: usize) -> Result<(), Failure> {
        for counted in self.outbox.counted.drain(..) {
            if let Counted::Handed(handed) = &counted {
                self.arrivals.push(handed.arrival);
            }
            self.counters.count(counted);
        }
        if self.outbox.records.is_empty() {
            return Ok(());
        }
        if !self.producer.is_open() {
            self.began = Instant::now();
            self.producer.begin()?;
        }
        let mut records = std::mem::take(&mut self.outbox.records);
        for output in records.drain(..) {
            self.substantial |= !output.headers.iter().any(|h| h.name == wire::MARK);
            self.wrote_companions |= self.setup.stage.left_behind.iter().any(|(topic, _)| *topic == output.topic);
            match self.producer.send(&self.setup.config, &output, input) {
                Ok(()) => {}
                Err(SendError::Failed(failure)) => return Err(failure.into()),
                Err(SendError::Refused) => {
                    let name = self.setup.config.topic(&output.topic);
                    return Err(self.refused(input, &name));
                }
            }
        }
        // The allocation serves the next record.
        self.outbox.records = records;
        fail_point::hit("after_produce");
        Ok(())
    }

    /// Returns what follows from a refusal of what came of this input, if one is known.
    fn refused(&mut self, input: usize, refusing: &str) -> Failure {
        let mend = "look at max.message.bytes and message.timestamp.after.max.ms of the topic and the brokers";
        let Some((at, offset)) = self.inputs.get(input).copied().filter(|_| input != NO_INPUT) else {
            return Failure::Stop(format!("{refusing} refuses a record that no input caused; {mend}"));
        };
        let (topic, partition) = (self.topic_name(at).to_owned(), at.1);
        let verdict = match self.poison.get(&(at, offset)) {
            None => Verdict::Suspect,
            Some(Verdict::Suspect) if self.may_be_left_out(at) => Verdict::Guilty,
            Some(_) => {
                return Failure::Stop(format!(
                    "{refusing} refuses a record that came of {topic}/{partition} offset {offset}, which cannot be left \
                     out; {mend}"
                ));
            }
        };
        tracing::error!(topic, partition, offset, refusing, ?verdict, "the broker refuses what comes of this record");
        self.poison.insert((at, offset), verdict);
        KafkaFailure::new("produce", RDKafkaErrorCode::MessageSizeTooLarge, false).into()
    }

    /// Tells whether a record may go to dead letters in place of what comes of it. The log may not have holes; and of a
    /// companion comes what was waiting for it, too.
    fn may_be_left_out(&self, at: At) -> bool {
        at.0 < self.setup.stage.leads.len() && !self.setup.stage.knows_its_place()
    }

    /// Remembers the inputs whose outputs the broker refused after they were sent; returns what stops the thread.
    pub(super) fn note_refusals(&mut self) -> Option<Failure> {
        let refused = self.producer.refused();
        // What no input caused may just have stood beside what one did.
        let caused = refused.iter().any(|(input, _)| *input != NO_INPUT);
        let mut inputs: BTreeMap<usize, String> = BTreeMap::new();
        inputs.extend(refused.into_iter().filter(|(input, _)| !caused || *input != NO_INPUT));
        let failures = inputs.into_iter().map(|(input, topic)| self.refused(input, &topic));
        failures.filter(|failure| matches!(failure, Failure::Stop(_))).last()
    }
}
