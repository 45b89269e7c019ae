//! Plans for the simulation: random ones, and small ones for exhaustive tests.

use crate::dice::Dice;
use adxform::kind::{DELETED_AT, Undo};
use adxform::model::Address;
use adxform::model::body::{Body, Expr, Piece, Value};
use adxform::model::change::{Change, Loss};
use adxform::model::command::Command;
use adxform::model::inventory::{Inventory, Resource};
use adxform::model::request::{KustoRequest, Lookup, Method, Request};
use adxform::plan::{Plan, Reason, Resolution, Step};
use std::collections::{BTreeMap, BTreeSet};

/// A thing in live; references may ask for its `id`.
pub(crate) fn thing(address: &Address, body: Body) -> Resource {
    Resource {
        kind: "thing",
        name: address.key().into(),
        body,
        attributes: attributes(address),
        ..Resource::default()
    }
}

fn attributes(address: &Address) -> Body {
    Body::new().with("id", id_of(address)).with("identity", Body::new().with("principalId", id_of(address)))
}

/// The `id` that the simulated service gives a thing.
pub(crate) fn id_of(address: &Address) -> String {
    format!("id of {address}")
}

/// What one address goes through.
struct Chain {
    address: Address,
    bodies: Vec<Option<Body>>,
    next: usize,
}

fn body(dice: &mut Dice) -> Body {
    let mut body = Body::new().with("p", dice.below(6) as i64);
    if dice.chance(60) {
        body.set("q", dice.below(3) as i64);
    }
    body
}

/// A body with some properties changed; the others are carried over, as plans do.
fn changed(dice: &mut Dice, last: &Body) -> Body {
    let body = last.clone().with("p", dice.below(6) as i64);
    match dice.below(3) {
        0 => body.with("q", dice.below(3) as i64),
        1 => body.with("q", Value::Null),
        _ => body,
    }
}

fn chain(dice: &mut Dice, address: Address) -> Chain {
    let mut bodies = vec![dice.chance(40).then(|| body(dice))];
    for _ in 0..=(dice.below(10) / 7) {
        let last = bodies.last().cloned().flatten();
        let next = match &last {
            Some(_) if dice.chance(25) => None,
            Some(last) if dice.chance(5) => Some(last.clone()),
            Some(last) => Some(changed(dice, last)),
            _ => Some(body(dice)),
        };
        bodies.push(if next.is_none() && last.is_none() { Some(body(dice)) } else { next });
    }
    Chain { address, bodies, next: 1 }
}

fn addresses(dice: &mut Dice, count: usize) -> BTreeSet<Address> {
    let mut all = BTreeSet::new();
    while all.len() < count {
        let cluster = Address::root().child("clusters", dice.pick(&["a", "b"]));
        let database = cluster.child("databases", dice.pick(&["d", "e"]));
        let key = format!("x{}", dice.below(6));
        all.insert(match dice.below(10) {
            0 => cluster,
            1 => database,
            2..=7 => database.child("tables", &key),
            _ => database.child("dataConnections", &key),
        });
    }
    all
}

fn command(address: &Address, alone: bool, lookup: bool) -> Request {
    Request::Kusto(KustoRequest {
        cluster: address.prefix(1),
        database: address.segments()[1].key.to_string(),
        command: Command::new(".write").name(&address.to_string()),
        lookup: lookup.then(|| {
            let (column, missing) = ("Version".to_owned(), "there is none".to_owned());
            Box::new(Lookup { command: Command::new(".look"), column, missing })
        }),
        alone,
        begins: None,
    })
}

fn request(
    dice: &mut Dice,
    address: &Address,
    body: Option<&Body>,
    undo: bool,
    back_from_nothing: bool,
) -> Request {
    if address.collection() == "tables" {
        let alone = dice.chance(20);
        return command(address, alone, undo && dice.chance(20));
    }
    let method = if body.is_some() { Method::Put } else { Method::Delete };
    // What is put back may say since when, which only the run knows.
    let since = Value::Unknown(Expr(
        vec![Piece::Of { address: address.clone(), path: vec![DELETED_AT.to_owned()] }].into(),
    ));
    let body = body.map_or(Value::Null, |body| match back_from_nothing {
        true => Value::Map(body.clone().with("since", since)),
        false => Value::Map(body.clone()),
    });
    Request::arm(method, format!("/{address}"), "2024-04-13", body)
}

/// A step of a chain; needs and references are added by the caller.
fn step(dice: &mut Dice, id: usize, address: &Address, change: Change, behind_line: bool) -> Step {
    let never = behind_line && dice.chance(50);
    let undo = if never {
        Undo::Never("the data is gone".to_owned())
    } else {
        let parts = if dice.chance(15) { 2 + dice.below(2) } else { 1 };
        let gone = change.after.is_none();
        Undo::By((0..parts).map(|_| request(dice, address, change.before.as_ref(), true, gone)).collect())
    };
    let arm = address.collection() != "tables";
    Step {
        id,
        address: address.clone(),
        kind: "thing".into(),
        action: change.action(),
        request: request(dice, address, change.after.as_ref(), false, false),
        undo,
        loss: Loss::none(),
        needs: Vec::new(),
        behind_line,
        validation: (arm && dice.chance(30)).then(|| {
            let path = format!("/{address}/validate");
            Box::new(Request::arm(Method::Post, path, "2024-04-13", Value::Null))
        }),
        origin: None,
        change,
    }
}

/// Lets a step refer to the `id` of a thing that an earlier step writes.
fn refer(dice: &mut Dice, plan: &mut Plan, id: usize) {
    let step = &plan.steps[id];
    let needs = step.needs.clone();
    let usable = |need: &usize| {
        let earlier = &plan.steps[*need];
        matches!(earlier.request, Request::Arm(_))
            && earlier.change.after.is_some()
            && earlier.address != step.address
    };
    let Some(need) = needs.into_iter().find(usable) else { return };
    let Request::Arm(_) = step.request else { return };
    if step.change.after.is_none() || !dice.chance(70) {
        return;
    }
    let path = dice.pick(&[&["id"][..], &["identity", "principalId"][..]]);
    let path = path.iter().map(|word| (*word).to_owned()).collect();
    let address = plan.steps[need].address.clone();
    let text = Value::Unknown(Expr(vec![Piece::Text("on ".to_owned()), Piece::Of { address, path }].into()));
    let step = &mut plan.steps[id];
    if let Some(after) = &mut step.change.after {
        after.set("ref", text);
        if let Request::Arm(arm) = &mut step.request {
            arm.body = Value::Map(after.clone());
        }
    }
}

/// A random plan and the live state it was made for.
pub(crate) fn random(dice: &mut Dice) -> (Plan, Inventory) {
    let count = 1 + dice.below(8);
    let mut chains: Vec<Chain> = addresses(dice, count).into_iter().map(|at| chain(dice, at)).collect();
    let mut live = Inventory::new();
    for chain in &chains {
        if let Some(body) = &chain.bodies[0] {
            live.insert(chain.address.clone(), thing(&chain.address, body.clone()));
        }
    }
    let bystander = Address::root().child("clusters", "z");
    live.insert(bystander.clone(), thing(&bystander, body(dice)));
    let total: usize = chains.iter().map(|chain| chain.bodies.len() - 1).sum();
    let line = if dice.chance(40) { dice.below(total + 1) } else { total };
    let mut plan = Plan { format: adxform::plan::FORMAT, ..Plan::default() };
    let mut last: BTreeMap<Address, usize> = BTreeMap::new();
    for id in 0..total {
        let open: Vec<usize> =
            (0..chains.len()).filter(|c| chains[*c].next < chains[*c].bodies.len()).collect();
        let chain = &mut chains[dice.pick(&open)];
        let change = Change::new(chain.bodies[chain.next - 1].clone(), chain.bodies[chain.next].clone());
        chain.next += 1;
        let address = chain.address.clone();
        let mut step = step(dice, id, &address, change, id >= line);
        let mut needs: BTreeSet<usize> = last.get(&address).copied().into_iter().collect();
        let density = dice.pick(&[0, 15, 40]);
        needs.extend((0..id).filter(|_| dice.chance(density)));
        step.needs = needs.into_iter().collect();
        last.insert(address, id);
        plan.steps.push(step);
        refer(dice, &mut plan, id);
    }
    finish(&mut plan);
    (plan, live)
}

/// Derives from the steps what a plan says besides: the whole changes and the clusters' addresses.
fn finish(plan: &mut Plan) {
    let mut followed: BTreeMap<Address, Option<Body>> = BTreeMap::new();
    for step in &mut plan.steps {
        if let Some(before) = followed.get(&step.address) {
            step.change.before.clone_from(before);
        }
        let carried = step.change.before.as_ref().and_then(|before| before.get("ref"));
        if let (Some(carried), Some(after)) = (carried, &mut step.change.after)
            && after.get("ref").is_none()
        {
            after.set("ref", carried.clone());
            if let Request::Arm(arm) = &mut step.request {
                arm.body = Value::Map(after.clone());
            }
        }
        followed.insert(step.address.clone(), step.change.after.clone());
        let change = Change::new(step.change.before.clone(), step.change.after.clone());
        let resolution = plan.changes.entry(step.address.clone()).or_insert_with(|| Resolution {
            kind: step.kind.clone(),
            name: step.address.key().into(),
            change: change.clone(),
            reason: Reason::Differs,
            loss: Loss::none(),
            origin: None,
            with: None,
        });
        resolution.change.after = change.after;
    }
    for cluster in ["a", "b"] {
        let uri = BTreeMap::from([("uri".to_owned(), Value::from(format!("https://{cluster}")))]);
        plan.outputs.insert(Address::root().child("clusters", cluster), uri);
    }
}

/// One step of a fixed plan: address, before, after, needs, and whether it can be undone.
pub(crate) type Fixed<'a> = (&'a str, Option<i64>, Option<i64>, &'a [usize], bool);

/// A plan of given steps.
pub(crate) fn fixed(steps: &[Fixed<'_>]) -> (Plan, Inventory) {
    let mut dice = Dice::new(0, "fixed");
    let mut plan = Plan { format: adxform::plan::FORMAT, ..Plan::default() };
    let mut live = Inventory::new();
    let body = |value: i64| Body::new().with("p", value);
    let mut line = false;
    for (id, (address, before, after, needs, undo)) in steps.iter().enumerate() {
        let address: Address = address.parse().unwrap();
        line |= !undo;
        let change = Change::new(before.map(body), after.map(body));
        if let (Some(before), None) = (&change.before, live.get(&address))
            && !steps[..id].iter().any(|(earlier, ..)| *earlier == address.to_string())
        {
            live.insert(address.clone(), thing(&address, before.clone()));
        }
        let mut step = step(&mut dice, id, &address, change, line);
        step.validation = None;
        step.undo = if *undo {
            Undo::By(vec![request(&mut dice, &address, step.change.before.as_ref(), true, false)])
        } else {
            Undo::Never("the data is gone".to_owned())
        };
        step.needs = needs.to_vec();
        plan.steps.push(step);
    }
    finish(&mut plan);
    (plan, live)
}

/// A database with so many tables, each of which has a child.
pub(crate) fn many(tables: usize) -> (Plan, Inventory) {
    let mut dice = Dice::new(0, "many");
    let mut plan = Plan { format: adxform::plan::FORMAT, ..Plan::default() };
    let database = Address::root().child("clusters", "a").child("databases", "d");
    let mut add = |address: Address, needs: Vec<usize>| {
        let id = plan.steps.len();
        let body = Body::new().with("p", 1);
        let mut step = step(&mut dice, id, &address, Change::new(None, Some(body)), false);
        if address.collection() == "tables" {
            step.request = command(&address, false, false);
        }
        step.validation = None;
        step.needs = needs;
        plan.steps.push(step);
        id
    };
    let root = add(database.clone(), Vec::new());
    for table in 0..tables {
        let address = database.child("tables", &format!("t{table}"));
        let id = add(address.clone(), vec![root]);
        add(address.child("tables", "child"), vec![root, id]);
    }
    finish(&mut plan);
    (plan, Inventory::new())
}
