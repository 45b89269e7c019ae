//! Rules about functions and the texts of KQL in general.

use super::facts::Text;
use super::{Lint, Rule};
use crate::kind::At;
use crate::kind::entity::{missing, texts};
use crate::model::body::Value;
use crate::model::inventory::Resource;
use crate::model::kql::{self, What};

/// Every kind that holds a query of its own.
const QUERIES: &[&str] = &[
    "function",
    "updatePolicy",
    "materializedView",
    "rowLevelSecurityPolicy",
    "continuousExport",
    "graphModel",
];

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "L011",
        title: "a parameter is not used",
        doc: "A caller who gives a value for a parameter expects it to matter. Use the parameter, or remove it; when \
              other functions still give it, remove it there first.",
        page: "https://learn.microsoft.com/kusto/query/schema-entities/stored-functions",
        of: &["function"],
        finds: unused_parameters,
    },
    Rule {
        code: "L012",
        title: "any rows are taken",
        doc: "`take` and `limit` give some rows, and other ones the next time, unless the rows are sorted. In a stored \
              function that surprises: write `top … by`, or sort before.",
        page: "https://learn.microsoft.com/kusto/query/take-operator",
        of: &["function"],
        finds: any_rows,
    },
    Rule {
        code: "L013",
        title: "every table is read",
        doc: "`search`, `find` and `union *` without a list read every table, also those that somebody adds tomorrow, \
              and their columns become the result's. Name the tables.",
        page: "https://learn.microsoft.com/kusto/query/best-practices",
        of: QUERIES,
        finds: every_table,
    },
    Rule {
        code: "L014",
        title: "a database names itself",
        doc: "A query that names its own database breaks in every copy of it: another environment, a follower under \
              another name. A bare name is always looked for in the database that holds the query.",
        page: "https://learn.microsoft.com/kusto/query/cross-cluster-or-database-queries",
        of: QUERIES,
        finds: own_database,
    },
    Rule {
        code: "L015",
        title: "a function of an old name",
        doc: "Kusto keeps old names of functions working, but does not document them any more, and some differ from \
              their successor in details. Use the new name.",
        page: "https://learn.microsoft.com/kusto/query/scalar-functions",
        of: QUERIES,
        finds: old_names,
    },
    Rule {
        code: "L016",
        title: "validation is skipped without need",
        doc: "With `skipValidation: true` the service takes any body, and mistakes show only when somebody calls the \
              function. Here all names that the body uses are declared, and functions that call one another are \
              ordered and written without validation by themselves, so nothing is gained.",
        page: "https://learn.microsoft.com/kusto/management/create-alter-function",
        of: &["function"],
        finds: needless_skip,
    },
];

/// Old names of functions with the new ones, sorted.
const OLD: [(&str, &str); 26] = [
    ("any", "take_any"),
    ("anyif", "take_anyif"),
    ("argmax", "arg_max"),
    ("argmin", "arg_min"),
    ("arraylength", "array_length"),
    ("base64_decodestring", "base64_decode_tostring"),
    ("base64_encodestring", "base64_encode_tostring"),
    ("cnt", "count"),
    ("columnifexists", "column_ifexists"),
    ("current_cursor", "cursor_current"),
    ("datepart", "datetime_part"),
    ("extentid", "extent_id"),
    ("extractall", "extract_all"),
    ("make_string", "unicode_codepoints_to_string"),
    ("makelist", "make_list"),
    ("makeset", "make_set"),
    ("notempty", "isnotempty"),
    ("notnull", "isnotnull"),
    ("pack", "bag_pack"),
    ("pack_dictionary", "bag_pack"),
    ("parsejson", "parse_json"),
    ("parseurl", "parse_url"),
    ("parseurlquery", "parse_urlquery"),
    ("replace", "replace_regex or replace_string"),
    ("to_utf8", "unicode_codepoints_from_string"),
    ("weekofyear", "week_of_year"),
];

fn unused_parameters(at: &At<'_>) -> Vec<Lint> {
    let text = |name| at.resource.body.text(name).unwrap_or_default();
    let (list, body) = (text("parameters"), text("body"));
    let used: Vec<String> = kql::names(body).into_iter().map(|(name, _)| name).collect();
    let unused = kql::parameters(list).into_iter().filter(|(name, _)| !used.contains(name));
    let lint = |(name, span): (String, _)| {
        let message = format!("the body does not use the parameter `{name}`");
        Lint::new(at, &["parameters"], message, "use it or remove it").inside(list, span)
    };
    unused.map(lint).collect()
}

fn any_rows(at: &At<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for text in Text::all(at.resource) {
        let sorted = text.operators(&["sort", "order", "top", "top-nested"]).first().map(|(at, _)| *at);
        for (_, span) in
            text.operators(&["take", "limit"]).into_iter().filter(|(at, _)| sorted.is_none_or(|s| s > *at))
        {
            let message = format!("`{}` gives any rows, other ones each time", &text.text[span.clone()]);
            let help = "write `top … by …`, or sort before";
            found.push(Lint::new(at, &text.path(), message, help).inside(text.text, span));
        }
    }
    found
}

fn every_table(at: &At<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for text in Text::all(at.resource) {
        let searches = text.operators(&["search", "find"]).into_iter();
        let wide =
            searches.filter(|(at, _)| !text.preceded(*at) && !text.has_list(*at)).map(|(_, span)| span);
        let all = kql::uses(text.text, &[]).into_iter().filter(|u| u.what == What::Pattern && u.name == "*");
        for span in wide.chain(all.map(|u| u.span)) {
            let help = "name the tables";
            found.push(
                Lint::new(at, &text.path(), "this reads every table of the database", help)
                    .inside(text.text, span),
            );
        }
    }
    found
}

fn own_database(at: &At<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (field, text) in texts(at.resource) {
        let own = |name: &Option<String>| {
            name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(at.database()))
        };
        for used in kql::uses(text, &[]).into_iter().filter(|u| u.cluster.is_none() && own(&u.database)) {
            let field: Vec<&str> = field.iter().map(String::as_str).collect();
            let message = format!("`{}` is in this very database", used.name);
            let help = "name it without `database()`";
            found.push(Lint::new(at, &field, message, help).inside(text, used.span));
        }
    }
    found
}

fn old_names(at: &At<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for text in Text::all(at.resource) {
        for (name, span) in text.calls() {
            let declared =
                || at.ancestor("database").is_some_and(|(d, _)| at.named(&d, "functions", name).is_some());
            if let Ok(old) = OLD.binary_search_by_key(&name, |(old, _)| old)
                && !declared()
            {
                let message = format!("`{name}` is an old name of `{}`", OLD[old].1);
                found.push(Lint::new(at, &text.path(), message, "use the new name").inside(text.text, span));
            }
        }
    }
    found
}

fn needless_skip(at: &At<'_>) -> Vec<Lint> {
    if at.resource.body.get("skipValidation") != Some(&Value::Bool(true)) {
        return Vec::new();
    }
    let strict = Resource { body: at.resource.body.clone().without("skipValidation"), ..at.resource.clone() };
    if !missing(&At { resource: &strict, ..*at }).is_empty() {
        return Vec::new();
    }
    let message = "validation is skipped, though everything that the body names is declared";
    vec![Lint::new(at, &["skipValidation"], message, "remove `skipValidation`")]
}
