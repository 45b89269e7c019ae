//! That whatever is live can be written, and reads back as what it was.

use super::*;
use crate::kind::shape::canonical_body;
use crate::model::{Body, Mode, Value};
use crate::spec::fixture::{KINDS, load_files};
use crate::spec::{Spec, yaml as reader};
use proptest::prelude::*;

/// What readers of YAML take for something else, or stumble over.
const TRAPS: &[&str] = &[
    "",
    " ",
    "~",
    "null",
    "Null",
    "true",
    "Yes",
    "no",
    "on",
    "off",
    "n",
    "0x1",
    "0o7",
    "1e3",
    "1_000",
    ".5",
    "+1",
    "-1",
    "-",
    "--",
    "---",
    "...",
    ".inf",
    ".NaN",
    "12:30:45",
    "2026-01-31",
    "2026-01-31T08:00:00Z",
    "90d",
    "365.00:00:00",
    "00000000-0000-0000-0000-000000000000",
    "a: b",
    "a:",
    ":a",
    "- a",
    "? a",
    "a #b",
    "#a",
    "'a'",
    "\"a",
    "{a}",
    "[a",
    "a, b",
    "!a",
    "&a",
    "*a",
    "|",
    ">",
    "%a",
    "@a",
    "`a",
    "<<",
    "=",
    "a\nb",
    "a\n",
    "\na",
    "\ta",
    "a\t",
    " a",
    "a ",
    "a\r\nb",
    "a\rb",
    "\u{85}",
    "a\u{2028}b",
    "\u{feff}a",
    "a\u{feff}",
    "\u{0}",
    "\u{7f}",
    "\u{9f}",
    "\u{fffe}",
    "\u{1ffff}",
    "${var.x}",
    "$${",
    "$$${a}",
    "${",
    "$",
    "a\\b",
    "\\",
    "C:\\x",
    "👩‍👩‍👧",
    "\u{202e}abc",
    "表",
    "ﬀ",
    "e\u{301}",
    "T | where a == \"}\"",
    "T\n| take 10",
    "// x",
    "{\nT\n}",
    "a\u{a0}b",
    "key: |\n  x",
    "<<: *a",
    "..",
    "1.2.3",
];

fn hostile() -> impl Strategy<Value = String> {
    let trap = || proptest::sample::select(TRAPS).prop_map(str::to_owned);
    let any = proptest::collection::vec(any::<char>(), 0..12).prop_map(String::from_iter);
    let joined = (trap(), "[ \\n:,#'\"]?", trap()).prop_map(|(a, b, c)| format!("{a}{b}{c}"));
    prop_oneof![trap(), any, joined, "\\PC{0,30}", "[a-z \\n:#$\\{\\}\\[\\],'\"]{0,20}"]
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        hostile().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no such number", |n| n.is_finite()).prop_map(Value::Real),
        Just(Value::Null),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        let map = proptest::collection::btree_map(hostile(), inner.clone(), 0..5);
        let map = map.prop_map(|map| Value::Map(map.into_iter().map(|(k, v)| (k.into(), v)).collect()));
        prop_oneof![proptest::collection::vec(inner, 0..5).prop_map(Value::from), map]
    })
}

fn resource(kind: &'static str, name: &str, body: Body) -> Resource {
    let about = KINDS.iter().find(|known| known.about().name == kind).unwrap().about();
    Resource {
        kind,
        name: name.into(),
        body: canonical_body(about.fields, &body).unwrap(),
        ..Resource::default()
    }
}

fn read(written: &Written) -> Spec {
    let files: Vec<(&str, &str)> =
        written.files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    load_files(&files, None, KINDS).unwrap_or_else(|mistakes| {
        panic!(
            "{}\n{}",
            mistakes.render(false),
            files.iter().map(|(p, t)| format!("== {p}\n{t}")).collect::<String>()
        )
    })
}

/// Whether a spec asks for exactly what an inventory holds.
fn same(inventory: &Inventory, spec: &Spec) -> Result<(), String> {
    let found = &spec.desired.inventory;
    for (address, resource) in inventory.iter() {
        let about = KINDS.iter().find(|kind| kind.about().name == resource.kind).unwrap().about();
        let read = found.get(address).ok_or_else(|| format!("{address} is not read"))?;
        let differing = kind::shape::differing(about.fields, &resource.body, &read.body);
        if let Some(field) = differing.first() {
            let (a, b) = (resource.body.get(field.name), read.body.get(field.name));
            return Err(format!("{address}.{}: {a:?} became {b:?}", field.name));
        }
    }
    (found.len() == inventory.len()).then_some(()).ok_or_else(|| "more is read than was written".to_owned())
}

fn farm(key: &str, bale: Body) -> Inventory {
    let mut inventory = Inventory::new();
    let farm = Address::root().child("farms", key);
    let barn = farm.child("barns", "B");
    let hay = barn.child("stores", "hay");
    inventory.insert(farm, resource("farm", key, Body::new()));
    inventory.insert(barn, resource("barn", "B", Body::new().with("size", 3)));
    inventory.insert(hay.clone(), resource("hay", "hay", Body::new().with("amount", 7)));
    inventory.insert(hay.child("bales", "1"), resource("bale", "1", bale));
    inventory
}

proptest! {
    #[test]
    fn any_text_reads_back(text in hostile()) {
        let mut tree = crate::spec::tree::Tree::default();
        let mut map = Map::default();
        map.push(&text, Node::List(vec![Node::Scalar(yaml::scalar(&text))]));
        let outer = Map { entries: vec![("k".to_owned(), map.into())], block: true };
        let document = yaml::document(&outer, "");
        let file = tree.files.add(String::new(), String::new(), document.clone());
        let mut report = Vec::new();
        let root = reader::read(&mut tree, file, &mut report).root.unwrap();
        prop_assert!(report.is_empty(), "{document}");
        let inner = tree.members(tree.members(root)[0].value);
        prop_assert_eq!(tree.text(inner[0].key), text.as_str());
        let crate::spec::tree::View::List(items) = tree.view(inner[0].value) else { panic!("{document}") };
        prop_assert_eq!(tree.text(items[0]), text.as_str());
        prop_assert!(!matches!(tree.view(items[0]), crate::spec::tree::View::Null));
    }

    #[test]
    fn any_name_and_text_reads_back(
        name in hostile(),
        anything in anything(),
        words in proptest::collection::vec((hostile(), hostile()), 0..6),
        song in hostile(),
    ) {
        let mut ordered = Body::new();
        words.iter().for_each(|(key, text)| ordered.set(key, text.as_str()));
        let mut bale = Body::new().with("anything", anything).with("words", ordered);
        if crate::model::kql::Block::new(&song).is_ok() {
            bale.set("song", song.as_str());
        }
        let inventory = farm(&name, bale);
        let written = spec_with(&inventory, Claim::Additive, KINDS);
        let speakable = kind::shape::NameRule::Label.objection(&name).is_none();
        if speakable {
            let spec = read(&written);
            prop_assert_eq!(same(&inventory, &spec), Ok(()), "{:#?}", written.files);
            prop_assert_eq!(&written, &spec_with(&inventory, Claim::Additive, KINDS));
            for (path, text) in written.files.iter().filter(|(path, _)| path.ends_with(".yaml")) {
                let formatted = crate::spec::format::text(path, text).map_err(|why| why.to_string());
                prop_assert_eq!(formatted.as_ref(), Ok(text));
            }
        } else {
            prop_assert!(written.notes[0].contains("is not imported"), "{:?}", written.notes);
        }
    }
}

#[test]
fn what_is_large_stands_alone() {
    let mut inventory = Inventory::new();
    for farm in ["hill", "Lake/2"] {
        let at = Address::root().child("farms", farm);
        inventory.insert(at.clone(), resource("farm", farm, Body::new().with("soil", "clay")));
        for (barn, bales) in [("small", 3), ("large", 60), ("..", 1)] {
            let barn = at.child("barns", barn);
            inventory.insert(barn.clone(), resource("barn", barn.key(), Body::new()));
            let hay = barn.child("stores", "hay");
            inventory.insert(hay.clone(), resource("hay", "hay", Body::new()));
            for bale in 0..bales {
                let song = if bale == 1 { "one\ntwo" } else { "one" };
                let (key, body) = (bale.to_string(), Body::new().with("song", song));
                inventory.insert(hay.child("bales", &key), resource("bale", &key, body));
            }
        }
    }
    let written = spec_with(&inventory, Claim::Additive, KINDS);
    let paths: Vec<&str> = written.files.keys().map(String::as_str).collect();
    assert_eq!(paths.len(), 7, "{paths:?}");
    for path in
        ["adx.yaml", "hill/barns/large.yaml", "hill/barns/large.hay.1.kql", "hill/barns/small.hay.1.kql"]
    {
        assert!(paths.contains(&path), "{paths:?}");
    }
    let large = &written.files["hill/barns/large.yaml"];
    assert!(
        large.starts_with("# yaml-language-server: $schema=../../adxform.schema.json\nversion: 1\n"),
        "{large}"
    );
    assert!(large.contains("song: {file: large.hay.1.kql}"), "{large}");
    assert!(written.files["adx.yaml"].contains("song: {file: hill/barns/small.hay.1.kql}"));
    same(&inventory, &read(&written)).unwrap();
}

#[test]
fn secrets_are_left_to_the_environment() {
    let tokens = Body::new().with("north gate", "(hidden)").with("b", "(hidden)");
    let mut body = Body::new().with("token", "(hidden)");
    body.set("tokens", tokens);
    let mut inventory = Inventory::new();
    let farm = Resource { kind: "farm", name: "hill".into(), body, ..Resource::default() };
    inventory.insert(Address::root().child("farms", "hill"), farm);
    let written = spec_with(&inventory, Claim::Additive, KINDS);
    let text = &written.files[MAIN];
    assert!(text.contains("token: \"${secret.env.HILL_TOKEN}\"") && !text.contains("hidden"), "{text}");
    assert!(text.contains("north gate: \"${secret.env.HILL_TOKENS_NORTH_GATE}\""), "{text}");
    assert_eq!(written.notes.len(), 3, "{:?}", written.notes);
    read(&written);
}

#[test]
fn what_contains_it_is_missing() {
    let mut inventory = farm("hill", Body::new());
    inventory.insert("farms.hill.barns.X.stores.hay".parse().unwrap(), resource("hay", "hay", Body::new()));
    let written = spec_with(&inventory, Claim::Additive, KINDS);
    assert_eq!(written.notes.len(), 1, "{:?}", written.notes);
    assert!(
        written.notes[0].starts_with("farms.hill.barns.X.stores.hay is not imported"),
        "{:?}",
        written.notes
    );
}

#[test]
fn what_goes_without_saying_is_left_out() {
    let mut inventory = farm("hill", Body::new());
    let hay = "farms.hill.barns.B.stores.hay".parse().unwrap();
    for (body, expected) in [
        (Body::new().with("amount", 0), "hay: 0"),
        (Body::new().with("kept", crate::model::duration::Ticks::days(40)), "hay: 40d"),
        (Body::new().with("amount", 1).with("kept", Value::Null), "hay: 1"),
        (Body::new(), "hay: {}"),
    ] {
        inventory.remove(&"farms.hill.barns.B.stores.hay.bales.1".parse().unwrap());
        inventory.insert(Address::clone(&hay), resource("hay", "hay", body));
        let written = spec_with(&inventory, Claim::Additive, KINDS);
        assert!(written.files[MAIN].contains(expected), "{}", written.files[MAIN]);
        same(&inventory, &read(&written)).unwrap();
    }
    let existing =
        Resource { mode: Mode::Existing, ..resource("farm", "a b", Body::new().with("road", "up")) };
    let mut inventory = Inventory::new();
    inventory.insert(Address::root().child("farms", "key"), existing);
    let text = spec_with(&inventory, Claim::Additive, KINDS).files[MAIN].clone();
    assert!(text.contains("key: {name: a b, road: up}"), "{text}");
}
