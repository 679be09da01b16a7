//! A task as a group member runs it: restored from changelogs, fed from partitions, committed or lost as a whole.

use super::cluster::{Cluster, TopicPartition, Transaction};
use baton_records::{Id, LowWater, Timestamp};
use baton_stream::{Broken, Counted, Input, Outbox, Progress, Task, Topic, Unread, wire};
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How many records one transaction takes at most.
const MOST: usize = 64;
/// How often a low-water mark is told at most.
const MARKS: Duration = Duration::from_millis(500);
/// How many unread records count as fetched.
const FETCHED: usize = 20;

/// What a member runs, and between which partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The consumer group whose offsets it commits.
    pub group: String,
    /// Which changelogs are its own: the stores of one partition.
    pub scope: String,
    /// Lead partition first, then companions.
    pub inputs: Vec<TopicPartition>,
    /// The name under which its low-water marks go out; only *intake* has one.
    pub low_water: Option<String>,
}

/// The two clocks of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The true time.
    pub now: Timestamp,
    /// What the member's process believes.
    pub clock: Timestamp,
}

struct Running {
    task: Box<dyn Task>,
    positions: Vec<usize>,
    /// When the end of the lead partition was asked for, and what it was.
    probes: VecDeque<(Timestamp, usize)>,
    reached: Option<Timestamp>,
    heard: Timestamp,
    /// When its low water was told last, and what it was.
    told: Option<(Timestamp, Timestamp)>,
}

/// A member of a consumer group with its task, if that runs.
pub struct Member {
    assignment: Assignment,
    running: Option<Running>,
    pending: Option<Transaction>,
    /// What its task counted in transactions that were committed.
    pub counted: Vec<Counted>,
    uncommitted: Vec<Counted>,
}

impl Member {
    /// Makes a member that does not run.
    pub const fn new(assignment: Assignment) -> Self {
        Self { assignment, running: None, pending: None, counted: Vec::new(), uncommitted: Vec::new() }
    }

    /// Returns what it runs.
    pub const fn assignment(&self) -> &Assignment {
        &self.assignment
    }

    /// Tells whether its task runs.
    pub const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Tells whether a transaction is open.
    pub const fn is_busy(&self) -> bool {
        self.pending.is_some()
    }

    /// Returns when its task wants to be punctuated, by its process's clock.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.running.as_ref().and_then(|r| r.task.wake_at())
    }

    /// Starts a fresh task from what was committed.
    ///
    /// # Errors
    /// [`Broken`] when the changelog cannot be read.
    pub fn start(&mut self, mut task: Box<dyn Task>, cluster: &Cluster, clock: Timestamp) -> Result<(), Broken> {
        for store in task.stores() {
            let Some(entries) = cluster.changelog(&self.assignment.scope, store.name()) else { continue };
            for (key, value) in entries {
                store.restore(key, Some(value)).map_err(|e| Broken { what: e.to_string() })?;
            }
        }
        let positions = self.assignment.inputs.iter().map(|at| cluster.offset(&self.assignment.group, at)).collect();
        let probes = VecDeque::new();
        self.running = Some(Running { task, positions, probes, reached: None, heard: clock, told: None });
        Ok(())
    }

    /// Loses the task with its open transaction, and returns that one: it hides what follows in its partitions.
    pub fn stop(&mut self) -> Option<Transaction> {
        self.running = None;
        self.uncommitted.clear();
        self.pending.take()
    }

    /// Takes what there is, as far as the task wants it, and opens a transaction; false when there is nothing to commit.
    ///
    /// # Errors
    /// [`Broken`] when the task cannot go on.
    pub fn begin(&mut self, cluster: &Cluster, at: Moment, rng: &mut StdRng) -> Result<bool, Broken> {
        let Some(running) = &mut self.running else { return Ok(false) };
        let mut out = Outbox::default();
        running.probe(&self.assignment, cluster, at);
        let mut taken = 0;
        while taken < MOST {
            let Some((index, most)) = running.choose(&self.assignment, cluster, at, rng) else { break };
            let count = rng.random_range(1..=most.min(MOST));
            running.feed(&self.assignment, index, count, cluster, at, &mut out)?;
            taken += count;
            // A poll that returns while more is there is as right as one that returns all.
            if rng.random_bool(0.1) {
                break;
            }
        }
        if taken > 0 {
            running.heard = at.clock;
        }
        if running.task.wake_at().is_some_and(|wake| wake <= at.clock) {
            let progress = running.progress(&self.assignment, cluster, at);
            running.task.punctuate(progress, &mut out)?;
        }
        running.mark(&self.assignment, cluster, at, &mut out);
        let mut changes = Vec::new();
        for store in running.task.stores() {
            let name = store.name();
            store.drain(&mut |key, value| changes.push((name, key.to_vec(), value.map(<[u8]>::to_vec))));
        }
        if taken == 0 && out.records.is_empty() && changes.is_empty() {
            return Ok(false);
        }
        self.uncommitted = out.counted;
        let offsets = running.offsets(&self.assignment);
        self.pending = Some(Transaction { outputs: out.records, changes, offsets });
        Ok(true)
    }

    /// Takes the open transaction out, to commit it.
    pub fn finish(&mut self) -> Option<Transaction> {
        self.counted.append(&mut self.uncommitted);
        self.pending.take()
    }

    /// Tells whether it has read all that its task wants and that was written by then.
    pub fn has_read(&self, cluster: &Cluster, by: Timestamp) -> bool {
        let Some(running) = &self.running else { return false };
        self.assignment.inputs.iter().zip(&running.positions).all(|(input, position)| {
            let records = cluster.partition(input).map_or(&[][..], |p| p.records());
            running.task.is_full(&input.0) || records.get(*position).is_none_or(|next| next.written > by)
        })
    }
}

impl Running {
    /// Asks for the end of the lead partition.
    fn probe(&mut self, assignment: &Assignment, cluster: &Cluster, at: Moment) {
        let Some(lead) = assignment.inputs.first() else { return };
        if let Some(partition) = cluster.partition(lead).filter(|_| cluster.is_readable(lead, at.now)) {
            self.probes.push_back((at.clock, partition.high_watermark()));
        }
    }

    /// Chooses among the inputs that have records and that the task wants; returns its index and how many there are.
    fn choose(
        &self,
        assignment: &Assignment,
        cluster: &Cluster,
        at: Moment,
        rng: &mut StdRng,
    ) -> Option<(usize, usize)> {
        let ready: Vec<(usize, usize)> = (assignment.inputs.iter().zip(&self.positions).enumerate())
            .filter(|(_, (input, _))| !self.task.is_full(&input.0) && cluster.is_readable(input, at.now))
            .filter_map(|(index, (input, position))| {
                let end = cluster.partition(input)?.stable_end(at.now);
                (end > *position).then(|| (index, end - position))
            })
            .collect();
        (!ready.is_empty()).then(|| ready[rng.random_range(0..ready.len())])
    }

    fn feed(
        &mut self,
        assignment: &Assignment,
        index: usize,
        count: usize,
        cluster: &Cluster,
        at: Moment,
        out: &mut Outbox,
    ) -> Result<(), Broken> {
        let (Some(input), Some(position)) = (assignment.inputs.get(index), self.positions.get_mut(index)) else {
            return Ok(());
        };
        let records = cluster.partition(input).map_or(&[][..], |p| p.records());
        for (offset, record) in records.iter().enumerate().skip(*position).take(count) {
            // The bound is the task's own: what it does not want now stays unread.
            if self.task.is_full(&input.0) {
                break;
            }
            let given = Input {
                topic: &input.0,
                partition: input.1,
                offset: offset as i64,
                timestamp: record.timestamp,
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                headers: &record.headers,
            };
            self.task.process(given, at.clock, out)?;
            *position = offset + 1;
        }
        Ok(())
    }

    fn progress(&mut self, assignment: &Assignment, cluster: &Cluster, at: Moment) -> Progress {
        let position = self.positions.first().copied().unwrap_or(0);
        while let Some((asked, _)) = self.probes.front().copied().filter(|(_, end)| *end <= position) {
            self.reached = Some(asked);
            self.probes.pop_front();
        }
        let unread = assignment.inputs.first().and_then(|lead| {
            let partition = cluster.partition(lead).filter(|_| cluster.is_readable(lead, at.now))?;
            let end = partition.stable_end(at.now);
            Unread::of(partition.records().get(position..end.min(position + FETCHED))?.iter().map(|r| r.timestamp))
        });
        let heard = self.reached.map_or(self.heard, |reached| reached.max(self.heard));
        Progress { clock: at.clock, unread, reached: self.reached, heard }
    }

    /// Tells the low water to every account partition, with the list of sources.
    fn mark(&mut self, assignment: &Assignment, cluster: &Cluster, at: Moment, out: &mut Outbox) {
        let Some((name, low)) = assignment.low_water.as_deref().zip(self.task.low_water()) else { return };
        if self.told.is_some_and(|(when, what)| at.clock < when.plus(MARKS) || low <= what) {
            return;
        }
        self.told = Some((at.clock, low));
        let marks = LowWater {
            epoch: 1 + cluster.source_epoch(),
            sources: Some(cluster.sources().to_vec()),
            marks: BTreeMap::from([(Id::from(name), low.millis())]),
        };
        for (_, partition) in cluster.partitions_of(&Topic::AccountRepartition).map(|(at, _)| at) {
            out.write(wire::low_water(&marks, *partition));
        }
    }

    fn offsets(&self, assignment: &Assignment) -> Vec<(TopicPartition, usize)> {
        let needed = |input: &TopicPartition, position: usize| {
            let held = self.task.needed_from(&input.0).and_then(|offset| usize::try_from(offset).ok());
            held.map_or(position, |held| held.min(position))
        };
        assignment.inputs.iter().zip(&self.positions).map(|(input, p)| (input.clone(), needed(input, *p))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_stream::{Header, Output, Store, Table};
    use rand::SeedableRng;

    /// Numbers the records of each key.
    struct Numbering(Table<Id, u64>);

    impl Task for Numbering {
        fn process(&mut self, input: Input<'_>, _: Timestamp, out: &mut Outbox) -> Result<(), Broken> {
            let key = Id::from(std::str::from_utf8(input.key.unwrap()).unwrap());
            let number = self.0.update_or_default(&key, |n| {
                *n += 1;
                *n
            });
            out.write(output(&key, &number.to_string()));
            Ok(())
        }

        fn punctuate(&mut self, _: Progress, _: &mut Outbox) -> Result<(), Broken> {
            Ok(())
        }

        fn wake_at(&self) -> Option<Timestamp> {
            None
        }

        fn stores(&mut self) -> Vec<&mut dyn Store> {
            vec![&mut self.0]
        }
    }

    fn task() -> Box<dyn Task> {
        Box::new(Numbering(Table::new("numbers")))
    }

    fn output(key: &str, value: &str) -> Output {
        Output {
            topic: Topic::Decisions,
            partition: None,
            key: Some(key.into()),
            value: Some(value.into()),
            timestamp: None,
            headers: vec![Header::new("n", "v")],
        }
    }

    #[test]
    fn each_record_counts_once_whatever_is_killed() {
        for seed in 0..50 {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut cluster = Cluster::default();
            cluster.create(Topic::Interactions, 1);
            cluster.create(Topic::Decisions, 1);
            let records = (0..200).map(|n| Output { topic: Topic::Interactions, ..output(["a", "b", "c"][n % 3], "") });
            let load = Transaction { outputs: records.collect(), ..Transaction::default() };
            cluster.commit("", "", load, Timestamp::MIN);
            let lead = (Topic::Interactions, 0);
            let assignment = Assignment { group: "g".into(), scope: "s".into(), inputs: vec![lead], low_water: None };
            let mut member = Member::new(assignment);
            let mut now = Timestamp::from_millis(0);
            let mut kills = 0;
            while !member.has_read(&cluster, Timestamp::MAX) || member.is_busy() {
                now = Timestamp::from_millis(now.millis() + 1);
                if !member.is_running() {
                    member.start(task(), &cluster, now).unwrap();
                }
                member.begin(&cluster, Moment { now, clock: now }, &mut rng).unwrap();
                if kills < 20 && rng.random_bool(0.5) {
                    kills += 1;
                    member.stop();
                } else if let Some(transaction) = member.finish() {
                    cluster.commit("g", "s", transaction, now);
                }
            }
            let out = cluster.partition(&(Topic::Decisions, 0)).unwrap().records();
            let of = |key: &str| -> Vec<u64> {
                let mine = out.iter().filter(|r| r.key.as_deref() == Some(key.as_bytes()));
                mine.map(|r| std::str::from_utf8(r.value.as_deref().unwrap()).unwrap().parse().unwrap()).collect()
            };
            assert_eq!(of("a"), (1..=67).collect::<Vec<_>>(), "seed {seed}");
            assert_eq!(of("c"), (1..=66).collect::<Vec<_>>(), "seed {seed}");
        }
    }
}
