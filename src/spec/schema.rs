//! The JSON Schema of a spec, from the kinds' own tables, for editors.
//!
//! It takes whatever the reader takes (test: `schema_agrees_with_the_reader`), and more: it does not know what other
//! files and variables give.

use super::kinds::{Collection, Each, Kinds, SETTINGS};
use super::{entry, variables};
use crate::kind::shape::{Field, Role, Shape, field, scalar_types};
use crate::kind::{self, About, Keyed};
use serde_json::{Map, Value as Json, json};

/// The JSON Schema (draft 2020-12) of one file of a spec.
pub fn json_schema() -> Json {
    let all: Vec<Each> = kind::all().collect();
    of(&Kinds::new(&all))
}

fn of(kinds: &Kinds) -> Json {
    let mut defs = Map::new();
    defs.insert("reference".to_owned(), reference());
    for kind in &kinds.all {
        defs.insert(kind.about().name.to_owned(), entry(kinds, *kind));
    }
    let mut properties = Map::new();
    properties.insert("version".to_owned(), json!({"const": 1, "description": "The version of this form."}));
    properties.insert("variables".to_owned(), declarations());
    properties.insert("azure".to_owned(), azure(kinds));
    for collection in kinds.below("") {
        properties.insert(collection.word.to_owned(), of_collection(collection));
    }
    for (spelling, own) in kinds.spellings() {
        let collection = kinds.below("").iter().find(|collection| collection.word == own).map(of_collection);
        let within = |description: String| {
            json!({
                "type": ["object", "null"],
                "description": description,
                "properties": {spelling.word: collection},
                "additionalProperties": false,
            })
        };
        let description = format!("Another spelling of `{own}`.");
        let group = match spelling.between {
            None => within(description),
            Some(field) => json!({
                "type": ["object", "null"],
                "description": description,
                "additionalProperties": within(format!("What has this `{field}`.")),
            }),
        };
        properties.insert(spelling.group.to_owned(), group);
    }
    let address = "Addresses of things that must not exist, such as `clusters.a.databases.b`.";
    let removed = json!({"type": ["array", "null"], "items": {"type": "string"}, "description": address});
    properties.insert("removed".to_owned(), removed);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "adxform spec",
        "description": "What is to exist in Azure Data Explorer, or one part of it.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": defs,
    })
}

/// What may stand in place of any scalar: a reference, or nothing to unset it.
fn reference() -> Json {
    json!({
        "type": ["string", "null"],
        "pattern": "\\$\\{",
        "description": "A reference such as `${var.env}`, `${env.HOME}` or `${clusters.a.id}`, or nothing to unset it.",
    })
}

fn declarations() -> Json {
    let default = "The value unless --var, a file of variables or the environment gives another.";
    let declaration = json!({
        "type": ["object", "null"],
        "properties": {
            "default": {"description": default},
            "description": {"type": "string", "description": "What it is for."},
            "type": {"enum": variables::type_words(), "description": "What it may hold; anything when left out."},
        },
        "additionalProperties": false,
    });
    let bare = json!({"type": ["string", "number", "boolean", "array"], "description": default});
    json!({
        "type": ["object", "null"],
        "description": "Values that differ between environments, used as `${var.NAME}`.",
        "additionalProperties": {"anyOf": [declaration, bare]},
    })
}

fn azure(kinds: &Kinds) -> Json {
    let mut properties = Map::new();
    for about in kinds.all.iter().map(|kind| kind.about()) {
        let places = about.fields.iter().filter(|field| entry::has_default(about, field));
        for place in places {
            if !properties.contains_key(place.name) {
                properties.insert(place.name.to_owned(), property(place));
            }
        }
    }
    json!({
        "type": ["object", "null"],
        "description": "Where things are, unless they say so themselves.",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn of_collection(collection: &Collection) -> Json {
    let to = |kind: Each| json!({"$ref": format!("#/$defs/{}", kind.about().name)});
    let mut schema = json!({"type": ["object", "null"]});
    if !collection.fixed.is_empty() {
        let properties: Map<String, Json> =
            collection.fixed.iter().map(|(key, kind)| ((*key).to_owned(), to(*kind))).collect();
        schema["properties"] = Json::Object(properties);
    }
    let tagged: Vec<Json> = collection.tagged.iter().map(|(_, kind)| to(*kind)).collect();
    schema["additionalProperties"] = match collection.by_name.or(collection.other) {
        Some(kind) => to(kind),
        None if tagged.is_empty() => Json::Bool(false),
        None => json!({"anyOf": tagged}),
    };
    schema
}

/// An entry of a kind.
fn entry(kinds: &Kinds, kind: Each) -> Json {
    let about = kind.about();
    if matches!(about.keyed, Keyed::Other(_)) {
        return raw(about);
    }
    let below = kinds.below(about.name);
    let mut properties: Map<String, Json> =
        about.fields.iter().map(|field| (field.name.to_owned(), property(field))).collect();
    for word in SETTINGS.iter().filter(|word| entry::has_setting(about, !below.is_empty(), word)) {
        properties.entry(*word).or_insert_with(|| setting(word, below));
    }
    for collection in below {
        properties.entry(collection.word).or_insert_with(|| of_collection(collection));
    }
    let mut required: Vec<&str> = Vec::new();
    if below.is_empty() && !about.may_be_unset {
        required.extend(about.fields.iter().filter(|field| field.required).map(|field| field.name));
    }
    if let Keyed::Tagged(tag, value) = about.keyed {
        let choices = json!([{"const": value}, {"type": "string", "pattern": in_any_case(&[value])}]);
        let is = json!({"anyOf": choices, "description": "Of which kind the entry is."});
        properties.insert(tag.to_owned(), is);
        if !required.contains(&tag) {
            required.push(tag);
        }
    }
    let may_be_null = required.is_empty();
    let mut object = object(properties, &required);
    object["description"] = format!("{} {}", about.doc, about.page).into();
    if may_be_null {
        object["type"] = json!(["object", "null"]);
    }
    with_short(object, about.fields, about.short)
}

/// An entry in the service's own form: JSON text, or a map or a list of maps with the service's own names.
fn raw(about: &About) -> Json {
    let map = json!({"type": "object", "minProperties": 1, "propertyNames": {"pattern": "^[A-Z]"}});
    let text = json!({"type": ["string", "null"], "pattern": "^\\s*[\\[{]"});
    let list = json!({"type": "array", "minItems": 1, "items": map});
    json!({"anyOf": [map, list, text], "description": format!("{} {}", about.doc, about.page)})
}

fn setting(word: &str, below: &[Collection]) -> Json {
    let collections: Vec<&str> = below.iter().map(|collection| collection.word).collect();
    let flag = |doc: &str| json!({"anyOf": [{"type": "boolean"}, to_reference()], "description": doc});
    match word {
        "name" => json!({"type": "string", "description": "The service's name; the key when left out."}),
        "existing" => flag(
            "Whether it exists already: it is read and its children are managed, but it is never written.",
        ),
        "exact" => flag("Whether what it leaves out inside of it is unset or dropped."),
        "preventDestroy" => flag("Whether a plan that deletes it is refused."),
        "renamedFrom" => json!({"type": "string", "description": "The service's name that it had before."}),
        "ignore" => json!({
            "type": ["array", "string"],
            "items": {"type": "string"},
            "description": "Properties that are left as they are.",
        }),
        _ => json!({
            "anyOf": [{"type": "array", "items": {"enum": collections}}, {"enum": collections}, to_reference()],
            "description": "Collections of which undeclared entries are dropped.",
        }),
    }
}

/// A pattern of some words in any case, as the reader takes them.
fn in_any_case(words: &[&str]) -> String {
    let letter = |c: char| match (c.is_ascii_alphabetic(), c.is_ascii_alphanumeric() || " ,_-".contains(c)) {
        (true, _) => format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase()),
        (false, true) => c.to_string(),
        (false, false) => format!("\\{c}"),
    };
    let words: Vec<String> = words.iter().map(|word| word.chars().map(letter).collect()).collect();
    format!("^({})$", words.join("|"))
}

fn to_reference() -> Json {
    json!({"$ref": "#/$defs/reference"})
}

fn property(field: &Field) -> Json {
    let mut schema = shaped(&field.shape);
    if schema.is_object() {
        let fixed = if field.role == Role::Immutable { " It cannot be changed later." } else { "" };
        schema["description"] = format!("{}{fixed}", field.doc).into();
    }
    schema
}

fn object(properties: Map<String, Json>, required: &[&str]) -> Json {
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// An object, or a bare scalar or list that stands for one of its properties.
fn with_short(object: Json, fields: &[Field], short: &[&str]) -> Json {
    if short.is_empty() {
        return object;
    }
    let shorts = short.iter().filter_map(|name| field(fields, name)).map(|field| shaped(&field.shape));
    let choices: Vec<Json> = std::iter::once(object).chain(shorts).collect();
    json!({"anyOf": choices})
}

fn shaped(shape: &Shape) -> Json {
    let or_reference = |schema: Json| json!({"anyOf": [schema, to_reference()]});
    match shape {
        Shape::Bool => or_reference(json!({"type": "boolean"})),
        Shape::Int(min, max) => {
            let mut schema = json!({"type": "integer"});
            for (word, bound, none) in [("minimum", *min, i64::MIN), ("maximum", *max, i64::MAX)] {
                if bound != none {
                    schema[word] = bound.into();
                }
            }
            or_reference(schema)
        }
        Shape::Real => or_reference(json!({"type": "number"})),
        Shape::Text | Shape::Name(_) | Shape::Location => json!({"type": ["string", "number", "null"]}),
        Shape::Guid | Shape::Duration | Shape::DateTime | Shape::ArmId(_) => {
            json!({"type": ["string", "null"]})
        }
        Shape::Enum(words) => {
            json!({"anyOf": [{"enum": words}, {"type": "string", "pattern": in_any_case(words)}, to_reference()]})
        }
        Shape::OpenEnum(words) => json!({"anyOf": [{"enum": words}, {"type": ["string", "null"]}]}),
        Shape::ScalarType => {
            let words: Vec<&str> = scalar_types().collect();
            json!({"anyOf": [{"enum": words}, {"type": ["string", "null"]}]})
        }
        Shape::Kql(_) => {
            let file = json!({"type": "string", "description": "A .kql file, relative to this one."});
            let properties = [("file".to_owned(), file)].into_iter().collect();
            json!({"anyOf": [{"type": ["string", "null"]}, object(properties, &["file"])]})
        }
        Shape::Set(item) | Shape::List(item) => or_reference(json!({"type": "array", "items": shaped(item)})),
        Shape::Map(item) | Shape::OrderedMap(item) => {
            or_reference(json!({"type": "object", "additionalProperties": shaped(item)}))
        }
        Shape::Object { fields, short } => {
            let properties = fields.iter().map(|field| (field.name.to_owned(), property(field))).collect();
            let required: Vec<&str> =
                fields.iter().filter(|field| field.required).map(|field| field.name).collect();
            or_reference(with_short(object(properties, &required), fields, short))
        }
        Shape::Secret => json!({"type": ["string", "null"], "pattern": "^\\$\\{.+\\}$"}),
        Shape::Any | Shape::Given => json!({}),
    }
}
