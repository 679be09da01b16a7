//! Words and contractions.

use super::Reader;
use crate::stem::stem;
use crate::vocabulary::{UNKNOWN, Word};

impl Reader<'_> {
    /// Ends the word that is being read.
    pub(super) fn flush(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let apostrophe = self.apostrophe.take();
        if self.is_number() {
            self.push(self.fixed.number);
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
                self.push(self.fixed.will);
                self.push(self.fixed.not);
                return;
            }
            if self.word == b"ca" {
                self.word.push(b'n');
            }
            self.look_up();
            self.push(self.fixed.not);
        } else if matches!(self.word.as_slice(), b"im" | b"ive") {
            let second = if self.word == b"im" { self.fixed.am } else { self.fixed.have };
            self.word.truncate(1);
            self.look_up();
            self.push(second);
        } else {
            self.look_up();
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
                self.push(self.fixed.not);
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
                    self.push(self.fixed.is);
                } else if us {
                    let word = self.words.find(b"us");
                    self.push(word);
                }
            }
            b"re" => self.look_up_then(self.fixed.are),
            b"m" => self.look_up_then(self.fixed.am),
            b"ve" => self.look_up_then(self.fixed.have),
            b"ll" => self.look_up_then(self.fixed.will),
            b"d" => self.look_up_then(self.fixed.would),
            _ => {
                self.word.extend_from_slice(&tail);
                self.look_up();
            }
        }
    }

    fn look_up_then(&mut self, second: Word) {
        self.look_up();
        self.push(second);
    }

    fn look_up(&mut self) {
        let form = if self.word.ends_with(b"d") { self.words.find_form(&self.word) } else { UNKNOWN };
        let word = if form == UNKNOWN {
            stem(&mut self.word);
            self.words.find(&self.word)
        } else {
            form
        };
        self.push(word);
    }
}
