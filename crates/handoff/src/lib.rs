//! *decide*: from the log and the signals to handoffs, decisions and requests. Pure: [`Decide`] is a function of the log.
//!
//! Reading order: `state` (what is remembered), `events` (the way of an event), the strategies (`cues`, `knowledge`,
//! `priority`, `gradual`, `anomaly`, `approval`, `skill`) which find reasons, `step` and `episode` (what becomes of
//! them), `revision` (what is written), `sla` and `deadlines` (what happens when nothing does), `lifecycle` and `assign_results` (what humans and
//! *assign* answer), `facts` and `dossier`, `decisions`.
//!
//! Invariants: at most one handoff is open for a conversation; revisions count 1, 2, 3 and `decided_at` never falls;
//! ids derive from events and deadlines alone; what is older than the lateness bound allows changes nothing that was
//! decided; every collection has a bound.

mod anomaly;
mod approval;
mod assign_results;
mod conversation;
mod cues;
mod deadlines;
mod decisions;
mod dossier;
mod episode;
mod events;
mod fact;
mod facts;
mod gradual;
mod knowledge;
mod lifecycle;
mod priority;
mod revision;
mod rules;
mod skill;
mod sla;
mod state;
mod step;

use baton_policy::Policy;
use baton_records::{Body, Entry, Interaction, LogRecord, Signal, Timestamp};
use baton_stream::{Broken, Counted, Outbox, Store};
use rules::Rules;
use state::{Meta, PolicyText, State};
use step::Step;

/// Owns the handoffs of the accounts of one partition.
#[derive(Debug)]
pub struct Decide {
    state: State,
    rules: Option<Rules>,
}

impl Default for Decide {
    fn default() -> Self {
        Self::new()
    }
}

impl Decide {
    /// Makes one that knows nothing; its stores may be restored before the first record.
    pub fn new() -> Self {
        Self { state: State::new(), rules: None }
    }

    /// Takes the next record of the log, with the detectors' deadlines that fired before it and the signals about it,
    /// scorer's before detector's. A record that was taken before changes nothing.
    ///
    /// # Errors
    /// [`Broken`] when there is no policy, or one that cannot be read.
    pub fn record(
        &mut self,
        record: &LogRecord,
        deadlines: Vec<Signal>,
        signals: Vec<Signal>,
        out: &mut Outbox,
    ) -> Result<(), Broken> {
        if record.seq <= self.position() {
            return Ok(());
        }
        self.compile()?;
        self.fire(record, deadlines, out)?;
        match &record.entry {
            Entry::Mark => {}
            Entry::Policy { version, text } => {
                self.state.policy.put((), PolicyText { version: version.clone(), text: text.clone() });
                self.rules = None;
                self.compile()?;
            }
            Entry::Interaction(interaction) => self.interaction(record, interaction, &signals, out)?,
        }
        for _ in 0..self.rules.as_ref().map_or(0, Rules::failed) {
            out.count(Counted::ConditionFailed);
        }
        self.state.meta.put((), Meta { position: record.seq, time: record.time.millis() });
        Ok(())
    }

    /// Returns the next deadline of all open handoffs.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        deadlines::next(&self.state).map(|due| Timestamp::from_millis(due.at))
    }

    /// Returns the log time up to which it has decided.
    pub fn decided_up_to(&self) -> Timestamp {
        Timestamp::from_millis(self.state.meta().time)
    }

    /// Returns the number of the last record that it took.
    pub fn position(&self) -> u64 {
        self.state.meta().position
    }

    /// Returns how many handoffs are open.
    pub fn open_handoffs(&self) -> usize {
        self.state.open.len()
    }

    /// Returns its stores, always the same ones in the same order.
    pub fn stores(&mut self) -> Vec<&mut dyn Store> {
        self.state.stores()
    }

    /// Compiles the policy in force when it is not: after a switch, and after a restore.
    fn compile(&mut self) -> Result<(), Broken> {
        if self.rules.is_some() {
            return Ok(());
        }
        let Some(policy) = self.state.policy.get(&()) else { return Ok(()) };
        let compiled = Policy::parse(&policy.text).map_err(|problems| Broken {
            what: format!(
                "policy {} in the log has {} problems; check it with `baton policy check`",
                policy.version,
                problems.len()
            ),
        })?;
        self.rules = Some(Rules::new(policy.version.clone(), compiled));
        Ok(())
    }

    /// Fires what is due before a record, by (deadline, detector before decide, id).
    fn fire(&mut self, record: &LogRecord, mut deadlines: Vec<Signal>, out: &mut Outbox) -> Result<(), Broken> {
        let (time, seq) = (record.time.millis(), record.seq);
        deadlines.sort_by(|a, b| (a.at, &a.signal_id).cmp(&(b.at, &b.signal_id)));
        let mut detectors = deadlines.into_iter().peekable();
        let mut opened = 0;
        loop {
            let own = deadlines::next(&self.state).filter(|due| due.at <= time);
            let detector = detectors.next_if(|s| own.as_ref().is_none_or(|own| s.at.millis() <= own.at));
            let (account, at) = match (&detector, &own) {
                (Some(signal), _) => (signal.account_id.clone(), signal.at.millis()),
                (None, Some(due)) => (due.place.0.clone(), due.at),
                (None, None) => return Ok(()),
            };
            let Self { state, rules } = self;
            let rules = rules.as_ref().ok_or_else(no_policy)?;
            let mut step =
                Step { state, rules, out, seq, time, arrival: at, account, trace: None, opened, revised: Vec::new() };
            match (detector, own) {
                (Some(signal), _) => step.judge_deadline(&signal),
                (None, Some(due)) => step.fire(due),
                (None, None) => {}
            }
            opened = step.opened;
        }
    }

    fn interaction(
        &mut self,
        record: &LogRecord,
        interaction: &Interaction,
        signals: &[Signal],
        out: &mut Outbox,
    ) -> Result<(), Broken> {
        let Self { state, rules } = self;
        let mut step = Step {
            state,
            rules: rules.as_ref().ok_or_else(no_policy)?,
            out,
            seq: record.seq,
            time: record.time.millis(),
            arrival: interaction.arrival.millis(),
            account: interaction.account_id.clone(),
            trace: interaction.traceparent.clone(),
            // What deadlines before this record opened comes first.
            opened: u32::MAX / 2,
            revised: Vec::new(),
        };
        step.forget();
        match &interaction.body {
            Body::Event { event, conversation } => {
                step.event(event, conversation.as_ref(), interaction.history, &interaction.source.topic, signals);
            }
            Body::Account { account } => step.account_record(account.as_deref()),
            Body::Lifecycle { lifecycle, agent_teams, received } => {
                step.lifecycle(lifecycle, agent_teams, received, &interaction.source);
            }
            Body::Assign { result } => step.assigned(result),
            Body::Ignored { .. } => {}
        }
        Ok(())
    }
}

fn no_policy() -> Broken {
    Broken {
        what: "the log has no policy before its first interaction; activate one with `baton policy activate`"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests;
