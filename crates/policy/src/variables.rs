//! What conditions may look at: four variables with documented fields. Values are looked up when an expression asks for
//! them and borrow from the records; nothing is built in advance.
//!
//! | variable | fields |
//! |---|---|
//! | `account` | texts `account_id`, `name`, `tier` (the one that counts), `segment`, `industry`, `currency`, `owner`, `locale`, `time_zone`; number `annual_value` (in the policy's currency; 0 when the record names another); `foreign_currency` (true then); list `eligible_for`; map `attributes` |
//! | `event` | texts `event_id`, `type`, `channel`, `actor`, `subject`, `currency`; numbers `text_length` (characters), `amount`, `quantity`, `value`; `ai.confidence` (number), `ai.domain` (text), `ai.tags` (list); map `attributes` |
//! | `request` | texts `action`, `currency`; numbers `percent`, `amount`; list `changes` |
//! | `conversation` | number `turns`; list `cues`; text `stage` (`""` without a handoff) |
//!
//! A text that is missing is `""`, a list `[]`. A number or an attribute that is missing makes a comparison not hold;
//! `has(request.percent)` asks for it. Numbers are doubles: good for coarse conditions. What money may be spent is
//! compared exactly, by a clause's `at_most` or `under`.

use crate::Policy;
use baton_records::{Account, Actor, Ai, ApprovalRequest, Event, Id, Stage};
use cel::ExecutionError;
use cel::common::traits::{Container, Indexer};
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelNull, CelString, DYN_TYPE, Type};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;
use std::collections::BTreeMap;

/// What is known of the conversation that an event belongs to.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConversationView<'a> {
    /// Customer turns so far, this one included.
    pub turns: u32,
    /// Names of the cues seen so far.
    pub cues: &'a [Id],
    /// The stage of its open handoff.
    pub stage: Option<Stage>,
}

/// What a condition is evaluated against; made by [`Policy::variables`].
#[derive(Debug, Clone, Copy)]
pub struct Variables<'a> {
    policy: &'a Policy,
    account: &'a Account,
    event: Option<&'a Event>,
    request: Option<&'a ApprovalRequest>,
    conversation: Option<ConversationView<'a>>,
}

impl Policy {
    /// Starts the variables of a condition with an account.
    pub fn variables<'a>(&'a self, account: &'a Account) -> Variables<'a> {
        Variables { policy: self, account, event: None, request: None, conversation: None }
    }
}

impl<'a> Variables<'a> {
    /// Adds an event, and its request if it has one.
    #[must_use]
    pub fn event(mut self, event: &'a Event) -> Self {
        self.event = Some(event);
        self.request = event.request.as_ref();
        self
    }

    /// Adds a request.
    #[must_use]
    pub fn request(mut self, request: &'a ApprovalRequest) -> Self {
        self.request = Some(request);
        self
    }

    /// Adds what is known of the conversation.
    #[must_use]
    pub fn conversation(mut self, conversation: ConversationView<'a>) -> Self {
        self.conversation = Some(conversation);
        self
    }
}

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let view = match variable {
            "account" => View::Account(self.policy, self.account),
            "event" => View::Event(self.event?),
            "request" => View::Request(self.request?),
            "conversation" => View::Conversation(self.conversation?),
            _ => return None,
        };
        Some(CowVal::owned(view))
    }
}

/// Something with fields.
#[derive(Debug, Clone, Copy)]
enum View<'a> {
    Account(&'a Policy, &'a Account),
    Event(&'a Event),
    Ai(&'a Ai),
    Request(&'a ApprovalRequest),
    Conversation(ConversationView<'a>),
    Attributes(&'a BTreeMap<Id, Value>),
    Object(&'a serde_json::Map<String, Value>),
}

impl<'a> View<'a> {
    fn field(self, name: &str) -> Option<Box<dyn Val + 'a>> {
        match self {
            Self::Account(policy, account) => account_field(policy, account, name),
            Self::Event(event) => event_field(event, name),
            Self::Ai(ai) => match name {
                "confidence" => ai.confidence.map(double),
                "domain" => Some(optional_text(&ai.domain)),
                "tags" => Some(texts(&ai.tags)),
                _ => None,
            },
            Self::Request(request) => match name {
                "action" => Some(text(&request.action)),
                "percent" => request.percent.map(double),
                "amount" => request.amount.and_then(money),
                "currency" => Some(optional_text(&request.currency)),
                "changes" => Some(texts(&request.changes)),
                _ => None,
            },
            Self::Conversation(conversation) => match name {
                "turns" => Some(Box::new(CelInt::from(i64::from(conversation.turns)))),
                "cues" => Some(texts(conversation.cues)),
                "stage" => Some(text(conversation.stage.map_or("", stage_name))),
                _ => None,
            },
            Self::Attributes(map) => map.get(name).map(json),
            Self::Object(map) => map.get(name).map(json),
        }
    }

    fn has(self, name: &str) -> bool {
        match self {
            Self::Attributes(map) => map.contains_key(name),
            Self::Object(map) => map.contains_key(name),
            _ => false,
        }
    }
}

fn account_field<'a>(policy: &'a Policy, account: &'a Account, name: &str) -> Option<Box<dyn Val + 'a>> {
    Some(match name {
        "account_id" => text(&account.account_id),
        "name" => optional_text(&account.name),
        "tier" => text(policy.tier_of(account)),
        "segment" => optional_text(&account.segment),
        "industry" => optional_text(&account.industry),
        "annual_value" => return money(policy.annual_value(account).unwrap_or_default()),
        "foreign_currency" => Box::new(CelBool::from(policy.annual_value(account).is_none())),
        "currency" => text(account.currency.as_deref().unwrap_or(&policy.currency)),
        "owner" => optional_text(&account.owner),
        "locale" => text(account.locale.as_deref().unwrap_or("en")),
        "time_zone" => text(account.time_zone.as_deref().unwrap_or("UTC")),
        "eligible_for" => texts(&account.eligible_for),
        "attributes" => Box::new(View::Attributes(&account.attributes)),
        _ => return None,
    })
}

fn event_field<'a>(event: &'a Event, name: &str) -> Option<Box<dyn Val + 'a>> {
    Some(match name {
        "event_id" => text(&event.event_id),
        "type" => text(&event.event_type),
        "channel" => text(event.channel.name()),
        "actor" => text(event.actor.map_or("", actor_name)),
        "subject" => optional_text(&event.subject),
        "currency" => optional_text(&event.currency),
        "text_length" => {
            let length = event.text.as_deref().map_or(0, |t| t.chars().count());
            Box::new(CelInt::from(i64::try_from(length).unwrap_or(i64::MAX)))
        }
        "amount" => return event.amount.and_then(money),
        "quantity" => return event.quantity.map(double),
        "value" => return event.value.map(double),
        "ai" => Box::new(View::Ai(event.ai.as_ref()?)),
        "attributes" => Box::new(View::Attributes(&event.attributes)),
        _ => return None,
    })
}

fn text<'a>(text: &'a str) -> Box<dyn Val + 'a> {
    Box::new(CelString::from(text))
}

fn optional_text(text_or_none: &Option<Id>) -> Box<dyn Val + '_> {
    text(text_or_none.as_deref().unwrap_or(""))
}

fn texts(all: &[Id]) -> Box<dyn Val + '_> {
    Box::new(CelList::from(all.iter().map(|t| text(t)).collect::<Vec<_>>()))
}

fn double<'a>(number: f64) -> Box<dyn Val + 'a> {
    Box::new(CelDouble::from(number))
}

fn money<'a>(amount: Decimal) -> Option<Box<dyn Val + 'a>> {
    amount.to_f64().map(double)
}

fn json(value: &Value) -> Box<dyn Val + '_> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(flag) => Box::new(CelBool::from(*flag)),
        Value::Number(number) => number.as_i64().map_or_else(
            || double(number.as_f64().unwrap_or(f64::NAN)),
            |whole| Box::new(CelInt::from(whole)) as Box<dyn Val>,
        ),
        Value::String(s) => text(s),
        Value::Array(items) => Box::new(CelList::from(items.iter().map(json).collect::<Vec<_>>())),
        Value::Object(map) => Box::new(View::Object(map)),
    }
}

/// Returns the name that conditions compare with.
const fn actor_name(actor: Actor) -> &'static str {
    match actor {
        Actor::Customer => "customer",
        Actor::AiAgent => "ai_agent",
        Actor::HumanAgent => "human_agent",
        Actor::System => "system",
    }
}

/// Returns the name that conditions compare with.
const fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Observe => "observe",
        Stage::Join => "join",
        Stage::Own => "own",
    }
}

fn key(field: &dyn Val) -> Result<&str, ExecutionError> {
    field
        .downcast_ref::<CelString>()
        .map(CelString::inner)
        .ok_or_else(|| ExecutionError::no_such_key("a field that is no text"))
}

impl Indexer for View<'_> {
    fn get<'b, 'v>(&'b self, field: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = key(field)?;
        self.field(name).map(CowVal::Owned).ok_or_else(|| ExecutionError::no_such_key(name))
    }

    fn steal<'v>(self: Box<Self>, field: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = key(field)?;
        self.field(name).ok_or_else(|| ExecutionError::no_such_key(name))
    }
}

impl Container for View<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.has(key(value)?))
    }
}

impl Val for View<'_> {
    fn get_type(&self) -> &Type {
        &DYN_TYPE
    }

    fn cel_type() -> &'static Type {
        &DYN_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}
