//! The authority matrix: what a clause allows. Money and percentages are compared as decimals, to the last cent.

use crate::{Bound, Clause, ConditionError, Measure, Policy, Variables};
use baton_records::ApprovalRequest;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

impl Measure {
    /// Returns the number of a request that is measured; none when the request does not say it.
    pub fn of(self, request: &ApprovalRequest) -> Option<Decimal> {
        match self {
            Self::Percent => request.percent.and_then(Decimal::from_f64),
            Self::Amount => request.amount,
        }
    }
}

impl Clause {
    /// Says whether a request is within authority: the limit is kept and the `allow` condition holds. `earlier` is what
    /// counts together with it (automatic approvals within the window), zero if nothing does. A request that does not
    /// say what is measured, or an amount in a currency other than the policy's, is beyond authority.
    ///
    /// # Errors
    /// The `allow` condition failed; the request counts as beyond authority.
    pub fn allows(
        &self,
        policy: &Policy,
        request: &ApprovalRequest,
        earlier: Decimal,
        variables: &Variables<'_>,
    ) -> Result<bool, ConditionError> {
        Ok(self.within_limit(policy, request, earlier) && self.allow.holds(variables)?)
    }

    /// Says whether the request's number, together with `earlier`, keeps the limit; so it does without one.
    pub fn within_limit(&self, policy: &Policy, request: &ApprovalRequest, earlier: Decimal) -> bool {
        let (Some(measure), Some(limit)) = (self.measure, self.limit) else { return true };
        if measure == Measure::Amount
            && !request.currency.as_deref().is_some_and(|currency| currency.eq_ignore_ascii_case(&policy.currency))
        {
            return false;
        }
        let Some(value) = measure.of(request).filter(|value| !value.is_sign_negative() || value.is_zero()) else {
            return false;
        };
        let Some(total) = value.checked_add(earlier) else { return false };
        match self.bound {
            Bound::AtMost => total <= limit,
            Bound::Under => total < limit,
        }
    }
}
