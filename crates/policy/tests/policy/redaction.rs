//! What is replaced in text, and what is not.

use crate::shipped::shipped;
use baton_policy::{Policy, Redaction};
use proptest::prelude::*;
use std::borrow::Cow;

fn policy() -> Policy {
    shipped("deploy/policies/bank.yaml")
}

#[test]
fn cases_are_as_expected() {
    let policy = policy();
    let mut replaced = 0;
    let mut kept = 0;
    for line in include_str!("../../cases/redaction.txt").lines() {
        if line.is_empty() || line.starts_with("# ") {
            continue;
        }
        if let Some((text, expected)) = line.split_once(" => ") {
            assert_eq!(policy.redact(text), expected);
            assert_eq!(policy.redact(expected), expected, "a second time changes nothing");
            replaced += 1;
        } else {
            assert!(matches!(policy.redact(line), Cow::Borrowed(same) if same == line), "{line}");
            kept += 1;
        }
    }
    assert!(replaced >= 20 && kept >= 15, "{replaced} and {kept}");
}

#[test]
fn only_what_the_policy_names_is_replaced() {
    let mut policy = policy();
    let text = "DE89370400440532013000 4111111111111111";
    policy.redact.remove(&Redaction::Card);
    assert_eq!(policy.redact(text), "[iban] 4111111111111111");
    policy.redact.insert(Redaction::Card);
    policy.redact.remove(&Redaction::Iban);
    assert_eq!(policy.redact(text), "DE89370400440532013000 [card]");
    policy.redact.clear();
    assert_eq!(policy.redact(text), text);
}

fn check_digit(digits: &[u8]) -> u8 {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| {
            let value = u32::from(*d) * if i % 2 == 0 { 2 } else { 1 };
            value / 10 + value % 10
        })
        .sum();
    ((10 - sum % 10) % 10) as u8
}

proptest! {
    #[test]
    fn every_card_is_replaced_however_it_is_spaced(
        mut digits in proptest::collection::vec(0_u8..10, 12..=18),
        separators in proptest::collection::vec(proptest::sample::select(vec!["", "", "", " ", "-", " - "]), 19),
    ) {
        digits.push(check_digit(&digits));
        let mut text = String::from("card ");
        for (digit, separator) in digits.iter().zip(&separators) {
            text.push(char::from(b'0' + digit));
            text.push_str(separator);
        }
        let text = text.trim_end_matches([' ', '-']).to_owned() + ", please";
        prop_assert_eq!(policy().redact(&text), "card [card], please");
    }

    #[test]
    fn any_text_is_taken(text in any::<String>()) {
        let policy = policy();
        let once = policy.redact(&text).into_owned();
        prop_assert_eq!(policy.redact(&once), once.as_str());
    }
}
