//! Reads a company's story and makes records of it.
//!
//! A line is `{"topic", "value", "at"?, "ago"?, "every"?, "times"?}`. `at` is the second of a demo of 30 s at which it
//! happens; a longer or shorter demo stretches it. `ago` is how long before that it happened: a day or more makes it
//! history, which is loaded at the start, less makes it a record that took so long to arrive. `every` and `times` repeat it
//! into the past. A text `date:-5d` stands for the day five days before the start.

use super::company::Company;
use anyhow::{Context as _, ensure};
use baton_records::{Id, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// A story is written for a demo of this length.
const WRITTEN_FOR: f64 = 30.0;
const DAY: Duration = Duration::from_secs(86_400);
/// So much time lies between two ordinary questions, and between question and answer.
const CHATTER_EVERY: Duration = Duration::from_millis(150);
const CHATTER_ANSWER: Duration = Duration::from_millis(100);
const CHATTER: &str = include_str!("../../demo/chatter.json");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    topic: String,
    value: Map<String, Value>,
    #[serde(default)]
    at: f64,
    #[serde(default)]
    ago: Option<String>,
    #[serde(default)]
    every: Option<String>,
    #[serde(default)]
    times: Option<u32>,
}

/// A record to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// When to write it.
    pub due: Timestamp,
    /// When it happened, when that is history. Its timestamp is the moment of writing all the same: a deadline that lies
    /// before a record's arrival is not set, so silence within the history fires nothing while it is loaded.
    pub history_of: Option<Timestamp>,
    /// The topic's name on the broker.
    pub topic: String,
    /// Its key.
    pub key: Id,
    /// The event, when it is one.
    pub event_id: Option<Id>,
    /// Its value.
    pub value: String,
}

/// When a story begins, and how much it is stretched.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// When.
    pub start: Timestamp,
    /// How long the demo lasts.
    pub length: Duration,
}

impl Pace {
    /// Returns the moment of a second of the story.
    pub fn at(&self, second: f64) -> Timestamp {
        self.start.plus(self.beat().mul_f64(second))
    }

    /// Returns how long a second of the story lasts.
    pub fn beat(&self) -> Duration {
        self.length.div_f64(WRITTEN_FOR)
    }
}

/// A story that was read.
#[derive(Debug)]
pub struct Story {
    company: &'static Company,
    lines: Vec<Line>,
}

impl Story {
    /// Reads the story of a company.
    ///
    /// # Errors
    /// Which line is wrong.
    pub fn read(company: &'static Company) -> anyhow::Result<Self> {
        let numbered = company.story.lines().enumerate();
        let lines = numbered
            .map(|(n, line)| {
                serde_json::from_str(line).with_context(|| format!("line {} of the story {}", n + 1, company.prefix))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { company, lines })
    }

    /// Returns who works in which team.
    pub fn agents(&self) -> BTreeMap<Id, Id> {
        let agents = self.lines.iter().filter(|line| line.topic == "agents");
        agents
            .flat_map(|line| {
                let teams = line.value.get("teams").and_then(Value::as_array).into_iter().flatten();
                teams.filter_map(|team| Some((team.as_str()?.into(), text(&line.value, "agent_id")?)))
            })
            .collect()
    }

    /// Returns the accounts that are there before anything happens.
    pub fn accounts(&self) -> impl Iterator<Item = Id> {
        self.lines.iter().filter(|line| line.topic == "accounts").filter_map(|line| text(&line.value, "account_id"))
    }

    /// Makes the records of accounts and agents, which are there before anything happens.
    ///
    /// # Errors
    /// Which line is wrong.
    pub fn setting(&self, now: Timestamp) -> anyhow::Result<Vec<Planned>> {
        let pace = Pace { start: now, length: Duration::ZERO };
        self.records(&pace, is_setting)
    }

    /// Makes the events, in the order in which they are written.
    ///
    /// # Errors
    /// Which line is wrong.
    pub fn events(&self, pace: &Pace) -> anyhow::Result<Vec<Planned>> {
        let mut all = self.records(pace, |line| !is_setting(line))?;
        all.sort_by_key(|planned| (planned.due, planned.history_of));
        Ok(all)
    }

    fn records(&self, pace: &Pace, wanted: impl Fn(&Line) -> bool) -> anyhow::Result<Vec<Planned>> {
        let mut all = Vec::new();
        for (number, line) in self.lines.iter().enumerate().filter(|(_, line)| wanted(line)) {
            let place = || format!("line {} of the story {}", number + 1, self.company.prefix);
            for nth in 0..line.times.unwrap_or(1) {
                all.push(self.record(pace, number + 1, line, nth).with_context(place)?);
            }
        }
        Ok(all)
    }

    fn record(&self, pace: &Pace, number: usize, line: &Line, nth: u32) -> anyhow::Result<Planned> {
        let span = |text: &Option<String>| text.as_deref().map_or(Ok(Duration::ZERO), span);
        let ago = span(&line.ago)? + span(&line.every)? * nth;
        let due = pace.at(line.at);
        let occurred = due.minus(ago);
        let mut value = line.value.clone();
        dates(value.values_mut(), pace.start)?;
        let mut event_id = None;
        if !is_setting(line) {
            let name = match nth {
                0 => format!("{}-{number}", self.company.prefix),
                nth => format!("{}-{number}-{nth}", self.company.prefix),
            };
            value.entry("event_id").or_insert(Value::String(name));
            value.insert("occurred_at".to_owned(), Value::String(occurred.to_string()));
            event_id = text(&value, "event_id");
        }
        let key = ["account_id", "agent_id", "conversation_id"].iter().find_map(|name| text(&value, name));
        let is_history = ago >= DAY;
        Ok(Planned {
            due: if is_history { pace.start } else { due },
            history_of: is_history.then_some(occurred),
            topic: self.company.topic(&line.topic),
            key: key.context("it names neither account, agent nor conversation")?,
            event_id,
            value: Value::Object(value).to_string(),
        })
    }
}

/// Makes ordinary questions and answers, of which nothing is to come, until the demo ends.
///
/// # Errors
/// When the questions cannot be read.
pub fn chatter(companies: &'static [Company], pace: &Pace) -> anyhow::Result<Vec<Planned>> {
    let all: BTreeMap<&str, Vec<(String, String)>> =
        serde_json::from_str(CHATTER).context("the ordinary questions of the demo")?;
    let mut planned = Vec::new();
    let mut due = pace.start;
    let end = pace.start.plus(pace.length).minus(CHATTER_ANSWER);
    for (number, company) in (0_usize..).zip(companies.iter().cycle()) {
        if due >= end {
            break;
        }
        let pairs = all.get(company.prefix).filter(|pairs| !pairs.is_empty());
        let pairs = pairs.with_context(|| format!("no ordinary questions for {}", company.prefix))?;
        let round = number / companies.len();
        let Some((question, answer)) = pairs.get(round % pairs.len()) else { continue };
        planned.push(spoken(company, number, due, "customer", question));
        planned.push(spoken(company, number, due.plus(CHATTER_ANSWER), "ai_agent", answer));
        due = due.plus(CHATTER_EVERY);
    }
    Ok(planned)
}

fn spoken(company: &Company, number: usize, due: Timestamp, actor: &str, words: &str) -> Planned {
    let account = format!("{}-customer-{}", company.prefix, number % 11);
    let event_id = format!("{}-small-talk-{number}-{actor}", company.prefix);
    let mut value = serde_json::json!({
        "event_id": event_id, "occurred_at": due, "channel": "chat", "type": "message", "account_id": account,
        "conversation_id": format!("chat-{}", 1000 + number), "actor": actor, "text": words,
    });
    if actor == "ai_agent" {
        value["ai"] = serde_json::json!({"confidence": 0.9});
    }
    Planned {
        due,
        history_of: None,
        topic: company.topic("chat"),
        key: account.into(),
        event_id: Some(event_id.into()),
        value: value.to_string(),
    }
}

fn is_setting(line: &Line) -> bool {
    matches!(line.topic.as_str(), "accounts" | "agents")
}

fn text(value: &Map<String, Value>, name: &str) -> Option<Id> {
    value.get(name).and_then(Value::as_str).map(Id::from)
}

/// Puts days into the place of texts such as `date:-5d`.
fn dates<'v>(values: impl Iterator<Item = &'v mut Value>, start: Timestamp) -> anyhow::Result<()> {
    for value in values {
        match value {
            Value::Object(object) => dates(object.values_mut(), start)?,
            Value::Array(array) => dates(array.iter_mut(), start)?,
            Value::String(text) => {
                if let Some(by) = text.strip_prefix("date:") {
                    let day = match by.strip_prefix('-') {
                        Some(before) => start.minus(span(before)?),
                        None => start.plus(span(by.trim_start_matches('+'))?),
                    };
                    *text = day.to_string().chars().take(10).collect();
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Reads a span such as `7d16h48m`.
fn span(text: &str) -> anyhow::Result<Duration> {
    let mut sum = Duration::ZERO;
    let mut number = None;
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            number = Some(number.unwrap_or(0) * 10 + digit);
            continue;
        }
        let unit = match c {
            'd' => DAY,
            'h' => Duration::from_secs(3600),
            'm' => Duration::from_secs(60),
            's' => Duration::from_secs(1),
            other => anyhow::bail!("{text:?} is no span: {other:?} is none of d, h, m, s"),
        };
        sum += unit * number.take().with_context(|| format!("{text:?} is no span: a number is missing"))?;
    }
    ensure!(number.is_none(), "{text:?} is no span: a unit is missing");
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::super::company::COMPANIES;
    use super::*;
    use baton_records::{Account, Agent, Event};

    fn pace() -> Pace {
        Pace { start: Timestamp::parse("2026-03-02T10:00:00Z").unwrap(), length: Duration::from_secs(15) }
    }

    #[test]
    fn a_span_is_a_sum() {
        assert_eq!(span("7d16h48m").unwrap(), Duration::from_secs(7 * 86_400 + 16 * 3600 + 48 * 60));
        for wrong in ["5", "d", "5x"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn accounts_and_agents_of_all_stories_are_valid() {
        for company in &COMPANIES {
            let story = Story::read(company).unwrap();
            assert!(!story.agents().is_empty());
            for planned in story.setting(pace().start).unwrap() {
                assert!(!planned.value.contains("date:"), "{}", planned.value);
                if planned.topic.ends_with(".agents") {
                    Agent::decode(planned.value.as_bytes()).unwrap();
                } else {
                    Account::decode(planned.value.as_bytes()).unwrap();
                }
            }
        }
    }

    #[test]
    fn events_of_all_stories_are_valid_but_for_the_one_that_shall_not_be() {
        for company in &COMPANIES {
            let events = Story::read(company).unwrap().events(&pace()).unwrap();
            let wrong = events.iter().filter(|planned| Event::decode(planned.value.as_bytes()).is_err()).count();
            assert_eq!(wrong, usize::from(company.prefix == "saas"), "{}", company.prefix);
            let end = pace().start.plus(pace().length);
            assert!(events.iter().all(|planned| planned.due < end && planned.history_of.is_none_or(|a| a < end)));
        }
    }

    #[test]
    fn a_story_is_stretched_and_reaches_into_the_past() {
        let line = Line {
            topic: "erp".into(),
            value: serde_json::from_str(r#"{"account_id":"a"}"#).unwrap(),
            at: 10.0,
            ago: Some("2d".into()),
            every: Some("7d".into()),
            times: Some(2),
        };
        let story = Story { company: &COMPANIES[1], lines: vec![line] };
        let events = story.events(&pace()).unwrap();
        let arrivals: Vec<_> = events.iter().map(|p| p.history_of.unwrap().to_string()).collect();
        assert_eq!(arrivals, ["2026-02-21T10:00:05Z", "2026-02-28T10:00:05Z"]);
        assert!(events.iter().all(|p| p.due == pace().start && p.topic == "manufacturing-erp"));
    }

    #[test]
    fn small_talk_ends_with_the_demo() {
        let events = chatter(&COMPANIES, &pace()).unwrap();
        assert!(events.len() > 150);
        for planned in events {
            Event::decode(planned.value.as_bytes()).unwrap();
            assert!(planned.due < pace().start.plus(pace().length));
        }
    }
}
