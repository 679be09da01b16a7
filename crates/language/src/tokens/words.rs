//! Words and contractions.

use super::{Dictionary, Fixed, Reader};
use crate::vocabulary::Word;

impl<D: Dictionary> Reader<'_, D> {
    /// Ends the word that is being read.
    pub(super) fn flush(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let apostrophe = self.apostrophe.take();
        if self.is_number() {
            self.push_fixed(|fixed| fixed.number);
        } else if let Some(at) = apostrophe {
            self.contraction(at);
        } else {
            self.plain_word();
        }
        self.word.clear();
    }

    fn plain_word(&mut self) {
        if let Some(positive) = self.without_apostrophe() {
            self.word.truncate(positive);
            if self.word == b"wo" {
                self.push_fixed(|fixed| fixed.will);
                self.push_fixed(|fixed| fixed.not);
                return;
            }
            if self.word == b"ca" {
                self.word.push(b'n');
            }
            self.look_up();
            self.push_fixed(|fixed| fixed.not);
        } else if matches!(self.word.as_slice(), b"im" | b"ive") {
            let am = self.word == b"im";
            self.word.truncate(1);
            self.look_up();
            self.push_fixed(|fixed| if am { fixed.am } else { fixed.have });
        } else {
            let words = self.dictionary.learn(&mut self.word);
            self.push(words);
        }
    }

    /// Returns how much of `dont`, `cannot` and their like stands before the negation.
    fn without_apostrophe(&self) -> Option<usize> {
        const NEGATED: [(&[u8], usize); 16] = [
            (b"cannot", 3),
            (b"cant", 2),
            (b"dont", 2),
            (b"doesnt", 4),
            (b"didnt", 3),
            (b"isnt", 2),
            (b"arent", 3),
            (b"wasnt", 3),
            (b"werent", 4),
            (b"wont", 2),
            (b"wouldnt", 5),
            (b"couldnt", 5),
            (b"shouldnt", 6),
            (b"hasnt", 3),
            (b"havent", 4),
            (b"hadnt", 3),
        ];
        if !self.word.ends_with(b"t") {
            return None;
        }
        NEGATED.iter().find(|(word, _)| *word == self.word.as_slice()).map(|(_, kept)| *kept)
    }

    fn contraction(&mut self, at: usize) {
        let tail = self.word.split_off(at.min(self.word.len()));
        match tail.as_slice() {
            b"t" if self.word.ends_with(b"n") => {
                match self.word.as_slice() {
                    b"can" => {}
                    b"won" => {
                        self.word.clear();
                        self.word.extend_from_slice(b"will");
                    }
                    b"shan" => {
                        self.word.clear();
                        self.word.extend_from_slice(b"shall");
                    }
                    _ => {
                        self.word.pop();
                    }
                }
                self.look_up();
                self.push_fixed(|fixed| fixed.not);
            }
            b"s" => {
                let verb = matches!(
                    self.word.as_slice(),
                    b"it"
                        | b"that"
                        | b"this"
                        | b"there"
                        | b"what"
                        | b"who"
                        | b"he"
                        | b"she"
                        | b"here"
                        | b"how"
                        | b"where"
                        | b"why"
                        | b"everything"
                        | b"nothing"
                        | b"something"
                        | b"everyone"
                        | b"nobody"
                );
                let us = self.word == b"let";
                self.look_up();
                if verb {
                    self.push_fixed(|fixed| fixed.is);
                } else if us {
                    self.word.clear();
                    self.word.extend_from_slice(b"us");
                    self.look_up();
                }
            }
            b"re" => self.look_up_then(|fixed| fixed.are),
            b"m" => self.look_up_then(|fixed| fixed.am),
            b"ve" => self.look_up_then(|fixed| fixed.have),
            b"ll" => self.look_up_then(|fixed| fixed.will),
            b"d" => self.look_up_then(|fixed| fixed.would),
            _ => {
                self.word.extend_from_slice(&tail);
                self.look_up();
            }
        }
    }

    fn look_up_then(&mut self, second: impl Fn(&Fixed) -> Word) {
        self.look_up();
        self.push_fixed(second);
    }

    fn look_up(&mut self) {
        let words = self.dictionary.find(&mut self.word);
        self.push(words);
    }
}
