//! What agents have resolved, by family of subjects.

use baton_policy::Experience;
use baton_records::{Id, Timestamp};
use baton_stream::{Store, Table};
use std::collections::BTreeSet;
use std::time::Duration;

const DAY_MS: i64 = 86_400_000;

/// How many handoffs agents have resolved, by agent, family and day (UTC); at most a year of them.
#[derive(Debug)]
pub(crate) struct Resolved {
    days: Table<(Id, Id), Vec<(i64, u32)>>,
}

impl Resolved {
    pub const fn new() -> Self {
        Self { days: Table::new("assign.resolved") }
    }

    pub fn store(&mut self) -> &mut dyn Store {
        &mut self.days
    }

    /// Notes that an agent has resolved a handoff, and forgets what was resolved too long before.
    pub fn note(&mut self, agent_id: &Id, family: &Id, at: Timestamp, keep: Duration) {
        let (day, since) = (day(at), day(at.minus(keep)));
        self.days.update_or_default(&(agent_id.clone(), family.clone()), |days| {
            match days.binary_search_by_key(&day, |(day, _)| *day) {
                Ok(place) => {
                    days.iter_mut().skip(place).take(1).for_each(|(_, count)| *count = count.saturating_add(1))
                }
                Err(place) => days.insert(place, (day, 1)),
            }
            days.retain(|(day, _)| *day >= since);
        });
    }

    /// Returns how many handoffs of a family an agent has resolved; fewer than count are none.
    pub fn of(&self, agent_id: &Id, family: &Id, experience: Experience, now: Timestamp) -> u32 {
        let since = day(now.minus(experience.within));
        let days = self.days.get(&(agent_id.clone(), family.clone())).map_or(&[][..], Vec::as_slice);
        let count = days.iter().filter(|(day, _)| *day >= since).map(|(_, count)| *count).fold(0, u32::saturating_add);
        if count >= experience.at_least { count } else { 0 }
    }

    /// Forgets an agent who is gone.
    pub fn forget(&mut self, agent_id: &Id) {
        let theirs =
            self.days.range((agent_id.clone(), Id::default())..).take_while(|((agent, _), _)| agent == agent_id);
        let theirs: Vec<_> = theirs.map(|(key, _)| key.clone()).collect();
        for key in &theirs {
            self.days.remove(key);
        }
    }

    /// Forgets families of which no rule speaks any more.
    pub fn retain(&mut self, families: &BTreeSet<&Id>) {
        let gone: Vec<_> =
            self.days.iter().map(|(key, _)| key).filter(|key| !families.contains(&key.1)).cloned().collect();
        for key in &gone {
            self.days.remove(key);
        }
    }
}

const fn day(at: Timestamp) -> i64 {
    at.millis().div_euclid(DAY_MS)
}
