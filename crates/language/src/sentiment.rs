//! The mood of a text: valence words with negation, emphasis and contrast, after VADER (Hutto and Gilbert, "VADER: A
//! Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM 2014), and the built-in cues of
//! frustration and urgency, which valence words miss.

use crate::cues::{CueSpec, Cues, Hit};
use crate::tokens::boundary;
use crate::valence::{self, Word};
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

static TONES: LazyLock<Option<Cues>> = LazyLock::new(|| {
    let tone = |name| CueSpec { name, concept: Some(name), phrases: &[] };
    Cues::compile([tone("frustration"), tone("urgency")]).ok()
});

/// Returns the mood of a text.
pub fn sentiment(text: &str) -> Sentiment {
    let hits = TONES.as_ref().map(|cues| cues.find(text)).unwrap_or_default();
    mood(text, &hits)
}

/// Returns the built-in cues of frustration and urgency.
pub(crate) fn tones() -> Option<&'static Cues> {
    TONES.as_ref()
}

/// Returns the mood of a text that states these cues of frustration and urgency.
pub(crate) fn mood(text: &str, tones: &[Hit<'_>]) -> Sentiment {
    let best = |cue: &str| tones.iter().filter(|h| h.cue == cue).map(|h| h.score).fold(0.0, f64::max);
    let (frustration, urgency) = (best("frustration"), best("urgency"));
    let valence = valence(text);
    let sentiment = (valence - 0.6 * frustration).clamp(-1.0, 1.0);
    Sentiment { sentiment, negative: (-sentiment).max(0.0), urgency, frustration }
}

/// Returns -1 to 1 by the words of a text alone.
pub(crate) fn valence(text: &str) -> f64 {
    const NORMAL: f64 = 15.0;
    let text = text.get(..boundary(text)).unwrap_or(text);
    let words = valence::words(text);
    let rated = words.iter().any(|w| w.meaning.rating != 0.0);
    let sum = if rated { words_sum(&words) } else { 0.0 } + emoticons(text);
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

fn words_sum(words: &[Word]) -> f64 {
    let shouting = words.iter().any(|w| w.shouted) && words.iter().any(|w| !w.shouted);
    let but = words.iter().position(|w| w.meaning.contrasts);
    let weight = |at: usize| but.map_or(1.0, |but| if at < but { 0.5 } else { 1.5 });
    (0..words.len()).map(|at| word_score(words, at, shouting) * weight(at)).sum()
}

fn word_score(words: &[Word], at: usize, shouting: bool) -> f64 {
    const SHOUTED: f64 = 0.733;
    const NEGATED: f64 = -0.74;
    let Some(word) = words.get(at).filter(|w| w.meaning.rating != 0.0) else { return 0.0 };
    let mut score = word.meaning.rating;
    if word.shouted && shouting {
        score += SHOUTED.copysign(score);
    }
    let mut negated = false;
    for back in 1..=3 {
        let Some(before) = at.checked_sub(back).and_then(|i| words.get(i)) else { break };
        // A booster strengthens, a damper weakens; both keep the direction of the word itself, and fade with distance.
        if before.meaning.rating == 0.0 {
            score += before.meaning.boost * (1.0 - 0.05 * (back - 1) as f64) * word.meaning.rating.signum();
        }
        negated |= before.meaning.negates;
    }
    if negated { score * NEGATED } else { score }
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
        (":)", 2.0),
        (":-)", 1.8),
        (":D", 2.3),
        (":-D", 2.3),
        (";)", 0.9),
        (":(", -1.9),
        (":-(", -1.5),
        (":/", -1.4),
        (":'(", -2.2),
        ("<3", 1.9),
        ("\u{1F600}", 2.0),
        ("\u{1F642}", 1.5),
        ("\u{1F60D}", 2.8),
        ("\u{1F44D}", 1.8),
        ("\u{2764}", 2.5),
        ("\u{1F621}", -2.8),
        ("\u{1F620}", -2.3),
        ("\u{1F622}", -2.0),
        ("\u{1F62D}", -1.8),
        ("\u{1F44E}", -1.8),
        ("\u{1F641}", -1.6),
        ("\u{1F926}", -1.6),
    ];
    // Every face has one of these; most texts have none.
    if !text.bytes().any(|b| matches!(b, b':' | b';' | b'<') || b >= 0xE0) {
        return 0.0;
    }
    FACES.iter().map(|(face, by)| text.matches(face).count().min(3) as f64 * by).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negation_emphasis_and_contrast_count() {
        let of = |text: &str| sentiment(text).sentiment;
        assert!(of("This is great.") > 0.4);
        assert!(of("This is not great.") < 0.0);
        assert!(of("This is really great!!") > of("This is great."));
        assert!(of("It is nice, but the support is terrible.") < 0.0);
        assert!(of("This is too complicated for us.") < -0.3);
        assert_eq!(of("The invoice is from March."), 0.0);
        assert_eq!(of(""), 0.0);
    }

    #[test]
    fn urgency_and_frustration_are_read_apart() {
        let mood = sentiment("We need an answer right now.");
        assert!(mood.urgency > 0.7 && mood.frustration == 0.0, "{mood:?}");
    }

    /// Correlation with human ratings of tweets; runs where the shared data lie beside the repository.
    #[test]
    fn moods_agree_with_people() {
        let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
        let folder = std::env::var("BATON_SHARED").unwrap_or_else(|_| beside.to_owned());
        let Ok(lines) = std::fs::read_to_string(format!("{folder}/data/vader/tweets.jsonl")) else {
            println!("not measured: {folder}/data/vader is not there; set BATON_SHARED to the shared folder");
            return;
        };
        let field = |line: &str, name: &str| line.split_once(&format!("\"{name}\": ")).map(|(_, rest)| rest.to_owned());
        let pairs: Vec<(f64, f64)> = lines
            .lines()
            .map(|line| {
                let rating = field(line, "rating").unwrap();
                let text = field(line, "text").unwrap();
                (rating.split(',').next().unwrap().parse().unwrap(), valence(&text.replace("\\\"", "\"")))
            })
            .collect();
        let n = pairs.len() as f64;
        let (mx, my) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
        let cov: f64 = pairs.iter().map(|(x, y)| (x - mx) * (y - my)).sum();
        let (vx, vy): (f64, f64) =
            (pairs.iter().map(|p| (p.0 - mx).powi(2)).sum(), pairs.iter().map(|p| (p.1 - my).powi(2)).sum());
        let correlation = cov / (vx * vy).sqrt();
        println!("correlation {correlation:.3} over {n} tweets");
        assert!(correlation > 0.7, "{correlation}");
    }
}
