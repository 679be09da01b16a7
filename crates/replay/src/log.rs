//! Replays the sequenced log: score, detect and decide over what *sequence* wrote, one set of stages a partition.

use crate::ReplayLine;
use crate::replay::{Options, Place, Pushed, ReplayError};
use baton_pipeline::{Said, Stages};
use baton_policy::Policy;
use baton_records::{Entry, Id, LogRecord, Timestamp};
use baton_stream::{Header, Input, Outbox, Output, Topic, wire};
use std::collections::BTreeMap;

struct Partition {
    stages: Stages,
    /// Number and time of the last record, as *sequence* gave them.
    last: (u64, Timestamp),
    /// The number that the stages see; it runs ahead of the log's by the policy that was put before it.
    taken: u64,
    has_policy: bool,
}

/// A replay of the log.
pub(crate) struct LogReplay {
    partitions: BTreeMap<i32, Partition>,
    policy: Option<(Id, Id)>,
    until: Option<Timestamp>,
    prefix: Id,
    out: Outbox,
}

impl LogReplay {
    pub(crate) fn new(options: &Options) -> Result<Self, ReplayError> {
        let policy = options.policy.as_ref().map(versioned).transpose()?;
        let Options { until, prefix, .. } = options.clone();
        Ok(Self { partitions: BTreeMap::new(), policy, until, prefix, out: Outbox::default() })
    }

    pub(crate) fn push(
        &mut self,
        place: Place,
        line: &ReplayLine,
        emit: &mut dyn FnMut(Output, Timestamp),
    ) -> Result<Pushed, ReplayError> {
        if self.until.is_some_and(|until| line.timestamp > until) {
            return Ok(Pushed::AfterUntil);
        }
        let number = line.partition.unwrap_or(0);
        let partition = self.partitions.entry(number).or_insert_with(|| Partition {
            stages: Stages::new(number),
            last: (0, Timestamp::MIN),
            taken: 0,
            has_policy: false,
        });
        let record = read(place, line, partition.last.0 + 1)?;
        // Files that overlap give a record twice.
        if record.seq <= partition.last.0 {
            return Ok(Pushed::Taken);
        }
        if record.time < partition.last.1 {
            return Err(ReplayError::Log { place, why: "its time is before that of the record before it".to_owned() });
        }
        partition.last = (record.seq, record.time);
        if let Some((version, text)) = self.policy.clone().filter(|_| !partition.has_policy) {
            partition.take(record.time, Entry::Policy { version, text }, &mut self.out)?;
        }
        let entry = match record.entry {
            // Another policy is in force throughout; the number must stay taken.
            Entry::Policy { .. } if self.policy.is_some() => Entry::Mark,
            Entry::Interaction(_) if !partition.has_policy => {
                return Err(ReplayError::NoPolicy { place, prefix: self.prefix.clone() });
            }
            entry => entry,
        };
        partition.take(record.time, entry, &mut self.out)?;
        flush(&mut self.out, record.time, emit);
        Ok(Pushed::Taken)
    }

    pub(crate) fn finish(&mut self, emit: &mut dyn FnMut(Output, Timestamp)) -> Result<(), ReplayError> {
        let Some(until) = self.until else { return Ok(()) };
        for partition in self.partitions.values_mut() {
            partition.take(until, Entry::Mark, &mut self.out)?;
            flush(&mut self.out, until, emit);
        }
        Ok(())
    }
}

impl Partition {
    fn take(&mut self, time: Timestamp, entry: Entry, out: &mut Outbox) -> Result<(), ReplayError> {
        self.has_policy |= matches!(entry, Entry::Policy { .. });
        self.taken += 1;
        let record = LogRecord { seq: self.taken, time, entry };
        Ok(self.stages.record(&record, Said::default(), out)?)
    }
}

/// Reads the record; without a number of its own it gets the next one.
fn read(place: Place, line: &ReplayLine, next: u64) -> Result<LogRecord, ReplayError> {
    let mut headers = line.headers.clone();
    if !headers.iter().any(|h| h.name == "baton-seq") {
        headers.push(Header::new("baton-seq", next.to_string()));
    }
    let input = Input {
        topic: &Topic::Interactions,
        partition: line.partition.unwrap_or(0),
        offset: place.line,
        timestamp: line.timestamp,
        key: line.key.as_deref(),
        value: line.value.as_deref(),
        headers: &headers,
    };
    wire::read_log_record(input).map_err(|rejection| ReplayError::Log { place, why: rejection.to_string() })
}

/// Returns the version of a policy, and its text.
pub(crate) fn versioned(text: &Id) -> Result<(Id, Id), ReplayError> {
    match Policy::parse(text) {
        Ok(policy) => Ok((Id::from(policy.version.to_string()), text.clone())),
        Err(problems) => {
            Err(ReplayError::Policy(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
        }
    }
}

fn flush(out: &mut Outbox, clock: Timestamp, emit: &mut dyn FnMut(Output, Timestamp)) {
    out.counted.clear();
    for output in out.records.drain(..) {
        emit(output, clock);
    }
}
