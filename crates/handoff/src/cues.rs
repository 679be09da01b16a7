//! S1: cues of a conversation, counted over customer turns in the order in which they happened.

use crate::decisions::{Judgement, Seen};
use crate::episode::{Evidence, Finding};
use crate::rules::{Facts, in_scope};
use crate::state::{At, Hit, Turn};
use crate::step::Step;
use baton_policy::CueRule;
use baton_records::{Id, Signal, SignalKind, Strategy};

/// Cues of one message that are kept.
const HITS: usize = 16;

/// Returns the cues that a message's signals say, those that count.
pub(crate) fn hits(signals: &[Signal]) -> Vec<Hit> {
    let counts = |s: &&Signal| is_cue(s) && s.score >= s.threshold;
    let hit = |s: &Signal| Hit { cue: s.name.clone(), sentence: s.sentence.unwrap_or(0), score: s.score };
    signals.iter().filter(counts).take(HITS).map(hit).collect()
}

const fn is_cue(signal: &Signal) -> bool {
    matches!(signal.kind, SignalKind::Sentiment | SignalKind::Intent | SignalKind::Urgency)
}

/// What a rule sees in the windows that contain one turn.
#[derive(Debug, Default)]
struct Windows {
    /// Most cues in different sentences.
    most: u32,
    /// Turns of the windows that fire.
    evidence: Vec<At>,
    /// The newest turn of the first window that fires.
    since: Option<At>,
}

impl<'a> Step<'a> {
    /// Judges a customer message, which stands at `place` among its conversation's turns.
    pub(crate) fn judge_cues(
        &self,
        conversation: &Id,
        place: usize,
        signals: &[Signal],
        facts: Facts<'_>,
        judgement: &mut Judgement<'a>,
    ) {
        let turns = self.conversation(conversation).map_or(&[][..], |c| c.recent.as_slice());
        let Some(turn) = turns.get(place) else { return };
        let rules = self.rules;
        for rule in &rules.policy.sentiment.rules {
            if !in_scope(&rule.rule, &self.account) {
                continue;
            }
            let concerns = turn.hits.iter().any(|h| names(rule, &h.cue));
            let applies = !concerns || rules.holds(rule.rule.when.as_ref(), facts);
            let used = if concerns { self.used(conversation, &rule.rule.name) } else { None };
            let windows = if turns.len() == 1 && !concerns {
                Windows::default()
            } else {
                look(rule, turns, place, used.as_ref(), concerns && applies)
            };
            let fired = windows.since.is_some();
            let (value, threshold) = measure(rule, turn, signals, &windows);
            let seen = Seen { value: if applies { value } else { 0.0 }, threshold, fired, below: false };
            let evidence = windows.evidence.iter().map(|at| at.1.clone()).collect();
            judgement.saw(Strategy::Sentiment, &rule.rule.name, seen, evidence);
            if let Some(since) = windows.since {
                let finding = Finding {
                    strategy: Strategy::Sentiment,
                    rule: &rule.rule,
                    name: rule.rule.name.clone(),
                    value,
                    threshold,
                    evidence: windows.evidence.into_iter().map(|at| Evidence { at, customer: true }).collect(),
                    since,
                    approval: None,
                    about_account: false,
                    subject: None,
                    cause: None,
                    summary: rule.rule.summary.clone(),
                };
                self.found(conversation, finding, judgement);
            }
        }
    }

    /// Evidence that a handoff which is over has used up.
    pub(crate) fn used(&self, conversation: &Id, rule: &Id) -> Option<At> {
        let key = (self.account.clone(), conversation.clone(), rule.clone());
        self.state.quiet.get(&key).map(|q| q.used.clone())
    }
}

fn names(rule: &CueRule, cue: &Id) -> bool {
    rule.groups.iter().any(|group| group.contains(cue))
}

/// Looks at the windows that contain the turn at `place`; they can fire only when it has a cue.
fn look(rule: &CueRule, turns: &[Turn], place: usize, used: Option<&At>, can_fire: bool) -> Windows {
    let width = (rule.within_turns as usize).max(1);
    let mut seen = Windows::default();
    for end in place..turns.len().min(place + width) {
        let Some(window) = turns.get((end + 1).saturating_sub(width)..=end) else { continue };
        let fresh = |t: &&Turn| used.is_none_or(|used| t.at > *used) && t.hits.iter().any(|h| names(rule, &h.cue));
        let cued: Vec<&Turn> = window.iter().filter(fresh).collect();
        let count = sentences(rule, &cued);
        seen.most = seen.most.max(count);
        let whole = rule.groups.iter().all(|g| cued.iter().any(|t| t.hits.iter().any(|h| g.contains(&h.cue))));
        let ends = cued.last().is_some_and(|last| window.last().is_some_and(|end| last.at == end.at));
        if !(can_fire && whole && ends && count >= rule.sentences.max(1)) {
            continue;
        }
        if let Some(last) = cued.last() {
            seen.since.get_or_insert_with(|| last.at.clone());
        }
        for turn in cued {
            if let Err(at) = seen.evidence.binary_search(&turn.at) {
                seen.evidence.insert(at, turn.at.clone());
            }
        }
    }
    seen
}

/// How many different sentences hold a cue of the rule.
fn sentences(rule: &CueRule, cued: &[&Turn]) -> u32 {
    let mut count = 0;
    for turn in cued {
        let mut places: Vec<u32> = turn.hits.iter().filter(|h| names(rule, &h.cue)).map(|h| h.sentence).collect();
        places.sort_unstable();
        places.dedup();
        count += u32::try_from(places.len()).unwrap_or(u32::MAX);
    }
    count
}

/// A single statement is measured by its score (of the weakest group's best cue), several by their number.
fn measure(rule: &CueRule, turn: &Turn, signals: &[Signal], windows: &Windows) -> (f64, f64) {
    if rule.sentences > 1 {
        return (f64::from(windows.most), f64::from(rule.sentences));
    }
    let best = |group: &Vec<Id>| {
        let said = signals.iter().filter(|s| is_cue(s) && group.contains(&s.name));
        let said = said.map(|s| (s.score, s.threshold)).max_by(|a, b| (a.0 - a.1).total_cmp(&(b.0 - b.1)));
        said.unwrap_or((0.0, 1.0))
    };
    let weakest = rule.groups.iter().map(best).min_by(|a, b| (a.0 - a.1).total_cmp(&(b.0 - b.1)));
    let (score, threshold) = weakest.unwrap_or((0.0, 1.0));
    // A cue of an earlier turn completes the window: what this turn has may be one group only.
    if windows.since.is_some() && score < threshold {
        let held = turn.hits.iter().filter(|h| names(rule, &h.cue)).map(|h| h.score).fold(0.0, f64::max);
        return (held, threshold.min(held));
    }
    (score, threshold)
}
