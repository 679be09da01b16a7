//! The detectors on their own topics.

use crate::Detect;
use baton_records::Timestamp;
use baton_stream::{Broken, Input, Outbox, Progress, Store, Task, wire};

/// Takes one partition of the log, and writes to the same partition of the signals.
pub struct DetectTask {
    detect: Detect,
    /// A mark is due: the clock of the last record, and the partition.
    unmarked: Option<(Timestamp, i32)>,
}

impl Default for DetectTask {
    fn default() -> Self {
        Self::new()
    }
}

impl DetectTask {
    /// Makes a task that has seen nothing.
    pub fn new() -> Self {
        Self { detect: Detect::new(), unmarked: None }
    }
}

impl Task for DetectTask {
    fn process(&mut self, input: Input<'_>, clock: Timestamp, out: &mut Outbox) -> Result<(), Broken> {
        let place = || format!("interactions/{} at offset {}", input.partition, input.offset);
        let record = wire::read_log_record(input)
            .map_err(|rejection| Broken { what: format!("{} cannot be read: {rejection}", place()) })?;
        self.unmarked = Some((clock, input.partition));
        if record.seq <= self.detect.position() {
            return Ok(());
        }
        for signal in self.detect.due(record.time)? {
            out.write(wire::signal(&signal, record.seq, Some(signal.at), input.partition));
        }
        for signal in self.detect.record(&record)? {
            out.write(wire::signal(&signal, record.seq, None, input.partition));
        }
        self.detect.take_counted().into_iter().for_each(|what| out.count(what));
        Ok(())
    }

    /// Writes one mark for all records since the last one, so that a drained batch costs one.
    fn punctuate(&mut self, _progress: Progress, out: &mut Outbox) -> Result<(), Broken> {
        if let Some((_, partition)) = self.unmarked.take() {
            out.write(wire::progress_mark("detector", self.detect.position(), partition));
        }
        Ok(())
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.unmarked.map(|(clock, _)| clock)
    }

    fn stores(&mut self) -> Vec<&mut dyn Store> {
        self.detect.stores()
    }
}
