//! Merges the log with what scorer and detector say of it, by number.

use baton_records::{LogRecord, Signal, SignalKind, Timestamp};
use baton_stream::wire::SignalRecord;
use std::collections::{BTreeMap, VecDeque};

/// Log records that wait for their signals, at most; more are not fetched.
const MAX_RECORDS: usize = 4_096;
/// Signals that wait for their log records; beyond it none are fetched, unless the next record waits for a mark that
/// stands behind them.
const MAX_SIGNALS: usize = 16_384;

/// A log record with all that belongs to it.
#[derive(Debug)]
pub(crate) struct Merged {
    pub record: LogRecord,
    /// Deadlines that fired before it.
    pub deadlines: Vec<Signal>,
    /// Signals about it, the scorer's before the detector's.
    pub signals: Vec<Signal>,
}

/// The newest progress mark of a stage.
#[derive(Debug, Clone, Copy, Default)]
struct Passed {
    seq: u64,
    offset: i64,
}

#[derive(Debug, Default)]
struct Held {
    /// The lowest offset among them.
    from: i64,
    signals: Vec<(Option<Timestamp>, Signal)>,
}

/// What was read and not yet decided. All of it is in memory only and read again after a restart.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    /// Number of the last record that was given out.
    position: u64,
    records: VecDeque<(i64, LogRecord)>,
    signals: BTreeMap<u64, Held>,
    held: usize,
    scorer: Passed,
    detector: Passed,
}

/// A record of the log does not follow the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The number that should have come.
    pub wanted: u64,
    /// The number that came.
    pub came: u64,
}

impl Merge {
    /// Makes one that goes on behind a record that was decided.
    pub fn behind(position: u64) -> Self {
        Self { position, ..Self::default() }
    }

    /// Takes a record of the log; one that was taken before is skipped.
    pub fn record(&mut self, record: LogRecord, offset: i64) -> Result<(), Gap> {
        let last = self.records.back().map_or(self.position, |(_, record)| record.seq);
        if record.seq <= last {
            return Ok(());
        }
        if record.seq > last + 1 {
            return Err(Gap { wanted: last + 1, came: record.seq });
        }
        self.records.push_back((offset, record));
        Ok(())
    }

    /// Takes a record of the signals.
    pub fn signal(&mut self, record: SignalRecord, offset: i64) {
        match record {
            SignalRecord::Signal { signal, seq, deadline } if seq > self.position => {
                let held = self.signals.entry(seq).or_insert_with(|| Held { from: offset, signals: Vec::new() });
                held.signals.push((deadline, *signal));
                self.held += 1;
            }
            SignalRecord::Signal { .. } => {}
            SignalRecord::Progress { who, seq } => {
                let passed = if who == "scorer" { &mut self.scorer } else { &mut self.detector };
                if seq > passed.seq {
                    *passed = Passed { seq, offset };
                }
            }
        }
    }

    /// Returns the next record that scorer and detector have both passed.
    pub fn next(&mut self) -> Option<Merged> {
        let passed = self.passed();
        self.records.front().filter(|(_, record)| record.seq <= passed)?;
        let (_, record) = self.records.pop_front()?;
        self.position = record.seq;
        let (mut deadlines, mut signals, mut detected) = (Vec::new(), Vec::new(), Vec::new());
        let held = self.signals.remove(&record.seq).unwrap_or_default();
        self.held -= held.signals.len();
        for (deadline, signal) in held.signals {
            match (deadline, signal.kind) {
                (Some(_), _) => deadlines.push(signal),
                (None, SignalKind::Anomaly | SignalKind::Absence) => detected.push(signal),
                (None, _) => signals.push(signal),
            }
        }
        signals.append(&mut detected);
        Some(Merged { record, deadlines, signals })
    }

    /// Returns the lowest offset of the log that is held.
    pub fn records_from(&self) -> Option<i64> {
        self.records.front().map(|(offset, _)| *offset)
    }

    /// Returns the lowest offset of the signals that is held; a mark is while it is about records to come.
    pub fn signals_from(&self) -> Option<i64> {
        let marks = [self.scorer, self.detector].into_iter().filter(|passed| passed.seq > self.position);
        let held = self.signals.values().map(|held| held.from).min();
        marks.map(|passed| passed.offset).chain(held).min()
    }

    /// Tells whether no more log records should be fetched.
    pub fn is_full_of_records(&self) -> bool {
        self.records.len() >= MAX_RECORDS
    }

    /// Tells whether no more signals should be fetched.
    pub fn is_full_of_signals(&self) -> bool {
        let waits_for_mark = self.records.front().is_some_and(|(_, record)| record.seq > self.passed());
        self.held >= MAX_SIGNALS && !waits_for_mark
    }

    fn passed(&self) -> u64 {
        self.scorer.seq.min(self.detector.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_records::Entry;
    use proptest::prelude::*;

    fn record(seq: u64) -> LogRecord {
        LogRecord { seq, time: Timestamp::from_millis(0), entry: Entry::Mark }
    }

    fn signal(kind: SignalKind, name: &str, seq: u64, deadline: Option<i64>) -> SignalRecord {
        let signal = Signal {
            signal_id: name.into(),
            account_id: "acme".into(),
            kind,
            name: name.into(),
            score: 1.0,
            value: 1.0,
            expected: None,
            threshold: 0.5,
            sentence: None,
            subject: None,
            quiet: false,
            event_id: None,
            evidence: Vec::new(),
            at: Timestamp::from_millis(0),
        };
        SignalRecord::Signal { signal: Box::new(signal), seq, deadline: deadline.map(Timestamp::from_millis) }
    }

    fn progress(who: &'static str, seq: u64) -> SignalRecord {
        SignalRecord::Progress { who, seq }
    }

    #[derive(Debug, Clone)]
    enum Read {
        Log(u64),
        Signal(SignalRecord),
    }

    fn names(signals: &[Signal]) -> String {
        signals.iter().map(|signal| signal.name.as_str()).collect::<Vec<_>>().join(",")
    }

    fn drain(merge: &mut Merge, out: &mut Vec<String>) {
        while let Some(merged) = merge.next() {
            out.push(format!("{} {} {}", merged.record.seq, names(&merged.deadlines), names(&merged.signals)));
        }
    }

    /// Ten records; both stages say something of every second one, and mark every third record.
    fn log() -> Vec<Read> {
        (1..=10).map(Read::Log).collect()
    }

    fn stage(who: &'static str, kind: SignalKind) -> Vec<Read> {
        let mut out = Vec::new();
        for seq in 1..=10 {
            if who == "detector" && seq % 4 == 0 {
                out.push(Read::Signal(signal(SignalKind::Absence, &format!("late{seq}"), seq, Some(seq as i64))));
            }
            if seq % 2 == 0 {
                out.push(Read::Signal(signal(kind, &format!("{who}{seq}"), seq, None)));
            }
            if seq % 3 == 0 || seq == 10 {
                out.push(Read::Signal(progress(who, seq)));
            }
        }
        out
    }

    fn expected() -> Vec<String> {
        (1..=10)
            .map(|seq| {
                let deadline = if seq % 4 == 0 { format!("late{seq}") } else { String::new() };
                let signals = if seq % 2 == 0 { format!("scorer{seq},detector{seq}") } else { String::new() };
                format!("{seq} {deadline} {signals}")
            })
            .collect()
    }

    /// Interleaves the two writers of the signals, by a list of choices.
    fn interleaved(choices: &[bool]) -> Vec<Read> {
        let mut sources =
            [stage("scorer", SignalKind::Sentiment).into_iter(), stage("detector", SignalKind::Anomaly).into_iter()];
        let mut out = Vec::new();
        for choice in choices {
            out.extend(sources[usize::from(*choice)].next());
        }
        let [scorer, detector] = sources;
        out.extend(scorer.chain(detector));
        out
    }

    proptest! {
        #[test]
        fn neither_interleaving_nor_restarts_matter(
            writers in proptest::collection::vec(any::<bool>(), 0..60),
            reads in proptest::collection::vec(0u8..10, 1..80),
        ) {
            let topics = [log(), interleaved(&writers)];
            let (mut merge, mut out, mut next) = (Merge::default(), Vec::new(), [0usize, 0]);
            let all = topics[0].len() + topics[1].len();
            let tail = (0..2 * all).map(|step| u8::from(step >= all));
            for read in reads.into_iter().chain(tail) {
                if read == 9 {
                    let from = [merge.records_from(), merge.signals_from()];
                    for (topic, from) in from.into_iter().enumerate() {
                        next[topic] = from.map_or(next[topic], |offset| offset as usize);
                    }
                    merge = Merge::behind(out.len() as u64);
                    continue;
                }
                let topic = usize::from(read % 2);
                let offset = next[topic];
                match topics[topic].get(offset).cloned() {
                    Some(Read::Log(seq)) => merge.record(record(seq), offset as i64).unwrap(),
                    Some(Read::Signal(signal)) => merge.signal(signal, offset as i64),
                    None => continue,
                }
                next[topic] += 1;
                drain(&mut merge, &mut out);
            }
            prop_assert_eq!(out, expected());
            prop_assert_eq!((merge.records_from(), merge.signals_from()), (None, None));
        }
    }

    #[test]
    fn a_gap_in_the_log_is_refused() {
        let mut merge = Merge::behind(4);
        assert_eq!(merge.record(record(4), 9), Ok(()));
        assert_eq!(merge.record(record(6), 10), Err(Gap { wanted: 5, came: 6 }));
        assert_eq!(merge.record(record(5), 11), Ok(()));
        assert_eq!(merge.records_from(), Some(11));
    }

    #[test]
    fn what_is_full_never_waits_for_what_is_not_fetched() {
        let mut merge = Merge::default();
        let fill = |merge: &mut Merge| {
            for number in 0..MAX_SIGNALS {
                merge.signal(signal(SignalKind::Intent, "cue", 2, None), number as i64);
            }
        };
        fill(&mut merge);
        assert!(merge.is_full_of_signals());
        merge.record(record(1), 0).unwrap();
        assert!(!merge.is_full_of_signals(), "the mark of record 1 stands behind");
        for seq in 2..=MAX_RECORDS as u64 {
            assert!(!merge.is_full_of_records());
            merge.record(record(seq), seq as i64).unwrap();
        }
        assert!(merge.is_full_of_records());
        merge.signal(progress("scorer", 2), 99_998);
        merge.signal(progress("detector", 2), 99_999);
        assert_eq!(std::iter::from_fn(|| merge.next()).map(|merged| merged.signals.len()).sum::<usize>(), MAX_SIGNALS);
        assert!(!merge.is_full_of_records());
    }
}
