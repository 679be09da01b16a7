//! After a change of layout: the log holds records that not every stage has taken yet.

use crate::Said;
use baton_records::{LogRecord, Signal, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// No more records of a topic are held than this.
const BOUND: usize = 10_000;

/// Merges the log with the signals that stages running alone have written, in the order of numbers.
#[derive(Debug, Default)]
pub struct CatchUp {
    log: VecDeque<(i64, LogRecord)>,
    said: BTreeMap<u64, Said>,
    first_signal: Option<i64>,
    signals: usize,
    scored_up_to: u64,
    detected_up_to: u64,
}

impl CatchUp {
    /// Holds a record of the log; records come in the order of their numbers, repeats are dropped.
    pub fn log(&mut self, offset: i64, record: LogRecord) {
        if self.log.back().is_none_or(|(_, last)| last.seq < record.seq) {
            self.log.push_back((offset, record));
        }
    }

    /// Holds a signal.
    pub fn signal(&mut self, seq: u64, signal: Signal, deadline: Option<Timestamp>) {
        self.signals += 1;
        self.said.entry(seq).or_default().add(signal, deadline);
    }

    /// Notes the offset of a record of `baton.signals`. The first one is asked for again after a crash, because marks are
    /// held in memory only.
    pub fn signals_from(&mut self, offset: i64) {
        self.first_signal.get_or_insert(offset);
    }

    /// Notes that all of the scorer's signals up to that number were given.
    pub fn scored(&mut self, seq: u64) {
        self.scored_up_to = self.scored_up_to.max(seq);
    }

    /// Notes that all of the detector's signals up to that number were given.
    pub fn detected(&mut self, seq: u64) {
        self.detected_up_to = self.detected_up_to.max(seq);
    }

    /// Takes the next record of the log with what was said of it, once that is complete. `positions` are the numbers up
    /// to which scorer and detector have got by their stores: above them nothing was said yet.
    pub fn next(&mut self, [score, detect]: [u64; 2]) -> Option<(LogRecord, Said)> {
        let seq = self.log.front()?.1.seq;
        let complete = |position: u64, told: u64| seq > position || seq <= told;
        if !complete(score, self.scored_up_to) || !complete(detect, self.detected_up_to) {
            return None;
        }
        let (_, record) = self.log.pop_front()?;
        let said = self.said.remove(&seq).unwrap_or_default();
        self.signals -= said.len();
        Some((record, said))
    }

    /// Tells whether it wants no more of the log before signals come.
    pub fn is_log_full(&self) -> bool {
        self.log.len() >= BOUND
    }

    /// Tells whether it wants no more signals before the log comes. While the log waits for a mark that stands further
    /// back among the signals, it takes them: how many, is bounded by how far one stage had run ahead of the other.
    pub fn is_signals_full(&self) -> bool {
        self.signals >= BOUND && self.log.is_empty()
    }

    /// Returns the lowest offset of the log that it holds.
    pub fn log_needed_from(&self) -> Option<i64> {
        self.log.front().map(|(offset, _)| *offset)
    }

    /// Returns the lowest offset of signals that it needs again after a crash.
    pub const fn signals_needed_from(&self) -> Option<i64> {
        self.first_signal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_records::{Entry, Id, SignalKind};

    fn record(seq: u64) -> LogRecord {
        LogRecord { seq, time: Timestamp::from_millis(0), entry: Entry::Mark }
    }

    fn signal(kind: SignalKind, name: &'static str) -> Signal {
        Signal {
            signal_id: Id::new_static(name),
            account_id: Id::new_static("acme"),
            kind,
            name: Id::new_static(name),
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
        }
    }

    fn names(signals: &[Signal]) -> Vec<&str> {
        signals.iter().map(|s| s.name.as_str()).collect()
    }

    #[test]
    fn a_record_waits_for_the_marks_of_the_stages_that_have_taken_it() {
        let mut held = CatchUp::default();
        held.log(10, record(4));
        held.log(11, record(5));
        assert_eq!(held.next([4, 4]), None);
        held.scored(4);
        assert_eq!(held.next([4, 4]), None, "the detector's signals may still come");
        held.signal(4, signal(SignalKind::Absence, "deadline"), Some(Timestamp::from_millis(0)));
        held.signal(4, signal(SignalKind::Anomaly, "detected"), None);
        held.signal(4, signal(SignalKind::Urgency, "scored"), None);
        held.detected(4);
        let (first, said) = held.next([4, 4]).unwrap();
        assert_eq!(first.seq, 4);
        assert_eq!(names(&said.deadlines), ["deadline"]);
        assert_eq!(names(&said.scored), ["scored"]);
        assert_eq!(names(&said.detected), ["detected"]);
        assert_eq!(held.log_needed_from(), Some(11));
        assert_eq!(held.next([4, 4]).map(|(r, said)| (r.seq, said.is_empty())), Some((5, true)), "nobody took it yet");
    }

    #[test]
    fn repeats_of_the_log_are_dropped() {
        let mut held = CatchUp::default();
        for (offset, seq) in [(0, 1), (1, 2), (0, 1), (1, 2), (2, 3)] {
            held.log(offset, record(seq));
        }
        let taken: Vec<u64> = std::iter::from_fn(|| held.next([0, 0])).map(|(r, _)| r.seq).collect();
        assert_eq!(taken, [1, 2, 3]);
    }

    #[test]
    fn it_is_full_of_signals_only_while_it_waits_for_the_log() {
        let mut held = CatchUp::default();
        for seq in 0..BOUND as u64 {
            held.signal(seq + 1, signal(SignalKind::Intent, "x"), None);
        }
        assert!(held.is_signals_full());
        held.log(0, record(1));
        assert!(!held.is_signals_full(), "the mark that record 1 waits for stands behind them");
        held.scored(1);
        held.detected(1);
        assert!(held.next([9, 9]).is_some());
        held.signal(2, signal(SignalKind::Intent, "y"), None);
        assert!(held.is_signals_full());
    }
}
