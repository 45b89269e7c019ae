//! The guard: a thing is looked at again right before it is written, so that nobody's change is overwritten unseen.
//!
//! A plan is made from one reading of live, and a run may take an hour. A request goes out only while live stands where
//! the plan, or the run's own last step, left the thing; otherwise the step is stale, with what differs. On the way
//! forward the run then turns as after any refusal; on the way back the step stays as it is and a person is told.
//! Where the service has etags, the one that was seen goes along, so that nothing comes between the look and the write
//! (tests: `tests/product/races.rs`, and the law of writes that stand in the simulation).
//!
//! Not looked at is what failed half-way or is half undone: there live is at neither end by the run's own doing; and, on
//! the way forward, what stands in something that the run itself made: there was nothing to be read.

use super::effects::{Answer, Effects, Look, LookError, Outgoing};
use super::event::{Attributes, Difference, Verdict, Way};
use super::looking::Timing;
use super::machine::{Left, Machine, Status};
use super::{proof, request};
use crate::kind::ETAG;
use crate::model::body::{Body, Value};
use crate::model::{Address, Scope};
use crate::plan::Plan;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

/// How often a request is sent anew whose etag was overtaken, though live still stands where it must.
const TRIES: usize = 3;

/// What a part of live was found to be; batches that go out close together share one look.
type Found = Arc<OnceCell<Result<Look, LookError>>>;

/// When live was last read: the whole for the plan, and parts of it since.
#[derive(Debug, Default)]
pub(super) struct Seen {
    whole: Option<Instant>,
    parts: BTreeMap<(Address, bool), (Instant, Found)>,
    written: BTreeMap<Address, Instant>,
}

impl Seen {
    /// The whole was read at a moment.
    pub(super) const fn new(whole: Option<Instant>) -> Self {
        Self { whole, parts: BTreeMap::new(), written: BTreeMap::new() }
    }

    /// The run itself has written a thing, or may have: what was seen of it before no longer counts.
    pub(super) fn written(&mut self, address: &Address) {
        self.written.insert(address.clone(), Instant::now());
    }

    /// The look at a part, or at its root alone, to go by: not older than `fresh`, nor than the run's own last write.
    fn part(&mut self, part: (Address, bool), of: &BTreeSet<&Address>, fresh: Duration) -> Found {
        let written = of.iter().filter_map(|address| self.written.get(address)).max();
        let (at, found) = self.parts.entry(part).or_insert_with(|| (Instant::now(), Found::default()));
        if at.elapsed() >= fresh || written.is_some_and(|written| written >= at) {
            (*at, *found) = (Instant::now(), Found::default());
        }
        Arc::clone(found)
    }
}

/// One step that is looked at.
#[derive(Debug, Clone, Copy)]
struct Watched {
    id: usize,
    /// Whether a request was sent for it before.
    sent: bool,
    /// Whether its before-state is what was read when the plan was made.
    was_read: bool,
    /// Whether it stands in something that the run itself made.
    in_made: bool,
}

/// What is looked at before a batch is sent.
#[derive(Debug)]
pub(super) struct Guard {
    plan: Arc<Plan>,
    way: Way,
    /// The innermost container around what is looked at.
    container: Address,
    /// Whether nothing but the container itself is looked at.
    is_alone: bool,
    found: Found,
    steps: Vec<Watched>,
    known: BTreeMap<Address, Attributes>,
    pause: Duration,
    patience: Duration,
}

/// Why a step must not go out.
enum Objection {
    /// Somebody has changed it.
    Changed(Vec<Difference>),
    /// Its own request, which was taken for lost, has arrived after all.
    Arrived,
}

impl Guard {
    /// The guard of a batch that is about to go out; `None` when nothing of it has to be looked at.
    pub(super) fn of(
        machine: &Machine,
        way: Way,
        steps: &[usize],
        seen: &mut Seen,
        timing: &Timing,
    ) -> Option<Self> {
        let plan = machine.plan();
        let watched: Vec<Watched> = steps.iter().filter_map(|id| watched(machine, way, *id)).collect();
        let conditional = |of: &Watched| machine.request(of.id, way).is_some_and(request::is_conditional);
        // The plan itself is as fresh as a look would be; but an etag is always the one that is seen now.
        let fresh = way == Way::Apply && seen.whole.is_some_and(|whole| whole.elapsed() < timing.fresh);
        let planned = |of: &Watched| of.was_read && !of.sent;
        if fresh && !watched.iter().any(conditional) && watched.iter().all(planned) {
            return None;
        }
        let addresses: BTreeSet<&Address> = watched.iter().map(|of| &plan.steps[of.id].address).collect();
        let root = addresses.first()?.prefix(1);
        let around = addresses.iter().filter_map(|address| container(&plan.scope, address));
        let deepest = around.max_by_key(|at| (at.depth(), at.clone())).unwrap_or(root);
        // What is in a container does not matter to its own change, and one that is to be made cannot be asked for it.
        let is_alone = addresses.iter().all(|address| **address == deepest);
        let found = seen.part((deepest.clone(), is_alone), &addresses, timing.fresh);
        let changes = watched.iter().map(|of| &plan.steps[of.id].change);
        let bodies = changes.flat_map(|change| change.before.iter().chain(&change.after));
        let asked: BTreeSet<&Address> = bodies.flat_map(Body::references).map(|(at, _)| at).collect();
        let known = |at: &Address| Some((at.clone(), machine.outputs().get(at)?.clone()));
        Some(Self {
            plan: Arc::clone(plan),
            way,
            known: asked.into_iter().filter_map(known).collect(),
            container: deepest,
            is_alone,
            found,
            steps: watched,
            pause: timing.settle_pause,
            patience: timing.settle_quiet,
        })
    }

    /// What is read: the container with those that it stands in, alone or with what is in it.
    fn scope(&self) -> Scope {
        let mut scope = self.plan.scope.clone();
        scope.containers.retain(|at, _| self.container.is_within(at));
        if self.is_alone {
            let above = scope.containers.values().map(|container| container.kind.clone());
            let own = self.steps.iter().map(|of| self.plan.steps[of.id].kind.to_string());
            let kinds: BTreeSet<String> = above.chain(own).collect();
            scope.kinds.retain(|kind| kinds.contains(kind));
            scope.containers.values_mut().for_each(|container| container.commands.clear());
        }
        scope
    }

    /// Sends a batch while live stands as it must.
    pub(super) async fn send<E: Effects>(mut self, effects: &E, mut batch: Vec<Outgoing>) -> Vec<Answer> {
        for _ in 1..TRIES {
            if let Err(answers) = self.look(effects, &mut batch).await {
                return answers;
            }
            let answers = request::sent(effects, batch.clone()).await;
            if !answers.iter().any(|answer| matches!(answer, Answer::Stale { .. })) {
                return answers;
            }
            // What came between is told best by what is seen now.
            self.found = Found::default();
        }
        if let Err(answers) = self.look(effects, &mut batch).await {
            return answers;
        }
        let sent = |id| self.steps.iter().any(|of| of.id == id && of.sent);
        let steps: Vec<usize> = batch.iter().map(|of| of.step).collect();
        let answers = request::sent(effects, batch).await.into_iter().zip(steps);
        // What may be the run's own doing is no refusal.
        let answer = |(answer, step)| match answer {
            Answer::Stale { message, .. } if sent(step) => Answer::Lost { why: message },
            other => other,
        };
        answers.map(answer).collect()
    }

    /// Looks, and puts the etags in; or says what becomes of the batch instead.
    async fn look<E: Effects>(&mut self, effects: &E, batch: &mut [Outgoing]) -> Result<(), Vec<Answer>> {
        let since = Instant::now();
        loop {
            let found = Arc::clone(&self.found);
            let read = async || effects.look(&self.scope()).await;
            let look = match found.get_or_init(read).await {
                Ok(look) => look,
                Err(error) => return Err(self.blind(error, batch)),
            };
            let mut objections: BTreeMap<usize, Objection> =
                self.steps.iter().filter_map(|of| self.objection(*of, look)).collect();
            if objections.is_empty() {
                for of in batch {
                    let seen = etag(look, &of.address);
                    request::condition(of, seen);
                }
                return Ok(());
            }
            // What the run has just written may show late.
            let own = |id: &usize| self.steps.iter().any(|of| of.id == *id && (of.sent || !of.was_read));
            let late =
                (self.way == Way::Undo || objections.keys().any(own)) && since.elapsed() < self.patience;
            if !late || objections.values().any(|objection| matches!(objection, Objection::Arrived)) {
                let answer = |of: &Outgoing| {
                    objections.remove(&of.step).map_or(Answer::NotRun, |objection| objection.answer(self.way))
                };
                return Err(batch.iter().map(answer).collect());
            }
            sleep(self.pause).await;
            self.found = Found::default();
        }
    }

    /// What becomes of a batch of which nothing can be seen: nothing was sent, and on the way back a look that can
    /// wait longer settles where each step stands.
    fn blind(&self, error: &LookError, batch: &[Outgoing]) -> Vec<Answer> {
        let why = format!("it could not be looked at right before it was to be written: {error}");
        let answer = |(place, _): (usize, &Outgoing)| match (self.way, place) {
            (Way::Apply, 0) => Answer::Refused { message: why.clone(), trace: None },
            (Way::Apply, _) => Answer::NotRun,
            (Way::Undo, _) => Answer::Lost { why: why.clone() },
        };
        batch.iter().enumerate().map(answer).collect()
    }

    fn objection(&self, of: Watched, look: &Look) -> Option<(usize, Objection)> {
        let step = &self.plan.steps[of.id];
        if look.hides(&step.address).is_some() {
            return None;
        }
        let known = |address: &Address, path: &[String]| -> Option<Value> {
            self.known.get(address)?.get(&path.join(".")).cloned()
        };
        let (verdict, differences) = proof::verdict(step, of.was_read, &look.live, &known);
        let objection = match (self.way, verdict) {
            (_, Verdict::Neither) => Objection::Changed(differences),
            (_, Verdict::Before | Verdict::Either) | (Way::Undo, Verdict::After) => return None,
            (Way::Apply, Verdict::After) if of.sent => Objection::Arrived,
            // It came with what the run made, or an earlier step of the same thing brought it about.
            (Way::Apply, Verdict::After) if of.in_made || !of.was_read => return None,
            (Way::Apply, Verdict::After) => Objection::Changed(Vec::new()),
        };
        Some((of.id, objection))
    }
}

impl Objection {
    fn answer(self, way: Way) -> Answer {
        let differences = match self {
            Self::Arrived => {
                let why = "its first request, which had no reply, has arrived after all".to_owned();
                return Answer::Lost { why };
            }
            Self::Changed(differences) => differences,
        };
        let all: BTreeSet<String> = differences.iter().map(ToString::to_string).collect();
        let found = match all.len() {
            0 => "somebody has made it so already".to_owned(),
            _ => all.into_iter().collect::<Vec<_>>().join("; "),
        };
        let message = match way {
            Way::Apply => {
                format!("somebody has changed it since the plan was made, so it was not written: {found}")
            }
            Way::Undo => "somebody has changed it since the run did, so it was left as it is".to_owned(),
        };
        Answer::Stale { message, differences, trace: None }
    }
}

/// The innermost container that something is in, or that it is.
fn container(scope: &Scope, address: &Address) -> Option<Address> {
    let mut around = (1..=address.depth()).rev().map(|depth| address.prefix(depth));
    around.find(|at| scope.containers.contains_key(at))
}

/// Whether and how a step is looked at before it goes out.
fn watched(machine: &Machine, way: Way, id: usize) -> Option<Watched> {
    let state = &machine.states()[id];
    let (was_read, in_made) = (machine.was_read(id), machine.stands_in_what_was_made(id));
    let watched = match way {
        Way::Apply => {
            let conditional = machine.request(id, way).is_some_and(request::is_conditional);
            matches!(state.status, Status::Waiting | Status::Checked)
                && !machine.goes_with_another(id)
                && (conditional || !in_made)
        }
        Way::Undo => {
            let whole = matches!(state.status, Status::Done | Status::Broken | Status::ToUndo);
            whole && state.part == 0 && state.left != Left::Part && !machine.was_touched_by_an_undo(id)
        }
    };
    watched.then_some(Watched { id, sent: way == Way::Apply && state.sends > 0, was_read, in_made })
}

/// The version of a thing, where live tells one.
fn etag<'a>(look: &'a Look, address: &Address) -> Option<&'a str> {
    look.live.get(address)?.attributes.text(ETAG).filter(|etag| !etag.trim_matches('"').is_empty())
}
