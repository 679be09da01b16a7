//! Deadlines: business time, and which terms an account has.
//!
//! A calendar's working time is the union of `[from, to)` on its working days, in local time of the account's zone. A
//! deadline is the moment at which the given amount of working time has passed. Where clocks are set forward or back
//! within working hours, the time that really passed counts.

use crate::{Calendar, Policy, duration};
use baton_records::{Account, Id, Timestamp};
use jiff::civil::{Date, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Span, ToSpan};
use rust_decimal::Decimal;
use std::sync::LazyLock;
use std::time::Duration;

/// Days that a deadline is looked for at most; a calendar of holidays only, or a contract of centuries, ends there.
const MOST_DAYS: u32 = 8_000;

/// The tz database in the binary, so that no machine's own changes a deadline.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The SLA terms of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlaTerms {
    /// The tier.
    pub tier: Id,
    /// Until a human must have answered, in time of the calendar.
    pub first_response: Duration,
    /// Until it must be done, in time of the calendar.
    pub resolution: Duration,
    /// `always` or a calendar of the policy.
    pub calendar: Id,
    /// An IANA time zone.
    pub time_zone: Id,
}

impl Policy {
    /// Returns the account's `annual_value` in the policy's currency; none when its record names another currency, in
    /// which it never meets a limit.
    pub fn annual_value(&self, account: &Account) -> Option<Decimal> {
        let foreign = account.currency.as_ref().is_some_and(|currency| !currency.eq_ignore_ascii_case(&self.currency));
        (!foreign).then_some(account.annual_value)
    }

    /// Returns the tier that counts: the highest that the account's `annual_value` reaches, else the one that its record
    /// names, else the default.
    pub fn tier_of<'a>(&'a self, account: &'a Account) -> &'a Id {
        let by_value = self.annual_value(account).and_then(|value| {
            let reached = self.tiers.by_name.iter().filter_map(|(name, tier)| Some((tier.min_annual_value?, name)));
            reached.filter(|(least, _)| value >= *least).max().map(|(_, name)| name)
        });
        let by_record = || account.tier.as_ref().filter(|tier| self.tiers.by_name.contains_key(*tier));
        by_value.or_else(by_record).unwrap_or(&self.tiers.default)
    }

    /// Returns the terms of an account: its own contract field by field, else its tier's. What the contract says and
    /// cannot be read (a duration of months, an unknown calendar or time zone) counts as not said.
    pub fn sla_for(&self, account: &Account) -> SlaTerms {
        let tier_name = self.tier_of(account);
        let tier = self.tiers.by_name.get(tier_name);
        let own = account.sla.as_ref();
        let own_duration = |text: Option<&Id>| text.and_then(|text| duration::parse_iso(text));
        let own_calendar = own
            .and_then(|sla| sla.calendar.as_ref())
            .filter(|name| name.as_str() == "always" || self.calendars.contains_key(*name));
        SlaTerms {
            tier: tier_name.clone(),
            first_response: own_duration(own.and_then(|sla| sla.first_response.as_ref()))
                .or(tier.map(|tier| tier.first_response))
                .unwrap_or_default(),
            resolution: own_duration(own.and_then(|sla| sla.resolution.as_ref()))
                .or(tier.map(|tier| tier.resolution))
                .unwrap_or_default(),
            calendar: own_calendar.or(tier.map(|tier| &tier.calendar)).cloned().unwrap_or_else(|| "always".into()),
            time_zone: account.time_zone.clone().filter(|name| zone(name).is_some()).unwrap_or_else(|| "UTC".into()),
        }
    }

    /// Returns when `duration` of the calendar's working time has passed since `start`. `always`, or a calendar that
    /// the policy does not have, is around the clock; an unknown time zone is UTC.
    pub fn deadline(&self, start: Timestamp, duration: Duration, calendar: &str, time_zone: &str) -> Timestamp {
        match self.calendars.get(calendar) {
            None => start.plus(duration),
            Some(calendar) => calendar.after(start, duration, &zone(time_zone).unwrap_or(TimeZone::UTC)),
        }
    }

    /// Returns when the policy's share of `duration` has passed: from then on the deadline is at risk.
    pub fn at_risk(&self, start: Timestamp, duration: Duration, calendar: &str, time_zone: &str) -> Timestamp {
        self.deadline(start, duration.mul_f64(self.offers.at_risk_share.clamp(0.0, 1.0)), calendar, time_zone)
    }
}

/// Returns a zone by its name.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    ZONES.get(name).ok()
}

/// Parses `YYYY-MM-DD`.
pub(crate) fn date(text: &str) -> Option<Date> {
    let date: Date = text.parse().ok()?;
    (date.to_string() == text).then_some(date)
}

impl Calendar {
    /// Returns the working time of a week.
    pub fn weekly(&self) -> Duration {
        let day = u64::from(self.to_minute.saturating_sub(self.from_minute)) * 60;
        Duration::from_secs(day * self.days.len() as u64)
    }

    fn after(&self, start: Timestamp, duration: Duration, zone: &TimeZone) -> Timestamp {
        let Ok(instant) = jiff::Timestamp::from_millisecond(start.millis()) else { return start.plus(duration) };
        if duration.is_zero() {
            return start;
        }
        let mut rest = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        // A day earlier: hours that end at 24:00 may reach into the date at which `start` falls.
        let mut day = zone.to_datetime(instant).date().saturating_sub(1.day());
        for _ in 0..MOST_DAYS {
            if let Some((from, to)) = self.hours(day, zone) {
                let from = from.max(start.millis());
                if to > from {
                    if rest <= to - from {
                        return Timestamp::from_millis(from + rest);
                    }
                    rest -= to - from;
                }
            }
            day = day.saturating_add(1.day());
        }
        start.plus(duration.max(Duration::from_secs(u64::from(MOST_DAYS) * 86_400)))
    }

    /// Returns the working hours of a date in milliseconds since the epoch; none on a day off.
    fn hours(&self, day: Date, zone: &TimeZone) -> Option<(i64, i64)> {
        let weekday = u8::try_from(day.weekday().to_monday_zero_offset()).ok()?;
        if !self.days.contains(&weekday) || self.is_holiday(day) {
            return None;
        }
        Some((moment(day, self.from_minute, zone)?, moment(day, self.to_minute, zone)?))
    }

    fn is_holiday(&self, day: Date) -> bool {
        !self.holidays.is_empty() && self.holidays.contains(day.to_string().as_str())
    }
}

/// Returns the moment of a local time; one that clocks skip is moved behind the gap, of one that comes twice the first
/// counts.
fn moment(day: Date, minute: u16, zone: &TimeZone) -> Option<i64> {
    let local = day.to_datetime(Time::midnight()).checked_add(Span::new().minutes(i64::from(minute))).ok()?;
    zone.to_ambiguous_timestamp(local).compatible().ok().map(jiff::Timestamp::as_millisecond)
}
