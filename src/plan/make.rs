//! Making a plan: differences, steps, and the rules that refuse them.

use super::diff::{Differences, Inputs};
use super::order::{self, Trouble};
use super::{FORMAT, Plan, Refusal, Rule, Step};
use crate::kind::{self, Undo};
use crate::model::body::{SecretRef, Value};
use crate::model::change::LossClass;
use crate::model::inventory::Inventory;
use crate::model::{Address, Request, Scope, parallel};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// What the user allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// The worst class of data loss that is allowed.
    pub allow: LossClass,
    /// How many deletions are allowed.
    pub max_deletes: MaxDeletes,
    /// Whether roles may be taken from the last admin, from the caller, or from an identity that is in use.
    pub lock_out: bool,
}

/// A brake on deletions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxDeletes {
    /// Any number.
    Any,
    /// At most so many.
    Count(usize),
    /// At most so many in a hundred of what is live and declared or to go, once that is ten things or more.
    Percent(f64),
}

impl FromStr for MaxDeletes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |_| format!("`{text}` is neither a number such as 5 nor a share such as 30%");
        match text.strip_suffix('%') {
            Some(share) => {
                let share = share.parse().ok().filter(|share: &f64| share.is_finite() && *share >= 0.0);
                share.map(Self::Percent).ok_or_else(|| wrong(()))
            }
            None => text.parse().map(Self::Count).map_err(|_| wrong(())),
        }
    }
}

/// Makes the plan that leads from live to desired.
pub fn make(inputs: &Inputs<'_>, scope: Scope, options: Options) -> Plan {
    let found = inputs.differences();
    let mut plan = Plan { format: FORMAT, scope, ..Plan::default() };
    plan.scope.aliases.extend(super::scope::namesakes(inputs.live));
    plan.scope.aliases.sort();
    plan.scope.aliases.dedup();
    plan.refusals.clone_from(&found.refusals);
    plan.notes.clone_from(&found.notes);
    if options.lock_out {
        let is_meant = |refusal: &Refusal| refusal.rule == Rule::LockOut;
        plan.notes.extend(plan.refusals.iter().filter(|r| is_meant(r)).map(|r| r.message.clone()));
        plan.refusals.retain(|refusal| !is_meant(refusal));
    }
    let immutable = found.refusals.iter().any(|refusal| refusal.rule == Rule::Immutable);
    let steps = if immutable { Ok(Vec::new()) } else { order::steps(&found, inputs.live) };
    match steps {
        Ok(steps) => plan.steps = steps,
        Err(trouble) => plan.refusals.push(troubled(trouble, inputs)),
    }
    let Differences { changes, world, .. } = found;
    parallel::let_go(world);
    plan.changes = with_losses(changes, &plan.steps);
    plan.outputs = outputs(&plan, inputs.live);
    plan.refusals.extend(replaced_though_protected(&plan, inputs));
    plan.refusals.extend(too_lossy(&plan, options.allow));
    plan.refusals.extend(too_many(&plan, inputs, options.max_deletes));
    plan.refusals.extend(judge_refusals(&plan));
    plan
}

fn troubled(trouble: Trouble, inputs: &Inputs<'_>) -> Refusal {
    let (address, message, help) = match trouble {
        Trouble::Impossible(address, why) => {
            (address.clone(), format!("{address} cannot be changed so: {why}"), "correct the property named")
        }
        Trouble::Cycle(addresses) => {
            let names: Vec<String> =
                addresses.iter().chain(addresses.first()).map(ToString::to_string).collect();
            let message = format!("these need one another, so none can come first: {}", names.join(" → "));
            (
                addresses.into_iter().next().unwrap_or_default(),
                message,
                "break the circle, for example by a literal value",
            )
        }
    };
    Refusal {
        origin: (inputs.origin)(&address),
        address,
        rule: Rule::Invalid,
        message,
        help: help.to_owned(),
    }
}

/// What changes, by address.
type Changes = BTreeMap<Address, super::Resolution>;

fn with_losses(mut changes: Changes, steps: &[Step]) -> Changes {
    for step in steps.iter().filter(|step| step.loss.class > LossClass::None) {
        if let Some(change) = changes.get_mut(&step.address)
            && step.loss.class > change.loss.class
        {
            change.loss = step.loss.clone();
        }
    }
    changes
}

/// The attributes of live things that the steps may ask for: those of containers, and those referred to.
fn outputs(plan: &Plan, live: &Inventory) -> BTreeMap<Address, BTreeMap<String, Value>> {
    let mut wanted: BTreeSet<Address> = plan.scope.containers.keys().cloned().collect();
    let referred = parallel::map(&plan.steps, parallel::AT_A_TIME, |step| {
        let bodies = [&step.change.before, &step.change.after].into_iter().flatten();
        let references = bodies.flat_map(|body| body.references());
        references.map(|(address, _)| address.clone()).collect::<Vec<_>>()
    });
    wanted.extend(referred.into_iter().flatten());
    let known = wanted.into_iter().filter_map(|address| {
        let live = live.get(&address)?;
        let leaves = live.attributes.paths().into_iter().filter(|(_, value)| value.as_map().is_none());
        Some((address, leaves.map(|(path, value)| (path, value.clone())).collect()))
    });
    known.collect()
}

/// What is deleted and created again loses what a deletion loses.
fn replaced_though_protected(plan: &Plan, inputs: &Inputs<'_>) -> Vec<Refusal> {
    let is_protected = |address: &&&Address| {
        inputs.desired.inventory.get(address).is_some_and(|entry| entry.lifecycle.prevent_destroy)
    };
    let refusal = |address: &Address| Refusal {
        address: address.clone(),
        origin: (inputs.origin)(address),
        rule: Rule::PreventDestroy,
        message: format!("{address} would be deleted and created again, and the spec says `preventDestroy`"),
        help: "take `preventDestroy` away if it is to be made again".to_owned(),
    };
    plan.replaced().iter().filter(is_protected).map(|address| refusal(address)).collect()
}

fn too_lossy(plan: &Plan, allow: LossClass) -> Vec<Refusal> {
    let lossy = plan.steps.iter().filter(|step| step.loss.class > allow);
    lossy
        .map(|step| Refusal {
            address: step.address.clone(),
            origin: step.origin.clone(),
            rule: Rule::DataLoss,
            message: format!("{}: {}", step.address, super::text::loss(&step.loss)),
            help: format!("to allow it, say --allow-data-loss {}", step.loss.class.word()),
        })
        .collect()
}

fn too_many(plan: &Plan, inputs: &Inputs<'_>, limit: MaxDeletes) -> Option<Refusal> {
    let (_, _, deletes) = plan.counts();
    if deletes == 0 {
        return None;
    }
    // What goes without being declared any more was the spec's too.
    let ours = |address: &Address| {
        inputs.desired.inventory.get(address).is_some() || plan.changes.contains_key(address)
    };
    let live = inputs.live.iter().filter(|(address, _)| ours(address)).count();
    #[expect(clippy::cast_precision_loss, reason = "a share of a number of things")]
    let (over, bound) = match limit {
        _ if inputs.destroy => return None,
        MaxDeletes::Any => return None,
        MaxDeletes::Count(count) => (deletes > count, count.to_string()),
        MaxDeletes::Percent(share) => {
            (live >= 10 && deletes as f64 * 100.0 > share * live as f64, format!("{share}% of {live}"))
        }
    };
    over.then(|| Refusal {
        address: Address::root(),
        origin: None,
        rule: Rule::MaxDeletes,
        message: format!("the plan deletes {deletes} things; at most {bound} are allowed"),
        help: format!("look at the deletions; if they are meant, say --max-deletes {deletes}"),
    })
}

/// A plan that its judge faults is never applied.
fn judge_refusals(plan: &Plan) -> Vec<Refusal> {
    let faults = super::judge::faults(plan).into_iter();
    faults
        .map(|fault| Refusal {
            address: fault.address,
            origin: None,
            rule: Rule::Invalid,
            message: format!("the plan contradicts itself: {}", fault.message),
            help: "this is a defect of adxform; please report it with the plan".to_owned(),
        })
        .collect()
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.steps.is_empty()
    }

    /// How many things are created, changed and deleted, those that go with their container included.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |create: bool, delete: bool| {
            let of = |c: &&super::Resolution| {
                c.change.before.is_none() == create && c.change.after.is_none() == delete
            };
            self.changes.values().filter(of).count()
        };
        let replaced = self.replaced().len();
        (count(true, false) + replaced, count(false, false) - replaced, count(false, true) + replaced)
    }

    /// The things that are deleted and created again.
    pub fn replaced(&self) -> BTreeSet<&Address> {
        let gone = self.steps.iter().filter(|step| step.change.after.is_none()).map(|step| &step.address);
        let stays = |address: &&Address| {
            self.changes.get(address).is_some_and(|c| c.change.before.is_some() && c.change.after.is_some())
        };
        gone.filter(stays).collect()
    }

    /// Where the secrets are kept that its requests need.
    pub fn secrets<'a>(&'a self) -> Vec<&'a SecretRef> {
        let undo = |step: &'a Step| match &step.undo {
            Undo::By(requests) => requests.as_slice(),
            Undo::Never(_) => &[],
        };
        let requests = self.steps.iter().flat_map(|step| std::iter::once(&step.request).chain(undo(step)));
        requests.flat_map(Request::secrets).collect()
    }

    /// The seconds that a step takes: by past runs, or else by the service's usual times.
    pub fn expected(&self, step: &Step) -> u32 {
        let learned = self.times.get(&(step.kind.clone(), step.action)).copied();
        learned.unwrap_or_else(|| kind::by_name(&step.kind).map_or(1, |kind| kind.seconds(&step.change)))
    }

    /// The seconds from the beginning of each step to the end of the last one that waits for it, when nothing else is
    /// waited for.
    pub fn tails(&self) -> Vec<u64> {
        let mut tails = vec![0; self.steps.len()];
        let mut behind = 0;
        for (id, step) in self.steps.iter().enumerate().rev() {
            if !step.behind_line {
                tails[id] = tails[id].max(behind);
            }
            tails[id] += u64::from(self.expected(step));
            if step.behind_line {
                behind = behind.max(tails[id]);
            }
            step.needs.iter().for_each(|needs| tails[*needs] = tails[*needs].max(tails[id]));
        }
        tails
    }

    /// The seconds that the plan takes when everything that can run together does.
    pub fn seconds(&self) -> u64 {
        let mut ends: Vec<u64> = Vec::with_capacity(self.steps.len());
        let mut line = 0;
        for step in &self.steps {
            let own = self.expected(step);
            let start = step.needs.iter().map(|needs| ends[*needs]).max().unwrap_or(0);
            let start = if step.behind_line { start.max(line) } else { start };
            ends.push(start + u64::from(own));
            if !step.behind_line {
                line = line.max(start + u64::from(own));
            }
        }
        ends.into_iter().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inventory::{Desired, Mode, Resource};

    /// Whether so many deletions of so many live things are refused; the rest is declared.
    fn refused(live: usize, deleted: usize, limit: MaxDeletes, destroy: bool) -> bool {
        let (mut desired, mut found) = (Desired::default(), Inventory::new());
        for at in 0..live {
            let address: Address = format!("clusters.c.databases.d.functions.f{at}").parse().unwrap();
            let body = crate::model::Body::new().with("body", "1");
            let resource = Resource { kind: "function", body, ..Resource::default() };
            found.insert(address.clone(), Resource { is_live: true, ..resource.clone() });
            let mode = if at < deleted { Mode::Absent } else { Mode::Managed };
            desired.inventory.insert(address, Resource { mode, ..resource });
        }
        let origin = |_: &Address| None;
        let (targets, excludes, references) = (&[][..], &[][..], &[][..]);
        let inputs = Inputs {
            desired: &desired,
            live: &found,
            references,
            destroy,
            targets,
            excludes,
            hidden: &[],
            origin: &origin,
        };
        let options = Options { allow: LossClass::Irreversible, max_deletes: limit, lock_out: true };
        let plan = make(&inputs, Scope::default(), options);
        assert_eq!(plan.counts().2, if destroy { live } else { deleted });
        plan.refusals.iter().any(|refusal| refusal.rule == Rule::MaxDeletes)
    }

    #[test]
    fn the_brake_holds_from_ten_live_things_on() {
        let usual = "30%".parse().unwrap();
        for (live, deleted, expected) in
            [(9, 9, false), (10, 3, false), (10, 4, true), (10, 10, true), (20, 6, false), (20, 7, true)]
        {
            assert_eq!(refused(live, deleted, usual, false), expected, "{deleted} of {live}");
        }
        assert!(!refused(20, 20, usual, true), "destroy asks in its own way");
        assert!(refused(3, 2, MaxDeletes::Count(1), false));
        assert!(!refused(3, 2, MaxDeletes::Count(2), false));
        assert!(!refused(20, 20, MaxDeletes::Any, false));
        for wrong in ["x%", "-1", "NaN%", "inf%", "-5%", "%", ""] {
            assert!(wrong.parse::<MaxDeletes>().is_err(), "{wrong}");
        }
    }
}
