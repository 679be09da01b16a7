//! What single words add to the mood of a text.

use crate::vocabulary::{HASH_OF_NOTHING, hash, hash_on};
use std::sync::LazyLock;

/// What a word before changes: added to the strength of the word that follows.
const BOOSTERS: [(&[&str], f64); 2] = [
    (
        &[
            "absolutely",
            "amazingly",
            "completely",
            "considerably",
            "decidedly",
            "deeply",
            "enormously",
            "entirely",
            "especially",
            "exceptionally",
            "extremely",
            "fully",
            "greatly",
            "highly",
            "hugely",
            "incredibly",
            "insanely",
            "majorly",
            "more",
            "most",
            "particularly",
            "purely",
            "quite",
            "really",
            "remarkably",
            "seriously",
            "so",
            "substantially",
            "thoroughly",
            "too",
            "totally",
            "tremendously",
            "truly",
            "unbelievably",
            "unusually",
            "utterly",
            "very",
            "way",
        ],
        0.293,
    ),
    (
        &[
            "almost",
            "barely",
            "bit",
            "hardly",
            "kinda",
            "less",
            "little",
            "marginally",
            "occasionally",
            "partly",
            "scarcely",
            "slightly",
            "somewhat",
            "sorta",
        ],
        -0.293,
    ),
];

const NEGATIONS: [&str; 34] = [
    "aint", "arent", "cannot", "cant", "couldnt", "darent", "didnt", "doesnt", "dont", "hadnt", "hasnt", "havent",
    "isnt", "kein", "keine", "mightnt", "mustnt", "neither", "never", "nicht", "no", "nobody", "none", "nope", "nor",
    "not", "nothing", "nowhere", "shouldnt", "wasnt", "werent", "without", "wont", "wouldnt",
];

const CONTRASTS: [&str; 4] = ["but", "however", "aber", "jedoch"];

/// What a word says wherever it stands.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Meaning {
    /// -4 to 4.
    pub(crate) rating: f64,
    /// Added to the strength of the word that follows.
    pub(crate) boost: f64,
    /// It turns what follows around.
    pub(crate) negates: bool,
    /// What follows weighs more than what stands before.
    pub(crate) contrasts: bool,
}

/// A word of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word {
    /// What it says.
    pub(crate) meaning: Meaning,
    /// It is written in capitals.
    pub(crate) shouted: bool,
}

/// Words that mean something, in an open hash table.
struct Lexicon {
    words: Vec<(&'static str, Meaning)>,
    /// Index into the words, from 1.
    slots: Vec<u16>,
}

/// More than twice the number of words.
const SLOTS: usize = 1 << 15;

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon { words: Vec::new(), slots: vec![0; SLOTS] };
    // What business.txt says of a word stands first and wins.
    let lists = [include_str!("../lexicon/business.txt"), include_str!("../lexicon/valence.txt")];
    for line in lists.iter().flat_map(|l| l.lines()).filter(|l| !l.starts_with('#')) {
        let mut parts = line.split(' ');
        let Some(tenths) = parts.next().and_then(|v| v.parse::<i32>().ok()) else { continue };
        for word in parts {
            if lexicon.find(word.as_bytes(), hash(word.as_bytes())).is_none() {
                lexicon.change(word, |meaning| meaning.rating = f64::from(tenths) / 10.0);
            }
        }
    }
    for (words, by) in BOOSTERS {
        words.iter().for_each(|word| lexicon.change(word, |meaning| meaning.boost = by));
    }
    NEGATIONS.iter().for_each(|word| lexicon.change(word, |meaning| meaning.negates = true));
    CONTRASTS.iter().for_each(|word| lexicon.change(word, |meaning| meaning.contrasts = true));
    lexicon
});

impl Lexicon {
    fn change(&mut self, word: &'static str, how: impl FnOnce(&mut Meaning)) {
        let slot = self.slot(word.as_bytes(), hash(word.as_bytes()));
        let Some(number) = self.slots.get_mut(slot) else { return };
        if *number == 0 {
            self.words.push((word, Meaning::default()));
            *number = self.words.len() as u16;
        }
        if let Some((_, meaning)) = self.words.get_mut(usize::from(*number) - 1) {
            how(meaning);
        }
    }

    /// Returns the slot of a word, or the free one where it would stand.
    fn slot(&self, word: &[u8], hash: u32) -> usize {
        let mut slot = hash as usize % SLOTS;
        while self.at(slot).is_some_and(|(known, _)| known.as_bytes() != word) {
            slot = (slot + 1) % SLOTS;
        }
        slot
    }

    fn at(&self, slot: usize) -> Option<&(&'static str, Meaning)> {
        self.words.get(usize::from(*self.slots.get(slot)?).checked_sub(1)?)
    }

    fn find(&self, word: &[u8], hash: u32) -> Option<Meaning> {
        self.at(self.slot(word, hash)).map(|(_, meaning)| *meaning)
    }
}

/// Reads the words of a text.
pub(crate) fn words(text: &str) -> Vec<Word> {
    const WORDS: usize = 2_000;
    let mut words = Vec::with_capacity(text.len() / 5 + 1);
    let mut folded = Vec::with_capacity(40);
    if text.is_ascii() {
        let is_part = |b: &u8| b.is_ascii_alphanumeric() || *b == b'\'';
        let parts = text.as_bytes().split(|b| !is_part(b));
        words.extend(parts.filter_map(|part| ascii_word(part, &mut folded)).take(WORDS));
    } else {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '\u{2019}');
        let parts = text.split(|c: char| !is_part(c));
        words.extend(parts.filter_map(|part| word(part, &mut folded)).take(WORDS));
    }
    words
}

fn ascii_word(part: &[u8], folded: &mut Vec<u8>) -> Option<Word> {
    folded.clear();
    let (mut hash, mut letters, mut small) = (HASH_OF_NOTHING, false, false);
    for byte in part.iter().filter(|b| **b != b'\'') {
        let lower = byte.to_ascii_lowercase();
        letters |= lower.is_ascii_lowercase();
        small |= byte.is_ascii_lowercase();
        hash = hash_on(hash, &lower);
        folded.push(lower);
    }
    let meaning = LEXICON.find(folded, hash).unwrap_or_default();
    letters.then_some(Word { meaning, shouted: part.len() > 1 && !small })
}

fn word(part: &str, folded: &mut Vec<u8>) -> Option<Word> {
    if part.is_ascii() {
        return ascii_word(part.as_bytes(), folded);
    }
    folded.clear();
    for c in part.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase) {
        folded.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    let meaning = LEXICON.find(folded, hash(folded)).unwrap_or_default();
    let letters = part.chars().any(char::is_alphabetic);
    letters.then_some(Word { meaning, shouted: part.chars().all(|c| !c.is_alphabetic() || c.is_uppercase()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_the_same_in_any_spelling() {
        let of = |text: &str| words(text).iter().map(|w| (w.meaning.rating, w.shouted)).collect::<Vec<_>>();
        assert_eq!(of("great GREAT Gre'at 4711 \u{e9}"), [(3.1, false), (3.1, true), (3.1, false), (0.0, false)]);
        assert_eq!(of("great GREAT"), of("great\u{201d}GREAT"));
        let only = |text: &str| words(text).first().map(|w| w.meaning).unwrap();
        assert!(only("don't").negates && only("But").contrasts && only("very").boost > 0.0);
        assert_eq!(only("please").rating, 0.0);
    }
}
