//! The task: headers, marks and the numbers that deadlines carry.

use crate::support::*;
use anomaly_detector::DetectTask;
use baton_records::Timestamp;
use baton_stream::wire::{SignalRecord, read_signal};
use baton_stream::{Input, Outbox, Output, Progress, Task, Topic, wire};

fn process(task: &mut DetectTask, written: &Output, offset: i64, out: &mut Outbox) {
    let input = Input {
        topic: &Topic::Interactions,
        partition: 2,
        offset,
        timestamp: written.timestamp.unwrap(),
        key: written.key.as_deref(),
        value: written.value.as_deref(),
        headers: &written.headers,
    };
    task.process(input, Timestamp::from_millis(7), out).unwrap();
}

fn read(record: &Output) -> SignalRecord {
    let input = Input {
        topic: &Topic::Signals,
        partition: 2,
        offset: 0,
        timestamp: record.timestamp.unwrap_or_default(),
        key: record.key.as_deref(),
        value: record.value.as_deref(),
        headers: &record.headers,
    };
    read_signal(input).unwrap()
}

#[test]
fn a_deadline_names_the_record_before_which_it_fired() {
    let orders: Vec<Arrival> =
        (0..30).map(|i| order("acme", "R-12", &format!("o-{i}"), i * 7 * DAY, i * 7 * DAY)).collect();
    let log = log(MANUFACTURING, &orders, 230 * DAY);
    let (mut task, mut out) = (DetectTask::new(), Outbox::default());
    for record in &log {
        process(&mut task, &wire::log_record(record, 2), record.seq as i64, &mut out);
    }
    assert_eq!(task.wake_at(), Some(Timestamp::from_millis(7)));
    let at = Timestamp::from_millis(7);
    let progress = Progress { clock: at, unread: None, reached: None, heard: at };
    task.punctuate(progress, &mut out).unwrap();
    task.punctuate(progress, &mut out).unwrap();
    let deadlines: Vec<_> = out
        .records
        .iter()
        .filter_map(|r| match read(r) {
            SignalRecord::Signal { signal, seq, deadline: Some(deadline) } => Some((signal, seq, deadline)),
            _ => None,
        })
        .collect();
    let [(signal, seq, deadline)] = deadlines.as_slice() else { panic!("{deadlines:?}") };
    assert_eq!(*deadline, signal.at);
    let before = log.iter().find(|r| r.time >= *deadline).map(|r| r.seq);
    assert_eq!(Some(*seq), before);
    let marks = out.records.iter().filter(|r| matches!(read(r), SignalRecord::Progress { .. })).count();
    assert_eq!(marks, 1);

    // What was taken comes again after a crash: nothing but a mark.
    let mut again = Outbox::default();
    log.iter().for_each(|r| process(&mut task, &wire::log_record(r, 2), r.seq as i64, &mut again));
    assert_eq!(again.records, []);
}
