//! *sequence*: order, time, repeats, what waits for an account's record, conversations, contexts, erasure.

use crate::support::*;
use baton_records::{AccountVersion, Body, Entry, IgnoredReason, LogRecord, Passed, Payload, Timestamp};
use baton_stream::{Counted, Outbox, Topic};
use context_unifier::{Pace, Sequence};
use serde_json::json;

const NOW: i64 = 1_000_000_000;

struct Run {
    sequence: Sequence,
    log: Vec<LogRecord>,
    out: Outbox,
}

impl Run {
    /// One source that has been read up to `low`.
    fn new(pace: Pace, low: i64) -> Self {
        let mut sequence = Sequence::new(pace, shared());
        sequence.low_water(low_water(1, Some(&["chat/0"]), &[("chat/0", low)]));
        Self { sequence, log: Vec::new(), out: Outbox::default() }
    }

    fn low(&mut self, low: i64) {
        self.sequence.low_water(low_water(1, None, &[("chat/0", low)]));
    }

    fn take(&mut self, passed: Passed, clock: i64) {
        self.sequence.take(passed, at(clock), &mut self.log, &mut self.out).unwrap();
    }

    fn mark(&mut self, clock: i64, due: Option<i64>) -> usize {
        let before = self.log.len();
        self.sequence.mark(at(clock), due.map(at), &mut self.log, &mut self.out).unwrap();
        self.log.len() - before
    }

    fn said(&self) -> Vec<String> {
        self.log
            .iter()
            .map(|r| match &r.entry {
                Entry::Mark => "mark".to_owned(),
                Entry::Policy { version, .. } => version.to_string(),
                Entry::Interaction(i) => match &i.body {
                    Body::Event { event, .. } => event.event_id.to_string(),
                    Body::Account { account } => format!("account {}", account.is_some()),
                    Body::Ignored { event_id, reason } => format!("{reason:?} {event_id}"),
                    other => format!("{other:?}"),
                },
            })
            .collect()
    }

    fn arrivals(&self) -> Vec<i64> {
        self.log
            .iter()
            .filter_map(|r| match &r.entry {
                Entry::Interaction(i) => Some(i.arrival.millis()),
                _ => None,
            })
            .collect()
    }
}

fn needing(passed: Passed, offset: i64) -> Passed {
    Passed { needs: Some(AccountVersion { partition: 0, offset }), ..passed }
}

#[test]
fn wrong_clocks_and_lagging_sources_move_nobodys_time() {
    let mut run = Run::new(Pace::OneProcess, NOW);
    for (offset, timestamp, clock, low) in [
        (1, NOW + 1_000, NOW + 2_000, NOW),
        // A clock two years ahead is cut to the unifier's.
        (2, NOW + 63_072_000_000, NOW + 3_000, NOW),
        // Far ahead of the slowest source: no further than the lateness bound.
        (3, NOW + 60_000, NOW + 60_000, NOW),
        (4, NOW + 60_000, NOW + 60_000, NOW + 58_000),
        // Behind: time stays.
        (5, NOW - 500_000, NOW + 61_000, NOW + 58_000),
    ] {
        run.low(low);
        run.take(passed_event("a", offset, timestamp, &json!({})), clock);
    }
    let seconds: Vec<_> = times(&run.log).into_iter().map(|(n, t)| (n, (t - NOW) / 1_000)).collect();
    assert_eq!(seconds, [(1, 1), (2, 3), (3, 5), (4, 60), (5, 60)]);
    let arrivals: Vec<_> = run.arrivals().into_iter().map(|t| (t - NOW) / 1_000).collect();
    assert_eq!(arrivals, [1, 3, 60, 60, -500]);
}

#[test]
fn nothing_moves_before_all_sources_are_heard() {
    let mut sequence = Sequence::new(Pace::Alone, shared());
    let (mut log, mut out) = (Vec::new(), Outbox::default());
    sequence.take(passed_event("a", 1, NOW, &json!({})), at(NOW), &mut log, &mut out).unwrap();
    sequence.low_water(low_water(1, Some(&["chat/0", "mail/0"]), &[("chat/0", NOW)]));
    sequence.mark(at(NOW), None, &mut log, &mut out).unwrap();
    sequence.take(passed_event("a", 2, NOW + 1, &json!({})), at(NOW + 1), &mut log, &mut out).unwrap();
    assert_eq!(times(&log), [(1, 1), (2, 1)]);
    sequence.low_water(low_water(1, None, &[("mail/0", NOW - 5)]));
    sequence.mark(at(NOW), None, &mut log, &mut out).unwrap();
    assert_eq!(times(&log).last(), Some(&(3, NOW - 5)));
}

#[test]
fn marks_keep_their_pace() {
    let mut alone = Run::new(Pace::Alone, NOW);
    assert_eq!(alone.mark(NOW, None), 1);
    alone.low(NOW + 400);
    assert_eq!(alone.mark(NOW + 400, None), 0, "not before 500 ms");
    assert_eq!(alone.sequence.wake_at(None), Some(at(NOW + 500)));
    assert_eq!(alone.mark(NOW + 500, None), 1);
    assert_eq!(alone.mark(NOW + 5_000, None), 0, "time cannot move");
    assert_eq!(alone.sequence.wake_at(None), None);

    let mut one = Run::new(Pace::OneProcess, NOW);
    assert_eq!(one.mark(NOW, Some(NOW + 10)), 0, "not due");
    one.low(NOW + 12);
    assert_eq!(one.sequence.wake_at(Some(at(NOW + 10))), Some(at(NOW + 10)));
    assert_eq!(one.mark(NOW + 12, Some(NOW + 10)), 1);
    one.low(NOW + 29_000);
    assert_eq!(one.mark(NOW + 29_000, None), 0);
    one.low(NOW + 31_000);
    assert_eq!(one.mark(NOW + 31_000, None), 1, "silent for 30 s");
    assert_eq!(times(&one.log), [(1, NOW + 12), (2, NOW + 31_000)]);
}

#[test]
fn a_repeat_stands_in_the_log_as_ignored() {
    let mut run = Run::new(Pace::OneProcess, NOW);
    run.take(passed_event("a", 1, NOW, &json!({"text": "first"})), NOW);
    run.take(passed_event("a", 2, NOW, &json!({"event_id": "e1", "text": "again"})), NOW);
    let mut elsewhere = passed_event("a", 3, NOW, &json!({"event_id": "e1"}));
    elsewhere.source.topic = "mail".into();
    run.take(elsewhere, NOW);
    assert_eq!(run.said(), ["e1", "Duplicate e1", "e1"]);
    assert_eq!(counted(&run.out, Counted::Ignored(IgnoredReason::Duplicate)), 1);
    assert_eq!(counted(&run.out, Counted::Applied), 2);
}

#[test]
fn an_event_stands_behind_the_record_that_resolved_it_and_arrives_with_it() {
    let mut run = Run::new(Pace::OneProcess, NOW);
    run.take(needing(passed_event("a", 1, NOW, &json!({})), 7), NOW + 1);
    run.take(needing(passed_event("a", 2, NOW + 900, &json!({})), 7), NOW + 1_000);
    run.take(passed_event("a", 3, NOW, &json!({})), NOW + 1_000);
    run.take(passed_account("a", 6, NOW + 300, Some(json!({"account_id": "a"}))), NOW + 1_000);
    assert_eq!(run.said(), ["e3", "account true"]);
    run.take(passed_account("a", 7, NOW + 400, Some(json!({"account_id": "a"}))), NOW + 1_000);
    run.take(passed_account("a", 8, NOW + 700, Some(json!({"account_id": "a"}))), NOW + 1_000);
    run.take(needing(passed_event("a", 4, NOW + 10, &json!({})), 7), NOW + 1_000);
    assert_eq!(run.said(), ["e3", "account true", "account true", "e1", "e2", "account true", "e4"]);
    let arrivals: Vec<_> = run.arrivals().into_iter().map(|t| t - NOW).collect();
    assert_eq!(arrivals, [0, 300, 400, 400, 900, 700, 400]);
}

#[test]
fn too_many_set_aside_go_on_and_are_counted() {
    let mut run = Run::new(Pace::OneProcess, NOW);
    for n in 0..1_002 {
        run.take(needing(passed_event("a", n, NOW, &json!({})), 7), NOW);
    }
    assert_eq!(run.said(), ["e0", "e1"]);
    assert_eq!(counted(&run.out, Counted::Bound), 2);
}

#[test]
fn what_happened_long_before_it_came_is_history() {
    let mut run = Run::new(Pace::OneProcess, NOW);
    let day = 86_400_000;
    for (n, occurred, given) in [(1, NOW - day, false), (2, NOW - day - 1, false), (3, NOW, true)] {
        let event = passed_event("a", n, NOW, &json!({"occurred_at": at(occurred)}));
        run.take(Passed { history: given, ..event }, NOW);
    }
    let flags: Vec<_> = run.log.iter().map(|r| matches!(&r.entry, Entry::Interaction(i) if i.history)).collect();
    assert_eq!(flags, [false, true, true]);
}

#[test]
fn a_policy_switches_the_log_once() {
    let directory = shared();
    apply(&directory, &Raw::new(Topic::Policies, 0, 0, "saas@1", &json!(SAAS)));
    let mut run = Run { sequence: Sequence::new(Pace::OneProcess, directory), log: Vec::new(), out: Outbox::default() };
    run.low(NOW);
    let policy = |n: u32| Passed {
        account_id: "".into(),
        payload: Payload::Policy {
            version: format!("saas@{n}").into(),
            text: SAAS.replace("version: saas@1", &format!("version: saas@{n}")).into(),
        },
        ..passed_event("a", 1, NOW, &json!({}))
    };
    run.take(passed_event("a", 1, NOW, &json!({})), NOW);
    run.take(policy(1), NOW);
    run.take(policy(3), NOW);
    run.take(policy(2), NOW);
    run.take(policy(3), NOW);
    assert_eq!(run.said(), ["saas@1", "e1", "saas@3"]);
    assert_eq!(run.sequence.policy().map(|p| p.version.number), Some(3));
}

#[test]
fn a_context_says_what_is_known_once_a_second() {
    let mut run = Run::new(Pace::OneProcess, NOW);
    for n in 0..5 {
        let fields = json!({"text": format!("word {n}"), "conversation_id": "c", "actor": "customer"});
        run.low(NOW + n * 100);
        run.take(passed_event("a", n, NOW + n * 100, &fields), NOW + n * 100);
    }
    assert!(contexts(&run.out).is_empty());
    run.low(NOW + 1_000);
    run.mark(NOW + 1_000, None);
    let written = contexts(&run.out);
    let (account, Some(context)) = &written[0] else { panic!("a tombstone") };
    assert_eq!((account.as_str(), written.len()), ("a", 1));
    assert_eq!(context.facts.len(), 5);
    assert_eq!(context.facts[4].text, "Customer wrote: \"word 4\"");
    assert_eq!(context.as_of, at(NOW + 400));
    assert_eq!(context.sources["chat"], at(NOW + 400));
    assert_eq!(context.conversations[0].customer_turns, 5);
    run.take(passed_event("b", 9, NOW + 1_100, &json!({})), NOW + 1_100);
    run.sequence.finish(&mut run.out);
    assert_eq!(contexts(&run.out).len(), 2);
}

#[test]
fn a_context_keeps_its_bounds() {
    let mut run = Run::new(Pace::OneProcess, NOW);
    for n in 0..200 {
        run.take(passed_event("short", n, NOW + n, &json!({"text": "hi"})), NOW + n);
        let long = json!({"event_id": format!("long{n}"), "text": "\"".repeat(2_000)});
        run.take(passed_event("long", n, NOW + n, &long), NOW + n);
    }
    run.sequence.finish(&mut run.out);
    for (account, context) in contexts(&run.out) {
        let context = context.unwrap();
        assert!(serde_json::to_vec(&context).unwrap().len() <= 16 * 1024, "{account}");
        assert!(context.facts.len() <= 40 && context.facts.len() >= 4, "{account}: {}", context.facts.len());
        assert!(context.facts.last().unwrap().event_id.ends_with("199"), "{account}");
    }
}

#[test]
fn an_erasure_leaves_nothing_to_quote() {
    let mut run = Run::new(Pace::OneProcess, NOW);
    let said = |n: i64, contact: &str, fields: serde_json::Value| {
        let mut fields = fields;
        fields["contact_id"] = json!(contact);
        passed_event("a", n, NOW + n, &fields)
    };
    run.take(said(1, "pat", json!({"text": "secret of pat"})), NOW + 1);
    run.take(said(2, "kim", json!({"text": "secret of kim"})), NOW + 2);
    run.take(needing(said(3, "pat", json!({"text": "more of pat"})), 7), NOW + 3);
    run.take(said(4, "pat", json!({"type": "erasure"})), NOW + 4);
    run.take(said(5, "pat", json!({"occurred_at": at(NOW + 1), "text": "late secret of pat"})), NOW + 5);
    run.take(said(6, "pat", json!({"text": "new word of pat"})), NOW + 6);
    assert_eq!(run.said(), ["e1", "e2", "e4", "Erased e3", "e5", "e6"]);
    run.sequence.finish(&mut run.out);
    let written = contexts(&run.out);
    let texts: Vec<_> = written.last().unwrap().1.as_ref().unwrap().facts.iter().map(|f| f.text.to_string()).collect();
    assert_eq!(texts, ["Customer wrote: \"secret of kim\"", "Customer wrote: \"new word of pat\""]);

    run.take(passed_event("a", 7, NOW + 7, &json!({"type": "erasure"})), NOW + 7);
    assert_eq!(contexts(&run.out).last(), Some(&("a".to_owned(), None)));
    let after = contexts(&run.out).len();
    run.sequence.finish(&mut run.out);
    assert_eq!(contexts(&run.out).len(), after);
    run.take(passed_account("b", 8, NOW, None), NOW + 8);
    assert_eq!(contexts(&run.out).last(), Some(&("b".to_owned(), None)), "an account's tombstone is the context's");
}

#[test]
fn mean_state_is_small() {
    let mut run = Run::new(Pace::OneProcess, NOW);
    for n in 0..5_000_i64 {
        let account = format!("account-{}", n % 100);
        let text = "the quick brown fox jumps over the lazy dog and asks for the invoice of last month ".repeat(2);
        let fields = json!({
            "text": text, "actor": "customer", "contact_id": format!("contact-{}", n % 300),
            "conversation_id": format!("conversation-{}", n % 500)
        });
        run.low(NOW + n * 1_000);
        run.take(passed_event(&account, n, NOW + n * 1_000, &fields), NOW + n * 1_000);
    }
    let mut changelog = Changelog::default();
    changelog.drain(run.sequence.stores());
    // Of each account: 50 ids within the window, as many facts as may be, 5 conversations, 3 contacts.
    assert!(changelog.bytes() / 100 < 4_608, "{} bytes an account", changelog.bytes() / 100);
    assert_eq!(run.sequence.time(), Timestamp::from_millis(NOW + 4_999_000));
}
