//! Business time: cases by hand, and what holds for all of them.

use crate::shipped::shipped;
use baton_policy::{Calendar, Policy};
use baton_records::{Account, Id, SlaContract, Timestamp};
use proptest::prelude::*;
use std::time::Duration;

fn with_calendars() -> Policy {
    let mut policy = shipped("deploy/policies/saas.yaml");
    let calendar = |days: std::ops::Range<u8>, from_minute, to_minute, holidays: &[&str]| Calendar {
        days: days.collect(),
        from_minute,
        to_minute,
        holidays: holidays.iter().copied().map(Id::from).collect(),
    };
    policy.calendars.insert("office".into(), calendar(0..5, 9 * 60, 17 * 60, &["2026-12-25"]));
    policy.calendars.insert("night".into(), calendar(0..7, 22 * 60, 24 * 60, &[]));
    policy.calendars.insert("round".into(), calendar(0..7, 0, 24 * 60, &[]));
    policy.calendars.insert("early".into(), calendar(0..7, 60, 4 * 60, &[]));
    policy
}

fn seconds(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.len() - 1);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => panic!("{text}"),
    };
    Duration::from_secs(number.parse::<u64>().unwrap() * unit)
}

#[test]
fn deadlines_are_as_expected() {
    let policy = with_calendars();
    let cases = include_str!("../../cases/deadlines.txt");
    let mut count = 0;
    for line in cases.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let [calendar, zone, start, duration, deadline] = fields.as_slice() else { panic!("{line}") };
        let got = policy.deadline(Timestamp::parse(start).unwrap(), seconds(duration), calendar, zone);
        assert_eq!(got, Timestamp::parse(deadline).unwrap(), "{line} gave {got}");
        count += 1;
    }
    assert!(count >= 25);
}

#[test]
fn at_risk_is_counted_in_the_same_calendar() {
    let policy = with_calendars();
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let hour = Duration::from_secs(3_600);
    assert_eq!(policy.at_risk(at("2026-03-02T10:00:00Z"), hour, "always", "UTC"), at("2026-03-02T10:48:00Z"));
    assert_eq!(policy.at_risk(at("2026-03-06T16:30:00Z"), hour, "office", "UTC"), at("2026-03-09T09:18:00Z"));
    assert_eq!(policy.at_risk(at("2026-03-06T16:00:00Z"), 10 * hour, "office", "UTC"), at("2026-03-09T16:00:00Z"));
}

#[test]
fn terms_are_the_contract_then_the_tier() {
    let policy = shipped("deploy/policies/saas.yaml");
    let mut account = Account::unknown("a".into());
    let terms = policy.sla_for(&account);
    assert_eq!((terms.tier.as_str(), terms.calendar.as_str(), terms.time_zone.as_str()), ("standard", "office", "UTC"));
    assert_eq!((terms.first_response, terms.resolution), (seconds("8h"), seconds("40h")));
    account.tier = Some("enterprise".into());
    account.time_zone = Some("Asia/Tokyo".into());
    account.sla =
        Some(SlaContract { first_response: Some("PT15M".into()), resolution: None, calendar: Some("office".into()) });
    let terms = policy.sla_for(&account);
    assert_eq!((terms.first_response, terms.resolution), (seconds("15m"), seconds("8h")));
    assert_eq!((terms.calendar.as_str(), terms.time_zone.as_str()), ("office", "Asia/Tokyo"));
    account.tier = Some("no such tier".into());
    account.time_zone = Some("No/Where".into());
    account.sla = Some(SlaContract {
        first_response: Some("soon".into()),
        resolution: Some("P1M".into()),
        calendar: Some("none".into()),
    });
    let terms = policy.sla_for(&account);
    assert_eq!(terms, policy.sla_for(&Account::unknown("b".into())), "what cannot be read counts as not said");
}

#[test]
fn value_makes_the_tier_in_the_policys_currency() {
    let policy = shipped("deploy/policies/bank.yaml");
    let tier = |value: &str, currency: Option<&str>, tier: Option<&str>| {
        let mut account = Account::unknown("a".into());
        account.annual_value = value.parse().unwrap();
        account.currency = currency.map(Id::from);
        account.tier = tier.map(Id::from);
        policy.tier_of(&account).clone()
    };
    assert_eq!(tier("1000000", None, None), "private");
    assert_eq!(tier("1000000.00", Some("USD"), Some("standard")), "private");
    assert_eq!(tier("999999.99", None, None), "standard");
    assert_eq!(tier("5000000", Some("EUR"), None), "standard");
    assert_eq!(tier("0", None, Some("private")), "private");
}

const ZONES: [&str; 6] =
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"];

proptest! {
    #[test]
    fn deadlines_add_up_and_never_go_back(
        start in 1_500_000_000_000_i64..2_000_000_000_000,
        later in 0_i64..200_000_000,
        first in 0_u64..400_000_000,
        second in 0_u64..400_000_000,
        zone in 0..ZONES.len(),
        calendar in proptest::sample::select(vec!["office", "night", "round", "early", "always"]),
    ) {
        let policy = with_calendars();
        let zone = ZONES[zone];
        let deadline = |start, millis| policy.deadline(start, Duration::from_millis(millis), calendar, zone);
        let start = Timestamp::from_millis(start);
        let once = deadline(start, first);
        prop_assert!(once >= start);
        prop_assert_eq!(deadline(once, second), deadline(start, first + second), "in two steps as in one");
        prop_assert!(deadline(start, first + second) >= once, "a longer time never ends earlier");
        let start_later = Timestamp::from_millis(start.millis() + later);
        prop_assert!(deadline(start_later, first) >= once || first == 0, "a later start never ends earlier");
        prop_assert!(once.since(start) >= Duration::from_millis(first), "working time is never more than time");
    }
}
