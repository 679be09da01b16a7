//! What one event costs on its way through *intake* and the account task, with their changelogs, without Kafka.
//!
//! `cargo bench -p baton-pipeline`. The traffic has the mix of the side-by-side benchmark: few accounts have most of it.

use baton_pipeline::{AccountConfig, AccountTask};
use baton_records::{Id, LowWater, Timestamp};
use baton_stream::{Broken, Changelog, Input, Outbox, Output, Progress, Task, Topic, wire};
use context_unifier::{Directory, IntakeConfig, IntakeTask};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

const POLICY: &str = include_str!("../../../benches/policy-bench.yaml");
const ACCOUNTS: f64 = 20_000.0;
/// Events between two commits.
const COMMIT: u64 = 2_000;
/// Events that the state is made of before anything is measured.
const WARM_UP: u64 = 100_000;
/// The clock of the benchmark at its start.
const BEGIN: i64 = 1_793_000_000_000;

const WORDS: &str = "account address again agent api before between batch browser button calendar change channel check \
    column company contract customer dashboard data date delivery department device document email the a our we have is \
    employee evening export field file filter format gateway group import integration invoice item for to with of on in \
    letter list machine manual meeting member menu message minute model module monday month morning and this thanks good";
const COMPLAINTS: &str =
    "terrible awful broken angry useless frustrated disappointed unacceptable worst horrible annoyed";

/// Makes events of the benchmark's mix.
struct Traffic {
    rng: StdRng,
    words: Vec<&'static str>,
    complaints: Vec<&'static str>,
    made: u64,
}

impl Traffic {
    fn new() -> Self {
        let (words, complaints) = (WORDS.split(' ').collect(), COMPLAINTS.split(' ').collect());
        Self { rng: StdRng::seed_from_u64(7), words, complaints, made: 0 }
    }

    /// Makes the next event: key and value.
    fn next(&mut self) -> (String, String) {
        // As often as Zipf's law with an exponent of one has it.
        let account = ACCOUNTS.powf(self.rng.random::<f64>()) as u32 - 1;
        let of = format!("acct-{account:05}");
        let by_email = self.rng.random_range(0..100) < 30;
        let key = if by_email { format!("pat@{of}.example") } else { of.clone() };
        let at = Timestamp::from_millis(BEGIN - 86_400_000 + self.made.cast_signed());
        let mut value = String::new();
        let _ = write!(value, r#"{{"event_id":"b-{}-1793021234567890","occurred_at":"{at}","#, self.made);
        let _ = match by_email {
            true => write!(value, r#""identities":{{"email":"{key}"}},"#),
            false => write!(value, r#""account_id":"{key}","#),
        };
        let _ = write!(value, r#""contact_id":"c-{account}-{}","#, self.rng.random_range(0..3));
        self.body(account, &mut value);
        value.push('}');
        self.made += 1;
        (key, value)
    }

    fn body(&mut self, account: u32, value: &mut String) {
        let mut number = |below: u32| self.rng.random_range(0..below);
        let _ = match number(100) {
            0..45 => {
                let conversation = number(4);
                let strong = if number(100) == 0 { "line down, production halt, ASAP " } else { "" };
                let text = self.words();
                write!(
                    value,
                    r#""channel":"chat","type":"message","actor":"customer","conversation_id":"conv-{account}-{conversation}","text":"{strong}{text}""#
                )
            }
            45..60 => {
                let (conversation, confidence) = (number(4), number(100));
                write!(
                    value,
                    r#""channel":"chat","type":"message","actor":"ai_agent","conversation_id":"conv-{account}-{conversation}","text":"please check the panel of your device","ai":{{"confidence":0.{confidence},"domain":"billing"}}"#
                )
            }
            60..75 => {
                write!(value, r#""channel":"usage","type":"feature.used","attributes":{{"feature":"f{}"}}"#, number(7))
            }
            75..85 => {
                write!(
                    value,
                    r#""channel":"billing","type":"payment","amount":"{}.00","currency":"USD""#,
                    100 + number(50)
                )
            }
            85..95 => write!(
                value,
                r#""channel":"usage","type":"metric","subject":"api.latency","value":{}.5"#,
                90 + number(20)
            ),
            _ => value
                .write_str(r#""channel":"email","type":"ticket.opened","actor":"customer","text":"the export stands""#),
        };
    }

    fn words(&mut self) -> String {
        let count = self.rng.random_range(8..=30);
        let complaint = self.rng.random_range(0..100) < 5;
        let mut text = String::new();
        for nth in 0..count {
            let list = if complaint && nth % 3 == 0 { &self.complaints } else { &self.words };
            if nth > 0 {
                text.push(' ');
            }
            text.push_str(list.choose(&mut self.rng).unwrap_or(&""));
        }
        text
    }
}

/// The two tasks that a source's event goes through in one process.
struct Way {
    directory: Arc<RwLock<Directory>>,
    intake: IntakeTask,
    accounts: IntakeTask,
    account: AccountTask,
    changelogs: [Changelog; 2],
    out: Outbox,
    /// Events given to *intake*.
    taken: u64,
    /// Records that it passed on, those of accounts included.
    passed: u64,
    /// Bytes written.
    written: u64,
}

impl Way {
    fn new() -> Result<Self, Broken> {
        let directory = Arc::new(RwLock::new(Directory::default()));
        let intake = |topic: Topic| IntakeConfig {
            topic,
            partition: 0,
            account_partitions: 1,
            pool_partitions: 1,
            live_from: Some(Timestamp::MIN),
            processor: "context-unifier",
        };
        let account = AccountConfig {
            partition: 0,
            account_partitions: 1,
            pool_partitions: 1,
            clock_every: Duration::from_millis(500),
        };
        let mut way = Self {
            intake: IntakeTask::new(intake(Topic::Source(Id::new_static("bench"))), Arc::clone(&directory)),
            accounts: IntakeTask::new(intake(Topic::Accounts), Arc::clone(&directory)),
            account: AccountTask::new(account, Arc::clone(&directory)),
            directory,
            changelogs: Default::default(),
            out: Outbox::default(),
            taken: 0,
            passed: 0,
            written: 0,
        };
        way.tell(Topic::Policies, "bench@1", POLICY);
        for account in 0..ACCOUNTS as u32 {
            let of = format!("acct-{account:05}");
            let record =
                format!(r#"{{"account_id":"{of}","tier":"standard","identities":{{"email":"pat@{of}.example"}}}}"#);
            way.tell(Topic::Accounts, &of, &record);
            way.account_record(&of, &record)?;
        }
        Ok(way)
    }

    fn clock(&self) -> Timestamp {
        Timestamp::from_millis(BEGIN + self.taken.cast_signed() / 20)
    }

    /// Tells the directory, which the instance's tables do before anything is taken.
    fn tell(&mut self, topic: Topic, key: &str, value: &str) {
        let input = input(&topic, self.clock(), Some(key.as_bytes()), Some(value.as_bytes()), &[]);
        self.directory.write().unwrap_or_else(PoisonError::into_inner).apply(input);
    }

    fn account_record(&mut self, key: &str, value: &str) -> Result<(), Broken> {
        let clock = self.clock();
        let record = input(&Topic::Accounts, clock, Some(key.as_bytes()), Some(value.as_bytes()), &[]);
        self.accounts.process(record, clock, &mut self.out)?;
        self.pass_on()
    }

    /// Takes one event, and commits now and then.
    fn event(&mut self, (key, value): &(String, String)) -> Result<(), Broken> {
        let clock = self.clock();
        let topic = Topic::Source(Id::new_static("bench"));
        let record = input(&topic, clock, Some(key.as_bytes()), Some(value.as_bytes()), &[]);
        self.intake.process(record, clock, &mut self.out)?;
        self.pass_on()?;
        self.taken += 1;
        if self.taken.is_multiple_of(COMMIT) { self.commit() } else { Ok(()) }
    }

    fn pass_on(&mut self) -> Result<(), Broken> {
        for record in std::mem::take(&mut self.out.records) {
            if record.topic == Topic::AccountRepartition {
                self.passed += 1;
                self.take(&record)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, record: &Output) -> Result<(), Broken> {
        let clock = self.clock();
        let record = input(&record.topic, clock, record.key.as_deref(), record.value.as_deref(), &record.headers);
        self.account.process(record, clock, &mut self.out)?;
        self.write();
        Ok(())
    }

    /// What a thread would give to its producer.
    fn write(&mut self) {
        self.out.counted.clear();
        for record in self.out.records.drain(..) {
            self.written += record.value.map_or(0, |value| value.len() as u64);
        }
    }

    /// Tells the account task that time passes, and writes both changelogs.
    fn commit(&mut self) -> Result<(), Broken> {
        let clock = self.clock();
        let marks = BTreeMap::from([(Id::new_static("bench/0"), clock.millis())]);
        let sources = Some(vec![Id::new_static("bench/0")]);
        self.take(&wire::low_water(&LowWater { epoch: 1, sources, marks }, 0))?;
        let progress = Progress { clock, unread: None, reached: Some(clock), heard: clock };
        self.account.punctuate(progress, &mut self.out)?;
        self.write();
        let [of_intake, of_account] = &mut self.changelogs;
        let written = &mut self.written;
        let mut sink = |_: u64, value: Option<&[u8]>| *written += value.map_or(0, |value| value.len() as u64);
        of_intake.write(&mut self.intake.stores(), clock, &mut sink);
        of_account.write(&mut self.account.stores(), clock, &mut sink);
        Ok(())
    }
}

fn input<'i>(
    topic: &'i Topic,
    timestamp: Timestamp,
    key: Option<&'i [u8]>,
    value: Option<&'i [u8]>,
    headers: &'i [baton_stream::Header],
) -> Input<'i> {
    Input { topic, partition: 0, offset: 0, timestamp, key, value, headers }
}

fn hot_path(c: &mut Criterion) {
    assert_eq!(measure(c), Ok(()));
}

fn measure(c: &mut Criterion) -> Result<(), Broken> {
    let (mut traffic, mut way) = (Traffic::new(), Way::new()?);
    (0..WARM_UP).try_for_each(|_| way.event(&traffic.next()))?;
    let mut group = c.benchmark_group("hot path");
    group.throughput(Throughput::Elements(1));
    group.measurement_time(Duration::from_secs(10));
    let mut stopped = Ok(());
    group.bench_function("event", |b| {
        b.iter_batched_ref(
            || traffic.next(),
            |event| {
                if let Err(broken) = way.event(event) {
                    stopped = Err(broken);
                }
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
    assert_eq!(way.passed, ACCOUNTS as u64 + way.taken, "an event did not go all the way");
    assert!(way.written > 500 * way.taken, "little came of the events: {} bytes of {}", way.written, way.taken);
    stopped
}

criterion_group!(benches, hot_path);
criterion_main!(benches);
