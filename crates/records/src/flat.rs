//! The JSON object in which *intake*'s records and the log's stand: the fields of all kinds side by side, `kind` saying
//! which of them count. A tagged enum of serde would be read into a tree first and then again; this is read once.

use crate::{
    Account, AccountVersion, AssignResult, Body, Entry, Event, Id, IgnoredReason, Interaction, Lifecycle, Passed,
    Payload, Received, Source, Timestamp,
};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Event,
    Account,
    Lifecycle,
    Assign,
    Ignored,
    Policy,
}

#[derive(Default, Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arrival: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    history: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<&'a AccountVersion>,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<&'a Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a Account>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifecycle: Option<&'a Lifecycle>,
    #[serde(skip_serializing_if = "<[Id]>::is_empty")]
    agent_teams: &'a [Id],
    #[serde(skip_serializing_if = "Option::is_none")]
    received: Option<&'a Received>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a AssignResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<IgnoredReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a Id>,
}

impl<'a> Written<'a> {
    fn event(self, event: &'a Event, conversation: Option<&'a Id>) -> Self {
        Self { kind: Kind::Event, event: Some(event), conversation, ..self }
    }

    fn account(self, account: Option<&'a Account>) -> Self {
        Self { kind: Kind::Account, account, ..self }
    }

    fn lifecycle(self, lifecycle: &'a Lifecycle, agent_teams: &'a [Id], received: &'a Received) -> Self {
        Self { kind: Kind::Lifecycle, lifecycle: Some(lifecycle), agent_teams, received: Some(received), ..self }
    }

    fn assign(self, result: &'a AssignResult) -> Self {
        Self { kind: Kind::Assign, result: Some(result), ..self }
    }

    fn policy(self, version: &'a Id, text: &'a Id) -> Self {
        Self { kind: Kind::Policy, version: Some(version), text: Some(text), ..self }
    }
}

#[derive(Deserialize)]
struct Read {
    #[serde(default)]
    account_id: Option<Id>,
    #[serde(default)]
    arrival: Option<Timestamp>,
    #[serde(default)]
    timestamp: Option<Timestamp>,
    #[serde(default)]
    history: bool,
    #[serde(default)]
    source: Option<Source>,
    #[serde(default)]
    needs: Option<AccountVersion>,
    kind: Kind,
    #[serde(default)]
    event: Option<Box<Event>>,
    #[serde(default)]
    conversation: Option<Id>,
    #[serde(default)]
    account: Option<Box<Account>>,
    #[serde(default)]
    lifecycle: Option<Box<Lifecycle>>,
    #[serde(default)]
    agent_teams: Vec<Id>,
    #[serde(default)]
    received: Option<Received>,
    #[serde(default)]
    result: Option<AssignResult>,
    #[serde(default)]
    event_id: Option<Id>,
    #[serde(default)]
    reason: Option<IgnoredReason>,
    #[serde(default)]
    version: Option<Id>,
    #[serde(default)]
    text: Option<Id>,
}

fn needed<T, E: Error>(value: Option<T>, field: &'static str) -> Result<T, E> {
    value.ok_or_else(|| E::missing_field(field))
}

impl Serialize for Passed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let head = Written {
            account_id: Some(&self.account_id),
            timestamp: Some(self.timestamp),
            history: self.history,
            source: Some(&self.source),
            needs: self.needs.as_ref(),
            ..Written::default()
        };
        let whole = match &self.payload {
            Payload::Event { event } => head.event(event, None),
            Payload::Account { account } => head.account(account.as_deref()),
            Payload::Lifecycle { lifecycle, agent_teams, received } => head.lifecycle(lifecycle, agent_teams, received),
            Payload::Assign { result } => head.assign(result),
            Payload::Policy { version, text } => head.policy(version, text),
        };
        whole.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Passed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(deserializer)?;
        let payload = match read.kind {
            Kind::Event => Payload::Event { event: needed(read.event, "event")? },
            Kind::Account => Payload::Account { account: read.account },
            Kind::Lifecycle => Payload::Lifecycle {
                lifecycle: needed(read.lifecycle, "lifecycle")?,
                agent_teams: read.agent_teams,
                received: needed(read.received, "received")?,
            },
            Kind::Assign => Payload::Assign { result: needed(read.result, "result")? },
            Kind::Policy => {
                Payload::Policy { version: needed(read.version, "version")?, text: needed(read.text, "text")? }
            }
            Kind::Ignored => return Err(D::Error::unknown_variant("ignored", &["event", "account", "lifecycle"])),
        };
        Ok(Self {
            account_id: needed(read.account_id, "account_id")?,
            source: needed(read.source, "source")?,
            timestamp: needed(read.timestamp, "timestamp")?,
            history: read.history,
            needs: read.needs,
            traceparent: None,
            payload,
        })
    }
}

impl Serialize for Interaction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let head = Written {
            account_id: Some(&self.account_id),
            arrival: Some(self.arrival),
            history: self.history,
            source: Some(&self.source),
            ..Written::default()
        };
        let whole = match &self.body {
            Body::Event { event, conversation } => head.event(event, conversation.as_ref()),
            Body::Account { account } => head.account(account.as_deref()),
            Body::Lifecycle { lifecycle, agent_teams, received } => head.lifecycle(lifecycle, agent_teams, received),
            Body::Assign { result } => head.assign(result),
            Body::Ignored { event_id, reason } => {
                Written { kind: Kind::Ignored, event_id: Some(event_id), reason: Some(*reason), ..head }
            }
        };
        whole.serialize(serializer)
    }
}

impl Interaction {
    fn from_read<E: Error>(read: Read) -> Result<Self, E> {
        let body = match read.kind {
            Kind::Event => Body::Event { event: needed(read.event, "event")?, conversation: read.conversation },
            Kind::Account => Body::Account { account: read.account },
            Kind::Lifecycle => Body::Lifecycle {
                lifecycle: needed(read.lifecycle, "lifecycle")?,
                agent_teams: read.agent_teams,
                received: needed(read.received, "received")?,
            },
            Kind::Assign => Body::Assign { result: needed(read.result, "result")? },
            Kind::Ignored => {
                Body::Ignored { event_id: needed(read.event_id, "event_id")?, reason: needed(read.reason, "reason")? }
            }
            Kind::Policy => return Err(E::unknown_variant("policy", &["event", "account", "lifecycle", "assign"])),
        };
        Ok(Self {
            account_id: needed(read.account_id, "account_id")?,
            arrival: needed(read.arrival, "arrival")?,
            history: read.history,
            source: needed(read.source, "source")?,
            traceparent: None,
            body,
        })
    }
}

impl<'de> Deserialize<'de> for Interaction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_read(Read::deserialize(deserializer)?)
    }
}

/// A mark, which has no value in its topic, is null.
impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Mark => serializer.serialize_none(),
            Self::Policy { version, text } => Written::default().policy(version, text).serialize(serializer),
            Self::Interaction(interaction) => interaction.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(read) = Option::<Read>::deserialize(deserializer)? else { return Ok(Self::Mark) };
        match read.kind {
            Kind::Policy => {
                Ok(Self::Policy { version: needed(read.version, "version")?, text: needed(read.text, "text")? })
            }
            _ => Interaction::from_read(read).map(Box::new).map(Self::Interaction),
        }
    }
}
