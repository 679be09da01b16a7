//! *intake*: what each record of each topic becomes, what waits, what is dropped, how far a source is read.

use crate::support::*;
use baton_records::{Account, AccountVersion, IgnoredReason, Passed, Payload, PoolRecord, Reason};
use baton_stream::{Counted, Outbox, Progress, Task, Topic, Unread, wire};
use context_unifier::{Directory, IntakeConfig, IntakeTask};
use serde_json::{Value, json};
use std::sync::{Arc, RwLock};

const NOW: i64 = 1_000_000_000;
const HOUR: i64 = 3_600_000;

fn config(topic: Topic) -> IntakeConfig {
    IntakeConfig {
        topic,
        partition: 0,
        account_partitions: 3,
        pool_partitions: 2,
        live_from: None,
        processor: "context-unifier",
    }
}

struct Run {
    directory: Arc<RwLock<Directory>>,
    task: IntakeTask,
    topic: Topic,
    offset: i64,
    out: Outbox,
}

impl Run {
    fn new(topic: Topic) -> Self {
        Self::with(topic, shared())
    }

    fn with(topic: Topic, directory: Arc<RwLock<Directory>>) -> Self {
        let task = IntakeTask::new(config(topic.clone()), Arc::clone(&directory));
        Self { directory, task, topic, offset: 0, out: Outbox::default() }
    }

    fn take(&mut self, timestamp: i64, key: &str, value: &Value) {
        self.take_at(timestamp, timestamp, key, value);
    }

    fn take_at(&mut self, timestamp: i64, clock: i64, key: &str, value: &Value) {
        let raw = Raw::new(self.topic.clone(), self.offset, timestamp, key, value);
        self.offset += 1;
        let out = process(&mut self.task, &raw, clock);
        self.out.records.extend(out.records);
        self.out.counted.extend(out.counted);
    }

    fn event(&mut self, id: &str, timestamp: i64, fields: Value) {
        let mut event = json!({"event_id": id, "occurred_at": at(timestamp), "channel": "chat", "type": "message"});
        for (name, value) in fields.as_object().unwrap() {
            event[name] = value.clone();
        }
        self.take(timestamp, "k", &event);
    }

    fn punctuate(&mut self, clock: i64) {
        let progress = Progress { clock: at(clock), unread: None, reached: Some(at(clock)), heard: at(clock) };
        self.task.punctuate(progress, &mut self.out).unwrap();
    }

    fn account(&self, offset: i64, id: &str, identities: Value) {
        let record = json!({"account_id": id, "identities": identities});
        apply(&self.directory, &Raw::new(Topic::Accounts, offset, NOW, id, &record));
    }

    /// Passed events as `account: event`.
    fn passed(&self) -> Vec<String> {
        passed_on(&self.out)
            .iter()
            .map(|p| match &p.payload {
                Payload::Event { event } => format!("{}: {}", p.account_id, event.event_id),
                other => format!("{}: {other:?}", p.account_id),
            })
            .collect()
    }
}

#[test]
fn an_event_is_passed_on_with_all_that_later_stages_need() {
    let mut run = Run::new(chat());
    run.account(5, "acme", json!([{"type": "email", "value": "pat@acme.example"}]));
    run.event("e1", NOW, json!({"identities": {"email": "Pat@acme.example"}, "text": "hi\u{202e}\u{0}"}));
    let passed = &passed_on(&run.out)[0];
    assert_eq!((passed.account_id.as_str(), passed.timestamp, passed.history), ("acme", at(NOW), false));
    assert_eq!(passed.needs, Some(AccountVersion { partition: 0, offset: 5 }));
    assert_eq!((passed.source.topic.as_str(), passed.source.offset), ("chat", 0));
    assert!(passed.traceparent.is_some());
    let Payload::Event { event } = &passed.payload else { panic!("no event") };
    assert_eq!(event.text.as_deref(), Some("hi"));
}

#[test]
fn what_nothing_resolves_waits_and_goes_in_the_order_in_which_it_happened() {
    let mut run = Run::new(chat());
    let by = |handle: &str| json!({"identities": {"handle": handle}});
    run.event("late", NOW + 3_000, by("@x"));
    run.event("early", NOW + 1_000, by("@x"));
    run.event("other", NOW + 2_000, by("@y"));
    run.event("named", NOW + 2_000, json!({"account_id": "unheard-of"}));
    assert_eq!(run.passed(), ["unheard-of: named"], "an event that names its account never waits");
    assert_eq!(counted(&run.out, Counted::Waiting), 3);
    run.punctuate(NOW + 3_000);
    run.account(1, "acme", json!([{"type": "handle", "value": "@x"}]));
    assert_eq!(run.task.wake_at(), Some(at(NOW + 3_000)), "at once");
    run.punctuate(NOW + 4_000);
    assert_eq!(run.passed(), ["unheard-of: named", "acme: early", "acme: late"]);
    run.punctuate(NOW + 24 * HOUR + 1_999);
    assert!(dead_letters(&run.out).is_empty());
    run.punctuate(NOW + 24 * HOUR + 2_000);
    let dead = dead_letters(&run.out);
    assert_eq!((dead[0].0.as_str(), dead.len()), ("unknown_account", 1));
    assert!(dead[0].2.contains("\"other\""), "as received: {}", dead[0].2);
}

#[test]
fn two_accounts_are_never_merged() {
    let mut run = Run::new(chat());
    run.event("waits", NOW, json!({"identities": {"phone": "+15550100"}}));
    for (offset, account) in ["a", "b"].into_iter().enumerate() {
        run.account(offset.try_into().unwrap(), account, json!([{"type": "phone", "value": "+1 555 0100"}]));
    }
    run.event("comes", NOW, json!({"identities": {"phone": "0015550100"}}));
    let dead = dead_letters(&run.out);
    let reasons: Vec<_> = dead.iter().map(|(reason, field, _)| (reason.as_str(), field.as_str())).collect();
    assert_eq!(reasons, [("ambiguous_identity", "identities.phone"); 2]);
    assert!(run.passed().is_empty());
}

#[test]
fn an_identity_keeps_a_thousand_waiting() {
    let mut run = Run::new(chat());
    for n in 0..1_001 {
        run.event(&format!("e{n}"), NOW, json!({"identities": {"handle": "@x"}}));
    }
    run.event("another", NOW, json!({"identities": {"handle": "@y"}}));
    assert_eq!(counted(&run.out, Counted::Waiting), 1_001);
    assert_eq!(counted(&run.out, Counted::Bound), 1);
    let dead = dead_letters(&run.out);
    assert!(dead.len() == 1 && dead[0].0 == "unknown_account" && dead[0].2.contains("\"e1000\""));
}

#[test]
fn a_learnt_tie_finds_what_names_nothing_else() {
    let mut run = Run::new(chat());
    run.event("first", NOW, json!({"conversation_id": "c-1"}));
    run.event("ties", NOW + 1, json!({"conversation_id": "c-1", "account_id": "acme"}));
    run.event("known", NOW + 2, json!({"conversation_id": "c-1"}));
    run.event("ticket", NOW + 3, json!({"type": "ticket.opened", "subject": "T-1", "account_id": "acme"}));
    run.event("closed", NOW + 4, json!({"type": "ticket.closed", "subject": "T-1"}));
    assert_eq!(run.passed(), ["acme: ties", "acme: known", "acme: ticket", "acme: closed"]);
    let ties = run.out.records.iter().filter(|o| o.topic == Topic::Ties).count();
    assert_eq!(ties, 2, "each tie is told once");
    apply_ties(&run.directory, &run.out.records);
    run.punctuate(NOW + 10);
    assert_eq!(run.passed().last().map(String::as_str), Some("acme: first"));
    run.event("contests", NOW + 5, json!({"conversation_id": "c-1", "account_id": "other"}));
    apply_ties(&run.directory, &run.out.records);
    run.event("whose", NOW + 6, json!({"conversation_id": "c-1"}));
    assert_eq!(dead_letters(&run.out)[0].0, "ambiguous_identity");
}

#[test]
fn bad_records_say_what_is_wrong() {
    let mut run = Run::new(chat());
    run.take(NOW, "k", &json!("{not json"));
    run.event("no whom", NOW, json!({}));
    run.take(NOW, "k", &Value::Null);
    let reasons: Vec<_> = dead_letters(&run.out).into_iter().map(|(reason, field, _)| (reason, field)).collect();
    let wanted = [("not_json", ""), ("missing_field", "account_id"), ("not_json", "")];
    assert_eq!(reasons, wanted.map(|(r, f)| (r.to_owned(), f.to_owned())));
    assert_eq!(counted(&run.out, Counted::DeadLetter(Reason::NotJson)), 2);
}

#[test]
fn a_wrong_clock_is_counted_and_old_records_are_history() {
    let mut run = Run::new(chat());
    let event = |id: &str, t: i64| json!({"event_id": id, "occurred_at": at(t), "channel": "chat", "type": "message", "account_id": "a"});
    for (timestamp, clock) in [
        (NOW, NOW),
        (NOW - 24 * HOUR, NOW),
        (NOW - 24 * HOUR - 1, NOW + HOUR),
        (NOW + 60_001, NOW),
        (NOW + 60_000, NOW),
    ] {
        run.take_at(timestamp, clock, "k", &event(&timestamp.to_string(), timestamp));
    }
    let history: Vec<_> = passed_on(&run.out).iter().map(|p| p.history).collect();
    assert_eq!(history, [false, false, true, false, false], "24 h before the partition was first read, remembered");
    assert_eq!(counted(&run.out, Counted::ClockAhead), 1);
}

#[test]
fn an_erasure_drops_what_waits_in_every_partition() {
    let directory = shared();
    let mut mail = Run::with(Topic::Source("mail".into()), Arc::clone(&directory));
    let mut run = Run::with(chat(), directory);
    let by = |handle: &str, kind: &str| json!({"identities": {"handle": handle}, "type": kind});
    mail.event("mail", NOW, by("@x", "message"));
    mail.event("of kim", NOW, by("@kim", "message"));
    run.event("chat", NOW, by("@x", "message"));
    run.event("gone", NOW + 1, by("@x", "erasure"));
    assert_eq!(counted(&run.out, Counted::Ignored(IgnoredReason::Erased)), 1);
    apply_ties(&run.directory, &run.out.records);
    mail.punctuate(NOW + 10);
    assert_eq!(counted(&mail.out, Counted::Ignored(IgnoredReason::Erased)), 1);
    mail.event("lags", NOW - 5, by("@x", "message"));
    assert_eq!(counted(&mail.out, Counted::Ignored(IgnoredReason::Erased)), 2);
    mail.event("later", NOW + 2, by("@x", "message"));
    run.account(1, "acme", json!([{"type": "handle", "value": "@x"}, {"type": "handle", "value": "@kim"}]));
    run.punctuate(NOW + 20);
    mail.punctuate(NOW + 20);
    assert_eq!(run.passed(), ["acme: gone"], "the erasure itself waits for its account");
    assert_eq!(mail.passed(), ["acme: of kim", "acme: later"]);
    assert!(dead_letters(&mail.out).is_empty() && dead_letters(&run.out).is_empty(), "nothing erased is kept");
}

#[test]
fn reports_find_their_account() {
    let mut run = Run::new(Topic::Lifecycle);
    let teams = json!({"agent_id": "a-7", "teams": ["tier3", "tier1"]});
    apply(&run.directory, &Raw::new(Topic::Agents, 0, NOW, "a-7", &teams));
    let handoff_id = baton_records::ids::handoff_id("acme", None, "e1");
    let external = json!({"system": "zendesk", "id": "8731"});
    let mut report = |fields: Value| {
        let mut report = json!({"at": at(NOW)});
        for (name, value) in fields.as_object().unwrap() {
            report[name] = value.clone();
        }
        run.take(NOW, "key", &report);
    };
    report(json!({"type": "accepted", "handoff_id": handoff_id, "agent_id": "a-7"}));
    report(json!({"type": "accepted", "external": external}));
    report(json!({"type": "linked", "handoff_id": handoff_id, "external": external}));
    report(json!({"type": "resolved", "external": external}));
    report(json!({"type": "judged", "verdict": "missed", "account_id": "b"}));
    report(json!({"type": "accepted", "handoff_id": "h-nonsense"}));
    let passed = passed_on(&run.out);
    let seen: Vec<_> = passed
        .iter()
        .map(|p| match &p.payload {
            Payload::Lifecycle { lifecycle, agent_teams, received } => {
                assert_eq!(received.key.as_deref(), Some("a2V5"));
                assert!(received.value.contains("\"at\""));
                (p.account_id.as_str(), lifecycle.handoff_id.is_some(), agent_teams.len())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seen, [("acme", true, 2), ("acme", true, 0), ("acme", true, 0), ("b", false, 0)]);
    let dead = dead_letters(&run.out);
    let reasons: Vec<_> = dead.iter().map(|(reason, field, _)| (reason.as_str(), field.as_str())).collect();
    assert_eq!(reasons, [("unknown_handoff", "external"), ("unknown_handoff", "handoff_id")]);
}

fn pool_records(out: &Outbox) -> Vec<(String, PoolRecord)> {
    out.records
        .iter()
        .filter(|o| o.topic == Topic::PoolRepartition)
        .map(|o| {
            let pool = o.key.as_ref().map_or(String::new(), |k| String::from_utf8(k.clone()).unwrap());
            (pool, wire::read_pool_record(input_of(o)).unwrap())
        })
        .collect()
}

const TWO_POOLS: &str = "version: saas@2
pools:
  first: [tier1, api_engineers, tier3, tier3_secondary]
  rest: [solution_architect, technical_account_manager, customer_success_manager, eu_legal_specialist,
    senior_sales_engineer, business_development, account_executive, regional_sales_director, vp_sales,
    account_manager, support_management]
";

#[test]
fn agents_go_where_their_teams_are_and_move_with_the_policy() {
    let mut run = Run::new(Topic::Agents);
    let agent = |id: &str, teams: Value| json!({"agent_id": id, "teams": teams});
    run.take(NOW, "kim", &agent("kim", json!(["tier1"])));
    assert!(pool_records(&run.out).is_empty(), "no policy, no pool");
    apply(&run.directory, &Raw::new(Topic::Policies, 0, NOW, "saas@1", &json!({"version": "saas@1", "text": SAAS})));
    run.punctuate(NOW + 1);
    let text = SAAS.replace("version: saas@1\n", TWO_POOLS);
    apply(&run.directory, &Raw::new(Topic::Policies, 1, NOW, "saas@2", &json!(text)));
    assert_eq!(run.directory.read().unwrap().policy().unwrap().version, "saas@2");
    run.take(NOW + 2, "lee", &agent("lee", json!(["solution_architect"])));
    run.take(NOW + 3, "max", &agent("max", json!(["solution_architect", "tier1"])));
    run.take(NOW + 4, "kim", &Value::Null);
    let seen: Vec<_> = pool_records(&run.out)
        .into_iter()
        .map(|(pool, record)| match record {
            PoolRecord::Agent { agent_id, agent, .. } => format!("{pool} {agent_id} {}", agent.is_some()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seen, ["all kim true", "all kim false", "first kim true", "rest lee true", "first kim false"]);
    let dead = dead_letters(&run.out);
    assert_eq!((dead[0].0.as_str(), dead[0].1.as_str(), dead.len()), ("invalid_value", "teams", 1));
}

#[test]
fn a_policy_goes_to_every_partition() {
    let mut run = Run::new(Topic::Policies);
    run.take(NOW, "saas@1", &json!({"version": "saas@1", "text": SAAS}));
    run.take(NOW, "saas@2", &json!("version: nonsense"));
    let partitions: Vec<_> = run.out.records.iter().map(|o| (o.topic.clone(), o.partition)).collect();
    let account = (0..3).map(|p| (Topic::AccountRepartition, Some(p)));
    let pool = (0..2).map(|p| (Topic::PoolRepartition, Some(p)));
    assert_eq!(partitions, account.chain(pool).chain([(Topic::DeadLetters, None)]).collect::<Vec<_>>());
    assert!(passed_on(&run.out).iter().all(|p| p.account_id.is_empty()));
    assert_eq!(dead_letters(&run.out)[0].1, "text");
}

#[test]
fn accounts_and_tombstones_are_passed_on() {
    let mut run = Run::new(Topic::Accounts);
    run.take(NOW, "acme", &json!({"account_id": "acme", "name": "Ac\u{7}me"}));
    run.take(NOW, "acme", &Value::Null);
    run.take(NOW, "", &Value::Null);
    let passed = passed_on(&run.out);
    let accounts: Vec<_> = passed
        .iter()
        .map(|p: &Passed| match &p.payload {
            Payload::Account { account } => account.as_ref().map(|a| (**a).clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    let acme = Account { name: Some("Acme".into()), ..Account::unknown("acme".into()) };
    assert_eq!(accounts, [Some(acme), None]);
    assert_eq!(dead_letters(&run.out)[0].1, "account_id");
}

#[test]
fn cards_and_accounts_are_redacted_in_all_but_dead_letters() {
    let mut run = Run::new(chat());
    apply(&run.directory, &Raw::new(Topic::Policies, 0, NOW, "saas@1", &json!(SAAS)));
    let fields = json!({
        "account_id": "a", "text": "my card 4111 1111 1111 1111",
        "attributes": {"note": ["DE89 3704 0044 0532 0130 00"], "order": "4111 1111 1111 1112"}
    });
    run.event("e", NOW, fields);
    let value = String::from_utf8(run.out.records[0].value.clone().unwrap()).unwrap();
    assert!(value.contains("my card [card]") && value.contains("[iban]"), "{value}");
    assert!(value.contains("4111 1111 1111 1112"), "not a card: {value}");
}

#[test]
fn a_low_water_mark_never_falls_and_is_remembered() {
    let mut run = Run::new(chat());
    assert_eq!(run.task.low_water(), None);
    run.punctuate(NOW);
    assert_eq!(run.task.low_water(), Some(at(NOW - 1_000)));
    let progress = |clock, unread: Option<i64>, heard| Progress {
        clock: at(clock),
        unread: Unread::of(unread.map(at)),
        reached: Some(at(NOW)),
        heard: at(heard),
    };
    run.task.punctuate(progress(NOW + 5_000, Some(NOW - 9_000), NOW + 5_000), &mut run.out).unwrap();
    assert_eq!(run.task.low_water(), Some(at(NOW - 1_000)));
    let mut changelog = Changelog::default();
    changelog.drain(run.task.stores());
    let mut again = IntakeTask::new(config(chat()), Arc::clone(&run.directory));
    changelog.restore(again.stores());
    assert_eq!(again.low_water(), Some(at(NOW - 1_000)));
    run.task.punctuate(progress(NOW + 60_000, None, NOW + 5_000), &mut run.out).unwrap();
    run.task.punctuate(progress(NOW + 61_000, None, NOW + 5_000), &mut run.out).unwrap();
    assert_eq!(run.task.low_water(), Some(at(NOW + 60_000)), "passed over");
    assert_eq!(counted(&run.out, Counted::PassedOver), 1);
}
