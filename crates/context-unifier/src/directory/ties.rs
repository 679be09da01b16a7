//! Learnt ties: which conversation, ticket, order or outside id belongs to which account; and what was erased.

use super::{Lookup, LookupKind};
use baton_records::{Id, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// How many ties an instance holds; the oldest goes first.
pub const MAX_TIES: usize = 200_000;

/// What a key is tied to: the value of a record of the topic of ties.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tie {
    /// The account; empty in an erasure.
    #[serde(default, skip_serializing_if = "Id::is_empty")]
    pub account_id: Id,
    /// The handoff that an outside id stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handoff_id: Option<Id>,
    /// Two accounts claim it: it resolves nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub contested: bool,
    /// Everything about this key that came up to this time is erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_until: Option<Timestamp>,
}

/// All ties of an instance.
#[derive(Debug, Default)]
pub(crate) struct Ties {
    by_key: BTreeMap<Lookup, Tie>,
    oldest: VecDeque<Lookup>,
    erased: BTreeMap<Lookup, Timestamp>,
    oldest_erased: VecDeque<Lookup>,
    dropped: u64,
}

impl Ties {
    /// Takes a tie, or removes one; tells whether it may resolve or drop something that waits.
    pub(crate) fn take(&mut self, lookup: &Lookup, tie: Option<Tie>) -> bool {
        let Some(mut tie) = tie else {
            self.by_key.remove(lookup);
            return false;
        };
        if let Some(until) = tie.erased_until {
            return self.erase(lookup, until);
        }
        if let Some(known) = self.by_key.get_mut(lookup) {
            // An outside id that is linked anew stands for the newer handoff.
            let exclusive = lookup.kind != LookupKind::External;
            tie.contested |= exclusive && (known.contested || known.account_id != tie.account_id);
            let is_new = *known != tie;
            *known = tie;
            return is_new;
        }
        self.by_key.insert(lookup.clone(), tie);
        self.oldest.push_back(lookup.clone());
        while self.oldest.len() > MAX_TIES {
            if let Some(oldest) = self.oldest.pop_front() {
                self.by_key.remove(&oldest);
                self.dropped += 1;
            }
        }
        true
    }

    fn erase(&mut self, lookup: &Lookup, until: Timestamp) -> bool {
        if let Some(known) = self.erased.get_mut(lookup) {
            *known = until.max(*known);
            return true;
        }
        self.erased.insert(lookup.clone(), until);
        self.oldest_erased.push_back(lookup.clone());
        while self.oldest_erased.len() > MAX_TIES {
            if let Some(oldest) = self.oldest_erased.pop_front() {
                self.erased.remove(&oldest);
                self.dropped += 1;
            }
        }
        true
    }

    pub(crate) fn get(&self, lookup: &Lookup) -> Option<&Tie> {
        self.by_key.get(lookup)
    }

    pub(crate) fn erased_until(&self, lookup: &Lookup) -> Option<Timestamp> {
        self.erased.get(lookup).copied()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::LookupKind;

    fn tie(account: &str) -> Option<Tie> {
        Some(Tie { account_id: account.into(), ..Tie::default() })
    }

    #[test]
    fn a_tie_that_two_accounts_claim_is_contested_for_good() {
        let mut ties = Ties::default();
        let key = Lookup::new(LookupKind::Conversation, "c".into());
        assert!(ties.take(&key, tie("a")));
        assert!(!ties.take(&key, tie("a")), "nothing new");
        assert!(ties.take(&key, tie("b")));
        ties.take(&key, tie("b"));
        assert!(ties.get(&key).is_some_and(|t| t.contested));
    }

    #[test]
    fn the_oldest_tie_goes_first_and_is_counted() {
        let mut ties = Ties::default();
        let key = |n: usize| Lookup::new(LookupKind::Ticket, n.to_string().into());
        for n in 0..MAX_TIES + 2 {
            ties.take(&key(n), tie("a"));
        }
        assert_eq!((ties.by_key.len(), ties.dropped()), (MAX_TIES, 2));
        assert!(ties.get(&key(1)).is_none() && ties.get(&key(2)).is_some());
    }
}
