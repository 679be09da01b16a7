//! An account as the CRM describes it.

use crate::Id;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One identity of an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    /// `email`, `phone`, `handle`, `domain`, `part`, or a vendor's name.
    #[serde(rename = "type")]
    pub identity_type: Id,
    /// The value.
    pub value: Id,
}

/// Days on which silence says nothing; both dates belong to it, in the account's time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietPeriod {
    /// First day, `YYYY-MM-DD`.
    pub from: Id,
    /// Last day, `YYYY-MM-DD`.
    pub to: Id,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Id>,
}

/// A contract of the account's own; field by field, its tier's unless given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SlaContract {
    /// ISO 8601 duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_response: Option<Id>,
    /// ISO 8601 duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Id>,
    /// `always` or a calendar of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Id>,
}

/// An account. Missing fields have the contract's defaults, which the reader of the field applies where they depend on
/// the policy (`tier`, `currency`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub account_id: Id,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Id>,
    /// Its tier; the policy's default tier when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Id>,
    /// Its segment, for detectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<Id>,
    /// Its industry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub industry: Option<Id>,
    /// Revenue a year.
    #[serde(default, with = "rust_decimal::serde::str")]
    pub annual_value: Decimal,
    /// The currency of `annual_value`; the policy's when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Id>,
    /// The human who owns the relationship.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Id>,
    /// BCP 47 locale; `en` when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Id>,
    /// IANA time zone; UTC when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<Id>,
    /// Identities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<Identity>,
    /// Quiet periods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quiet_periods: Vec<QuietPeriod>,
    /// A contract of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sla: Option<SlaContract>,
    /// Actions that it may ask for within limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub eligible_for: Vec<Id>,
    /// Everything else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<Id, Value>,
}

impl Account {
    /// Makes an account of which nothing is known but its id.
    pub fn unknown(account_id: Id) -> Self {
        Self { account_id, ..Self::default() }
    }
}
