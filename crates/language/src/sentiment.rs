//! The mood of a text: valence words with negation, emphasis and contrast, after VADER (Hutto and Gilbert, "VADER: A
//! Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM 2014), and the built-in cues of
//! frustration and urgency, which valence words miss.

use crate::cues::{CueSpec, Cues};
use crate::tokens::MAX_BYTES;
use std::sync::LazyLock;

/// The mood of a text.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sentiment {
    /// -1 (bad) to 1 (good).
    pub sentiment: f64,
    /// 0 to 1: how negative.
    pub negative: f64,
    /// 0 to 1: how pressing.
    pub urgency: f64,
    /// 0 to 1: how frustrated.
    pub frustration: f64,
}

/// Valence words, sorted, each with a mean rating from -4 to 4.
static VALENCE: LazyLock<Vec<(&'static str, f64)>> = LazyLock::new(|| {
    let mut words = Vec::new();
    let lists = [include_str!("../lexicon/valence.txt"), include_str!("../lexicon/business.txt")];
    for line in lists.iter().flat_map(|l| l.lines()).filter(|l| !l.starts_with('#')) {
        let mut parts = line.split(' ');
        if let Some(tenths) = parts.next().and_then(|v| v.parse::<i32>().ok()) {
            words.extend(parts.map(|word| (word, f64::from(tenths) / 10.0)));
        }
    }
    // Sorted stably, and looked up from behind: what business.txt says of a word wins.
    words.sort_by_key(|(word, _)| *word);
    words
});

static TONES: LazyLock<Option<Cues>> = LazyLock::new(|| {
    let tone = |name| CueSpec { name, concept: Some(name), phrases: &[] };
    Cues::compile([tone("frustration"), tone("urgency")]).ok()
});

/// What a word before changes: added to the strength of the word that follows.
const BOOSTERS: [(&[&str], f64); 2] = [
    (
        &[
            "absolutely", "amazingly", "completely", "considerably", "decidedly", "deeply", "enormously", "entirely",
            "especially", "exceptionally", "extremely", "fully", "greatly", "highly", "hugely", "incredibly", "insanely",
            "majorly", "more", "most", "particularly", "purely", "quite", "really", "remarkably", "seriously", "so",
            "substantially", "thoroughly", "too", "totally", "truly", "tremendously", "unbelievably", "unusually", "utterly",
            "very", "way",
        ],
        0.293,
    ),
    (
        &[
            "almost", "barely", "hardly", "kinda", "less", "little", "marginally", "occasionally", "partly", "scarcely",
            "slightly", "somewhat", "sorta", "bit",
        ],
        -0.293,
    ),
];

const NEGATIONS: [&str; 34] = [
    "aint", "arent", "cannot", "cant", "couldnt", "darent", "didnt", "doesnt", "dont", "hadnt", "hasnt", "havent", "isnt",
    "kein", "keine", "mightnt", "mustnt", "neither", "never", "nicht", "no", "nobody", "none", "nope", "nor", "not",
    "nothing", "nowhere", "shouldnt", "wasnt", "werent", "without", "wont", "wouldnt",
];

struct Word {
    folded: String,
    shouted: bool,
}

/// Returns the mood of a text.
pub fn sentiment(text: &str) -> Sentiment {
    let hits = TONES.as_ref().map(|cues| cues.find(text)).unwrap_or_default();
    let best = |cue: &str| hits.iter().filter(|h| h.cue == cue).map(|h| h.score).fold(0.0, f64::max);
    let (frustration, urgency) = (best("frustration"), best("urgency"));
    let valence = valence(text);
    let sentiment = (valence - 0.6 * frustration).clamp(-1.0, 1.0);
    Sentiment { sentiment, negative: (-sentiment).max(0.0), urgency, frustration }
}

/// Returns -1 to 1 by the words of a text alone.
pub(crate) fn valence(text: &str) -> f64 {
    const NORMAL: f64 = 15.0;
    let text = text.get(..text.floor_char_boundary(MAX_BYTES)).unwrap_or(text);
    let words = words(text);
    let shouting = words.iter().any(|w| w.shouted) && words.iter().any(|w| !w.shouted);
    let mut scores: Vec<f64> = (0..words.len()).map(|at| word_score(&words, at, shouting)).collect();
    if let Some(but) = words.iter().position(|w| matches!(w.folded.as_str(), "but" | "however" | "aber" | "jedoch")) {
        for (at, score) in scores.iter_mut().enumerate() {
            *score *= if at < but { 0.5 } else { 1.5 };
        }
    }
    let sum: f64 = scores.iter().sum::<f64>() + emoticons(text);
    let emphasis = emphasis(text);
    let sum = if sum > 0.0 {
        sum + emphasis
    } else if sum < 0.0 {
        sum - emphasis
    } else {
        sum
    };
    sum / (sum * sum + NORMAL).sqrt()
}

fn words(text: &str) -> Vec<Word> {
    const WORDS: usize = 2_000;
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '\u{2019}');
    text.split(|c: char| !is_part(c))
        .filter(|part| part.chars().any(char::is_alphabetic))
        .take(WORDS)
        .map(|part| Word {
            folded: part.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect(),
            shouted: part.len() > 1 && part.chars().all(|c| !c.is_alphabetic() || c.is_uppercase()),
        })
        .collect()
}

fn rating(word: &str) -> f64 {
    let behind = VALENCE.partition_point(|(known, _)| *known <= word);
    match behind.checked_sub(1).and_then(|at| VALENCE.get(at)) {
        Some((known, rating)) if *known == word => *rating,
        _ => 0.0,
    }
}

fn word_score(words: &[Word], at: usize, shouting: bool) -> f64 {
    const SHOUTED: f64 = 0.733;
    const NEGATED: f64 = -0.74;
    let Some(word) = words.get(at) else { return 0.0 };
    let mut score = rating(&word.folded);
    if score == 0.0 {
        return 0.0;
    }
    if word.shouted && shouting {
        score += SHOUTED.copysign(score);
    }
    let mut negated = false;
    for back in 1..=3 {
        let Some(before) = at.checked_sub(back).and_then(|i| words.get(i)) else { break };
        let fade = 1.0 - 0.05 * (back - 1) as f64;
        if rating(&before.folded) == 0.0 {
            score += (boost(&before.folded) * fade).copysign(score * boost(&before.folded)) * sign(boost(&before.folded));
        }
        negated |= is_negation(&before.folded);
    }
    if negated { score * NEGATED } else { score }
}

/// A booster strengthens, a damper weakens; both keep the direction of the word itself.
fn sign(boost: f64) -> f64 {
    if boost == 0.0 { 0.0 } else { 1.0 }
}

fn boost(word: &str) -> f64 {
    BOOSTERS.iter().find(|(list, _)| list.contains(&word)).map_or(0.0, |(_, by)| *by)
}

fn is_negation(word: &str) -> bool {
    NEGATIONS.binary_search(&word).is_ok()
}

fn emphasis(text: &str) -> f64 {
    let exclaimed = text.bytes().filter(|b| *b == b'!').count().min(4) as f64 * 0.292;
    let asked = match text.bytes().filter(|b| *b == b'?').count() {
        0 | 1 => 0.0,
        n @ 2..=3 => n as f64 * 0.18,
        _ => 0.96,
    };
    exclaimed + asked
}

fn emoticons(text: &str) -> f64 {
    const FACES: [(&str, f64); 22] = [
        (":)", 2.0), (":-)", 1.8), (":D", 2.3), (":-D", 2.3), (";)", 0.9), (":(", -1.9), (":-(", -1.5), (":/", -1.4),
        (":'(", -2.2), ("<3", 1.9), ("\u{1F600}", 2.0), ("\u{1F642}", 1.5), ("\u{1F60D}", 2.8), ("\u{1F44D}", 1.8),
        ("\u{2764}", 2.5), ("\u{1F621}", -2.8), ("\u{1F620}", -2.3), ("\u{1F622}", -2.0), ("\u{1F62D}", -1.8),
        ("\u{1F44E}", -1.8), ("\u{1F641}", -1.6), ("\u{1F926}", -1.6),
    ];
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b',' | b'.')) {
        return 0.0;
    }
    FACES.iter().map(|(face, by)| text.matches(face).count().min(3) as f64 * by).sum()
}
