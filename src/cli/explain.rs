//! `explain`: a kind's documentation, from the table that the reader and the schema use too, or a rule's.

use super::args::ExplainArgs;
use super::exit::{Exit, Failure};
use super::terminal::Terminal;
use crate::kind::shape::{Field, Role, Shape};
use crate::kind::{self, About, Keyed, lint};
use crate::spec::Code;
use std::fmt::Write;

/// Prints the documentation of a kind, or the list of kinds.
///
/// # Errors
/// A word that is no kind's, with the likeliest one.
pub(super) fn run(args: &ExplainArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let Some(word) = &args.kind else {
        terminal.result(&list());
        return Ok(Exit::Done);
    };
    if word.eq_ignore_ascii_case("lint") {
        terminal.result(&rules());
        return Ok(Exit::Done);
    }
    if let Some(text) = code(word) {
        terminal.result(&text);
        return Ok(Exit::Done);
    }
    let is = |about: &About| about.name.eq_ignore_ascii_case(word) || key(about).eq_ignore_ascii_case(word);
    let mut found = kind::all().map(|kind| kind.about()).filter(|about| is(about)).peekable();
    if found.peek().is_none() {
        let names = kind::all().map(|kind| kind.about().name);
        let near =
            names.max_by(|a, b| strsim::jaro_winkler(a, word).total_cmp(&strsim::jaro_winkler(b, word)));
        let help = format!("did you mean `{}`? `adxform explain` lists all kinds", near.unwrap_or_default());
        return Err(Failure::new(Exit::Usage, format!("there is no kind `{word}`"), help));
    }
    terminal.result(&found.map(page).collect::<Vec<_>>().join("\n"));
    Ok(Exit::Done)
}

/// What a code of a warning or an error stands for.
fn code(word: &str) -> Option<String> {
    if let Some(rule) = lint::rules().find(|rule| rule.code.eq_ignore_ascii_case(word)) {
        let mut text = format!("{} — {}\n\n{}\n\n", rule.code, rule.title, wrapped(rule.doc, ""));
        let _ = writeln!(text, "It looks at: {}.", rule.of.join(", "));
        let _ =
            writeln!(text, "A comment `adxform: allow {}` on the line or above it silences it.", rule.code);
        let _ = writeln!(text, "\nDocumentation: {}", rule.page);
        return Some(text);
    }
    let code = Code::ALL.iter().find(|code| code.id().eq_ignore_ascii_case(word))?;
    Some(format!("{} — {}\n", code.id(), code.doc()))
}

/// The rules of lint, one a line.
fn rules() -> String {
    let mut text = String::from("Rules of lint, each a warning of `validate` and `plan`:\n\n");
    for rule in lint::rules() {
        let _ = writeln!(text, "  {}  {}", rule.code, rule.title);
    }
    text.push_str("\n`adxform explain CODE` says why, and what to do.\n");
    text
}

/// The word under which a kind stands in a spec.
fn key(about: &About) -> &'static str {
    match about.keyed {
        Keyed::Fixed(key) => key,
        Keyed::Tagged(_, tag) => tag,
        Keyed::ByName | Keyed::Other(_) => about.collection,
    }
}

fn list() -> String {
    let mut text = String::from("Kinds, each with where it stands in a spec:\n\n");
    for about in kind::all().map(|kind| kind.about()) {
        let _ = writeln!(text, "  {:<30} {}", about.name, place(about));
    }
    text.push_str(
        "\n`adxform explain KIND` documents one; `adxform explain lint` lists what `validate` warns of.\n",
    );
    text
}

fn place(about: &About) -> String {
    let parents = if about.parents.is_empty() { "the root".to_owned() } else { about.parents.join(", ") };
    let entry = match about.keyed {
        Keyed::ByName => format!("{}.<name>", about.collection),
        Keyed::Fixed(key) => format!("{}.{key}", about.collection),
        Keyed::Other(_) => format!("{}.<word of the service>", about.collection),
        Keyed::Tagged(property, tag) => format!("{}.<name> with {property}: {tag}", about.collection),
    };
    format!("{entry}, in {parents}")
}

fn page(about: &About) -> String {
    let mut text = format!("{} — {}\n\n{}\n\n", about.name, place(about), wrapped(about.doc, ""));
    let _ = writeln!(text, "Properties:");
    about.fields.iter().for_each(|field| describe(&mut text, field, "  "));
    if !about.outputs.is_empty() {
        let _ = writeln!(text, "\nAttributes for references, known after apply:");
        for (path, meaning) in about.outputs {
            let _ = writeln!(text, "  {path}\n{}", wrapped(meaning, "      "));
        }
    }
    let _ = writeln!(text, "\nExample:\n");
    for line in about.example.lines() {
        let _ = writeln!(text, "  {line}");
    }
    let _ = writeln!(text, "\nDocumentation: {}", about.page);
    text
}

fn describe(text: &mut String, field: &Field, indent: &str) {
    let mut facts = vec![field.shape.expects()];
    if field.required {
        facts.push("required".to_owned());
    }
    match field.role {
        Role::Managed | Role::Setting => {}
        Role::Filled | Role::Start => facts.push("the service's own choice stands when left out".to_owned()),
        Role::Immutable => facts.push("fixed at creation".to_owned()),
        Role::CreateOnly => facts.push("used at creation, never compared".to_owned()),
        Role::Place => facts.push("fixed at creation, taken from `azure:` when left out".to_owned()),
    }
    let _ = writeln!(text, "{indent}{} ({})", field.name, facts.join("; "));
    let _ = writeln!(text, "{}", wrapped(field.doc, &format!("{indent}    ")));
    if let Shape::Enum(words) | Shape::OpenEnum(words) = field.shape
        && words.len() > 12
    {
        let _ =
            writeln!(text, "{}", wrapped(&format!("Words: {}.", words.join(", ")), &format!("{indent}    ")));
    }
    let deeper = format!("{indent}    ");
    inner(&field.shape).iter().for_each(|field| describe(text, field, &deeper));
}

/// The properties inside a shape.
const fn inner(shape: &Shape) -> &'static [Field] {
    match shape {
        Shape::Object { fields, .. } => fields,
        Shape::Set(item) | Shape::List(item) | Shape::Map(item) | Shape::OrderedMap(item) => inner(item),
        _ => &[],
    }
}

fn wrapped(text: &str, indent: &str) -> String {
    const WIDTH: usize = 100;
    let mut lines = vec![indent.to_owned()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().map_or(0, |line| line.chars().count());
        if line + 1 + word.chars().count() > WIDTH && line > indent.len() {
            lines.push(indent.to_owned());
        }
        if let Some(line) = lines.last_mut() {
            if line.len() > indent.len() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}
