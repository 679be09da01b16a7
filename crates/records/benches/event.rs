//! What one event costs on the hot path: decoding and encoding of about 350 bytes.
//!
//! `cargo bench -p baton-records`

use baton_records::{Event, Timestamp};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const EVENT: &str = r#"{"event_id":"b-412345-1793021234567890","occurred_at":"2026-03-02T10:00:00.125Z","channel":"chat","type":"message","identities":{"email":"pat.17@account-12345.example"},"conversation_id":"conv-12345-9","actor":"customer","text":"we tried the export again this morning and it still stops half way through with the same message as on friday","attributes":{"plan":"scale"}}"#;

fn event(c: &mut Criterion) {
    let event = Event::decode(EVENT.as_bytes()).ok();
    let mut group = c.benchmark_group("event");
    group.throughput(Throughput::Bytes(EVENT.len() as u64));
    group.bench_function("decode", |b| b.iter(|| Event::decode(black_box(EVENT.as_bytes()))));
    group.bench_function("encode", |b| {
        let mut out = Vec::with_capacity(1024);
        b.iter(|| {
            out.clear();
            serde_json::to_writer(&mut out, black_box(&event)).is_ok()
        });
    });
    group.bench_function("time", |b| b.iter(|| Timestamp::parse(black_box("2026-03-02T10:00:00.125Z"))));
    group.finish();
}

criterion_group!(benches, event);
criterion_main!(benches);
