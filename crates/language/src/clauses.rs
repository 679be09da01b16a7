//! Clauses and whether they state, ask or suppose something.

use crate::grammar::Grammar;
use crate::tokens::{Break, Token};

/// How something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It is stated.
    Statement,
    /// A question that yes or no answers, or a polite demand.
    YesNo,
    /// A question with a question word.
    Open,
    /// A complaint in the form of a question: why, is it not.
    Complaint,
    /// It is supposed.
    Condition,
}

impl Mood {
    /// Returns its letter in grammars.
    pub(crate) const fn letter(self) -> char {
        match self {
            Self::Statement => 's',
            Self::YesNo => 'y',
            Self::Open => 'w',
            Self::Complaint => 'h',
            Self::Condition => 'i',
        }
    }

    /// Returns its bit in a pattern's moods.
    pub(crate) const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// All moods.
    pub(crate) const ALL: [Self; 5] = [Self::Statement, Self::YesNo, Self::Open, Self::Complaint, Self::Condition];

    const fn asks(self) -> bool {
        matches!(self, Self::YesNo | Self::Open | Self::Complaint)
    }
}

/// A stretch of words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clause {
    /// Its first token.
    pub(crate) start: usize,
    /// How it is said.
    pub(crate) mood: Mood,
}

/// A sentence.
#[derive(Debug, Clone)]
pub(crate) struct Sentence {
    /// Its first token.
    pub(crate) start: usize,
    /// Behind its last token.
    pub(crate) end: usize,
    /// Its clauses, in order.
    pub(crate) clauses: Vec<Clause>,
}

impl Sentence {
    /// Returns the clause in which a token stands.
    pub(crate) fn clause_of(&self, token: usize) -> Option<&Clause> {
        let behind = self.clauses.partition_point(|c| c.start <= token);
        self.clauses.get(behind.checked_sub(1)?)
    }
}

/// Cuts the words of a text into sentences; the last token only closes the last one.
pub(crate) fn sentences(tokens: &[Token], grammar: &Grammar) -> Vec<Sentence> {
    let mut out = Vec::with_capacity(4);
    let mut start = 0;
    for (at, token) in tokens.iter().enumerate().skip(1) {
        if token.before == Break::Sentence {
            out.push(sentence(tokens, start, at, token.asked, grammar));
            start = at;
        }
    }
    out
}

fn sentence(tokens: &[Token], start: usize, end: usize, asked: bool, grammar: &Grammar) -> Sentence {
    let mut clauses: Vec<Clause> = Vec::with_capacity(3);
    let words = tokens.get(start..end).unwrap_or(&[]);
    let mut from = 0;
    for at in 1..=words.len() {
        let cut = words.get(at).is_none_or(|t| t.before >= Break::Clause || begins_clause(words, from, at, grammar));
        if cut {
            let own = words.get(from..at).unwrap_or(&[]);
            let apart = own.first().is_some_and(|t| grammar.structure.apart.has(t.word));
            let mood = own_mood(own, asked, grammar).unwrap_or_else(|| inherited(&clauses, asked, apart));
            clauses.push(Clause { start: start + from, mood });
            from = at;
        }
    }
    if asked && clauses.iter().all(|c| matches!(c.mood, Mood::Statement)) {
        for clause in &mut clauses {
            clause.mood = Mood::YesNo;
        }
    }
    Sentence { start, end, clauses }
}

/// Tells whether a clause begins at `at`; the one before it began at `from`.
fn begins_clause(words: &[Token], from: usize, at: usize, grammar: &Grammar) -> bool {
    /// `if it fails we are lost`: so many words of a condition come before what follows from it.
    const CONDITION: usize = 3;
    let (Some(word), next) = (words.get(at).map(|t| t.word), words.get(at + 1).map(|t| t.word)) else { return false };
    let structure = &grammar.structure;
    let supposed = words.get(from).is_some_and(|t| structure.condition.has(t.word));
    let follows = structure.pronoun.has(word) && next.is_some_and(|n| structure.auxiliary.has(n));
    supposed && follows && at - from >= CONDITION
        || structure.apart.has(word)
        || structure.condition.has(word)
        || structure.and.has(word) && next.is_some_and(|n| structure.subject.has(n) || structure.auxiliary.has(n))
}

/// A clause without a mood of its own goes on with a question that stands before it.
fn inherited(clauses: &[Clause], asked: bool, apart: bool) -> Mood {
    match clauses.last() {
        Some(before) if asked && !apart && before.mood.asks() => before.mood,
        _ => Mood::Statement,
    }
}

fn own_mood(words: &[Token], asked: bool, grammar: &Grammar) -> Option<Mood> {
    let s = &grammar.structure;
    let mut rest = words.iter().map(|t| t.word).skip_while(|w| s.filler.has(*w) || s.and.has(*w));
    let (first, second, third) = (rest.next()?, rest.next(), rest.next());
    let is = |word: Option<u16>, set: &crate::grammar::WordSet| word.is_some_and(|w| set.has(w));
    if s.condition.has(first) {
        return Some(Mood::Condition);
    }
    if s.why.has(first) {
        return Some(Mood::Complaint);
    }
    if s.question.has(first) {
        let come = is(second, &s.why);
        let asks = asked || is(second, &s.auxiliary) || is(third, &s.auxiliary);
        return if come { Some(Mood::Complaint) } else { asks.then_some(Mood::Open) };
    }
    if s.auxiliary.has(first) {
        if is(second, &s.negation) && is(third, &s.subject) {
            return Some(Mood::Complaint);
        }
        return (asked || is(second, &s.subject)).then_some(Mood::YesNo);
    }
    None
}
