//! What a rule's mode, scope and bound keep from opening, and what conditions see.

use super::policy::policy;
use super::{Driver, Line};
use baton_policy::{Condition, Mode, Policy, Rule};
use baton_records::{Outcome, Why};
use baton_stream::{Counted, Handed};
use serde_json::json;
use std::collections::BTreeSet;

/// A customer of an account asks for a human.
fn ask(account: &str, number: usize, at: &str) -> Line {
    let event = json!({"event_id": format!("{account}-{number}"), "occurred_at": at, "channel": "chat", "type": "message",
        "actor": "customer", "conversation_id": format!("conv-{number}"), "text": "A person, please."});
    serde_json::from_value(json!({"account_id": account, "event": event, "cues": ["asks_human@0"]})).unwrap()
}

fn with(change: fn(&mut Rule)) -> Policy {
    let mut policy = policy();
    let asks = policy.sentiment.rules.iter_mut().find(|r| r.rule.name == "intent.asks_human").unwrap();
    change(&mut asks.rule);
    policy
}

/// What the rule saw of one message, and what came of it.
fn one(policy: fn() -> Policy) -> (usize, Outcome, Why, Option<bool>) {
    let mut driver = Driver::with(policy);
    driver.feed(&ask("acme", 1, "2026-03-02T10:00:00Z"));
    let decisions = driver.decisions();
    let [decision] = decisions.as_slice() else { panic!("{decisions:?}") };
    let seen = decision.rules.iter().find(|r| r.rule == "intent.asks_human").map(|r| r.fired);
    (driver.handoffs().len(), decision.outcome, decision.why, seen)
}

#[test]
fn a_mode_says_what_a_rule_may_do() {
    assert_eq!(one(policy), (1, Outcome::Opened, Why::Fired, Some(true)));
    assert_eq!(one(|| with(|r| r.mode = Mode::Shadow)), (0, Outcome::None, Why::Shadow, Some(true)));
    assert_eq!(one(|| with(|r| r.mode = Mode::Off)), (0, Outcome::None, Why::BelowThreshold, None));
}

/// The accounts, of 200, for which the rule opens.
fn opened(policy: fn() -> Policy) -> BTreeSet<usize> {
    let mut driver = Driver::with(policy);
    let ask = |n: usize| ask(&format!("account-{n}"), 1, "2026-03-02T10:00:00Z");
    (0..200).for_each(|n| driver.feed(&ask(n)));
    let accounts = driver.handoffs().into_iter().map(|h| h.account_id);
    accounts.map(|a| a.strip_prefix("account-").unwrap().parse().unwrap()).collect()
}

#[test]
fn a_percentage_of_accounts_is_always_the_same_and_grows() {
    assert_eq!(opened(|| with(|r| r.percent = Some(0))).len(), 0);
    assert_eq!(opened(|| with(|r| r.percent = Some(100))).len(), 200);
    let (some, more) = (opened(|| with(|r| r.percent = Some(30))), opened(|| with(|r| r.percent = Some(60))));
    assert!((40..80).contains(&some.len()) && (90..150).contains(&more.len()), "{} {}", some.len(), more.len());
    assert!(some.is_subset(&more));
}

#[test]
fn a_rule_opens_no_more_in_a_minute_than_it_may() {
    let mut driver = Driver::with(|| with(|r| r.max_opens_per_min = Some(2)));
    let times = ["10:00:00", "10:00:01", "10:00:59", "10:01:00"];
    for (number, time) in times.iter().enumerate() {
        driver.feed(&ask("acme", number, &format!("2026-03-02T{time}Z")));
        driver.restart();
    }
    // What joins an open handoff opens none.
    driver.feed(&Line {
        event: ask("acme", 0, "2026-03-02T10:01:02Z")
            .event
            .map(|e| baton_records::Event { event_id: "more".into(), ..e }),
        ..ask("acme", 0, "2026-03-02T10:01:02Z")
    });
    let said: Vec<_> = driver.decisions().into_iter().map(|d| (d.outcome, d.why)).collect();
    let opened = (Outcome::Opened, Why::Fired);
    assert_eq!(said, [opened, opened, (Outcome::None, Why::RateCapped), opened, (Outcome::Updated, Why::Fired)]);
}

#[test]
fn decisions_and_revisions_are_counted_as_they_are_written() {
    let mut driver = Driver::new();
    let line = ask("acme", 1, "2026-03-02T10:00:00Z");
    driver.feed(&line);
    let handed = Handed {
        strategy: Some(baton_records::Strategy::Sentiment),
        team: "tier1".into(),
        status: baton_records::Status::Opened,
        arrival: line.event.unwrap().occurred_at,
    };
    let counted = [Counted::Handed(handed), Counted::Decided(Outcome::Opened, Why::Fired)];
    assert_eq!(driver.out.counted, counted);
}

/// The rule, under a condition.
fn when(text: &str, change: impl Fn(&mut Policy)) -> Policy {
    let mut policy = with(|_| {});
    policy.sentiment.rules[2].rule.when = Some(Condition::parse(text).unwrap());
    change(&mut policy);
    policy
}

#[test]
fn a_condition_that_cannot_be_evaluated_does_not_hold_and_is_counted() {
    let mut driver = Driver::with(|| when("account.attributes.size > 3", |_| {}));
    let account = json!({"account_id": "acme", "attributes": {"size": ["big"]}});
    driver.feed(&serde_json::from_value(json!({"at": "2026-03-02T09:00:00Z", "account": account})).unwrap());
    driver.feed(&ask("acme", 1, "2026-03-02T10:00:00Z"));
    assert_eq!(driver.handoffs().len(), 0);
    assert_eq!(driver.out.counted.iter().filter(|c| **c == Counted::ConditionFailed).count(), 1);
}

/// Feeds cues of one conversation, and says whether the rule opened or joined anything after each.
fn conversation(policy: fn() -> Policy, cues: &[&str]) -> Vec<bool> {
    let mut driver = Driver::with(policy);
    let mut fired = Vec::new();
    for (number, cue) in cues.iter().enumerate() {
        let mut line = ask("acme", 1, &format!("2026-03-02T10:{number:02}:00Z"));
        line.event.as_mut().unwrap().event_id = format!("e{number}").into();
        line.cues = cue.split_terminator(' ').map(|cue| format!("{cue}@0")).collect();
        driver.feed(&line);
        driver.restart();
        let decision = driver.decisions().pop().unwrap();
        fired.push(decision.rules.iter().any(|r| r.rule == "intent.asks_human" && r.fired));
    }
    fired
}

#[test]
fn conditions_see_the_cues_of_a_conversation_however_long_ago() {
    let after = || when("'competitor' in conversation.cues", |_| {});
    assert_eq!(conversation(after, &["asks_human", "competitor", "asks_human"]), [false, false, true]);
    let many = ["competitor", "", "", "", "", "", "", "", "asks_human"];
    assert_eq!(conversation(after, &many).last(), Some(&true));
    assert_eq!(conversation(after, &["competitor asks_human"]), [true], "also those of the message itself");
}

#[test]
fn conditions_see_the_stage_of_the_open_handoff() {
    let owned = || when("conversation.stage == 'own'", |_| {});
    assert_eq!(conversation(owned, &["asks_human", "urgency distress", "asks_human"]), [false, false, true]);
    let none = || when("conversation.stage == '' && conversation.turns == 2", |_| {});
    assert_eq!(conversation(none, &["asks_human", "asks_human", "asks_human"]), [false, true, false]);
}
