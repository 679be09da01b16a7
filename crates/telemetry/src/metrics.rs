//! The metrics of one process, registered once.

use crate::names::{self, Name};
use crate::records::{RecordCounters, Stage};
use baton_records::{Outcome, Why};
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};
use std::time::Duration;

/// Milliseconds to half a minute: from a commit on a quiet machine to a broker that was away.
const SECONDS: [f64; 14] = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0];

/// Metrics could not be registered or written.
#[derive(Debug, thiserror::Error)]
#[error("metrics: {0}; make one set of metrics a process")]
pub struct MetricsError(#[from] prometheus::Error);

/// How far the restore of a stage's tasks has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RestoreProgress {
    /// Records read since the last report.
    pub records: u64,
    /// Bytes read since the last report.
    pub bytes: u64,
    /// Records still to read.
    pub remaining: u64,
}

/// All metrics of a process. Cloning is cheap and shares them.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    lag_records: IntGaugeVec,
    lag_seconds: GaugeVec,
    records: IntCounterVec,
    log_time_age: GaugeVec,
    low_water_age: GaugeVec,
    waited_for: IntGauge,
    tasks: IntGaugeVec,
    tasks_restoring: IntGaugeVec,
    transactions: IntCounterVec,
    commit_seconds: HistogramVec,
    restored_records: IntCounterVec,
    restored_bytes: IntCounterVec,
    restore_remaining: IntGaugeVec,
    restore_seconds: HistogramVec,
    state_entries: IntGaugeVec,
    handoffs: IntCounterVec,
    decisions: IntCounterVec,
    latency: Histogram,
}

impl Metrics {
    /// Makes and registers all metrics.
    ///
    /// # Errors
    /// [`MetricsError`] when a name or a label is not one of Prometheus.
    pub fn new() -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let build = gauges(&registry, names::BUILD)?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Ok(Self {
            lag_records: gauges(&registry, names::LAG_RECORDS)?,
            lag_seconds: float_gauges(&registry, names::LAG_SECONDS)?,
            records: counters(&registry, names::RECORDS)?,
            log_time_age: float_gauges(&registry, names::LOG_TIME_AGE)?,
            low_water_age: float_gauges(&registry, names::LOW_WATER_AGE)?,
            waited_for: gauge(&registry, names::WAITED_FOR)?,
            tasks: gauges(&registry, names::TASKS)?,
            tasks_restoring: gauges(&registry, names::TASKS_RESTORING)?,
            transactions: counters(&registry, names::TRANSACTIONS)?,
            commit_seconds: histograms(&registry, names::COMMIT_SECONDS)?,
            restored_records: counters(&registry, names::RESTORED_RECORDS)?,
            restored_bytes: counters(&registry, names::RESTORED_BYTES)?,
            restore_remaining: gauges(&registry, names::RESTORE_REMAINING)?,
            restore_seconds: histograms(&registry, names::RESTORE_SECONDS)?,
            state_entries: gauges(&registry, names::STATE_ENTRIES)?,
            handoffs: counters(&registry, names::HANDOFFS)?,
            decisions: counters(&registry, names::DECISIONS)?,
            latency: histogram(&registry, names::LATENCY)?,
            registry,
        })
    }

    /// Returns the counters of a stage; a thread asks once and keeps them.
    pub fn record_counters(&self, stage: Stage) -> RecordCounters {
        let counter = |outcome: &str, reason: &str| self.records.with_label_values(&[stage.name(), outcome, reason]);
        let decides = matches!(stage, Stage::Decide | Stage::Account);
        let pairs = Outcome::ALL.iter().flat_map(|outcome| Why::ALL.iter().map(move |why| (outcome, why)));
        let pairs = pairs.filter(|_| decides);
        let decided = pairs.map(|(o, w)| self.decisions.with_label_values(&[o.name(), w.name()])).collect();
        RecordCounters::new(counter, decided, self.handoffs.clone())
    }

    /// Sets the lag of an input partition: records to its end, and the age of the oldest one.
    pub fn set_lag(&self, topic: &str, partition: i32, records: i64, age: Duration) {
        let partition = partition.to_string();
        self.lag_records.with_label_values(&[topic, &partition]).set(records);
        self.lag_seconds.with_label_values(&[topic, &partition]).set(age.as_secs_f64());
    }

    /// Forgets an input partition that went to another instance, so that nobody alarms on its last values.
    pub fn forget_partition(&self, topic: &str, partition: i32) {
        let partition = partition.to_string();
        // None of them need be there.
        let _ = self.lag_records.remove_label_values(&[topic, &partition]);
        let _ = self.lag_seconds.remove_label_values(&[topic, &partition]);
        let _ = self.low_water_age.remove_label_values(&[topic, &partition]);
    }

    /// Sets how far the log time of a partition is behind the clock.
    pub fn set_log_time_age(&self, partition: i32, age: Duration) {
        self.log_time_age.with_label_values(&[&partition.to_string()]).set(age.as_secs_f64());
    }

    /// Forgets the log time of a partition that went to another instance.
    pub fn forget_log_time(&self, partition: i32) {
        // It need not be there.
        let _ = self.log_time_age.remove_label_values(&[&partition.to_string()]);
    }

    /// Sets how far the low-water mark of a source partition is behind the clock.
    pub fn set_low_water_age(&self, topic: &str, partition: i32, age: Duration) {
        self.low_water_age.with_label_values(&[topic, &partition.to_string()]).set(age.as_secs_f64());
    }

    /// Sets how many source partitions cannot be read and are waited for.
    pub fn set_waited_for(&self, partitions: usize) {
        self.waited_for.set(whole(partitions));
    }

    /// Sets how many tasks of a stage run, and how many are still being restored.
    pub fn set_tasks(&self, stage: Stage, running: usize, restoring: usize) {
        self.tasks.with_label_values(&[stage.name()]).set(whole(running));
        self.tasks_restoring.with_label_values(&[stage.name()]).set(whole(restoring));
    }

    /// Counts a committed transaction and how long its commit took.
    pub fn committed(&self, stage: Stage, took: Duration) {
        self.transactions.with_label_values(&[stage.name(), "committed"]).inc();
        self.commit_seconds.with_label_values(&[stage.name()]).observe(took.as_secs_f64());
    }

    /// Counts an aborted transaction.
    pub fn aborted(&self, stage: Stage) {
        self.transactions.with_label_values(&[stage.name(), "aborted"]).inc();
    }

    /// Reports how far a restore has got.
    pub fn restoring(&self, stage: Stage, progress: RestoreProgress) {
        self.restored_records.with_label_values(&[stage.name()]).inc_by(progress.records);
        self.restored_bytes.with_label_values(&[stage.name()]).inc_by(progress.bytes);
        let remaining = i64::try_from(progress.remaining).unwrap_or(i64::MAX);
        self.restore_remaining.with_label_values(&[stage.name()]).set(remaining);
    }

    /// Reports that a restore is done and how long it took.
    pub fn restored(&self, stage: Stage, took: Duration) {
        self.restore_remaining.with_label_values(&[stage.name()]).set(0);
        self.restore_seconds.with_label_values(&[stage.name()]).observe(took.as_secs_f64());
    }

    /// Sets how many entries a store holds.
    pub fn set_state_entries(&self, store: &'static str, entries: usize) {
        self.state_entries.with_label_values(&[store]).set(whole(entries));
    }

    /// Observes the time from a record's arrival ([`baton_stream::Handed`]) to the commit of its handoff.
    pub fn observe_latency(&self, took: Duration) {
        self.latency.observe(took.as_secs_f64());
    }

    /// Returns all metrics in Prometheus' text format.
    ///
    /// # Errors
    /// [`MetricsError`] when they cannot be encoded.
    pub fn text(&self) -> Result<String, MetricsError> {
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn gauges(registry: &Registry, name: Name) -> Result<IntGaugeVec, prometheus::Error> {
    let metric = IntGaugeVec::new(Opts::new(name.name, name.help), name.labels)?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn gauge(registry: &Registry, name: Name) -> Result<IntGauge, prometheus::Error> {
    let metric = IntGauge::new(name.name, name.help)?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn float_gauges(registry: &Registry, name: Name) -> Result<GaugeVec, prometheus::Error> {
    let metric = GaugeVec::new(Opts::new(name.name, name.help), name.labels)?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn counters(registry: &Registry, name: Name) -> Result<IntCounterVec, prometheus::Error> {
    let metric = IntCounterVec::new(Opts::new(name.name, name.help), name.labels)?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn histograms(registry: &Registry, name: Name) -> Result<HistogramVec, prometheus::Error> {
    let metric = HistogramVec::new(HistogramOpts::new(name.name, name.help).buckets(SECONDS.to_vec()), name.labels)?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn histogram(registry: &Registry, name: Name) -> Result<Histogram, prometheus::Error> {
    let metric = Histogram::with_opts(HistogramOpts::new(name.name, name.help).buckets(SECONDS.to_vec()))?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_records::{IgnoredReason, Reason, Status, Strategy, Timestamp};
    use baton_stream::{Counted, Handed};

    fn lines(metrics: &Metrics) -> Vec<String> {
        metrics.text().unwrap().lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect()
    }

    fn check(act: impl FnOnce(&Metrics), expected: &[&str]) {
        let metrics = Metrics::new().unwrap();
        act(&metrics);
        let lines = lines(&metrics);
        for line in expected {
            assert!(lines.iter().any(|l| l == line), "{line} not in {lines:#?}");
        }
    }

    #[test]
    fn every_outcome_of_a_record_counts_once_and_apart() {
        let metrics = Metrics::new().unwrap();
        let counters = metrics.record_counters(Stage::Intake);
        let mut all = vec![
            Counted::Applied,
            Counted::Waiting,
            Counted::Ignored(IgnoredReason::Duplicate),
            Counted::Ignored(IgnoredReason::Stale),
            Counted::Ignored(IgnoredReason::Erased),
            Counted::ClockAhead,
            Counted::Late,
            Counted::PassedOver,
            Counted::History,
            Counted::Bound,
            Counted::ConditionFailed,
        ];
        all.extend(Reason::ALL.map(Counted::DeadLetter));
        for what in &all {
            counters.count(what.clone());
        }
        let counted = lines(&metrics).into_iter().filter(|l| l.starts_with("baton_records_total")).collect::<Vec<_>>();
        assert_eq!(counted.len(), all.len());
        assert!(counted.iter().all(|l| l.ends_with(" 1")), "{counted:#?}");
    }

    #[test]
    fn metrics_read_as_dashboards_expect() {
        check(
            |m| m.set_lag("chat", 3, 12, Duration::from_millis(1500)),
            &[
                "baton_consumer_lag_records{partition=\"3\",topic=\"chat\"} 12",
                "baton_consumer_lag_seconds{partition=\"3\",topic=\"chat\"} 1.5",
            ],
        );
        check(
            |m| {
                m.committed(Stage::Account, Duration::from_millis(7));
                m.aborted(Stage::Account);
            },
            &[
                "baton_transactions_total{result=\"committed\",stage=\"account\"} 1",
                "baton_transactions_total{result=\"aborted\",stage=\"account\"} 1",
                "baton_commit_duration_seconds_bucket{stage=\"account\",le=\"0.005\"} 0",
                "baton_commit_duration_seconds_bucket{stage=\"account\",le=\"0.01\"} 1",
            ],
        );
        check(
            |m| {
                m.restoring(Stage::Decide, RestoreProgress { records: 5, bytes: 100, remaining: 7 });
                m.restoring(Stage::Decide, RestoreProgress { records: 7, bytes: 50, remaining: 0 });
            },
            &[
                "baton_restored_records_total{stage=\"decide\"} 12",
                "baton_restored_bytes_total{stage=\"decide\"} 150",
                "baton_restore_remaining_records{stage=\"decide\"} 0",
            ],
        );
        check(|m| m.set_waited_for(2), &["baton_source_partitions_waited_for 2"]);
    }

    #[test]
    fn decisions_and_handoffs_count_apart() {
        let metrics = Metrics::new().unwrap();
        let counters = metrics.record_counters(Stage::Account);
        for outcome in Outcome::ALL {
            for why in Why::ALL {
                counters.count(Counted::Decided(outcome, why));
            }
        }
        let decided: Vec<_> = lines(&metrics).into_iter().filter(|l| l.starts_with("baton_decisions_total")).collect();
        assert_eq!(decided.len(), Outcome::ALL.len() * Why::ALL.len());
        assert!(decided.iter().all(|l| l.ends_with(" 1")), "{decided:#?}");
        let handed = |strategy| Handed {
            strategy,
            team: "tier3".into(),
            status: Status::AtRisk,
            arrival: Timestamp::from_millis(0),
        };
        for strategy in [Some(Strategy::Sentiment), Some(Strategy::Sentiment), None] {
            counters.count(Counted::Handed(handed(strategy)));
        }
        let handed: Vec<_> = lines(&metrics).into_iter().filter(|l| l.starts_with("baton_handoffs_total")).collect();
        assert_eq!(
            handed,
            [
                "baton_handoffs_total{status=\"at_risk\",strategy=\"\",team=\"tier3\"} 1",
                "baton_handoffs_total{status=\"at_risk\",strategy=\"sentiment\",team=\"tier3\"} 2",
            ]
        );
    }

    #[test]
    fn only_what_decides_shows_decisions() {
        let metrics = Metrics::new().unwrap();
        metrics.record_counters(Stage::Intake).count(Counted::Decided(Outcome::Opened, Why::Fired));
        assert!(lines(&metrics).iter().all(|l| !l.starts_with("baton_decisions_total")));
    }

    #[test]
    fn a_partition_that_went_away_leaves_nothing_behind() {
        let metrics = Metrics::new().unwrap();
        let before = lines(&metrics);
        metrics.set_lag("chat", 3, 12, Duration::ZERO);
        metrics.set_low_water_age("chat", 3, Duration::ZERO);
        metrics.set_log_time_age(3, Duration::ZERO);
        metrics.forget_partition("chat", 3);
        metrics.forget_log_time(3);
        assert_eq!(lines(&metrics), before);
    }
}
