//! Finds patterns in the words of a sentence.

use crate::clauses::Sentence;
use crate::grammar::{Element, Grammar, Pattern};
use crate::tokens::Token;
use crate::vocabulary::UNKNOWN;

/// A negation reaches so many words ahead.
const NEGATION_REACH: usize = 5;

/// Where a pattern was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'g> {
    /// Which.
    pub(crate) pattern: &'g Pattern,
    /// Its first token.
    pub(crate) start: usize,
}

/// A pattern that may be found: the token of its anchor, and its number.
pub(crate) type Candidate = (usize, u16);

/// Returns the patterns of whose parts none is missing from the text, by token.
pub(crate) fn candidates(grammar: &Grammar, tokens: &[Token]) -> Vec<Candidate> {
    let anchored = |t: &Token| grammar.by_word.get(usize::from(t.word)).map_or(&[][..], Vec::as_slice);
    if tokens.iter().all(|t| anchored(t).is_empty()) {
        return Vec::new();
    }
    let mut present = vec![0_u64; grammar.width];
    for word in tokens.iter().map(|t| usize::from(t.word)).filter(|word| *word != usize::from(UNKNOWN)) {
        let sets = grammar.sets_of.get(word * grammar.width..(word + 1) * grammar.width).unwrap_or(&[]);
        for (cell, sets) in present.iter_mut().zip(sets) {
            *cell |= sets;
        }
    }
    let has = |set: &u16| present.get(usize::from(*set / 64)).is_some_and(|cell| cell >> (set % 64) & 1 == 1);
    let possible = |number: &u16| grammar.patterns.get(usize::from(*number)).is_some_and(|p| p.needs.iter().all(has));
    let mut candidates = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        candidates.extend(anchored(token).iter().filter(|n| possible(n)).map(|number| (at, *number)));
    }
    candidates
}

/// Gives every candidate that counts in this sentence to `sink`.
pub(crate) fn find<'g>(
    grammar: &'g Grammar,
    tokens: &[Token],
    sentence: &Sentence,
    candidates: &[Candidate],
    mut sink: impl FnMut(Found<'g>),
) {
    let view = View { grammar, tokens, sentence };
    let from = candidates.partition_point(|(at, _)| *at < sentence.start);
    for (at, number) in candidates.iter().skip(from).take_while(|(at, _)| *at < sentence.end) {
        if let Some(pattern) = grammar.patterns.get(usize::from(*number))
            && let Some(start) = view.pattern_at(pattern, *at)
        {
            sink(Found { pattern, start });
        }
    }
}

struct View<'a> {
    grammar: &'a Grammar,
    tokens: &'a [Token],
    sentence: &'a Sentence,
}

impl View<'_> {
    /// Returns the first token of the pattern whose anchor stands at `at`, if it counts.
    fn pattern_at(&self, pattern: &Pattern, at: usize) -> Option<usize> {
        let (before, from) = pattern.elements.split_at_checked(pattern.anchor)?;
        let (anchor, after) = from.split_first()?;
        let end = self.forward(after, 0, at + 1)?;
        let start = self.backward(before, anchor.gap, at)?;
        let clause = self.sentence.clause_of(start)?;
        if pattern.moods & clause.mood.bit() == 0 || pattern.at_start && !self.starts_clause(start) {
            return None;
        }
        (pattern.negation_counts || !self.is_negated(start, end)).then_some(start)
    }

    fn has(&self, element: &Element, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|t| self.grammar.sets.get(element.set).is_some_and(|set| set.has(t.word)))
    }

    /// Matches the elements from `at` on, before which `gap` words may stand; returns the token behind the last one.
    fn forward(&self, elements: &[Element], gap: u8, at: usize) -> Option<usize> {
        let Some((element, rest)) = elements.split_first() else { return Some(at) };
        let gap = gap.max(element.gap);
        for skipped in 0..=usize::from(gap) {
            let here = at + skipped;
            if here >= self.sentence.end || skipped > 0 && !self.same_clause(at - 1, here) {
                break;
            }
            if self.has(element, here)
                && let Some(end) = self.forward(rest, 0, here + 1)
            {
                return Some(end);
            }
        }
        if element.optional { self.forward(rest, gap, at) } else { None }
    }

    /// Matches the elements before `at`, the last one first; `gap` words may stand behind it. Returns the first token.
    fn backward(&self, elements: &[Element], gap: u8, at: usize) -> Option<usize> {
        let Some((element, rest)) = elements.split_last() else { return Some(at) };
        for skipped in 0..=usize::from(gap) {
            let Some(here) = at.checked_sub(skipped + 1) else { break };
            if here < self.sentence.start || skipped > 0 && !self.same_clause(here, at) {
                break;
            }
            if self.has(element, here)
                && let Some(start) = self.backward(rest, element.gap, here)
            {
                return Some(start);
            }
        }
        if element.optional { self.backward(rest, gap.max(element.gap), at) } else { None }
    }

    fn same_clause(&self, a: usize, b: usize) -> bool {
        let start = |at| self.sentence.clause_of(at).map(|c| c.start);
        start(a) == start(b)
    }

    /// Tells whether only words that open a sentence stand between the start of the clause and `at`.
    fn starts_clause(&self, at: usize) -> bool {
        let structure = &self.grammar.structure;
        let opens =
            |t: &Token| structure.filler.has(t.word) || structure.and.has(t.word) || structure.apart.has(t.word);
        let from = self.sentence.clause_of(at).map_or(at, |c| c.start);
        self.tokens.get(from..at).is_some_and(|words| words.iter().all(opens))
    }

    fn is_negated(&self, start: usize, end: usize) -> bool {
        let from = self.sentence.clause_of(start).map_or(start, |c| c.start).max(start.saturating_sub(NEGATION_REACH));
        let word = |at: usize| self.tokens.get(at).map(|t| t.word);
        if end < self.sentence.end && word(end).is_some_and(|w| self.grammar.structure.negation_after.has(w)) {
            return true;
        }
        (from..end).any(|at| {
            word(at).is_some_and(|w| self.grammar.structure.negation.has(w))
                && !word(at + 1).is_some_and(|w| self.grammar.structure.no_negation_before.has(w))
        })
    }
}
