//! A state machine of random requests, agents and clocks, with a *decide* that believes every answer.

use super::script::{Changelog, Line, Pool, at};
use crate::entry::{Entry, Place};
use crate::need::{Needs, steps};
use crate::terms::Terms;
use baton_policy::TeamOverflow;
use baton_records::{
    AgentStatus, AssignResult, Id, PoolRecord, Priority, Request, RequestState, Requirement, SlaState, Timestamp,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, Clone)]
enum Op {
    Queue { team: u8, priority: u8, due: Option<u8>, needs: u8 },
    Raise { handoff: u8, sla: u8 },
    Update { handoff: u8 },
    Move { handoff: u8, team: u8 },
    Accept { handoff: u8, agent: Option<u8> },
    Decline { handoff: u8 },
    Transfer { handoff: u8, team: u8 },
    Close { handoff: u8 },
    Agent { agent: u8, teams: u8, status: u8, capacity: u8, load: u8, level: u8 },
    Gone { agent: u8 },
    Pass { seconds: u8 },
    Jump { seconds: u16 },
}

fn op() -> impl Strategy<Value = Op> {
    let any = any::<u8>;
    prop_oneof![
        4 => (any(), any(), proptest::option::of(any()), any())
            .prop_map(|(team, priority, due, needs)| Op::Queue { team, priority, due, needs }),
        1 => (any(), any()).prop_map(|(handoff, sla)| Op::Raise { handoff, sla }),
        1 => any().prop_map(|handoff| Op::Update { handoff }),
        1 => (any(), any()).prop_map(|(handoff, team)| Op::Move { handoff, team }),
        3 => (any(), proptest::option::weighted(0.2, any())).prop_map(|(handoff, agent)| Op::Accept { handoff, agent }),
        2 => any().prop_map(|handoff| Op::Decline { handoff }),
        1 => (any(), any()).prop_map(|(handoff, team)| Op::Transfer { handoff, team }),
        2 => any().prop_map(|handoff| Op::Close { handoff }),
        4 => (any(), any(), any(), any(), any(), any()).prop_map(|(agent, teams, status, capacity, load, level)| {
            Op::Agent { agent, teams, status, capacity, load, level }
        }),
        1 => any().prop_map(|agent| Op::Gone { agent }),
        4 => (0u8..90).prop_map(|seconds| Op::Pass { seconds }),
        1 => (0u16..5_000).prop_map(|seconds| Op::Jump { seconds }),
    ]
}

const TEAMS: [&str; 4] = ["one", "two", "three", "skilled"];
const AGENTS: [&str; 5] = ["a", "b", "c", "d", "e"];

fn pick<T: Copy>(of: &[T], number: u8) -> T {
    of[usize::from(number) % of.len()]
}

fn terms() -> Terms {
    let overflow =
        |to: &str, after| Some(TeamOverflow { to: to.into(), after: Duration::from_secs(after), notify: vec![] });
    Terms::of_teams(
        &[
            ("one".into(), overflow("two", 60)),
            ("two".into(), overflow("three", 20)),
            ("three".into(), None),
            ("skilled".into(), overflow("one", 45)),
        ],
        &[],
        &[],
    )
}

/// *decide*: what it asked for last, by handoff; it takes every answer at its word.
#[derive(Default)]
struct Desk {
    open: BTreeMap<Id, Request>,
    numbers: BTreeMap<Id, u32>,
    opened: u32,
}

impl Desk {
    fn chosen(&self, number: u8) -> Option<Request> {
        let count = self.open.len();
        (count > 0).then(|| self.open.values().nth(usize::from(number) % count).cloned()).flatten()
    }

    fn new_request(&mut self, now: i64, team: &str, priority: u8, due: Option<u8>, needs: u8) -> Request {
        self.opened += 1;
        let skill = |min_level, relax_to, relax_after_s| Requirement::Skill {
            skill: "x".into(),
            min_level,
            relax_to,
            relax_after_s,
        };
        let requirements = match needs % 5 {
            0 => vec![skill(3, Some(2), Some(30))],
            1 => vec![skill(2, None, None)],
            2 => vec![Requirement::Dedicated { dedicated: true, relax_to: Some("industry".into()) }],
            _ => Vec::new(),
        };
        Request {
            handoff_id: format!("h{:03}", self.opened).into(),
            account_id: format!("account{}", needs % 3).into(),
            revision: 1,
            at: at(now),
            state: RequestState::Queued,
            team: team.into(),
            priority: pick(&[Priority::Low, Priority::Normal, Priority::High, Priority::Critical], priority),
            sla: SlaState::Met,
            first_response_due: due.map(|due| at(now + i64::from(due))),
            opened_at: at(now),
            agent_id: None,
            declined: Vec::new(),
            requirements,
            industry: Some("farming".into()),
            subject: None,
            resolved_by: None,
            policy_version: "test@1".into(),
        }
    }
}

/// The record of an operation; none when it concerns nothing.
fn record(op: &Op, desk: &mut Desk, pool: &Pool) -> Option<PoolRecord> {
    let revised = |mut request: Request, change: &dyn Fn(&mut Request)| {
        request.revision += 1;
        request.at = request.at.max(at(pool.now));
        change(&mut request);
        Some(request)
    };
    let request = match *op {
        Op::Queue { team, priority, due, needs } => {
            Some(desk.new_request(pool.now, pick(&TEAMS, team), priority, due, needs))
        }
        Op::Raise { handoff, sla } => desk.chosen(handoff).and_then(|request| {
            revised(request, &|r| r.sla = r.sla.max(pick(&[SlaState::AtRisk, SlaState::Breached], sla)))
        }),
        Op::Update { handoff } => desk.chosen(handoff).and_then(|request| revised(request, &|_| {})),
        Op::Move { handoff, team } => {
            let queued = desk.chosen(handoff).filter(|request| request.state == RequestState::Queued);
            queued.and_then(|request| revised(request, &|r| r.team = pick(&TEAMS, team).into()))
        }
        Op::Accept { handoff, agent } => desk.chosen(handoff).and_then(|request| {
            let by = agent.map(|agent| Id::from(pick(&AGENTS, agent))).or(request.agent_id.clone())?;
            if request.declined.contains(&by) || request.state == RequestState::Accepted {
                return None;
            }
            revised(request, &|r| (r.state, r.agent_id) = (RequestState::Accepted, Some(by.clone())))
        }),
        Op::Decline { handoff } => desk.chosen(handoff).and_then(|request| {
            let by = request.agent_id.clone().filter(|_| request.state == RequestState::Queued)?;
            let declined = |mut request: Request| {
                request.agent_id = None;
                request.declined.push(by.clone());
                Some(request)
            };
            declined(request)
        }),
        Op::Transfer { handoff, team } => {
            let accepted = desk.chosen(handoff).filter(|request| request.state == RequestState::Accepted);
            accepted.and_then(|request| {
                revised(request, &|r| {
                    (r.state, r.agent_id, r.team) = (RequestState::Queued, None, pick(&TEAMS, team).into());
                })
            })
        }
        Op::Close { handoff } => {
            desk.chosen(handoff).and_then(|request| revised(request, &|r| r.state = RequestState::Closed))
        }
        Op::Agent { .. } => return agent_record(op, pool),
        Op::Gone { agent } => return Line::parse(&format!("gone {} @{}", pick(&AGENTS, agent), pool.now)).record(),
        Op::Pass { .. } | Op::Jump { .. } => None,
    }?;
    match request.state {
        RequestState::Closed => desk.open.remove(&request.handoff_id),
        _ => desk.open.insert(request.handoff_id.clone(), request.clone()),
    };
    Some(PoolRecord::Request { request: Box::new(request) })
}

/// The record of an agent.
fn agent_record(op: &Op, pool: &Pool) -> Option<PoolRecord> {
    let Op::Agent { agent, teams, status, capacity, load, level } = *op else { return None };
    let name = pick(&AGENTS, agent);
    let teams = pick(&["one", "two", "three", "skilled", "one,two", "skilled,three", "one,two,three,skilled"], teams);
    let status = pick(&["available", "available", "available", "away", "offline"], status);
    let expires = pick(&["2026-03-01", "2026-03-02", "2027-01-01"], level / 5);
    let text = format!(
        "agent {name} teams={teams} status={status} capacity={} load={} skills=x:{}:{expires} accounts=account{} industries={} @{}",
        capacity % 4,
        load % 3,
        level % 5,
        agent % 3,
        pick(&["farming", "steel"], level),
        pool.now
    );
    Line::parse(&text).record()
}

/// Checks an answer, and tells *assign* what *decide* makes of it.
fn answered(result: &AssignResult, desk: &mut Desk, pool: &Pool) -> Option<PoolRecord> {
    let (AssignResult::Offered { handoff_id, number, at, .. }
    | AssignResult::Withdrawn { handoff_id, number, at, .. }
    | AssignResult::Overflowed { handoff_id, number, at, .. }) = result;
    let counted = desk.numbers.entry(handoff_id.clone()).or_default();
    *counted += 1;
    assert_eq!(number, counted, "answers count up by one: {result:?}");
    let request = desk.open.get_mut(handoff_id).expect("answers are about open handoffs");
    assert_eq!(request.state, RequestState::Queued, "nobody else is asked once it is accepted: {result:?}");
    let latest = super::script::at(pool.now).max(request.at);
    assert!((request.at..=latest).contains(at), "{result:?} for {request:?}");
    match result {
        AssignResult::Offered { agent_id, why, .. } => {
            assert!(!request.declined.contains(agent_id), "{agent_id} declined {handoff_id}");
            assert!(!why.is_empty());
            request.agent_id = Some(agent_id.clone());
            None
        }
        AssignResult::Withdrawn { .. } => {
            request.agent_id = None;
            None
        }
        AssignResult::Overflowed { from, to, .. } => {
            assert_eq!(*from, request.team);
            assert_ne!(from, to);
            request.agent_id = None;
            request.team = to.clone();
            request.revision += 1;
            request.at = request.at.max(*at);
            Some(PoolRecord::Request { request: Box::new(request.clone()) })
        }
    }
}

/// Checks that an offer was right at the moment at which it was made.
fn check_offers(pool: &Pool, results: &[(Id, AssignResult)]) {
    for (_, result) in results {
        let AssignResult::Offered { handoff_id, agent_id, .. } = result else { continue };
        let Some(entry) = pool.assign.entries.get(handoff_id) else { continue };
        if entry.holder() != Some(agent_id) {
            continue;
        }
        let agent = pool.assign.roster.agent(agent_id).expect("only agents with a record are offered anything");
        assert_eq!(agent.status, AgentStatus::Available);
        assert!(agent.teams.contains(&entry.request.team));
        assert!(pool.assign.roster.load(agent) <= agent.capacity, "{agent_id} is over capacity by {handoff_id}");
        let floor = Needs::of(&entry.request, steps(&entry.request).len());
        assert!(
            pool.assign.roster.could(agent_id, &floor, at(pool.now)),
            "{agent_id} is below the floor of {handoff_id}"
        );
    }
}

/// Nothing waits that somebody free may take, and everything that waits has an end or no other team.
fn check_rest(pool: &Pool, now: Timestamp) {
    let assign = &pool.assign;
    for (_, entry) in assign.entries.iter() {
        let excluded = |agent_id: &Id| assign.excluded(entry, agent_id);
        let waits = matches!(entry.place, Place::Waiting | Place::Resting);
        let free = assign.roster.best(&entry.request.team, &entry.needs(), now, &excluded, None);
        assert!(!waits || free.is_none(), "{} waits though {free:?} is free", entry.id());
        // Certificates expire unseen, and who is dedicated is waited for.
        let needs = entry.needs();
        let plain = entry.place == Place::Waiting && !needs.skilled() && needs.dedicated_to().is_none();
        let plain = plain && assign.indexed;
        let hope = || assign.roster.somebody(&entry.request.team, &needs, now, &excluded);
        assert!(!plain || hope(), "{entry:?} waits for nobody");
        let overflows = pool.terms.overflow(&entry.request.team).is_some();
        match entry.place {
            Place::Waiting => assert_eq!(entry.end.is_some(), overflows, "{entry:?}"),
            Place::Resting => assert!(entry.end.is_none() && !overflows, "{entry:?}"),
            Place::Offered { .. } => assert!(entry.end.is_some(), "{entry:?}"),
            Place::Accepted { .. } | Place::Left => {
                assert!(entry.end.is_none() && entry.next_step.is_none(), "{entry:?}")
            }
        }
    }
}

/// Answers are taken by *decide*, whose new requests bring further answers.
fn settle(pool: &mut Pool, desk: &mut Desk, out: &mut Vec<(Id, AssignResult)>) -> Vec<AssignResult> {
    let mut all = Vec::new();
    while !out.is_empty() {
        let results = std::mem::take(out);
        let asked: Vec<_> = results.iter().filter_map(|(_, result)| answered(result, desk, pool)).collect();
        all.extend(results.into_iter().map(|(_, result)| result));
        for record in asked {
            pool.give(record, out);
            check_offers(pool, out);
        }
    }
    all
}

fn run(ops: &[Op], restarts: &[bool]) -> Vec<AssignResult> {
    let (mut pool, mut desk, mut changelog) = (Pool::new(terms()), Desk::default(), Changelog::default());
    let (mut out, mut all) = (Vec::new(), Vec::new());
    for (op, restart) in ops.iter().zip(restarts) {
        match op {
            Op::Pass { seconds } => {
                for _ in 0..*seconds {
                    pool.tick(1, 1, &mut out);
                    check_offers(&pool, &out);
                    all.extend(settle(&mut pool, &mut desk, &mut out));
                }
            }
            Op::Jump { seconds } => pool.tick(i64::from(*seconds), 0, &mut out),
            other => {
                if let Some(record) = record(other, &mut desk, &pool) {
                    pool.give(record, &mut out);
                    check_offers(&pool, &out);
                }
            }
        }
        all.extend(settle(&mut pool, &mut desk, &mut out));
        check_rest(&pool, at(pool.now));
        if *restart {
            let (credit, seen) = pool.assign.clock.wall();
            pool.restart(&mut changelog);
            pool.assign.clock.set_wall(credit, seen);
        }
    }
    drain(&mut pool, &mut desk);
    all
}

/// Nobody starves: once agents who can all come back and accept, every handoff that they may take is taken.
fn drain(pool: &mut Pool, desk: &mut Desk) {
    let mut out = Vec::new();
    for name in ["fresh1", "fresh2"] {
        let text = format!(
            "agent {name} teams=one,two,three,skilled capacity=9999 skills=x:4 industries=farming accounts=account0,account1,account2 @{}",
            pool.now
        );
        pool.give(Line::parse(&text).record().unwrap(), &mut out);
    }
    for _ in 0..400 {
        pool.tick(1, 1, &mut out);
        settle(pool, desk, &mut out);
        let offered: Vec<Request> = desk.open.values().filter(|r| r.agent_id.is_some()).cloned().collect();
        for mut request in offered.into_iter().filter(|request| request.state == RequestState::Queued) {
            request.revision += 1;
            request.state = RequestState::Accepted;
            desk.open.insert(request.handoff_id.clone(), request.clone());
            pool.give(PoolRecord::Request { request: Box::new(request) }, &mut out);
            settle(pool, desk, &mut out);
        }
    }
    let starved: Vec<&Entry> =
        pool.assign.entries.iter().map(|(_, e)| e).filter(|e| !matches!(e.place, Place::Accepted { .. })).collect();
    assert!(starved.is_empty(), "{starved:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn promises_hold_and_restore_equals_replay(
        ops in proptest::collection::vec(op(), 1..70),
        restarts in proptest::collection::vec(proptest::bool::weighted(0.3), 70),
    ) {
        let straight = run(&ops, &[false; 70]);
        prop_assert_eq!(straight, run(&ops, &restarts));
    }

    #[test]
    fn a_queue_is_served_in_its_order(
        queued in proptest::collection::vec((0u8..4, proptest::option::of(any::<u8>()), 0u8..3, 0i64..4), 1..40),
    ) {
        let (mut pool, mut desk, mut out) = (Pool::new(terms()), Desk::default(), Vec::new());
        pool.give(Line::parse("agent a teams=three status=away @0").record().unwrap(), &mut out);
        let mut expected = Vec::new();
        for (priority, due, sla, when) in queued {
            let mut request = desk.new_request(when, "three", priority, due, 4);
            request.sla = [SlaState::Met, SlaState::AtRisk, SlaState::Breached][usize::from(sla)];
            let rank = match sla {
                0 => priority,
                1 => (priority + 1).min(3),
                _ => 3,
            };
            let due = request.first_response_due.map_or(i64::MAX, Timestamp::millis);
            expected.push((3 - rank, due, when, request.handoff_id.clone()));
            pool.give(PoolRecord::Request { request: Box::new(request) }, &mut out);
        }
        prop_assert!(out.is_empty());
        pool.give(Line::parse("agent a teams=three capacity=40 @9").record().unwrap(), &mut out);
        expected.sort();
        let served: Vec<Id> = out.iter().map(|(_, result)| match result {
            AssignResult::Offered { handoff_id, .. } => handoff_id.clone(),
            other => panic!("{other:?}"),
        }).collect();
        prop_assert_eq!(served, expected.into_iter().map(|(_, _, _, id)| id).collect::<Vec<_>>());
    }
}
