//! The simulated cloud: it keeps an inventory, applies the steps whose requests reach it, and notes every breach
//! of a law that only it can see.

use crate::dice::Dice;
use crate::faults::{Fault, Faults};
use crate::plans::{id_of, thing};
use adxform::kind::Undo;
use adxform::model::body::{Body, Value};
use adxform::model::request::Request;
use adxform::model::{Address, Inventory};
use adxform::plan::Plan;
use adxform::run::effects::{Answer, Look, Outgoing};
use adxform::run::event::{Attributes, Event, Happened, Operation, Way};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How an effect changes a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    Torn,
    WholeButFailed,
}

#[derive(Debug, Clone)]
struct Effect {
    of: Outgoing,
    extent: Extent,
}

#[derive(Debug, Clone)]
struct Op {
    due: Instant,
    answer: Answer,
}

/// The simulated cloud.
#[derive(Debug, Clone)]
pub(crate) struct World {
    /// What is being run.
    pub(crate) plan: Arc<Plan>,
    /// Live before the run.
    pub(crate) initial: Inventory,
    /// Live now.
    pub(crate) live: Inventory,
    /// Steps whose effect stands.
    pub(crate) effective: BTreeSet<usize>,
    /// Steps that failed half-way and left something.
    pub(crate) torn: BTreeSet<usize>,
    /// Things that somebody else wrote.
    pub(crate) meddled: BTreeSet<Address>,
    meddled_at: BTreeMap<Address, Instant>,
    was_veiled: bool,
    /// Undo requests that failed by a fault.
    pub(crate) failed_undos: usize,
    /// Breaches of laws.
    pub(crate) breaches: Vec<String>,
    /// Whether the process has lost its lock, so that it may start nothing.
    pub(crate) unlocked: bool,
    /// Whether somebody else may hold the lock, so that nothing of the process may come any more.
    pub(crate) shut: bool,
    /// Whether the clocks disagree on whether the lock holds, so that no request may come until that is certain.
    pub(crate) unsure: bool,
    /// What goes wrong.
    pub(crate) faults: Faults,
    /// Requests that came so far.
    pub(crate) requests: usize,
    /// Whether the process is dead.
    pub(crate) crashed: bool,
    /// How many requests may be on their way at once.
    pub(crate) parallelism: usize,
    /// What the journal last said was started, by step.
    pub(crate) started: BTreeMap<usize, (Way, usize)>,
    /// At which request somebody else writes.
    pub(crate) meddle_at: Option<usize>,
    /// How many looks fail before the next succeeds.
    pub(crate) blind: usize,
    /// How many looks still come upon a cluster that does not show what it contains.
    pub(crate) veiled: usize,
    due: Vec<(Instant, Effect)>,
    operations: BTreeMap<u64, Op>,
    deadly: BTreeSet<u64>,
    on_their_way: BTreeMap<u64, Vec<Outgoing>>,
    parts: BTreeMap<usize, usize>,
    mangled: BTreeSet<usize>,
    token: u64,
    delays: Dice,
}

/// What a batch on its way came to.
pub(crate) struct Sent {
    /// How long the reply takes.
    pub(crate) delay: Duration,
    /// Its number.
    pub(crate) token: u64,
    /// What goes wrong with it, and from which command on.
    pub(crate) fault: (usize, Fault),
}

impl World {
    /// A cloud that stands as `initial`.
    pub(crate) fn new(plan: Arc<Plan>, initial: Inventory, faults: Faults, delays: Dice) -> Self {
        Self {
            plan,
            live: initial.clone(),
            initial,
            effective: BTreeSet::new(),
            torn: BTreeSet::new(),
            meddled: BTreeSet::new(),
            meddled_at: BTreeMap::new(),
            was_veiled: false,
            failed_undos: 0,
            breaches: Vec::new(),
            faults,
            requests: 0,
            crashed: false,
            parallelism: usize::MAX,
            started: BTreeMap::new(),
            meddle_at: None,
            blind: 0,
            veiled: 0,
            due: Vec::new(),
            operations: BTreeMap::new(),
            deadly: BTreeSet::new(),
            on_their_way: BTreeMap::new(),
            unlocked: false,
            shut: false,
            unsure: false,
            parts: BTreeMap::new(),
            mangled: BTreeSet::new(),
            token: 0,
            delays,
        }
    }

    fn breach(&mut self, what: String) {
        self.breaches.push(what);
    }

    /// Takes note of what was synced to the journal.
    pub(crate) fn recorded(&mut self, events: &[Event]) {
        for event in events {
            if let Event::Step { step, way, happened: Happened::Started { part, .. } } = event {
                self.started.insert(*step, (*way, *part));
                if self.unlocked {
                    self.breach(format!("step {step} is started without the lock"));
                }
            }
        }
    }

    /// Lets everything take effect whose time has come.
    pub(crate) fn tick(&mut self) {
        let now = Instant::now();
        while let Some(at) = self.due.iter().position(|(due, _)| *due <= now) {
            let (_, effect) = self.due.remove(at);
            self.take_effect(&effect);
        }
    }

    /// Lets everything take effect that ever will.
    pub(crate) fn settle(&mut self) {
        for (_, effect) in std::mem::take(&mut self.due) {
            self.take_effect(&effect);
        }
    }

    fn fault(&mut self, of: &Outgoing) -> Fault {
        let at = self.requests;
        self.requests += 1;
        if self.meddle_at == Some(at) {
            self.meddle();
        }
        let arm = matches!(of.request, Request::Arm(_));
        match &mut self.faults {
            Faults::Given(given) => given.get(&at).copied().unwrap_or(Fault::None),
            Faults::Random { percent, left, dice } => {
                if arm && dice.chance(25) {
                    return Fault::Long;
                }
                if *left == 0 || !dice.chance(*percent) {
                    return Fault::None;
                }
                *left -= 1;
                if dice.chance(20) {
                    return dice.pick(Fault::NOW_AND_THEN);
                }
                dice.pick(if arm { Fault::OF_ARM } else { Fault::OF_COMMANDS })
            }
        }
    }

    fn meddle(&mut self) {
        let steps = self.plan.steps.len();
        let address = self.plan.steps[self.delays.below(steps)].address.clone();
        self.live.insert(address.clone(), thing(&address, Body::new().with("p", 99)));
        self.meddled_at.insert(address.clone(), Instant::now());
        self.meddled.insert(address);
    }

    /// Whether somebody else's write is overwritten by the first write of a thing, or by its undo, though it stood long
    /// enough to be seen before.
    fn overwritten(&mut self, batch: &[Outgoing]) {
        const SEEN: Duration = Duration::from_secs(6);
        for of in batch {
            let looked_at = match of.way {
                Way::Apply => self.id_is_first(of) && !self.is_in_what_was_made(of),
                // What failed half-way looks like somebody else's write, and so is not looked at.
                Way::Undo => {
                    let whole = self.effective.contains(&of.step) && !self.torn.contains(&of.step);
                    of.part == 0 && whole && self.failed_undos == 0
                }
            };
            if !looked_at {
                continue;
            }
            let Some(at) = self.meddled_at.get(&of.address) else { continue };
            let same =
                self.live.get(&of.address).is_some_and(|now| now.body.get("p") == Some(&Value::from(99)));
            if same && at.elapsed() > SEEN && !self.was_veiled {
                self.breaches.push(format!("{} overwrites what somebody else wrote", of.id));
            }
        }
    }

    /// Whether a thing stands in something that the run made, so that nothing was there to be read.
    fn is_in_what_was_made(&self, of: &Outgoing) -> bool {
        let made = self.plan.steps.iter().filter(|step| step.change.before.is_none());
        let made = made.filter(|step| self.effective.contains(&step.id));
        made.into_iter().any(|step| step.address != of.address && of.address.is_within(&step.address))
    }

    /// Whether a request is the first that was ever sent for its thing.
    fn id_is_first(&self, of: &Outgoing) -> bool {
        let first = self.plan.steps.iter().find(|step| step.address == of.address);
        first.is_some_and(|step| step.id == of.step) && of.id.ends_with(".1")
    }

    /// A batch goes out.
    pub(crate) fn send(&mut self, batch: &[Outgoing]) -> Sent {
        self.tick();
        let delay = Duration::from_millis(self.delays.below(4000) as u64);
        let mut fault = (batch.len(), Fault::None);
        for (place, of) in batch.iter().enumerate() {
            let found = self.fault(of);
            if found != Fault::None {
                fault = (place, found);
                break;
            }
        }
        let minutes = u64::from(fault.1 == Fault::Throttled) * (30 + self.delays.below(300) as u64);
        let delay = delay + Duration::from_secs(minutes);
        self.overwritten(batch);
        let exclusive = |of: &Outgoing| matches!(of.request, Request::Arm(_)) && of.address.depth() == 1;
        for of in batch {
            let root = of.address.prefix(1);
            let same = |other: &Outgoing| other.address.prefix(1) == root;
            let clash = self
                .on_their_way
                .values()
                .flatten()
                .chain(self.due.iter().map(|(_, effect)| &effect.of))
                .any(|other| same(other) && (exclusive(of) || exclusive(other)));
            if clash {
                self.breach(format!("{} is sent while other work on its cluster is under way", of.id));
            }
        }
        if self.shut {
            self.breach("a request is sent while somebody else may hold the lock".to_owned());
        }
        if self.unsure {
            self.breach("a request is sent while it is not certain that the lock holds".to_owned());
        }
        if self.on_their_way.len() >= self.parallelism {
            self.breach(format!("{} requests are on their way at once", self.on_their_way.len() + 1));
        }
        if batch.len() > 1 && batch.iter().any(|of| !joins(&of.request)) {
            self.breach("a request that must travel alone travels in a script".to_owned());
        }
        self.token += 1;
        self.on_their_way.insert(self.token, batch.to_vec());
        Sent { delay, token: self.token, fault }
    }

    /// The batch arrives, or not; `None` when the process dies with it.
    pub(crate) fn answer(&mut self, sent: &Sent, batch: &[Outgoing]) -> Option<Vec<Answer>> {
        self.tick();
        self.on_their_way.remove(&sent.token);
        let (place, fault) = sent.fault;
        let mut answers = Vec::new();
        for of in &batch[..place.min(batch.len())] {
            answers.push(self.whole(of));
        }
        let Some(of) = batch.get(place) else { return Some(answers) };
        let soon = Instant::now() + Duration::from_millis(500 + self.delays.below(7000) as u64);
        let later = Instant::now() + Duration::from_secs(5 + self.delays.below(600) as u64);
        let lost = |answers: Vec<Answer>| {
            let why = "the connection was reset".to_owned();
            answers.into_iter().map(|_| Answer::Lost { why: why.clone() }).collect::<Vec<_>>()
        };
        if of.way == Way::Undo {
            self.failed_undos +=
                usize::from(!matches!(fault, Fault::None | Fault::Long | Fault::Twice | Fault::Throttled));
        }
        match fault {
            Fault::None => answers.push(self.whole(of)),
            Fault::Refuse => {
                answers.push(Answer::Refused { message: "the service says no".into(), trace: None })
            }
            Fault::Throttled => answers.push(self.whole(of)),
            Fault::Twice => {
                let answer = self.whole(of);
                self.again(of);
                answers.push(answer);
            }
            Fault::TwiceLost => {
                self.whole(of);
                self.again(of);
                answers
                    .push(Answer::Lost { why: "it went out twice, and the second was refused".to_owned() });
            }
            Fault::LoseBefore => {
                answers.resize(batch.len(), Answer::NotRun);
                return Some(lost(answers));
            }
            Fault::LoseAfter => {
                for of in &batch[place..] {
                    answers.push(self.whole(of));
                }
                return Some(lost(answers));
            }
            Fault::LoseLate => {
                for of in &batch[place..] {
                    self.due.push((soon, Effect { of: of.clone(), extent: Extent::Whole }));
                }
                answers.resize(batch.len(), Answer::NotRun);
                return Some(lost(answers));
            }
            Fault::CrashBefore => self.crashed = true,
            Fault::CrashAfter => {
                for of in &batch[place..] {
                    self.whole(of);
                }
                self.crashed = true;
            }
            Fault::CrashLate => {
                for of in &batch[place..] {
                    self.due.push((soon, Effect { of: of.clone(), extent: Extent::Whole }));
                }
                self.crashed = true;
            }
            Fault::Long | Fault::LongLost | Fault::LongCrash => {
                answers.push(self.long(of, later, Some(Extent::Whole), fault));
            }
            Fault::FailClean => answers.push(self.long(of, later, None, fault)),
            Fault::FailTorn => answers.push(self.long(of, later, Some(Extent::Torn), fault)),
            Fault::FailAfter => answers.push(self.long(of, later, Some(Extent::WholeButFailed), fault)),
        }
        answers.resize(batch.len(), Answer::NotRun);
        (!self.crashed).then_some(answers)
    }

    fn whole(&mut self, of: &Outgoing) -> Answer {
        self.take_effect(&Effect { of: of.clone(), extent: Extent::Whole });
        Answer::Done { outputs: outputs(of), trace: Some(of.id.clone()) }
    }

    /// A second delivery right behind the first: the service writes the same once more.
    fn again(&mut self, of: &Outgoing) {
        let now = self.live.get(&of.address).cloned();
        let body = now.map(|now| now.body);
        self.write(&of.address, body, Extent::Whole);
    }

    fn long(&mut self, of: &Outgoing, due: Instant, extent: Option<Extent>, fault: Fault) -> Answer {
        if let Some(extent) = extent {
            self.due.push((due, Effect { of: of.clone(), extent }));
        }
        let answer = match fault {
            Fault::Long | Fault::LongCrash => Answer::Done { outputs: outputs(of), trace: None },
            Fault::LongLost => Answer::Lost { why: "the operation is not found".to_owned() },
            _ => Answer::Failed { message: "[BadRequest] it failed late".to_owned(), trace: None },
        };
        self.token += 1;
        self.operations.insert(self.token, Op { due, answer });
        if fault == Fault::LongCrash {
            self.deadly.insert(self.token);
        }
        Answer::Begun(Operation(serde_json::json!({ "operation": self.token })))
    }

    /// Whether the process dies when it follows an operation for the first time.
    pub(crate) fn dies_following(&mut self, operation: &Operation) -> bool {
        let dies = self.deadly.remove(&number(operation));
        self.crashed |= dies;
        dies
    }

    /// How long until an operation ends.
    pub(crate) fn time_left(&mut self, operation: &Operation) -> Duration {
        self.operations[&number(operation)].due.saturating_duration_since(Instant::now())
    }

    /// How an operation ended.
    pub(crate) fn ended(&mut self, operation: &Operation) -> Answer {
        self.tick();
        self.operations[&number(operation)].answer.clone()
    }

    /// The service's own check of a step.
    pub(crate) fn checked(&mut self, of: &Outgoing) -> Answer {
        self.tick();
        if self.effective.contains(&of.step) && !self.is_alike(of.step) {
            self.breach(format!("{} is checked though it is done", of.id));
        }
        if let Faults::Random { percent, left, dice } = &mut self.faults
            && *left > 0
            && dice.chance(*percent)
        {
            *left -= 1;
            return match dice.below(2) {
                0 => Answer::Refused { message: "validation errors found".into(), trace: None },
                _ => Answer::Lost { why: "the connection was reset".to_owned() },
            };
        }
        Answer::Done { outputs: Attributes::new(), trace: None }
    }

    /// Live as a reader sees it.
    pub(crate) fn look(&mut self) -> Look {
        self.tick();
        let arm = |of: &Outgoing| matches!(of.request, Request::Arm(_));
        let due = self.due.iter().filter(|(_, effect)| arm(&effect.of));
        let busy: BTreeSet<Address> = due.map(|(_, effect)| effect.of.address.clone()).collect();
        // A cluster on which the service is at work does not show what it contains.
        let roots = busy.iter().filter(|address| address.depth() == 1);
        let mut hidden: BTreeMap<Address, String> =
            roots.map(|root| (root.clone(), "its state is Updating".to_owned())).collect();
        if self.veiled > 0 {
            self.veiled -= 1;
            self.was_veiled = true;
            let root = Address::root().child("clusters", self.delays.pick(&["a", "b"]));
            hidden.insert(root, "its state is Stopped".to_owned());
        }
        let mut live = self.live.clone();
        for root in hidden.keys() {
            let below: Vec<Address> = live.below(root).map(|(address, _)| address.clone()).collect();
            below.iter().for_each(|address| drop(live.remove(address)));
        }
        Look { live, busy, hidden, ..Look::default() }
    }

    /// The process is dead: what was on its way arrives or does not.
    pub(crate) fn after_crash(&mut self, dice: &mut Dice) {
        let soon = Instant::now() + Duration::from_millis(dice.below(6000) as u64);
        for (_, batch) in std::mem::take(&mut self.on_their_way) {
            let landed = if dice.chance(50) { dice.below(batch.len() + 1) } else { 0 };
            for of in batch.into_iter().take(landed) {
                self.due.push((soon, Effect { of, extent: Extent::Whole }));
            }
        }
        self.crashed = false;
    }

    /// A step takes effect: the laws that only the service can see are checked here.
    fn take_effect(&mut self, effect: &Effect) {
        let plan = Arc::clone(&self.plan);
        let Outgoing { step: id, way, part, address, .. } = &effect.of;
        let step = &plan.steps[*id];
        let alike = self.is_alike(*id);
        if self.started.get(id) != Some(&(*way, *part)) {
            self.breach(format!("{} takes effect without its record", effect.of.id));
        }
        match way {
            Way::Apply => {
                let missing = step.needs.iter().find(|need| !self.effective.contains(need));
                if let Some(need) = missing {
                    self.breach(format!("step {id} takes effect before step {need}, which it needs"));
                }
                let before_line = plan.steps.iter().filter(|step| !step.behind_line);
                if step.behind_line && before_line.clone().any(|step| !self.effective.contains(&step.id)) {
                    self.breach(format!("step {id} crosses the line too early"));
                }
                if self.effective.contains(id) && !self.torn.contains(id) && !alike {
                    self.breach(format!("step {id} takes effect twice"));
                }
                let body = self.body_of(&effect.of).or_else(|| step.change.after.clone());
                self.write(address, body.filter(|_| step.change.after.is_some()), effect.extent);
                if effect.extent == Extent::Torn {
                    self.torn.insert(*id);
                } else {
                    self.effective.insert(*id);
                    self.parts.remove(id);
                }
                match effect.extent {
                    Extent::Whole => self.torn.remove(id),
                    Extent::Torn | Extent::WholeButFailed => self.torn.insert(*id),
                };
            }
            Way::Undo => self.undo(effect, alike),
        }
    }

    /// Whether live does not tell a step's effect, or somebody else wrote the thing.
    pub(crate) fn is_alike(&self, id: usize) -> bool {
        let step = &self.plan.steps[id];
        let body = |body: &Option<Body>| body.as_ref().map(|body| self.answered(body));
        body(&step.change.before) == body(&step.change.after) || self.meddled.contains(&step.address)
    }

    fn undo(&mut self, effect: &Effect, alike: bool) {
        let plan = Arc::clone(&self.plan);
        let Outgoing { step: id, part, address, .. } = &effect.of;
        let step = &plan.steps[*id];
        let Undo::By(requests) = &step.undo else {
            return self.breach(format!("step {id} is undone though nothing can"));
        };
        if !alike && !self.effective.contains(id) && !self.torn.contains(id) {
            self.breach(format!("step {id} is undone though it has no effect"));
        }
        let later = plan.steps.iter().find(|later| {
            let stands = self.effective.contains(&later.id) || self.torn.contains(&later.id);
            later.needs.contains(id) && stands && !self.is_alike(later.id)
        });
        if let Some(later) = later {
            self.breach(format!("step {id} is undone before step {}, which needs it", later.id));
        }
        let done = self.parts.get(id).copied().unwrap_or(0);
        // Where a failure has left live in between, looking cannot tell the first part of an undo from none.
        let clear = !self.torn.contains(id) && !self.mangled.contains(id);
        if !alike && (*part > done || (*part < done && *part == 0 && clear)) {
            self.breach(format!("part {part} of the undo of step {id} comes when {done} are done"));
        }
        let last = part + 1 == requests.len();
        let body = step.change.before.as_ref().map(|body| self.answered(body));
        if last && effect.extent == Extent::Whole {
            self.write(address, body, Extent::Whole);
            self.effective.remove(id);
            self.torn.remove(id);
            self.parts.remove(id);
        } else if effect.extent == Extent::WholeButFailed && last {
            self.write(address, body, Extent::Whole);
            self.effective.remove(id);
            self.torn.remove(id);
        } else {
            self.write(address, None, Extent::Torn);
            if effect.extent == Extent::Whole {
                self.parts.insert(*id, part + 1);
            } else {
                self.mangled.insert(*id);
            }
        }
    }

    fn body_of(&self, of: &Outgoing) -> Option<Body> {
        match &of.request {
            Request::Arm(arm) => arm.body.as_map().cloned(),
            Request::Kusto(_) => None,
        }
    }

    /// A body with its references answered as the simulated service answers them.
    pub(crate) fn answered(&self, body: &Body) -> Body {
        let body = body.resolved(&|address: &Address, _: &[String]| Some(Value::from(id_of(address))));
        body.into_iter().filter(|(_, value)| !value.is_unset()).collect()
    }

    fn write(&mut self, address: &Address, body: Option<Body>, extent: Extent) {
        match (body, extent) {
            (_, Extent::Torn) => {
                self.live.insert(address.clone(), thing(address, Body::new().with("p", 77)));
            }
            (Some(body), _) => {
                let body = self.answered(&body);
                self.live.insert(address.clone(), thing(address, body));
            }
            (None, _) => {
                self.live.remove(address);
            }
        }
    }

    /// Live as it must be when exactly some steps stand.
    pub(crate) fn expected(&self, standing: &BTreeSet<usize>) -> Inventory {
        let mut live = self.initial.clone();
        for step in self.plan.steps.iter().filter(|step| standing.contains(&step.id)) {
            match &step.change.after {
                Some(after) => {
                    live.insert(step.address.clone(), thing(&step.address, self.answered(after)));
                }
                None => {
                    live.remove(&step.address);
                }
            }
        }
        live
    }
}

fn number(operation: &Operation) -> u64 {
    operation.0["operation"].as_u64().unwrap()
}

fn joins(request: &Request) -> bool {
    match request {
        Request::Kusto(kusto) => !kusto.alone && kusto.lookup.is_none(),
        Request::Arm(_) => false,
    }
}

fn outputs(of: &Outgoing) -> Attributes {
    let id = Value::from(id_of(&of.address));
    Attributes::from([("id".to_owned(), id.clone()), ("identity.principalId".to_owned(), id)])
}
