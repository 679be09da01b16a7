//! A changelog: what the stores of a stage changed, in numbered batches.
//!
//! Every commit writes one batch with all entries that changed, so that an entry costs a few bytes and no record of its
//! own. A later batch overrides an earlier one. So that old batches can go, a *pass* walks through the stores now and
//! then and writes again what it finds, a piece with every commit: once it has come to the end, nothing that lives
//! stands only in batches from before its beginning, and these are removed.
//!
//! ```text
//! key     number of the batch (8 bytes, big endian)
//! value   format, the pass, then entries:  store (empty: that of the entry before), key, value
//! ```
//! Compaction keeps batches until they are removed, in their order. Numbers have no gaps, so a reader that a compaction
//! overtakes can tell: it read a batch that is removed further on, and one behind it is gone already, with removals of
//! entries that it believes to live ([`Changelog::is_torn`]).

use crate::bytes::{put_bytes, put_number, take_bytes, take_number};
use crate::store::{CorruptEntry, Store};
use baton_records::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Format 1 named the store of each entry.
const FORMAT: u8 = 2;
/// A batch ends when it has so many bytes; one entry may have more.
const BATCH_BYTES: usize = 256 * 1024;
/// A pass begins when the batches have so many times the bytes of what lives …
const GROWTH: u64 = 4;
/// … but not for so few, …
const LEAST_BYTES: u64 = 16 * 1024 * 1024;
/// … or when the last one began so long ago: what was erased must not stay.
const PASS_EVERY: Duration = Duration::from_secs(12 * 3_600);
/// What a pass writes at least with every commit; beyond that as much as has changed.
const PASS_BYTES: usize = 16 * 1024;

/// Takes records of a changelog: the batch's number and its value, none when it is removed.
pub type BatchSink<'a> = dyn FnMut(u64, Option<&[u8]>) + 'a;

/// The walk through the stores that makes old batches superfluous.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Pass {
    /// The first batch that was written since it began.
    first: u64,
    began: i64,
    /// Where it stands, in the order of the stores' names: a name, and the last key; none when it has come to the end.
    at: Option<(String, Vec<u8>)>,
    /// What it has found so far, in bytes; of the last one when none is under way.
    found: u64,
}

/// The changelog of a stage's stores.
#[derive(Debug, Default)]
pub struct Changelog {
    next: u64,
    /// The batches that stand, with their sizes.
    batches: BTreeMap<u64, u64>,
    bytes: u64,
    pass: Pass,
    /// The highest batch that was read and then found to be removed.
    read_in_vain: Option<u64>,
    /// The highest number that was missing when a higher one was read.
    missing: Option<u64>,
}

impl Changelog {
    /// Takes one record of the changelog, in order; returns how many entries it holds.
    ///
    /// # Errors
    /// [`CorruptEntry`] when it cannot be read.
    pub fn restore(
        &mut self,
        number: u64,
        value: Option<&[u8]>,
        stores: &mut [&mut dyn Store],
    ) -> Result<u64, CorruptEntry> {
        let Some(value) = value else {
            if let Some(bytes) = self.batches.remove(&number) {
                self.bytes -= bytes;
                self.read_in_vain = self.read_in_vain.max(Some(number));
            }
            return Ok(0);
        };
        let corrupt = || CorruptEntry { store: "changelog", what: format!("batch {number}") };
        let (pass, mut entries) = read_head(value).ok_or_else(corrupt)?;
        if number > self.next {
            self.missing = Some(number - 1);
        }
        self.pass = pass;
        self.next = number + 1;
        let bytes = value.len() as u64;
        self.bytes += bytes - self.batches.insert(number, bytes).unwrap_or(0);
        let (mut count, mut named) = (0, None);
        while !entries.is_empty() {
            let (name, key, value) = read_entry(&mut entries).ok_or_else(corrupt)?;
            if !name.is_empty() {
                named = Some(stores.iter().position(|s| s.name().as_bytes() == name));
            }
            // A store that this release no longer has is left out.
            if let Some(store) = named.ok_or_else(corrupt)?.and_then(|place| stores.get_mut(place)) {
                store.restore(key, value)?;
            }
            count += 1;
        }
        Ok(count)
    }

    /// Tells whether a compaction overtook the reader, so that all must be read again.
    pub fn is_torn(&self) -> bool {
        self.read_in_vain.is_some_and(|read| self.missing.is_some_and(|missing| missing > read))
    }

    /// Writes what changed since the last call, and a piece of a pass; nothing when nothing changed.
    pub fn write(&mut self, stores: &mut [&mut dyn Store], clock: Timestamp, sink: &mut BatchSink<'_>) {
        let mut batch = Batch::default();
        let mut changed = 0;
        for store in stores.iter_mut() {
            let name = store.name();
            store.drain(&mut |key, value| {
                changed += self.add(&mut batch, name, key, value, sink);
            });
        }
        if changed == 0 {
            return;
        }
        self.walk(stores, changed.max(PASS_BYTES), clock, &mut batch, sink);
        self.end(&mut batch, sink);
    }

    /// Goes on with the pass, or begins one when it is time.
    fn walk(
        &mut self,
        stores: &[&mut dyn Store],
        budget: usize,
        clock: Timestamp,
        batch: &mut Batch,
        sink: &mut BatchSink<'_>,
    ) {
        if self.pass.at.is_none() {
            let old = Timestamp::from_millis(self.pass.began).plus(PASS_EVERY) <= clock;
            if !old && self.bytes < LEAST_BYTES.max(self.pass.found * GROWTH) {
                return;
            }
            let at = Some((String::new(), Vec::new()));
            self.pass = Pass { first: self.next, began: clock.millis(), at, found: 0 };
        }
        let mut left = budget;
        while left > 0
            && let Some((name, after)) = self.pass.at.clone()
        {
            let Some(store) = stores.iter().filter(|s| s.name() >= name.as_str()).min_by_key(|s| s.name()) else {
                self.pass.at = None;
                return self.retire(sink);
            };
            let after = if store.name() == name { after } else { Vec::new() };
            let mut given = 0;
            let last = store.sweep(&after, left, &mut |key, value| {
                given += self.add(batch, store.name(), key, value, sink);
            });
            self.pass.found += given as u64;
            left = left.saturating_sub(given);
            // The name that comes behind this one.
            self.pass.at =
                Some(last.map_or_else(
                    || (format!("{}\0", store.name()), Vec::new()),
                    |last| (store.name().to_owned(), last),
                ));
        }
    }

    /// Removes the batches from before the pass.
    fn retire(&mut self, sink: &mut BatchSink<'_>) {
        let stay = self.batches.split_off(&self.pass.first);
        for (number, bytes) in std::mem::replace(&mut self.batches, stay) {
            self.bytes -= bytes;
            sink(number, None);
        }
    }

    /// Adds an entry, behind the end of a batch that it does not fit into; returns its size.
    fn add(
        &mut self,
        batch: &mut Batch,
        store: &'static str,
        key: &[u8],
        value: Option<&[u8]>,
        sink: &mut BatchSink<'_>,
    ) -> usize {
        if batch.entries.len() + key.len() + value.map_or(0, <[u8]>::len) > BATCH_BYTES {
            self.end(batch, sink);
        }
        batch.add(store, key, value)
    }

    /// Writes a batch with its number.
    fn end(&mut self, batch: &mut Batch, sink: &mut BatchSink<'_>) {
        if batch.entries.is_empty() {
            return;
        }
        let mut value = Vec::with_capacity(batch.entries.len() + 64);
        write_head(&self.pass, &mut value);
        value.append(&mut batch.entries);
        batch.store = "";
        sink(self.next, Some(&value));
        self.batches.insert(self.next, value.len() as u64);
        self.bytes += value.len() as u64;
        self.next += 1;
    }
}

/// Entries on their way into a record.
#[derive(Debug, Default)]
struct Batch {
    entries: Vec<u8>,
    /// The store of the last entry; empty at the beginning.
    store: &'static str,
}

impl Batch {
    /// Adds an entry and returns its size.
    fn add(&mut self, store: &'static str, key: &[u8], value: Option<&[u8]>) -> usize {
        let before = self.entries.len();
        let name = if store == self.store { "" } else { store };
        self.store = store;
        put_short(name.as_bytes(), &mut self.entries);
        put_bytes(key, &mut self.entries);
        match value {
            Some(value) => {
                self.entries.push(1);
                put_bytes(value, &mut self.entries);
            }
            None => self.entries.push(0),
        }
        self.entries.len() - before
    }
}

fn put_short(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(bytes.len() as u8);
    out.extend_from_slice(bytes);
}

fn take_short<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = from.split_first()?;
    let (bytes, rest) = rest.split_at_checked(usize::from(*length))?;
    *from = rest;
    Some(bytes)
}

fn write_head(pass: &Pass, out: &mut Vec<u8>) {
    out.push(FORMAT);
    for number in [pass.first.cast_signed(), pass.began, pass.found.cast_signed()] {
        put_number(number, out);
    }
    match &pass.at {
        Some((name, key)) => {
            out.push(1);
            put_short(name.as_bytes(), out);
            put_bytes(key, out);
        }
        None => out.push(0),
    }
}

fn read_head(mut from: &[u8]) -> Option<(Pass, &[u8])> {
    let (format, rest) = from.split_first()?;
    from = rest;
    if *format != FORMAT {
        return None;
    }
    let (first, began, found) = (take_number(&mut from)?, take_number(&mut from)?, take_number(&mut from)?);
    let (under_way, rest) = from.split_first()?;
    from = rest;
    let at = if *under_way == 0 {
        None
    } else {
        let name = std::str::from_utf8(take_short(&mut from)?).ok()?;
        Some((name.to_owned(), take_bytes(&mut from)?.to_vec()))
    };
    Some((Pass { first: first.cast_unsigned(), began, at, found: found.cast_unsigned() }, from))
}

/// An entry as it stands in a batch: the store's name, the key, the value unless it was removed.
type RawEntry<'a> = (&'a [u8], &'a [u8], Option<&'a [u8]>);

fn read_entry<'a>(from: &mut &'a [u8]) -> Option<RawEntry<'a>> {
    let (store, key) = (take_short(from)?, take_bytes(from)?);
    let (lives, rest) = from.split_first()?;
    *from = rest;
    let value = if *lives == 0 { None } else { Some(take_bytes(from)?) };
    Some((store, key, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;
    use proptest::prelude::*;

    type Records = Vec<(u64, Option<Vec<u8>>)>;

    /// Two stores and the topic that their changelog stands in.
    struct Stage {
        numbers: Table<u64, u32>,
        texts: Table<u64, String>,
        log: Changelog,
        topic: Records,
        clock: Timestamp,
    }

    impl Stage {
        fn new() -> Self {
            let clock = Timestamp::from_millis(1_000_000_000);
            let (numbers, texts) = (Table::new("stage.numbers"), Table::new("stage.texts"));
            Self { numbers, texts, log: Changelog::default(), topic: Vec::new(), clock }
        }

        fn commit(&mut self) {
            let topic = &mut self.topic;
            let mut sink = |number: u64, value: Option<&[u8]>| topic.push((number, value.map(<[u8]>::to_vec)));
            self.log.write(&mut [&mut self.numbers, &mut self.texts], self.clock, &mut sink);
        }

        /// Keeps the newest record of each number, as compaction does; without its tombstones after a day.
        fn compact(&mut self, tombstones: bool) {
            let all = std::mem::take(&mut self.topic);
            let newest: BTreeMap<u64, usize> = all.iter().enumerate().map(|(i, (number, _))| (*number, i)).collect();
            let kept = all.into_iter().enumerate().filter(|(i, (number, _))| newest.get(number) == Some(i));
            self.topic = kept.map(|(_, record)| record).filter(|(_, value)| tombstones || value.is_some()).collect();
        }

        fn restart(&mut self) {
            let mut new = Self { topic: std::mem::take(&mut self.topic), clock: self.clock, ..Self::new() };
            for (number, value) in &new.topic {
                let mut stores: [&mut dyn Store; 2] = [&mut new.texts, &mut new.numbers];
                new.log.restore(*number, value.as_deref(), &mut stores).unwrap();
            }
            assert!(!new.log.is_torn());
            assert!(new.numbers.iter().eq(self.numbers.iter()));
            assert!(new.texts.iter().eq(self.texts.iter()));
            *self = new;
        }

        fn bytes(&self) -> usize {
            self.topic.iter().map(|(_, value)| value.as_ref().map_or(0, Vec::len)).sum()
        }
    }

    #[test]
    fn a_commit_without_changes_writes_nothing() {
        let mut stage = Stage::new();
        stage.commit();
        assert!(stage.topic.is_empty());
        stage.numbers.put(1, 2);
        stage.commit();
        stage.commit();
        assert_eq!(stage.topic.len(), 1);
    }

    #[test]
    fn a_batch_of_another_format_or_without_its_first_name_is_refused() {
        let mut stage = Stage::new();
        stage.numbers.put(1, 1);
        stage.commit();
        let value = stage.topic[0].1.clone().unwrap();
        let restored = |value: &[u8]| {
            let mut numbers = Table::<u64, u32>::new("stage.numbers");
            Changelog::default().restore(0, Some(value), &mut [&mut numbers])
        };
        assert_eq!(restored(&value), Ok(2), "the change, and the pass that begins with it");
        let mut older = value.clone();
        older[0] -= 1;
        assert_eq!(restored(&older).unwrap_err().what, "batch 0");
        let name = value.windows(13).position(|bytes| bytes == b"stage.numbers").unwrap();
        let mut nameless = value;
        nameless.splice(name - 1..name + 13, [0]);
        assert_eq!(restored(&nameless).unwrap_err().what, "batch 0");
    }

    #[test]
    fn large_changes_are_parted_and_a_larger_entry_stands_alone() {
        let mut stage = Stage::new();
        for key in 0..40 {
            stage.texts.put(key, "x".repeat(if key == 20 { 3 * BATCH_BYTES } else { 20_000 }));
        }
        stage.commit();
        assert!((5..20).contains(&stage.topic.len()), "{} records", stage.topic.len());
        assert!(stage.topic.iter().all(|(_, v)| v.as_ref().is_none_or(|v| v.len() < 4 * BATCH_BYTES)));
        stage.restart();
        assert_eq!(stage.texts.len(), 40);
    }

    #[test]
    fn what_is_changed_again_and_again_does_not_fill_the_topic() {
        let mut stage = Stage::new();
        for key in 0..200 {
            stage.texts.put(key, format!("{key}:{}", "x".repeat(50_000)));
        }
        let mut most = 0;
        for round in 0_u32..2_000 {
            stage.texts.put(u64::from(round % 7), "y".repeat(50_000));
            stage.commit();
            if round % 200 == 0 {
                stage.compact(true);
                most = most.max(stage.bytes());
            }
        }
        let lives = 200 * 50_000;
        assert!((2 * lives..7 * lives).contains(&most), "{most} bytes for {lives} that live");
        stage.restart();
    }

    #[test]
    fn what_was_removed_is_gone_from_the_topic_after_a_day_even_when_little_else_changes() {
        let mut stage = Stage::new();
        (0..100).for_each(|key| stage.texts.put(key, format!("secret {key} {}", "x".repeat(2_000))));
        stage.commit();
        stage.texts.remove(&50);
        for minute in 0..24 * 60 {
            stage.clock = Timestamp::from_millis(1_000_000_000 + minute * 60_000);
            stage.numbers.put(1, u32::try_from(minute).unwrap());
            stage.commit();
        }
        stage.compact(true);
        let holds = |text: &str| {
            let found = |v: &Vec<u8>| v.windows(text.len()).any(|w| w == text.as_bytes());
            stage.topic.iter().any(|(_, value)| value.as_ref().is_some_and(found))
        };
        assert!(holds("secret 49") && !holds("secret 50"));
        stage.restart();
    }

    #[test]
    fn a_reader_that_compaction_overtakes_can_tell() {
        let mut stage = Stage::new();
        stage.numbers.put(1, 1);
        stage.commit();
        stage.numbers.remove(&1);
        stage.numbers.put(2, 1);
        stage.commit();
        let before = stage.topic.clone();
        stage.clock = stage.clock.plus(PASS_EVERY);
        stage.numbers.put(3, 1);
        stage.commit();
        stage.compact(true);
        let mut reader = Stage::new();
        let overtaken = before.iter().take(1).chain(stage.topic.iter());
        for (number, value) in overtaken {
            let mut stores: [&mut dyn Store; 2] = [&mut reader.texts, &mut reader.numbers];
            reader.log.restore(*number, value.as_deref(), &mut stores).unwrap();
        }
        assert_eq!(reader.numbers.get(&1), Some(&1), "it believes that this lives");
        assert!(reader.log.is_torn());
        stage.restart();
    }

    #[test]
    fn a_batch_that_cannot_be_read_is_named() {
        let mut stage = Stage::new();
        stage.numbers.put(1, 1);
        stage.commit();
        let (_, value) = stage.topic.pop().unwrap();
        let value = value.unwrap();
        for cut in 0..value.len() {
            let read = Changelog::default().restore(7, value.get(..cut), &mut [&mut stage.numbers]);
            // Between two entries it looks like a shorter batch.
            match read {
                Ok(entries) => assert!(entries < 2, "{cut}"),
                Err(error) => {
                    assert!(error.to_string().contains("batch 7") || error.store == "stage.numbers", "{error}")
                }
            }
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Number(u64, u32),
        Text(u64, usize),
        Remove(u64),
        Commit,
        Hours(i64),
        Compact(bool),
        Restart,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let key = 0_u64..12;
        let step = prop_oneof![
            3 => (key.clone(), any::<u32>()).prop_map(|(k, v)| Step::Number(k, v)),
            3 => (key.clone(), 0_usize..9_000).prop_map(|(k, v)| Step::Text(k, v)),
            2 => key.prop_map(Step::Remove),
            4 => Just(Step::Commit),
            1 => (1_i64..14).prop_map(Step::Hours),
            1 => any::<bool>().prop_map(Step::Compact),
            1 => Just(Step::Restart),
        ];
        proptest::collection::vec(step, 0..120)
    }

    proptest! {
        #[test]
        fn restoring_gives_the_stores_whatever_was_compacted(steps in steps()) {
            let mut stage = Stage::new();
            for step in steps {
                match step {
                    Step::Number(k, v) => stage.numbers.put(k, v),
                    Step::Text(k, v) => stage.texts.put(k, "t".repeat(v)),
                    Step::Remove(k) => {
                        stage.numbers.remove(&k);
                        stage.texts.remove(&k);
                    }
                    Step::Commit => stage.commit(),
                    Step::Hours(hours) => stage.clock = stage.clock.plus(Duration::from_secs(hours.cast_unsigned() * 3_600)),
                    Step::Compact(tombstones) => stage.compact(tombstones),
                    Step::Restart => {
                        stage.commit();
                        stage.restart();
                    }
                }
            }
            stage.commit();
            stage.restart();
        }
    }
}
