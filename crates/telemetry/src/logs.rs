//! JSON logs on standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::TryInitError;

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is none.
    #[error("log level {level}: {source}; say error, warn, info, debug or trace, or target=level,…")]
    Level {
        /// What was said.
        level: String,
        /// Why it is none.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Somebody set it up before.
    #[error("logging is set up already: {0}")]
    Twice(#[from] TryInitError),
}

/// Writes logs from this level on (`info`, or `baton_runtime=debug,warn`) to standard error, one JSON object a line.
///
/// # Errors
/// [`LogError`] when the level is none, or logging was set up before.
pub fn init_logging(level: &str) -> Result<(), LogError> {
    use tracing_subscriber::util::SubscriberInitExt as _;
    subscriber(level, std::io::stderr)?.try_init()?;
    Ok(())
}

fn subscriber<W>(level: &str, writer: W) -> Result<impl tracing::Subscriber + Send + Sync, LogError>
where
    W: for<'w> tracing_subscriber::fmt::MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(level).map_err(|source| LogError::Level { level: level.to_owned(), source })?;
    Ok(tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(writer)
        .finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_one_json_object_with_fields_at_its_top() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber("info", move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!("not wanted");
            tracing::info!(topic = "chat", partition = 3, "assigned");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let object: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(object["message"], "assigned");
        assert_eq!(object["topic"], "chat");
        assert_eq!(object["partition"], 3);
        assert_eq!(object["level"], "INFO");
    }

    #[test]
    fn a_level_that_is_none_is_named() {
        let error = subscriber("baton=loud", std::io::sink).err().unwrap();
        assert!(error.to_string().starts_with("log level baton=loud"), "{error}");
    }
}
