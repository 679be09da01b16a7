//! A departure looks at no more waiting handoffs than the one agent has refused who refused least of those who stay.

use super::script::Line;
use crate::clock::Timer;
use crate::entry::Entry;
use crate::lines::Lines;
use baton_records::{Id, PoolRecord, Timestamp};

fn waiting(number: u32, declined: &str) -> Entry {
    let text = format!("queue h{number:04} team=one declined={declined} @0");
    let Some(PoolRecord::Request { request }) = Line::parse(&text).record() else { panic!("no request: {text}") };
    Entry::new(*request, Timer { elapsed_ms: 0, not_before: Timestamp::MIN })
}

/// How many handoffs must be looked at when only these agents are left.
fn looked_at(lines: &Lines, left: &[&str]) -> Option<usize> {
    let left: Vec<Id> = left.iter().map(|id| Id::from(*id)).collect();
    let (_, line) = lines.of(&"one".into()).next().unwrap();
    line.refused_by_all(left.iter()).map(std::collections::BTreeSet::len)
}

#[test]
fn a_departure_looks_at_what_all_who_stay_have_refused() {
    let mut lines = Lines::default();
    let entries: Vec<Entry> = (0..1_000).map(|n| waiting(n, if n < 3 { "a,b" } else { "a" })).collect();
    entries.iter().for_each(|entry| lines.enter(entry));
    for (left, looked) in
        [(&["a", "b", "c"][..], Some(0)), (&["a", "b"], Some(3)), (&["b"], Some(3)), (&["a"], Some(1_000)), (&[], None)]
    {
        assert_eq!(looked_at(&lines, left), looked, "{left:?} are left");
    }
    entries.iter().take(2).for_each(|entry| lines.leave(entry));
    assert_eq!(looked_at(&lines, &["a", "b"]), Some(1));
}
