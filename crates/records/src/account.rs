//! An account as the CRM describes it.

use crate::decode::{FromOutside, decode};
use crate::shape::{Shape, is_id, is_id_or_none, optional, required};
use crate::{Id, Reason, Rejection, text};
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
    #[serde(default, with = "crate::money")]
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
    /// Identities: a list, or an object of identities by type.
    #[serde(default, deserialize_with = "crate::object::list", skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<Identity>,
    /// Quiet periods.
    #[serde(default, deserialize_with = "crate::object::list", skip_serializing_if = "Vec::is_empty")]
    pub quiet_periods: Vec<QuietPeriod>,
    /// A contract of its own.
    #[serde(default, deserialize_with = "crate::object::option", skip_serializing_if = "Option::is_none")]
    pub sla: Option<SlaContract>,
    /// Actions that it may ask for within limits.
    #[serde(default, deserialize_with = "crate::decode::null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub eligible_for: Vec<Id>,
    /// Everything else.
    #[serde(default, deserialize_with = "crate::decode::null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<Id, Value>,
}

impl Account {
    /// Makes an account of which nothing is known but its id.
    pub fn unknown(account_id: Id) -> Self {
        Self { account_id, ..Self::default() }
    }
}

impl SlaContract {
    fn is_sound(&self) -> bool {
        let periods = [&self.first_response, &self.resolution];
        periods.into_iter().flatten().all(|period| text::duration(period).is_some())
            && is_id_or_none(self.calendar.as_ref())
    }
}

impl FromOutside for Account {
    const SHAPE: Shape = Shape::Record(&[
        required("account_id", Shape::Id),
        optional("name", Shape::Text),
        optional("tier", Shape::Id),
        optional("segment", Shape::Id),
        optional("industry", Shape::Id),
        optional("annual_value", Shape::Money),
        optional("currency", Shape::Id),
        optional("owner", Shape::Id),
        optional("locale", Shape::Id),
        optional("time_zone", Shape::Zone),
        optional("identities", Shape::Identities),
        optional(
            "quiet_periods",
            Shape::List(&Shape::Record(&[
                required("from", Shape::Date),
                required("to", Shape::Date),
                optional("why", Shape::Text),
            ])),
        ),
        optional(
            "sla",
            Shape::Record(&[
                optional("first_response", Shape::Period),
                optional("resolution", Shape::Period),
                optional("calendar", Shape::Id),
            ]),
        ),
        optional("eligible_for", Shape::List(&Shape::Id)),
        optional("attributes", Shape::Map(&Shape::Any)),
    ]);

    fn is_sound(&self) -> bool {
        let ids = [&self.tier, &self.segment, &self.industry, &self.currency, &self.owner, &self.locale];
        is_id(&self.account_id)
            && ids.into_iter().all(|id| is_id_or_none(id.as_ref()))
            && self.time_zone.as_ref().is_none_or(|zone| text::is_time_zone(zone))
            && self.identities.iter().all(|identity| is_id(&identity.identity_type) && is_id(&identity.value))
            && self.quiet_periods.iter().all(|quiet| text::is_date(&quiet.from) && text::is_date(&quiet.to))
            && self.sla.as_ref().is_none_or(SlaContract::is_sound)
            && self.eligible_for.iter().all(|action| is_id(action))
            && self.attributes.iter().all(|(name, value)| is_id(name) && !value.is_null())
    }

    fn combination(&self) -> Result<(), Rejection> {
        match self.quiet_periods.iter().position(|quiet| quiet.to < quiet.from) {
            Some(index) => Err(Rejection::new(Reason::InvalidValue, format!("quiet_periods.{index}.to"))),
            None => Ok(()),
        }
    }
}

impl Account {
    /// Reads an account.
    ///
    /// # Errors
    /// A [`Rejection`] with the reason and the field.
    pub fn decode(json: &[u8]) -> Result<Self, Rejection> {
        decode(json)
    }
}
