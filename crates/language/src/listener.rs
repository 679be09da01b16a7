//! Cues and mood of one text after another.

use crate::cues::{Cues, Hit};
use crate::sentiment::{self, Sentiment};
use crate::tokens::{self, Memo, Two};

/// Reads texts for the cues of a policy and for their mood, both in one pass over the words. It says the same as
/// [`Cues::find`] and [`crate::sentiment()`], and remembers common words, which makes it several times as fast.
#[derive(Debug, Clone)]
pub struct Listener {
    cues: Cues,
    memo: Memo,
}

impl Listener {
    /// Makes one that listens for these cues.
    pub fn new(cues: Cues) -> Self {
        Self { cues, memo: Memo::new() }
    }

    /// Returns the cues that a text states, by sentence and name, and its mood.
    pub fn hear(&mut self, text: &str) -> (Vec<Hit<'_>>, Sentiment) {
        let Some(tones) = sentiment::tones() else { return (self.cues.find(text), crate::sentiment(text)) };
        let mut both = Two { first: &self.cues.grammar, second: &tones.grammar, memo: &mut self.memo };
        let mut tokens = tokens::read(text, &mut both);
        let hits = self.cues.hits(&tokens);
        for token in &mut tokens {
            token.word = token.second;
        }
        (hits, sentiment::mood(text, &tones.hits(&tokens)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CONCEPTS, CueSpec};

    fn all() -> Cues {
        let phrases = &["cancel our contract", "im leaving"];
        Cues::compile(CONCEPTS.iter().map(|name| CueSpec { name, concept: Some(name), phrases })).unwrap()
    }

    fn check(listener: &mut Listener, text: &str) {
        let expected = (listener.cues.find(text), crate::sentiment(text));
        let mut fresh = listener.clone();
        assert_eq!(fresh.hear(text), expected, "{text:?}");
        // The second time it remembers the words.
        assert_eq!(fresh.hear(text), expected, "{text:?}");
        *listener = fresh;
    }

    #[test]
    fn what_is_remembered_changes_nothing() {
        let mut listener = Listener::new(all());
        for concept in CONCEPTS {
            let path = format!("{}/cases/{concept}.txt", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(&path).unwrap();
            text.lines().for_each(|line| check(&mut listener, line));
            check(&mut listener, &text);
        }
        for text in
            ["dont's dont", "im'x im", "cant CANT can't", "sooo so soo", "> im\nim", "st. st", "it's its", "let's"]
        {
            check(&mut listener, text);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_heard_otherwise(text in "(too |so+ |[a-z]{1,5}|hard|complicated|urgent|not|[ .?!,'\u{2019}\n>\u{e4}3-]){0,60}") {
            static CUES: std::sync::OnceLock<Cues> = std::sync::OnceLock::new();
            check(&mut Listener::new(CUES.get_or_init(all).clone()), &text);
        }
    }
}
