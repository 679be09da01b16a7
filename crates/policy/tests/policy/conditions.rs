//! Conditions over the documented variables, and what authority clauses make of them.

use crate::shipped::shipped;
use baton_policy::{Clause, Condition, ConversationView, Policy};
use baton_records::{Account, ApprovalRequest, Event, Id, Stage};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn account() -> Account {
    serde_json::from_str(
        r#"{"account_id": "acme", "tier": "enterprise", "industry": "agriculture", "annual_value": "2400000", "locale": "de-DE",
            "eligible_for": ["overdraft_waiver"], "attributes": {"plan": "gold", "seats": 12, "nested": {"region": "emea"},
            "list": ["a", "b"], "flag": true, "none": null}}"#,
    )
    .unwrap()
}

fn event() -> Event {
    serde_json::from_str(
        r#"{"event_id": "e-1", "occurred_at": "2026-03-02T10:00:00Z", "channel": "chat", "type": "message", "actor": "customer",
            "subject": "XR-900", "amount": "12.35", "currency": "USD", "quantity": 3, "text": "Grüße!",
            "ai": {"confidence": 0.62, "domain": "custom_api", "tags": ["regulatory"]},
            "request": {"action": "discount", "percent": 25}, "attributes": {"stage": "demo_booked"}}"#,
    )
    .unwrap()
}

#[test]
fn cases_are_as_expected() {
    let policy = shipped("deploy/policies/saas.yaml");
    let (account, event, cues) = (account(), event(), [Id::from("angry")]);
    let conversation = ConversationView { turns: 2, cues: &cues, stage: Some(Stage::Observe) };
    let variables = policy.variables(&account).event(&event).conversation(conversation);
    let mut count = 0;
    for line in include_str!("../../cases/conditions.txt").lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (text, expected) = line.rsplit_once(" | ").unwrap();
        let condition = Condition::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        let got = condition.holds(&variables).map_or_else(|_| "error".to_owned(), |holds| holds.to_string());
        assert_eq!(got, expected, "{text}: {:?}", condition.holds(&variables));
        count += 1;
    }
    assert!(count >= 50);
}

#[test]
fn what_is_not_there_does_not_hold() {
    let policy = shipped("deploy/policies/saas.yaml");
    let account = Account::unknown("new".into());
    let variables = policy.variables(&account);
    for text in
        ["event.type == \"order\"", "!(event.type == \"order\")", "request.percent < 5", "conversation.turns == 0"]
    {
        assert_eq!(Condition::parse(text).unwrap().holds(&variables), Ok(false), "{text}");
    }
    assert_eq!(Condition::parse("account.tier == \"standard\"").unwrap().holds(&variables), Ok(true));
    assert_eq!(Condition::always().holds(&variables), Ok(true));
}

#[test]
fn an_error_quotes_nothing_that_a_customer_wrote() {
    let policy = shipped("deploy/policies/saas.yaml");
    let account = account();
    let error =
        Condition::parse("account.attributes.plan > 5").unwrap().holds(&policy.variables(&account)).unwrap_err();
    assert!(error.to_string().contains("account.attributes.plan > 5"), "{error}");
    assert!(!error.to_string().contains("gold"), "{error}");
}

/// Judges a request by the clause of its action that applies; none is beyond authority.
fn allowed(policy: &Policy, account: &Account, request: &str, earlier: &str) -> (Option<String>, bool) {
    let request: ApprovalRequest = serde_json::from_str(request).unwrap();
    let variables = policy.variables(account).request(&request);
    let applies = |clause: &&Clause| {
        clause.action == request.action && clause.applies.as_ref().is_none_or(|c| c.holds(&variables).unwrap())
    };
    let mut clauses = policy.approval.clauses.iter().filter(applies);
    let Some(clause) = clauses.next() else { return (None, false) };
    assert!(clauses.next().is_none(), "two clauses claim one request");
    let allowed = clause.allows(policy, &request, earlier.parse().unwrap(), &variables).unwrap();
    (Some(clause.rule.name.to_string()), allowed)
}

#[test]
fn discounts_up_to_the_limit_are_within_authority() {
    let policy = shipped("deploy/policies/saas.yaml");
    let account = Account::unknown("a".into());
    for (percent, within) in [("0", true), ("15", true), ("15.0", true), ("15.01", false), ("25", false), ("-1", false)]
    {
        let request = format!(r#"{{"action":"discount","percent":{percent}}}"#);
        assert_eq!(allowed(&policy, &account, &request, "0"), (Some("approval.discount".into()), within), "{percent}");
    }
    assert!(!allowed(&policy, &account, r#"{"action":"discount"}"#, "0").1, "no percentage is no small one");
    assert_eq!(allowed(&policy, &account, r#"{"action":"free_year"}"#, "0"), (None, false));
}

#[test]
fn order_changes_go_by_what_changes() {
    let policy = shipped("deploy/policies/manufacturing.yaml");
    let account = Account::unknown("a".into());
    for (request, clause, within) in [
        (r#"{"action":"order_change","percent":5}"#, "approval.order_change", true),
        (r#"{"action":"order_change","percent":5.5}"#, "approval.order_change", false),
        (r#"{"action":"order_change","changes":["material"]}"#, "approval.order_terms", false),
        (
            r#"{"action":"order_change","percent":1,"changes":["delivery_terms","material"]}"#,
            "approval.order_terms",
            false,
        ),
        (r#"{"action":"order_change","percent":2,"changes":["colour"]}"#, "approval.order_change", true),
    ] {
        assert_eq!(allowed(&policy, &account, request, "0"), (Some(clause.to_owned()), within), "{request}");
    }
}

#[test]
fn waivers_are_counted_to_the_cent() {
    let policy = shipped("deploy/policies/bank.yaml");
    let eligible = account();
    let waiver = |amount: &str, more: &str| {
        format!(r#"{{"action":"overdraft_waiver","amount":"{amount}","currency":"USD"{more}}}"#)
    };
    for (amount, earlier, within) in [
        ("60.00", "0", true),
        ("99.99", "0", true),
        ("100.00", "0", false),
        ("150.00", "0", false),
        ("45.00", "60.00", false),
        ("39.99", "60.00", true),
        ("40.00", "60.00", false),
        ("99.99999999999999999999", "0", true),
        ("100.0000000000000000001", "0", false),
        ("-5.00", "0", false),
    ] {
        assert_eq!(allowed(&policy, &eligible, &waiver(amount, ""), earlier).1, within, "{amount} after {earlier}");
    }
    let claim = waiver("40.00", r#","changes":["hardship_claim"]"#);
    assert!(!allowed(&policy, &eligible, &claim, "0").1);
    assert!(!allowed(&policy, &Account::unknown("b".into()), &waiver("60.00", ""), "0").1, "not eligible");
    assert!(!allowed(&policy, &eligible, &waiver("60.00", "").replace("USD", "EUR"), "0").1, "another currency");
}

#[test]
fn hostile_expressions_are_refused_without_harm() {
    for text in [
        "",
        "(",
        &"(".repeat(900),
        &"!".repeat(900),
        &format!("{}1{}", "[".repeat(400), "]".repeat(400)),
        &"a.".repeat(500),
    ] {
        assert!(Condition::parse(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn limits_hold_for_every_amount(cents in 0_i64..30_000, earlier in 0_i64..30_000) {
        let policy = shipped("deploy/policies/bank.yaml");
        let request = format!(r#"{{"action":"overdraft_waiver","amount":"{}","currency":"USD"}}"#, Decimal::new(cents, 2));
        let within = allowed(&policy, &account(), &request, &Decimal::new(earlier, 2).to_string()).1;
        prop_assert_eq!(within, cents + earlier < 10_000);
    }

    #[test]
    fn any_expression_is_taken(text in "[a-z.()\\[\\]!&|=<>\"0-9 ]{0,60}") {
        if let Ok(condition) = Condition::parse(&text) {
            let policy = shipped("deploy/policies/saas.yaml");
            let account = account();
            // Whatever it is, it is judged or refused, never a panic.
            prop_assert!(condition.holds(&policy.variables(&account)).is_ok() || condition.text == text.as_str());
        }
    }

    #[test]
    fn any_text_is_taken(text in any::<String>()) {
        prop_assert!(Policy::parse(&text).is_err(), "no chance text is a policy");
    }
}
