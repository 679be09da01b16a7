//! Which amounts are usual, and from or to whom.

use serde::{Deserialize, Serialize};

/// The usual amounts (by their logarithm) and counterparties (as 32-bit hashes, the newest 64).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Amounts {
    #[serde(rename = "n")]
    count: u32,
    #[serde(rename = "m")]
    mean: f64,
    #[serde(rename = "v")]
    squares: f64,
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    parties: Vec<u32>,
}

impl Amounts {
    /// How many counterparties are known.
    pub const PARTIES: usize = 64;

    /// Adds a usual payment; `amount` above 0.
    pub fn add(&mut self, amount: f64, party: Option<&str>) {
        // Old amounts fade, so that prices may rise: no mean over more than so many.
        const MEMORY: u32 = 200;
        self.count = self.count.saturating_add(1);
        let weight = f64::from(self.count.min(MEMORY));
        let distance = amount.max(0.01).ln() - self.mean;
        self.mean += distance / weight;
        self.squares += (distance * distance * (1.0 - 1.0 / weight) - self.squares) / weight;
        if let Some(party) = party {
            let party = hash(party);
            self.parties.retain(|p| *p != party);
            self.parties.push(party);
            if self.parties.len() > Self::PARTIES {
                self.parties.remove(0);
            }
        }
    }

    /// Tells whether a payment is unlike the usual ones: to nobody known, or, where nobody is named, far off in its
    /// amount. Whom the account pays again and again it may pay any amount.
    pub fn is_odd(&self, amount: f64, party: Option<&str>) -> bool {
        const FAR: f64 = 2.5;
        const SMALLEST_DEVIATION: f64 = 0.1;
        if self.count == 0 {
            return false;
        }
        let far = || {
            let deviation = self.squares.max(0.0).sqrt().max(SMALLEST_DEVIATION);
            (amount.max(0.01).ln() - self.mean).abs() > FAR * deviation
        };
        match party {
            Some(party) if !self.parties.is_empty() => !self.parties.contains(&hash(party)),
            _ => far(),
        }
    }
}

/// FNV-1a.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_debits_to_strangers_are_odd_and_payroll_is_not() {
        let mut amounts = Amounts::default();
        for month in 0..6 {
            for person in 0..20 {
                amounts.add(2_500.0 + f64::from(person * 60 + month), Some(&format!("person-{person}")));
            }
            amounts.add(18_000.0, Some("steel supplier"));
        }
        assert!(amounts.is_odd(12.0, Some("shop-1")));
        assert!(amounts.is_odd(12.0, None));
        assert!(!amounts.is_odd(2_580.0, Some("person-3")));
        assert!(!amounts.is_odd(2_580.0, None));
        assert!(!amounts.is_odd(18_400.0, Some("steel supplier")));
        assert!(amounts.is_odd(2_500.0, Some("somebody new")));
        assert!(!Amounts::default().is_odd(1.0, None));
    }
}
