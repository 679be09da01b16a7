//! What *intake* does with a record of each kind of topic.

use super::clean::Cleaner;
use super::waiting::{Parked, erased_keys};
use super::{IntakeTask, Origin, ties};
use crate::directory::{Directory, Lookup, NewestPolicy, Resolution, Tie};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use baton_records::{
    Account, AccountVersion, Agent, Event, Id, IgnoredReason, Lifecycle, LifecycleType, Passed, Payload, Reason,
    Received, Rejection, Timestamp, ids,
};
use baton_stream::{Counted, Input, Outbox, wire};
use std::sync::Arc;

impl IntakeTask {
    fn origin(&mut self, input: Input<'_>, clock: Timestamp) -> Origin {
        Origin {
            source: input.source(),
            timestamp: input.timestamp,
            history: input.timestamp < self.live_from(clock),
            traceparent: Some(wire::traceparent(&input)),
        }
    }

    pub(super) fn take_event(&mut self, input: Input<'_>, clock: Timestamp, out: &mut Outbox) -> Result<(), Rejection> {
        let value = input.value.ok_or_else(no_value)?;
        let event = Event::decode(value)?;
        let origin = self.origin(input, clock);
        let shared = Arc::clone(&self.directory);
        let directory = crate::read(&shared);
        if event.event_type == "erasure" {
            self.erase(&event, origin.timestamp, out);
        }
        let resolved = match directory.resolve(&event) {
            Resolution::Unknown => directory.resolve_by_ties(&event, |lookup| self.own_ties.get(lookup)),
            resolved => resolved,
        };
        match resolved {
            Resolution::Account { account_id, needs } => {
                self.pass_event(&directory, origin, event, account_id, needs, out);
                Ok(())
            }
            Resolution::Ambiguous { field } => Err(Rejection::new(Reason::AmbiguousIdentity, field)),
            Resolution::Unknown if ties::is_erased(&directory, &event, origin.timestamp) => {
                out.count(Counted::Ignored(IgnoredReason::Erased));
                Ok(())
            }
            Resolution::Unknown => self.park(input, &event, origin, clock, out),
        }
    }

    fn park(
        &mut self,
        input: Input<'_>,
        event: &Event,
        origin: Origin,
        clock: Timestamp,
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        let parked = Parked {
            received: received(input)?,
            timestamp: origin.timestamp,
            traceparent: origin.traceparent,
            since: clock,
        };
        if self.waiting.park(offset(input), parked, event) {
            out.count(Counted::Waiting);
            return Ok(());
        }
        out.count(Counted::Bound);
        Err(Rejection::new(Reason::UnknownAccount, "account_id"))
    }

    /// Passes an event on by its account, and tells what it is tied to.
    pub(super) fn pass_event(
        &mut self,
        directory: &Directory,
        origin: Origin,
        mut event: Event,
        account_id: Id,
        needs: Option<AccountVersion>,
        out: &mut Outbox,
    ) {
        if event.event_type != "erasure" {
            ties::learn(directory, &mut self.own_ties, &event, &account_id, out);
        }
        self.cleaner().event(&mut event);
        self.pass(origin, account_id, needs, Payload::Event { event: Box::new(event) }, out);
    }

    fn cleaner(&self) -> Cleaner<'_> {
        Cleaner { policy: self.policy.as_ref().map(|newest| &newest.policy) }
    }

    fn pass(&self, origin: Origin, account_id: Id, needs: Option<AccountVersion>, payload: Payload, out: &mut Outbox) {
        let Origin { source, timestamp, history, traceparent } = origin;
        out.write(wire::passed(&Passed { account_id, source, timestamp, history, needs, traceparent, payload }));
    }

    /// Drops what waits here under the keys of an erasure, and tells the other partitions to do the same.
    fn erase(&mut self, erasure: &Event, at: Timestamp, out: &mut Outbox) {
        ties::erase(erasure, at, out);
        for offset in self.waiting.concerned(Some(erased_keys(erasure).iter())) {
            let drops = self.waiting.get(offset).is_some_and(|parked| {
                parked.timestamp <= at && parked.event().is_none_or(|event| event.event_type != "erasure")
            });
            if drops && self.waiting.take(offset).is_some() {
                out.count(Counted::Ignored(IgnoredReason::Erased));
            }
        }
    }

    pub(super) fn take_account(
        &mut self,
        input: Input<'_>,
        clock: Timestamp,
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        let origin = self.origin(input, clock);
        let (account_id, account) = match input.value {
            None => (key_text(input, "account_id")?, None),
            Some(value) => {
                let mut account = Account::decode(value)?;
                self.cleaner().account(&mut account);
                (account.account_id.clone(), Some(Box::new(account)))
            }
        };
        self.pass(origin, account_id, None, Payload::Account { account }, out);
        Ok(())
    }

    pub(super) fn take_agent(&mut self, input: Input<'_>, clock: Timestamp, out: &mut Outbox) -> Result<(), Rejection> {
        let at = input.timestamp.min(clock);
        match input.value {
            None => self.agents.remove(&key_text(input, "agent_id")?, at, out),
            Some(value) => {
                let agent = Agent::decode(value)?;
                let policy = self.policy.as_ref().map(|newest| &newest.policy);
                self.agents.put(agent, policy, at, out).map_err(|_| Rejection::new(Reason::InvalidValue, "teams"))?;
            }
        }
        out.count(Counted::Applied);
        Ok(())
    }

    pub(super) fn take_lifecycle(
        &mut self,
        input: Input<'_>,
        clock: Timestamp,
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        let value = input.value.ok_or_else(no_value)?;
        let mut lifecycle = Lifecycle::decode(value)?;
        let received = received(input)?;
        let origin = self.origin(input, clock);
        let shared = Arc::clone(&self.directory);
        let directory = crate::read(&shared);
        let account_id = self.account_of(&directory, &mut lifecycle)?;
        if lifecycle.lifecycle_type == LifecycleType::Linked
            && let Some(external) = &lifecycle.external
        {
            let tie =
                Tie { account_id: account_id.clone(), handoff_id: lifecycle.handoff_id.clone(), ..Tie::default() };
            let lookup = Lookup::external(external);
            if directory.tie(&lookup) != Some(&tie) {
                out.write(ties::record(&lookup, &tie));
                self.own_ties.put(lookup, tie);
            }
        }
        let agent_teams = lifecycle.agent_id.as_ref().map(|agent| directory.teams(agent).to_vec()).unwrap_or_default();
        self.cleaner().lifecycle(&mut lifecycle);
        let payload = Payload::Lifecycle { lifecycle: Box::new(lifecycle), agent_teams, received };
        self.pass(origin, account_id, None, payload, out);
        Ok(())
    }

    /// Finds the account of a report: in its handoff's id, by the outside id that was linked, or as it says itself. The
    /// handoff that an outside id stands for is filled in.
    fn account_of(&self, directory: &Directory, lifecycle: &mut Lifecycle) -> Result<Id, Rejection> {
        if let Some(handoff_id) = &lifecycle.handoff_id {
            return ids::account_of_handoff(handoff_id)
                .filter(|account_id| !account_id.is_empty())
                .ok_or_else(|| Rejection::new(Reason::UnknownHandoff, "handoff_id"));
        }
        let links = lifecycle.lifecycle_type == LifecycleType::Linked && lifecycle.account_id.is_some();
        if let Some(external) = lifecycle.external.as_ref().filter(|_| !links) {
            let lookup = Lookup::external(external);
            if let Some(tie) = self.own_ties.get(&lookup).or_else(|| directory.tie(&lookup)) {
                lifecycle.handoff_id.clone_from(&tie.handoff_id);
                return Ok(tie.account_id.clone());
            }
            if lifecycle.account_id.is_none() {
                return Err(Rejection::new(Reason::UnknownHandoff, "external"));
            }
        }
        lifecycle.account_id.clone().ok_or_else(|| Rejection::new(Reason::MissingField, "handoff_id"))
    }

    pub(super) fn take_policy(&mut self, input: Input<'_>, out: &mut Outbox) -> Result<(), Rejection> {
        let Some(value) = input.value else {
            // What was in force stays so: a tombstone takes nothing back.
            out.count(Counted::Ignored(IgnoredReason::Stale));
            return Ok(());
        };
        let policy = NewestPolicy::read(value).map_err(|_| Rejection::new(Reason::InvalidValue, "text"))?;
        let passed = Passed {
            account_id: Id::default(),
            source: input.source(),
            timestamp: input.timestamp,
            history: false,
            needs: None,
            traceparent: Some(wire::traceparent(&input)),
            payload: Payload::Policy { version: policy.version.clone(), text: policy.text.clone() },
        };
        for partition in 0..self.config.account_partitions {
            out.write(wire::passed_to(&passed, partition));
        }
        for partition in 0..self.config.pool_partitions {
            out.write(wire::pool_policy(policy.version.clone(), policy.text.clone(), partition));
        }
        out.count(Counted::Applied);
        Ok(())
    }
}

fn no_value() -> Rejection {
    Rejection::new(Reason::NotJson, "")
}

fn key_text(input: Input<'_>, field: &'static str) -> Result<Id, Rejection> {
    let key = input.key.filter(|key| !key.is_empty()).ok_or_else(|| Rejection::new(Reason::MissingField, field))?;
    std::str::from_utf8(key).map(Id::from).map_err(|_| Rejection::new(Reason::NotUtf8, field))
}

fn received(input: Input<'_>) -> Result<Received, Rejection> {
    let value = input.value.unwrap_or_default();
    let value = std::str::from_utf8(value).map_err(|_| Rejection::new(Reason::NotUtf8, ""))?;
    Ok(Received { key: input.key.map(|key| Id::from(STANDARD.encode(key))), value: Id::from(value) })
}

fn offset(input: Input<'_>) -> u64 {
    u64::try_from(input.offset).unwrap_or(0)
}
