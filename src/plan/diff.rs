//! The differ: one walk over desired and live, asking kinds narrow questions; nobody else compares.

use super::sight::Unseen;
use super::{Origin, Reason, Refusal, Resolution, Rule};
use super::{apart, exact, scope};
use crate::kind::{self, At, Kind, shape, shape::Role};
use crate::model::body::{Body, Value};
use crate::model::change::Rename;
use crate::model::inventory::{Desired, Inventory, Mode, Resource};
use crate::model::{Address, Change, parallel};
use std::collections::{BTreeMap, BTreeSet};

/// What the differ works on.
pub struct Inputs<'a> {
    /// What the spec asks for.
    pub desired: &'a Desired,
    /// What was read.
    pub live: &'a Inventory,
    /// Which declared thing refers to which, whether or not the value is known already.
    pub references: &'a [(Address, Address)],
    /// Whether the wish is that nothing declared exists.
    pub destroy: bool,
    /// `--target`.
    pub targets: &'a [String],
    /// `--exclude`.
    pub excludes: &'a [String],
    /// What could not be read, and why: what stands inside of it is unknown.
    pub hidden: &'a [(Address, String)],
    /// Where the spec declares an address.
    pub origin: &'a (dyn Fn(&Address) -> Option<Origin> + Sync),
}

/// What the differ finds.
#[derive(Debug, Default)]
pub struct Differences {
    /// Every thing that changes.
    pub changes: BTreeMap<Address, Resolution>,
    /// Desired laid over live: names, places and bodies as they will be.
    pub world: Inventory,
    /// Live bodies of things that go, with the secrets that the spec knows, so that they can be made again.
    pub recalled: BTreeMap<Address, Body>,
    /// Which declared thing refers to which.
    pub references: BTreeSet<(Address, Address)>,
    /// What cannot be made so.
    pub refusals: Vec<Refusal>,
    /// What is left alone though it differs.
    pub notes: Vec<String>,
    /// What is not among the changes yet.
    recorded: Vec<(Address, Resolution)>,
    /// What is to be known of single things, which is not in order yet.
    noted: Vec<(Address, String)>,
    /// What should go and never does, and why.
    stays: BTreeMap<Address, &'static str>,
}

/// What a declared thing should be.
struct Goal {
    /// The thing as it will be.
    thing: Resource,
    /// Whether its body is what it is already.
    same: bool,
    /// Whether nothing else has a say in it: it is looked at, and is as it should be or made from nothing. Most things of a
    /// large spec are so.
    alone: bool,
}

impl Inputs<'_> {
    /// Compares desired and live.
    pub fn differences(&self) -> Differences {
        let references = self.references.iter().cloned().collect();
        let mut unseen = Unseen::new();
        let all: Vec<_> = self.desired.inventory.iter().collect();
        let mut goals =
            parallel::map(&all, parallel::AT_A_TIME, |(address, wanted)| self.goal(address, wanted));
        let alone = all.iter().zip(&mut goals).filter_map(|((address, _), goal)| {
            let goal = goal.as_mut().filter(|goal| goal.alone)?;
            Some((*address, std::mem::take(&mut goal.thing)))
        });
        let world = self.live.under(alone);
        let mut found = Differences { world, references, ..Differences::default() };
        let is_alone = |goal: &Option<Goal>| goal.as_ref().is_some_and(|goal| goal.alone);
        let is_made = |goal: &Option<Goal>| goal.as_ref().is_some_and(|goal| goal.alone && !goal.same);
        let made = all.iter().zip(&goals).filter(|(_, goal)| is_made(goal));
        let made: Vec<&Address> = made.map(|((address, _), _)| *address).collect();
        for ((address, wanted), goal) in all.into_iter().zip(goals).filter(|(_, goal)| !is_alone(goal)) {
            if let Some(hidden) = self.hidden_by(address) {
                let counts = usize::from(scope::is_targeted(address, self.targets, self.excludes));
                *unseen.entry(hidden.clone()).or_default() += counts;
                found.world.insert(address.clone(), wanted.clone());
            } else if scope::is_targeted(address, self.targets, self.excludes) {
                self.compare(&mut found, address, wanted, goal);
            } else if let (None, Mode::Managed | Mode::Existing) = (self.live.get(address), wanted.mode) {
                let note = format!("{address} is not in live, and the targets leave it out");
                found.noted.push((address.clone(), note));
            }
        }
        self.record_made(&mut found, &made);
        // All at once, in order: that of a large spec is put together many times as fast.
        found.changes = std::mem::take(&mut found.recorded).into_iter().collect();
        found.noted.sort_by(|(one, _), (other, _)| one.cmp(other));
        found.notes.extend(std::mem::take(&mut found.noted).into_iter().map(|(_, note)| note));
        self.unseen(&mut found, &unseen);
        self.prune(&mut found);
        found.changes.extend(std::mem::take(&mut found.recorded));
        let mut changes: Vec<_> = found.changes.iter_mut().filter(|(_, of)| of.origin.is_none()).collect();
        parallel::map_mut(&mut changes, parallel::AT_A_TIME, |(address, resolution)| {
            resolution.origin = (self.origin)(address);
        });
        contain(&mut found, self.live);
        apart::set(&mut found, self.live);
        make_again(&mut found, self.live);
        self.locked_out(&mut found);
        let stays = std::mem::take(&mut found.stays).into_iter();
        let stays = stays.filter(|(address, _)| !found.changes.contains_key(address));
        found.notes.extend(stays.map(|(address, why)| format!("{address} stays as it is: {why}")));
        found
    }

    /// Refuses what would lock people out of what stays.
    fn locked_out(&self, found: &mut Differences) {
        let gone = |address: &Address| found.changes.get(address).is_some_and(|r| r.change.after.is_none());
        let mut reasons = Vec::new();
        // Nobody is locked out of what goes too.
        let goes = found.changes.values().any(|resolution| resolution.change.after.is_none());
        let goes_within = |address: &Address| goes && address.above().any(|above| gone(&above));
        let stays = found.changes.iter().filter(|(at, r)| r.with.is_none() && !goes_within(at));
        for (address, resolution) in stays {
            let Some(kind) = kind::by_name(&resolution.kind) else { continue };
            let there = found.world.get(address).or_else(|| self.live.get(address));
            let Some(resource) = there else { continue };
            let at = At { address, resource, world: &found.world };
            let own = kind.locks_out(&at, &resolution.change, &gone);
            reasons.extend(own.into_iter().map(|why| (address.clone(), why)));
        }
        for (address, why) in reasons {
            let message = format!("{address} would lock somebody out: {why}");
            let help = "leave the member where it is, or have another admin do it; if it is meant, say --allow-lock-out";
            self.refuse(found, &address, Rule::LockOut, message, help);
        }
    }

    /// How the tool stands to a declared thing in this plan.
    fn mode(&self, address: &Address, wanted: &Resource) -> Mode {
        let mode = scope::mode(address, wanted, &self.desired.inventory);
        if self.destroy && mode == Mode::Managed { Mode::Absent } else { mode }
    }

    /// What a declared thing should be: a question to its kind, which nothing else has an answer for.
    fn goal(&self, address: &Address, wanted: &Resource) -> Option<Goal> {
        if self.mode(address, wanted) != Mode::Managed {
            return None;
        }
        let kind = kind::by_name(wanted.kind)?;
        let live = self.live.get(address).filter(|live| live.kind == wanted.kind);
        let body = scope::resolved(&wanted.body, self.live);
        // What a thing that never goes leaves out cannot be unset either.
        let is_exact = live.is_none_or(|live| self.stays(address, live).is_none());
        let body = if is_exact && exact::is_within(self.desired, address) {
            exact::wanted(kind, live, &body)
        } else {
            body
        };
        let mut after = kind.settle(live, &body);
        let Some(live) = live else {
            let thing = Resource { body: after, ..wanted.clone() };
            // What it stands in is of the same kind as it will be.
            let at = At { address, resource: &thing, world: &self.desired.inventory };
            let is_new = self.live.get(address).is_none() && !kind.is_absence(&at, &thing.body);
            let alone = is_new && self.is_looked_at(address);
            return Some(Goal { thing, same: false, alone });
        };
        wanted.lifecycle.ignore.iter().for_each(|path| keep(&mut after, &live.body, path));
        let is_equal = live.body == after;
        let same = is_equal || shape::same_bodies(kind.about().fields, &live.body, &after);
        let thing = Resource {
            // What stays as it is shares its memory with live.
            body: if is_equal { live.body.clone() } else { after },
            attributes: live.attributes.clone(),
            is_live: true,
            rows: live.rows,
            bytes: live.bytes,
            ..wanted.clone()
        };
        let at = At { address, resource: &thing, world: self.live };
        let stays = same && renamed(kind, live, wanted).is_none() && !kind.is_absence(&at, &thing.body);
        let alone = stays && self.is_looked_at(address);
        Some(Goal { thing, same, alone })
    }

    /// Whether a thing could be read and is among those that are asked for.
    fn is_looked_at(&self, address: &Address) -> bool {
        self.hidden_by(address).is_none() && scope::is_targeted(address, self.targets, self.excludes)
    }

    /// Records what is made from nothing and in which nothing else has a say.
    fn record_made(&self, found: &mut Differences, made: &[&Address]) {
        let world = &found.world;
        let changes = parallel::map(made, parallel::AT_A_TIME, |address| {
            let thing = world.get(address)?;
            let change = Change::new(None, Some(thing.body.clone()));
            let notes = noted(world, thing, address, &change);
            let origin = (self.origin)(address);
            Some((Resolution { origin, ..Resolution::new(thing, change, Reason::Declared) }, notes))
        });
        found.recorded.reserve(made.len());
        for (address, (resolution, notes)) in made.iter().zip(changes).filter_map(|(at, of)| Some((at, of?)))
        {
            found.recorded.push(((*address).clone(), resolution));
            found.noted.extend(notes);
        }
    }

    fn compare(&self, found: &mut Differences, address: &Address, wanted: &Resource, goal: Option<Goal>) {
        let live = self.live.get(address);
        match (self.mode(address, wanted), live) {
            (Mode::Absent, None) => {}
            (Mode::Existing, None) if self.destroy => {}
            (Mode::Absent, Some(live)) => {
                let reason = if self.destroy { Reason::Destroyed } else { Reason::Removed };
                self.delete(found, address, live, wanted, reason);
            }
            (Mode::Existing, Some(_)) => {}
            (Mode::Existing, None) => {
                let message = format!("{address} is declared as existing, and it is not there");
                let help = "create it first, correct its name and place, or take `existing: true` away";
                self.refuse(found, address, Rule::Missing, message, help);
                found.world.insert(address.clone(), wanted.clone());
            }
            (Mode::Managed, live) => {
                if let Some(goal) = goal {
                    self.converge(found, address, live, wanted, goal);
                }
            }
        }
    }

    fn converge(
        &self,
        found: &mut Differences,
        address: &Address,
        live: Option<&Resource>,
        wanted: &Resource,
        Goal { thing, same, .. }: Goal,
    ) {
        let Some(kind) = kind::by_name(wanted.kind) else { return };
        let same_kind = live.filter(|live| live.kind == wanted.kind);
        let (before, after) = (same_kind.map(|live| live.body.clone()), thing.body.clone());
        found.world.insert(address.clone(), thing);
        if self.is_absence(found, kind, address) {
            found.world.remove(address);
            if let Some(live) = same_kind {
                self.delete(found, address, live, wanted, Reason::Differs);
            }
            return;
        }
        let rename = same_kind.and_then(|live| renamed(kind, live, wanted));
        if same && rename.is_none() {
            return;
        }
        let reason = match (&before, &rename) {
            (_, Some(_)) => Reason::Renamed,
            (Some(_), None) => Reason::Differs,
            (None, None) => Reason::Declared,
        };
        let after = if same { before } else { Some(after) };
        let change =
            Change { rename: rename.map(Box::new), ..Change::new(live.map(|live| live.body.clone()), after) };
        if let (Some(live), None) = (live, same_kind) {
            let message = format!(
                "{address} is of kind {} in live, and of kind {} in the spec",
                live.kind, wanted.kind
            );
            let help = "give it another name, or delete the old one first with `removed:`";
            self.refuse(found, address, Rule::Immutable, message, help);
        }
        self.immutable(found, kind, address, &change);
        if let Some(resource) = found.world.get(address) {
            let notes = noted(&found.world, resource, address, &change);
            found.noted.extend(notes);
        }
        self.record(found, address, wanted, change, reason);
    }

    /// Whether what is wanted is the same to the service as nothing.
    fn is_absence(&self, found: &Differences, kind: &dyn Kind, address: &Address) -> bool {
        let at = |resource| At { address, resource, world: &found.world };
        found.world.get(address).is_some_and(|resource| kind.is_absence(&at(resource), &resource.body))
    }

    /// Why the service never deletes what stands in live.
    fn stays(&self, address: &Address, resource: &Resource) -> Option<&'static str> {
        kind::by_name(resource.kind)?.stays(&At { address, resource, world: self.live })
    }

    fn delete(
        &self,
        found: &mut Differences,
        address: &Address,
        live: &Resource,
        wanted: &Resource,
        reason: Reason,
    ) {
        if let Some(why) = self.stays(address, live) {
            // Nobody asked for what is pruned by its name.
            if reason != Reason::Pruned {
                found.stays.insert(address.clone(), why);
            }
            return;
        }
        if wanted.lifecycle.prevent_destroy {
            let message = format!("{address} would be deleted, and the spec says `preventDestroy`");
            self.refuse(
                found,
                address,
                Rule::PreventDestroy,
                message,
                "take `preventDestroy` away if it is to go",
            );
        }
        let body = scope::resolved(&wanted.body, self.live);
        let Some((kind, after)) = rest(live, &body) else { return };
        if after.as_ref().is_some_and(|after| shape::same_bodies(kind.about().fields, &live.body, after)) {
            return;
        }
        let known = kind.settle(Some(live), &body);
        let recalled = shape::recalled(kind.about().fields, &live.body, &known);
        if recalled != live.body {
            found.recalled.insert(address.clone(), recalled);
        }
        self.record(found, address, live, Change::new(Some(live.body.clone()), after), reason);
    }

    /// Undeclared entries of what the spec claims: of some collections, or of all inside of an entry.
    fn prune(&self, found: &mut Differences) {
        let collections = self
            .desired
            .prune
            .iter()
            .flat_map(|(parent, words)| words.iter().map(move |word| (parent, word)));
        let entries = collections.flat_map(|(parent, word)| self.live.children(parent, word));
        let undeclared = entries.filter(|(at, _)| self.desired.inventory.get(at).is_none());
        let exact = if self.destroy { Vec::new() } else { exact::undeclared(self.desired, self.live) };
        let undeclared: BTreeMap<_, _> = undeclared.chain(exact).collect();
        if undeclared.is_empty() {
            return;
        }
        let left = exact::left_beside(self.desired);
        let is_left = |at: &Address, live: &Resource| left.iter().any(|left| left.is(at, live));
        for (address, live) in undeclared.into_iter().filter(|(at, live)| !is_left(at, live)) {
            if scope::is_targeted(address, self.targets, self.excludes) {
                self.delete(found, address, live, &Resource::default(), Reason::Pruned);
            }
        }
    }

    /// Refuses changes of what the service fixes at creation, unless the kind is replaced for them.
    fn immutable(&self, found: &mut Differences, kind: &dyn Kind, address: &Address, change: &Change) {
        let (Some(before), Some(after)) = (&change.before, &change.after) else { return };
        if kind.replaces(change) {
            return;
        }
        let about = kind.about();
        let fixed = shape::differing(about.fields, before, after).into_iter().filter(|field| {
            matches!(field.role, Role::Immutable | Role::Place) && before.get(field.name).is_some()
        });
        for field in fixed.collect::<Vec<_>>() {
            let shown =
                |body: &Body| body.get(field.name).map_or_else(|| "unset".to_owned(), shape::describe);
            let message = format!(
                "`{}` of {address} cannot change after creation: it is {} in live and {} in the spec",
                field.name,
                shown(before),
                shown(after)
            );
            let help = format!("put the live value into the spec, or give the {} another name", about.name);
            self.refuse(found, address, Rule::Immutable, message, &help);
        }
    }

    /// Where the spec declares it is looked up later, for all of them.
    fn record(
        &self,
        found: &mut Differences,
        at: &Address,
        thing: &Resource,
        change: Change,
        reason: Reason,
    ) {
        found.recorded.push((at.clone(), Resolution::new(thing, change, reason)));
    }

    pub(super) fn refuse(
        &self,
        found: &mut Differences,
        address: &Address,
        rule: Rule,
        message: String,
        help: &str,
    ) {
        let (address, help) = (address.clone(), help.to_owned());
        let origin = (self.origin)(&address);
        found.refusals.push(Refusal { address, origin, rule, message, help });
    }
}

/// What is to be known of a change, with its address.
fn noted<'a>(
    world: &Inventory,
    resource: &Resource,
    address: &'a Address,
    change: &Change,
) -> impl Iterator<Item = (Address, String)> + use<'a> {
    let kind = kind::by_name(resource.kind);
    let notes = kind.map(|kind| kind.notes(&At { address, resource, world }, change)).unwrap_or_default();
    notes.into_iter().map(move |note| (address.clone(), format!("{address}: {note}")))
}

/// The names of a thing that live still has under its former one.
fn renamed(kind: &dyn Kind, live: &Resource, wanted: &Resource) -> Option<Rename> {
    let former = wanted.lifecycle.renamed_from.as_deref() == Some(&live.name);
    let other = !kind::same_name(kind.about(), &live.name, &wanted.name);
    (former && other).then(|| Rename { from: live.name.to_string(), to: wanted.name.to_string() })
}

/// What is left of a live thing of which the declared is to go, with its kind; `None` for a kind that is not known.
fn rest(live: &Resource, wanted: &Body) -> Option<(&'static dyn Kind, Option<Body>)> {
    kind::by_name(live.kind).map(|kind| (kind, kind.remains(live, wanted)))
}

/// Everything live below a thing that goes, goes with it.
fn contain(found: &mut Differences, live: &Inventory) {
    let gone = |r: &Resolution| r.change.after.is_none();
    let deleted: BTreeSet<Address> =
        found.changes.iter().filter(|(_, r)| gone(r)).map(|(a, _)| a.clone()).collect();
    for top in &deleted {
        if top.above().any(|above| deleted.contains(&above)) {
            continue;
        }
        for (address, resource) in live.below(top) {
            let change = || Change::new(Some(resource.body.clone()), None);
            let entry = found.changes.entry(address.clone());
            let entry = entry.or_insert_with(|| Resolution::new(resource, change(), Reason::Contained));
            entry.change.after = None;
            entry.with = Some(top.clone());
        }
    }
}

/// Everything live below a thing that is deleted and created again is made again, changed or not.
fn make_again(found: &mut Differences, live: &Inventory) {
    let replaced = found.changes.iter().filter(|(_, r)| {
        let both = r.change.before.is_some() && r.change.after.is_some();
        both && kind::by_name(&r.kind).is_some_and(|kind| kind.replaces(&r.change))
    });
    let replaced: Vec<Address> = replaced.map(|(address, _)| address.clone()).collect();
    for (address, resource) in replaced.iter().flat_map(|top| live.below(top)) {
        let after = found.world.get(address).unwrap_or(resource).body.clone();
        let change = Change::new(Some(resource.body.clone()), Some(after));
        let entry = found.changes.entry(address.clone());
        entry.or_insert_with(|| Resolution::new(resource, change, Reason::Contained));
    }
}

/// Puts the live value of an ignored property (a dotted path) back.
fn keep(after: &mut Body, before: &Body, path: &str) {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    match (before.get(first), rest) {
        (Some(Value::Map(live)), Some(rest)) => {
            let mut inner = after.get(first).and_then(Value::as_map).cloned().unwrap_or_default();
            keep(&mut inner, live, rest);
            after.set(first, inner);
        }
        (Some(live), None) => after.set(first, live.clone()),
        (None, None) => drop(after.remove(first)),
        _ => {}
    }
}
