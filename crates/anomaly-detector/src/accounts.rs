//! What of an account record matters to detectors.

use baton_records::{Account, Id, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// An account, as far as detectors look at it; few bytes for one without a record.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Watched {
    /// Its oldest event, in milliseconds since the epoch.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub(crate) first: Option<i64>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(crate) segment: Option<Id>,
    #[serde(rename = "z", default, skip_serializing_if = "Option::is_none")]
    time_zone: Option<Id>,
    /// First and last days, both quiet.
    #[serde(rename = "q", default, skip_serializing_if = "Vec::is_empty")]
    quiet: Vec<(Id, Id)>,
}

impl Watched {
    /// Of more quiet periods the ones that end first are left out.
    const QUIET_PERIODS: usize = 100;

    /// Takes over a new account record; none is a tombstone, after which the defaults hold.
    pub(crate) fn describe(&mut self, account: Option<&Account>) {
        let first = self.first;
        *self = account.map_or_else(Self::default, |account| {
            let mut quiet: Vec<(Id, Id)> =
                account.quiet_periods.iter().map(|p| (p.from.clone(), p.to.clone())).collect();
            quiet.sort_by(|a, b| b.1.cmp(&a.1));
            quiet.truncate(Self::QUIET_PERIODS);
            Self { first: None, segment: account.segment.clone(), time_zone: account.time_zone.clone(), quiet }
        });
        self.first = first;
    }

    /// Returns when the last quiet period ends that touches the time from `from` to `to`; periods that touch each other
    /// are one.
    pub(crate) fn quiet_until(&self, from: Timestamp, to: Timestamp) -> Option<Timestamp> {
        if self.quiet.is_empty() {
            return None;
        }
        let zone = self.time_zone.as_deref().and_then(|z| TimeZone::get(z).ok()).unwrap_or(TimeZone::UTC);
        let periods: Vec<(i64, i64)> = self.quiet.iter().filter_map(|(a, b)| period(a, b, &zone)).collect();
        let mut until: Option<i64> = None;
        loop {
            let reach = until.unwrap_or(to.millis());
            let next = periods
                .iter()
                .filter(|(start, end)| *start <= reach && *end > from.millis() && until.is_none_or(|u| *end > u))
                .map(|(_, end)| *end)
                .max();
            match next {
                Some(end) => until = Some(end),
                None => return until.map(Timestamp::from_millis),
            }
        }
    }
}

/// Returns the first moment of a period, and the first moment after it.
fn period(from: &str, to: &str, zone: &TimeZone) -> Option<(i64, i64)> {
    let (from, to): (Date, Date) = (from.parse().ok()?, to.parse().ok()?);
    let midnight = |date: Date| zone.to_timestamp(date.at(0, 0, 0, 0)).ok().map(|t| t.as_millisecond());
    let (start, end) = (midnight(from)?, midnight(to.tomorrow().ok()?)?);
    (end > start).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_records::QuietPeriod;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn watched(zone: Option<&str>, periods: &[(&str, &str)]) -> Watched {
        let mut watched = Watched::default();
        let quiet_periods = periods
            .iter()
            .map(|(from, to)| QuietPeriod { from: Id::from(*from), to: Id::from(*to), why: None })
            .collect();
        let account = Account { time_zone: zone.map(Id::from), quiet_periods, ..Account::unknown(Id::from("a")) };
        watched.describe(Some(&account));
        watched
    }

    #[test]
    fn both_days_are_quiet_in_the_zone_of_the_account() {
        let berlin = watched(Some("Europe/Berlin"), &[("2026-08-01", "2026-08-15")]);
        let end = Some(at("2026-08-16T00:00:00+02:00"));
        let until = |from: &str, to: &str| berlin.quiet_until(at(from), at(to));
        assert_eq!(until("2026-08-05T00:00:00Z", "2026-08-10T00:00:00Z"), end);
        assert_eq!(until("2026-07-20T00:00:00Z", "2026-07-31T22:00:00Z"), end);
        assert_eq!(until("2026-07-20T00:00:00Z", "2026-07-31T21:59:59Z"), None);
        assert_eq!(until("2026-08-15T21:59:59Z", "2026-08-20T00:00:00Z"), end);
        assert_eq!(until("2026-08-15T22:00:00Z", "2026-08-20T00:00:00Z"), None);
    }

    #[test]
    fn periods_that_touch_are_one_and_broken_ones_are_none() {
        let two =
            watched(None, &[("2026-08-01", "2026-08-15"), ("2026-08-16", "2026-08-20"), ("2026-09-01", "2026-09-02")]);
        let until = two.quiet_until(at("2026-08-01T00:00:00Z"), at("2026-08-02T00:00:00Z"));
        assert_eq!(until, Some(at("2026-08-21T00:00:00Z")));
        let broken = watched(Some("Nowhere/Land"), &[("2026-08-15", "2026-08-01"), ("soon", "later")]);
        assert_eq!(broken.quiet_until(at("2026-08-01T00:00:00Z"), at("2026-08-20T00:00:00Z")), None);
    }
}
