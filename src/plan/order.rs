//! The orderer: changes become steps, steps get their edges, edges give the order.
//!
//! Steps that cannot be undone come last, behind the point of no return, with everything that needs them.

use super::diff::Differences;
use super::{Reason, Resolution, Step, circle, dependents};
use crate::kind::{self, At, Kind, Need, Undo};
use crate::model::address::ByAddress;
use crate::model::change::Action;
use crate::model::inventory::{Inventory, Resource};
use crate::model::{Address, Change, Request, parallel};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Range;

/// Makes the steps of all changes, in an order that respects every edge.
///
/// # Errors
/// The addresses of a cycle, each with the next, when there is no such order; or why a kind cannot make a change.
pub fn steps(found: &Differences, live: &Inventory) -> Result<Vec<Step>, Trouble> {
    let alone: Vec<_> = found.changes.iter().filter(|(_, resolution)| resolution.with.is_none()).collect();
    // Steps are large: each is moved once only.
    let made = parallel::parts(&alone, parallel::AT_A_TIME, |part| {
        let mut drafts = Vec::with_capacity(part.len());
        part.iter().try_for_each(|(at, of)| draft(&mut drafts, found, live, at, of)).map(|()| drafts)
    });
    let mut drafts = Vec::with_capacity(made.iter().flatten().map(Vec::len).sum());
    for part in made {
        let first = drafts.len();
        drafts.extend(part?.into_iter().map(|mut step| {
            step.id += first;
            step.needs.iter_mut().for_each(|needs| *needs += first);
            step
        }));
    }
    edges(&mut drafts, found, live);
    circle::open(&mut drafts, found, live);
    put_behind(&mut drafts);
    reduce(&mut drafts);
    sorted(drafts)
}

/// Why there are no steps.
#[derive(Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A kind cannot make the change; the sentence says why.
    Impossible(Address, String),
    /// These addresses need one another.
    Cycle(Vec<Address>),
}

/// Adds the steps of one change to others, numbered by their places.
fn draft(
    drafts: &mut Vec<Step>,
    found: &Differences,
    live: &Inventory,
    address: &Address,
    resolution: &Resolution,
) -> Result<(), Trouble> {
    let Some(kind) = kind::by_name(&resolution.kind) else { return Ok(()) };
    let change = &resolution.change;
    let world = if change.after.is_none() { live } else { &found.world };
    let Some(resource) = world.get(address) else { return Ok(()) };
    let recalled =
        found.recalled.get(address).map(|body| Resource { body: body.clone(), ..resource.clone() });
    let at = At { address, resource: recalled.as_ref().unwrap_or(resource), world };
    let both = change.before.is_some() && change.after.is_some() && kind.replaces(change);
    let mut halves = Vec::new();
    if both {
        let named = change.rename.clone().zip(change.before.as_ref());
        halves.extend(named.map(|(rename, before)| Change::renaming(before, *rename)));
        halves.push(Change::new(change.before.clone(), None));
        halves.push(Change::new(None, change.after.clone()));
    } else if change.before.is_some() && change.after.is_some() && is_made_again(found, address) {
        halves.push(Change::new(None, change.after.clone()));
    } else {
        halves.push(change.clone());
    }
    let first = drafts.len();
    let mut previous = None;
    let bodies = Change { rename: None, ..change.clone() };
    for half in halves {
        for change in parts(kind, &at, &half) {
            let whole = if both && change.before.is_none() { &bodies } else { &change };
            let impossible = |why| Trouble::Impossible(address.clone(), why);
            let id = drafts.len();
            drafts.push(Step {
                id,
                address: address.clone(),
                kind: resolution.kind.clone(),
                action: half.action(),
                request: kind.request(&at, whole).map_err(impossible)?,
                undo: kind.undo(&at, &change),
                loss: kind.loss(&at, &change),
                needs: previous.into_iter().collect(),
                behind_line: false,
                validation: change.after.is_some().then(|| kind.validation(&at)).flatten().map(Box::new),
                origin: resolution.origin.clone(),
                change,
            });
            previous = Some(id);
        }
    }
    // What is made again with its container starts from what stood there, though nothing of it is left by then.
    if let Some(step) = drafts.get_mut(first) {
        step.change.before.clone_from(&change.before);
    }
    answered(&drafts[first..], address, change)
}

/// Whether something that contains a thing is deleted and created again.
fn is_made_again(found: &Differences, address: &Address) -> bool {
    address.above().any(|above| {
        let above = found.changes.get(&above);
        above.is_some_and(|above| {
            let both = above.change.before.is_some() && above.change.after.is_some();
            both && kind::by_name(&above.kind).is_some_and(|kind| kind.replaces(&above.change))
        })
    })
}

/// A change in the parts that are one request each: first its new name, then from stage to stage.
fn parts(kind: &dyn Kind, at: &At<'_>, change: &Change) -> Vec<Change> {
    let mut parts = Vec::new();
    if let (Some(rename), Some(before)) = (&change.rename, &change.before) {
        parts.push(Change::renaming(before, (**rename).clone()));
        if change.before == change.after {
            return parts;
        }
    }
    let bodies = Change::new(change.before.clone(), change.after.clone());
    let mut from = bodies.before.clone();
    for to in kind.stages(at, &bodies).into_iter().map(Some).chain([bodies.after.clone()]) {
        parts.push(Change::new(from, to.clone()));
        from = to;
    }
    parts
}

/// Refuses a command that leaves out a value which is known only after apply: the property cannot hold one.
fn answered(own: &[Step], address: &Address, change: &Change) -> Result<(), Trouble> {
    let wanted = change.after.as_ref().map(crate::model::Body::references).unwrap_or_default();
    if wanted.is_empty() || !own.iter().any(|step| matches!(step.request, Request::Kusto(_))) {
        return Ok(());
    }
    let before = change.before.as_ref().map(crate::model::Body::references).unwrap_or_default();
    let asked: Vec<_> = own.iter().flat_map(|step| step.request.references()).collect();
    match wanted.iter().find(|reference| !before.contains(reference) && !asked.contains(reference)) {
        None => Ok(()),
        Some((of, path)) => {
            let message = format!(
                "`${{{of}.{}}}` is known only after apply, and the property that refers to it must be known before",
                path.join(".")
            );
            Err(Trouble::Impossible(address.clone(), message))
        }
    }
}

/// The steps of each address, and what changes there.
struct Steps<'a> {
    found: &'a Differences,
    live: &'a Inventory,
    drafts: &'a [Step],
    /// The steps of one thing, which stand beside one another.
    own: ByAddress<Range<usize>>,
    changes: ByAddress<&'a Resolution>,
    /// Which steps take something away, or all of it that is declared.
    going: Vec<bool>,
}

impl<'a> Steps<'a> {
    fn of(drafts: &'a [Step], found: &'a Differences, live: &'a Inventory) -> Self {
        let changes = || found.changes.iter().map(|(address, change)| (address.clone(), change)).collect();
        let own = || {
            let mut own = ByAddress::default();
            own.reserve(drafts.len());
            for of in groups(drafts) {
                own.insert(drafts[of.start].address.clone(), of);
            }
            own
        };
        let (changes, own): (ByAddress<&Resolution>, _) = parallel::both(changes, own);
        let goes = |step: &Step| {
            let reason = changes.get(&step.address).map(|change| change.reason);
            step.change.after.is_none() || reason.is_some_and(takes_away)
        };
        let going = drafts.iter().map(goes).collect();
        Self { found, live, drafts, own, changes, going }
    }

    fn at(&self, address: &Address) -> Range<usize> {
        self.own.get(address).cloned().unwrap_or_default()
    }

    /// Whether something is there afterwards too.
    fn stays(&self, address: &Address) -> bool {
        let stays = |change: &&Resolution| change.change.after.is_some() && !takes_away(change.reason);
        self.changes.get(address).is_some_and(stays)
    }

    /// What the steps of one thing wait for: pairs of a step and another before it.
    fn edges(&self, own: &Range<usize>) -> Vec<(usize, usize)> {
        let mut added: Vec<(usize, usize)> = Vec::new();
        let address = &self.drafts[own.start].address;
        let (takes, makes): (Vec<usize>, Vec<usize>) = own.clone().partition(|id| self.going[*id]);
        let start = (address.clone(), Address::root());
        let referred = self.found.references.range(start..).take_while(|(from, _)| from == address);
        let referred: Vec<Address> = referred.map(|(_, to)| to.clone()).collect();
        let waits = kind::by_name(&self.drafts[own.start].kind).is_some_and(Kind::reads_columns);
        for needed in needed(address, &self.found.world).into_iter().chain(referred.iter().cloned()) {
            let wanted = self.at(&needed).filter(|id| !self.going[*id]).filter(|id| {
                let other = &self.drafts[*id];
                (waits || !loses(other)) && !closes(other)
            });
            wanted.for_each(|other| added.extend(makes.iter().map(|step| (*step, other))));
        }
        for needed in needed(address, self.live).into_iter().chain(referred) {
            // What is deleted to be created again is still needed by what stays.
            let stays = self.stays(&needed);
            let users: Vec<usize> = makes.iter().filter(|_| !stays).chain(&takes).copied().collect();
            let gone = self.at(&needed).filter(|id| self.going[*id]);
            gone.for_each(|other| added.extend(users.iter().map(|step| (other, *step))));
        }
        for forbidding in forbidding(address, &self.found.world, self.live) {
            let others = self.at(&forbidding);
            others.for_each(|other| added.extend(makes.iter().map(|step| (*step, other))));
        }
        added
    }
}

/// The steps of each thing: they stand beside one another.
fn groups(drafts: &[Step]) -> impl Iterator<Item = Range<usize>> {
    drafts.chunk_by(|a, b| a.address == b.address).scan(0, |start, own| {
        let first = *start;
        *start += own.len();
        Some(first..*start)
    })
}

/// Adds the edges between the steps of different addresses.
fn edges(drafts: &mut [Step], found: &Differences, live: &Inventory) {
    let all: Vec<Range<usize>> = groups(drafts).collect();
    let steps = Steps::of(drafts, found, live);
    let added = parallel::map(&all, parallel::AT_A_TIME, |own| steps.edges(own));
    let mut added: Vec<(usize, usize)> = added.into_iter().flatten().collect();
    added.extend(with_their_containers(&steps));
    added.extend(before_they_close(&steps, &all));
    drop(steps);
    added.retain(|(step, other)| step != other);
    added.extend(names_in_turn(drafts, found));
    added.sort_unstable();
    added.dedup();
    for (step, needs) in added {
        if !drafts[step].needs.contains(&needs) {
            drafts[step].needs.push(needs);
        }
    }
}

/// What goes with its container still needs what it refers to until then.
fn with_their_containers(steps: &Steps<'_>) -> Vec<(usize, usize)> {
    let gone = |address: &Address| steps.at(address).filter(|id| steps.going[*id]).collect::<Vec<usize>>();
    let mut pairs = Vec::new();
    for (from, to) in &steps.found.references {
        let top = steps.changes.get(from).and_then(|change| change.with.as_ref());
        let Some(top) = top.filter(|top| !to.is_within(top)) else { continue };
        for other in gone(to) {
            pairs.extend(gone(top).into_iter().map(|step| (other, step)));
        }
    }
    pairs
}

/// Whether a step takes what is inside of its thing out of reach.
fn closes(step: &Step) -> bool {
    kind::by_name(&step.kind).is_some_and(|kind| kind.closes(&step.change))
}

/// What takes others out of reach waits for every step of what is inside of it, or needs it in another way.
fn before_they_close(steps: &Steps<'_>, all: &[Range<usize>]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for last in steps.drafts.iter().filter(|step| closes(step)) {
        for own in all {
            let address = &steps.drafts[own.start].address;
            let refers = || {
                let start = (address.clone(), Address::root());
                let mut referred =
                    steps.found.references.range(start..).take_while(|(from, _)| from == address);
                referred.any(|(_, to)| *to == last.address)
            };
            let worlds = [&steps.found.world, steps.live];
            let uses = || worlds.iter().any(|world| needed(address, world).contains(&last.address));
            if *address != last.address && (address.is_within(&last.address) || refers() || uses()) {
                pairs.extend(own.clone().filter(|id| !closes(&steps.drafts[*id])).map(|id| (last.id, id)));
            }
        }
    }
    pairs
}

const fn takes_away(reason: Reason) -> bool {
    matches!(reason, Reason::Removed | Reason::Destroyed | Reason::Pruned)
}

/// A name is taken only once the thing that had it has another.
fn names_in_turn(drafts: &[Step], found: &Differences) -> Vec<(usize, usize)> {
    let place = |step: &Step, name: &str| {
        (step.address.parent(), step.address.collection().to_owned(), name.to_owned())
    };
    let renames = || drafts.iter().filter_map(|step| Some((step, step.change.rename.as_ref()?)));
    let mut freed: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (step, rename) in renames() {
        freed.entry(place(step, &rename.from)).or_default().push(step.id);
    }
    if freed.is_empty() {
        return Vec::new();
    }
    let takes = |step: &Step| match (&step.change.rename, &step.change.before) {
        (Some(rename), _) => Some(rename.to.clone()),
        (None, None) => found.world.get(&step.address).map(|made| made.name.to_string()),
        (None, Some(_)) => None,
    };
    let pairs = drafts.iter().filter_map(|step| Some((step, freed.get(&place(step, &takes(step)?))?)));
    let pairs = pairs.flat_map(|(step, freed)| freed.iter().map(|freed| (step.id, *freed)));
    pairs.filter(|(step, freed)| step != freed).collect()
}

/// A step of a thing that stays, which its dependents do not wait for because it can never be undone.
const fn loses(step: &Step) -> bool {
    matches!(step.undo, Undo::Never(_)) && !matches!(step.action, Action::Create)
}

/// Every address that a thing needs: its containers, its references, and the names its kind reads.
fn needed(address: &Address, world: &Inventory) -> Vec<Address> {
    let mut needed: Vec<Address> = address.above().collect();
    let Some(resource) = world.get(address) else { return needed };
    needed.extend(resource.body.references().into_iter().map(|(of, _)| of.clone()));
    if let Some(kind) = kind::by_name(resource.kind) {
        let at = At { address, resource, world };
        needed.extend(named(kind, &at).into_iter().map(|(of, _)| of));
    }
    needed.retain(|other| other != address);
    needed
}

/// Every address that, as it stands in live, forbids what a thing is to be.
fn forbidding(address: &Address, world: &Inventory, live: &Inventory) -> Vec<Address> {
    let Some(resource) = world.get(address) else { return Vec::new() };
    let kind = kind::by_name(resource.kind);
    kind.map(|kind| kind.waits(&At { address, resource, world }, live)).unwrap_or_default()
}

/// The things that a kind names, as far as they are in the world.
fn named<'a>(kind: &dyn Kind, at: &At<'a>) -> Vec<(Address, &'a Resource)> {
    let found = |need: &Need| at.named(&need.parent, need.collection, &need.name);
    kind.needs(at).iter().filter_map(found).collect()
}

/// Marks the steps that cannot be undone and all that need them.
fn put_behind(drafts: &mut [Step]) {
    let never = |step: &&Step| matches!(step.undo, Undo::Never(_));
    let mut todo: Vec<usize> = drafts.iter().filter(never).map(|step| step.id).collect();
    if todo.is_empty() {
        return;
    }
    let dependents = dependents(drafts);
    while let Some(id) = todo.pop() {
        if !drafts[id].behind_line {
            drafts[id].behind_line = true;
            todo.extend(&dependents[id]);
        }
    }
}

/// Leaves out the edges that another edge implies, so that people see what a step really waits for.
fn reduce(drafts: &mut [Step]) {
    let all: Vec<Vec<usize>> = drafts.iter().map(|step| step.needs.clone()).collect();
    // For each step the last one of which something needs it.
    let mut implied: Vec<Option<usize>> = vec![None; drafts.len()];
    for step in drafts {
        let needs_of_needs = step.needs.iter().flat_map(|other| &all[*other]);
        needs_of_needs.for_each(|needs| implied[*needs] = Some(step.id));
        step.needs.retain(|needs| implied[*needs] != Some(step.id));
    }
}

/// Numbers the steps in an order that respects the edges: the line first, then addresses, then stages.
fn sorted(drafts: Vec<Step>) -> Result<Vec<Step>, Trouble> {
    let mut waiting: Vec<usize> = drafts.iter().map(|step| step.needs.len()).collect();
    let dependents = dependents(&drafts);
    // The numbers that steps have so far follow their addresses.
    let key = |id: usize| (drafts[id].behind_line, id);
    let first = (0..drafts.len()).filter(|id| waiting[*id] == 0);
    let mut ready: BinaryHeap<_> = first.map(|id| Reverse(key(id))).collect();
    let mut order = Vec::with_capacity(drafts.len());
    while let Some(Reverse((_, id))) = ready.pop() {
        order.push(id);
        for next in &dependents[id] {
            waiting[*next] -= 1;
            if waiting[*next] == 0 {
                ready.push(Reverse(key(*next)));
            }
        }
    }
    if order.len() < drafts.len() {
        return Err(Trouble::Cycle(cycle(&drafts, &waiting)));
    }
    let mut place = vec![0; drafts.len()];
    order.iter().enumerate().for_each(|(at, id)| place[*id] = at);
    let mut steps: Vec<Step> = drafts;
    steps.sort_by_key(|step| place[step.id]);
    for step in &mut steps {
        step.id = place[step.id];
        step.needs.iter_mut().for_each(|needs| *needs = place[*needs]);
        step.needs.sort_unstable();
    }
    Ok(steps)
}

/// One cycle among the steps that never became ready.
fn cycle(drafts: &[Step], waiting: &[usize]) -> Vec<Address> {
    let stuck = |id: &usize| waiting[*id] > 0;
    let Some(start) = (0..drafts.len()).find(stuck) else { return Vec::new() };
    let mut path = vec![start];
    loop {
        let last = path[path.len() - 1];
        let Some(next) = drafts[last].needs.iter().copied().find(stuck) else { break };
        if let Some(at) = path.iter().position(|seen| *seen == next) {
            path.drain(..at);
            break;
        }
        path.push(next);
    }
    let mut addresses: Vec<Address> = path.into_iter().map(|id| drafts[id].address.clone()).collect();
    addresses.dedup();
    addresses
}
