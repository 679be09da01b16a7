//! A revision as it is written, and the request that tells *assign* of it.

use crate::dossier;
use crate::episode::{Episode, ReasonState};
use crate::step::Step;
use baton_records::{
    Approval, CloseReason, Dossier, Handoff, Id, Quorum, ReasonForHandoff, Request, RequestState, Sla, Status,
    Timestamp,
};
use baton_stream::{Counted, Handed, wire};

impl Step<'_> {
    /// Writes one more revision, its deadlines and its request.
    pub(crate) fn revise(&mut self, episode: &mut Episode, status: Status, at: i64) {
        let account = self.record();
        let dossier = dossier::build(self.state, self.rules, &account, episode);
        self.write(episode, status, at, None, dossier);
    }

    /// Writes a revision with this dossier.
    pub(crate) fn write(
        &mut self,
        episode: &mut Episode,
        status: Status,
        at: i64,
        close: Option<CloseReason>,
        dossier: Dossier,
    ) {
        episode.revision += 1;
        episode.decided = episode.decided.max(at);
        episode.shown_agent = episode.agent.is_some();
        episode.expires = Timestamp::from_millis(episode.decided).plus(self.rules.policy.limits.expire_after).millis();
        let handoff = self.handoff(episode, status, close, dossier);
        self.out.write(wire::handoff(&handoff, self.trace.as_ref()));
        self.out.count(Counted::Handed(Handed {
            strategy: handoff.reasons.first().map(|reason| reason.strategy),
            team: handoff.team,
            status,
            arrival: Timestamp::from_millis(self.arrival),
        }));
        self.revised.push(episode.handoff_id.clone());
        let state = match (close, episode.accepted, episode.returned) {
            (Some(_), _, _) | (None, _, true) => RequestState::Closed,
            (None, true, _) => RequestState::Accepted,
            (None, false, _) => RequestState::Queued,
        };
        self.request(episode, state);
    }

    fn handoff(&self, episode: &Episode, status: Status, close: Option<CloseReason>, dossier: Dossier) -> Handoff {
        let here = episode.joined.iter().find(|c| !c.is_empty()).cloned().unwrap_or_default();
        let key = (self.account.clone(), episode.conversation.clone().unwrap_or(here));
        let face = self.state.conversations.get(&key).map(|c| c.face(&episode.cut).clone()).unwrap_or_default();
        let locale = self.record().locale.clone();
        let locale =
            locale.as_deref().and_then(|l| l.split(['-', '_']).next()).filter(|l| !l.is_empty()).unwrap_or("en");
        let mut notify = episode.notify.clone();
        notify.sort();
        Handoff {
            handoff_id: episode.handoff_id.clone(),
            revision: episode.revision,
            epoch: episode.epoch,
            status,
            account_id: self.account.clone(),
            conversation_id: episode.conversation.clone(),
            contact_id: face.contact,
            channel: face.channel.filter(|_| episode.conversation.is_some()),
            language: face.language.unwrap_or_else(|| Id::from(locale)),
            identities: if episode.erased { Default::default() } else { face.identities.into_iter().collect() },
            external: episode.external.clone(),
            close_reason: close,
            stage: episode.stage,
            priority: episode.priority,
            team: episode.team.clone(),
            bypassed: episode.bypassed(),
            agent: episode.agent.clone(),
            notify,
            requirements: episode.requirements(),
            overflow: episode.overflow.clone(),
            sla: Sla {
                tier: episode.clocks.tier.clone(),
                first_response_due: episode.clocks.first.map(|(due, _)| Timestamp::from_millis(due)),
                resolution_due: episode.clocks.resolution.map(|(due, _)| Timestamp::from_millis(due)),
            },
            reasons: reasons(episode),
            workflow: episode.workflow(),
            approval: approval(episode),
            dossier,
            policy_version: self.rules.version.clone(),
            decided_at: Timestamp::from_millis(episode.decided),
        }
    }

    /// Tells *assign* how the handoff stands now.
    pub(crate) fn request(&mut self, episode: &mut Episode, state: RequestState) {
        let pool = self.rules.pool_of(&episode.team);
        if let Some(old) = episode.pool.take_if(|old| pool.as_ref() != Some(old)) {
            let request = self.snapshot(episode, RequestState::Closed);
            self.out.write(wire::pool_request(request, &old));
            (episode.answered, episode.queued_revision) = (0, episode.revision);
        }
        if let Some(pool) = pool {
            let request = self.snapshot(episode, state);
            self.out.write(wire::pool_request(request, &pool));
            episode.pool = Some(pool);
        }
    }

    fn snapshot(&self, episode: &Episode, state: RequestState) -> Request {
        let key = (self.account.clone(), episode.conversation.clone().unwrap_or_default());
        let account = self.record();
        Request {
            handoff_id: episode.handoff_id.clone(),
            account_id: self.account.clone(),
            revision: episode.revision,
            at: Timestamp::from_millis(episode.decided),
            state,
            team: episode.team.clone(),
            priority: episode.priority,
            sla: episode.sla_state(),
            first_response_due: episode.clocks.first.map(|(due, _)| Timestamp::from_millis(due)),
            opened_at: Timestamp::from_millis(episode.opened_at),
            agent_id: episode.agent.as_ref().map(|a| a.agent_id.clone()),
            declined: episode.declined.clone(),
            requirements: episode.requirements(),
            industry: account.industry.clone(),
            subject: self.state.conversations.get(&key).and_then(|c| c.newest_subject().cloned()),
            resolved_by: episode.resolved_by.clone(),
            policy_version: self.rules.version.clone(),
        }
    }
}

fn reasons(episode: &Episode) -> Vec<ReasonForHandoff> {
    let shown = |r: &ReasonState| ReasonForHandoff {
        strategy: r.strategy,
        rule: r.rule.clone(),
        team: r.team.clone(),
        priority: r.priority,
        summary: r.summary.clone(),
        value: r.value,
        threshold: r.threshold,
        evidence: r.evidence.iter().map(|e| e.at.1.clone()).collect(),
    };
    episode.reasons.iter().map(shown).collect()
}

fn approval(episode: &Episode) -> Option<Approval> {
    let shown = episode.shown_approval()?;
    Some(Approval {
        action: shown.request.action.clone(),
        request: shown.request.clone(),
        digest: shown.digest.clone(),
        approvers: shown.approvers.clone(),
        quorum: if shown.all { Quorum::All } else { Quorum::Any },
        due: Timestamp::from_millis(shown.due),
        clause: shown.clause.clone(),
    })
}
