//! Finds what answers a question, record by record.

use super::file::{Logged, Record, Rejected};
use baton_records::{Decision, Handoff, Id, Timestamp};
use serde::Serialize;

/// So many fates of one event are kept; a file may repeat it without end.
const MAX_FATES: usize = 100;

/// What is asked for.
#[derive(Debug)]
pub enum Question {
    /// A handoff or an event.
    Id(Id),
    /// An account.
    Account {
        /// Which.
        account: Id,
        /// Only this conversation.
        conversation: Option<Id>,
        /// From when on.
        from: Timestamp,
        /// Until when.
        to: Timestamp,
    },
}

/// What became of an event without a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fate {
    /// The event.
    pub event_id: Id,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// The kinds of fates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "fate")]
pub enum What {
    /// Its id was seen before.
    Duplicate {
        /// The account.
        account_id: Id,
        /// When the repeat arrived.
        at: Timestamp,
    },
    /// It was ignored for another reason.
    Ignored {
        /// Which.
        reason: Id,
        /// The account.
        account_id: Id,
        /// When it arrived.
        at: Timestamp,
    },
    /// It is too old for rules.
    History {
        /// The account.
        account_id: Id,
        /// When it arrived.
        at: Timestamp,
    },
    /// It stands in the log, and neither a rule nor a detector looks at it.
    Applied {
        /// The account.
        account_id: Id,
        /// When it arrived.
        at: Timestamp,
    },
    /// It was not taken.
    DeadLetter {
        /// Why.
        reason: Id,
        /// The field at fault.
        #[serde(skip_serializing_if = "Option::is_none")]
        field: Option<Id>,
        /// The topic that it came from.
        topic: Id,
        /// The partition.
        partition: Id,
        /// The offset.
        offset: Id,
    },
    /// It stands in a source and nowhere else: it waits for an account record.
    Waiting {
        /// The source.
        topic: Id,
    },
}

/// A search under way.
#[derive(Debug)]
pub struct Search {
    question: Question,
    decisions: u64,
    seen_in: Option<Id>,
    fates: Vec<Fate>,
    handoff: Option<Box<Handoff>>,
}

/// What was found beside the decisions.
#[derive(Debug)]
pub struct Found {
    question: Question,
    decisions: u64,
    /// What became of the event.
    pub fates: Vec<Fate>,
    /// The newest revision of the handoff.
    pub handoff: Option<Box<Handoff>>,
}

impl Search {
    /// Starts one.
    pub const fn new(question: Question) -> Self {
        Self { question, decisions: 0, seen_in: None, fates: Vec::new(), handoff: None }
    }

    /// Takes a record; gives it back when it is a decision that answers the question.
    pub fn take(&mut self, record: Record) -> Option<Box<Decision>> {
        match record {
            Record::Decision(decision) if self.question.is_answered_by(&decision) => {
                self.decisions += 1;
                return Some(decision);
            }
            Record::Handoff(handoff) if self.question.is_about(&handoff.handoff_id) => {
                if self.handoff.as_ref().is_none_or(|old| old.revision < handoff.revision) {
                    self.handoff = Some(handoff);
                }
            }
            Record::Logged(logged) if self.question.is_about(&logged.event_id) => self.keep(of_log(logged)),
            Record::DeadLetter(letter) => {
                if let Some(fate) = of_dead_letter(letter).filter(|fate| self.question.is_about(&fate.event_id)) {
                    self.keep(fate);
                }
            }
            Record::Source(sighting) if self.question.is_about(&sighting.event_id) => {
                self.seen_in.get_or_insert(sighting.topic);
            }
            Record::Decision(_) | Record::Handoff(_) | Record::Logged(_) | Record::Source(_) | Record::Other => {}
        }
        None
    }

    fn keep(&mut self, fate: Fate) {
        if self.fates.len() < MAX_FATES {
            self.fates.push(fate);
        }
    }

    /// Ends it.
    pub fn finish(mut self) -> Found {
        if self.decisions > 0 {
            // The decision says all about the event itself; that it was repeated is still worth knowing.
            self.fates.retain(|fate| !matches!(fate.what, What::Applied { .. } | What::History { .. }));
        } else if let (true, Some(topic), Question::Id(id)) = (self.fates.is_empty(), self.seen_in, &self.question) {
            self.fates.push(Fate { event_id: id.clone(), what: What::Waiting { topic } });
        }
        Found { question: self.question, decisions: self.decisions, fates: self.fates, handoff: self.handoff }
    }
}

impl Question {
    fn is_answered_by(&self, decision: &Decision) -> bool {
        match self {
            Self::Id(id) => decision.event_id.as_ref() == Some(id) || decision.handoff_id.as_ref() == Some(id),
            Self::Account { account, conversation, from, to } => {
                decision.account_id == *account
                    && conversation.as_ref().is_none_or(|c| decision.conversation_id.as_ref() == Some(c))
                    && (*from..=*to).contains(&decision.at)
            }
        }
    }

    fn is_about(&self, what: &Id) -> bool {
        matches!(self, Self::Id(id) if id == what)
    }
}

impl Found {
    /// Tells whether there is no answer.
    pub fn is_empty(&self) -> bool {
        self.decisions == 0 && self.fates.is_empty() && self.handoff.is_none()
    }

    /// Says that there is none, and what may bring one.
    pub fn nothing(&self) -> String {
        match &self.question {
            Question::Id(id) if baton_records::ids::account_of_handoff(id).is_some() => {
                format!("no decision of these records opened or touched the handoff {id}; give those of its whole time")
            }
            Question::Id(id) => format!(
                "these records do not know the event {id}; give the log, the dead letters and the sources of its time too"
            ),
            Question::Account { account, .. } => {
                format!("these records hold no decision about the account {account} that fits; widen --from and --to")
            }
        }
    }
}

fn of_log(logged: Logged) -> Fate {
    let (account_id, at) = (logged.account_id, logged.arrival);
    let what = match logged.ignored {
        Some(reason) if reason == "duplicate" => What::Duplicate { account_id, at },
        Some(reason) => What::Ignored { reason, account_id, at },
        None if logged.history => What::History { account_id, at },
        None => What::Applied { account_id, at },
    };
    Fate { event_id: logged.event_id, what }
}

fn of_dead_letter(letter: Rejected) -> Option<Fate> {
    let [topic, partition, offset] = letter.received;
    let what = What::DeadLetter { reason: letter.reason, field: letter.field, topic, partition, offset };
    Some(Fate { event_id: letter.event_id?, what })
}
