//! Which account claims which identity.

use super::Lookup;
use baton_records::{Account, AccountVersion, Event, Id};
use baton_records::{company_domain, is_public_mail, normalise_identity};
use std::collections::{BTreeMap, BTreeSet};

/// Identities by type and value.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    by_type: BTreeMap<Id, BTreeMap<Id, Vec<Claim>>>,
    /// Sorted; most accounts have few.
    of_account: BTreeMap<Id, Box<[(Id, Id)]>>,
}

/// An account's claim of an identity, since a version of its record.
#[derive(Debug, Clone)]
struct Claim {
    account_id: Id,
    since: AccountVersion,
}

/// Who claims the identities of an event.
pub(crate) enum Claims {
    None,
    One(Id, AccountVersion),
    /// More than one account; the field of the event that says so.
    Several(Id),
}

impl Identities {
    /// Puts the identities of a record in the place of those of the record before it; returns the new ones.
    ///
    /// An identity that stays keeps the version that claimed it first, so that it does not matter how much of the topic
    /// an instance has read when it resolves an event.
    pub(crate) fn claim(&mut self, account: &Account, version: &AccountVersion) -> Vec<Lookup> {
        let wanted: BTreeSet<(Id, Id)> = account
            .identities
            .iter()
            .map(|i| (i.identity_type.clone(), normalise_identity(&i.identity_type, &i.value)))
            .filter(|(t, value)| t != "domain" || !is_public_mail(value))
            .collect();
        let before = self.of_account.remove(&account.account_id).unwrap_or_default();
        let before: BTreeSet<(Id, Id)> = before.into_iter().collect();
        for gone in before.difference(&wanted) {
            self.remove(&account.account_id, gone);
        }
        let mut gained = Vec::new();
        for (identity_type, value) in wanted.difference(&before) {
            let by_value = self.by_type.entry(identity_type.clone()).or_default();
            let claim = Claim { account_id: account.account_id.clone(), since: version.clone() };
            by_value.entry(value.clone()).or_default().push(claim);
            gained.push(Lookup::identity(identity_type, value));
        }
        if !wanted.is_empty() {
            self.of_account.insert(account.account_id.clone(), wanted.into_iter().collect());
        }
        gained
    }

    /// Releases all identities of an account.
    pub(crate) fn release(&mut self, account_id: &Id) {
        for identity in self.of_account.remove(account_id).unwrap_or_default() {
            self.remove(account_id, &identity);
        }
    }

    fn remove(&mut self, account_id: &Id, (identity_type, value): &(Id, Id)) {
        let Some(by_value) = self.by_type.get_mut(identity_type) else { return };
        if let Some(claims) = by_value.get_mut(value) {
            claims.retain(|claim| claim.account_id != *account_id);
            if claims.is_empty() {
                by_value.remove(value);
            }
        }
    }

    fn claims(&self, identity_type: &str, value: &str) -> &[Claim] {
        let Some(by_value) = self.by_type.get(identity_type) else { return &[] };
        by_value.get(&*normalise_identity(identity_type, value)).map_or(&[], Vec::as_slice)
    }

    /// Looks an event's identities up as they are, and its subject as a part.
    pub(crate) fn exact(&self, event: &Event) -> Claims {
        let mut found = Found::default();
        for (identity_type, value) in event.identities.iter().filter(|(t, _)| *t != "domain") {
            found.add(self.claims(identity_type, value), || Id::from(format!("identities.{identity_type}")));
        }
        if let Some(subject) = &event.subject {
            found.add(self.claims("part", subject), || Id::new_static("subject"));
        }
        found.into_claims()
    }

    /// Looks the domains of an event up.
    pub(crate) fn domains(&self, event: &Event) -> Claims {
        let mut found = Found::default();
        let email = event.identities.get("email").map(|email| normalise_identity("email", email));
        if let Some(domain) = email.as_deref().and_then(company_domain) {
            found.add(self.claims("domain", domain), || Id::new_static("identities.email"));
        }
        if let Some(domain) = event.identities.get("domain") {
            found.add(self.claims("domain", domain), || Id::new_static("identities.domain"));
        }
        found.into_claims()
    }
}

#[derive(Default)]
struct Found<'a> {
    first: Option<&'a Claim>,
    several: Option<Id>,
}

impl<'a> Found<'a> {
    fn add(&mut self, claims: &'a [Claim], field: impl Fn() -> Id) {
        for claim in claims {
            match self.first {
                None => self.first = Some(claim),
                // Of two identities of one account, the one that was claimed first is enough.
                Some(first) if first.account_id == claim.account_id => {
                    if (claim.since.offset, claim.since.partition) < (first.since.offset, first.since.partition) {
                        self.first = Some(claim);
                    }
                }
                Some(_) => {
                    self.several.get_or_insert_with(&field);
                }
            }
        }
    }

    fn into_claims(self) -> Claims {
        match (self.several, self.first) {
            (Some(field), _) => Claims::Several(field),
            (None, Some(claim)) => Claims::One(claim.account_id.clone(), claim.since.clone()),
            (None, None) => Claims::None,
        }
    }
}
