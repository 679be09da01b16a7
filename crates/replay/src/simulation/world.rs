//! One seeded run: who runs where, in which order, and what is done to them.

mod faults;

use super::cluster::{Cluster, TopicPartition};
use super::instance::Instance;
use super::member::{Member, Moment};
use super::profile::{Fault, Profile};
use super::roles::{Layout, Role, Shape};
use super::schedule::{Action, Scheduled};
use super::traffic::{self, Produced};
use baton_records::{Id, Timestamp};
use baton_stream::{Counted, Output, Topic};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

/// When the run begins; any time would do.
pub const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// How long traffic and faults last.
pub const LIVE: Duration = Duration::from_secs(240);
/// How long everything may take to settle afterwards.
pub const DRAIN: Duration = Duration::from_secs(200);
/// `transaction.timeout.ms` of the tasks' producers.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);
/// A run that takes more steps than this has a task that never comes to rest.
const MOST_STEPS: u64 = 5_000_000;

struct Host {
    role: Role,
    member: Member,
    instance: usize,
    generation: u64,
    slow: Duration,
    next_poll: Option<Timestamp>,
    /// Where its last transaction was left open.
    left_open: Vec<TopicPartition>,
}

/// A revision or a decision as it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The record.
    pub output: Output,
    /// Its partition.
    pub partition: i32,
    /// When its transaction ended.
    pub written: Timestamp,
    /// In which layout.
    pub layout: Layout,
}

/// A cluster, the tasks on it, and the scheduler.
pub struct World {
    /// Partitions, changelogs, offsets.
    pub cluster: Cluster,
    /// What a run is like.
    pub profile: Profile,
    /// All that was committed to handoffs and decisions, in order.
    pub committed: Vec<Committed>,
    /// Why tasks stopped; none should.
    pub broken: Vec<String>,
    /// Spans in which something was done to the tasks.
    pub disturbed: Vec<(Timestamp, Timestamp)>,
    /// How often each fault happened.
    pub faults: BTreeMap<Fault, u32>,
    /// Which layout runs.
    pub layout: Layout,
    /// The source that was taken out of the configuration.
    pub dropped: Option<TopicPartition>,
    /// Sources that could not be read for too long, and when they were passed over.
    pub passed_over: Vec<(TopicPartition, Timestamp)>,
    /// Since when *assign* ran, and until when.
    pub assign_up: Vec<(Timestamp, Option<Timestamp>)>,
    pub(super) rng: StdRng,
    pub(super) now: Timestamp,
    pub(super) offers_until: Timestamp,
    shape: Shape,
    hosts: Vec<Host>,
    instances: Vec<Instance>,
    all_down: bool,
    queue: BinaryHeap<Scheduled>,
    scheduled: u64,
}

impl World {
    /// Makes a world.
    pub fn new(seed: u64, profile: Profile, policy: &str) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let shape = Shape::default();
        let mut cluster = Cluster::default();
        for (topic, partitions) in shape.topics() {
            cluster.create(topic, partitions);
        }
        let name = |(topic, p): &TopicPartition| Id::from(format!("{}/{p}", topic.suffix()));
        cluster.set_sources(shape.sources().iter().map(name).collect());
        let instances = (0..2).map(|_| Instance::new(&mut rng, if profile.orderly { 0 } else { 50 })).collect();
        let hosts = Role::all(&shape)
            .into_iter()
            .map(|role| Host {
                member: Member::new(role.assignment()),
                role,
                instance: rng.random_range(0..2),
                generation: 0,
                slow: Duration::ZERO,
                next_poll: None,
                left_open: Vec::new(),
            })
            .collect();
        let layout = if rng.random_bool(0.5) { Layout::One } else { Layout::Four };
        let mut world = Self {
            cluster,
            profile,
            committed: Vec::new(),
            broken: Vec::new(),
            disturbed: Vec::new(),
            faults: BTreeMap::new(),
            layout,
            dropped: None,
            passed_over: Vec::new(),
            assign_up: Vec::new(),
            rng,
            now: START,
            offers_until: START.plus(LIVE),
            shape,
            hosts,
            instances,
            all_down: false,
            queue: BinaryHeap::new(),
            scheduled: 0,
        };
        world.plan(policy);
        world
    }

    /// Runs to the end.
    pub fn run(&mut self) {
        let mut steps = 0_u64;
        while let Some(Scheduled { at, action, .. }) = self.queue.pop() {
            steps += 1;
            if at > self.offers_until.plus(DRAIN) {
                break;
            }
            if steps > MOST_STEPS {
                self.broken.push(format!("more than {MOST_STEPS} steps: some task never comes to rest"));
                break;
            }
            self.now = self.now.max(at);
            self.act(action);
        }
    }

    /// Returns the tasks that have not read what was written half a minute ago.
    pub fn undrained(&self) -> Vec<String> {
        let by = self.now.minus(Duration::from_secs(30));
        let active = self.hosts.iter().filter(|h| h.role.runs_in(self.layout) && !self.is_dropped(&h.role));
        active.filter(|h| !h.member.has_read(&self.cluster, by)).map(|h| format!("{:?}", h.role)).collect()
    }

    fn is_dropped(&self, role: &Role) -> bool {
        matches!((role, &self.dropped), (Role::Intake(topic, p), Some(gone)) if *topic == gone.0 && *p == gone.1)
    }

    pub(super) fn produce_at(&mut self, at: Timestamp, produced: Produced) {
        self.schedule(at, Action::Produce(Box::new(produced)));
    }

    fn plan(&mut self, policy: &str) {
        for host in 0..self.hosts.len() {
            self.schedule(START, Action::Start(host));
        }
        traffic::plan(self, policy);
        let faults = self.profile.draw(&mut self.rng);
        for fault in faults {
            let least = START.plus(Duration::from_secs(30)).millis();
            let most = START.plus(LIVE - Duration::from_secs(20)).millis();
            let at = Timestamp::from_millis(self.rng.random_range(least..most));
            let length = self.profile.length(fault, &mut self.rng);
            self.offers_until = self.offers_until.max(at.plus(length));
            self.schedule(at, Action::Fault(fault, length));
        }
    }

    fn schedule(&mut self, at: Timestamp, action: Action) {
        self.scheduled += 1;
        self.queue.push(Scheduled { at: at.max(self.now), order: self.scheduled, action });
    }

    fn after(&self, millis: u64) -> Timestamp {
        self.now.plus(Duration::from_millis(millis))
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Poll(host, generation) => self.poll(host, generation),
            Action::Commit(host, generation) => self.commit(host, generation),
            Action::Produce(produced) => self.produce(*produced),
            Action::Fault(fault, length) => self.fault(fault, length),
            Action::Start(host) => self.start(host),
            Action::AtSpeed(host) => self.hosts[host].slow = Duration::ZERO,
            Action::Table(instance, lag) => {
                self.instances[instance].set_lag(lag);
            }
            Action::Again => {
                self.all_down = false;
                (0..self.hosts.len()).for_each(|host| self.start(host));
            }
            Action::Readers(at) => self.wake_readers(&at),
        }
    }

    fn wake(&mut self, host: usize, at: Timestamp) {
        let at = at.max(self.after(1));
        let one = &mut self.hosts[host];
        if one.member.is_running() && one.next_poll.is_none_or(|next| at < next) {
            one.next_poll = Some(at);
            let generation = one.generation;
            self.schedule(at, Action::Poll(host, generation));
        }
    }

    fn wake_readers(&mut self, at: &TopicPartition) {
        let soon = self.after(2);
        for host in 0..self.hosts.len() {
            if self.hosts[host].member.assignment().inputs.contains(at) {
                self.wake(host, soon);
            }
        }
    }

    fn poll(&mut self, index: usize, generation: u64) {
        let now = self.now;
        let host = &mut self.hosts[index];
        if host.generation != generation || host.next_poll.is_none_or(|next| next > now) {
            return;
        }
        host.next_poll = None;
        // The end of its transaction polls again.
        if host.member.is_busy() {
            return;
        }
        let instance = &mut self.instances[host.instance];
        instance.refresh(&self.cluster, now);
        let clock = instance.clock(now);
        match host.member.begin(&self.cluster, Moment { now, clock }, &mut self.rng) {
            Err(broken) => {
                self.broken.push(format!("{:?}: {broken}", host.role));
                host.member.stop();
            }
            Ok(true) => {
                let millis = if self.rng.random_bool(0.85) { 5..25 } else { 25..100 };
                let at = now.plus(Duration::from_millis(self.rng.random_range(millis))).plus(host.slow);
                self.schedule(at, Action::Commit(index, generation));
            }
            Ok(false) => {
                if let Some(wake) = host.member.wake_at() {
                    let at = instance.true_time(wake);
                    self.wake(index, at);
                }
            }
        }
    }

    fn commit(&mut self, index: usize, generation: u64) {
        let host = &mut self.hosts[index];
        if host.generation != generation {
            return;
        }
        let counted = host.member.counted.len();
        let Some(transaction) = host.member.finish() else { return };
        let passed_over = host.member.counted.iter().skip(counted).filter(|c| **c == Counted::PassedOver);
        self.passed_over.extend(passed_over.map(|_| (host.member.assignment().inputs[0].clone(), self.now)));
        let mut seen = Vec::new();
        for output in &transaction.outputs {
            if matches!(output.topic, Topic::Handoffs | Topic::Decisions) {
                let partition = self.cluster.partition_of(output).1;
                let (written, layout) = (self.now, self.layout);
                seen.push(Committed { output: output.clone(), partition, written, layout });
            }
        }
        let assignment = host.member.assignment().clone();
        let touched = self.cluster.commit(&assignment.group, &assignment.scope, transaction, self.now);
        for at in touched {
            self.wake_readers(&at);
        }
        for committed in seen {
            traffic::answer(self, &committed);
            self.committed.push(committed);
        }
        let soon = self.after(1);
        self.wake(index, soon);
    }

    fn produce(&mut self, produced: Produced) {
        let at = (produced.output.topic.clone(), produced.output.partition.unwrap_or(0));
        if !self.cluster.is_readable(&at, self.now) && self.profile.leaderless {
            let millis = self.rng.random_range(50..1_000);
            let later = self.after(millis);
            return self.schedule(later, Action::Produce(Box::new(produced)));
        }
        let transaction = super::Transaction { outputs: vec![produced.output], ..super::Transaction::default() };
        for touched in self.cluster.commit("", "", transaction, self.now) {
            self.wake_readers(&touched);
        }
    }

    fn start(&mut self, index: usize) {
        let dropped = self.is_dropped(&self.hosts[index].role);
        let host = &mut self.hosts[index];
        if self.all_down || dropped || host.member.is_running() || !host.role.runs_in(self.layout) {
            return;
        }
        // A producer with the same transactional id aborts what the dead one left open.
        for at in std::mem::take(&mut host.left_open) {
            if let Some(partition) = self.cluster.partition_mut(&at) {
                partition.show();
            }
        }
        let instance = &mut self.instances[host.instance];
        // Global tables are read to their end before a task runs.
        let lag = instance.set_lag(Duration::ZERO);
        instance.refresh(&self.cluster, self.now);
        instance.set_lag(lag);
        let task = host.role.build(&self.shape, instance.directory());
        if let Err(broken) = host.member.start(task, &self.cluster, instance.clock(self.now)) {
            self.broken.push(format!("{:?}: {broken}", host.role));
        }
        if host.role == Role::Assign {
            self.assign_up.push((self.now, None));
        }
        host.generation += 1;
        host.next_poll = None;
        let soon = self.after(1);
        self.wake(index, soon);
    }

    fn stop(&mut self, index: usize, kill: bool) {
        let until = self.now.plus(TRANSACTION_TIMEOUT);
        let host = &mut self.hosts[index];
        if let Some((_, end @ None)) = self.assign_up.last_mut().filter(|_| host.role == Role::Assign) {
            *end = Some(self.now);
        }
        host.generation += 1;
        let Some(transaction) = host.member.stop().filter(|_| kill) else { return };
        let open: BTreeSet<_> = transaction.outputs.iter().map(|o| self.cluster.partition_of(o)).collect();
        host.left_open = open.into_iter().collect();
        for at in host.left_open.clone() {
            if let Some(partition) = self.cluster.partition_mut(&at) {
                partition.hide(self.now, until);
            }
            self.schedule(until, Action::Readers(at));
        }
    }
}
