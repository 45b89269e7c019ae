//! What the reader does with kinds it has never seen, and with documents made to harm it.

use super::diagnostic::Diagnostic;
use super::fixture::{KINDS, load_files, outcome, shown};
use super::tree::{Id, Tree, View};
use super::yaml::Document;
use super::{Diagnostics, Spec, scalar, yaml};
use crate::kind::shape::Shape;
use crate::model::Value;
use crate::model::body::SecretRef;
use proptest::prelude::*;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

#[test]
fn reads_kinds_it_has_never_seen() {
    let text = "\
azure: {region: north}
farms:
  hill:
    soil: Loam
    barns:
      Old: {size: 3, stores: {hay: 40d}}
      New: {stores: {hay: 7}, size: \"${farms.hill.barns.Old.size}\"}
    animals:
      bella: {species: cow, barnName: old, weight: 700, stall: '1'}
      berta: {species: Hen, weight: 1.5}
  lake: {road: up the hill, barns: {A: {}}}
";
    assert_eq!(
        outcome(text),
        r#"farms.hill farm "hill" Managed {"region":"north","soil":"loam"}
farms.hill.animals.bella cow "bella" Managed {"barnName":"old","stall":"1","weight":700.0}
farms.hill.animals.berta hen "berta" Managed {"weight":1.5}
farms.hill.barns.New barn "New" Managed {"size":3}
farms.hill.barns.New.stores.hay hay "hay" Managed {"amount":7}
farms.hill.barns.Old barn "Old" Managed {"size":3}
farms.hill.barns.Old.stores.hay hay "hay" Managed {"kept":{"$time":"40.00:00:00"}}
farms.lake farm "lake" Existing {"region":"north","road":"up the hill"}
farms.lake.barns.A barn "A" Managed {}"#
    );
}

fn farm(text: &str) -> Result<Spec, Diagnostics> {
    load_files(&[("farms.yaml", &format!("version: 1\n{text}"))], None, KINDS)
}

#[test]
fn secrets_are_places() {
    let text = "variables: {gate: {default: \"${secret.env.GATE}\"}}
farms:
  hill:
    token: ${secret.keyVault.https://v.example/secrets/gate}
    tokens: {a: \"${secret.env.A}\", b: \"${secret.file.keys/b.txt}\", c: \"${secret.file./run/c}\", d: \"${var.gate}\"}
    barns: {}
  lake: {token: \"${farms.hill.token}\"}
";
    let spec = farm(text).unwrap();
    let hill = spec.desired.inventory.iter().next().unwrap().1.body.clone();
    let vault = SecretRef::KeyVault("https://v.example/secrets/gate".into());
    assert_eq!(hill.get("token"), Some(&Value::Secret(vault.clone())));
    let tokens = hill.get("tokens").and_then(Value::as_map).unwrap();
    for (name, place) in [
        ("a", SecretRef::Env("A".into())),
        ("b", SecretRef::File("keys/b.txt".into())),
        ("c", SecretRef::File("/run/c".into())),
        ("d", SecretRef::Env("GATE".into())),
    ] {
        assert_eq!(tokens.get(name), Some(&Value::Secret(place)), "{name}");
    }
    let lake = spec.desired.inventory.iter().nth(1).unwrap().1.body.clone();
    assert_eq!(lake.get("token"), Some(&Value::Secret(vault)));
}

#[test]
fn secrets_stand_nowhere_else() {
    let text = "farms:
  a: {token: open-sesame}
  b: {token: \"${env.SET}\"}
  c: {token: \"x-${secret.env.A}\"}
  d: {token: \"${secret.file.../../x}\"}
  e: {soil: \"${secret.env.A}\", token: [a]}
  f: {token: \"${secret.env.A}\", barns: {x: {colour: \"${farms.f.token}\"}}}
";
    assert_eq!(
        outcome(text),
        "3:14 S024 a secret cannot be written into a spec [keep it elsewhere and write ${secret.env.NAME}, \
         ${secret.file.PATH} or ${secret.keyVault.URI}]
4:15 S024 a secret is not read as `env` [write ${secret.env.SET}]
5:17 S024 a secret cannot stand inside a text [a secret is read only by properties that are secret themselves]
6:15 S024 this path leads out of the spec's folder [give an absolute path to a file elsewhere]
7:14 S024 a secret does not belong here [a secret is read only by properties that are secret themselves]
7:39 S012 `token`: expected a secret by reference, such as ${secret.env.NAME}, found a list []
8:54 S024 this reference leads to a secret [a secret is read only by properties that are secret themselves]"
    );
}

#[test]
fn kinds_are_asked() {
    let text = "farms:
  hill:
    barns:
      Old: {colour: bron}
      Gone: {existing: true, colour: grey}
    animals:
      a: {species: Cow, barnName: oldd, stall: '1'}
      b: {species: Cow, barnName: gone, stall: '1'}
  lake:
    existing: true
    barns: {}
    animals:
      c: {species: Cow, barnName: somewhere}
";
    assert_eq!(
        outcome(text),
        "5:21 S042 no barn is bron [did you mean `brown`?]
6:30 S051 `colour` is not written, because `Gone` exists already [remove it, or `existing: true`]
6:38 S042 no barn is grey [paint it]
8:35 S040 farms.hill declares no barn `oldd` [did you mean `Old`?]
9:48 S041 the stall 1 is used twice, and only one thing may use it [give each its own]"
    );
}

#[test]
fn nothing_stands_in_what_must_not_exist() {
    let base = "version: 1
farms: {hill: {barns: {Old: {stores: {hay: {amount: 1, bales: {one: {anything: [1, {a: null}]}}}}}}}}
";
    let over = "farms: {hill: {barns: {Old: {stores: {hay: null}}}}}\n";
    let files = [("farms.yaml", base), ("environments/dev.yaml", over)];
    let folder = Environments(&files);
    assert_eq!(
        folder.read(),
        "2:64 S044 farms.hill.barns.Old.stores.hay.bales.one stands inside of what must not exist [remove one of them]"
    );
}

/// A folder with an environment, which memory lists by its own path.
struct Environments<'a>(&'a [(&'a str, &'a str)]);

impl Environments<'_> {
    fn read(&self) -> String {
        shown(load_files(self.0, Some("dev"), KINDS))
    }
}

#[test]
fn what_is_only_written_at_creation_is_not_known() {
    let text = "farms:
  hill:
    barns:
      Old: {size: 1}
      New: {opened: \"${farms.hill.barns.Old.opened}\", size: \"${farms.hill.barns.Old.size}\"}
";
    assert_eq!(
        outcome(text),
        "6:22 S026 `opened` is not given, and the service does not tell it [give it in a barn]"
    );
}

/// Documents made to exhaust time, memory or the stack.
fn hostile() -> Vec<(&'static str, String)> {
    let laughs = |start: &str, item: fn(usize) -> String| {
        let lines = (1..12).map(|i| format!("a{i}: &a{i} {}\n", item(i - 1)));
        format!("{start}\n{}farms: *a11\n", lines.collect::<String>())
    };
    let nested: String = (0..3000).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    let barns: String = (0..4000)
        .map(|i| format!("      b{i}: {{size: \"${{farms.hill.barns.b{}.size}}\"}}\n", i + 1))
        .collect();
    let chain: String = (0..4000).map(|i| format!("c{}: &c{} [*c{i}]\n", i + 1, i + 1)).collect();
    let dangling: String = (0..4000)
        .map(|i| format!("      b{i}: {{colour: \"${{farms.hill.barns.x{i}.colour}}\"}}\n"))
        .collect();
    let same: String = (0..20_000).map(|_| "  a: {}\n").collect();
    let unknown: String = (0..5000).map(|i| format!("    soi{i}: clay\n")).collect();
    vec![
        ("brackets", "[".repeat(100_000)),
        ("braces", "{a: ".repeat(50_000)),
        ("dashes", "- ".repeat(50_000)),
        ("blocks", nested),
        ("question marks", "? ".repeat(50_000)),
        ("laughs", laughs("a0: &a0 [x, x]", |i| format!("[{}]", vec![format!("*a{i}"); 10].join(", ")))),
        (
            "merged laughs",
            laughs("a0: &a0 {x: y}", |i| format!("{{<<: [{}]}}", vec![format!("*a{i}"); 10].join(", "))),
        ),
        ("alias chain", format!("c0: &c0 [x]\n{chain}")),
        ("reference chain", format!("farms:\n  hill:\n    barns:\n{barns}      b4000: {{size: 1}}\n")),
        ("dangling references", format!("farms:\n  hill:\n    barns:\n{dangling}")),
        (
            "references in one text",
            format!("farms: {{hill: {{region: \"{}\"}}}}\n", "${env.SET}".repeat(50_000)),
        ),
        ("opened references", format!("farms: {{hill: {{region: \"{}\"}}}}\n", "${".repeat(100_000))),
        ("duplicate keys", format!("farms:\n{same}")),
        ("unknown keys", format!("farms:\n  hill:\n{unknown}")),
        ("a long line", format!("farms: {{hill: {{soil: {}}}}}\n", "x".repeat(2_000_000))),
        ("a long key", format!("farms: {{{}: {{soil: x}}}}\n", "x".repeat(5000))),
        ("quotes", "'\"".repeat(100_000)),
        ("anchors", "&a ".repeat(50_000)),
        ("empty lines", format!("{}farms: 5\n", "\n".repeat(1_000_000))),
    ]
}

/// A text by itself in a tree, read in one of two ways.
fn alone(text: &str, read: fn(&mut Tree, u32, &mut Vec<Diagnostic>) -> Document) -> (Tree, Document, usize) {
    let (mut tree, mut report) = (Tree::default(), Vec::new());
    let file = tree.files.add("a.yaml".to_owned(), "a.yaml".to_owned(), text.to_owned());
    let document = read(&mut tree, file, &mut report);
    (tree, document, report.len())
}

/// What exhausts a reader is what it makes of a text: nodes that grow faster than the text, and mistakes without end.
#[test]
fn hostile_documents_are_refused_quickly() {
    for (name, text) in hostile() {
        let (tree, _, reported) = alone(&text, yaml::read);
        assert!(tree.count() <= text.len() + 1, "{name}: {} nodes", tree.count());
        assert!(reported <= text.len() / 4 + 1, "{name}: {reported} mistakes of syntax");
        let mistakes = farm(&text).expect_err(name);
        let shown = mistakes.render(false);
        assert!(!shown.is_empty(), "{name}");
        assert!(shown.len() < 4_000_000, "{name}: {} bytes of messages", shown.len());
    }
}

/// Every node with its place, outermost last, or that there is none.
fn nodes(text: &str, read: fn(&mut Tree, u32, &mut Vec<Diagnostic>) -> Document) -> Option<String> {
    let (tree, document, reported) = alone(text, read);
    let all = (0..u32::try_from(tree.count()).unwrap()).map(|id| {
        let place = tree.place(id);
        let what = match tree.view(id) {
            View::Map => format!("{:?}", tree.pairs(id)),
            other => format!("{other:?} {:?}", tree.text(id)),
        };
        format!("{}..{} {what}\n", place.start, place.end)
    });
    let sound = document.complete && reported == 0;
    sound.then(|| format!("{}root {:?}", all.collect::<String>(), document.root))
}

/// The plain part of YAML by itself.
fn plain_part(tree: &mut Tree, file: u32, _: &mut Vec<Diagnostic>) -> Document {
    let root = super::plain::read(tree, file);
    Document { root, complete: root.is_some() }
}

fn spec_files(folder: &Path, found: &mut Vec<String>) {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            spec_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            found.extend(std::fs::read_to_string(path));
        }
    }
}

#[test]
fn the_plain_part_reads_as_all_of_yaml() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    spec_files(&root.join("examples"), &mut texts);
    spec_files(&root.join("tests/specs"), &mut texts);
    texts.push(
        "---\na: 1 # one\nb:\n- {c: [1, 'x y',\n   \"z\"], d: -3}\n- e:\n    f: http://x:80/a#b\n\ng: ä ü\n"
            .to_owned(),
    );
    let plain = texts.iter().filter(|text| nodes(text, plain_part).is_some()).count();
    assert!(plain * 2 > texts.len(), "only {plain} of {} files are read as plain", texts.len());
    for text in &texts {
        let found = nodes(text, plain_part);
        assert!(found.is_none() || found == nodes(text, yaml::read_all), "{text}");
    }
    // Slips of the hand anywhere: what is still read as plain must still mean the same.
    let slips = [
        " ", "  ", "\n", ":", ": ", "- ", "#", " #", "{", "}", "]", ",", "\"", "'", "null", "~", "\t",
        "\u{a0}", "|", "&a ",
    ];
    for (number, text) in texts.iter().filter(|text| text.len() < 1500).enumerate() {
        for (at, _) in text.char_indices().skip(number % 7).step_by(7) {
            let slip = slips[(at + number) % slips.len()];
            for wrong in [
                format!("{}{slip}{}", &text[..at], &text[at..]),
                format!("{}{}", &text[..at], text[at..].get(1..).unwrap_or_default()),
            ] {
                let found = nodes(&wrong, plain_part);
                assert!(found.is_none() || found == nodes(&wrong, yaml::read_all), "{wrong}");
            }
        }
    }
}

/// Pieces of documents, as likely to stand beside one another as in specs, and less.
const PIECES: &[&str] = &[
    "a: ", "b: ", "c:", "- ", "x", "y z", "1", "\n", "\n", "\n  ", "\n  ", "\n    ", "\n   ", " ", "  ",
    "|\n", "|\n  ", "|-\n    ", ">\n  ", ">-\n    ", "|", ">", "-", "+", "'", "'", "''", "\"", "\"", "\\",
    "\\n", "\\\"", "\\u00e9", "\\x4", "é", "#", " # z", ": ", ":", "{", "}", "[", "]", ",", ", ", "\t",
    "---\n", "...", "~", "null", "$", "\r",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]
    #[test]
    fn what_reads_as_plain_reads_so_as_all_of_yaml(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 1..24),
        ends in any::<bool>(),
    ) {
        let text = format!("a: {}{}", pieces.concat(), if ends { "\n" } else { "" });
        let found = nodes(&text, plain_part);
        prop_assert!(found.is_none() || found == nodes(&text, yaml::read_all), "{:?}", text);
    }
}

/// A document as JSON, with its merge keys followed.
fn json(tree: &Tree, node: Id) -> Json {
    match tree.view(node) {
        View::Null => Json::Null,
        View::Scalar(text, style) => scalar::typed(text, style, &Shape::Any).shown(),
        View::List(items) => items.iter().map(|item| json(tree, *item)).collect(),
        View::Map => {
            let members = tree.members(node);
            members
                .iter()
                .map(|member| (tree.text(member.key).to_owned(), json(tree, member.value)))
                .collect()
        }
    }
}

/// What of a schema a value breaks, if anything; only the words that our schema uses are understood.
fn breaks(root: &Json, schema: &Json, value: &Json) -> Option<String> {
    let object = schema.as_object()?;
    let complain = |what: &str| Some(format!("{value} breaks {what} of {schema:.300}"));
    for (word, wanted) in object {
        let ok = match word.as_str() {
            "$schema" | "$defs" | "title" | "description" | "properties" | "additionalProperties" => true,
            "$ref" => {
                let name = wanted.as_str()?.trim_start_matches("#/$defs/");
                return breaks(root, &root["$defs"][name], value);
            }
            "const" => wanted == value,
            "enum" => wanted.as_array()?.contains(value),
            "type" => match wanted {
                Json::Array(types) => types.iter().any(|of| is_of(of, value)),
                of => is_of(of, value),
            },
            "pattern" => value.as_str().is_none_or(|text| matches_pattern(wanted.as_str().unwrap(), text)),
            "minimum" => value.as_i64().is_none_or(|n| Some(n) >= wanted.as_i64()),
            "maximum" => value.as_i64().is_none_or(|n| Some(n) <= wanted.as_i64()),
            "minProperties" => value.as_object().is_none_or(|map| !map.is_empty()),
            "minItems" => value.as_array().is_none_or(|items| !items.is_empty()),
            "propertyNames" => {
                let mut names = value.as_object().into_iter().flat_map(|map| map.keys());
                names.all(|name| name.starts_with(|c: char| c.is_ascii_uppercase()))
            }
            "required" => {
                let mut names = wanted.as_array()?.iter().filter_map(Json::as_str);
                value.as_object().is_none_or(|map| names.all(|name| map.contains_key(name)))
            }
            "anyOf" => wanted.as_array()?.iter().any(|choice| breaks(root, choice, value).is_none()),
            "items" => {
                let mut items = value.as_array().into_iter().flatten();
                match items.find_map(|item| breaks(root, wanted, item)) {
                    Some(broken) => return Some(broken),
                    None => true,
                }
            }
            other => panic!("teach this test the word {other}"),
        };
        if !ok {
            return complain(word);
        }
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        let of = object.get("properties").and_then(|known| known.get(key));
        let broken = match of.or_else(|| object.get("additionalProperties")) {
            Some(Json::Bool(false)) => complain(&format!("the key {key}")),
            Some(of) => breaks(root, of, inner),
            None => None,
        };
        if broken.is_some() {
            return broken;
        }
    }
    None
}

/// Whether a text fits one of our three sorts of patterns: JSON, a reference, or words in any case.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    if pattern.starts_with("^\\s*") {
        return text.trim_start().starts_with(['{', '[']);
    }
    let Some(words) = pattern.strip_prefix("^(").and_then(|rest| rest.strip_suffix(")$")) else {
        return text.contains("${");
    };
    let mut plain = words.replace('\\', "");
    while let Some(open) = plain.find('[') {
        plain.replace_range(open..open + 2, "");
        plain.replace_range(open + 1..open + 2, "");
    }
    plain.split('|').any(|word| word == text.to_ascii_lowercase())
}

fn is_of(of: &Json, value: &Json) -> bool {
    match of.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    }
}

/// All YAML below a folder but for overlays and values of variables.
fn yaml_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            if entry.ends_with(".hidden") || entry.ends_with("environments") {
                continue;
            }
            yaml_files(&entry, found);
        } else if !entry.ends_with("values.yaml")
            && entry.extension().is_some_and(|ext| ext == "yaml" || ext == "yml")
        {
            found.push(entry);
        }
    }
}

#[test]
fn schema_agrees_with_the_reader() {
    let schema = super::json_schema();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    yaml_files(&root.join("tests/specs/valid"), &mut files);
    yaml_files(&root.join("examples"), &mut files);
    let mut looked_at = 0;
    for path in files {
        let mut tree = Tree::default();
        let text = std::fs::read_to_string(&path).unwrap();
        let file =
            tree.files.add("a".to_owned(), "a".to_owned(), text.trim_start_matches('\u{feff}').to_owned());
        let document = yaml::read(&mut tree, file, &mut Vec::new());
        let Some(node) = document.root.filter(|_| document.complete) else { continue };
        assert_eq!(breaks(&schema, &schema, &json(&tree, node)), None, "{}", path.display());
        looked_at += 1;
    }
    assert!(looked_at > 15);
    for wrong in [
        r#"{"version": 2}"#,
        r#"{"clustres": {}}"#,
        r#"{"clusters": {"a": {"sku": 5}}}"#,
        r#"{"clusters": {"a": {"databases": {"b": {"tables": {"T": {"colums": {}}}}}}}}"#,
        r#"{"clusters": {"a": {"databases": {"b": {"policies": {"retension": "1d"}}}}}}"#,
        r#"{"clusters": {"a": {"databases": {"b": {"policies": {"some_word": {"lower": 1}}}}}}}"#,
        r#"{"clusters": {"a": {"databases": {"b": {"dataConnections": {"c": {"kind": "Kafka"}}}}}}}"#,
    ] {
        let value: Json = serde_json::from_str(wrong).unwrap();
        assert!(breaks(&schema, &schema, &value).is_some(), "{wrong}");
    }
}
