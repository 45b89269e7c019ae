//! Ten thousand commands with hostile names and texts, from every kind that writes commands, before Microsoft's parser.

use crate::dice::Dice;
use crate::random::{folders, renamed_body};
use adxform::kind::shape::{Field, Shape};
use adxform::kind::{self, At, Keyed};
use adxform::model::inventory::{Inventory, Mode, Resource};
use adxform::model::{Address, Body, Change, Request, Value};
use std::collections::{BTreeMap, BTreeSet};

/// How many commands are looked at.
const MANY: usize = 10_000;

/// What may stand in a name or a text, one piece after the other.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "a", "B9", "_", " ", "  ", "-", ".", "..", "'", "\"", "\\", "\\\\", "`", "```", "~~~", "[", "]", "['", "']", "(", ")",
    "{", "}", "<|", "|", ";", ":", ",", "=", "//", "/*", "*/", "#", "$", "${", "$${x}", "%", "&", "@", "@'", "h'", "h\"",
    "\n", "\r\n", "\t", "\u{0}", "\u{1b}", "\u{7f}", "\u{85}", "\u{a0}", "\u{2028}", "\u{feff}", "\u{202e}", "é", "e\u{301}",
    "ß", "表", "👩‍👩‍👧", "𝒳", "\u{fffd}", "true", "null", "order", "table", "by", "database", ".drop table T", "0x1", "1e3", "-1",
    "2020-01-01", "datetime(now)", "\\u0041", "%41", "&amp;", "{}", "[]", "{\"a\":1}", "'a' 'b'", "é'", "\\'", "\\\"",
];

/// A name or a text. None begins like JSON: the checker would read it as JSON wherever it stands.
fn hostile(dice: &mut Dice) -> String {
    let count = 1 + dice.below(6);
    let text: String = (0..count).map(|_| dice.pick(PIECES)).collect();
    let blank = |c: char| c.is_whitespace() || c == '\u{feff}';
    if text.trim_start_matches(blank).starts_with(['[', '{']) { format!("_{text}") } else { text }
}

/// A value with every free text and every key of a map replaced.
fn spoilt(value: &Value, shape: &Shape, dice: &mut Dice) -> Value {
    match (value, shape) {
        (Value::Text(_), Shape::Text | Shape::Name(_)) => Value::from(hostile(dice)),
        (Value::List(items), Shape::List(item) | Shape::Set(item)) => {
            Value::List(items.iter().map(|value| spoilt(value, item, dice)).collect())
        }
        (Value::Map(body), Shape::Object { fields, .. }) => Value::Map(spoilt_body(body, fields, dice)),
        (Value::Map(body), Shape::Map(item) | Shape::OrderedMap(item)) => Value::Map(
            body.iter().map(|(_, value)| (hostile(dice).into(), spoilt(value, item, dice))).collect(),
        ),
        _ => value.clone(),
    }
}

fn spoilt_body(body: &Body, fields: &[Field], dice: &mut Dice) -> Body {
    let each = body.iter().map(|(name, value)| {
        let field = fields.iter().find(|field| field.name == &**name);
        (name.clone(), field.map_or_else(|| value.clone(), |field| spoilt(value, &field.shape, dice)))
    });
    each.collect()
}

/// The commands that create, change and drop a thing; what its kind refuses is none.
fn commands(address: &Address, resource: &Resource, world: &Inventory, other: &Body) -> Vec<String> {
    let kind = kind::by_name(resource.kind).unwrap();
    let at = At { address, resource, world };
    let settled = kind.settle(None, &resource.body);
    let changed = kind.settle(Some(&Resource { body: settled.clone(), ..resource.clone() }), other);
    let changes = [
        Change::new(None, Some(settled.clone())),
        Change::new(Some(settled.clone()), Some(changed)),
        Change::new(Some(settled), None),
    ];
    let requests = changes.iter().filter_map(|change| kind.requests(&at, change).ok()).flatten();
    let commands = requests.filter_map(|request| match request {
        Request::Kusto(kusto) if kusto.lookup.is_none() => Some(kusto.command.to_string()),
        _ => None,
    });
    commands.collect()
}

#[test]
fn hostile_names_and_texts_parse() {
    let wanted = if std::env::var_os("ADXFORM_PROBES").is_some() { MANY } else { MANY / 20 };
    let folders = folders();
    let mut found = BTreeSet::new();
    let mut dice = Dice::new(1, "hostile");
    while found.len() < wanted {
        let folder = &folders[dice.below(folders.len())];
        let inventory = &folder.states[dice.below(folder.states.len())].spec.desired.inventory;
        let (mut world, names) = (Inventory::new(), BTreeMap::from([("T".to_owned(), hostile(&mut dice))]));
        for (address, resource) in inventory.iter().filter(|(_, resource)| resource.mode == Mode::Managed) {
            let fields = kind::by_name(resource.kind).unwrap().about().fields;
            let is_word = matches!(kind::by_name(resource.kind).unwrap().about().keyed, Keyed::Other(_));
            let name =
                if !is_word && dice.chance(70) { hostile(&mut dice).into() } else { resource.name.clone() };
            let body = renamed_body(&spoilt_body(&resource.body, fields, &mut dice), fields, &names);
            world.insert(address.clone(), Resource { name, body, ..resource.clone() });
        }
        for (address, resource) in world.iter() {
            let fields = kind::by_name(resource.kind).unwrap().about().fields;
            let other = spoilt_body(&resource.body, fields, &mut dice);
            found.extend(commands(address, resource, &world, &other));
        }
    }
    crate::kql::check(&found.into_iter().take(wanted).collect());
}
