//! Rules about names.

use super::facts::{column_names, siblings};
use super::{Lint, Rule};
use crate::kind::At;
use crate::model::command::quoted_name;
use crate::model::words::{BASIS, hashed};
use std::collections::BTreeMap;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "L001",
        title: "two names differ only in case",
        doc: "Names in a database are told apart by case, so `Events` and `events` are two things. People and \
              connectors that are less exact mix them up, and data lands in the wrong one. Give one of them another \
              name.",
        page: "https://learn.microsoft.com/kusto/query/schema-entities/entity-names",
        of: &["database", "table"],
        finds: alike,
    },
    Rule {
        code: "L002",
        title: "a function hides a table",
        doc: "In a query, a function wins over a table of the same name, so the table cannot be read by its bare name \
              any more. Where that is meant, it is mostly a view that replaces the table: give it a name of its own, so \
              that queries say which one they read.",
        page: "https://learn.microsoft.com/kusto/query/schema-entities/tables",
        of: &["function"],
        finds: hiding,
    },
    Rule {
        code: "L003",
        title: "a name must be quoted in every query",
        doc: "A name with blanks, dots, dashes or a digit in front, or one that is a word of the language, stands as \
              `['my name']` in every query. Letters, digits and `_` read easier.",
        page: "https://learn.microsoft.com/kusto/query/schema-entities/entity-names",
        of: &["table", "function", "materializedView", "externalTable"],
        finds: awkward,
    },
];

fn alike(at: &At<'_>) -> Vec<Lint> {
    let help = "give one of them another name";
    let table = at.resource.kind == "table";
    let names = || column_names(at.resource).filter(|_| table);
    let mut found = Vec::new();
    if table && !may_be_alike(names()) {
        return found;
    }
    let mut seen: BTreeMap<(String, String), &str> = BTreeMap::new();
    for name in names() {
        if let Some(other) = seen.insert((String::new(), name.to_lowercase()), name) {
            let message = format!("the columns `{other}` and `{name}` differ only in case");
            found.push(Lint::new(at, &["columns", name], message, help));
        }
    }
    for collection in ["tables", "functions", "materializedViews", "externalTables"] {
        let all = if table { Vec::new() } else { siblings(at, collection) };
        for (address, thing) in all {
            let key = (collection.to_owned(), thing.name.to_lowercase());
            if let Some(other) = seen.insert(key, &thing.name).filter(|other| **other != *thing.name) {
                let message = format!("`{other}` and `{}` differ only in case", thing.name);
                let lint = Lint::new(at, &[], message, help);
                found.push(Lint { address: address.clone(), ..lint });
            }
        }
    }
    found
}

/// Whether some of the names may differ only in case: a quick look, for nearly none do.
fn may_be_alike<'a>(names: impl Iterator<Item = &'a str>) -> bool {
    // That this bit of a byte makes some other characters one does no harm either.
    let folded = |name: &str| hashed(BASIS, name, 0x2020_2020_2020_2020);
    // The case of other alphabets is not looked at here.
    let all: Option<Vec<u64>> = names.map(|name| name.is_ascii().then(|| folded(name))).collect();
    all.is_none_or(|mut all| {
        all.sort_unstable();
        all.windows(2).any(|pair| pair[0] == pair[1])
    })
}

fn hiding(at: &At<'_>) -> Vec<Lint> {
    let Some((database, _)) = at.ancestor("database") else { return Vec::new() };
    let hidden = at.named(&database, "tables", at.name());
    let lint = |_| {
        let message = format!("the function hides the table `{}` of the same name", at.name());
        Lint::new(at, &[], message, "give the function a name of its own")
    };
    hidden.map(lint).into_iter().collect()
}

fn awkward(at: &At<'_>) -> Vec<Lint> {
    let needs_quotes = |name: &str| quoted_name(name) != name;
    let own = needs_quotes(at.name()).then(|| Lint::new(at, &[], told(at.name()), NAME));
    let columns = column_names(at.resource).filter(|name| needs_quotes(name));
    let columns = columns.map(|name| Lint::new(at, &["columns", name], told(name), NAME));
    own.into_iter().chain(columns).collect()
}

const NAME: &str = "use letters, digits and `_`, and no word of the language";

fn told(name: &str) -> String {
    format!("every query must write this name as {}", quoted_name(name))
}
