use super::*;
use crate::{Output, Topic};
use baton_records::{
    Account, AccountVersion, AssignResult, Body, Entry, Event, Id, IgnoredReason, Interaction, Lifecycle, LogRecord,
    LowWater, Passed, Payload, PoolRecord, Received, Signal, Source, Timestamp, ids,
};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Gives an output back as the input that a reader would see.
fn read<T>(output: &Output, reader: impl FnOnce(Input<'_>) -> T) -> T {
    reader(Input {
        topic: &output.topic,
        partition: output.partition.unwrap_or(3),
        offset: 9,
        timestamp: output.timestamp.unwrap_or(Timestamp::from_millis(77)),
        key: output.key.as_deref(),
        value: output.value.as_deref(),
        headers: &output.headers,
    })
}

fn header<'a>(output: &'a Output, name: &str) -> Option<&'a str> {
    output.headers.iter().find(|h| h.name == name).map(|h| std::str::from_utf8(&h.value).unwrap())
}

fn event() -> Box<Event> {
    let json =
        br#"{"event_id":"e","occurred_at":"2026-01-01T00:00:00Z","channel":"web","type":"login","account_id":"a"}"#;
    Box::new(Event::decode(json).unwrap())
}

fn lifecycle() -> (Box<Lifecycle>, Received) {
    let json = r#"{"handoff_id":"h","type":"accepted","at":"2026-01-01T00:00:00Z"}"#;
    let received = Received { key: Some(Id::from("aC0x")), value: Id::from(json) };
    (Box::new(Lifecycle::decode(json.as_bytes()).unwrap()), received)
}

fn withdrawn() -> AssignResult {
    let at = Timestamp::from_millis(5);
    AssignResult::Withdrawn { handoff_id: Id::from("h"), revision: 2, number: 3, at }
}

fn source() -> Source {
    Source { topic: Id::from("baton.lifecycle"), partition: 1, offset: 42 }
}

fn payloads() -> Vec<Payload> {
    let (lifecycle, received) = lifecycle();
    vec![
        Payload::Event { event: event() },
        Payload::Account { account: Some(Box::new(Account::unknown(Id::from("a")))) },
        Payload::Account { account: None },
        Payload::Lifecycle { lifecycle, agent_teams: vec![Id::from("tier1")], received },
        Payload::Assign { result: withdrawn() },
        Payload::Policy { version: Id::from("p@1"), text: Id::from("text") },
    ]
}

#[test]
fn what_is_passed_on_comes_back_as_it_was() {
    for (index, payload) in payloads().into_iter().enumerate() {
        let record = Passed {
            account_id: Id::from("a"),
            source: source(),
            timestamp: Timestamp::from_millis(1_000 + index as i64),
            history: index % 2 == 0,
            needs: (index == 0).then_some(AccountVersion { partition: 0, offset: 3 }),
            traceparent: (index < 3).then(|| Id::from(TRACE)),
            payload,
        };
        let output = passed(&record);
        assert_eq!((output.key.as_deref(), output.partition), (Some(b"a".as_slice()), None));
        assert_eq!(read(&output, read_account_repartition), Ok(FromIntake::Passed(record)));
    }
}

#[test]
fn a_policy_has_no_key_and_goes_into_its_partition() {
    let payload = Payload::Policy { version: Id::from("p@1"), text: Id::from("text") };
    let (account_id, timestamp) = (Id::default(), Timestamp::default());
    let record =
        Passed { account_id, source: source(), timestamp, history: false, needs: None, traceparent: None, payload };
    let output = passed_to(&record, 4);
    assert_eq!((output.key.as_deref(), output.partition), (None, Some(4)));
    assert_eq!(read(&output, read_account_repartition), Ok(FromIntake::Passed(record)));
}

#[test]
fn low_water_comes_back_and_is_a_mark() {
    let marks = LowWater {
        epoch: 7,
        sources: Some(vec![Id::from("t/0"), Id::from("t/1")]),
        marks: [(Id::from("t/0"), -1), (Id::from("t/1"), i64::MAX)].into(),
    };
    let output = low_water(&marks, 2);
    assert_eq!((output.key.as_deref(), output.partition, header(&output, MARK)), (None, Some(2), Some("low-water")));
    assert_eq!(read(&output, read_account_repartition), Ok(FromIntake::LowWater(marks)));
}

fn bodies() -> Vec<Body> {
    let (lifecycle, received) = lifecycle();
    vec![
        Body::Event { event: event(), conversation: Some(Id::from("c")) },
        Body::Event { event: event(), conversation: None },
        Body::Account { account: None },
        Body::Account { account: Some(Box::new(Account::unknown(Id::from("a")))) },
        Body::Lifecycle { lifecycle, agent_teams: Vec::new(), received },
        Body::Assign { result: withdrawn() },
        Body::Ignored { event_id: Id::from("e"), reason: IgnoredReason::Duplicate },
    ]
}

#[test]
fn the_log_comes_back_as_it_was_with_its_number_and_time() {
    let interactions = bodies().into_iter().enumerate().map(|(index, body)| {
        let traceparent = (index % 2 == 0).then(|| Id::from(TRACE));
        let arrival = Timestamp::from_millis(12);
        let (account_id, history) = (Id::from("a"), index == 1);
        Entry::Interaction(Box::new(Interaction { account_id, arrival, history, source: source(), traceparent, body }))
    });
    let policy = Entry::Policy { version: Id::from("p@2"), text: Id::from("x: 1\n") };
    for (index, entry) in interactions.chain([policy, Entry::Mark]).enumerate() {
        let record = LogRecord { seq: index as u64 + 1, time: Timestamp::from_millis(30), entry };
        let output = log_record(&record, 6);
        assert_eq!((output.partition, output.timestamp), (Some(6), Some(record.time)));
        assert_eq!(output.value.is_none(), record.entry == Entry::Mark);
        assert_eq!(output.key.is_some(), matches!(record.entry, Entry::Interaction(_)));
        assert_eq!(read(&output, read_log_record), Ok(record));
    }
}

#[test]
fn signals_and_progress_come_back() {
    let json = r#"{"signal_id":"s","account_id":"a","kind":"absence","name":"n","score":1,"value":2.5,"threshold":0.9,
        "evidence":[],"at":"2026-01-01T00:00:00Z"}"#;
    let said: Signal = serde_json::from_str(json).unwrap();
    for deadline in [None, Some(said.at), Some(Timestamp::from_millis(-5))] {
        let back = read(&signal(&said, 8, deadline, 1), read_signal);
        assert_eq!(back, Ok(SignalRecord::Signal { signal: Box::new(said.clone()), seq: 8, deadline }));
    }
    for who in ["scorer", "detector"] {
        let output = progress_mark(who, u64::MAX, 1);
        assert_eq!((output.key.as_deref(), output.value.as_deref()), (None, None));
        assert_eq!(read(&output, read_signal), Ok(SignalRecord::Progress { who, seq: u64::MAX }));
    }
}

#[test]
fn what_pools_are_told_comes_back() {
    let agent = PoolRecord::Agent { agent_id: Id::from("g"), agent: None, at: Timestamp::from_millis(4) };
    let output = pool_record(&agent, "emea");
    assert_eq!((output.key.as_deref(), header(&output, MARK)), (Some(b"emea".as_slice()), None));
    assert_eq!(read(&output, read_pool_record), Ok(agent));
    let clock = PoolRecord::Clock { partition: 1, of: 4, time: Timestamp::MIN };
    let output = pool_clock(&clock, 0);
    assert_eq!((output.key.as_deref(), header(&output, MARK)), (None, Some("clock")));
    assert_eq!(read(&output, read_pool_record), Ok(clock));
    let (version, text) = (Id::from("p@1"), Id::from("t"));
    let output = pool_policy(version.clone(), text.clone(), 2);
    assert_eq!(read(&output, read_pool_record), Ok(PoolRecord::Policy { version, text }));
}

#[test]
fn what_baton_cannot_have_written_is_refused() {
    let mark = log_record(&LogRecord { seq: 1, time: Timestamp::default(), entry: Entry::Mark }, 0);
    let changed = |change: fn(&mut Output)| {
        let mut output = mark.clone();
        change(&mut output);
        let said = |rejection: Rejection| (rejection.reason, rejection.field.to_string());
        (read(&output, read_log_record).map_err(said), read(&output, read_signal).map_err(said))
    };
    let missing = |field: &str| (Reason::MissingField, field.to_owned());
    let invalid = |field: &str| (Reason::InvalidValue, field.to_owned());
    let (log, signal) = changed(|output| output.headers.retain(|h| h.name != SEQ));
    assert_eq!((log.unwrap_err(), signal.unwrap_err()), (missing("headers.baton-seq"), missing("headers.baton-seq")));
    let (log, signal) = changed(|output| output.headers[0].value = b"-1".to_vec());
    assert_eq!((log.unwrap_err(), signal.unwrap_err()), (invalid("headers.baton-seq"), invalid("headers.baton-seq")));
    let (log, signal) = changed(|output| output.headers[1].value = b"guess".to_vec());
    assert_eq!((log.unwrap_err(), signal.unwrap_err()), (invalid("headers.baton-mark"), invalid("headers.baton-mark")));
    let (log, signal) = changed(|output| output.headers.truncate(1));
    assert_eq!((log.unwrap_err(), signal.unwrap_err()), (missing("value"), missing("value")));
}

fn received_with<'a>(topic: &'a Topic, value: &'a [u8], headers: &'a [Header]) -> Input<'a> {
    let timestamp = Timestamp::from_millis(1);
    Input { topic, partition: 5, offset: 17, timestamp, key: Some(b"\xffkey"), value: Some(value), headers }
}

#[test]
fn a_dead_letter_has_what_was_received_and_why() {
    let topic = Topic::Source(Id::from("crm.events"));
    let headers = [Header::new(TRACEPARENT, TRACE)];
    let rejection = Rejection::new(Reason::WrongType, "ai.confidence");
    let letter = dead_letter(&received_with(&topic, b"\xfe{", &headers), &rejection, "context-unifier");
    assert_eq!(
        (letter.key.as_deref(), letter.value.as_deref()),
        (Some(b"\xffkey".as_slice()), Some(b"\xfe{".as_slice()))
    );
    assert_eq!((letter.timestamp, letter.partition), (None, None));
    let expected = [
        ("reason", "wrong_type"),
        ("field", "ai.confidence"),
        ("topic", "crm.events"),
        ("partition", "5"),
        ("offset", "17"),
        ("processor", "context-unifier"),
        ("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("traceparent", TRACE),
    ];
    let said: Vec<_> = letter.headers.iter().map(|h| (&*h.name, std::str::from_utf8(&h.value).unwrap())).collect();
    assert_eq!(said, expected);
}

#[test]
fn a_dead_letter_above_one_mebibyte_is_cut() {
    let rejection = Rejection::new(Reason::TooLarge, "");
    for (length, kept) in [(1 << 20, 1 << 20), ((1 << 20) + 1, 64 << 10)] {
        let value = vec![b'x'; length];
        let letter = dead_letter(&received_with(&Topic::Lifecycle, &value, &[]), &rejection, "router");
        assert_eq!(letter.value.as_ref().map(Vec::len), Some(kept));
        let is_cut = length > 1 << 20;
        assert_eq!(header(&letter, "truncated"), is_cut.then_some("true"));
        assert_eq!(header(&letter, "sha256"), is_cut.then_some(ids::sha256(&value).as_str()));
        assert_eq!(header(&letter, "topic"), Some("baton.lifecycle"));
    }
}

#[test]
fn a_report_that_decide_refuses_is_as_it_was_received() {
    let (_, received) = lifecycle();
    let rejection = Rejection::new(Reason::UnknownHandoff, "handoff_id");
    let letter = dead_letter_received(&received, &source(), None, &rejection, "router");
    assert_eq!(letter.key.as_deref(), Some(b"h-1".as_slice()));
    assert_eq!(letter.value.as_deref(), Some(received.value.as_bytes()));
    assert_eq!(header(&letter, "offset"), Some("42"));
    // Without a trace of its own it has the one that intake would have given it.
    let intake = Input { partition: 1, offset: 42, ..received_with(&Topic::Lifecycle, b"", &[]) };
    assert_eq!(header(&letter, "traceparent"), Some(traceparent(&intake).as_str()));
}

#[test]
fn a_trace_is_carried_when_valid_and_derived_when_not() {
    let topic = Topic::Source(Id::from("t"));
    let of = |text: &str| traceparent(&received_with(&topic, b"", &[Header::new(TRACEPARENT, text)]));
    let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes";
    for valid in [TRACE, later] {
        assert_eq!(of(valid), valid);
    }
    let derived = traceparent(&received_with(&topic, b"", &[]));
    assert_eq!(of(&derived), derived, "what is derived is valid");
    let wrong = [
        String::new(),
        TRACE.to_uppercase(),
        TRACE.replace("00-", "ff-"),
        TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
        TRACE.replace("00f067aa0ba902b7", &"0".repeat(16)),
        format!("{TRACE}-more"),
        TRACE.replace("-01", ""),
        TRACE.replace('-', "_"),
        format!("{later}{}", "x".repeat(300)),
    ];
    for text in wrong {
        assert_eq!(of(&text), derived, "{text}");
    }
    assert_ne!(derived, traceparent(&Input { offset: 18, ..received_with(&topic, b"", &[]) }));
    assert_eq!(trace_id(TRACE), "4bf92f3577b34da6a3ce929d0e0e4736");
}
