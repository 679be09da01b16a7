//! A text as words, in sentences and clauses.

mod dictionary;
mod words;

pub(crate) use dictionary::{Dictionary, Memo, One, Two};

use crate::stem::stem;
use crate::vocabulary::{UNKNOWN, Vocabulary, Word};

/// Of a longer text only so many bytes are read.
pub const MAX_BYTES: usize = 16 * 1024;

/// A longer word is no word of a grammar.
const MAX_WORD: usize = 40;

/// How a word is divided from the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Break {
    /// Not at all.
    None,
    /// A comma, a dash, a bracket.
    Clause,
    /// The end of a sentence.
    Sentence,
}

/// One word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    /// Which.
    pub(crate) word: Word,
    /// Which by the second grammar, where two are read at once.
    pub(crate) second: Word,
    /// What stands before it.
    pub(crate) before: Break,
    /// The sentence that ends before it was a question; on the closing token: the last one.
    pub(crate) asked: bool,
    /// It stands in quotation marks.
    pub(crate) quoted: bool,
}

/// Words that a number, a sign and the parts of a contraction become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fixed {
    pub(crate) number: Word,
    pub(crate) currency: Word,
    pub(crate) percent: Word,
    pub(crate) not: Word,
    pub(crate) is: Word,
    pub(crate) are: Word,
    pub(crate) am: Word,
    pub(crate) have: Word,
    pub(crate) will: Word,
    pub(crate) would: Word,
}

impl Fixed {
    /// Gives the words their numbers.
    pub(crate) fn intern(words: &mut Vocabulary) -> Self {
        let mut word = |text: &str| words.intern(&stemmed(text));
        Self {
            number: word("0"),
            currency: word("$"),
            percent: word("%"),
            not: word("not"),
            is: word("is"),
            are: word("are"),
            am: word("am"),
            have: word("have"),
            will: word("will"),
            would: word("would"),
        }
    }
}

/// Returns where the text is cut off.
pub(crate) fn boundary(text: &str) -> usize {
    (0..=text.len().min(MAX_BYTES)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Returns the stem of a word as the tokens of a text have it.
pub(crate) fn stemmed(word: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    for c in word.chars() {
        fold(c, &mut bytes);
    }
    stem(&mut bytes);
    bytes
}

/// Appends a word in lower case without accents.
pub(crate) fn fold_word(word: &str, out: &mut String) {
    let mut bytes = Vec::with_capacity(word.len());
    for c in word.chars() {
        fold(c, &mut bytes);
    }
    out.push_str(&String::from_utf8_lossy(&bytes));
}

/// Appends a letter in lower case without its accent; German umlauts become two letters.
fn fold(c: char, out: &mut Vec<u8>) {
    if c.is_ascii() {
        out.push(c.to_ascii_lowercase() as u8);
        return;
    }
    for c in c.to_lowercase() {
        let folded: &[u8] = match c {
            'ä' | 'æ' => b"ae",
            'ö' | 'ø' => b"oe",
            'ü' => b"ue",
            'ß' => b"ss",
            'à' | 'á' | 'â' | 'ã' | 'å' => b"a",
            'è' | 'é' | 'ê' | 'ë' => b"e",
            'ì' | 'í' | 'î' | 'ï' => b"i",
            'ò' | 'ó' | 'ô' | 'õ' => b"o",
            'ù' | 'ú' | 'û' => b"u",
            'ç' => b"c",
            'ñ' => b"n",
            _ => {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
        };
        out.extend_from_slice(folded);
    }
}

/// Reads a text into words; a last token without a word closes the last sentence.
pub(crate) fn read(text: &str, dictionary: &mut impl Dictionary) -> Vec<Token> {
    let end = boundary(text);
    let text = text.get(..end).unwrap_or(text);
    let mut reader = Reader {
        dictionary,
        text: text.as_bytes(),
        tokens: Vec::with_capacity(text.len() / 5 + 2),
        word: Vec::with_capacity(MAX_WORD),
        before: Break::Sentence,
        asked: false,
        quoted: false,
        stretched: false,
        apostrophe: None,
    };
    let mut at = 0;
    while let Some(byte) = reader.text.get(at) {
        if *byte == b'>' && reader.starts_line(at) {
            at += text.get(at..).and_then(|line| line.find('\n')).unwrap_or(text.len() - at);
        } else if let Some(end) = reader.known_word(at) {
            at = end;
        } else {
            let mut chars = text.get(at..).unwrap_or("").chars();
            let Some(c) = chars.next() else { break };
            reader.take(at, c, chars.next());
            at += c.len_utf8();
        }
    }
    reader.flush();
    reader.push([UNKNOWN; 2]);
    if let Some(last) = reader.tokens.last_mut() {
        last.before = Break::Sentence;
    }
    reader.tokens
}

struct Reader<'a, D> {
    dictionary: &'a mut D,
    text: &'a [u8],
    tokens: Vec<Token>,
    word: Vec<u8>,
    before: Break,
    asked: bool,
    quoted: bool,
    /// The last letter was written three times or more.
    stretched: bool,
    /// Where in `word` an apostrophe stood.
    apostrophe: Option<usize>,
}

impl<D: Dictionary> Reader<'_, D> {
    fn starts_line(&self, at: usize) -> bool {
        at == 0 || self.text.get(at - 1) == Some(&b'\n')
    }

    /// Takes the word that begins here if it is one that the dictionary remembers, and nothing around it asks for a
    /// closer look; returns where it ends.
    fn known_word(&mut self, at: usize) -> Option<usize> {
        if !self.word.is_empty() {
            return None;
        }
        let (mut key, mut end, mut before) = (0_u128, at, [0_u8; 2]);
        while let Some(byte) = self.text.get(end).filter(|b| b.is_ascii_alphabetic()) {
            let lower = byte | 0x20;
            // Seventeen letters do not fit the key, and what is stretched is shortened first.
            if end - at == 16 || before == [lower; 2] {
                return None;
            }
            key = key << 8 | u128::from(lower);
            before = [before[1], lower];
            end += 1;
        }
        let apart = matches!(self.text.get(end), None | Some(b' ' | b',' | b'\n' | b'!' | b'?' | b':' | b';' | b')'));
        if key == 0 || !apart {
            return None;
        }
        let words = self.dictionary.recall(key)?;
        self.push(words);
        Some(end)
    }

    fn take(&mut self, at: usize, c: char, next: Option<char>) {
        match c {
            'a'..='z' | 'A'..='Z' => self.letter(c),
            '0'..='9' => self.digit(c),
            '\'' | '\u{2019}' | '`' if !self.word.is_empty() && next.is_some_and(char::is_alphabetic) => {
                self.apostrophe = Some(self.word.len());
            }
            ' ' | '\t' | '\r' => self.flush(),
            '.' | ',' if self.is_number() && next.is_some_and(|n| n.is_ascii_digit()) => self.word.push(b'0'),
            '.' => self.full_stop(at, next),
            '!' | '?' | '\u{2026}' | ';' | '\u{203d}' => {
                self.flush();
                self.before = Break::Sentence;
                self.asked |= matches!(c, '?' | '\u{203d}');
            }
            '\n' => self.line_end(at),
            ',' | ':' | '(' | ')' | '\u{2013}' | '\u{2014}' => self.clause_end(),
            '-' => self.hyphen(next),
            '"' | '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}' => {
                self.flush();
                self.quoted = !self.quoted && matches!(c, '"' | '\u{201c}' | '\u{201e}' | '\u{ab}');
            }
            '$' | '\u{20ac}' | '\u{a3}' => self.sign(|fixed| fixed.currency),
            '%' => self.sign(|fixed| fixed.percent),
            _ if c.is_alphabetic() => self.letter(c),
            _ => self.flush(),
        }
    }

    fn is_number(&self) -> bool {
        self.word.first().is_some_and(u8::is_ascii_digit)
    }

    fn letter(&mut self, c: char) {
        if self.is_number() {
            self.flush();
        }
        let before = self.word.len();
        if before < MAX_WORD {
            fold(c, &mut self.word);
            self.shorten_stretched(before);
        }
    }

    /// Makes `sooo` of any length `so`.
    fn shorten_stretched(&mut self, before: usize) {
        if let [.., a, b, c] = self.word.as_slice()
            && a == b
            && b == c
        {
            self.stretched = true;
            self.word.truncate(before - 1);
        } else if let [.., a, b] = self.word.as_slice()
            && a == b
            && self.stretched
        {
            self.word.truncate(before);
        } else {
            self.stretched = false;
        }
    }

    fn digit(&mut self, c: char) {
        if !self.word.is_empty() && !self.is_number() {
            self.flush();
        }
        if self.word.len() < MAX_WORD {
            self.word.push(c as u8);
        }
    }

    fn sign(&mut self, which: impl Fn(&Fixed) -> Word) {
        self.flush();
        self.push_fixed(which);
    }

    fn hyphen(&mut self, next: Option<char>) {
        let inside = !self.word.is_empty() && next.is_some_and(char::is_alphanumeric);
        self.flush();
        if !inside {
            self.clause_break();
        }
    }

    fn clause_end(&mut self) {
        self.flush();
        self.clause_break();
    }

    fn clause_break(&mut self) {
        self.before = self.before.max(Break::Clause);
    }

    /// A full stop ends a sentence where white space follows and no abbreviation stands before it, nor a German ordinal.
    fn full_stop(&mut self, at: usize, next: Option<char>) {
        const ABBREVIATIONS: [&[u8]; 18] = [
            b"mr", b"mrs", b"ms", b"dr", b"prof", b"vs", b"etc", b"approx", b"inc", b"ltd", b"ca", b"bzw", b"usw",
            b"nr", b"incl", b"st", b"hr", b"fr",
        ];
        let ordinal = self.is_number() && self.text.get(at + 2).is_some_and(u8::is_ascii_lowercase);
        let abbreviated =
            ordinal || self.word.len() == 1 && !self.is_number() || ABBREVIATIONS.contains(&self.word.as_slice());
        let ends = next.is_none_or(|n| n.is_whitespace() || matches!(n, '"' | '\'' | ')' | '\u{201d}' | '.'));
        self.flush();
        if ends && !abbreviated {
            self.before = Break::Sentence;
        }
    }

    /// The end of a line ends a sentence, unless a long line goes on in lower case: then a mail program broke it.
    fn line_end(&mut self, at: usize) {
        const WRAPPED: usize = 50;
        self.flush();
        let line = self.text.get(..at).unwrap_or(&[]).iter().rev().take_while(|b| **b != b'\n').count();
        let goes_on = self.text.get(at + 1).is_some_and(u8::is_ascii_lowercase);
        if line < WRAPPED || !goes_on {
            self.before = Break::Sentence;
        }
    }

    fn push_fixed(&mut self, which: impl Fn(&Fixed) -> Word) {
        let words = self.dictionary.fixed().map(which);
        self.push(words);
    }

    fn push(&mut self, [word, second]: [Word; 2]) {
        let (before, asked) = (self.before, self.asked);
        self.tokens.push(Token { word, second, before, asked, quoted: self.quoted });
        self.before = Break::None;
        self.asked = false;
    }
}
