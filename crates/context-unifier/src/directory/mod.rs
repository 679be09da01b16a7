//! What every instance holds in whole: who an identity belongs to, what ties an event to an account, agents' teams, the
//! newest policy. Read from global tables, so that it may lag behind; what waits is looked up again when it changes.

mod identities;
mod key;
mod policies;
mod ties;

pub use key::{Lookup, LookupKind};
pub(crate) use key::{Purpose, lookups_of, ties_of};
pub use policies::NewestPolicy;
pub use ties::{MAX_TIES, Tie};

use baton_records::{Account, AccountVersion, Agent, Event, External, Id, Timestamp};
use baton_stream::{Input, Topic};
use identities::{Claims, Identities};
use policies::Policies;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use ties::Ties;

/// How many changes are remembered for tasks that look again at what waits; a task that is further behind looks at all.
const MAX_JOURNAL: usize = 10_000;

/// Whom an event belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// An account.
    Account {
        /// Which.
        account_id: Id,
        /// The account record that says so; none when the event or a tie does.
        needs: Option<AccountVersion>,
    },
    /// Two accounts claim it; it is given to neither.
    Ambiguous {
        /// The dotted path of the field at fault.
        field: Id,
    },
    /// Nothing resolves it now.
    Unknown,
}

/// The global tables of one instance.
#[derive(Debug, Default)]
pub struct Directory {
    identities: Identities,
    ties: Ties,
    agents: BTreeMap<Id, Vec<Id>>,
    policies: Policies,
    journal: VecDeque<Lookup>,
    changes: u64,
}

impl Directory {
    /// Takes a record of `Accounts`, `Agents`, `Ties` or `Policies`. What cannot be read changes nothing: the task that
    /// reads the same topic makes the dead letter.
    pub fn apply(&mut self, input: Input<'_>) {
        match input.topic {
            Topic::Accounts => self.apply_account(input),
            Topic::Agents => self.apply_agent(input),
            Topic::Ties => self.apply_tie(input),
            Topic::Policies => {
                if let Some(value) = input.value {
                    self.policies.take(value);
                }
            }
            _ => {}
        }
    }

    fn apply_account(&mut self, input: Input<'_>) {
        let version = AccountVersion { partition: input.partition, offset: input.offset };
        let gained = match input.value {
            None => {
                if let Some(account_id) = key_text(input.key) {
                    self.identities.release(&account_id);
                }
                return;
            }
            Some(value) => match Account::decode(value) {
                Ok(account) => self.identities.claim(&account, &version),
                Err(_) => return,
            },
        };
        for lookup in gained {
            self.changed(lookup);
        }
    }

    fn apply_agent(&mut self, input: Input<'_>) {
        match input.value.map(Agent::decode) {
            None => {
                if let Some(agent_id) = key_text(input.key) {
                    self.agents.remove(&agent_id);
                }
            }
            Some(Ok(agent)) => {
                self.agents.insert(agent.agent_id, agent.teams);
            }
            Some(Err(_)) => {}
        }
    }

    fn apply_tie(&mut self, input: Input<'_>) {
        let Some(lookup) = input.key.and_then(Lookup::from_bytes) else { return };
        let tie = match input.value {
            None => None,
            Some(value) => match serde_json::from_slice(value) {
                Ok(tie) => Some(tie),
                Err(_) => return,
            },
        };
        if self.ties.take(&lookup, tie) {
            self.changed(lookup);
        }
    }

    fn changed(&mut self, lookup: Lookup) {
        self.changes += 1;
        if self.journal.len() >= MAX_JOURNAL {
            self.journal.pop_front();
        }
        self.journal.push_back(lookup);
    }

    /// Returns a number that grows whenever something new may resolve an event that waits.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Returns what changed after `since` (a former [`Directory::changes`]), or none when that is too long ago to tell.
    pub fn changed_since(&self, since: u64) -> Option<impl Iterator<Item = &Lookup>> {
        let behind = usize::try_from(self.changes.saturating_sub(since)).unwrap_or(usize::MAX);
        let skip = self.journal.len().checked_sub(behind)?;
        Some(self.journal.iter().skip(skip))
    }

    /// Finds the account of an event: the one that it names; else that of its identities, of which exact ones win over
    /// domains; else that of its conversation, ticket or order.
    pub fn resolve(&self, event: &Event) -> Resolution {
        if let Some(account_id) = &event.account_id {
            return Resolution::Account { account_id: account_id.clone(), needs: None };
        }
        for claims in [self.identities.exact(event), self.identities.domains(event)] {
            match claims {
                Claims::One(account_id, version) => {
                    return Resolution::Account { account_id, needs: Some(version) };
                }
                Claims::Several(field) => return Resolution::Ambiguous { field },
                Claims::None => {}
            }
        }
        self.resolve_by_ties(event, |lookup| self.ties.get(lookup))
    }

    /// Finds the account of an event by what it is tied to, in ties that `find` knows.
    pub(crate) fn resolve_by_ties<'a>(&self, event: &Event, find: impl Fn(&Lookup) -> Option<&'a Tie>) -> Resolution {
        for (lookup, field) in key::ties_of(event, key::Purpose::Find) {
            match find(&lookup) {
                Some(Tie { contested: true, .. }) => return Resolution::Ambiguous { field: Id::new_static(field) },
                Some(tie) => return Resolution::Account { account_id: tie.account_id.clone(), needs: None },
                None => {}
            }
        }
        Resolution::Unknown
    }

    /// Returns what is known of a tie.
    pub fn tie(&self, lookup: &Lookup) -> Option<&Tie> {
        self.ties.get(lookup)
    }

    /// Returns the handoff and account that an id of another system was linked with.
    pub fn external(&self, external: &External) -> Option<&Tie> {
        self.ties.get(&Lookup::external(external))
    }

    /// Tells whether what this key stands for was erased at or after `at`.
    pub fn is_erased(&self, lookup: &Lookup, at: Timestamp) -> bool {
        self.ties.erased_until(lookup).is_some_and(|until| at <= until)
    }

    /// Returns the teams of an agent, empty when nothing is known of them.
    pub fn teams(&self, agent_id: &str) -> &[Id] {
        self.agents.get(agent_id).map_or(&[], Vec::as_slice)
    }

    /// Returns the newest policy.
    pub fn policy(&self) -> Option<Arc<NewestPolicy>> {
        self.policies.newest()
    }

    /// Returns how many ties were dropped because their bound was reached.
    pub fn dropped_ties(&self) -> u64 {
        self.ties.dropped()
    }
}

fn key_text(key: Option<&[u8]>) -> Option<Id> {
    key.and_then(|bytes| std::str::from_utf8(bytes).ok()).filter(|text| !text.is_empty()).map(Id::from)
}
