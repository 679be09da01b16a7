//! Silence: the cases of `cases/silence.txt`, and properties.

use crate::support::*;
use anomaly_detector::Detect;
use baton_records::{Signal, SignalKind, Timestamp};
use proptest::prelude::*;

fn time(text: &str) -> i64 {
    Timestamp::parse(text).unwrap_or_else(|| panic!("{text} is no time")).millis()
}

#[derive(Default)]
struct Case {
    name: String,
    arrivals: Vec<Arrival>,
    until: i64,
    expected: Vec<(String, String, String, f64, f64, Option<i64>)>,
}

fn read_cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in include_str!("../../cases/silence.txt").lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        if let Some(name) = line.strip_prefix("case: ") {
            cases.push(Case { name: name.to_owned(), ..Case::default() });
            continue;
        }
        let case = cases.last_mut().unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["order", account, sku, first, "every", days, "x", count, rest @ ..] => {
                let gap = (days.parse::<f64>().unwrap() * DAY as f64) as i64;
                for i in 0..count.parse::<i64>().unwrap() {
                    let at = time(first) + i * gap;
                    let arrival = rest.last().map_or(at, |t| time(t));
                    case.arrivals.push(order(account, sku, &format!("{account}-{sku}-{i}"), at, arrival));
                }
            }
            ["account", name, zone, from, to, "at", at] => {
                case.arrivals.push(account(name, zone, from, to, time(at)));
            }
            ["erase", account, "at", at] => {
                let at = time(at);
                case.arrivals.push(event(account, "erasure", "erasure", at, at, Default::default(), None));
            }
            ["until", until] => case.until = time(until),
            ["=", outcome, account, sku, least, most, rest @ ..] => case.expected.push((
                (*outcome).to_owned(),
                (*account).to_owned(),
                (*sku).to_owned(),
                least.parse().unwrap(),
                most.parse().unwrap(),
                rest.first().map(|t| time(t)),
            )),
            _ => panic!("{line}"),
        }
    }
    cases
}

fn outcome(signal: &Signal) -> &'static str {
    match signal {
        s if s.quiet => "quiet",
        s if s.expected.is_none() => "warming",
        s if s.score >= s.threshold => "fired",
        _ => "below",
    }
}

#[test]
fn cases_hold() {
    for case in read_cases() {
        let signals = run(&mut Detect::new(), &log(MANUFACTURING, &case.arrivals, case.until));
        let fired: Vec<&Signal> = signals.iter().filter(|s| s.event_id.is_none()).collect();
        let name = &case.name;
        assert_eq!(fired.len(), case.expected.len(), "{name}: {fired:#?}");
        for (signal, (expected, account, sku, least, most, since)) in fired.iter().zip(&case.expected) {
            assert_eq!(outcome(signal), expected, "{name}: {signal:?}");
            assert_eq!((signal.account_id.as_str(), signal.subject.as_deref()), (account.as_str(), Some(sku.as_str())));
            assert_eq!(signal.kind, SignalKind::Absence);
            let last = signals.iter().filter(|s| s.event_id.is_some() && s.subject == signal.subject);
            let last = last.filter(|s| s.account_id == signal.account_id).map(|s| s.at.millis()).max();
            let last = last.unwrap_or_else(|| time("2026-02-23T10:00:00Z"));
            let days = (signal.at.millis() - since.unwrap_or(last)) as f64 / DAY as f64;
            assert!((*least..=*most).contains(&days), "{name}: after {days} days");
        }
    }
}

#[test]
fn a_later_order_is_a_sign_of_life_and_silence_is_told_again() {
    let weekly = |from: i64, count: i64| -> Vec<Arrival> {
        (0..count)
            .map(|i| order("acme", "R-12", &format!("o-{from}-{i}"), (from + i * 7) * DAY, (from + i * 7) * DAY))
            .collect()
    };
    let mut arrivals = weekly(0, 40);
    arrivals.extend(weekly(300, 3));
    let signals = run(&mut Detect::new(), &log(MANUFACTURING, &arrivals, 400 * DAY));
    let deadlines: Vec<i64> = signals.iter().filter(|s| s.event_id.is_none()).map(|s| s.at.millis() / DAY).collect();
    assert_eq!(deadlines.len(), 2, "{deadlines:?}");
    assert!((280..=283).contains(&deadlines[0]) && (321..=324).contains(&deadlines[1]), "{deadlines:?}");
    let back = signals.iter().find(|s| s.event_id.as_deref() == Some("o-300-0")).unwrap();
    assert_eq!((back.kind, back.score), (SignalKind::Absence, 0.0));
    assert_eq!(back.value, 27.0 * 86_400.0);
}

#[test]
fn a_late_order_from_before_the_silence_does_not_tell_it_again() {
    let mut arrivals: Vec<Arrival> =
        (0..40).map(|i| order("acme", "R-12", &format!("o-{i}"), i * 7 * DAY, i * 7 * DAY)).collect();
    arrivals.push(order("acme", "R-12", "late", 270 * DAY, 290 * DAY));
    let signals = run(&mut Detect::new(), &log(MANUFACTURING, &arrivals, 400 * DAY));
    assert_eq!(signals.iter().filter(|s| s.event_id.is_none()).count(), 1);
}

/// Orders of two accounts with three skus, in irregular rhythms; small numbers so that moments coincide.
fn traffic() -> impl Strategy<Value = Vec<Arrival>> {
    let one = (0..3_usize, 0..2_usize, 1..20_i64, 0..5_000_i64);
    proptest::collection::vec(one, 1..150).prop_map(|steps| {
        let mut day = 0;
        let mut arrivals = Vec::new();
        for (i, (sku, account, gap, jitter)) in steps.into_iter().enumerate() {
            day += gap;
            let at = day * DAY / 4 + jitter;
            arrivals.push(order(["acme", "zeta"][account], ["A", "B", "C"][sku], &format!("o-{i}"), at, at));
        }
        arrivals
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn restore_equals_replay(arrivals in traffic(), restarts in proptest::collection::vec(proptest::bool::weighted(0.03), 40..90)) {
        let log = log(MANUFACTURING, &arrivals, 300 * DAY);
        let straight = run(&mut Detect::new(), &log);
        prop_assert_eq!(run_restarting(&log, &restarts), straight);
    }

    #[test]
    fn a_record_that_comes_again_says_nothing(arrivals in traffic()) {
        let log = log(MANUFACTURING, &arrivals, 300 * DAY);
        let mut detect = Detect::new();
        let straight = run(&mut detect, &log);
        let next = detect.next_deadline();
        prop_assert!(log.iter().all(|r| detect.record(r).unwrap().is_empty()));
        prop_assert_eq!(detect.next_deadline(), next);
        prop_assert_eq!(run(&mut Detect::new(), &log), straight);
    }

    #[test]
    fn order_within_the_lateness_bound_does_not_matter(
        days in proptest::collection::vec(1..12_i64, 30..60),
        swap in proptest::collection::vec(any::<bool>(), 60),
    ) {
        // Two orders 3 s apart each time; in the other run some pairs come the wrong way round.
        let mut day = 0;
        let (mut straight, mut swapped) = (Vec::new(), Vec::new());
        for (i, (gap, swap)) in days.iter().zip(&swap).enumerate() {
            day += gap;
            let (a, b) = (day * DAY, day * DAY + 3_000);
            let (first, second) = (format!("o-{i}-a"), format!("o-{i}-b"));
            straight.extend([order("acme", "A", &first, a, b), order("acme", "A", &second, b, b + 1)]);
            let pair = if *swap {
                [order("acme", "A", &second, b, b), order("acme", "A", &first, a, b + 1)]
            } else {
                [order("acme", "A", &first, a, b), order("acme", "A", &second, b, b + 1)]
            };
            swapped.extend(pair);
        }
        let until = (day + 60) * DAY;
        let deadlines = |arrivals: &[Arrival]| -> Vec<Signal> {
            let signals = run(&mut Detect::new(), &log(MANUFACTURING, arrivals, until));
            signals.into_iter().filter(|s| s.event_id.is_none()).collect()
        };
        prop_assert_eq!(deadlines(&straight), deadlines(&swapped));
    }
}

/// History whose records carry the times of old, read by a log that is at today's.
#[test]
fn history_with_old_arrivals_fires_only_what_lies_ahead_of_the_log() {
    let orders: Vec<Arrival> = (0..52)
        .map(|week| Arrival {
            history: true,
            ..order("acme", "R-12", &format!("o-{week}"), week * 7 * DAY, week * 7 * DAY)
        })
        .collect();
    let today = (51 * 7 + 3) * DAY;
    let mut log = log(MANUFACTURING, &orders, today + 30 * DAY);
    for record in &mut log {
        record.time = record.time.max(baton_records::Timestamp::from_millis(today));
    }
    let deadlines: Vec<i64> = run(&mut Detect::new(), &log).iter().map(|s| s.at.millis()).collect();
    assert_eq!(deadlines.len(), 1, "{deadlines:?}");
    assert!(deadlines.iter().all(|at| *at > today), "{deadlines:?}");
}
