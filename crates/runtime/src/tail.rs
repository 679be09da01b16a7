//! Reads topics from their beginnings, and goes on with what comes: for those who watch.

use crate::config::Config;
use crate::error::{Failure, StartError};
use crate::reader::Reader;
use crate::tools::StoredRecord;
use crate::topics;
use std::time::Duration;

/// A `read_committed` reader of some topics, without a group.
pub struct Tail {
    reader: Reader,
}

impl Tail {
    /// Opens it; `names` are names on the cluster.
    ///
    /// # Errors
    /// When a topic does not exist or the brokers do not answer.
    pub fn open(config: &Config, names: &[String]) -> Result<Self, StartError> {
        let counts = topics::counts(config)?;
        let mut from = Vec::new();
        for name in names {
            let count = counts.get(name).ok_or_else(|| {
                StartError::Refused(format!("topic {name} does not exist; make it with: baton topics create"))
            })?;
            from.extend((0..*count).map(|partition| ((name.clone(), partition), 0)));
        }
        let reader = Reader::open(config, &from).map_err(|failure| refuse(&failure.into()))?;
        Ok(Self { reader })
    }

    /// Returns the next record, or none when there was none for `timeout`.
    ///
    /// # Errors
    /// When the topics cannot be read any more.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<StoredRecord>, StartError> {
        let record = self.reader.next(timeout).map_err(|failure| refuse(&failure))?;
        Ok(record.as_ref().map(StoredRecord::of))
    }
}

fn refuse(failure: &Failure) -> StartError {
    StartError::Refused(format!("the topics cannot be watched: {failure}"))
}
