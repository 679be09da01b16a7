//! What one record of the log says.

use baton_language::{CueSpec, Cues, Listener};
use baton_policy::{Policy, SentimentPolicy};
use baton_records::{Actor, Body, Entry, Event, Id, Interaction, LogRecord, Signal, SignalKind, ids};
use baton_stream::{Broken, Store, Table};

/// Hits below this say nothing, also not to an audit.
const FLOOR: f64 = 0.3;

/// From here on a mood is worth a signal.
const MOOD_THRESHOLD: f64 = 0.5;

/// The scorer.
pub struct Score {
    position: Table<(), u64>,
    policy: Table<(), String>,
    listening: Option<Listening>,
}

/// The cues of one policy.
struct Listening {
    listener: Listener,
    /// Threshold and kind by the cue's name.
    terms: std::collections::BTreeMap<Id, (f64, SignalKind)>,
}

impl Default for Score {
    fn default() -> Self {
        Self::new()
    }
}

impl Score {
    /// Makes a scorer that has seen nothing.
    pub fn new() -> Self {
        Self { position: Table::new("scorer.position"), policy: Table::new("scorer.policy"), listening: None }
    }

    /// Returns the number of the last record that was taken, 0 before the first.
    pub fn position(&self) -> u64 {
        self.position.get(&()).copied().unwrap_or(0)
    }

    /// Takes the next record of the log, and returns what it says: its cues by sentence and name, then its mood. A
    /// record that was taken before says nothing.
    ///
    /// # Errors
    /// [`Broken`] when a policy in the log cannot be read.
    pub fn record(&mut self, record: &LogRecord) -> Result<Vec<Signal>, Broken> {
        if record.seq <= self.position() {
            return Ok(Vec::new());
        }
        self.position.put((), record.seq);
        match &record.entry {
            Entry::Mark => Ok(Vec::new()),
            Entry::Policy { version, text } => {
                self.listening = Some(listen(version, text)?);
                self.policy.put((), text.to_string());
                Ok(Vec::new())
            }
            Entry::Interaction(interaction) => self.interaction(interaction),
        }
    }

    /// Returns the stores.
    pub fn stores(&mut self) -> Vec<&mut dyn Store> {
        vec![&mut self.position, &mut self.policy]
    }

    fn interaction(&mut self, interaction: &Interaction) -> Result<Vec<Signal>, Broken> {
        let Body::Event { event, .. } = &interaction.body else { return Ok(Vec::new()) };
        let Some(text) = customer_words(event).filter(|_| !interaction.history) else { return Ok(Vec::new()) };
        if self.listening.is_none() {
            let Some(policy) = self.policy.get(&()) else { return Ok(Vec::new()) };
            self.listening = Some(listen("the stored one", policy)?);
        }
        Ok(self.listening.as_mut().map_or_else(Vec::new, |l| l.signals(interaction, event, text)))
    }
}

/// Returns the words of a customer, if the event has any.
fn customer_words(event: &Event) -> Option<&str> {
    let spoken = matches!(event.event_type.as_str(), "message" | "call" | "ticket.opened" | "request");
    let customer = matches!(event.actor, None | Some(Actor::Customer));
    event.text.as_deref().filter(|_| spoken && customer)
}

fn listen(version: &str, text: &str) -> Result<Listening, Broken> {
    let policy = Policy::parse(text).map_err(|problems| {
        let first = problems.first().map_or_else(String::new, ToString::to_string);
        Broken { what: format!("policy {version} in the log cannot be read by this release ({first})") }
    })?;
    Listening::of(&policy.sentiment)
}

impl Listening {
    fn of(policy: &SentimentPolicy) -> Result<Self, Broken> {
        let phrases: Vec<Vec<&str>> =
            policy.cues.values().map(|cue| cue.phrases.iter().map(Id::as_str).collect()).collect();
        let specs = policy.cues.iter().zip(&phrases).map(|((name, cue), phrases)| CueSpec {
            name,
            concept: cue.concept.as_deref(),
            phrases,
        });
        let cues = Cues::compile(specs).map_err(|error| Broken { what: format!("the policy's {error}") })?;
        let terms = policy.cues.iter().map(|(name, cue)| (name.clone(), (cue.threshold, cue.kind))).collect();
        Ok(Self { listener: Listener::new(cues), terms })
    }

    fn signals(&mut self, interaction: &Interaction, event: &Event, text: &str) -> Vec<Signal> {
        let source = interaction.source.topic.as_str();
        let signal = |name: &str, kind, score, threshold, sentence: Option<u32>| {
            let place = sentence.map_or_else(String::new, |s| s.to_string());
            Signal {
                signal_id: ids::derived(&[&interaction.account_id, source, &event.event_id, "scorer", name, &place]),
                account_id: interaction.account_id.clone(),
                kind,
                name: Id::from(name),
                score,
                value: score,
                expected: None,
                threshold,
                sentence,
                subject: None,
                quiet: false,
                event_id: Some(event.event_id.clone()),
                evidence: vec![event.event_id.clone()],
                at: interaction.arrival,
            }
        };
        let mut signals: Vec<Signal> = Vec::new();
        let (hits, mood) = self.listener.hear(text);
        for hit in hits.iter().filter(|hit| hit.score >= FLOOR) {
            if let Some((threshold, kind)) = self.terms.get(hit.cue) {
                signals.push(signal(hit.cue, *kind, hit.score, *threshold, Some(hit.sentence)));
            }
        }
        let readings =
            [("negative", SignalKind::Sentiment, mood.negative), ("pressing", SignalKind::Urgency, mood.urgency)];
        for (name, kind, score) in readings.into_iter().filter(|(.., score)| *score >= MOOD_THRESHOLD) {
            let score = (score * 1000.0).round() / 1000.0;
            signals.push(signal(name, kind, score, MOOD_THRESHOLD, None));
        }
        signals
    }
}
