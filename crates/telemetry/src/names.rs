//! The names of all metrics, with their help texts and labels. They are a contract with dashboards and alerts.

/// A metric's name, help text and labels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) labels: &'static [&'static str],
}

macro_rules! names {
    ($($id:ident = $name:literal, [$($label:literal),*], $help:literal;)*) => {
        $(pub(crate) const $id: Name = Name { name: $name, help: $help, labels: &[$($label),*] };)*
        #[cfg(test)]
        pub(crate) const ALL: &[Name] = &[$($id),*];
    };
}

names! {
    BUILD = "baton_build_info", ["version"], "Always 1; the label says which release runs.";
    LAG_RECORDS = "baton_consumer_lag_records", ["topic", "partition"], "Records between the position and the end of an input partition.";
    LAG_SECONDS = "baton_consumer_lag_seconds", ["topic", "partition"], "Age of the oldest record of an input partition that is not yet taken; 0 when none is.";
    RECORDS = "baton_records_total", ["stage", "outcome", "reason"], "Input records by what became of them.";
    LOG_TIME_AGE = "baton_log_time_age_seconds", ["partition"], "How far the log time of a partition is behind the clock.";
    LOW_WATER_AGE = "baton_low_water_age_seconds", ["topic", "partition"], "How far the low-water mark of a source partition is behind the clock.";
    WAITED_FOR = "baton_source_partitions_waited_for", [], "Source partitions that cannot be read and hold log time back.";
    TASKS = "baton_tasks_assigned", ["stage"], "Tasks that this process runs.";
    TASKS_RESTORING = "baton_tasks_restoring", ["stage"], "Tasks whose state is being restored.";
    TRANSACTIONS = "baton_transactions_total", ["stage", "result"], "Ended transactions.";
    COMMIT_SECONDS = "baton_commit_duration_seconds", ["stage"], "Time from the end of a transaction's records to its end.";
    RESTORED_RECORDS = "baton_restored_records_total", ["stage"], "Changelog records read back.";
    RESTORED_BYTES = "baton_restored_bytes_total", ["stage"], "Changelog bytes read back.";
    RESTORE_REMAINING = "baton_restore_remaining_records", ["stage"], "Changelog records still to read before tasks run.";
    RESTORE_SECONDS = "baton_restore_duration_seconds", ["stage"], "How long the restores of tasks took.";
    STATE_ENTRIES = "baton_state_entries", ["store"], "Entries of a state store, over all tasks of this process.";
    HANDOFFS = "baton_handoffs_total", ["strategy", "team", "status"], "Revisions of handoffs by the strategy of the first reason, team and status.";
    DECISIONS = "baton_decisions_total", ["outcome", "why"], "Decisions, also those not to hand off.";
    LATENCY = "baton_end_to_end_latency_seconds", [], "Time from a record's arrival to the commit of the handoff that it caused.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_say_their_unit() {
        let names: BTreeSet<_> = ALL.iter().map(|n| n.name).collect();
        assert_eq!(names.len(), ALL.len());
        for name in ALL {
            assert!(name.name.starts_with("baton_"), "{}", name.name);
            let units =
                ["_total", "_seconds", "_bytes", "_records", "_entries", "_info", "_assigned", "_restoring", "_for"];
            assert!(units.iter().any(|unit| name.name.ends_with(unit)), "{}", name.name);
            assert!(name.help.ends_with('.'), "{}", name.name);
        }
    }

    #[test]
    fn no_label_can_name_an_account() {
        let bounded = [
            "version",
            "topic",
            "partition",
            "stage",
            "outcome",
            "reason",
            "result",
            "store",
            "strategy",
            "team",
            "status",
            "why",
        ];
        for label in ALL.iter().flat_map(|n| n.labels) {
            assert!(bounded.contains(label), "{label}");
        }
    }
}
