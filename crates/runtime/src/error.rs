//! What can go wrong, in three classes: what a new start of the thread mends, what stops the processor, and bad records,
//! which are no errors at all.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// An error of the Kafka client.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}: {code}")]
pub struct KafkaFailure {
    /// What was tried.
    pub what: &'static str,
    /// librdkafka's code.
    pub code: RDKafkaErrorCode,
    /// It does not go away for this client.
    pub fatal: bool,
}

impl KafkaFailure {
    /// Makes a failure.
    pub fn new(what: &'static str, code: RDKafkaErrorCode, fatal: bool) -> Self {
        Self { what, code, fatal }
    }

    /// Makes a failure of an error of `rdkafka`.
    pub fn of(what: &'static str, error: &KafkaError) -> Self {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        Self { what, code, fatal: code == RDKafkaErrorCode::Fatal }
    }
}

/// Why a thread ended its run.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// A new start mends it: nothing of the open transaction counts.
    #[error(transparent)]
    Restart(#[from] KafkaFailure),
    /// The processor must stop.
    #[error("{0}")]
    Stop(String),
}

impl From<baton_stream::Broken> for Failure {
    fn from(broken: baton_stream::Broken) -> Self {
        Self::Stop(broken.to_string())
    }
}

impl From<baton_stream::CorruptEntry> for Failure {
    fn from(corrupt: baton_stream::CorruptEntry) -> Self {
        Self::Stop(corrupt.to_string())
    }
}

/// The processor cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The brokers do not answer, or refuse.
    #[error("{what} at {brokers}: {source}; check --brokers and that the cluster is up")]
    Brokers {
        /// What was tried.
        what: &'static str,
        /// The bootstrap servers.
        brokers: String,
        /// The client's error.
        source: KafkaError,
    },
    /// The embedded broker of a demonstration.
    #[error("the embedded broker cannot {what}: {source}; look for limits on ports, threads and open files")]
    Embedded {
        /// What was tried.
        what: &'static str,
        /// The client's error.
        source: KafkaError,
    },
    /// It was told to stop.
    #[error("stopped before it had started")]
    Stopped,
    /// Anything that the user can mend.
    #[error("{0}")]
    Refused(String),
}
