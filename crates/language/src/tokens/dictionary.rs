//! Where the words of a text are looked up: in one vocabulary, or in two at once with a memory for common words.

use super::Fixed;
use crate::grammar::Grammar;
use crate::stem::stem;
use crate::vocabulary::{UNKNOWN, Vocabulary, Word};

/// Knows the numbers of words by two grammars; where there is one, the second says unknown.
pub(crate) trait Dictionary {
    /// Returns the numbers of a word, which is shortened to its stem.
    fn find(&self, word: &mut Vec<u8>) -> [Word; 2];

    /// Does the same for a word that stands for itself, and may remember it.
    fn learn(&mut self, word: &mut Vec<u8>) -> [Word; 2] {
        self.find(word)
    }

    /// Returns the numbers of a word that was learnt, by its [`key`].
    fn recall(&self, _key: u128) -> Option<[Word; 2]> {
        None
    }

    /// Returns the numbers of the fixed words.
    fn fixed(&self) -> [&Fixed; 2];
}

/// One vocabulary.
pub(crate) struct One<'a> {
    pub(crate) words: &'a Vocabulary,
    pub(crate) fixed: &'a Fixed,
}

impl Dictionary for One<'_> {
    fn find(&self, word: &mut Vec<u8>) -> [Word; 2] {
        let form = form(self.words, word);
        stem(word);
        [form.unwrap_or_else(|| self.words.find(word)), UNKNOWN]
    }

    fn fixed(&self) -> [&Fixed; 2] {
        [self.fixed, self.fixed]
    }
}

/// Two grammars, and what is remembered of both.
pub(crate) struct Two<'a> {
    pub(crate) first: &'a Grammar,
    pub(crate) second: &'a Grammar,
    pub(crate) memo: &'a mut Memo,
}

impl Dictionary for Two<'_> {
    fn find(&self, word: &mut Vec<u8>) -> [Word; 2] {
        let vocabularies = [&self.first.words, &self.second.words];
        let forms = vocabularies.map(|words| form(words, word));
        stem(word);
        let [first, second] = vocabularies.map(|words| words.find(word));
        let [first_form, second_form] = forms;
        [first_form.unwrap_or(first), second_form.unwrap_or(second)]
    }

    fn learn(&mut self, word: &mut Vec<u8>) -> [Word; 2] {
        let key = key(word);
        if let Some(words) = key.and_then(|key| self.memo.get(key)) {
            return words;
        }
        let words = self.find(word);
        if let Some(key) = key {
            self.memo.put(key, words);
        }
        words
    }

    fn recall(&self, key: u128) -> Option<[Word; 2]> {
        self.memo.get(key)
    }

    fn fixed(&self) -> [&Fixed; 2] {
        [&self.first.fixed, &self.second.fixed]
    }
}

fn form(words: &Vocabulary, word: &[u8]) -> Option<Word> {
    let form = if word.ends_with(b"d") { words.find_form(word) } else { UNKNOWN };
    (form != UNKNOWN).then_some(form)
}

/// Returns the bytes of a word as a number, if they fit.
fn key(word: &[u8]) -> Option<u128> {
    let fits = word.len() <= 16;
    fits.then(|| word.iter().fold(0, |key, byte| key << 8 | u128::from(*byte)))
}

/// What words meant when they were last looked up; a table of fixed size in which a newer word drives out an older one.
/// It changes the time that a text takes, and never what is found in it.
#[derive(Debug, Clone)]
pub(crate) struct Memo {
    slots: Box<[(u128, [Word; 2])]>,
}

impl Memo {
    /// A policy's texts use a few hundred words again and again.
    const SLOTS: u32 = 1 << 10;

    /// Makes an empty one.
    pub(crate) fn new() -> Self {
        Self { slots: vec![(0, [UNKNOWN; 2]); Self::SLOTS as usize].into() }
    }

    fn slot(key: u128) -> usize {
        let folded =
            (key as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ((key >> 64) as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
        (folded >> (u64::BITS - Self::SLOTS.trailing_zeros())) as usize
    }

    fn get(&self, key: u128) -> Option<[Word; 2]> {
        self.slots.get(Self::slot(key)).filter(|(known, _)| *known == key).map(|(_, words)| *words)
    }

    fn put(&mut self, key: u128, words: [Word; 2]) {
        if let Some(slot) = self.slots.get_mut(Self::slot(key)) {
            *slot = (key, words);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_drives_out_another_and_both_keep_their_meaning() {
        let mut memo = Memo::new();
        let keys = || (1..5_000_u128).map(|n| n << 8 | 0x61);
        for key in keys() {
            memo.put(key, [(key >> 8) as Word, 1]);
            assert_eq!(memo.get(key), Some([(key >> 8) as Word, 1]));
        }
        let kept: Vec<_> = keys().filter_map(|key| Some((key, memo.get(key)?))).collect();
        assert!(kept.len() > 500 && kept.len() <= 1024, "{}", kept.len());
        assert!(kept.iter().all(|(key, [word, _])| u128::from(*word) == key >> 8));
    }
}
