//! What *decide* remembers, in small entries: no account is one blob.
//!
//! Times are milliseconds since the epoch. A conversation without an id has the empty one.

use crate::episode::Episode;
use crate::fact::FactEntry;
use baton_records::{Account, ApprovalRequest, Channel, External, Id, Timestamp};
use baton_stream::{Groups, Packed, Store, Table};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A moment in milliseconds and the event that happened then: the order of what people of an account did.
pub(crate) type At = (i64, Id);

/// Facts stand by account and class …
pub(crate) type FactGroup = (Id, u8);
/// … and there by time, event, and part of its topic's hash: events of two topics may have one id.
pub(crate) type FactKey = (u64, Id, [u8; 4]);

/// How far the log has been decided.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// The highest number taken.
    pub position: u64,
    /// Its log time.
    pub time: i64,
}

/// The policy in force.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PolicyText {
    /// `name@number`.
    pub version: Id,
    /// The whole text.
    pub text: Id,
}

/// What an account did last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Activity {
    /// The highest `occurred_at` (or arrival, if earlier) of its events.
    pub highest: i64,
    /// The newest and the last but one by channel.
    #[serde(default)]
    pub sources: BTreeMap<Channel, (i64, i64)>,
}

/// One cue in a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Hit {
    /// The cue.
    #[serde(rename = "c")]
    pub cue: Id,
    /// In which sentence.
    #[serde(rename = "s")]
    pub sentence: u32,
    /// How sure.
    #[serde(rename = "v")]
    pub score: f64,
}

/// Who spoke last, and how.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Face {
    /// The channel.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The person.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Id>,
    /// The language of the words.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Id>,
    /// The person's identities, by type; there are many faces, and a map of one entry has room for eleven.
    #[serde(rename = "i", default, skip_serializing_if = "<[_]>::is_empty")]
    pub identities: Box<[(Id, Id)]>,
}

/// One customer message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Turn {
    /// When, and which.
    #[serde(rename = "a")]
    pub at: At,
    /// Its cues.
    #[serde(rename = "h", default, skip_serializing_if = "Vec::is_empty")]
    pub hits: Vec<Hit>,
    /// Who; turns of the same person share it.
    #[serde(rename = "f")]
    pub face: Arc<Face>,
}

/// A human's answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// When it was given.
    pub at: i64,
    /// When it came in.
    pub arrival: i64,
    /// The oldest customer message that nobody had answered before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<i64>,
}

/// A conversation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Conversation {
    /// How many customer messages.
    pub turns: u32,
    /// The newest of them, in the order of [`At`]; older ones only while they may still be part of a window.
    #[serde(default)]
    pub recent: Vec<Turn>,
    /// The cues of turns that have left `recent`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub cues: BTreeSet<Id>,
    /// Of the newest turn that has left `recent`.
    #[serde(default)]
    pub face: Arc<Face>,
    /// The oldest customer message that no human answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<i64>,
    /// The newest answers of humans.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
    /// The messages in which a cue of a gradual rule stood.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gradual: Vec<(At, Vec<Id>)>,
    /// How often its owner changed, plus one.
    #[serde(default)]
    pub epoch: u32,
    /// The newest subject that has left `subjects`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Id>,
    /// Subjects within the lateness bound, by when they came up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<(At, Id)>,
    /// AI's answers within the lateness bound that name no subject and are below the floor of a rule that looks for one,
    /// without their words: their question may come yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsure: Vec<(At, Box<baton_records::Event>)>,
    /// The newest event.
    pub last: i64,
}

/// A rule that is quiet for a conversation after closing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Quiet {
    /// Until when.
    pub until: i64,
    /// Evidence up to here was used up by the handoff that closed.
    pub used: At,
}

/// What humans said of a detector's alarms about an account.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Feedback {
    /// The threshold in force.
    pub threshold: f64,
    /// Until when it is quiet.
    pub quiet_until: i64,
}

/// A handoff that is over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Closed {
    /// When.
    pub at: i64,
    /// Its id in another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
}

/// A request that was within authority.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Granted {
    /// Its arrival.
    pub arrival: i64,
    /// When it was made, and the event.
    pub at: At,
    /// Its conversation.
    pub conversation: Id,
    /// Its measure.
    pub measure: Decimal,
}

/// A customer's question for which only the account's record kept a rule from firing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Question {
    /// Its arrival.
    pub arrival: i64,
    /// Its conversation.
    pub conversation: Id,
    /// Cues in it.
    pub hits: Vec<Hit>,
    /// The event without its words.
    pub event: Box<baton_records::Event>,
}

/// A request that waits for approval, or had it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ApprovalState {
    /// When it was made, and the event.
    pub at: At,
    /// Its conversation.
    pub conversation: Id,
    /// The request.
    pub request: ApprovalRequest,
    /// Its digest.
    pub digest: Id,
    /// Who may grant.
    pub approvers: Vec<Id>,
    /// Whether all of them must.
    pub all: bool,
    /// Until when.
    pub due: i64,
    /// The newest requests of its conversation and action, this one included, in the order in which they were made, each
    /// with its digest.
    #[serde(default)]
    pub asked: Vec<(At, Id)>,
    /// How many times it was passed on after silence.
    pub step: usize,
    /// The clause.
    pub clause: Id,
    /// Who granted, with the approver teams that they belong to.
    #[serde(default)]
    pub grants: Vec<(Id, Vec<Id>)>,
    /// Whether it is granted.
    #[serde(default)]
    pub approved: bool,
    /// Whether the last approver was silent too.
    #[serde(default)]
    pub breached: bool,
}

/// How many handoffs a rule opened in a minute of log time.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Opens {
    /// The minute.
    pub minute: i64,
    /// How many.
    pub count: u32,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct State {
    pub meta: Table<(), Meta>,
    pub policy: Table<(), PolicyText>,
    pub accounts: Table<Id, Arc<Account>>,
    pub activity: Table<Id, Activity>,
    pub facts: Groups<FactGroup, FactKey, Packed<FactEntry>>,
    /// By account and conversation.
    pub conversations: Table<(Id, Id), Conversation>,
    /// By account and conversation.
    pub open: Table<(Id, Id), Episode>,
    /// Facts that are evidence of an open handoff, by handoff, time and event.
    pub pinned: Table<(Id, u64, Id), FactEntry>,
    /// By account and handoff.
    pub closed: Table<(Id, Id), Closed>,
    /// When a closed handoff is forgotten: time, account, handoff.
    pub forget: Table<(u64, Id, Id), ()>,
    /// By account, conversation and rule.
    pub quiet: Table<(Id, Id, Id), Quiet>,
    /// By account and detector.
    pub feedback: Table<(Id, Id), Feedback>,
    /// By account and action.
    pub granted: Table<(Id, Id), Vec<Granted>>,
    /// By account, time and event.
    pub questions: Table<(Id, u64, Id), Question>,
    /// By time, handoff id with its account's and conversation's key, and what.
    pub deadlines: Table<(u64, Id, [u8; 1]), (Id, Id)>,
    /// By rule.
    pub opens: Table<Id, Opens>,
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            meta: Table::new("decide.meta"),
            policy: Table::new("decide.policy"),
            accounts: Table::new("decide.accounts"),
            activity: Table::new("decide.activity"),
            facts: Groups::new("decide.facts"),
            conversations: Table::new("decide.conversations"),
            open: Table::new("decide.open"),
            pinned: Table::new("decide.pinned"),
            closed: Table::new("decide.closed"),
            forget: Table::new("decide.forget"),
            quiet: Table::new("decide.quiet"),
            feedback: Table::new("decide.feedback"),
            granted: Table::new("decide.granted"),
            questions: Table::new("decide.questions"),
            deadlines: Table::new("decide.deadlines"),
            opens: Table::new("decide.opens"),
        }
    }

    pub(crate) fn stores(&mut self) -> Vec<&mut dyn Store> {
        vec![
            &mut self.meta,
            &mut self.policy,
            &mut self.accounts,
            &mut self.activity,
            &mut self.facts,
            &mut self.conversations,
            &mut self.open,
            &mut self.pinned,
            &mut self.closed,
            &mut self.forget,
            &mut self.quiet,
            &mut self.feedback,
            &mut self.granted,
            &mut self.questions,
            &mut self.deadlines,
            &mut self.opens,
        ]
    }

    /// Returns how far the log has been decided.
    pub(crate) fn meta(&self) -> Meta {
        self.meta.get(&()).copied().unwrap_or(Meta { position: 0, time: Timestamp::MIN.millis() })
    }
}

/// Returns a key whose byte order is the order of times.
pub(crate) const fn ordered(millis: i64) -> u64 {
    millis.cast_unsigned() ^ (1 << 63)
}

/// Returns the time of an [`ordered`] key.
pub(crate) const fn unordered(key: u64) -> i64 {
    (key ^ (1 << 63)).cast_signed()
}
