//! A bench for kinds of the control plane: cases as text, and a service of a few lines that does what it is told.
//!
//! A case is a title (`== …`), what stands before (`- {…}`), what is wanted (`+ {…}`) and what must come of it
//! (`> …`). Besides comparing that text, the bench carries every request out on a reply, reads the reply again and
//! expects no difference; then it takes everything back and expects what stood before.

use crate::kind::replies::Reply;
use crate::kind::shape::{self, Role};
use crate::kind::{At, DELETED_AT, Kind, Undo, by_name};
use crate::model::body::{Body, Expr, Piece, Value};
use crate::model::change::LossClass;
use crate::model::inventory::{Inventory, Mode, Resource};
use crate::model::request::{ArmRequest, Method, Request};
use crate::model::{Address, Change};
use serde_json::{Map, Value as Json, json};
use std::fmt::Write;

use super::wire;

pub(crate) const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";
const PREFIX: &str =
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Kusto";
const LIVE_PREFIX: &str = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Kusto/Clusters";
const NOON: &str = "2026-06-01T12:00:00Z";

pub(crate) struct Bench {
    kind: &'static dyn Kind,
    address: Address,
    world: Inventory,
    /// Whether a PATCH clears the properties that it does not name.
    forgets: bool,
}

/// A body from JSON; `${clusters.c.id}` is a reference.
pub(crate) fn body(json: &Json) -> Body {
    let Value::Map(body) = referring(Value::from_json(json)) else { panic!("a body is a map: {json}") };
    body
}

fn referring(value: Value) -> Value {
    match value {
        Value::Text(text) => match text.strip_prefix("${").and_then(|t| t.strip_suffix('}')) {
            Some(path) => {
                let collections = ["clusters", "databases", "tables"];
                let (address, path) =
                    Address::split_path(path, |_, word| collections.contains(&word)).unwrap();
                Value::Unknown(Expr(vec![Piece::Of { address, path }].into()))
            }
            None => Value::Text(text),
        },
        Value::List(items) => Value::List(items.into_iter().map(referring).collect()),
        Value::Map(body) => Value::Map(body.into_iter().map(|(k, v)| (k, referring(v))).collect()),
        other => other,
    }
}

/// Things by address, as JSON: `{"clusters.c": {"kind": "cluster", "body": {…}}}`.
pub(crate) fn world(things: &Json) -> Inventory {
    let mut world = Inventory::new();
    for (address, thing) in things.as_object().unwrap() {
        let address: Address = address.parse().unwrap();
        let word = thing["kind"].as_str().unwrap();
        let kind = by_name(word).map_or("mapping", |kind| kind.about().name);
        let raw = thing.get("body").map_or_else(Body::new, body);
        let body =
            by_name(word).map_or(raw.clone(), |k| shape::canonical_body(k.about().fields, &raw).unwrap());
        let mode = match thing.get("mode").and_then(Json::as_str) {
            Some("existing") => Mode::Existing,
            Some("absent") => Mode::Absent,
            _ => Mode::Managed,
        };
        let name = address.key().into();
        let bytes = thing.get("bytes").and_then(Json::as_u64);
        world.insert(address, Resource { kind, name, body, mode, bytes, ..Resource::default() });
    }
    world
}

/// A cluster in West Europe with a database.
pub(crate) fn landing() -> Json {
    json!({
        "clusters.c": {"kind": "cluster", "body": {
            "subscriptionId": SUBSCRIPTION, "resourceGroup": "rg", "location": "westeurope",
            "sku": {"name": "Standard_E8ads_v5", "tier": "Standard", "capacity": 2},
            "identity": {"type": "SystemAssigned"}}},
        "clusters.c.databases.d": {"kind": "database"}
    })
}

/// The JSON of a value as it goes out; references print as they are written.
fn sent(value: &Value) -> Json {
    match value {
        Value::Unknown(expr) => Json::from(expr.to_string()),
        Value::List(items) => items.iter().map(sent).collect(),
        Value::Map(body) => body.iter().map(|(key, value)| (key.to_string(), sent(value))).collect(),
        other => other.shown(),
    }
}

fn shown(request: &Request) -> String {
    let arm = match request {
        Request::Arm(arm) => arm,
        Request::Kusto(kusto) => return format!("{} {}: {}", kusto.cluster, kusto.database, kusto.command),
    };
    let mut text = format!("{} {}", arm.method.word(), arm.path.replace(PREFIX, "~"));
    if arm.api_version != wire::API_VERSION {
        let _ = write!(text, " at {}", arm.api_version);
    }
    if let Some(etag) = &arm.if_match {
        let _ = write!(text, " if {etag}");
    }
    if arm.create_only {
        text += " if none";
    }
    if arm.body != Value::Null {
        let _ = write!(text, " {}", sent(&arm.body));
    }
    text
}

impl Bench {
    pub(crate) fn new(kind: &'static dyn Kind, address: &str, things: &Json) -> Self {
        Self { kind, address: address.parse().unwrap(), world: world(things), forgets: false }
    }

    pub(crate) fn forgetful(mut self) -> Self {
        self.forgets = true;
        self
    }

    /// Runs every case of a text and compares what comes of it; `words` says which words stand for which texts.
    pub(crate) fn run(&self, cases: &str, words: &[(&str, &str)]) {
        let spelled =
            |text: &str| words.iter().fold(text.to_owned(), |t, (word, long)| t.replace(word, long));
        let short = |text: &str| words.iter().fold(text.to_owned(), |t, (word, long)| t.replace(long, word));
        let mut actual = String::new();
        for case in cases.split("\n== ").filter(|case| !case.trim().is_empty()) {
            let side = |mark: &str| {
                let line = case.lines().find_map(|line| line.strip_prefix(mark));
                line.map(|json| {
                    body(&serde_json::from_str(&spelled(json)).unwrap_or_else(|e| panic!("{json}: {e}")))
                })
            };
            let asked = case.lines().filter(|line| !line.starts_with("> "));
            let _ = writeln!(actual, "\n== {}", asked.collect::<Vec<_>>().join("\n").trim_end());
            self.case(side("- "), side("+ ")).lines().for_each(|line| {
                let _ = writeln!(actual, "> {}", short(line));
            });
        }
        let tidy = |text: &str| {
            text.lines().map(str::trim_end).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n")
        };
        assert!(tidy(cases) == tidy(&actual), "what comes of the cases is now:\n{actual}");
    }

    pub(crate) fn case(&self, before: Option<Body>, wanted: Option<Body>) -> String {
        let fields = self.kind.about().fields;
        let canonical = |body: Body| shape::canonical_body(fields, &body).unwrap();
        let lenient = |body: Body| shape::canonical_body(fields, &body).unwrap_or(body);
        let reply = before.map(|before| self.kind.settle(None, &lenient(before)));
        let reply = reply.map(|before| self.reply(&wire::whole(fields, &before)));
        let live = reply.as_ref().map(|reply| self.read(reply));
        let wanted = wanted.map(|wanted| self.placed(canonical(wanted)));
        let after = wanted.map(|wanted| self.kind.settle(live.as_ref(), &wanted));
        let change = Change::new(live.as_ref().map(|live| live.body.clone()), after.clone());
        let mut text = String::new();
        if let (Some(before), Some(after)) = (&change.before, &change.after) {
            assert_eq!(self.kind.settle(live.as_ref(), after), *after, "settling is idempotent");
            let differing = shape::differing(fields, before, after);
            if differing.is_empty() {
                return "same".to_owned();
            }
            if !self.kind.replaces(&change)
                && let Some(fixed) = differing.iter().find(|f| f.role == Role::Immutable)
            {
                return format!("fixed: {}", fixed.name);
            }
        }
        let resource = Resource {
            body: after.or_else(|| change.before.clone()).unwrap(),
            kind: self.kind.about().name,
            name: self.address.key().into(),
            ..live.clone().unwrap_or_default()
        };
        let mut world = self.world.clone();
        world.insert(self.address.clone(), resource.clone());
        let at = At { address: &self.address, resource: &resource, world: &world };
        let undos = match self.steps(&at, &change, &mut text) {
            Ok(steps) => self.carry_out(&steps, reply, &change),
            Err(why) => return format!("{text}error: {why}"),
        };
        if let Some((reply, undos)) = undos {
            self.take_back(reply, undos, &change);
        }
        for note in self.kind.notes(&at, &change) {
            let _ = writeln!(text, "note: {note}");
        }
        text
    }

    /// A body with the place that `azure:` would give it.
    fn placed(&self, body: Body) -> Body {
        let declared = self.world.get(&self.address).map_or_else(Body::new, |thing| thing.body.clone());
        let places = self.kind.about().fields.iter().filter(|f| f.role == Role::Place);
        let places = places.filter_map(|f| Some((f.name, declared.get(f.name)?.clone())));
        places.fold(body, |body, (name, value)| body.with(name, value))
    }

    /// The requests with their undos, as the planner would ask for them.
    fn steps(&self, at: &At<'_>, whole: &Change, text: &mut String) -> Result<Vec<(Request, Undo)>, String> {
        let replaced = whole.before.is_some() && whole.after.is_some() && self.kind.replaces(whole);
        let halves = if replaced {
            vec![Change::new(whole.before.clone(), None), Change::new(None, whole.after.clone())]
        } else {
            vec![whole.clone()]
        };
        let mut steps = Vec::new();
        for half in halves {
            let stages = self.kind.stages(at, &half).into_iter().map(Some);
            let ends: Vec<Option<Body>> =
                [half.before.clone()].into_iter().chain(stages).chain([half.after.clone()]).collect();
            for pair in ends.windows(2) {
                let change = Change::new(pair[0].clone(), pair[1].clone());
                let asked = if replaced && change.before.is_none() { whole } else { &change };
                let request = self.kind.request(at, asked)?;
                let _ = writeln!(text, "{}", shown(&request));
                let undo = self.kind.undo(at, &change);
                match &undo {
                    Undo::By(back) => back.iter().for_each(|r| {
                        let _ = writeln!(text, "  undo {}", shown(r));
                    }),
                    Undo::Never(why) => {
                        let _ = writeln!(text, "  never undone: {why}");
                    }
                }
                let loss = self.kind.loss(at, &change);
                if loss.class != LossClass::None && change.before.is_some() {
                    let figures = loss.bytes.map(|bytes| format!(" ({bytes} bytes)")).unwrap_or_default();
                    let _ = writeln!(text, "  loss {}: {}{figures}", loss.class.word(), loss.what);
                }
                steps.push((request, undo));
            }
        }
        Ok(steps)
    }

    /// Applies the steps and expects that reading again shows no difference.
    fn carry_out(
        &self,
        steps: &[(Request, Undo)],
        mut reply: Option<Json>,
        change: &Change,
    ) -> Option<(Option<Json>, Vec<Undo>)> {
        for (request, _) in steps {
            reply = self.apply(request, reply);
        }
        match (&reply, &change.after) {
            (Some(reply), Some(after)) => {
                let live = self.read(reply);
                let again = self.kind.settle(Some(&live), after);
                let fields = shape::differing(self.kind.about().fields, &live.body, &again);
                let names: Vec<&str> =
                    fields.iter().map(|f| f.name).filter(|name| !has_unknown(&again, name)).collect();
                assert!(names.is_empty(), "a second plan differs in {names:?}: {:?} {again:?}", live.body);
            }
            (None, None) => {}
            other => panic!("after the steps: {other:?}"),
        }
        let undos = steps.iter().map(|(_, undo)| undo.clone()).collect::<Vec<_>>();
        let whole = undos.iter().all(|undo| matches!(undo, Undo::By(_)));
        whole.then_some((reply, undos))
    }

    fn take_back(&self, mut reply: Option<Json>, undos: Vec<Undo>, change: &Change) {
        for undo in undos.into_iter().rev() {
            if let Undo::By(requests) = undo {
                for request in requests {
                    reply = self.apply(&request, reply);
                }
            }
        }
        match (&reply, &change.before) {
            (Some(reply), Some(before)) => {
                let live = self.read(reply);
                let fields = shape::unrestored(self.kind.about().fields, before, &live.body);
                let names: Vec<&str> = fields.iter().map(|f| f.name).collect();
                assert!(names.is_empty(), "taking back leaves {names:?}: {:?} {before:?}", live.body);
            }
            (None, None) => {}
            other => panic!("after taking back: {other:?}"),
        }
    }

    /// A reply that holds what a request said.
    pub(crate) fn reply(&self, whole: &Body) -> Json {
        let mut json = sent(&Value::Map(whole.clone()));
        let mut id = LIVE_PREFIX.to_owned();
        let names: Vec<&str> = self.address.segments().into_iter().map(|segment| &*segment.key).collect();
        for (i, segment) in self.address.segments().into_iter().enumerate() {
            let collection = if i == 0 { String::new() } else { format!("/{}", segment.collection) };
            id += &format!("{collection}/{}", segment.key);
        }
        json["id"] = Json::from(id);
        json["name"] = Json::from(names.join("/"));
        if shape::field(self.kind.about().fields, "location").is_some() {
            json["location"] = Json::from("West Europe");
        }
        if names.len() == 1 {
            json["etag"] = Json::from("\"e1\"");
        }
        json
    }

    pub(crate) fn read(&self, reply: &Json) -> Resource {
        let mut found = self.kind.found(&Reply::Arm(reply)).unwrap();
        assert_eq!(found.len(), 1, "{reply}");
        let found = found.remove(0);
        let name = found.path[0].1.as_str().into();
        let kind = self.kind.about().name;
        let (body, attributes) = (found.body, found.attributes);
        Resource { kind, name, body, attributes, rows: found.rows, bytes: found.bytes, ..Resource::default() }
    }

    /// What a service makes of a request.
    fn apply(&self, request: &Request, reply: Option<Json>) -> Option<Json> {
        let arm = match request {
            Request::Arm(arm) => arm,
            Request::Kusto(kusto) => {
                let retention = kusto.command.as_str().ends_with("policy retention");
                let mut json = reply?;
                let period = if retention { "softDeletePeriod" } else { "hotCachePeriod" };
                json["properties"].as_object_mut()?.remove(period);
                return Some(json);
            }
        };
        match arm.method {
            Method::Put => {
                let Value::Map(whole) = self.resolved(arm) else { panic!("a PUT has a body") };
                Some(self.reply(&whole))
            }
            Method::Patch => {
                let mut json = reply?;
                self.merge(&mut json, &sent(&self.resolved(arm)));
                Some(json)
            }
            Method::Delete => {
                assert!(reply.is_some(), "what is deleted exists");
                None
            }
            Method::Post => {
                let mut json = reply?;
                let state = match arm.path.rsplit('/').next() {
                    Some("start") => "Running",
                    Some("stop") => "Stopped",
                    other => panic!("no change is made by the action {other:?}"),
                };
                json["properties"]["state"] = Json::from(state);
                Some(json)
            }
        }
    }

    fn resolved(&self, arm: &ArmRequest) -> Value {
        arm.body.resolved(&|address: &Address, path: &[String]| {
            (*address == self.address && path == [DELETED_AT]).then(|| Value::from(NOON))
        })
    }

    fn merge(&self, json: &mut Json, patch: &Json) {
        for (key, value) in patch.as_object().unwrap() {
            match key.as_str() {
                "properties" => {
                    if self.forgets {
                        json[key] = Json::Object(Map::new());
                    }
                    for (name, value) in value.as_object().unwrap() {
                        json[key][name] = value.clone();
                    }
                }
                "identity" => {
                    let old = json[key]["userAssignedIdentities"].as_object().cloned().unwrap_or_default();
                    json[key] = value.clone();
                    if let Some(ids) = json[key]["userAssignedIdentities"].as_object_mut() {
                        let merged: Map<String, Json> = old.into_iter().chain(ids.clone()).collect();
                        *ids = merged.into_iter().filter(|(_, value)| !value.is_null()).collect();
                    }
                }
                "location" => {}
                _ => json[key] = value.clone(),
            }
        }
    }
}

fn has_unknown(body: &Body, name: &str) -> bool {
    body.get(name).is_some_and(Value::has_unknown)
}

/// Asks for the findings of every case (`== {…}`, then `> field: message; help`); `place` makes a kind, an address
/// and the surroundings of it.
pub(crate) fn check(cases: &str, place: impl Fn(&str) -> (&'static dyn Kind, &'static str, Json)) {
    let mut actual = String::new();
    for line in cases.lines().filter_map(|line| line.strip_prefix("== ")) {
        let (kind, address, things) = place(line);
        let (address, world): (Address, Inventory) = (address.parse().unwrap(), world(&things));
        let resource = world.get(&address).unwrap();
        let _ = writeln!(actual, "== {line}");
        for f in kind.check(&At { address: &address, resource, world: &world }) {
            let help = if f.help.is_empty() { String::new() } else { format!("; {}", f.help) };
            let _ = writeln!(actual, "> {}: {}{help}", f.field.join("."), f.message);
        }
    }
    assert!(cases.trim() == actual.trim(), "what comes of the cases is now:\n{actual}");
}
