//! What can go wrong around a test's broker.

use std::path::PathBuf;

/// A broker could not be started, stopped or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program that the broker needs is not installed.
    #[error(
        "{program} is not installed; tests need Java 17 or newer and Maven: apt-get install openjdk-17-jre-headless maven"
    )]
    MissingProgram {
        /// Its name.
        program: &'static str,
    },
    /// Maven could not fetch the broker's jars.
    #[error("maven could not fetch the jars of Apache Kafka into {}; its last lines: {output}", folder.display())]
    Jars {
        /// Where they should stand.
        folder: PathBuf,
        /// The end of what Maven said.
        output: String,
    },
    /// The broker ended, or did not answer in time.
    #[error("the broker of {} did not start: {why}", folder.display())]
    Start {
        /// Its folder.
        folder: PathBuf,
        /// Why, with the end of its log.
        why: String,
    },
    /// A file or a process could not be handled.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with its path.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The cluster was named from outside.
    #[error("the cluster of BATON_TEST_BROKERS is not this test's to {what}; unset the variable")]
    NotOurs {
        /// What was asked for.
        what: &'static str,
    },
    /// Neither `BATON_KAFKA_DIR` nor `HOME` says where the jars may stand.
    #[error("neither BATON_KAFKA_DIR nor HOME is set; set BATON_KAFKA_DIR to a folder for the jars of Apache Kafka")]
    NoCache,
    /// The client failed.
    #[error("topic {topic}: {source}")]
    Client {
        /// Which topic.
        topic: String,
        /// Why.
        source: rdkafka::error::KafkaError,
    },
    /// Something did not come in time.
    #[error(transparent)]
    Waited(#[from] crate::WaitedTooLong),
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
