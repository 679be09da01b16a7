//! Grammars: classes of words and patterns over them, as they stand in `grammar/`.
//!
//! ```text
//! # a comment; a number in a text is the word 0, a currency sign $, a per cent sign %
//! moods: s h                         in which moods the patterns below it count (s stated, y asked for yes or no,
//!                                    w asked with a question word, h complained, i supposed)
//! @hard: hard difficult complex      a class: words of one meaning, any inflection
//! 0.9 too ?much @hard|tricky         a pattern and its score; ? may be missing, | or
//! 0.8 @hard _2 use                   _N: up to N other words of the same clause between (_ is 2)
//! 0.8 < line down                    < at the start of a clause
//! 0.8 @wait /sy                      moods of this pattern alone; ! in them: a negation before it changes nothing
//! 0.9 =signed up                     this very form and no other of the word (only for forms that end in d)
//! - not @hard                        where this stands, the sentence does not state the concept
//! ```
//! A pattern that itself names a negation is not negated by another one.

use crate::clauses::Mood;
use crate::tokens::{self, Fixed, One, stemmed};
use crate::vocabulary::{UNKNOWN, Vocabulary, Word};
use std::collections::{BTreeMap, BTreeSet};

/// A set of words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct WordSet(Box<[u64]>);

impl WordSet {
    fn new(words: &BTreeSet<Word>) -> Self {
        let mut bits = vec![0_u64; words.last().map_or(0, |last| usize::from(*last) / 64 + 1)];
        for word in words {
            if let Some(cell) = bits.get_mut(usize::from(*word) / 64) {
                *cell |= 1 << (word % 64);
            }
        }
        Self(bits.into())
    }

    /// Tells whether a word belongs to it.
    pub(crate) fn has(&self, word: Word) -> bool {
        self.0.get(usize::from(word) / 64).is_some_and(|cell| cell >> (word % 64) & 1 == 1)
    }
}

/// One part of a pattern.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    words: BTreeSet<Word>,
    /// Index into the sets, once compiled.
    pub(crate) set: usize,
    /// Whether it may be missing.
    pub(crate) optional: bool,
    /// So many other words may stand before it.
    pub(crate) gap: u8,
}

/// A pattern.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    /// The cue that it states.
    pub(crate) cue: u16,
    /// Its score; none: where it stands, the sentence does not state the cue.
    pub(crate) score: Option<f32>,
    /// Its parts.
    pub(crate) elements: Vec<Element>,
    /// The part by which it is looked up.
    pub(crate) anchor: usize,
    /// Bits of the moods in which it counts.
    pub(crate) moods: u8,
    /// Whether a negation before it changes nothing.
    pub(crate) negation_counts: bool,
    /// Whether it stands at the start of a clause.
    pub(crate) at_start: bool,
    /// The sets of the parts that cannot be missing, but for the anchor; once compiled.
    pub(crate) needs: Box<[u16]>,
}

/// Words that give a sentence its form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Structure {
    pub(crate) negation: WordSet,
    pub(crate) negation_after: WordSet,
    pub(crate) no_negation_before: WordSet,
    pub(crate) pronoun: WordSet,
    pub(crate) apart: WordSet,
    pub(crate) and: WordSet,
    pub(crate) condition: WordSet,
    pub(crate) subject: WordSet,
    pub(crate) auxiliary: WordSet,
    pub(crate) question: WordSet,
    pub(crate) why: WordSet,
    pub(crate) filler: WordSet,
}

/// Compiled grammars.
#[derive(Debug, Clone)]
pub(crate) struct Grammar {
    pub(crate) words: Vocabulary,
    pub(crate) fixed: Fixed,
    pub(crate) sets: Vec<WordSet>,
    pub(crate) patterns: Vec<Pattern>,
    /// By word: the patterns that are looked up by it.
    pub(crate) by_word: Vec<Vec<u16>>,
    /// For each word, the sets that it belongs to, as a bitmap of `width` cells.
    pub(crate) sets_of: Vec<u64>,
    pub(crate) width: usize,
    pub(crate) structure: Structure,
}

/// Reads grammars.
pub(crate) struct Builder {
    words: Vocabulary,
    fixed: Fixed,
    classes: BTreeMap<String, BTreeSet<Word>>,
    patterns: Vec<Pattern>,
    /// Forms that stand for themselves, behind the stem that they belong to.
    forms: BTreeSet<(Word, Word)>,
}

/// All moods but suppositions: what phrases of a business count in.
const PHRASE_MOODS: u8 = Mood::Statement.bit() | Mood::YesNo.bit() | Mood::Open.bit() | Mood::Complaint.bit();

impl Builder {
    /// Starts with the words that give sentences their form.
    pub(crate) fn new() -> Result<Self, String> {
        let mut words = Vocabulary::new();
        let fixed = Fixed::intern(&mut words);
        let mut builder = Self { words, fixed, classes: BTreeMap::new(), patterns: Vec::new(), forms: BTreeSet::new() };
        builder.read(include_str!("../grammar/common.txt"), 0)?;
        Ok(builder)
    }

    /// Reads one grammar, whose patterns state `cue`.
    pub(crate) fn read(&mut self, text: &str, cue: u16) -> Result<(), String> {
        let mut moods = Mood::Statement.bit();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            let line = if line.is_empty() || line.starts_with('#') { continue } else { line };
            self.line(line, cue, &mut moods).map_err(|what| format!("line {}: {what}", number + 1))?;
        }
        Ok(())
    }

    /// Adds a phrase of the business's own.
    pub(crate) fn phrase(&mut self, phrase: &str, cue: u16) -> Result<(), String> {
        for part in phrase.split(|c: char| !c.is_alphanumeric()).filter(|p| !p.is_empty()) {
            self.words.intern(&stemmed(part));
        }
        let elements: Vec<Element> = tokens::read(phrase, &mut One { words: &self.words, fixed: &self.fixed })
            .iter()
            .filter(|token| token.word != UNKNOWN)
            .map(|token| Element { words: BTreeSet::from([token.word]), set: 0, optional: false, gap: 0 })
            .collect();
        if elements.is_empty() {
            return Err(format!("the phrase `{phrase}` has no words; write some or leave it out"));
        }
        let moods = PHRASE_MOODS;
        let (score, anchor) = (Some(0.9), 0);
        self.add(Pattern {
            cue,
            score,
            elements,
            anchor,
            moods,
            negation_counts: false,
            at_start: false,
            needs: Box::default(),
        })
    }

    fn line(&mut self, line: &str, cue: u16, moods: &mut u8) -> Result<(), String> {
        if let Some(list) = line.strip_prefix("moods:") {
            *moods = mood_bits(list)?;
            return Ok(());
        }
        if let Some((name, list)) = line.strip_prefix('@').and_then(|l| l.split_once(':')) {
            let words = self.alternatives(list.split_whitespace())?;
            self.classes.entry(name.to_owned()).or_default().extend(words);
            return Ok(());
        }
        let (pattern, flags) = line.split_once(" /").unwrap_or((line, ""));
        let (score, rest) = pattern.split_once(' ').ok_or("neither a class nor a pattern")?;
        let score = match score {
            "-" => None,
            number => Some(number.parse::<f32>().map_err(|_| format!("`{number}` is no score"))?),
        };
        let own_moods = mood_bits(flags.trim_matches('!'))?;
        let moods = match (score, own_moods) {
            (None, 0) => u8::MAX,
            (_, 0) => *moods,
            (_, own) => own,
        };
        let at_start = rest.trim_start().starts_with("< ");
        let elements = self.elements(rest.trim_start().trim_start_matches("< "))?;
        let negation_counts = flags.contains('!') || score.is_none();
        self.add(Pattern { cue, score, elements, anchor: 0, moods, negation_counts, at_start, needs: Box::default() })
    }

    fn elements(&mut self, text: &str) -> Result<Vec<Element>, String> {
        let mut elements = Vec::new();
        let mut gap = 0;
        for part in text.split_whitespace() {
            if let Some(number) = part.strip_prefix('_') {
                gap = if number.is_empty() { 2 } else { number.parse().map_err(|_| format!("`{part}` is no gap"))? };
                continue;
            }
            let (optional, part) = part.strip_prefix('?').map_or((false, part), |p| (true, p));
            let words = self.alternatives(part.split('|'))?;
            elements.push(Element { words, set: 0, optional, gap });
            gap = 0;
        }
        Ok(elements)
    }

    fn alternatives<'a>(&mut self, parts: impl Iterator<Item = &'a str>) -> Result<BTreeSet<Word>, String> {
        let mut words = BTreeSet::new();
        for part in parts {
            match part.strip_prefix('@') {
                Some(name) => {
                    words.extend(self.classes.get(name).ok_or_else(|| format!("class @{name} is not known above it"))?)
                }
                None => {
                    words.insert(self.word(part));
                }
            }
        }
        Ok(words)
    }

    fn word(&mut self, part: &str) -> Word {
        match part.strip_prefix('=') {
            None => self.words.intern(&stemmed(part)),
            Some(form) => {
                let stem = self.words.intern(&stemmed(form));
                let form = self.words.intern(part.as_bytes());
                self.forms.insert((stem, form));
                form
            }
        }
    }

    /// Adds to a set the forms that stand for themselves of all its stems.
    fn with_forms(&self, words: &BTreeSet<Word>) -> BTreeSet<Word> {
        let forms = |w: &Word| self.forms.range((*w, 0)..=(*w, Word::MAX)).map(|(_, form)| *form);
        words.iter().flat_map(forms).chain(words.iter().copied()).collect()
    }

    /// Adds a pattern; finds the part that is looked up, and whether it names a negation itself.
    fn add(&mut self, mut pattern: Pattern) -> Result<(), String> {
        let class = |name: &str| self.classes.get(name).cloned().unwrap_or_default();
        let (common, negation) = (class("common"), class("negation"));
        let cost = |e: &Element| e.words.iter().map(|w| if common.contains(w) { 60 } else { 1 }).sum::<usize>();
        let parts = || pattern.elements.iter().enumerate().filter(|(_, e)| !e.optional);
        let anchor = parts().min_by_key(|(_, e)| cost(e)).map(|(at, _)| at);
        let names_negation = parts().any(|(_, e)| !e.words.is_disjoint(&negation));
        pattern.anchor = anchor.ok_or("a pattern needs a word that cannot be missing")?;
        pattern.negation_counts |= names_negation;
        self.patterns.push(pattern);
        Ok(())
    }

    /// Compiles what was read.
    pub(crate) fn finish(mut self) -> Grammar {
        self.words.finish();
        let mut patterns = std::mem::take(&mut self.patterns);
        for element in patterns.iter_mut().flat_map(|p| &mut p.elements) {
            element.words = self.with_forms(&element.words);
        }
        let mut numbers: BTreeMap<BTreeSet<Word>, usize> = BTreeMap::new();
        let mut by_word = vec![Vec::new(); self.words.len()];
        for (number, pattern) in patterns.iter_mut().enumerate() {
            for element in &mut pattern.elements {
                let next = numbers.len();
                element.set = *numbers.entry(element.words.clone()).or_insert(next);
            }
            for word in pattern.elements.get(pattern.anchor).iter().flat_map(|e| &e.words) {
                if let Some(patterns) = by_word.get_mut(usize::from(*word)) {
                    patterns.push(number as u16);
                }
            }
        }
        let mut sets = vec![WordSet::default(); numbers.len()];
        for (words, number) in &numbers {
            if let Some(set) = sets.get_mut(*number) {
                *set = WordSet::new(words);
            }
        }
        for pattern in &mut patterns {
            let needed = pattern.elements.iter().enumerate().filter(|(at, e)| !e.optional && *at != pattern.anchor);
            pattern.needs = needed.map(|(_, e)| e.set as u16).collect();
        }
        let (sets_of, width) = bitmaps(&sets, self.words.len());
        let class =
            |name: &str| self.classes.get(name).map(|words| WordSet::new(&self.with_forms(words))).unwrap_or_default();
        let structure = Structure {
            negation: class("negation"),
            negation_after: class("negation_after"),
            no_negation_before: class("no_negation_before"),
            pronoun: class("pronoun"),
            apart: class("apart"),
            and: class("and"),
            condition: class("condition"),
            subject: class("subject"),
            auxiliary: class("auxiliary"),
            question: class("question"),
            why: class("why"),
            filler: class("filler"),
        };
        Grammar { words: self.words, fixed: self.fixed, sets, patterns, by_word, sets_of, width, structure }
    }
}

/// Returns for each word the sets that it belongs to, and how many cells a word takes.
fn bitmaps(sets: &[WordSet], words: usize) -> (Vec<u64>, usize) {
    let width = sets.len().div_ceil(64);
    let mut cells = vec![0; words * width];
    for (number, set) in sets.iter().enumerate() {
        for word in (0..words).filter(|word| set.has(*word as Word)) {
            if let Some(cell) = cells.get_mut(word * width + number / 64) {
                *cell |= 1 << (number % 64);
            }
        }
    }
    (cells, width)
}

fn mood_bits(letters: &str) -> Result<u8, String> {
    letters.chars().filter(|c| !c.is_whitespace()).try_fold(0, |bits, letter| {
        let mood =
            Mood::ALL.into_iter().find(|m| m.letter() == letter).ok_or_else(|| format!("`{letter}` is no mood"))?;
        Ok(bits | mood.bit())
    })
}
