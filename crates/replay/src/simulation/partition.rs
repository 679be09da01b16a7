//! One partition, as a `read_committed` reader sees it.

use baton_records::Timestamp;
use baton_stream::Header;

/// A record that stands in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value.
    pub value: Option<Vec<u8>>,
    /// The Kafka timestamp.
    pub timestamp: Timestamp,
    /// Headers.
    pub headers: Vec<Header>,
    /// The true time at which its transaction ended.
    pub written: Timestamp,
}

impl Stored {
    /// Tells whether it has a header of this name.
    pub fn has(&self, header: &str) -> bool {
        self.headers.iter().any(|h| h.name == header)
    }
}

/// A partition. Records appear when their transaction ends; the open transaction of a killed writer hides what follows.
#[derive(Debug, Default)]
pub struct Partition {
    records: Vec<Stored>,
    hidden: Option<(usize, Timestamp)>,
}

impl Partition {
    /// Appends a record.
    pub fn append(&mut self, record: Stored) {
        self.records.push(record);
    }

    /// Returns all records, also those that are hidden.
    pub fn records(&self) -> &[Stored] {
        &self.records
    }

    /// Returns the end, what is hidden included.
    pub const fn high_watermark(&self) -> usize {
        self.records.len()
    }

    /// Returns the end up to which a reader sees records.
    pub fn stable_end(&self, now: Timestamp) -> usize {
        match self.hidden {
            Some((from, until)) if now < until => from.min(self.records.len()),
            _ => self.records.len(),
        }
    }

    /// Hides what is written from now on until that time.
    pub fn hide(&mut self, now: Timestamp, until: Timestamp) {
        let from = self.stable_end(now);
        let until = self.hidden.filter(|(_, old)| now < *old).map_or(until, |(_, old)| old.max(until));
        self.hidden = Some((from, until));
    }

    /// Ends the open transaction.
    pub const fn show(&mut self) {
        self.hidden = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Stored {
        Stored { key: None, value: None, timestamp: Timestamp::MIN, headers: Vec::new(), written: Timestamp::MIN }
    }

    #[test]
    fn an_open_transaction_hides_what_follows_until_its_time_is_over() {
        let at = Timestamp::from_millis;
        let mut partition = Partition::default();
        partition.append(record());
        partition.hide(at(10), at(20));
        partition.append(record());
        assert_eq!((partition.stable_end(at(19)), partition.high_watermark()), (1, 2));
        assert_eq!(partition.stable_end(at(20)), 2);
        partition.hide(at(12), at(15));
        assert_eq!(partition.stable_end(at(19)), 1, "the longer of two open transactions counts");
        partition.show();
        assert_eq!(partition.stable_end(at(12)), 2);
    }
}
