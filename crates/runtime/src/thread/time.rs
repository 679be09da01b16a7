//! Tells tasks that time passes, and writes low-water marks.

use super::{At, Buffered, MARKS, Thread};
use crate::clock;
use crate::error::Failure;
use crate::slot::Slot;
use crate::stage::LowWaterMarks;
use baton_records::Timestamp;
use baton_stream::Unread;
use std::collections::BTreeMap;
use std::time::Instant;

/// Outputs that no input caused.
pub const NO_INPUT: usize = usize::MAX;

impl Thread<'_> {
    /// Takes what the asking thread has learnt of partitions' ends.
    pub(super) fn learn_ends(&mut self) {
        let ends = &self.setup.ends;
        if self.setup.stage.low_water.is_some() {
            for (at, slot) in &mut self.slots {
                let name = self.topics.get(at.0).map_or("", |(name, _)| name);
                if let Some(end) = ends.of(name, at.1) {
                    slot.learn_end(end);
                }
            }
        }
        if self.wrote_companions {
            return;
        }
        // All that is below an end that was asked for since the last commit is ours and committed, as long as the open
        // transaction holds none of it.
        for (topic, _) in &self.setup.stage.left_behind {
            let name = self.setup.config.topic(topic);
            for slot in self.slots.values().filter(|s| !s.is_restoring() && !s.task.is_full(&s.id.topic)) {
                if let Some(end) = ends.of(&name, slot.id.partition).filter(|e| e.asked > self.last_commit_clock) {
                    self.hints.insert((name.clone(), slot.id.partition), end.offset);
                }
            }
        }
    }

    fn unread(&self) -> BTreeMap<At, Unread> {
        let mut unread: BTreeMap<At, Unread> = BTreeMap::new();
        for buffered in &self.buffer {
            let Buffered::Record(at, record) = buffered else { continue };
            let time = Timestamp::from_millis(record.timestamp());
            unread.entry(*at).and_modify(|u| *u = u.and(time)).or_insert(Unread { next: time, lowest: time });
        }
        unread
    }

    /// Punctuates the tasks whose time has come; before a commit those that wait for it.
    pub(super) fn punctuate(&mut self, before_commit: bool) -> Result<(), Failure> {
        let now = clock::now();
        let all = !before_commit && self.low_water_due();
        let due = |slot: &Slot| !slot.is_restoring() && (all || slot.task.wake_at().is_some_and(|wake| wake <= now));
        let due: Vec<At> = self.slots.iter().filter(|(_, s)| due(s)).map(|(at, _)| *at).collect();
        if due.is_empty() {
            return Ok(());
        }
        let unread = if self.setup.stage.low_water.is_some() { self.unread() } else { BTreeMap::new() };
        for at in due {
            let Some(slot) = self.slots.get_mut(&at) else { continue };
            let progress = slot.progress(now, unread.get(&at).copied());
            slot.task.punctuate(progress, &mut self.outbox)?;
            slot.touched = true;
            self.flush(NO_INPUT)?;
        }
        Ok(())
    }

    fn low_water_due(&self) -> bool {
        self.setup.stage.low_water.is_some()
            && !self.slots.is_empty()
            && self.last_low_water.is_none_or(|last| last.elapsed() >= MARKS)
    }

    /// Writes this thread's low-water marks.
    pub(super) fn low_water(&mut self) -> Result<(), Failure> {
        let Some(make) = self.setup.stage.low_water.clone().filter(|_| self.low_water_due()) else { return Ok(()) };
        self.last_low_water = Some(Instant::now());
        let (epoch, sources) = self.setup.shared.sources();
        let running = self.slots.iter().filter(|(_, slot)| !slot.is_restoring());
        let marks = running
            .filter_map(|(at, slot)| Some((format!("{}/{}", self.topic_name(*at), at.1), slot.task.low_water()?)))
            .collect();
        let marks = LowWaterMarks { epoch, sources, marks };
        self.outbox.records.extend(make(&marks, &self.setup.partitions));
        self.flush(NO_INPUT)
    }
}
