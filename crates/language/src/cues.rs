//! What a policy listens for.

use crate::clauses::sentences;
use crate::grammar::{Builder, Grammar};
use crate::tokens::{One, Token};
use crate::{matching, tokens};

/// The concepts that are built in.
pub const CONCEPTS: &[&str] = &[
    "frustration",
    "competitor",
    "urgency",
    "distress",
    "hardship",
    "late_payment",
    "asks_human",
    "purchase",
    "outage",
    "line_down",
    "integration_question",
    "custom_fabrication",
    "company_size",
    "budget",
    "pain_point",
];

/// Their grammars; what speaks of a stopped line or an outage speaks of distress too.
const GRAMMARS: &[(&str, &[&str])] = &[
    ("frustration", &[include_str!("../grammar/frustration.txt")]),
    ("competitor", &[include_str!("../grammar/competitor.txt")]),
    ("urgency", &[include_str!("../grammar/urgency.txt")]),
    ("distress", &[include_str!("../grammar/distress.txt"), include_str!("../grammar/line_down.txt")]),
    ("hardship", &[include_str!("../grammar/hardship.txt")]),
    ("late_payment", &[include_str!("../grammar/late_payment.txt")]),
    ("asks_human", &[include_str!("../grammar/asks_human.txt")]),
    ("purchase", &[include_str!("../grammar/purchase.txt")]),
    ("outage", &[include_str!("../grammar/outage.txt")]),
    ("line_down", &[include_str!("../grammar/line_down.txt")]),
    ("integration_question", &[include_str!("../grammar/integration_question.txt")]),
    ("custom_fabrication", &[include_str!("../grammar/custom_fabrication.txt")]),
    ("company_size", &[include_str!("../grammar/company_size.txt")]),
    ("budget", &[include_str!("../grammar/budget.txt")]),
    ("pain_point", &[include_str!("../grammar/pain_point.txt")]),
];

/// What stands in quotation marks is often somebody else's: its score is multiplied with this.
const QUOTED: f32 = 0.7;

/// One cue to listen for.
#[derive(Debug, Clone, Copy)]
pub struct CueSpec<'a> {
    /// Its name.
    pub name: &'a str,
    /// One of [`CONCEPTS`], if any.
    pub concept: Option<&'a str>,
    /// Phrases, each a few words; inflections and negation are taken care of.
    pub phrases: &'a [&'a str],
}

/// A cue cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cue {cue}: {what}")]
pub struct CompileError {
    /// The cue.
    pub cue: String,
    /// What is wrong, and how to mend it.
    pub what: String,
}

/// A cue that a sentence states.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit<'a> {
    /// The cue's name.
    pub cue: &'a str,
    /// The sentence, from 0.
    pub sentence: u32,
    /// How clearly, 0 to 1; 0.7 is where a reader would agree.
    pub score: f64,
}

/// Compiled cues.
#[derive(Debug, Clone)]
pub struct Cues {
    names: Vec<Box<str>>,
    pub(crate) grammar: Grammar,
}

impl Cues {
    /// Compiles the cues of a policy.
    ///
    /// # Errors
    /// [`CompileError`] for an unknown concept, a phrase without words, or more than 1,000 cues.
    pub fn compile<'a>(cues: impl IntoIterator<Item = CueSpec<'a>>) -> Result<Self, CompileError> {
        let error = |cue: &str, what: String| CompileError { cue: cue.to_owned(), what };
        let mut builder = Builder::new().map_err(|what| error("common words", what))?;
        let mut names = Vec::new();
        for cue in cues {
            let number = u16::try_from(names.len()).ok().filter(|n| *n < 1_000);
            let number = number.ok_or_else(|| error(cue.name, "is one too many; use at most 1,000 cues".to_owned()))?;
            names.push(Box::from(cue.name));
            if let Some(concept) = cue.concept {
                let (_, texts) = GRAMMARS.iter().find(|(name, _)| *name == concept).ok_or_else(|| {
                    error(cue.name, format!("concept `{concept}` is unknown; use one of {}", CONCEPTS.join(", ")))
                })?;
                for text in *texts {
                    builder.read(text, number).map_err(|what| error(concept, what))?;
                }
            }
            for phrase in cue.phrases {
                builder.phrase(phrase, number).map_err(|what| error(cue.name, what))?;
            }
        }
        Ok(Self { names, grammar: builder.finish() })
    }

    /// Returns the cues that a text states: for each sentence and cue the best score, by sentence and name.
    pub fn find(&self, text: &str) -> Vec<Hit<'_>> {
        self.hits(&tokens::read(text, &mut One { words: &self.grammar.words, fixed: &self.grammar.fixed }))
    }

    /// Returns the cues that the words of a text state.
    pub(crate) fn hits(&self, tokens: &[Token]) -> Vec<Hit<'_>> {
        let candidates = matching::candidates(&self.grammar, tokens);
        let mut hits: Vec<Hit<'_>> = Vec::new();
        if candidates.is_empty() {
            return hits;
        }
        for (number, sentence) in sentences(tokens, &self.grammar).iter().enumerate() {
            let mut best: Vec<(u16, f32)> = Vec::new();
            let mut vetoed: Vec<u16> = Vec::new();
            matching::find(&self.grammar, tokens, sentence, &candidates, |found| {
                let Some(score) = found.pattern.score else {
                    vetoed.push(found.pattern.cue);
                    return;
                };
                let quoted = tokens.get(found.start).is_some_and(|t| t.quoted);
                let score = if quoted { score * QUOTED } else { score };
                match best.iter_mut().find(|(cue, _)| *cue == found.pattern.cue) {
                    Some((_, seen)) => *seen = seen.max(score),
                    None => best.push((found.pattern.cue, score)),
                }
            });
            best.retain(|(cue, _)| !vetoed.contains(cue));
            hits.extend(best.iter().filter_map(|(cue, score)| {
                let cue = self.names.get(usize::from(*cue))?;
                // Scores are written with two digits; the detour over hundredths keeps them so as f64.
                Some(Hit { cue, sentence: number as u32, score: f64::from((score * 100.0).round()) / 100.0 })
            }));
        }
        hits.sort_by(|a, b| (a.sentence, a.cue).cmp(&(b.sentence, b.cue)));
        hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(cues: &[CueSpec<'_>], text: &str) -> Vec<(String, u32)> {
        let cues = Cues::compile(cues.iter().copied()).unwrap();
        cues.find(text).iter().map(|h| (h.cue.to_owned(), h.sentence)).collect()
    }

    fn frustration(text: &str) -> Vec<u32> {
        let cue = CueSpec { name: "f", concept: Some("frustration"), phrases: &[] };
        found(&[cue], text).into_iter().map(|(_, sentence)| sentence).collect()
    }

    #[test]
    fn phrases_of_the_business_are_found_inflected_and_not_negated() {
        let cue = CueSpec { name: "churn", concept: None, phrases: &["cancel our contract", "we can't renew"] };
        assert_eq!(found(&[cue], "Hello. We are cancelling our contracts."), [("churn".to_owned(), 1)]);
        assert_eq!(found(&[cue], "Sadly we cannot renew!"), [("churn".to_owned(), 0)]);
        assert_eq!(found(&[cue], "We will not cancel our contract."), []);
    }

    #[test]
    fn sentences_are_counted_as_people_do() {
        assert_eq!(frustration("It costs 3.50 e.g. today. It is too complicated!\nToo complicated"), [1, 2]);
        assert_eq!(frustration("This mail was broken by a mail program in the middle of a\nline: too hard"), [0]);
        assert_eq!(frustration("> This is too complicated.\nI do not agree."), []);
        assert_eq!(frustration(""), []);
    }

    #[test]
    fn slips_and_shouting_are_understood() {
        assert_eq!(frustration("THIS IS SOOOO COMPLICATED"), [0]);
        assert_eq!(frustration("this is way too complicted for us"), [0]);
        assert_eq!(frustration("isnt complicated"), []);
    }

    #[test]
    fn errors_name_the_cue() {
        let compile = |cue: CueSpec<'_>| Cues::compile([cue]).unwrap_err().to_string();
        let unknown = compile(CueSpec { name: "x", concept: Some("anger"), phrases: &[] });
        assert!(unknown.starts_with("cue x: concept `anger` is unknown; use one of frustration,"), "{unknown}");
        let empty = compile(CueSpec { name: "x", concept: None, phrases: &["--"] });
        assert!(empty.starts_with("cue x: the phrase `--` has no words"), "{empty}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "\\PC{0,200}|[a-z .?!,'\\n>-]{0,300}") {
            let specs = CONCEPTS.iter().map(|name| CueSpec { name, concept: Some(name), phrases: &[] });
            static CUES: std::sync::OnceLock<Cues> = std::sync::OnceLock::new();
            let cues = CUES.get_or_init(|| Cues::compile(specs).unwrap());
            for hit in cues.find(&text) {
                assert!((0.0..=1.0).contains(&hit.score));
            }
            let mood = crate::sentiment(&text);
            assert!((-1.0..=1.0).contains(&mood.sentiment) && (0.0..=1.0).contains(&mood.negative));
        }
    }
}
