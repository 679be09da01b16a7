//! Plays the stories: an embedded broker, a Baton for each company, traffic in, handoffs out.

use super::company::{COMPANIES, Company};
use super::desk::Desk;
use super::story::{self, Pace, Planned, Story};
use super::summary::Summary;
use anyhow::{Context as _, bail};
use baton_policy::Policy;
use baton_records::{Decision, Handoff, Timestamp};
use baton_runtime::tools::StoredRecord;
use baton_runtime::topics::TopicPlan;
use baton_runtime::{Config, EmbeddedBroker, Instance, Shared, Tail, Writer, clock};
use baton_service::topology::{Plan, one_process};
use baton_service::{Interrupt, policies};
use baton_stream::Topic;
use baton_telemetry::{Health, Metrics};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const PARTITIONS: i32 = 2;
/// How long to wait for the processors.
const LIMIT: Duration = Duration::from_secs(30);
/// How long to wait for the next record of a topic that is watched.
const LOOK: Duration = Duration::from_millis(10);

/// What is shown of a revision: whose it is, the revision, and how long it took.
pub type Show<'s> = &'s mut dyn FnMut(&'static Company, &Handoff, Option<Duration>) -> anyhow::Result<()>;

/// The running demo.
pub struct Stage {
    // Fields are dropped in order: clients before the broker.
    cast: Vec<Member>,
    tail: Tail,
    writer: Writer,
    agenda: BTreeMap<(Timestamp, u64), (usize, Planned)>,
    planned: u64,
    pace: Pace,
    summary: Summary,
    _broker: EmbeddedBroker,
}

/// A company with its Baton.
struct Member {
    company: &'static Company,
    story: Story,
    desk: Desk,
    instance: Instance,
}

impl Stage {
    /// Starts the broker and all processors, and waits until they are ready.
    ///
    /// # Errors
    /// When something cannot start, or the user does not want to wait.
    pub fn open(length: Duration, interrupt: &Interrupt) -> anyhow::Result<Self> {
        let broker = EmbeddedBroker::start()?;
        let address = broker.address()?;
        let plan = TopicPlan { partitions: PARTITIONS, ..TopicPlan::default() };
        let any = COMPANIES[0].config(&address);
        let writer = Writer::open(&any)?;
        let mut stories = Vec::new();
        let mut watched = Vec::new();
        for company in &COMPANIES {
            let config = company.config(&address);
            broker.create_topics(&config, &plan)?;
            activate(company, &address)?;
            let story = Story::read(company)?;
            for planned in story.setting(clock::now())? {
                write(&writer, &planned, clock::now())?;
            }
            watched.extend([Topic::Handoffs, Topic::Decisions, Topic::DeadLetters].map(|topic| config.topic(&topic)));
            stories.push((company, story));
        }
        writer.flush()?;
        let mut cast = Vec::new();
        for (company, story) in stories {
            cast.push(Member::start(company, story, &address)?);
        }
        let tail = Tail::open(&any, &watched)?;
        let pace = Pace { start: clock::now(), length };
        let summary = Summary::default();
        let stage = Self { cast, tail, writer, agenda: BTreeMap::new(), planned: 0, pace, summary, _broker: broker };
        stage.await_accounts(&any, interrupt)?;
        Ok(stage)
    }

    /// Waits until the processors run and every account stands in its log: what happens to it comes after it.
    fn await_accounts(&self, config: &Config, interrupt: &Interrupt) -> anyhow::Result<()> {
        let logs: Vec<_> = COMPANIES.iter().map(|company| Topic::Interactions.name(company.prefix)).collect();
        let mut tail = Tail::open(config, &logs)?;
        let of = |m: &Member| m.story.accounts().map(|account| account.as_bytes().to_vec()).collect::<Vec<_>>();
        let mut missing: BTreeSet<Vec<u8>> = self.cast.iter().flat_map(of).collect();
        let limit = clock::now().plus(LIMIT);
        while !missing.is_empty() || !self.cast.iter().all(|member| member.instance.is_ready()) {
            self.is_whole()?;
            if interrupt.came() {
                bail!("ended before the processors were ready");
            }
            if clock::now() > limit {
                bail!("the processors were not ready within 30 s; look for what else this machine does");
            }
            if let Some(key) = tail.next(LOOK)?.and_then(|record| record.key) {
                missing.remove(&key);
            }
        }
        Ok(())
    }

    fn is_whole(&self) -> anyhow::Result<()> {
        match self.cast.iter().find_map(|m| Some((m.company, m.instance.shared().broken()?))) {
            Some((company, why)) => bail!("the processors of {} stopped: {why}", company.prefix),
            None => Ok(()),
        }
    }

    /// Plays all stories until their end or the user's.
    ///
    /// # Errors
    /// When a processor stops, or `show` fails.
    pub fn play(&mut self, interrupt: &Interrupt, show: Show<'_>) -> anyhow::Result<()> {
        self.pace.start = clock::now();
        for (number, member) in self.cast.iter().enumerate() {
            let events = member.story.events(&self.pace)?;
            plan(&mut self.agenda, &mut self.planned, number, events);
        }
        for planned in story::chatter(&COMPANIES, &self.pace)? {
            let number = COMPANIES.iter().position(|company| planned.topic == company.topic("chat"));
            plan(&mut self.agenda, &mut self.planned, number.unwrap_or(0), vec![planned]);
        }
        let end = self.pace.start.plus(self.pace.length);
        while clock::now() < end && !interrupt.came() {
            self.is_whole()?;
            self.write_due()?;
            if let Some(record) = self.tail.next(LOOK)? {
                self.take(&record, show)?;
            }
        }
        Ok(())
    }

    fn write_due(&mut self) -> anyhow::Result<()> {
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= clock::now()) {
            let (number, planned) = entry.remove();
            let now = clock::now();
            write(&self.writer, &planned, now)?;
            let company = self.cast.get(number).map_or("", |member| member.company.prefix);
            self.summary.sent(company, planned.event_id.as_ref(), now, planned.history_of.is_some());
        }
        Ok(())
    }

    fn take(&mut self, record: &StoredRecord, show: Show<'_>) -> anyhow::Result<()> {
        let Some((prefix, topic)) = record.topic.split_once('.') else { return Ok(()) };
        let Some(number) = self.cast.iter().position(|member| member.company.prefix == prefix) else { return Ok(()) };
        let Some(member) = self.cast.get_mut(number) else { return Ok(()) };
        let value = record.value.as_deref().unwrap_or_default();
        let now = clock::now();
        if topic == Topic::Handoffs.suffix() {
            let handoff: Handoff = serde_json::from_slice(value).context("a handoff cannot be read")?;
            let took = self.summary.handoff(prefix_of(member), &handoff, now);
            show(member.company, &handoff, took)?;
            let work = member.desk.work(&handoff, now, self.pace.beat());
            plan(&mut self.agenda, &mut self.planned, number, work);
        } else if topic == Topic::Decisions.suffix() {
            let decision: Decision = serde_json::from_slice(value).context("a decision cannot be read")?;
            self.summary.decision(&decision);
        } else {
            let reason = record.headers.iter().find(|header| header.name == "reason");
            self.summary.dead_letter(&String::from_utf8_lossy(reason.map_or(b"", |header| &header.value)));
        }
        Ok(())
    }

    /// Stops all processors, and returns what was counted.
    ///
    /// # Errors
    /// Why one of them had to stop.
    pub fn close(self) -> anyhow::Result<Summary> {
        let Self { cast, summary, .. } = self;
        // All at once: each has groups to leave.
        for member in &cast {
            member.instance.shared().stop.store(true, Ordering::Relaxed);
        }
        for member in cast {
            let company = member.company.prefix;
            member.instance.stop().map_err(|why| anyhow::anyhow!("the processors of {company} stopped: {why}"))?;
        }
        Ok(summary)
    }
}

impl Member {
    fn start(company: &'static Company, story: Story, address: &str) -> anyhow::Result<Self> {
        let config = company.config(address);
        let topology = one_process(&Plan { sources: config.sources.clone(), live_from: None });
        let shared = Arc::new(Shared::new(Metrics::new()?, Health::new()));
        let instance = Instance::start(config, topology, shared)?;
        let desk = Desk::new(company, story.agents());
        Ok(Self { company, story, desk, instance })
    }
}

const fn prefix_of(member: &Member) -> &'static str {
    member.company.prefix
}

fn activate(company: &Company, address: &str) -> anyhow::Result<()> {
    let policy = Policy::parse(company.policy)
        .map_err(|problems| anyhow::anyhow!("the policy {} has {} problems", company.prefix, problems.len()))?;
    policies::activate_text(&company.config(address), &policy, company.policy.to_owned())?;
    Ok(())
}

fn plan(
    agenda: &mut BTreeMap<(Timestamp, u64), (usize, Planned)>,
    planned: &mut u64,
    number: usize,
    records: Vec<Planned>,
) {
    for record in records {
        agenda.insert((record.due, *planned), (number, record));
        *planned += 1;
    }
}

fn write(writer: &Writer, planned: &Planned, now: Timestamp) -> anyhow::Result<()> {
    writer.send(&planned.topic, &planned.key, planned.value.as_bytes(), Some(now))?;
    Ok(())
}
