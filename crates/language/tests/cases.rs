//! Every example in `cases/` against the built-in concepts, and precision and recall on those that were written after
//! the grammars.

#![cfg(test)]

use baton_language::{CONCEPTS, CueSpec, Cues};

struct Example {
    concept: &'static str,
    held_out: bool,
    stated: bool,
    text: String,
}

fn examples() -> Vec<Example> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");
    let mut all = Vec::new();
    for concept in CONCEPTS {
        let path = format!("{folder}/{concept}.txt");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
        let mut held_out = false;
        for line in text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
            if line.starts_with('[') {
                held_out = line.starts_with("[held out, third round");
                continue;
            }
            let stated = line.starts_with("+ ");
            assert!(stated || line.starts_with("- "), "{path}: {line}");
            all.push(Example { concept, held_out, stated, text: line[2..].to_owned() });
        }
    }
    all
}

fn all_concepts() -> Cues {
    Cues::compile(CONCEPTS.iter().map(|name| CueSpec { name, concept: Some(name), phrases: &[] })).unwrap()
}

fn is_found(cues: &Cues, concept: &str, text: &str) -> bool {
    cues.find(text).iter().any(|h| h.cue == concept && h.score >= 0.7)
}

/// Returns precision and recall, and prints what is wrong.
fn measure(wanted: impl Fn(&Example) -> bool) -> (f64, f64) {
    let cues = all_concepts();
    let (mut right, mut wrong, mut missed) = (0.0, 0.0, 0.0);
    for example in examples().iter().filter(|e| wanted(e)) {
        match (example.stated, is_found(&cues, example.concept, &example.text)) {
            (true, true) => right += 1.0,
            (true, false) => {
                println!("{}: missed: {}", example.concept, example.text);
                missed += 1.0;
            }
            (false, true) => {
                println!("{}: wrongly found: {}", example.concept, example.text);
                wrong += 1.0;
            }
            (false, false) => {}
        }
    }
    (right / (right + wrong), right / (right + missed))
}

#[test]
fn development_examples_hold() {
    assert_eq!(measure(|e| !e.held_out), (1.0, 1.0));
}

#[test]
fn held_out_examples_hold_to_a_floor() {
    let (precision, recall) = measure(|e| e.held_out);
    println!("held out: precision {precision:.3}, recall {recall:.3}");
    assert!(precision >= 0.9, "precision {precision}");
    assert!(recall >= 0.85, "recall {recall}");
}

#[test]
fn every_concept_has_enough_examples() {
    for concept in CONCEPTS {
        for stated in [true, false] {
            let count = examples().iter().filter(|e| e.concept == *concept && e.stated == stated).count();
            assert!(count >= 25, "{concept}: {count} of {stated}");
        }
    }
}
