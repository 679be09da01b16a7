//! The driver that a command line uses.

use crate::log::LogReplay;
use crate::source::SourceReplay;
use crate::topics::{emitted_topic, input_topic};
use crate::{LineProblem, ReplayLine};
use baton_policy::Policy;
use baton_records::{Id, Timestamp};
use baton_stream::{Broken, Output, Topic};
use std::collections::BTreeSet;

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of the file, from 0; records name it as their partition.
    pub file: i32,
    /// Number of the line, from 1; records name it as their offset.
    pub line: i64,
}

/// How to replay.
#[derive(Debug, Clone)]
pub struct Options {
    /// What stands before the names of Baton's topics.
    pub prefix: Id,
    /// The text of the policy that is in force from the start, in place of any that the records bring.
    pub policy: Option<Id>,
    /// Names of the topics to give out.
    pub emit: Vec<Id>,
    /// Records after this are not read, deadlines up to it fire; none: the clock stops at the last record.
    pub until: Option<Timestamp>,
    /// Source records older than this are history.
    pub live_from: Option<Timestamp>,
}

impl Default for Options {
    fn default() -> Self {
        let (prefix, emit) = (Id::new_static("baton"), vec![Id::new_static("baton.handoffs")]);
        Self { prefix, policy: None, emit, until: None, live_from: None }
    }
}

/// A replay cannot go on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReplayError {
    /// The policy is wrong.
    #[error("the policy cannot be used: {0}; check it with `baton policy check`")]
    Policy(String),
    /// Nothing says what to decide by.
    #[error("{place}: no policy is in force; give --policy, or put a record of {prefix}.policies first", place = at(.place))]
    NoPolicy {
        /// The line.
        place: Place,
        /// What stands before the names of Baton's topics.
        prefix: Id,
    },
    /// No topic of that name is written.
    #[error(
        "topic {0}: a replay does not write it; it writes interactions, contexts, signals, handoffs, decisions and dead-letters"
    )]
    Emit(Id),
    /// A topic has no place in the file.
    #[error("{place}: topic {topic} is written by Baton; leave its records out of the file", place = at(.place))]
    OutputTopic {
        /// The line.
        place: Place,
        /// The topic.
        topic: Id,
    },
    /// The log and records of sources stand in one replay.
    #[error("{place}: the log and records of sources cannot be replayed together; take one file for each", place = at(.place))]
    Mixed {
        /// The line.
        place: Place,
    },
    /// A record of the log cannot be read.
    #[error("{place}: not a record of the log: {why}", place = at(.place))]
    Log {
        /// The line.
        place: Place,
        /// Why.
        why: String,
    },
    /// The line is no record.
    #[error("{place}: {problem}", place = at(.place))]
    Line {
        /// The line.
        place: Place,
        /// What is wrong.
        problem: LineProblem,
    },
    /// A stage stopped.
    #[error(transparent)]
    Broken(#[from] Broken),
}

fn at(place: &Place) -> String {
    if place.file == 0 {
        format!("line {}", place.line)
    } else {
        format!("file {} line {}", place.file + 1, place.line)
    }
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It was replayed.
    Taken,
    /// It lies after `until`: it was not read.
    AfterUntil,
}

enum Mode {
    Nothing,
    Source(Box<SourceReplay>),
    Log(Box<LogReplay>),
}

/// Replays records, in the order in which they are pushed.
pub struct Replay {
    options: Options,
    emit: BTreeSet<Topic>,
    mode: Mode,
}

impl Replay {
    /// Makes a replay.
    ///
    /// # Errors
    /// [`ReplayError::Policy`] and [`ReplayError::Emit`] when the options are wrong.
    pub fn new(options: Options) -> Result<Self, ReplayError> {
        if let Some(text) = &options.policy {
            Policy::parse(text).map_err(|problems| {
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                ReplayError::Policy(problems.join("\n"))
            })?;
        }
        let topic = |name: &Id| emitted_topic(&options.prefix, name).ok_or_else(|| ReplayError::Emit(name.clone()));
        let emit = options.emit.iter().map(topic).collect::<Result<_, _>>()?;
        Ok(Self { options, emit, mode: Mode::Nothing })
    }

    /// Replays one record; what comes of it goes to `sink`, in order.
    ///
    /// # Errors
    /// [`ReplayError`] when the record has no place in this replay, or a stage stops.
    pub fn push(
        &mut self,
        place: Place,
        line: &ReplayLine,
        sink: &mut dyn FnMut(ReplayLine),
    ) -> Result<Pushed, ReplayError> {
        let topic = input_topic(&self.options.prefix, &line.topic)
            .ok_or_else(|| ReplayError::OutputTopic { place, topic: line.topic.clone() })?;
        if matches!(self.mode, Mode::Nothing) {
            self.mode = if topic == Topic::Interactions {
                Mode::Log(Box::new(LogReplay::new(&self.options)?))
            } else {
                Mode::Source(Box::new(SourceReplay::new(&self.options)?))
            };
        }
        let mut emit = emitter(&self.emit, &self.options.prefix, sink);
        match (&mut self.mode, topic) {
            (Mode::Log(log), Topic::Interactions) => log.push(place, line, &mut emit),
            (Mode::Source(source), topic) if topic != Topic::Interactions => source.push(place, topic, line, &mut emit),
            _ => Err(ReplayError::Mixed { place }),
        }
    }

    /// Ends the replay: the clock goes on to `until`, and what waited for a later moment is written.
    ///
    /// # Errors
    /// [`ReplayError::Broken`] when a stage stops.
    pub fn finish(&mut self, sink: &mut dyn FnMut(ReplayLine)) -> Result<(), ReplayError> {
        let mut emit = emitter(&self.emit, &self.options.prefix, sink);
        match &mut self.mode {
            Mode::Nothing => Ok(()),
            Mode::Log(log) => log.finish(&mut emit),
            Mode::Source(source) => source.finish(&mut emit),
        }
    }
}

/// Gives on what was asked for, marks left out.
fn emitter<'a>(
    emit: &'a BTreeSet<Topic>,
    prefix: &'a str,
    sink: &'a mut dyn FnMut(ReplayLine),
) -> impl FnMut(Output, Timestamp) + use<'a> {
    move |output, clock| {
        if emit.contains(&output.topic) && !output.headers.iter().any(|h| h.name == "baton-mark") {
            sink(ReplayLine {
                topic: Id::from(output.topic.name(prefix)),
                partition: None,
                key: output.key,
                timestamp: output.timestamp.unwrap_or(clock),
                value: output.value,
                headers: output.headers,
            });
        }
    }
}
