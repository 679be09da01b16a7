//! What one record of the log, or its absence, says.

use crate::accounts::Watched;
use crate::bursts::{BurstSeries, Payment};
use crate::detectors::{Detectors, subject};
use crate::rates::{RateSeries, Reading};
use crate::series::{SeriesKey, SeriesStore, one_too_many};
use baton_policy::{Detector, DetectorKind, Policy};
use baton_records::{Body, Entry, Event, Id, Interaction, LogRecord, Signal, SignalKind, Timestamp, ids};
use baton_stream::{Broken, Counted, Store, Table, Value};
use std::time::Duration;

/// The detectors.
pub struct Detect {
    position: Table<(), u64>,
    policy: Table<(), String>,
    accounts: Table<Id, Watched>,
    /// How many events an account's detector has counted, over all subjects.
    counts: Table<(Id, Id), u64>,
    silence: SeriesStore,
    rates: Table<SeriesKey, RateSeries>,
    bursts: Table<SeriesKey, BurstSeries>,
    detectors: Option<Detectors>,
    /// Time of the record in hand.
    log_time: i64,
    counted: Vec<Counted>,
}

impl Default for Detect {
    fn default() -> Self {
        Self::new()
    }
}

/// One event as a detector sees it.
struct Sight<'a> {
    interaction: &'a Interaction,
    event: &'a Event,
    detector: &'a Detector,
    key: SeriesKey,
    /// When it happened; never after it arrived.
    at: i64,
    warm: bool,
}

impl Detect {
    /// Makes detectors that have seen nothing.
    pub fn new() -> Self {
        Self {
            position: Table::new("detector.position"),
            policy: Table::new("detector.policy"),
            accounts: Table::new("detector.accounts"),
            counts: Table::new("detector.counts"),
            silence: SeriesStore::new(),
            rates: Table::new("detector.rates"),
            bursts: Table::new("detector.bursts"),
            detectors: None,
            log_time: 0,
            counted: Vec::new(),
        }
    }

    /// Returns the number of the last record that was taken, 0 before the first.
    pub fn position(&self) -> u64 {
        self.position.get(&()).copied().unwrap_or(0)
    }

    /// Returns the earliest deadline.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.silence.next_deadline().map(|(at, _)| at)
    }

    /// Fires what is due up to `time`, in the order of (deadline, account, detector, subject). Call it with the log
    /// time of every record before the record itself.
    ///
    /// # Errors
    /// [`Broken`] when the policy that was stored cannot be read.
    pub fn due(&mut self, time: Timestamp) -> Result<Vec<Signal>, Broken> {
        let mut signals = Vec::new();
        while self.next_deadline().is_some_and(|next| next <= time) {
            self.load_policy()?;
            let Some((at, key)) = self.silence.next_deadline().map(|(at, key)| (at, key.clone())) else { break };
            signals.extend(self.fire(at, &key));
        }
        Ok(signals)
    }

    /// Takes the next record of the log, and returns what it says, by detector. A record that was taken before says
    /// nothing.
    ///
    /// # Errors
    /// [`Broken`] when a policy in the log cannot be read.
    pub fn record(&mut self, record: &LogRecord) -> Result<Vec<Signal>, Broken> {
        if record.seq <= self.position() {
            return Ok(Vec::new());
        }
        self.position.put((), record.seq);
        self.log_time = record.time.millis();
        match &record.entry {
            Entry::Mark => {}
            Entry::Policy { version, text } => {
                self.detectors = Some(read_policy(version, text)?);
                self.policy.put((), text.to_string());
            }
            Entry::Interaction(interaction) => match &interaction.body {
                Body::Account { account } => {
                    self.accounts.update_or_default(&interaction.account_id, |w| w.describe(account.as_deref()));
                }
                Body::Event { event, .. } if event.event_type == "erasure" => {
                    self.erase(&interaction.account_id, event.contact_id.is_some());
                }
                Body::Event { event, .. } => return self.event(interaction, event),
                Body::Lifecycle { .. } | Body::Assign { .. } | Body::Ignored { .. } => {}
            },
        }
        Ok(Vec::new())
    }

    /// Takes what was counted since the last call: series that had to be forgotten.
    pub fn take_counted(&mut self) -> Vec<Counted> {
        std::mem::take(&mut self.counted)
    }

    /// Returns the stores.
    pub fn stores(&mut self) -> Vec<&mut dyn Store> {
        vec![
            &mut self.position,
            &mut self.policy,
            &mut self.accounts,
            &mut self.counts,
            &mut self.silence,
            &mut self.rates,
            &mut self.bursts,
        ]
    }

    /// Reads the stored policy, after a restart.
    fn load_policy(&mut self) -> Result<(), Broken> {
        if self.detectors.is_none()
            && let Some(text) = self.policy.get(&())
        {
            self.detectors = Some(read_policy("the stored one", text)?);
        }
        Ok(())
    }

    fn event(&mut self, interaction: &Interaction, event: &Event) -> Result<Vec<Signal>, Broken> {
        self.load_policy()?;
        let account = &interaction.account_id;
        let at = event.occurred_at.min(interaction.arrival).millis();
        if self.accounts.get(account).and_then(|w| w.first).is_none_or(|first| at < first) {
            self.accounts.update_or_default(account, |w| w.first = Some(at));
        }
        let Some(detectors) = self.detectors.take() else { return Ok(Vec::new()) };
        let mut signals = Vec::new();
        if detectors.count(&event.event_type) {
            let watched = self.accounts.get(account).cloned();
            for detector in detectors.for_event(&event.event_type, watched.as_ref()) {
                let first = watched.as_ref().and_then(|w| w.first);
                signals.extend(self.count(interaction, event, detector, at, first));
            }
        }
        self.detectors = Some(detectors);
        Ok(signals)
    }

    fn count(
        &mut self,
        interaction: &Interaction,
        event: &Event,
        detector: &Detector,
        at: i64,
        first: Option<i64>,
    ) -> Option<Signal> {
        let subject = subject(event, detector.by.as_deref())?;
        let (account, name) = (&interaction.account_id, &detector.rule.name);
        let events = self.counts.update_or_default(&(account.clone(), name.clone()), |n| {
            *n = n.saturating_add(1);
            *n
        });
        let warm = is_warm(detector, events, first, at);
        let key = (account.clone(), name.clone(), Id::from(subject.as_ref()));
        let sight = Sight { interaction, event, detector, key, at, warm };
        let signal = match &detector.kind {
            DetectorKind::Absence { .. } => self.count_life(&sight),
            DetectorKind::Rate { window, min_events } => self.count_rate(&sight, *window, *min_events),
            DetectorKind::Burst { window, min_events } => self.count_payment(&sight, *window, *min_events)?,
        };
        (!interaction.history).then_some(signal)
    }

    fn count_life(&mut self, sight: &Sight<'_>) -> Signal {
        let arrival = sight.interaction.arrival.millis();
        // History that comes long after its time would miss deadlines that nobody waited for.
        let not_before = if sight.interaction.history { arrival.max(self.log_time) } else { arrival };
        let detector = sight.detector;
        let ((gap, usual), full) = self.silence.change(&sight.key, |series| {
            let gap = (series.count > 0 && sight.at > series.last).then(|| sight.at.saturating_sub(series.last));
            series.see(sight.at, &sight.event.event_id);
            series.watch(detector, not_before);
            (gap, series.usual)
        });
        if full {
            self.counted.push(Counted::Bound);
        }
        Signal {
            kind: SignalKind::Absence,
            value: gap.unwrap_or(0) as f64 / 1000.0,
            expected: (sight.warm && usual > 0).then_some(usual as f64 / 1000.0),
            evidence: vec![sight.event.event_id.clone()],
            ..sight.signal()
        }
    }

    fn count_rate(&mut self, sight: &Sight<'_>, window: Duration, min_events: u32) -> Signal {
        let window = millis(window);
        let for_others = sight.for_others().map(|per_ms| per_ms * window as f64);
        let full = make_room(&mut self.rates, &sight.key, RateSeries::last_seen);
        self.counted.extend(full);
        let reading = self.rates.update_or_default(&sight.key, |series| {
            series.add(sight.at, &sight.event.event_id, window);
            series.read(window, min_events, for_others)
        });
        sight.reading(reading)
    }

    /// Counts a payment, if the event is one: it has an amount above 0.
    fn count_payment(&mut self, sight: &Sight<'_>, window: Duration, min_events: u32) -> Option<Signal> {
        let hundredths = i64::try_from((sight.event.amount?.abs() * rust_decimal::Decimal::ONE_HUNDRED).round());
        let party = sight.event.attributes.get("counterparty").and_then(|p| p.as_str()).map(Id::from);
        let hundredths = hundredths.ok().filter(|h| *h > 0)?;
        let payment = Payment { at: sight.at, event: sight.event.event_id.clone(), hundredths, party };
        let window = millis(window);
        let full = make_room(&mut self.bursts, &sight.key, BurstSeries::last_seen);
        self.counted.extend(full);
        let reading = self.bursts.update_or_default(&sight.key, |series| {
            series.add(payment.clone(), window);
            let reading = series.read(window, min_events);
            // A usual payment beside odd ones is no further sign of them.
            if series.is_odd(&payment) { reading } else { Reading { score: 0.0, ..reading } }
        });
        Some(sight.reading(reading))
    }

    /// Fires one deadline of silence.
    fn fire(&mut self, at: Timestamp, key: &SeriesKey) -> Option<Signal> {
        let watched = self.accounts.get(&key.0);
        let detector = self.detectors.as_ref().and_then(|d| d.named(&key.1, watched));
        let (Some(detector), Some(series)) = (detector, self.silence.get(key)) else {
            self.silence.change(key, |series| series.deadline = None);
            return None;
        };
        let events = self.counts.get(&(key.0.clone(), key.1.clone())).copied().unwrap_or(0);
        let warm = is_warm(detector, events, watched.and_then(|w| w.first), at.millis());
        // The silence is excused from when the next event was to be expected.
        let expected = Timestamp::from_millis(series.base.saturating_add(series.usual));
        let quiet = watched.and_then(|w| w.quiet_until(expected.min(at), at));
        let due = at.millis().to_string();
        let signal = Signal {
            signal_id: ids::derived(&[&key.0, "detector", &key.1, &key.2, "deadline", &due]),
            account_id: key.0.clone(),
            kind: SignalKind::Absence,
            name: key.1.clone(),
            score: if warm { series.score } else { 0.0 },
            value: at.millis().saturating_sub(series.base) as f64 / 1000.0,
            expected: warm.then_some(series.usual as f64 / 1000.0),
            threshold: detector.threshold,
            sentence: None,
            subject: (!key.2.is_empty()).then(|| key.2.clone()),
            quiet: quiet.is_some(),
            event_id: None,
            evidence: series.event.iter().cloned().collect(),
            at,
        };
        self.silence.change(key, |series| match quiet {
            Some(end) => {
                series.base = end.millis();
                series.deadline = Some(series.base.saturating_add(series.allowed));
            }
            None => {
                series.deadline = None;
                series.told = true;
            }
        });
        Some(signal)
    }

    /// Forgets what an account did; of one contact only which events they were, since no baseline tells contacts apart.
    fn erase(&mut self, account: &Id, one_contact: bool) {
        let keys = self.silence.of_account(account);
        if one_contact {
            for key in keys {
                self.silence.change(&key, |series| series.event = None);
            }
            for key in keys_of(&self.rates, account) {
                self.rates.update(&key, RateSeries::forget_events);
            }
            for key in keys_of(&self.bursts, account) {
                self.bursts.update(&key, BurstSeries::forget_events);
            }
            return;
        }
        for key in &keys {
            self.silence.remove(key);
        }
        for key in keys_of(&self.rates, account) {
            self.rates.remove(&key);
        }
        for key in keys_of(&self.bursts, account) {
            self.bursts.remove(&key);
        }
        let from = (account.clone(), Id::default());
        let counts: Vec<_> =
            self.counts.range(from..).map(|(k, _)| k).take_while(|k| k.0 == *account).cloned().collect();
        for key in &counts {
            self.counts.remove(key);
        }
        self.accounts.update(account, |w| w.first = None);
    }
}

impl Sight<'_> {
    fn signal(&self) -> Signal {
        let (account, name, subject) = &self.key;
        let event = &self.event.event_id;
        let source = self.interaction.source.topic.as_str();
        Signal {
            signal_id: ids::derived(&[account, "detector", name, subject, source, event]),
            account_id: account.clone(),
            kind: SignalKind::Anomaly,
            name: name.clone(),
            score: 0.0,
            value: 0.0,
            expected: None,
            threshold: self.detector.threshold,
            sentence: None,
            subject: (!subject.is_empty()).then(|| subject.clone()),
            quiet: false,
            event_id: Some(event.clone()),
            evidence: Vec::new(),
            at: self.interaction.arrival,
        }
    }

    /// Returns how many events a millisecond usually has for accounts like this one, while it is not known itself.
    fn for_others(&self) -> Option<f64> {
        let usual = self.detector.usual.filter(|_| !self.warm)?;
        Some(f64::from(usual.events) / millis(usual.within).max(1) as f64)
    }

    fn reading(&self, reading: Reading) -> Signal {
        let six_digits = |x: f64| (x * 1e6).round() / 1e6;
        let known = self.warm || self.detector.usual.is_some();
        Signal {
            score: if known { reading.score } else { 0.0 },
            value: f64::from(reading.seen),
            expected: reading.expected.filter(|_| known).map(six_digits),
            evidence: reading.evidence,
            ..self.signal()
        }
    }
}

/// Tells whether an account's history is long and rich enough for this detector.
fn is_warm(detector: &Detector, events: u64, first: Option<i64>, now: i64) -> bool {
    let long = first.is_some_and(|first| now.saturating_sub(first) >= millis(detector.warm_up));
    long && events >= u64::from(detector.warm_up_events)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Forgets a subject when a new one is one too many, and says so.
fn make_room<V: Value>(
    table: &mut Table<SeriesKey, V>,
    new: &SeriesKey,
    last_seen: impl Fn(&V) -> i64,
) -> Option<Counted> {
    let gone = if table.get(new).is_none() { one_too_many(table, new, last_seen) } else { None };
    gone.and_then(|gone| table.remove(&gone)).map(|_| Counted::Bound)
}

fn keys_of<V: Value>(table: &Table<SeriesKey, V>, account: &Id) -> Vec<SeriesKey> {
    let from = (account.clone(), Id::default(), Id::default());
    table.range(from..).map(|(key, _)| key).take_while(|key| key.0 == *account).cloned().collect()
}

fn read_policy(version: &str, text: &str) -> Result<Detectors, Broken> {
    let policy = Policy::parse(text).map_err(|problems| {
        let first = problems.first().map_or_else(String::new, ToString::to_string);
        Broken { what: format!("policy {version} in the log cannot be read by this release ({first})") }
    })?;
    Ok(Detectors::of(&policy.anomaly))
}
