//! Reads decisions and what else tells of an event's fate out of JSON Lines.

use baton_records::{Decision, Handoff, Id, Timestamp};
use baton_replay::ReplayLine;
use serde::Deserialize;
use std::io::{BufRead, Read as _};

/// A line above this many bytes is refused.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// What a line says.
#[derive(Debug)]
pub enum Record {
    /// A decision.
    Decision(Box<Decision>),
    /// A revision of a handoff.
    Handoff(Box<Handoff>),
    /// An event, or that one was ignored, in the log.
    Logged(Logged),
    /// A record that was not taken.
    DeadLetter(Rejected),
    /// A record of a source.
    Source(Sighting),
    /// Something else.
    Other,
}

/// An event in the log.
#[derive(Debug)]
pub struct Logged {
    /// The event.
    pub event_id: Id,
    /// The account.
    pub account_id: Id,
    /// Its arrival.
    pub arrival: Timestamp,
    /// Whether it is too old for rules.
    pub history: bool,
    /// Why it was ignored.
    pub ignored: Option<Id>,
}

/// A dead letter.
#[derive(Debug)]
pub struct Rejected {
    /// The event, when its value can be read so far.
    pub event_id: Option<Id>,
    /// The reason.
    pub reason: Id,
    /// The field at fault.
    pub field: Option<Id>,
    /// Where it was received: topic, partition, offset.
    pub received: [Id; 3],
}

/// An event as a source holds it.
#[derive(Debug)]
pub struct Sighting {
    /// The event.
    pub event_id: Id,
    /// The topic.
    pub topic: Id,
}

/// The fields of a log record that matter here; its whole shape may be newer than this program.
#[derive(Deserialize)]
struct LogShape {
    kind: Id,
    account_id: Id,
    arrival: Timestamp,
    #[serde(default)]
    history: bool,
    #[serde(default)]
    event: Option<EventShape>,
    #[serde(default)]
    event_id: Option<Id>,
    #[serde(default)]
    reason: Option<Id>,
}

#[derive(Deserialize)]
struct EventShape {
    event_id: Id,
}

/// The records of a file, one line held at a time.
pub struct Records<'a, R> {
    input: R,
    prefix: &'a str,
    number: u64,
    line: Vec<u8>,
}

impl<'a, R: BufRead> Records<'a, R> {
    /// Reads from `input`; `prefix` stands before the names of Baton's topics.
    pub fn new(input: R, prefix: &'a str) -> Self {
        Self { input, prefix, number: 0, line: Vec::new() }
    }

    fn read(&mut self) -> anyhow::Result<Option<Record>> {
        loop {
            self.number += 1;
            self.line.clear();
            let number = self.number;
            let read = self.input.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut self.line);
            if read.map_err(|error| anyhow::anyhow!("line {number}: {error}"))? == 0 {
                return Ok(None);
            }
            anyhow::ensure!(self.line.len() as u64 <= MAX_LINE, "line {number}: longer than 16 MiB");
            if !self.line.trim_ascii().is_empty() {
                let record = record(&self.line, self.prefix);
                return record.map(Some).map_err(|what| anyhow::anyhow!("line {number}: {what}"));
            }
        }
    }
}

impl<R: BufRead> Iterator for Records<'_, R> {
    type Item = anyhow::Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

fn record(line: &[u8], prefix: &str) -> Result<Record, String> {
    if let Ok(decision) = serde_json::from_slice::<Decision>(line) {
        return Ok(Record::Decision(Box::new(decision)));
    }
    let text = std::str::from_utf8(line).map_err(|_| "not UTF-8".to_owned())?;
    let record =
        ReplayLine::parse(text.trim()).map_err(|problem| format!("neither a decision nor a record: {problem}"))?;
    of_topic(record, prefix)
}

/// Reads a record of a topic, whose name begins with `prefix` unless it is a source's.
///
/// # Errors
/// When it is neither the decision nor the handoff that its topic promises.
pub fn of_topic(record: ReplayLine, prefix: &str) -> Result<Record, String> {
    let own = record.topic.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
    Ok(match own {
        Some("decisions") => {
            let value = record.value.unwrap_or_default();
            let decision = serde_json::from_slice(&value).map_err(|error| format!("not a decision: {error}"))?;
            Record::Decision(Box::new(decision))
        }
        Some("handoffs") => {
            let value = record.value.unwrap_or_default();
            let handoff = serde_json::from_slice(&value).map_err(|error| format!("not a handoff: {error}"))?;
            Record::Handoff(Box::new(handoff))
        }
        Some("interactions") => logged(&record).map_or(Record::Other, Record::Logged),
        Some("dead-letters") => Record::DeadLetter(rejected(&record)),
        Some(_) => Record::Other,
        None => event_id(&record)
            .map_or(Record::Other, |event_id| Record::Source(Sighting { event_id, topic: record.topic.clone() })),
    })
}

/// Marks and policies stand in the log too; they are about no event.
fn logged(record: &ReplayLine) -> Option<Logged> {
    let shape: LogShape = serde_json::from_slice(record.value.as_deref()?).ok()?;
    let (event_id, ignored) = match shape.kind.as_str() {
        "event" => (shape.event?.event_id, None),
        "ignored" => (shape.event_id?, shape.reason),
        _ => return None,
    };
    Some(Logged { event_id, account_id: shape.account_id, arrival: shape.arrival, history: shape.history, ignored })
}

fn rejected(record: &ReplayLine) -> Rejected {
    let header = |name: &str| {
        let header = record.headers.iter().find(|header| header.name == name)?;
        Some(Id::from(String::from_utf8_lossy(&header.value))).filter(|value| !value.is_empty())
    };
    Rejected {
        event_id: event_id(record),
        reason: header("reason").unwrap_or_default(),
        field: header("field"),
        received: ["topic", "partition", "offset"].map(|name| header(name).unwrap_or_default()),
    }
}

fn event_id(record: &ReplayLine) -> Option<Id> {
    let event: EventShape = serde_json::from_slice(record.value.as_deref()?).ok()?;
    Some(event.event_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_records::{Body, Entry, Interaction, LogRecord, Reason, Rejection, Source};
    use baton_stream::{Input, Output, Topic, wire};

    const VALUE: &[u8] = br#"{"event_id":"e1","occurred_at":"2026-03-02T10:00:00Z","channel":"chat","type":"message"}"#;

    /// Reads what the pipeline wrote, as a replay would put it into a file.
    fn read(output: Output) -> Record {
        let mut line = Vec::new();
        ReplayLine {
            topic: output.topic.name("baton").into(),
            partition: output.partition,
            key: output.key,
            timestamp: Timestamp::from_millis(1),
            value: output.value,
            headers: output.headers,
        }
        .write(&mut line);
        let mut records = Records::new(line.as_slice(), "baton");
        records.next().unwrap().unwrap()
    }

    fn interaction(body: Body, history: bool) -> Output {
        let interaction = Interaction {
            account_id: "acme".into(),
            arrival: Timestamp::from_millis(5000),
            history,
            source: Source { topic: "chat".into(), partition: 0, offset: 7 },
            traceparent: None,
            body,
        };
        let entry = Entry::Interaction(Box::new(interaction));
        wire::log_record(&LogRecord { seq: 1, time: Timestamp::from_millis(5000), entry }, 0)
    }

    #[test]
    fn the_log_is_read_as_it_is_written() {
        let event = Box::new(serde_json::from_slice(VALUE).unwrap());
        let Record::Logged(logged) = read(interaction(Body::Event { event, conversation: None }, true)) else {
            panic!()
        };
        assert_eq!((logged.event_id.as_str(), logged.account_id.as_str(), logged.history), ("e1", "acme", true));
        assert_eq!((logged.arrival.millis(), logged.ignored), (5000, None));
        let body = Body::Ignored { event_id: "e1".into(), reason: baton_records::IgnoredReason::Duplicate };
        let Record::Logged(logged) = read(interaction(body, false)) else { panic!() };
        assert_eq!((logged.event_id.as_str(), logged.ignored.as_deref()), ("e1", Some("duplicate")));
        let mark = LogRecord { seq: 2, time: Timestamp::from_millis(1), entry: Entry::Mark };
        assert!(matches!(read(wire::log_record(&mark, 0)), Record::Other));
        let entry = Entry::Policy { version: "saas@1".into(), text: "version: saas@1".into() };
        let policy = LogRecord { seq: 3, time: Timestamp::from_millis(1), entry };
        assert!(matches!(read(wire::log_record(&policy, 0)), Record::Other));
    }

    #[test]
    fn dead_letters_are_read_as_they_are_written() {
        let topic = Topic::Source("chat".into());
        let letter = |value| {
            let input = Input {
                topic: &topic,
                partition: 3,
                offset: 17,
                timestamp: Timestamp::from_millis(1),
                key: None,
                value: Some(value),
                headers: &[],
            };
            read(wire::dead_letter(&input, &Rejection::new(Reason::NotJson, ""), "context-unifier"))
        };
        let Record::DeadLetter(rejected) = letter(VALUE) else { panic!() };
        assert_eq!(rejected.event_id.as_deref(), Some("e1"));
        assert_eq!((rejected.reason.as_str(), rejected.field), ("not_json", None));
        assert_eq!(rejected.received, ["chat", "3", "17"]);
        let Record::DeadLetter(rejected) = letter(b"\xff{") else { panic!() };
        assert_eq!(rejected.event_id, None);
    }
}
