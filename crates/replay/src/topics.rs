//! Names of topics in a file.

use baton_records::Id;
use baton_stream::Topic;

/// The topics that Baton alone writes; in a file of inputs they have no place.
const OUTPUTS: [Topic; 8] = [
    Topic::Ties,
    Topic::AccountRepartition,
    Topic::PoolRepartition,
    Topic::Contexts,
    Topic::Signals,
    Topic::Handoffs,
    Topic::Decisions,
    Topic::DeadLetters,
];

/// Topics that a replay writes and `--emit` may name.
const EMITTED: [Topic; 6] =
    [Topic::Interactions, Topic::Contexts, Topic::Signals, Topic::Handoffs, Topic::Decisions, Topic::DeadLetters];

/// Returns the topic of an input line, or none when only Baton writes that topic.
pub fn input_topic(prefix: &str, name: &str) -> Option<Topic> {
    let named = [Topic::Accounts, Topic::Agents, Topic::Lifecycle, Topic::Policies, Topic::Interactions];
    if let Some(topic) = named.into_iter().find(|t| is_named(t, prefix, name)) {
        return Some(topic);
    }
    (!OUTPUTS.iter().any(|t| is_named(t, prefix, name))).then(|| Topic::Source(Id::from(name)))
}

/// Returns the topic of a name given to `--emit`, or none when a replay does not write it.
pub fn emitted_topic(prefix: &str, name: &str) -> Option<Topic> {
    EMITTED.into_iter().find(|t| is_named(t, prefix, name))
}

fn is_named(topic: &Topic, prefix: &str, name: &str) -> bool {
    name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')) == Some(topic.suffix())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_what_the_prefix_makes_of_them() {
        assert_eq!(input_topic("baton", "baton.accounts"), Some(Topic::Accounts));
        assert_eq!(input_topic("baton", "baton.accounts2"), Some(Topic::Source("baton.accounts2".into())));
        assert_eq!(input_topic("test", "baton.accounts"), Some(Topic::Source("baton.accounts".into())));
        assert_eq!(input_topic("baton", "baton.handoffs"), None);
        assert_eq!(emitted_topic("baton", "baton.handoffs"), Some(Topic::Handoffs));
        assert_eq!(emitted_topic("baton", "baton.router.pool.repartition"), None);
    }
}
