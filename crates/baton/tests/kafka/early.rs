//! Nothing fires early: not while what would prevent it is unread, not while those who could see it are away.

use crate::support::{LIMIT, Site, broker, now, rfc3339, turn};
use baton_test_support::{Signal, TestRecord, wait_until};
use serde_json::{Value, json};
use std::time::Duration;

fn handoffs(site: &Site) -> Vec<Value> {
    site.read("handoffs").iter().map(|r| serde_json::from_slice(r.value.as_deref().unwrap()).unwrap()).collect()
}

fn statuses(site: &Site) -> Vec<String> {
    handoffs(site).iter().map(|h| h["status"].as_str().unwrap().to_owned()).collect()
}

fn event(id: &str, actor: &str, text: &str) -> TestRecord {
    let value = json!({"event_id": id, "occurred_at": rfc3339(now()), "channel": "chat", "type": "message",
        "actor": actor, "account_id": "acme", "conversation_id": "c", "text": text});
    TestRecord::new("k", &value.to_string())
}

fn found(site: &Site) {
    let account = json!({"account_id": "acme", "tier": "enterprise"});
    site.client.produce(&site.topic("accounts"), &[TestRecord::new("acme", &account.to_string())]).unwrap();
}

/// Waits until a moment has passed.
fn await_moment(at: i64) {
    wait_until("a moment to pass", LIMIT, || (now() > at).then_some(())).unwrap();
}

#[test]
fn an_answer_that_stands_unread_keeps_a_deadline_from_firing() {
    let _turn = turn();
    let mut site = Site::new(broker(), "unread");
    found(&site);
    ["context-unifier", "sentiment-scorer", "anomaly-detector", "router"].iter().for_each(|name| site.start(name));
    site.await_ready();
    let opened = now();
    site.client
        .produce(&site.source("chat"), &[event("e1", "customer", "The system is down for all our users")])
        .unwrap();
    wait_until("the handoff", LIMIT, || statuses(&site).contains(&"opened".to_owned()).then_some(())).unwrap();
    // The intake stands still with an answer unread, until after the deadline of 15 s.
    site.process("context-unifier").signal(Signal::Stop);
    site.client.produce(&site.source("desk"), &[event("e2", "human_agent", "I am looking into it.")]).unwrap();
    await_moment(opened + 18_000);
    assert!(!statuses(&site).contains(&"breached".to_owned()), "{:?}", statuses(&site));
    site.process("context-unifier").signal(Signal::Continue);
    site.client.produce(&site.source("chat"), &[event("e3", "customer", "Thanks, that helps.")]).unwrap();
    // The answer came in time: that of 40 s is the next deadline, and the first one never fires.
    wait_until("the later deadline", LIMIT, || {
        handoffs(&site).iter().any(|h| h["decided_at"].as_str() >= Some(&rfc3339(opened + 30_000))).then_some(())
    })
    .unwrap_or_else(|e| panic!("{e}: {:#?}", handoffs(&site)));
    let early = handoffs(&site)
        .iter()
        .any(|h| h["status"] == "breached" && h["decided_at"].as_str() < Some(&rfc3339(opened + 30_000)));
    assert!(!early, "{:?}", statuses(&site));
    site.terminate();
}

#[test]
fn no_offer_lapses_while_assign_is_down() {
    let _turn = turn();
    let mut site = Site::new(broker(), "offers");
    found(&site);
    let agents = ["g1", "g2"].map(|agent| {
        let value = json!({"agent_id": agent, "teams": ["tier3"], "capacity": 3});
        TestRecord::new(agent, &value.to_string())
    });
    site.client.produce(&site.topic("agents"), &agents).unwrap();
    ["context-unifier", "sentiment-scorer", "anomaly-detector", "router"].iter().for_each(|name| site.start(name));
    site.await_ready();
    site.client
        .produce(&site.source("chat"), &[event("e1", "customer", "The system is down for all our users")])
        .unwrap();
    let offered =
        wait_until("an offer", LIMIT, || handoffs(&site).into_iter().find(|h| h["status"] == "assigned")).unwrap();
    // Down for three times as long as an offer stands; then the agent accepts, and keeps it.
    site.take("router").kill();
    await_moment(now() + 9_000);
    let accepted = json!({"handoff_id": offered["handoff_id"], "type": "accepted", "at": rfc3339(now()),
        "agent_id": offered["agent"]["agent_id"]});
    site.client.produce(&site.topic("lifecycle"), &[TestRecord::new("k", &accepted.to_string())]).unwrap();
    site.start("router");
    wait_until("the acceptance", Duration::from_secs(60), || {
        handoffs(&site).iter().any(|h| h["epoch"].as_i64() > offered["epoch"].as_i64()).then_some(())
    })
    .unwrap();
    let agents: Vec<Value> =
        handoffs(&site).iter().map(|h| h["agent"]["agent_id"].clone()).filter(|a| !a.is_null()).collect();
    assert!(agents.iter().all(|agent| *agent == offered["agent"]["agent_id"]), "{agents:?}");
    site.terminate();
}
