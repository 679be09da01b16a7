//! What several hundred accounts do: a seeded stream of everything that the topics of Baton take, good and bad.

use super::Site;
use baton_test_support::TestRecord;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ACCOUNTS: usize = 300;
const AGENTS: usize = 24;
/// Accounts from this number on get their record in the middle of the run, after their first events.
const LATE: usize = 270;

/// What customers say; some of it calls for a human.
const WORDS: [&str; 8] = [
    "Can I talk to a real person, please?",
    "Where do I find the export?",
    "The system is down for all our users",
    "Your competitor does this out of the box.",
    "This is too complicated for us.",
    "Thanks, that helps.",
    "How do we integrate this with our CRM?",
    "Our budget is 20k and we are 300 people.",
];

/// A seeded stream of records.
pub struct Workload {
    rng: StdRng,
    next: u64,
    /// Recent events, to be sent once more.
    recent: Vec<(&'static str, TestRecord)>,
    /// Conversations that an event has tied to an account.
    tied: Vec<String>,
    /// What comes right after the record before it.
    due: Option<(&'static str, TestRecord)>,
}

/// Returns now, in milliseconds.
pub fn now() -> i64 {
    baton_runtime::clock::now().millis()
}

/// Writes a time as events carry it.
pub fn rfc3339(millis: i64) -> String {
    baton_records::Timestamp::from_millis(millis).to_string()
}

impl Workload {
    /// Starts the stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), next: 0, recent: Vec::new(), tied: Vec::new(), due: None }
    }

    /// Writes what stands there before the first event: agents, and most accounts.
    pub fn found(&mut self, site: &Site) {
        let agents: Vec<TestRecord> = (0..AGENTS).map(|n| self.agent(n, "available")).collect();
        site.client.produce(&site.topic("agents"), &agents).unwrap();
        let accounts: Vec<TestRecord> = (0..LATE).map(|n| self.account(n)).collect();
        site.client.produce(&site.topic("accounts"), &accounts).unwrap();
    }

    /// Writes the records of the accounts that had none.
    pub fn found_late(&mut self, site: &Site) {
        let accounts: Vec<TestRecord> = (LATE..ACCOUNTS).map(|n| self.account(n)).collect();
        site.client.produce(&site.topic("accounts"), &accounts).unwrap();
    }

    /// Writes the next `count` records.
    pub fn go_on(&mut self, site: &Site, count: usize) {
        let mut topics: BTreeMap<&'static str, Vec<TestRecord>> = BTreeMap::new();
        for _ in 0..count {
            let (topic, record) = self.record();
            topics.entry(topic).or_default().push(record);
        }
        for (topic, records) in topics {
            let name = if topic == "chat" || topic == "desk" { site.source(topic) } else { site.topic(topic) };
            site.client.produce(&name, &records).unwrap();
        }
    }

    fn record(&mut self) -> (&'static str, TestRecord) {
        self.next += 1;
        if let Some(due) = self.due.take() {
            return due;
        }
        let account = self.rng.random_range(0..ACCOUNTS);
        match self.rng.random_range(0..1000) {
            0..15 => self.malformed(account),
            15..25 if account < LATE => ("accounts", self.account(account)),
            25..35 => {
                let status = ["available", "available", "away", "offline"][self.rng.random_range(0..4)];
                let agent = self.rng.random_range(0..AGENTS);
                ("agents", self.agent(agent, status))
            }
            35..50 => ("lifecycle", self.lifecycle(account)),
            90..95 if account < LATE => self.tombstone(account),
            95..102 => self.erasure(account),
            102..140 if !self.tied.is_empty() => self.known_by_conversation(),
            50..90 if !self.recent.is_empty() => self.recent[self.rng.random_range(0..self.recent.len())].clone(),
            _ => self.event(account),
        }
    }

    fn event(&mut self, account: usize) -> (&'static str, TestRecord) {
        let (topic, what) = self.content();
        let at = now() - self.rng.random_range(0..3_000);
        let conversation = format!("a{account}-{}", self.rng.random_range(0..3));
        let mut value = json!({"event_id": format!("e{}", self.next), "occurred_at": rfc3339(at), "channel": "chat",
            "conversation_id": conversation, "contact_id": format!("c{account}")});
        extend(&mut value, what);
        let id = match self.rng.random_range(0..10) {
            0..3 => json!({"identities": {"email": format!("Pat@a{account}.example")}}),
            _ => {
                self.tied.push(conversation.clone());
                json!({"account_id": format!("a{account}")})
            }
        };
        extend(&mut value, id);
        // Sources have keys of their own.
        let record = TestRecord::new(&conversation, &value.to_string());
        if self.recent.len() == 64 {
            self.recent.remove(0);
        }
        self.recent.push((topic, record.clone()));
        (topic, record)
    }

    /// An event that names nothing but a conversation, which an earlier one has tied to an account.
    fn known_by_conversation(&mut self) -> (&'static str, TestRecord) {
        let conversation = self.tied[self.rng.random_range(0..self.tied.len())].clone();
        let (topic, what) = self.content();
        let mut value = json!({"event_id": format!("e{}", self.next), "occurred_at": rfc3339(now()), "channel": "chat",
            "conversation_id": conversation});
        extend(&mut value, what);
        (topic, TestRecord::new(&conversation, &value.to_string()))
    }

    /// Of all that an account or one of its contacts has said.
    fn erasure(&mut self, account: usize) -> (&'static str, TestRecord) {
        let mut value = json!({"event_id": format!("e{}", self.next), "occurred_at": rfc3339(now()), "channel": "crm",
            "type": "erasure", "account_id": format!("a{account}")});
        if self.rng.random_bool(0.5) {
            extend(&mut value, json!({"contact_id": format!("c{account}")}));
        }
        ("desk", TestRecord::new(&format!("a{account}"), &value.to_string()))
    }

    /// Takes an account's record away; the next record brings it back, so that what names it by e-mail waits no longer.
    fn tombstone(&mut self, account: usize) -> (&'static str, TestRecord) {
        self.due = Some(("accounts", self.account(account)));
        ("accounts", TestRecord { key: Some(format!("a{account}").into_bytes()), ..TestRecord::default() })
    }

    fn content(&mut self) -> (&'static str, Value) {
        let rng = &mut self.rng;
        match rng.random_range(0..20) {
            0..9 => {
                let text = WORDS[rng.random_range(0..WORDS.len())];
                ("chat", json!({"type": "message", "actor": "customer", "text": text}))
            }
            9..13 => {
                let confidence = f64::from(rng.random_range(0..100_u32)) / 100.0;
                let ai = json!({"confidence": confidence, "domain": "custom_api"});
                ("chat", json!({"type": "message", "actor": "ai_agent", "text": "Please try this.", "ai": ai}))
            }
            13..15 => ("desk", json!({"type": "message", "actor": "human_agent", "text": "I am looking into it."})),
            15 | 16 => {
                let request = json!({"action": "discount", "percent": rng.random_range(5..30)});
                ("desk", json!({"type": "request", "actor": "customer", "request": request}))
            }
            17 => ("desk", json!({"type": "order", "attributes": {"sku": "R-1"}})),
            18 => ("desk", json!({"type": "login", "actor": "customer"})),
            _ => ("desk", json!({"type": "ticket.opened", "actor": "customer", "text": "The export is slow."})),
        }
    }

    fn malformed(&mut self, account: usize) -> (&'static str, TestRecord) {
        let at = rfc3339(now());
        let text = match self.rng.random_range(0..5) {
            0 => "no JSON at all".to_owned(),
            1 => json!({"event_id": 7}).to_string(),
            2 => json!({"event_id": "x", "occurred_at": at, "channel": "pigeon", "type": "message",
                "account_id": "a1"})
            .to_string(),
            3 => json!({"occurred_at": at, "channel": "chat", "type": "message", "account_id": "a1"}).to_string(),
            _ => "{\"event_id\": \"y\", \"occurred_at\": \"yesterday\"}".to_owned(),
        };
        (["chat", "desk", "lifecycle"][self.rng.random_range(0..3)], TestRecord::new(&format!("a{account}"), &text))
    }

    fn account(&mut self, number: usize) -> TestRecord {
        let tier = ["enterprise", "business", "standard"][self.rng.random_range(0..3)];
        let value = json!({"account_id": format!("a{number}"), "tier": tier, "name": format!("Account {number}"),
            "identities": [{"type": "email", "value": format!("pat@a{number}.example")}]});
        TestRecord::new(&format!("a{number}"), &value.to_string())
    }

    fn agent(&mut self, number: usize, status: &str) -> TestRecord {
        let teams = ["tier1", "tier3", "senior_sales_engineer", "regional_sales_director", "solution_architect"];
        let teams = &teams[number % 4..number % 4 + 2];
        let value = json!({"agent_id": format!("g{number}"), "teams": teams, "status": status, "capacity": 3});
        TestRecord::new(&format!("g{number}"), &value.to_string())
    }

    /// What a contact center says that knows the account and not the handoff: often there is none.
    fn lifecycle(&mut self, account: usize) -> TestRecord {
        let kind = ["accepted", "resolved", "abandoned", "returned", "judged"][self.rng.random_range(0..5)];
        let account = format!("a{account}");
        let value = json!({"account_id": account, "type": kind, "at": rfc3339(now()), "agent_id": "g1",
            "verdict": "missed", "resolved": true});
        TestRecord::new(&account, &value.to_string())
    }
}

fn extend(value: &mut Value, more: Value) {
    if let (Some(fields), Value::Object(more)) = (value.as_object_mut(), more) {
        fields.extend(more);
    }
}
