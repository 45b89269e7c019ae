//! What the machine keeps is what looking at every step would give.
//!
//! The decisions are told here a second time, by the definition: every step is looked at for every decision, in the order in
//! which what is ready should go out. A random walk through events, lawful and not, compares both after each.

use crate::dice::Dice;
use crate::plans;
use adxform::kind;
use adxform::model::Address;
use adxform::model::request::Request;
use adxform::plan::Step;
use adxform::run::event::{Attributes, Difference, Event, Happened, Intent, Operation, Verdict, Way};
use adxform::run::machine::{Decision, Machine, OnFailure, Phase, Policy, State, Status, Tally};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where a request goes: its root, and what it may not be beside there.
#[derive(Debug, Clone, PartialEq)]
struct Lane {
    root: Address,
    is_exclusive: bool,
    alone: Option<String>,
    script: Option<(Address, String)>,
}

fn lane(step: &Step, request: &Request, check: bool) -> Lane {
    let shared = |root| Lane { root, is_exclusive: false, alone: None, script: None };
    match request {
        Request::Arm(_) if check => shared(step.address.prefix(1)),
        Request::Arm(_) => Lane {
            is_exclusive: step.address.depth() == 1,
            alone: kind::by_name(&step.kind).filter(|kind| kind.alone()).map(|_| step.kind.to_string()),
            ..shared(step.address.prefix(1))
        },
        Request::Kusto(kusto) => {
            let joins = !check && !kusto.alone && kusto.lookup.is_none() && kusto.begins.is_none();
            let script = joins.then(|| (kusto.cluster.clone(), kusto.database.clone()));
            Lane { script, ..shared(kusto.cluster.clone()) }
        }
    }
}

/// What is on its way.
#[derive(Default)]
struct Traffic {
    requests: usize,
    lanes: Vec<Lane>,
    closed: BTreeSet<Address>,
}

impl Traffic {
    fn add(&mut self, lane: Lane) {
        let is_first = lane.script.is_none() || self.lanes.iter().all(|other| other.script != lane.script);
        self.requests += usize::from(is_first);
        if lane.is_exclusive {
            self.closed.insert(lane.root.clone());
        }
        self.lanes.push(lane);
    }

    fn admits(&mut self, lane: &Lane) -> bool {
        let mut beside = self.lanes.iter().filter(|other| other.root == lane.root);
        if self.closed.contains(&lane.root) {
            return false;
        }
        if lane.is_exclusive && beside.clone().next().is_some() {
            self.closed.insert(lane.root.clone());
            return false;
        }
        lane.alone.is_none() || beside.all(|other| other.alone != lane.alone)
    }
}

/// A script that is put together: the place of its decision, its bytes, and how much it has passed over.
struct Script {
    place: usize,
    bytes: usize,
    passed: usize,
}

fn bytes(request: &Request) -> usize {
    let Request::Kusto(kusto) = request else { return 0 };
    kusto.command.as_str().len() + 1
}

impl Script {
    fn takes(&mut self, id: usize, request: &Request, policy: &Policy, decisions: &mut [Decision]) -> bool {
        let Decision::Send { steps, .. } = &mut decisions[self.place] else { return false };
        let fits = steps.len() < policy.script_commands && self.bytes + bytes(request) <= policy.script_bytes;
        if fits {
            steps.push(id);
            self.bytes += bytes(request);
        }
        fits
    }
}

type Scripts = BTreeMap<(Address, String), Script>;

/// Whether a step may be started, as far as others are concerned.
fn is_ready(machine: &Machine, step: &Step, way: Way) -> bool {
    let (steps, states) = (&machine.plan().steps, machine.states());
    let status = &states[step.id].status;
    if way == Way::Undo {
        let mut later = steps.iter().filter(|later| later.needs.contains(&step.id));
        return status.is_undoable() && later.all(|later| states[later.id].status.is_without_effect());
    }
    let is_done = |id: usize| states[id].status == Status::Done;
    matches!(status, Status::Waiting | Status::Checked | Status::Broken)
        && step.needs.iter().all(|need| is_done(*need))
        && (!step.behind_line || steps.iter().all(|step| step.behind_line || is_done(step.id)))
}

fn started(machine: &Machine, way: Way, mut decisions: Vec<Decision>) -> Vec<Decision> {
    let (policy, steps) = (machine.policy(), &machine.plan().steps);
    let mut traffic = Traffic::default();
    for (step, state) in steps.iter().zip(machine.states()).filter(|(_, state)| state.status.is_open()) {
        let check = state.status == Status::Checking;
        let request = machine.request(step.id, way_of(state));
        request.into_iter().for_each(|request| traffic.add(lane(step, request, check)));
    }
    let mut ready: Vec<&Step> = steps.iter().filter(|step| is_ready(machine, step, way)).collect();
    let tails = machine.plan().tails();
    match way {
        Way::Apply => ready.sort_by_key(|step| Reverse(tails[step.id])),
        Way::Undo => ready.reverse(),
    }
    let mut scripts = Scripts::new();
    for step in ready {
        let Some(request) = machine.request(step.id, way) else { continue };
        let is_waiting = machine.states()[step.id].status == Status::Waiting;
        let check = way == Way::Apply && step.validation.is_some() && is_waiting;
        let lane = lane(step, request, check);
        if !traffic.admits(&lane) {
            continue;
        }
        if let Some(script) = lane.script.as_ref().and_then(|key| scripts.get_mut(key)) {
            let takes = script.passed < policy.script_commands
                && script.takes(step.id, request, policy, &mut decisions);
            script.passed += usize::from(!takes);
            continue;
        }
        let is_taken = lane.script.is_some() && traffic.lanes.iter().any(|other| other.script == lane.script);
        if is_taken || traffic.requests >= policy.parallelism.max(1) {
            continue;
        }
        if let Some(key) = lane.script.clone() {
            let (place, bytes) = (decisions.len(), bytes(request));
            scripts.insert(key, Script { place, bytes, passed: 0 });
        }
        decisions.push(match check {
            true => Decision::Check { step: step.id },
            false => Decision::Send { way, steps: vec![step.id] },
        });
        traffic.add(lane);
    }
    if way == Way::Apply {
        joined(machine, &traffic, &mut scripts, &mut decisions);
    }
    decisions
}

/// What only waits for commands of one script goes along behind them.
fn joined(machine: &Machine, traffic: &Traffic, scripts: &mut Scripts, decisions: &mut [Decision]) {
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    for script in scripts.values() {
        let Decision::Send { steps, .. } = &decisions[script.place] else { continue };
        places.extend(steps.iter().map(|id| (*id, script.place)));
    }
    for step in &machine.plan().steps {
        let left: Vec<&usize> =
            step.needs.iter().filter(|need| machine.states()[**need].status != Status::Done).collect();
        let Some(script) = lane(step, &step.request, false).script.and_then(|key| scripts.get_mut(&key))
        else {
            continue;
        };
        let along = !left.is_empty() && left.iter().all(|need| places.get(*need) == Some(&script.place));
        let known = |(address, path): &(&Address, &[String])| machine.known(address, path).is_some();
        let may = machine.states()[step.id].status == Status::Waiting
            && !step.behind_line
            && step.validation.is_none()
            && machine.was_read(step.id)
            && step.request.references().iter().all(known);
        if along
            && may
            && !traffic.closed.contains(&step.address.prefix(1))
            && script.takes(step.id, &step.request, machine.policy(), decisions)
        {
            places.insert(step.id, script.place);
        }
    }
}

const fn way_of(state: &State) -> Way {
    match state.status {
        Status::Undoing | Status::UndoPending(_) | Status::UndoDoubt(_) => Way::Undo,
        _ => Way::Apply,
    }
}

/// What may be started now, by looking at every step.
fn decided(machine: &Machine) -> Vec<Decision> {
    let mut decisions = Vec::new();
    for (step, state) in machine.states().iter().enumerate() {
        if let Status::Pending(operation) | Status::UndoPending(operation) = &state.status {
            decisions.push(Decision::Follow { step, way: way_of(state), operation: operation.clone() });
        }
    }
    let states = machine.states().iter().enumerate();
    let doubts: Vec<usize> = states.filter(|(_, state)| state.status.is_doubt()).map(|(id, _)| id).collect();
    if !doubts.is_empty() {
        decisions.push(Decision::Settle { steps: doubts });
    }
    match machine.phase() {
        Phase::Ended(_) => Vec::new(),
        Phase::Proving => vec![Decision::Prove { way: Way::Apply }],
        Phase::ProvingBack => vec![Decision::Prove { way: Way::Undo }],
        Phase::Settling => decisions,
        Phase::Forward => started(machine, Way::Apply, decisions),
        Phase::RollingBack => started(machine, Way::Undo, decisions),
    }
}

/// Compares at the parallelism of the run, and at one that shows everything that is ready.
fn check(machine: &Machine, story: &[Event]) {
    let count = |test: fn(&Status) -> bool| machine.states().iter().filter(|s| test(&s.status)).count();
    let tally = Tally {
        done: count(|status| *status == Status::Done),
        open: count(Status::is_open),
        waiting: count(|status| matches!(status, Status::Waiting | Status::Checked)),
        undone: count(|status| *status == Status::Undone),
    };
    assert_eq!(machine.tally(), tally, "after {story:#?}");
    let mut wide = machine.clone();
    wide.set_parallelism(usize::MAX);
    for machine in [machine, &wide] {
        let (said, must) = (machine.decide(), decided(machine));
        assert_eq!(said, must, "{:#?}\nafter {story:#?}", machine.plan().steps);
    }
}

/// Something that may happen to a step, whether it can or not.
fn happened(dice: &mut Dice, part: usize) -> Happened {
    let (message, trace) = (String::new(), None);
    match dice.below(12) {
        0 => Happened::CheckPassed,
        1 => Happened::Begun { operation: Operation("operation".into()) },
        2 => Happened::Refused { message, trace },
        3 => Happened::Failed { message, trace },
        4 => Happened::NotRun,
        5 => Happened::Lost { why: message },
        6 => Happened::Started { part, id: String::new(), at: String::new() },
        7 => {
            let verdict = dice.pick(&[
                Verdict::Before,
                Verdict::After,
                Verdict::After,
                Verdict::Either,
                Verdict::Neither,
            ]);
            Happened::Settled { verdict, differences: Vec::new(), outputs: Attributes::new() }
        }
        _ => Happened::Finished { outputs: Attributes::new(), trace },
    }
}

/// What comes next: mostly what was decided, or what may come of what is on its way.
fn events(dice: &mut Dice, machine: &Machine) -> Vec<Event> {
    let part = |step: usize, way: Way| if way == Way::Undo { machine.states()[step].part } else { 0 };
    let of = |dice: &mut Dice, step, way| {
        let happened = happened(dice, part(step, way));
        vec![Event::Step { step, way, happened }]
    };
    if dice.chance(4) {
        let difference = Difference {
            address: Address::root(),
            property: "p".to_owned(),
            before: 1.into(),
            after: 2.into(),
            found: 3.into(),
        };
        return vec![match dice.below(4) {
            0 => Event::Interrupted,
            1 => Event::Resumed { intent: Intent::Resume },
            2 => Event::Resumed { intent: Intent::Rollback },
            _ => Event::NotProved { differences: vec![difference] },
        }];
    }
    let decisions = machine.decide();
    if dice.chance(55) && !decisions.is_empty() {
        return match decisions[dice.below(decisions.len())].clone() {
            Decision::Check { step } => vec![Event::apply(step, Happened::CheckStarted)],
            Decision::Send { way, steps } => {
                let started = |step| {
                    let (id, at) = (String::new(), String::new());
                    Happened::Started { part: part(step, way), id, at }
                };
                steps.into_iter().map(|step| Event::Step { step, way, happened: started(step) }).collect()
            }
            Decision::Follow { step, way, .. } => of(dice, step, way),
            Decision::Settle { steps } => {
                let step = dice.pick(&steps);
                of(dice, step, way_of(&machine.states()[step]))
            }
            Decision::Prove { .. } => vec![Event::Proved],
        };
    }
    let open = |id: &usize| machine.states()[*id].status.is_open() || dice.chance(10);
    let open: Vec<usize> = (0..machine.states().len()).filter(open).collect();
    match open.is_empty() {
        true => Vec::new(),
        false => {
            let step = dice.pick(&open);
            of(dice, step, way_of(&machine.states()[step]))
        }
    }
}

fn policy(dice: &mut Dice) -> Policy {
    Policy {
        on_failure: if dice.chance(70) { OnFailure::Rollback } else { OnFailure::Stop },
        parallelism: dice.pick(&[1, 2, 3, 10]),
        script_commands: dice.pick(&[1, 2, 3, 200]),
        script_bytes: dice.pick(&[40, 120, 100_000]),
        attempts: 3,
    }
}

#[test]
fn decisions_are_those_of_looking_at_every_step() {
    for seed in 0..600 {
        let mut dice = Dice::new(seed, "decisions");
        let (mut plan, _) = plans::random(&mut dice);
        for step in plan.steps.iter_mut().filter(|step| step.address.collection() == "dataConnections") {
            step.kind = dice.pick(&["thing", "managedPrivateEndpoint"]).into();
        }
        let mut machine = Machine::new(Arc::new(plan), policy(&mut dice)).unwrap();
        let mut story = Vec::new();
        check(&machine, &story);
        for _ in 0..80 {
            for event in events(&mut dice, &machine) {
                if machine.apply(&event).is_ok() {
                    story.push(event);
                }
                check(&machine, &story);
            }
        }
    }
}
