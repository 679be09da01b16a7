//! The language of cases: one input a line, behind each the answers that it must give. Times are seconds after
//! 2026-03-02T10:00:00Z.

use crate::terms::Terms;
use crate::{Answers, Assign, Pace};
use baton_policy::{Experience, TeamOverflow};
use baton_records::{Agent, AgentSkill, AssignResult, Id, PoolRecord, Request, RequestState, Requirement, Timestamp};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::time::Duration;

const START: i64 = 1_772_445_600_000;

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(START + seconds * 1_000)
}

/// One line of a case, cut into its words.
pub struct Line<'a> {
    pub verb: &'a str,
    pub names: Vec<&'a str>,
    pub fields: BTreeMap<&'a str, &'a str>,
    pub at: i64,
}

impl<'a> Line<'a> {
    pub fn parse(text: &'a str) -> Self {
        let mut words = text.split_whitespace();
        let verb = words.next().unwrap();
        let mut line = Self { verb, names: Vec::new(), fields: BTreeMap::new(), at: 0 };
        for word in words {
            if let Some(seconds) = word.strip_prefix('@') {
                line.at = seconds.parse().unwrap();
            } else if let Some((key, value)) = word.split_once('=') {
                line.fields.insert(key, value);
            } else {
                line.names.push(word);
            }
        }
        line
    }

    pub fn id(&self, index: usize) -> Id {
        self.names[index].into()
    }

    pub fn ids(&self, key: &str) -> Vec<Id> {
        self.fields.get(key).map(|list| list.split(',').map(Id::from).collect()).unwrap_or_default()
    }

    fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.fields.get(key).and_then(|text| text.parse().ok())
    }

    fn named<T: DeserializeOwned>(&self, key: &str, default: &str) -> T {
        let name = self.fields.get(key).unwrap_or(&default);
        serde_json::from_value(serde_json::Value::from(*name)).unwrap()
    }

    pub fn agent(&self) -> Agent {
        let skill = |text: &str| {
            let mut parts = text.split(':');
            AgentSkill {
                skill: parts.next().unwrap().into(),
                level: parts.next().map_or(1, |level| level.parse().unwrap()),
                expires: parts.next().map(Id::from),
            }
        };
        Agent {
            agent_id: self.id(0),
            name: None,
            teams: self.ids("teams"),
            languages: if self.fields.contains_key("languages") { self.ids("languages") } else { vec!["en".into()] },
            industries: self.ids("industries"),
            skills: self.ids("skills").iter().map(|text| skill(text)).collect(),
            accounts: self.ids("accounts"),
            capacity: self.number("capacity").unwrap_or(1),
            load: self.number("load").unwrap_or(0),
            status: self.named("status", "available"),
        }
    }

    fn request(&self, state: RequestState) -> Request {
        Request {
            handoff_id: self.id(0),
            account_id: self.fields.get("account").map_or("acme".into(), |account| Id::from(*account)),
            revision: self.number("rev").unwrap_or(1),
            at: at(self.at),
            state,
            team: self.fields.get("team").map_or("one".into(), |team| Id::from(*team)),
            priority: self.named("priority", "normal"),
            sla: self.named("sla", "met"),
            first_response_due: self.number("due").map(at),
            opened_at: at(0),
            agent_id: self.names.get(1).map(|agent| Id::from(*agent)),
            declined: self.ids("declined"),
            requirements: self.ids("needs").iter().map(|text| requirement(text)).collect(),
            industry: self.fields.get("industry").map(|industry| Id::from(*industry)),
            subject: self.fields.get("subject").map(|subject| Id::from(*subject)),
            resolved_by: self.fields.get("by").map(|agent| Id::from(*agent)),
            policy_version: "test@1".into(),
        }
    }

    pub fn record(&self) -> Option<PoolRecord> {
        let request = |state| Some(PoolRecord::Request { request: Box::new(self.request(state)) });
        match self.verb {
            "queue" => request(RequestState::Queued),
            "accept" => request(RequestState::Accepted),
            "close" => request(RequestState::Closed),
            "agent" => {
                let agent = Some(Box::new(self.agent()));
                Some(PoolRecord::Agent { agent_id: self.id(0), agent, at: at(self.at) })
            }
            "gone" => Some(PoolRecord::Agent { agent_id: self.id(0), agent: None, at: at(self.at) }),
            _ => None,
        }
    }

    pub fn team(&self) -> (Id, Option<TeamOverflow>) {
        let overflow = self.fields.get("to").map(|to| TeamOverflow {
            to: Id::from(*to),
            after: Duration::from_secs(self.number("after").unwrap_or(60)),
            notify: self.ids("notify"),
        });
        (self.id(0), overflow)
    }
}

/// A team whose agents are ranked by what they have resolved: the family of subjects, at least how many, in how many days.
pub fn family(line: &Line<'_>) -> (Id, Id, Experience) {
    let within = Duration::from_secs(86_400 * line.number::<u64>("days").unwrap());
    (line.id(0), line.id(1), Experience { at_least: line.number("least").unwrap(), within })
}

fn requirement(text: &str) -> Requirement {
    let parts: Vec<&str> = text.split(':').collect();
    let number = |index: usize| parts.get(index).map(|text| text.parse().unwrap());
    match parts[0] {
        "skill" => Requirement::Skill {
            skill: parts[1].into(),
            min_level: number(2).unwrap(),
            relax_to: number(3),
            relax_after_s: number(4),
        },
        "language" => Requirement::Language { language: parts[1].into() },
        "industry" => Requirement::Industry { industry: parts[1].into() },
        "dedicated" => Requirement::Dedicated { dedicated: true, relax_to: parts.get(1).map(|to| Id::from(*to)) },
        other => panic!("no requirement {other}"),
    }
}

/// A pool with its clocks.
pub struct Pool {
    pub assign: Assign,
    pub terms: Terms,
    pub now: i64,
    pub wall: i64,
}

impl Pool {
    pub fn new(terms: Terms) -> Self {
        let mut pool = Self { assign: empty(&terms), terms, now: 0, wall: 1_000 };
        pool.tick(0, 0, &mut Vec::new());
        pool
    }

    /// Moves the clock of *decide* and the wall clock.
    pub fn tick(&mut self, clock: i64, wall: i64, out: &mut Answers) {
        self.now += clock;
        self.wall += wall;
        self.assign.record(PoolRecord::Clock { partition: 0, of: 1, time: at(self.now) }, at(self.wall), out);
        self.assign.advance(at(self.wall), true, out);
    }

    pub fn give(&mut self, record: PoolRecord, out: &mut Answers) {
        self.assign.record(record, at(self.wall), out);
    }

    /// Takes all changes of the stores, and makes the stage anew of them and of those before.
    pub fn restart(&mut self, changelog: &mut Changelog) {
        changelog.take(&mut self.assign);
        self.assign = empty(&self.terms);
        changelog.restore(&mut self.assign);
    }
}

fn empty(terms: &Terms) -> Assign {
    let mut assign = Assign::new(Pace::Decided);
    assign.terms = Some(terms.clone());
    assign
}

/// The newest value of every key of every store.
#[derive(Default)]
pub struct Changelog(BTreeMap<(&'static str, Vec<u8>), Option<Vec<u8>>>);

impl Changelog {
    pub fn take(&mut self, assign: &mut Assign) {
        for store in assign.stores() {
            let name = store.name();
            store.drain(&mut |key, value| {
                self.0.insert((name, key.to_vec()), value.map(<[u8]>::to_vec));
            });
        }
    }

    pub fn restore(&self, assign: &mut Assign) {
        for store in assign.stores() {
            for ((name, key), value) in &self.0 {
                if *name == store.name() {
                    store.restore(key, value.as_deref()).unwrap();
                }
            }
        }
    }
}

/// Writes an answer as cases do.
pub fn written(result: &AssignResult) -> String {
    let seconds = |at: &Timestamp| (at.millis() - START) / 1_000;
    match result {
        AssignResult::Offered { handoff_id, agent_id, at, .. } => {
            format!("offered {handoff_id} {agent_id} @{}", seconds(at))
        }
        AssignResult::Withdrawn { handoff_id, at, .. } => format!("withdrawn {handoff_id} @{}", seconds(at)),
        AssignResult::Overflowed { handoff_id, reason, from, to, notify, at, .. } => {
            let reason = serde_json::to_value(reason).unwrap();
            let told = if notify.is_empty() { String::new() } else { format!(" notify={}", notify.join(",")) };
            format!("overflowed {handoff_id} {} {from} {to}{told} @{}", reason.as_str().unwrap(), seconds(at))
        }
    }
}
