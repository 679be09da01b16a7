//! Two layouts at once are refused: every member of a group says in its client id which one it runs.

use crate::config::{Config, REQUEST};
use crate::error::StartError;
use crate::stage::STAGES;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::time::{Duration, Instant};

const ASK_AGAIN: Duration = Duration::from_millis(100);

/// A member of one of Baton's groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its stage.
    pub stage: &'static str,
    /// `one` or `four`.
    pub layout: String,
    /// Where it connects from.
    pub host: String,
    /// Its id in the group.
    pub id: String,
}

/// Returns all members of Baton's groups.
///
/// # Errors
/// When the brokers do not answer.
pub fn members(config: &Config) -> Result<Vec<Member>, StartError> {
    let to_error =
        |source| StartError::Brokers { what: "cannot list consumer groups", brokers: config.brokers.clone(), source };
    let client: BaseConsumer = config.client().create().map_err(to_error)?;
    let started = Instant::now();
    let groups = loop {
        match client.fetch_group_list(None, REQUEST) {
            Ok(groups) => break groups,
            // A broker that has just started reads its groups first.
            Err(error) if is_loading(&error) && started.elapsed() < REQUEST => std::thread::sleep(ASK_AGAIN),
            Err(error) => return Err(to_error(error)),
        }
    };
    let mut all = Vec::new();
    for group in groups.groups() {
        let Some(stage) = STAGES.into_iter().find(|s| config.group(s) == group.name()) else { continue };
        for member in group.members() {
            let Some((layout, _)) = member.client_id().split_once(':') else { continue };
            all.push(Member {
                stage,
                layout: layout.to_owned(),
                host: member.client_host().to_owned(),
                id: member.id().to_owned(),
            });
        }
    }
    Ok(all)
}

fn is_loading(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::CoordinatorLoadInProgress
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::NotCoordinator
        )
    )
}

/// Refuses to start beside members of another layout.
///
/// # Errors
/// When there are any, or the brokers do not answer.
pub fn refuse_other(config: &Config, layout: &str) -> Result<(), StartError> {
    match members(config)?.into_iter().find(|m| m.layout != layout) {
        None => Ok(()),
        Some(other) => Err(StartError::Refused(format!(
            "the layout \"{}\" runs already ({} from {}), this would be \"{layout}\"; stop all of it first, or take another --prefix",
            other.layout, other.stage, other.host
        ))),
    }
}
