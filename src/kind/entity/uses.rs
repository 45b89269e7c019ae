//! What a text of KQL uses: edges to the entities that it names, and names that stand for nothing.
//!
//! Invariant: a column never makes an edge, and nothing that may be a column counts as missing (the reader's tests
//! in `model/kql`; test: `what_is_missing_is_told_from_what_may_be`).

use crate::kind::shape::{Field, KqlForm, Shape};
use crate::kind::{self, At, Need, same_name};
use crate::model::Address;
use crate::model::body::{Body, Value};
use crate::model::inventory::{Mode, Resource};
use crate::model::kql::{self, Sure, Use, What};
use std::ops::Range;

const TABLES: &str = "tables";
const FUNCTIONS: &str = "functions";
const VIEWS: &str = "materializedViews";

/// A name in a text of KQL that stands for nothing in the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The property that holds the text.
    pub field: Vec<String>,
    /// The text.
    pub text: String,
    /// The bytes of the name in it.
    pub span: Range<usize>,
    /// The name.
    pub name: String,
    /// The database that would contain it.
    pub database: Address,
    /// The collections of that database in which it could stand.
    pub collections: &'static [&'static str],
    /// Whether the service would have to know it; else a newer built-in function is possible too.
    pub certain: bool,
    /// Whether the spec says that the thing must not exist.
    pub removed: Option<Address>,
}

/// The entities that a text of KQL in a property uses, as far as they are in the world; the thing itself left out.
///
/// The names in the thing's own `parameters` are no entities.
pub fn uses(at: &At<'_>, field: &[&str], text: &str) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    for used in read(at, text) {
        let Some(database) = database(at, &used) else { continue };
        if database.parent().is_some_and(|cluster| used.database.is_some() && cluster != database) {
            let (parent, name) = (database.parent().unwrap_or_default(), database.key().to_owned());
            let name = at.world.get(&database).map_or(name, |found| found.name.to_string());
            needs.push(need(parent, "databases", name, field));
        }
        for (address, found) in entities(at, &database, &used) {
            if address == *at.address {
                continue;
            }
            let collection = collections(used.what).iter().find(|word| **word == address.collection());
            needs.extend(collection.map(|word| need(database.clone(), word, found.name.to_string(), field)));
        }
    }
    let mut once: Vec<Need> = Vec::with_capacity(needs.len());
    needs.into_iter().for_each(|need| {
        if !once.contains(&need) {
            once.push(need);
        }
    });
    once
}

/// The entities that all texts of KQL of a thing use, likewise.
pub fn used(at: &At<'_>) -> Vec<Need> {
    let of = |(field, text): (Vec<String>, &str)| {
        let field: Vec<&str> = field.iter().map(String::as_str).collect();
        uses(at, &field, text)
    };
    texts(at.resource).into_iter().flat_map(of).collect()
}

fn need(parent: Address, collection: &'static str, name: String, field: &[&str]) -> Need {
    let field = field.iter().map(|word| (*word).to_owned()).collect();
    Need { parent, collection, name, field, required: false }
}

/// The names in all texts of KQL of a thing that stand for nothing in the world, though they must.
///
/// Nothing is missing from a database that is not in the world, nor where the thing asks for no validation.
pub fn missing(at: &At<'_>) -> Vec<Missing> {
    if at.resource.body.get("skipValidation").and_then(Value::as_bool) == Some(true) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (field, text) in texts(at.resource) {
        for used in read(at, text) {
            if matches!(used.sure, Sure::Possible) || matches!(used.what, What::Pattern | What::Database) {
                continue;
            }
            let Some(database) = database(at, &used) else { continue };
            if !entities(at, &database, &used).is_empty() {
                continue;
            }
            let collections = collections(used.what);
            let removed = collections.iter().find_map(|collection| {
                let mut named = at.world.named(&database, collection, &used.name);
                named.find(|(_, found)| found.mode == Mode::Absent).map(|(address, _)| address.clone())
            });
            let (field, text, span, name) = (field.clone(), text.to_owned(), used.span, used.name);
            let certain = used.sure == Sure::Certain;
            found.push(Missing { field, text, span, name, database, collections, certain, removed });
        }
    }
    found
}

/// What a text uses, the thing's own parameters left out.
fn read(at: &At<'_>, text: &str) -> Vec<Use> {
    let own = at.resource.body.text("parameters").unwrap_or_default();
    let bound: Vec<String> = kql::parameters(own).into_iter().map(|(name, _)| name).collect();
    kql::uses(text, &bound)
}

/// Every text of KQL in a thing that names entities, with the property that holds it.
pub fn texts(resource: &Resource) -> Vec<(Vec<String>, &str)> {
    let mut found = Vec::new();
    let fields = kind::by_name(resource.kind).map_or(&[][..], |kind| kind.about().fields);
    of_fields(fields, &resource.body, &mut Vec::new(), &mut found);
    found
}

fn of_fields<'a>(
    fields: &[Field],
    body: &'a Body,
    path: &mut Vec<String>,
    found: &mut Vec<(Vec<String>, &'a str)>,
) {
    for field in fields.iter().filter(|field| holds_kql(&field.shape)) {
        if let Some(value) = body.get(field.name) {
            path.push(field.name.to_owned());
            of_value(&field.shape, value, path, found);
            path.pop();
        }
    }
}

fn of_value<'a>(
    shape: &Shape,
    value: &'a Value,
    path: &mut Vec<String>,
    found: &mut Vec<(Vec<String>, &'a str)>,
) {
    let mut inner = |word: String, shape: &Shape, value: &'a Value| {
        path.push(word);
        of_value(shape, value, path, found);
        path.pop();
    };
    match (shape, value) {
        (Shape::Kql(KqlForm::Body | KqlForm::Query), Value::Text(text)) => found.push((path.clone(), text)),
        (Shape::Object { fields, .. }, Value::Map(body)) => of_fields(fields, body, path, found),
        (Shape::List(item) | Shape::Set(item), Value::List(items)) => {
            items.iter().enumerate().for_each(|(i, value)| inner(i.to_string(), item, value));
        }
        (Shape::Map(item) | Shape::OrderedMap(item), Value::Map(body)) => {
            body.iter().for_each(|(word, value)| inner(word.to_string(), item, value));
        }
        _ => {}
    }
}

fn holds_kql(shape: &Shape) -> bool {
    match shape {
        Shape::Kql(form) => *form != KqlForm::Parameters,
        Shape::Object { fields, .. } => fields.iter().any(|field| holds_kql(&field.shape)),
        Shape::Set(item) | Shape::List(item) | Shape::Map(item) | Shape::OrderedMap(item) => holds_kql(item),
        _ => false,
    }
}

/// The collections in which what a name may stand for is found.
const fn collections(what: What) -> &'static [&'static str] {
    match what {
        What::Tabular => &[TABLES, FUNCTIONS, VIEWS],
        What::Pattern => &[TABLES, VIEWS],
        What::Function => &[FUNCTIONS],
        What::ExternalTable => &["externalTables"],
        What::MaterializedView => &[VIEWS],
        What::EntityGroup => &["entityGroups"],
        What::Graph => &["graphModels"],
        What::Database => &[],
    }
}

/// The entities that a use may stand for.
fn entities<'a>(at: &At<'a>, database: &Address, used: &Use) -> Vec<(Address, &'a Resource)> {
    let collections = collections(used.what).iter();
    if used.what == What::Pattern && used.name != "*" {
        let all = collections.flat_map(|collection| at.world.children(database, collection));
        let fit = all.filter(|(_, r)| r.mode != Mode::Absent && fits(&used.name, &r.name));
        return fit.map(|(address, found)| (address.clone(), found)).collect();
    }
    collections.filter_map(|collection| at.named(database, collection, &used.name)).collect()
}

/// Whether a name fits a pattern with `*`.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == name };
    let Some(rest) = name.strip_prefix(before) else { return false };
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| fits(after, &rest[at..]))
}

/// The database that a use is looked for in, when it is declared.
fn database(at: &At<'_>, used: &Use) -> Option<Address> {
    let (own, _) = at.ancestor("database")?;
    let named = match (used.what, &used.database) {
        (What::Database, _) => &used.name,
        (_, Some(name)) => name,
        (_, None) => return Some(own),
    };
    let cluster = match &used.cluster {
        Some(cluster) => cluster_named(at, cluster)?,
        None => at.cluster(),
    };
    let about = at.world.get(&own).and_then(|own| kind::by_name(own.kind))?.about();
    let mut databases = at.world.children(&cluster, own.collection());
    let (address, _) = databases.find(|(_, d)| d.mode != Mode::Absent && same_name(about, &d.name, named))?;
    Some(address.clone())
}

/// The cluster that a text in `cluster()` stands for: a name, a host with or without its domain, or a URI.
fn cluster_named(at: &At<'_>, text: &str) -> Option<Address> {
    let wanted = host(text);
    let is = |resource: &Resource| {
        let uri = resource.attributes.text("uri").or_else(|| resource.body.text("uri"));
        let uri = uri.map(host).filter(|uri| !uri.is_empty());
        let location = resource.body.text("location").map(kind::shape::location).unwrap_or_default();
        let name = resource.name.to_ascii_lowercase();
        match uri {
            Some(uri) => uri == wanted || uri.strip_prefix(&wanted).is_some_and(|rest| rest.starts_with('.')),
            None => wanted == name || wanted.starts_with(&format!("{name}.{location}")),
        }
    };
    let roots = at.world.children(&Address::root(), at.cluster().collection());
    roots.filter(|(_, found)| is(found)).map(|(address, _)| address.clone()).next()
}

/// The host of a URI, in lower case.
fn host(text: &str) -> String {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    text.split(['/', ':', ';']).next().unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::entity::tests::body;
    use crate::model::inventory::Inventory;

    fn world() -> Inventory {
        let mut world = Inventory::new();
        let mut add = |address: &str, kind: &'static str, mode: Mode| {
            let address: Address = address.parse().unwrap();
            let (name, uri) = (address.key().into(), "https://Far.westeurope.kusto.windows.net");
            let far = kind == "cluster" && address.key() == "f";
            let body = if far { Body::new().with("uri", uri) } else { Body::new() };
            world.insert(address, Resource { kind, name, body, mode, ..Resource::default() });
        };
        for (cluster, databases) in [("c", ["d", "e"]), ("f", ["g", "h"])] {
            add(&format!("clusters.{cluster}"), "cluster", Mode::Managed);
            for database in databases {
                let at = format!("clusters.{cluster}.databases.{database}");
                add(&at, "database", Mode::Managed);
                for table in ["T", "U1", "U2"] {
                    add(&format!("{at}.tables.{table}"), "table", Mode::Managed);
                }
                add(&format!("{at}.tables.Gone"), "table", Mode::Absent);
                add(&format!("{at}.functions.F"), "function", Mode::Managed);
            }
        }
        world
    }

    fn asked<T>(text: &str, ask: impl Fn(&At<'_>) -> T) -> T {
        let mut world = world();
        let address: Address = "clusters.c.databases.d.functions.F".parse().unwrap();
        let own = body("function", &serde_json::json!({"parameters": "(p: string)", "body": text}));
        let resource = Resource { kind: "function", name: "F".into(), body: own, ..Resource::default() };
        world.insert(address.clone(), resource);
        ask(&At { address: &address, resource: world.get(&address).unwrap(), world: &world })
    }

    #[test]
    fn finds_entities_near_and_far() {
        let needs = |text: &str| -> Vec<String> {
            let text = text.to_owned();
            let needs = asked(&text, |at| uses(at, &["body"], &text));
            needs.into_iter().map(|n| n.parent.child(n.collection, &n.name).to_string()).collect()
        };
        let d = "clusters.c.databases.d";
        assert_eq!(needs("T | where a == F() and T == p"), [format!("{d}.tables.T")]);
        assert_eq!(
            needs("union U*, Gone | join Nowhere on a"),
            [format!("{d}.tables.U1"), format!("{d}.tables.U2")]
        );
        assert_eq!(
            needs("database('E').F()"),
            ["clusters.c.databases.e", "clusters.c.databases.e.functions.F"]
        );
        for cluster in ["far.westeurope", "far", "https://far.westeurope.kusto.windows.net/"] {
            let text = format!("cluster('{cluster}').database('g').T");
            assert_eq!(
                needs(&text),
                ["clusters.f.databases.g", "clusters.f.databases.g.tables.T"],
                "{cluster}"
            );
        }
        assert_eq!(needs("cluster('fa').database('g').T | union database('no').T"), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_told_from_what_may_be() {
        let told = |text: &str| -> Vec<String> {
            let found = asked(text, missing);
            let word = |m: &Missing| {
                format!(
                    "{}{}{}",
                    m.name,
                    if m.certain { "" } else { "?" },
                    if m.removed.is_some() { "-" } else { "" }
                )
            };
            found.iter().map(word).collect()
        };
        assert_eq!(told("T | join Nowhere on a | extend b = G(c), d = ago(1d)"), ["Nowhere", "G?"]);
        assert_eq!(told("union isfuzzy=true A, B | where c in (D)"), [""; 0]);
        assert_eq!(told("Gone | union p, F"), ["Gone-"]);
        assert_eq!(told("database('e').X | union database('no').Y, external_table('E')"), ["X", "E"]);
    }

    #[test]
    fn patterns_fit_as_the_service_says() {
        assert!(fits("*", "") && fits("a*c", "abc") && fits("*b*", "abc") && !fits("a*c", "abcd"));
    }
}
