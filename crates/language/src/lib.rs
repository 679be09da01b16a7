//! What a customer's words say: cues such as frustration or a wish to buy, the mood, the language. Pure.
//!
//! A cue stands for a [`CONCEPTS`] entry, for phrases of the business's own, or both. Concepts are grammars in
//! `grammar/`: classes of words of the same meaning and short patterns over them (the module `grammar` says how they are
//! written). [`Cues::compile`] puts them together for one policy, [`Cues::find`] reads a text once: sentences, clauses
//! and their moods, then the patterns whose words all occur; a [`Listener`] reads cues and mood together. `cases/` holds examples of each concept, half of them
//! written after the grammar; the tests measure precision and recall on those.
//!
//! Texts are data: at most [`MAX_BYTES`] of one are read, and no text makes anything fail.

mod clauses;
mod cues;
mod grammar;
mod identify;
mod listener;
mod matching;
mod sentiment;
mod stem;
mod tokens;
mod valence;
mod vocabulary;

pub use cues::{CONCEPTS, CompileError, CueSpec, Cues, Hit};
pub use identify::language;
pub use listener::Listener;
pub use sentiment::{Sentiment, sentiment};
pub use tokens::MAX_BYTES;
