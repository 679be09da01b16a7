//! What one customer message costs the scorer, by the shipped policy for a software company.
//!
//! `cargo bench -p sentiment-scorer`

use baton_records::{Actor, Body, Channel, Entry, Event, Id, Interaction, LogRecord, Source, Timestamp};
use criterion::{Criterion, criterion_group, criterion_main};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use sentiment_scorer::Score;
use std::collections::BTreeMap;
use std::hint::black_box;

const POLICY: &str = include_str!("../../../deploy/policies/saas.yaml");

const NEUTRAL_20: &str = "the gateway for our warehouse printer and the browser panel on this device have the same serial \
    number in the sheet";

const CUES_20: &str = "your competitor offers this export out of the box and honestly the whole setup wizard is too \
    complicated for our team";

/// Words of no mood.
const NEUTRAL: &str = "account address again agent api before between batch browser button calendar change channel check \
    column company contract customer dashboard data date delivery department device document email \
    employee evening export field file filter format gateway group import integration invoice item \
    letter list machine manual meeting member menu message minute model module monday month morning \
    number office order page panel part phone plan portal price printer product profile project quantity \
    question quote record region report request review room schedule screen section sensor serial \
    service session setting sheet shipment station step supplier system table team template ticket today \
    tool tracking unit update user value version warehouse week window yesterday";

/// Words that stand between others.
const FILLER: &str = "the a our we have is for to with of on in and this";

/// Words of a good mood.
const POSITIVE: &str = "thanks great helpful good excellent nice happy please";

/// Words of a bad mood.
const NEGATIVE: &str = "terrible awful broken angry useless frustrated disappointed unacceptable worst horrible annoyed \
    ridiculous furious bad fails";

/// Writes 8 to 30 words; one text in a hundred starts with a strong phrase, one in twenty complains.
fn workload(rng: &mut StdRng) -> String {
    let complaint = rng.random_range(0..100) < 5;
    let mut words = Vec::new();
    if rng.random_range(0..100) == 0 {
        words.push("line down, production halt, ASAP");
    }
    for _ in 0..rng.random_range(8..=30) {
        let list = match rng.random_range(0..100) {
            0..35 if complaint => NEGATIVE,
            0..30 => FILLER,
            30..35 if !complaint => POSITIVE,
            _ => NEUTRAL,
        };
        let list: Vec<&str> = list.split(' ').collect();
        words.extend(list.choose(rng));
    }
    words.join(" ")
}

fn message(text: &str) -> LogRecord {
    let event = Event {
        event_id: Id::from("b-412345-1793021234567890"),
        occurred_at: Timestamp::from_millis(1),
        channel: Channel::Chat,
        event_type: Id::from("message"),
        account_id: Some(Id::from("acct-00042")),
        identities: BTreeMap::new(),
        contact_id: None,
        conversation_id: Some(Id::from("conv-00042-1")),
        actor: Some(Actor::Customer),
        text: Some(Id::from(text)),
        ai: None,
        request: None,
        amount: None,
        currency: None,
        quantity: None,
        value: None,
        subject: None,
        attributes: BTreeMap::new(),
    };
    let interaction = Interaction {
        account_id: Id::from("acct-00042"),
        arrival: Timestamp::from_millis(6),
        history: false,
        source: Source { topic: Id::from("chat"), partition: 0, offset: 1 },
        traceparent: None,
        body: Body::Event { event: Box::new(event), conversation: Some(Id::from("conv-00042-1")) },
    };
    let entry = Entry::Interaction(Box::new(interaction));
    LogRecord { seq: 0, time: Timestamp::from_millis(6), entry }
}

fn score(c: &mut Criterion) {
    let mut score = Score::new();
    let entry = Entry::Policy { version: Id::from("saas@1"), text: Id::from(POLICY) };
    let mut seq = 1;
    assert!(score.record(&LogRecord { seq, time: Timestamp::from_millis(0), entry }).is_ok());
    let mut rng = StdRng::seed_from_u64(7);
    let mix = (0..2_000).map(|_| message(&workload(&mut rng))).collect();
    let mut group = c.benchmark_group("score");
    for (name, mut messages) in
        [("neutral", vec![message(NEUTRAL_20)]), ("cues", vec![message(CUES_20)]), ("workload", mix)]
    {
        let mut next = 0;
        group.bench_function(name, |b| {
            b.iter(|| {
                next = (next + 1) % messages.len();
                seq += 1;
                let Some(record) = messages.get_mut(next) else { return 0 };
                record.seq = seq;
                score.record(black_box(record)).map_or(0, |signals| signals.len())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, score);
criterion_main!(benches);
