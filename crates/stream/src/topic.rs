//! Topics by what they are for.

use baton_records::Id;

/// A topic. Only the runtime knows its name on a cluster, which a prefix may change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// A source of events.
    Source(Id),
    /// `baton.accounts`.
    Accounts,
    /// `baton.agents`.
    Agents,
    /// `baton.lifecycle`.
    Lifecycle,
    /// `baton.policies`.
    Policies,
    /// `baton.context-unifier.ties`: which conversations, tickets and orders belong to which account.
    Ties,
    /// `baton.context-unifier.account.repartition`.
    AccountRepartition,
    /// `baton.router.pool.repartition`.
    PoolRepartition,
    /// `baton.interactions`: the log.
    Interactions,
    /// `baton.contexts`.
    Contexts,
    /// `baton.signals`.
    Signals,
    /// `baton.handoffs`.
    Handoffs,
    /// `baton.decisions`.
    Decisions,
    /// `baton.dead-letters`.
    DeadLetters,
}

impl Topic {
    /// Returns the name without the prefix and its dot; a source's name stands as it is.
    pub fn suffix(&self) -> &str {
        match self {
            Self::Source(name) => name,
            Self::Accounts => "accounts",
            Self::Agents => "agents",
            Self::Lifecycle => "lifecycle",
            Self::Policies => "policies",
            Self::Ties => "context-unifier.ties",
            Self::AccountRepartition => "context-unifier.account.repartition",
            Self::PoolRepartition => "router.pool.repartition",
            Self::Interactions => "interactions",
            Self::Contexts => "contexts",
            Self::Signals => "signals",
            Self::Handoffs => "handoffs",
            Self::Decisions => "decisions",
            Self::DeadLetters => "dead-letters",
        }
    }

    /// Returns the name on a cluster with this prefix.
    pub fn name(&self, prefix: &str) -> String {
        match self {
            Self::Source(name) => name.to_string(),
            other => format!("{prefix}.{}", other.suffix()),
        }
    }

    /// Returns the name under the prefix `baton`: what records, dead letters and replay files call the topic on every
    /// cluster, so that no byte of them depends on a prefix.
    pub fn canonical(&self) -> Id {
        match self {
            Self::Source(name) => name.clone(),
            Self::Accounts => Id::new_static("baton.accounts"),
            Self::Agents => Id::new_static("baton.agents"),
            Self::Lifecycle => Id::new_static("baton.lifecycle"),
            Self::Policies => Id::new_static("baton.policies"),
            Self::PoolRepartition => Id::new_static("baton.router.pool.repartition"),
            other => Id::from(other.name("baton")),
        }
    }
}
