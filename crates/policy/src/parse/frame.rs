//! What all strategies share: limits, calendars, tiers, teams, offers, the dossier's sources, notices.

use super::every_rule::overflow;
use crate::calendar::date;
use crate::problem::Position;
use crate::read::{Block, Kind, Reader, Receives};
use crate::yaml::{Node, Value};
use crate::{Assigner, Calendar, ContextPolicy, Limits, Offers, Redaction, Team, Tier, Tiers};
use baton_records::{Channel, Id};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const CHANNELS: [(&str, Channel); 8] = [
    ("chat", Channel::Chat),
    ("email", Channel::Email),
    ("phone", Channel::Phone),
    ("social", Channel::Social),
    ("web", Channel::Web),
    ("crm", Channel::Crm),
    ("billing", Channel::Billing),
    ("usage", Channel::Usage),
];

const DAYS: [(&str, u8); 7] = [("mon", 0), ("tue", 1), ("wed", 2), ("thu", 3), ("fri", 4), ("sat", 5), ("sun", 6)];

pub(super) fn limits(parent: &Block<'_>) -> Limits {
    let node = parent.need("limits", "{lateness: 5s, …}");
    let nothing = Node { at: parent.at, value: Value::Nothing };
    let block = parent.reader.block(node.unwrap_or(&nothing), "limits");
    if node.is_none() {
        return blank_limits();
    }
    let limits = Limits {
        lateness: bounded(&block, "lateness", "5s", Duration::from_secs(3_600)),
        history_after: block.duration("history_after", "1d"),
        cool_down: block.duration("cool_down", "30m"),
        expire_after: block.duration("expire_after", "30d"),
        closed_known_for: block.duration("closed_known_for", "7d"),
        duplicate_window: block.duration("duplicate_window", "7d"),
        duplicate_ids: block
            .need("duplicate_ids", "4096")
            .map_or(0, |node| block.reader.whole(node, "duplicate_ids", 1, 65_536) as usize),
        conversation_join: block.duration("conversation_join", "30m"),
        account_late: block.duration("account_late", "15m"),
    };
    block.finish();
    limits
}

fn blank_limits() -> Limits {
    let none = Duration::ZERO;
    Limits {
        lateness: none,
        history_after: none,
        cool_down: none,
        expire_after: none,
        closed_known_for: none,
        duplicate_window: none,
        duplicate_ids: 0,
        conversation_join: none,
        account_late: none,
    }
}

fn bounded(block: &Block<'_>, key: &'static str, example: &str, most: Duration) -> Duration {
    let Some(node) = block.need(key, example) else { return Duration::ZERO };
    let duration = block.reader.duration(node, key);
    if duration > most {
        block.reader.problems.add(
            node.at,
            format!("`{key}` is {}", crate::duration::words(duration)),
            format!("write {} at most", crate::duration::words(most)),
        );
    }
    duration
}

pub(super) fn redactions(parent: &Block<'_>) -> BTreeSet<Redaction> {
    let Some(node) = parent.need("redact", "[card, iban]") else { return BTreeSet::new() };
    let words = [("card", Redaction::Card), ("iban", Redaction::Iban)];
    let items = parent.reader.list(node, "redact");
    items.iter().map(|item| parent.reader.word(item, "redact", &words, Redaction::Card)).collect()
}

pub(super) fn calendars(parent: &Block<'_>) -> BTreeMap<Id, Calendar> {
    let Some(node) = parent.get("calendars") else { return BTreeMap::new() };
    let mut calendars = BTreeMap::new();
    for (key, node) in parent.reader.entries(node, "calendars") {
        if key.name == "always" {
            parent.reader.problems.add(key.at, "`always` is built in", "give the calendar another name");
        }
        let block = parent.reader.block(node, format!("calendars.{}", key.name));
        let (from_minute, to_minute) = hours(&block);
        let calendar = Calendar { days: days(&block), from_minute, to_minute, holidays: holidays(&block) };
        block.finish();
        calendars.insert(Id::from(key.name.as_str()), calendar);
    }
    calendars
}

fn days(block: &Block<'_>) -> BTreeSet<u8> {
    let mut days = BTreeSet::new();
    let Some(node) = block.need("days", "mon-fri") else { return days };
    for item in block.reader.list(node, "days") {
        let text = block.reader.text(item, "days");
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let find = |name: &str| DAYS.iter().find(|(day, _)| *day == name.trim()).map(|(_, number)| *number);
        match (find(first), find(last)) {
            (Some(first), Some(last)) if first <= last => days.extend(first..=last),
            _ => block.reader.problems.add(
                item.at,
                format!("`{text}` names no working days"),
                "write mon-fri, or a list such as [mon, wed, sat]",
            ),
        }
    }
    if days.is_empty() && block.reader.list(node, "days").is_empty() {
        block.reader.problems.add(
            node.at,
            "a calendar without working days never ends a deadline",
            "name at least one day",
        );
    }
    days
}

fn hours(block: &Block<'_>) -> (u16, u16) {
    let Some(node) = block.need("hours", "\"09:00-17:00\"") else { return (0, 0) };
    let text = block.reader.text(node, "hours");
    let parsed = text.split_once('-').and_then(|(from, to)| Some((minute(from)?, minute(to)?)));
    match parsed {
        Some((from, to)) if from < to => (from, to),
        _ => {
            if !text.is_empty() {
                block.reader.problems.add(
                    node.at,
                    format!("`{text}` is no span of hours"),
                    "write \"09:00-17:00\", the earlier time first, \"24:00\" for midnight",
                );
            }
            (0, 0)
        }
    }
}

/// Parses `HH:MM` into minutes after midnight.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    if hour.len() != 2 || minute.len() != 2 {
        return None;
    }
    let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
    let whole = hour * 60 + minute;
    (minute < 60 && whole <= 24 * 60).then_some(whole)
}

fn holidays(block: &Block<'_>) -> BTreeSet<Id> {
    let Some(node) = block.get("holidays") else { return BTreeSet::new() };
    let mut holidays = BTreeSet::new();
    for item in block.reader.list(node, "holidays") {
        let text = block.reader.text(item, "holidays");
        if date(text).is_none() {
            block.reader.problems.add(item.at, format!("`{text}` is no date"), "write YYYY-MM-DD");
        }
        holidays.insert(Id::from(text));
    }
    holidays
}

pub(super) fn tiers(parent: &Block<'_>) -> Tiers {
    let mut tiers = Tiers { default: Id::default(), by_name: BTreeMap::new() };
    let Some(node) = parent.need("tiers", "{default: standard, standard: {…}}") else { return tiers };
    let reader = parent.reader;
    let mut default = false;
    for (key, node) in reader.entries(node, "tiers") {
        if key.name == "default" {
            default = true;
            tiers.default = reader.refer(node, "default", Kind::Tier, Receives::Nothing);
            continue;
        }
        let block = reader.block(node, format!("tiers.{}", key.name));
        let calendar = block.need("calendar", "always");
        let tier = Tier {
            first_response: block.duration("first_response", "1h"),
            resolution: block.duration("resolution", "8h"),
            calendar: calendar
                .map_or_else(Id::default, |c| reader.refer(c, "calendar", Kind::Calendar, Receives::Nothing)),
            min_annual_value: block.get("min_annual_value").map(|n| reader.decimal(n, "min_annual_value")),
        };
        check_tier(reader, node.at, &key.name, &tier);
        block.finish();
        tiers.by_name.insert(Id::from(key.name.as_str()), tier);
    }
    if !default {
        reader.problems.add(
            node.at,
            "`tiers` has no `default`",
            "add `default: standard`, the tier of accounts without one",
        );
    }
    tiers
}

fn check_tier(reader: &Reader, at: Position, name: &str, tier: &Tier) {
    if tier.first_response.is_zero() || tier.resolution.is_zero() {
        reader.problems.add(at, format!("the tier `{name}` has no time to answer"), "write durations above zero");
    } else if tier.first_response > tier.resolution {
        reader.problems.add(
            at,
            format!("the tier `{name}` must be done before it must be answered"),
            "make `resolution` at least as long as `first_response`",
        );
    }
}

pub(super) fn skills(parent: &Block<'_>) -> BTreeSet<Id> {
    parent.names("skills").into_iter().collect()
}

pub(super) fn teams(parent: &Block<'_>) -> BTreeMap<Id, Team> {
    let mut teams = BTreeMap::new();
    let Some(node) = parent.need("teams", "{support: {overflow: wait}}") else { return teams };
    let reader = parent.reader;
    for (key, node) in reader.entries(node, "teams") {
        let block = reader.block(node, format!("teams.{}", key.name));
        if block.get("overflow").is_some() {
            reader.note_answer(&key.name);
        }
        let words = [("baton", Assigner::Baton), ("external", Assigner::External)];
        let team = Team {
            skills: block.refer_all("skills", Kind::Skill, Receives::Nothing).into_iter().collect(),
            overflow: block.get("overflow").and_then(|node| overflow(reader, node, &block.name)),
            assign: block.get("assign").map_or(Assigner::Baton, |n| reader.word(n, "assign", &words, Assigner::Baton)),
        };
        block.finish();
        teams.insert(Id::from(key.name.as_str()), team);
    }
    teams
}

pub(super) fn pools(parent: &Block<'_>) -> BTreeMap<Id, BTreeSet<Id>> {
    let Some(node) = parent.get("pools") else { return BTreeMap::new() };
    let reader = parent.reader;
    let mut pools = BTreeMap::new();
    for (key, node) in reader.entries(node, "pools") {
        let teams = reader.list(node, "pools");
        let teams = teams.iter().map(|team| reader.refer(team, "pools", Kind::Team, Receives::Nothing)).collect();
        pools.insert(Id::from(key.name.as_str()), teams);
    }
    pools
}

pub(super) fn offers(parent: &Block<'_>) -> Offers {
    let blank = Offers { lapse_after: Duration::ZERO, at_risk_share: 0.0 };
    let Some(node) = parent.need("offers", "{lapse_after: 60s, at_risk_at: 80%}") else { return blank };
    let block = parent.reader.block(node, "offers");
    let offers = Offers {
        lapse_after: block.duration("lapse_after", "60s"),
        at_risk_share: block.need("at_risk_at", "80%").map_or(0.0, |node| share(parent.reader, node, "at_risk_at")),
    };
    block.finish();
    offers
}

/// Reads `80%` or `0.8`.
pub(super) fn share(reader: &Reader, node: &Node, field: &str) -> f64 {
    let text = reader.text(node, field);
    let parsed = match text.strip_suffix('%') {
        Some(number) => number.trim().parse::<f64>().ok().map(|number| number / 100.0),
        None => text.parse::<f64>().ok(),
    };
    match parsed {
        Some(share) if (0.0..=1.0).contains(&share) => share,
        _ => {
            if !text.is_empty() {
                reader.problems.add(node.at, format!("`{text}` is no share"), "write a percentage from 0% to 100%");
            }
            0.0
        }
    }
}

pub(super) fn context(parent: &Block<'_>) -> ContextPolicy {
    let Some(node) = parent.need("context", "{stale_after: {others: 365d}}") else { return ContextPolicy::default() };
    let reader = parent.reader;
    let block = reader.block(node, "context");
    let mut policy = ContextPolicy::default();
    if let Some(node) = block.get("expected_sources") {
        for (key, node) in reader.entries(node, "expected_sources") {
            if let Some(channel) = channel(reader, &key.name, key.at) {
                policy.expected_sources.insert(channel, reader.duration(node, &key.name));
            }
        }
    }
    let mut others = false;
    if let Some(node) = block.need("stale_after", "{others: 365d}") {
        for (key, node) in reader.entries(node, "stale_after") {
            let age = reader.duration(node, &key.name);
            if key.name == "others" {
                others = true;
                policy.stale_after_others = age;
            } else if let Some(channel) = channel(reader, &key.name, key.at) {
                policy.stale_after.insert(channel, age);
            }
        }
        if !others {
            reader.problems.add(
                node.at,
                "`stale_after` does not say what holds for other sources",
                "add `others: 365d`",
            );
        }
    }
    if let Some(node) = block.get("feature_plans") {
        for (key, node) in reader.entries(node, "feature_plans") {
            policy.feature_plans.insert(Id::from(key.name.as_str()), Id::from(reader.text(node, "feature_plans")));
        }
    }
    block.finish();
    policy
}

fn channel(reader: &Reader, name: &str, at: Position) -> Option<Channel> {
    let node = Node { at, value: Value::Scalar(name.to_owned()) };
    let known = CHANNELS.iter().any(|(channel, _)| *channel == name);
    let channel = reader.word(&node, "source", &CHANNELS, Channel::Chat);
    known.then_some(channel)
}

pub(super) fn notices(parent: &Block<'_>) -> BTreeMap<Id, Id> {
    let mut notices = BTreeMap::new();
    let Some(node) = parent.need("notices", "{en: \"A colleague will answer this.\"}") else { return notices };
    for (key, node) in parent.reader.entries(node, "notices") {
        notices.insert(Id::from(key.name.as_str()), Id::from(parent.reader.text(node, "notices")));
    }
    if !notices.contains_key("en") {
        parent.reader.problems.add(node.at, "`notices` has no `en`", "add it; customers of other languages read it");
    }
    notices
}
