//! The judge: a second opinion on a finished plan, sharing no code with the differ and the orderer.
//!
//! It asks of the plan what must be true of any plan; each fault is one note (test: `one_thing_broken_gives_that_very_note`).

use super::{Plan, Resolution};
use crate::kind::Undo;
use crate::model::address::ByAddress;
use crate::model::request::Request;
use crate::model::{Address, Body, parallel};

/// Something that is never true of a sound plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The thing concerned.
    pub address: Address,
    /// What is wrong, as a clause.
    pub message: String,
}

/// Everything that is wrong with a plan; empty for a sound one.
pub fn faults(plan: &Plan) -> Vec<Fault> {
    let changes: ByAddress<&Resolution> =
        plan.changes.iter().map(|(address, change)| (address.clone(), change)).collect();
    let ((mut faults, chains), families) =
        parallel::both(|| (each(plan, &changes), chains(plan, &changes)), || families(plan, &changes));
    faults.extend(chains);
    faults.extend(families);
    faults
}

/// What must be true of each step by itself.
fn each(plan: &Plan, changes: &ByAddress<&Resolution>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault =
        |address: &Address, message: String| faults.push(Fault { address: address.clone(), message });
    for (place, step) in plan.steps.iter().enumerate() {
        if step.id != place {
            fault(&step.address, format!("step {place} carries the number {}", step.id));
        }
        for needs in &step.needs {
            match plan.steps.get(*needs) {
                Some(other) if *needs < place => {
                    if other.behind_line && !step.behind_line {
                        fault(
                            &step.address,
                            format!("step {place} stands before the line and needs {needs} behind it"),
                        );
                    }
                }
                _ => fault(
                    &step.address,
                    format!("step {place} needs step {needs}, which does not come before it"),
                ),
            }
        }
        if matches!(step.undo, Undo::Never(_)) && !step.behind_line {
            fault(&step.address, format!("step {place} cannot be undone and stands before the line"));
        }
        if let Undo::By(requests) = &step.undo
            && requests.is_empty()
        {
            fault(&step.address, format!("step {place} is undone by nothing"));
        }
        if let Request::Kusto(kusto) = &step.request
            && !plan.scope.containers.contains_key(&kusto.cluster)
        {
            fault(&step.address, format!("step {place} goes to a cluster that is not in the scope"));
        }
        if !changes.contains(&step.address) {
            fault(&step.address, format!("step {place} changes something that the plan does not name"));
        }
    }
    faults
}

/// The steps of one thing lead from its before to its after without a gap.
fn chains(plan: &Plan, changes: &ByAddress<&Resolution>) -> Vec<Fault> {
    let mut now: ByAddress<&Option<Body>> = ByAddress::default();
    now.reserve(plan.steps.len());
    let mut faults = Vec::new();
    for step in &plan.steps {
        let from =
            now.get(&step.address).copied().or_else(|| changes.get(&step.address).map(|c| &c.change.before));
        if from.is_some_and(|from| *from != step.change.before) {
            let message = format!("step {} does not start where the step before it ended", step.id);
            faults.push(Fault { address: step.address.clone(), message });
        }
        now.insert(step.address.clone(), &step.change.after);
    }
    for (address, change) in plan.changes.iter().filter(|(_, change)| change.with.is_none()) {
        let end = now.get(address).copied();
        if !plan.steps.is_empty() && end != Some(&change.change.after) {
            let message = "its steps do not end where the change ends".to_owned();
            faults.push(Fault { address: address.clone(), message });
        }
    }
    faults
}

/// Containers come before what they contain, and go after it or with it.
fn families(plan: &Plan, changes: &ByAddress<&Resolution>) -> Vec<Fault> {
    let mut made: ByAddress<()> = ByAddress::default();
    let mut gone: ByAddress<()> = ByAddress::default();
    made.reserve(plan.steps.len());
    let mut faults = Vec::new();
    let created = |address: &Address| changes.get(address).is_some_and(|c| c.change.before.is_none());
    for step in &plan.steps {
        for above in step.address.above() {
            if gone.contains(&above) {
                let message = format!("step {} works below {above}, which is gone by then", step.id);
                faults.push(Fault { address: step.address.clone(), message });
            }
            if created(&above) && !made.contains(&above) && step.change.after.is_some() {
                let message = format!("step {} works below {above}, which is not there yet", step.id);
                faults.push(Fault { address: step.address.clone(), message });
            }
        }
        if step.change.after.is_some() {
            made.insert(step.address.clone(), ());
            gone.remove(&step.address);
        } else {
            gone.insert(step.address.clone(), ());
        }
    }
    let contained =
        plan.changes.iter().filter_map(|(address, change)| Some((address, change.with.as_ref()?)));
    for (address, with) in contained.filter(|(_, with)| !gone.contains(with) && !plan.steps.is_empty()) {
        let message = format!("it is said to go with {with}, which stays");
        faults.push(Fault { address: address.clone(), message });
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::Action;
    use crate::model::scope::Container;
    use crate::model::{Change, Command, Loss};
    use crate::plan::{Reason, Step};
    use arcstr::ArcStr;

    /// A sound plan: a table is made, then another thing in it, then something that cannot be undone.
    fn sound() -> Plan {
        let mut plan = Plan::default();
        plan.scope.containers.insert("clusters.c".parse().unwrap(), Container::default());
        for (id, (address, behind)) in [
            ("clusters.c.tables.T", false),
            ("clusters.c.tables.T.mappings.m", false),
            ("clusters.c.tables.U", true),
        ]
        .into_iter()
        .enumerate()
        {
            let address: Address = address.parse().unwrap();
            let change = Change::new(behind.then(Body::new), Some(Body::new().with("a", true)));
            let request = Request::kusto(&address.prefix(1), "d", Command::new(".x"));
            let undo = if behind { Undo::Never("gone".to_owned()) } else { Undo::By(vec![request.clone()]) };
            plan.steps.push(Step {
                id,
                address: address.clone(),
                kind: ArcStr::new(),
                action: Action::Create,
                change: change.clone(),
                request,
                undo,
                loss: Loss::none(),
                needs: if id == 1 { vec![0] } else { Vec::new() },
                behind_line: behind,
                validation: None,
                origin: None,
            });
            let (kind, name, reason, loss) = (ArcStr::new(), ArcStr::new(), Reason::Declared, Loss::none());
            plan.changes
                .insert(address, Resolution { kind, name, change, reason, loss, origin: None, with: None });
        }
        plan
    }

    /// The notes on a plan after one thing is broken.
    fn broken(break_it: impl Fn(&mut Plan)) -> Vec<String> {
        let mut plan = sound();
        break_it(&mut plan);
        faults(&plan).into_iter().map(|fault| fault.message).collect()
    }

    #[test]
    fn one_thing_broken_gives_that_very_note() {
        assert_eq!(broken(|_| {}), Vec::<String>::new());
        assert_eq!(
            broken(|p| p.steps[1].needs = vec![2]),
            ["step 1 needs step 2, which does not come before it"]
        );
        assert_eq!(
            broken(|p| p.steps[1].needs = vec![1]),
            ["step 1 needs step 1, which does not come before it"]
        );
        let within = |p: &mut Plan| {
            let with = p.steps[2].address.clone();
            let mut contained = p.changes[&with].clone();
            contained.with = Some(with.clone());
            p.changes.insert(with.child("mappings", "m"), contained);
        };
        assert_eq!(broken(within), ["it is said to go with clusters.c.tables.U, which stays"]);
        assert_eq!(broken(|p| p.steps[2].id = 7), ["step 2 carries the number 7"]);
        assert_eq!(
            broken(|p| p.steps[2].behind_line = false),
            ["step 2 cannot be undone and stands before the line"]
        );
        assert_eq!(broken(|p| p.steps[0].undo = Undo::By(Vec::new())), ["step 0 is undone by nothing"]);
        assert_eq!(broken(|p| p.scope.containers.clear()).len(), 3);
        assert_eq!(
            broken(|p| p.steps[0].behind_line = true),
            ["step 1 stands before the line and needs 0 behind it"]
        );
        assert_eq!(
            broken(|p| p.steps[2].change.before = None),
            ["step 2 does not start where the step before it ended"]
        );
        assert_eq!(
            broken(|p| p.steps[2].change.after = Some(Body::new())),
            ["its steps do not end where the change ends"]
        );
        let swapped = broken(|p| {
            p.steps.swap(0, 1);
            p.steps.iter_mut().enumerate().for_each(|(id, step)| (step.id, step.needs) = (id, Vec::new()));
        });
        assert_eq!(swapped, ["step 0 works below clusters.c.tables.T, which is not there yet"]);
    }
}
