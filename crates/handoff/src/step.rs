//! One record of the log being decided: opening, joining, revising and closing handoffs.

use crate::decisions::Judgement;
use crate::dossier;
use crate::episode::{Episode, Finding, Merged};
use crate::facts;
use crate::rules::Rules;
use crate::state::{At, Closed, Opens, Quiet, State, ordered};
use baton_records::{Account, CloseReason, Id, Outcome, Priority, Stage, Status, Strategy, Timestamp, Why, ids};
use baton_stream::Outbox;
use std::sync::Arc;

/// Facts that are pinned for one handoff.
const PINS: usize = 128;
/// For how long a closed handoff takes ratings.
const REMEMBERED_DAYS: u64 = 100;
const DAY_MS: i64 = 86_400_000;

/// One record of the log being decided.
pub(crate) struct Step<'a> {
    pub state: &'a mut State,
    pub rules: &'a Rules,
    pub out: &'a mut Outbox,
    pub seq: u64,
    /// Its log time.
    pub time: i64,
    pub arrival: i64,
    pub account: Id,
    pub trace: Option<Id>,
    /// How many handoffs it opened.
    pub opened: u32,
    /// Handoffs that got a revision.
    pub revised: Vec<Id>,
}

/// Where an open handoff stands: account and conversation.
pub(crate) type Place = (Id, Id);

impl Step<'_> {
    /// Returns the account's record, or what holds without one.
    pub(crate) fn record(&self) -> Arc<Account> {
        let known = self.state.accounts.get(&self.account).map(Arc::clone);
        known.unwrap_or_else(|| Arc::new(Account::unknown(self.account.clone())))
    }

    /// Returns the account's open handoffs.
    pub(crate) fn open_places(&self) -> impl Iterator<Item = (&Place, &Episode)> {
        let from = (self.account.clone(), Id::default());
        self.state.open.range(from..).take_while(|(k, _)| k.0 == self.account)
    }

    /// Returns the open handoff that a reason joins: its conversation's, else the one without conversation; for what has
    /// no conversation the one that opened last.
    pub(crate) fn place_for(&self, conversation: Option<&Id>) -> Option<Place> {
        match conversation {
            Some(conversation) => {
                let own = (self.account.clone(), conversation.clone());
                let without = (self.account.clone(), Id::default());
                [own, without].into_iter().find(|place| self.state.open.get(place).is_some())
            }
            None => self.open_places().max_by_key(|(_, e)| e.opened_seq).map(|(place, _)| place.clone()),
        }
    }

    /// Merges what rules found into the handoff that it concerns, opens one when there is none, and says in the
    /// judgement what came of it.
    pub(crate) fn apply(&mut self, conversation: Option<&Id>, at: i64, judgement: &mut Judgement<'_>) {
        let findings = std::mem::take(&mut judgement.findings);
        let (about_account, here): (Vec<_>, Vec<_>) = findings.into_iter().partition(|f| f.about_account);
        for (findings, conversation) in [(here, conversation), (about_account, None)] {
            if findings.is_empty() {
                continue;
            }
            match self.place_for(conversation) {
                Some(place) => self.merge(&place, findings, conversation, at, judgement),
                None => self.open(findings, conversation, at, judgement),
            }
        }
    }

    fn merge(
        &mut self,
        place: &Place,
        findings: Vec<Finding<'_>>,
        conversation: Option<&Id>,
        at: i64,
        judgement: &mut Judgement<'_>,
    ) {
        let Some(mut episode) = self.take(place) else { return };
        let mut merged = Merged::Nothing;
        for mut finding in findings {
            self.pin(&episode.handoff_id, &mut finding);
            merged = merged.max(episode.merge(&finding));
            if let Some(approval) = finding.approval {
                merged = merged.max(crate::approval::take(&mut episode, approval));
            }
        }
        if let Some(conversation) = conversation {
            episode.join(conversation);
        }
        judgement.handoff_id = Some(episode.handoff_id.clone());
        if merged == Merged::Nothing {
            judgement.say(Outcome::None, Why::Fired);
        } else {
            let moved = episode.settle(&self.rules.policy);
            episode.notify_losers();
            let again = episode.returned;
            episode.returned = false;
            self.own_epoch(&mut episode);
            self.set_clocks(&mut episode);
            if moved || again {
                // What *assign* said of another team, or before the AI had it, is over.
                episode.queued_revision = episode.revision + 1;
            }
            if again {
                episode.answered = 0;
            }
            self.revise(&mut episode, Status::Updated, at);
            judgement.say(Outcome::Updated, Why::Fired);
        }
        self.put(place.clone(), episode);
    }

    fn open(&mut self, findings: Vec<Finding<'_>>, conversation: Option<&Id>, at: i64, judgement: &mut Judgement<'_>) {
        let minute = self.time.div_euclid(60_000);
        let mut findings: Vec<_> = findings
            .into_iter()
            .filter(|f| {
                let opens = self.state.opens.get(&f.rule.name).copied().unwrap_or_default();
                let capped = f.rule.max_opens_per_min.is_some_and(|most| opens.minute == minute && opens.count >= most);
                if capped {
                    judgement.silence(Why::RateCapped);
                }
                !capped
            })
            .collect();
        let Some(mut episode) = self.first_shape(&findings, conversation, at) else { return };
        for finding in &mut findings {
            self.pin(&Id::default(), finding);
            episode.merge(finding);
            if let Some(approval) = finding.approval.take() {
                crate::approval::take(&mut episode, approval);
            }
        }
        episode.settle(&self.rules.policy);
        episode.handoff_id = self.new_id(conversation, self.cause(&episode, &findings));
        for finding in &mut findings {
            self.pin(&episode.handoff_id.clone(), finding);
            if finding.name == episode.lead && finding.rule.max_opens_per_min.is_some() {
                self.state.opens.update_or_default(&finding.rule.name, |o| {
                    *o = Opens { minute, count: if o.minute == minute { o.count + 1 } else { 1 } };
                });
            }
        }
        self.set_clocks(&mut episode);
        self.opened += 1;
        self.revise(&mut episode, Status::Opened, at);
        judgement.handoff_id = Some(episode.handoff_id.clone());
        judgement.say(Outcome::Opened, Why::Fired);
        self.put((self.account.clone(), conversation.cloned().unwrap_or_default()), episode);
    }

    /// Returns the id of a handoff with this cause. One that closed may have had the same, when another rule finds its
    /// evidence later: then the id derives from that handoff's.
    fn new_id(&self, conversation: Option<&Id>, mut cause: Id) -> Id {
        loop {
            let id = ids::handoff_id(&self.account, conversation.map(Id::as_str), &cause);
            if self.state.closed.get(&(self.account.clone(), id.clone())).is_none() {
                return id;
            }
            cause = id;
        }
    }

    /// The event, or the deadline, that an episode's id derives from.
    fn cause(&self, episode: &Episode, findings: &[Finding<'_>]) -> Id {
        let lead = findings.iter().find(|f| f.name == episode.lead);
        if let Some(cause) = lead.and_then(|f| f.cause.clone()) {
            return cause;
        }
        let newest = episode.reasons.first().and_then(|r| r.evidence.last()).map(|e| &e.at.1);
        let since = lead.map(|f| &f.since.1).filter(|id| !id.is_empty());
        newest.or(since).unwrap_or(&episode.lead).clone()
    }

    fn first_shape(&self, findings: &[Finding<'_>], conversation: Option<&Id>, at: i64) -> Option<Episode> {
        let first = findings.first()?;
        let key = (self.account.clone(), conversation.cloned().unwrap_or_default());
        let epoch = self.state.conversations.get(&key).map_or(1, |c| c.epoch.max(1));
        Some(Episode {
            handoff_id: Id::default(),
            conversation: conversation.cloned(),
            joined: vec![conversation.cloned().unwrap_or_default()],
            opened_at: at,
            opened_seq: (self.seq, self.opened),
            revision: 0,
            decided: at,
            epoch,
            stage: Stage::Observe,
            priority: Priority::Low,
            team: first.rule.team.clone(),
            routed: None,
            lead: Id::default(),
            agent: None,
            shown_agent: false,
            accepted: false,
            taken: false,
            returned: false,
            declined: Vec::new(),
            notify: Vec::new(),
            overflow: None,
            external: None,
            reasons: Vec::new(),
            clocks: crate::episode::Clocks::default(),
            approvals: Vec::new(),
            cut: (i64::MIN, Id::default()),
            evidence_cut: (i64::MIN, Id::default()),
            answered: 0,
            reports: Vec::new(),
            queued_revision: 1,
            pool: None,
            expires: 0,
            erased: false,
            resolved_by: None,
        })
    }

    /// Keeps the facts of a finding's evidence as long as the handoff lives; evidence that is no fact any more is none.
    fn pin(&mut self, handoff: &Id, finding: &mut Finding<'_>) {
        let mut known = Vec::with_capacity(finding.evidence.len());
        for evidence in std::mem::take(&mut finding.evidence) {
            let from = (handoff.clone(), 0, Id::default());
            let mut pinned = self.state.pinned.range(from..).take_while(|(k, _)| k.0 == *handoff);
            if !handoff.is_empty() && pinned.any(|(k, fact)| k.2 == evidence.at.1 && fact.is_at(evidence.at.0)) {
                known.push(evidence);
            } else if let Some(fact) = facts::of_evidence(self.state, &self.account, &evidence) {
                if !handoff.is_empty() {
                    self.state.pinned.put(dossier::pin_key(handoff, fact.as_of, &evidence.at.1), fact);
                }
                known.push(evidence);
            }
        }
        finding.evidence = known;
        let from = (handoff.clone(), 0, Id::default());
        let pins: Vec<_> =
            self.state.pinned.range(from..).take_while(|(k, _)| k.0 == *handoff).map(|(k, _)| k.clone()).collect();
        // The oldest stays: the clocks may count from it.
        for key in pins.iter().skip(1).take(pins.len().saturating_sub(PINS)) {
            self.state.pinned.remove(key);
        }
    }

    /// Counts a change of the conversation's owner.
    pub(crate) fn own_epoch(&mut self, episode: &mut Episode) {
        let human = episode.human_owns();
        // Even epochs are a human's: the AI has the first, and owners take turns.
        if episode.epoch.is_multiple_of(2) != human {
            episode.epoch += 1;
            let key = (self.account.clone(), episode.conversation.clone().unwrap_or_default());
            let epoch = episode.epoch;
            self.state.conversations.update_or_default(&key, |c| c.epoch = epoch);
        }
    }

    /// Closes a handoff that has been taken out of the open ones.
    pub(crate) fn close(&mut self, mut episode: Episode, status: Status, reason: CloseReason, at: i64) {
        episode.accepted = false;
        self.own_epoch(&mut episode);
        let account = self.record();
        let dossier = dossier::build(self.state, self.rules, &account, &episode);
        self.write(&mut episode, status, at, Some(reason), dossier);
        let until = Timestamp::from_millis(at.max(self.arrival)).plus(self.rules.policy.limits.cool_down).millis();
        for joined in &episode.joined {
            for r in &episode.reasons {
                let used: At = r.evidence.last().map(|e| e.at.clone()).unwrap_or_default();
                self.state.quiet.put((self.account.clone(), joined.clone(), r.rule.clone()), Quiet { until, used });
            }
        }
        // What detectors say is about the account, whichever conversation's handoff it joined.
        for r in episode.reasons.iter().filter(|r| r.strategy == Strategy::Anomaly) {
            let quiet = Quiet { until, used: At::default() };
            self.state.quiet.put((self.account.clone(), Id::default(), r.rule.clone()), quiet);
        }
        self.forget_quiet();
        // An amendment closes without anybody having looked at what was asked beside the request.
        if reason != CloseReason::WithinAuthority {
            self.forget_questions(|q| episode.joined.contains(&q.conversation));
        }
        let from = (episode.handoff_id.clone(), 0, Id::default());
        let pins: Vec<_> = self
            .state
            .pinned
            .range(from..)
            .take_while(|(k, _)| k.0 == episode.handoff_id)
            .map(|(k, _)| k.clone())
            .collect();
        for key in &pins {
            self.state.pinned.remove(key);
        }
        let forget = self.time.max(at).saturating_add(REMEMBERED_DAYS.cast_signed() * DAY_MS);
        self.state.forget.put((ordered(forget), self.account.clone(), episode.handoff_id.clone()), ());
        let closed = Closed { at: at.max(self.arrival), external: episode.external };
        self.state.closed.put((self.account.clone(), episode.handoff_id), closed);
    }

    /// Forgets which rules were quiet, once they are not any more, for conversations that are forgotten themselves.
    fn forget_quiet(&mut self) {
        let from = (self.account.clone(), Id::default(), Id::default());
        let all = self.state.quiet.range(from..).take_while(|(k, _)| k.0 == self.account);
        let over = all.filter(|(k, quiet)| quiet.until <= self.arrival && self.conversation(&k.1).is_none());
        let over: Vec<_> = over.map(|(k, _)| k.clone()).collect();
        for key in &over {
            self.state.quiet.remove(key);
        }
    }

    /// Gives every open handoff a revision whose dossier an event within the lateness bound changes.
    pub(crate) fn refresh(&mut self, at: &At) {
        let changed: Vec<Place> = self
            .open_places()
            .filter(|(_, e)| *at <= e.evidence_cut && !self.revised.contains(&e.handoff_id))
            .map(|(place, _)| place.clone())
            .collect();
        for place in changed {
            let Some(mut episode) = self.take(&place) else { continue };
            self.set_clocks(&mut episode);
            self.revise(&mut episode, Status::Updated, self.arrival);
            self.put(place, episode);
        }
    }
}
