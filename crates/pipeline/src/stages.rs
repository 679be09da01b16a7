//! Score, detect and decide over one record of the log.

use anomaly_detector::Detect;
use baton_handoff::Decide;
use baton_records::{LogRecord, Signal, SignalKind, Timestamp};
use baton_stream::{Broken, Outbox, Store, wire};
use sentiment_scorer::Score;

/// What scorer and detector said of one record before, while they ran alone.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Said {
    /// Deadlines that fired before the record.
    pub deadlines: Vec<Signal>,
    /// The scorer's signals.
    pub scored: Vec<Signal>,
    /// The detector's signals.
    pub detected: Vec<Signal>,
}

impl Said {
    /// Adds a signal as it stands in `baton.signals`; `deadline` as its header says.
    pub fn add(&mut self, signal: Signal, deadline: Option<Timestamp>) {
        match signal.kind {
            _ if deadline.is_some() => self.deadlines.push(signal),
            SignalKind::Anomaly | SignalKind::Absence => self.detected.push(signal),
            SignalKind::Sentiment | SignalKind::Intent | SignalKind::Urgency | SignalKind::Knowledge => {
                self.scored.push(signal);
            }
        }
    }

    /// Returns how many signals it holds.
    pub const fn len(&self) -> usize {
        self.deadlines.len() + self.scored.len() + self.detected.len()
    }

    /// Tells whether it holds none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The three stages behind the log of one partition.
pub struct Stages {
    score: Score,
    detect: Detect,
    decide: Decide,
    partition: i32,
}

impl Stages {
    /// Makes the stages of an account partition, without state.
    pub fn new(partition: i32) -> Self {
        Self { score: Score::new(), detect: Detect::new(), decide: Decide::new(), partition }
    }

    /// Takes the next record of the log: each stage that has not taken it yet does; for the others `said` holds what they
    /// said of it.
    ///
    /// # Errors
    /// [`Broken`] when a stage cannot go on.
    pub fn record(&mut self, record: &LogRecord, mut said: Said, out: &mut Outbox) -> Result<(), Broken> {
        let seq = record.seq;
        if seq > self.detect.position() {
            said.deadlines = self.detect.due(record.time)?;
            for deadline in &said.deadlines {
                out.write(wire::signal(deadline, seq, Some(deadline.at), self.partition));
            }
            said.detected = self.detect.record(record)?;
            self.publish(&said.detected, seq, out);
        }
        if seq > self.score.position() {
            said.scored = self.score.record(record)?;
            self.publish(&said.scored, seq, out);
        }
        if seq > self.decide.position() {
            let mut signals = said.scored;
            signals.append(&mut said.detected);
            self.decide.record(record, said.deadlines, signals, out)?;
        }
        Ok(())
    }

    fn publish(&self, signals: &[Signal], seq: u64, out: &mut Outbox) {
        for signal in signals {
            out.write(wire::signal(signal, seq, None, self.partition));
        }
    }

    /// Returns the numbers up to which scorer, detector and decide have got.
    pub fn positions(&self) -> [u64; 3] {
        [self.score.position(), self.detect.position(), self.decide.position()]
    }

    /// Returns the number up to which all three have got.
    pub fn position(&self) -> u64 {
        let [score, detect, decide] = self.positions();
        score.min(detect).min(decide)
    }

    /// Returns the earliest deadline of detector and decide.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let earlier = |a: Timestamp, b: Timestamp| a.min(b);
        match (self.detect.next_deadline(), self.decide.next_deadline()) {
            (Some(a), Some(b)) => Some(earlier(a, b)),
            (a, b) => a.or(b),
        }
    }

    /// Returns the log time of the last record that was decided.
    pub fn decided_up_to(&self) -> Timestamp {
        self.decide.decided_up_to()
    }

    /// Returns the stores of the three stages.
    pub fn stores(&mut self) -> Vec<&mut dyn Store> {
        let mut stores = self.score.stores();
        stores.append(&mut self.detect.stores());
        stores.append(&mut self.decide.stores());
        stores
    }
}
