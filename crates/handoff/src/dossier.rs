//! What a human must know: facts up to the evidence, what is silent, what is old, and two short texts.

use crate::episode::Episode;
use crate::fact::FactEntry;
use crate::facts;
use crate::rules::Rules;
use crate::state::{At, State, ordered};
use baton_records::{Account, Dossier, Fact, Id, Timestamp};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// Facts of a dossier.
const FACTS: usize = 100;
/// Messages of the conversation among them.
const TRANSCRIPT: usize = 40;
/// Characters of a fact's text.
const FACT_CHARS: usize = 500;
/// Characters of the summary.
const SUMMARY_CHARS: usize = 1_200;
/// Bytes of the brief.
const BRIEF_BYTES: usize = 1_024;

/// Builds the dossier of an open handoff.
pub(crate) fn build(state: &State, rules: &Rules, account: &Account, episode: &Episode) -> Dossier {
    let known = [facts::others(state, &account.account_id), facts::messages(state, &account.account_id)];
    let chosen = choose(state, &known, episode);
    let newest = episode.cut.0;
    let mut stale = Vec::new();
    let context = &rules.policy.context;
    let facts: Vec<Fact> = chosen
        .iter()
        .map(|(((as_of, event_id), _), fact)| {
            let most = context.stale_after.get(&fact.source).copied().unwrap_or(context.stale_after_others);
            if Timestamp::from_millis(newest).since(Timestamp::from_millis(*as_of)) > most {
                stale.push(event_id.clone());
            }
            Fact {
                text: text(rules, account, fact),
                source: fact.source,
                event_id: event_id.clone(),
                as_of: Timestamp::from_millis(*as_of),
            }
        })
        .collect();
    let missing_sources = missing(state, rules, account, &known, newest);
    let summary = summary(account, episode, &facts, &missing_sources);
    Dossier { brief: brief(account, episode), summary, facts, missing_sources, stale }
}

/// What is known of the account: messages last, each newest first.
type Known = [Vec<(At, FactEntry)>; 2];

/// A fact's place in a dossier; events of two topics may have one id and moment, but not one text too.
type Place = (At, Id);

/// Evidence first, then the newest of the conversation, then the newest of everything else; oldest first.
fn choose(state: &State, [others, messages]: &Known, episode: &Episode) -> BTreeMap<Place, FactEntry> {
    let from = (episode.handoff_id.clone(), 0, Id::default());
    let pinned = state.pinned.range(from..).take_while(|(k, _)| k.0 == episode.handoff_id);
    let mut chosen: BTreeMap<Place, FactEntry> = BTreeMap::new();
    let is_wanted = |id: &Id, fact: &FactEntry| {
        episode.reasons.iter().flat_map(|r| &r.evidence).any(|e| e.at.1 == *id && fact.is_at(e.at.0))
    };
    let evidence: Vec<_> = pinned.filter(|(k, fact)| is_wanted(&k.2, fact)).collect();
    for (key, fact) in evidence.into_iter().rev().take(FACTS) {
        chosen.insert(((fact.as_of, key.2.clone()), fact.text.clone()), fact.clone());
    }
    let here = |fact: &FactEntry| fact.conversation.as_ref().is_some_and(|c| episode.joined.contains(c));
    let before = |(at, _): &&(At, FactEntry)| *at <= episode.cut;
    let (transcript, elsewhere): (Vec<_>, Vec<_>) = messages.iter().filter(before).partition(|(_, fact)| here(fact));
    for (at, fact) in transcript.into_iter().take(TRANSCRIPT).chain(others.iter().filter(before)).chain(elsewhere) {
        if chosen.len() >= FACTS {
            break;
        }
        chosen.entry((at.clone(), fact.text.clone())).or_insert_with(|| fact.clone());
    }
    chosen
}

fn text(rules: &Rules, account: &Account, fact: &FactEntry) -> Id {
    let plan = fact.feature.as_ref().and_then(|f| rules.policy.context.feature_plans.get(f));
    let Some(plan) = plan else { return capped(&fact.text, FACT_CHARS) };
    let own = account.attributes.get("plan").and_then(|p| p.as_str());
    let note = match own {
        Some(own) if own == plan => format!("; part of plan {plan}, which the account has"),
        Some(own) => format!("; part of plan {plan}, the account has plan {}", plain(own, 64)),
        None => format!("; part of plan {plan}, the account's plan is not known"),
    };
    let head = capped(&fact.text, FACT_CHARS.saturating_sub(note.chars().count()));
    Id::from(format!("{head}{note}"))
}

/// Expected sources of which nothing was heard for too long.
fn missing(state: &State, rules: &Rules, account: &Account, known: &Known, now: i64) -> Vec<Id> {
    let heard = state.activity.get(&account.account_id);
    let recent =
        |at: i64, most: &Duration| at <= now && Timestamp::from_millis(now).since(Timestamp::from_millis(at)) <= *most;
    let silent = |channel, most: &Duration| {
        let Some(&(last, before)) = heard.and_then(|a| a.sources.get(channel)) else { return true };
        if last <= now || recent(before, most) {
            return !recent(last, most) && !recent(before, most);
        }
        // Both are later than the evidence: what is known of before stands among the facts.
        !known.iter().flatten().any(|(at, fact)| fact.source == *channel && recent(at.0, most))
    };
    let expected = &rules.policy.context.expected_sources;
    expected.iter().filter(|(channel, most)| silent(*channel, most)).map(|(c, _)| Id::new_static(c.name())).collect()
}

fn brief(account: &Account, episode: &Episode) -> Id {
    let mut text = format!("{} for {}: {}", priority(episode), episode.team, who(account));
    for reason in &episode.reasons {
        let _ = write!(text, "; {}", reason.summary);
    }
    let mut end = text.len().min(BRIEF_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    Id::from(text)
}

fn summary(account: &Account, episode: &Episode, facts: &[Fact], missing: &[Id]) -> Id {
    let mut text = format!("{} ({}).", who(account), episode.clocks.tier);
    for reason in &episode.reasons {
        let _ = write!(
            text,
            " {} ({}: {} against {}, {} events).",
            reason.summary,
            reason.rule,
            reason.value,
            reason.threshold,
            reason.evidence.len()
        );
    }
    if let Some(approval) = episode.shown_approval() {
        let _ = write!(
            text,
            " Waits for {}: {}. {}",
            approval.approvers.join(", "),
            approval.request.action,
            approval.clause
        );
    }
    let _ = write!(text, " {} facts", facts.len());
    if let (Some(first), Some(last)) = (facts.first(), facts.last()) {
        let _ = write!(text, " from {} to {}", first.as_of, last.as_of);
    }
    text.push('.');
    if !missing.is_empty() {
        let _ = write!(text, " Nothing heard of: {}.", missing.join(", "));
    }
    capped(&Id::from(text), SUMMARY_CHARS)
}

const fn priority(episode: &Episode) -> &'static str {
    match episode.priority {
        baton_records::Priority::Low => "low",
        baton_records::Priority::Normal => "normal",
        baton_records::Priority::High => "high",
        baton_records::Priority::Critical => "critical",
    }
}

fn who(account: &Account) -> String {
    plain(account.name.as_deref().unwrap_or(&account.account_id), 120)
}

/// Cuts a text to a number of characters.
pub(crate) fn capped(text: &Id, most: usize) -> Id {
    match text.char_indices().nth(most) {
        Some((end, _)) => text.get(..end).map_or_else(Id::default, Id::from),
        None => text.clone(),
    }
}

/// Removes control characters (but line feed and tab) and bidirectional controls, and caps the length.
pub(crate) fn plain(text: &str, most: usize) -> String {
    let bad = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(|c| !bad(*c)).take(most).collect()
}

/// The key of a pinned fact.
pub(crate) fn pin_key(handoff: &Id, at: i64, event: &Id) -> (Id, u64, Id) {
    (handoff.clone(), ordered(at), event.clone())
}
