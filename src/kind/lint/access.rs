//! Rules about who may see what.

use super::facts::{restricts, secures};
use super::{Lint, Rule};
use crate::kind::At;
use crate::kind::entity::texts;
use crate::model::kql::{self, What};

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "L061",
        title: "a query over a restricted table",
        doc: "A table with restricted view access can be read only by those who have the role UnrestrictedViewer in the \
              database; for everybody else the function fails as a whole. That is easily overlooked by its author, who \
              has the role.",
        page: "https://learn.microsoft.com/kusto/management/restricted-view-access-policy",
        of: &["function", "continuousExport"],
        finds: over_restricted,
    },
    Rule {
        code: "L062",
        title: "row level security that is the same for everybody",
        doc: "The query of a row level security policy does not look at who asks, so everybody sees the same rows. Where \
              that is meant, to mask columns for example, a function or a view over the table does it without slowing \
              every query down. Look at `current_principal_is_member_of()` or `current_principal_details()`.",
        page: "https://learn.microsoft.com/kusto/management/row-level-security-policy",
        of: &["rowLevelSecurityPolicy"],
        finds: for_everybody,
    },
    Rule {
        code: "L063",
        title: "row level security reads secured rows",
        doc: "The query of a row level security policy must not read another table that has such a policy. The service \
              refuses it.",
        page: "https://learn.microsoft.com/kusto/management/row-level-security-policy",
        of: &["rowLevelSecurityPolicy"],
        finds: over_secured,
    },
];

fn over_restricted(at: &At<'_>) -> Vec<Lint> {
    let Some((database, _)) = at.ancestor("database") else { return Vec::new() };
    let mut found = Vec::new();
    for (field, text) in texts(at.resource) {
        for used in
            kql::uses(text, &[]).into_iter().filter(|u| u.database.is_none() && u.what == What::Tabular)
        {
            let table = at.named(&database, "tables", &used.name).map(|(address, _)| address);
            if table.is_some_and(|table| restricts(at.world, &table)) {
                let field: Vec<&str> = field.iter().map(String::as_str).collect();
                let message = format!("`{}` has restricted view access, and few may read it", used.name);
                let help = "give those who need it the role UnrestrictedViewer, or use row level security";
                found.push(Lint::new(at, &field, message, help).inside(text, used.span));
            }
        }
    }
    found
}

fn for_everybody(at: &At<'_>) -> Vec<Lint> {
    let Some((database, _)) = at.ancestor("database") else { return Vec::new() };
    let query = at.resource.body.text("query").unwrap_or_default();
    let (mut open, mut seen) = (vec![query], Vec::new());
    while let Some(text) = open.pop() {
        for (name, _) in kql::names(text) {
            if name.starts_with("current_principal") {
                return Vec::new();
            }
            if let Some((address, function)) = at.named(&database, "functions", &name)
                && !seen.contains(&address)
            {
                seen.push(address);
                open.extend(function.body.text("body"));
            }
        }
        let unknown = kql::uses(text, &[]).into_iter().any(|used| {
            used.what == What::Function && at.named(&database, "functions", &used.name).is_none()
        });
        if unknown {
            return Vec::new();
        }
    }
    let message = "the query does not look at who asks, so that everybody sees the same";
    vec![Lint::new(
        at,
        &["query"],
        message,
        "ask `current_principal_is_member_of(…)`, or leave the policy out",
    )]
}

fn over_secured(at: &At<'_>) -> Vec<Lint> {
    let (Some((database, _)), Some((own, _))) = (at.ancestor("database"), at.parent()) else {
        return Vec::new();
    };
    let query = at.resource.body.text("query").unwrap_or_default();
    let mut found = Vec::new();
    for used in kql::uses(query, &[]).into_iter().filter(|used| used.database.is_none()) {
        let table = at.named(&database, "tables", &used.name).map(|(address, _)| address);
        if table.is_some_and(|table| table != own && secures(at.world, &table)) {
            let message = format!("`{}` has row level security itself", used.name);
            found
                .push(Lint::new(at, &["query"], message, "read a table without it").inside(query, used.span));
        }
    }
    found
}
