//! Tables.

pub(super) mod columns;
mod copy;

use super::{database, in_database, with_children};
use crate::kind::replies::{Reply, Row};
use crate::kind::shape::{self, Field, NameRule, Role, Shape};
use crate::kind::{About, At, Finding, Found, Kind, Plane, Source, Undo, policy};
use crate::model::Resource;
use crate::model::body::{Body, Value};
use crate::model::change::{Change, Loss, LossClass, Rename};
use crate::model::command::Command;
use crate::model::request::{KustoRequest, Lookup, Request};
use columns::{
    Plain, column, columns, columns_of, doc_of, known_type, listed, owned, renames, reordered, type_of,
    undocumented, with_added, with_docs, with_names,
};
use std::collections::HashMap;

/// A table: an ordered list of typed columns that data is ingested into.
pub(super) struct Table;

const COLUMN: Shape = Shape::Object {
    fields: &[
        Field::new(
            "type",
            Shape::ScalarType,
            "The column's type; aliases such as `int64` are read as `long`.",
        )
        .required(),
        Field::new("docString", Shape::Text, "What the column holds."),
        Field::new(
            "renamedFrom",
            Shape::Name(NameRule::Entity),
            "The name that the column had before: it is renamed, and keeps its data.",
        )
        .role(Role::CreateOnly),
    ],
    short: &["type"],
};

const ABOUT: About = About {
    name: "table",
    collection: "tables",
    parents: &["database"],
    plane: Plane::Kusto,
    doc: "A table: an ordered list of typed columns that data is ingested into. The list is complete: a live column \
          that it leaves out is dropped, which is refused until data loss is allowed; say `undeclaredColumns: keep` \
          to leave such columns alone. New columns are added without touching data. A changed type loses the \
          column's data.",
    may_rename: true,
    page: "https://learn.microsoft.com/kusto/management/tables",
    example: "tables:\n  StormEvents:\n    folder: weather\n    docString: Storm events\n    columns:\n      StartTime: datetime\n      State: {type: string, docString: The state's name}\n",
    fields: &[
        Field::new("columns", Shape::OrderedMap(&COLUMN), "The columns in order, each its type or `{type, docString}`.").required(),
        Field::new("docString", Shape::Text, "What the table holds; unset when empty."),
        Field::new("folder", Shape::Text, "The folder in which tools show the table, levels separated by `\\`; unset when empty."),
        Field::new(
            "undeclaredColumns",
            Shape::Enum(&["drop", "keep"]),
            "What becomes of live columns that `columns` leaves out: `drop` (default, refused until data loss is allowed) or `keep`.",
        )
        .role(Role::Setting),
        Field::new(
            "onTypeChange",
            Shape::Enum(&["alter", "copy"]),
            "How a column's type is changed: `alter` (default, refused until data loss is allowed, for it empties the \
             column), or `copy`: the rows are copied into a new table with the column converted, and the tables \
             change names at once; the old one stays beside as `NAME_old`.",
        )
        .role(Role::CreateOnly),
    ],
    ..About::BASE
};

impl Kind for Table {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        Source::Database { shows: &[] }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let replies = database(reply)?;
        let details: HashMap<&str, Row<'_>> =
            replies.details.iter().map(|row| (row.text("TableName"), row)).collect();
        let mut plain = Plain::new();
        let tables = replies.schema.tables.iter().map(|(name, table)| {
            let columns: Result<Body, String> =
                table.ordered_columns.iter().map(|one| column(one, &mut plain)).collect();
            let mut body = Body::new().with("columns", columns?);
            body.set("docString", table.doc_string.clone().unwrap_or_default());
            body.set("folder", table.folder.clone().unwrap_or_default());
            let row = details.get(name.as_str());
            let figure = |column| row.and_then(|row| row.number(column));
            Ok(Found {
                path: vec![("tables", name.clone())],
                body,
                rows: Some(figure("TotalRowCount").unwrap_or(0)),
                bytes: figure("TotalOriginalSize").or(Some(0)),
                ..Found::default()
            })
        });
        tables.collect()
    }

    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let live = live.map(|live| &live.body);
        let mut after = shape::overlay(ABOUT.fields, live.unwrap_or(&Body::new()), wanted);
        let (Some(live), Some(Value::Map(columns))) = (live, wanted.get("columns")) else { return after };
        // Nothing is added to columns that are those of live.
        let is_kept = |now: &Value| live.get("columns").is_some_and(|live| live.is_shared_with(now));
        if after.get("columns").is_some_and(is_kept) {
            return after;
        }
        let mut columns = columns.clone();
        let live = columns_of(live);
        if wanted.text("undeclaredColumns") == Some("keep") {
            let moved: Vec<&str> = renames(&live, &columns).into_iter().map(|(from, _)| from).collect();
            let kept = live.iter().filter(|(n, _)| columns.get(n).is_none() && !moved.contains(&&***n));
            kept.map(|(name, column)| (name.clone(), column.clone()))
                .collect::<Vec<_>>()
                .into_iter()
                .for_each(|(n, c)| columns.push(n, c));
        }
        let columns: Body = columns
            .into_iter()
            .map(|(name, column)| {
                let former = || live.get(column.as_map()?.text("renamedFrom")?);
                let value = COLUMN.overlay(live.get(&name).or_else(former), &column);
                (name, value)
            })
            .collect();
        after.set("columns", columns);
        after
    }

    /// New names come first, then what is added, then texts, then order; what loses data comes last, one column's type at a time.
    fn stages(&self, _at: &At<'_>, change: &Change) -> Vec<Body> {
        let Some(after) = &change.after else { return Vec::new() };
        let only_type = |column: &Value| column.as_map().is_some_and(|c| c.len() == 1);
        if change.before.is_none() && columns_of(after).iter().all(|(_, column)| only_type(column)) {
            return Vec::new();
        }
        let mut stages = Vec::new();
        let mut now = match &change.before {
            Some(before) => before.clone(),
            None => {
                let bare = after.clone().with("columns", undocumented(&columns_of(after)));
                stages.push(bare.clone());
                bare
            }
        };
        let mut to = |now: &mut Body, next: Body| {
            if !shape::same_bodies(ABOUT.fields, now, &next) {
                *now = next.clone();
                stages.push(next);
            }
        };
        let wanted = columns_of(after);
        for names in renames(&columns_of(&now), &wanted) {
            let next = now.clone().with("columns", with_names(&columns_of(&now), names));
            to(&mut now, next);
        }
        let next = with_added(&columns_of(&now), &wanted);
        let next = now.clone().with("columns", next);
        to(&mut now, next);
        let next = now.clone().with("columns", with_docs(&columns_of(&now), &wanted));
        to(&mut now, next);
        for text in ["docString", "folder"] {
            let next =
                after.get(text).map_or_else(|| now.clone(), |value| now.clone().with(text, value.clone()));
            to(&mut now, next);
        }
        let next = now.clone().with("columns", reordered(&columns_of(&now), &wanted));
        to(&mut now, next);
        let mut columns = columns_of(&now);
        for (name, column) in wanted.iter() {
            if type_of(&columns, name) == column.as_map().and_then(|c| c.text("type")) {
                continue;
            }
            columns.set(name, column.clone());
            if !copy::is_wanted(after) {
                let next = now.clone().with("columns", columns.clone());
                to(&mut now, next);
            }
        }
        let next = now.clone().with("columns", columns);
        to(&mut now, next);
        to(&mut now, after.clone());
        stages.pop();
        stages
    }

    fn leaves(&self, wanted: &Resource) -> Option<String> {
        copy::is_wanted(&wanted.body).then(|| copy::old_name(&wanted.name))
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        let name = at.name();
        if let Some(names) = &change.rename {
            return Ok(in_database(at, rename(at, names)));
        }
        let command = match (&change.before, &change.after) {
            (_, None) => Command::new(".drop table").name(name).word("ifexists"),
            (None, Some(after)) => create(name, after),
            (Some(before), Some(after)) if copy::is_meant(before, after) => {
                return copy::request(at, before, after);
            }
            (Some(before), Some(after)) => update(name, before, after)?,
        };
        Ok(in_database(at, command))
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        columns::misnamed(&at.resource.body)
    }

    fn loss(&self, at: &At<'_>, change: &Change) -> Loss {
        let (rows, bytes) = (at.resource.rows, at.resource.bytes);
        match (&change.before, &change.after) {
            (None, _) => Loss::none(),
            (Some(_), None) => policy::drop_loss(at, "the table and its data").of(rows, bytes),
            (Some(before), Some(after)) => {
                let whole = (before, after);
                let (before, after) = (columns_of(before), columns_of(after));
                if copy::is_meant(whole.0, whole.1) {
                    return copy::loss(at);
                }
                let moved = [renames(&before, &after), renames(&after, &before)].concat();
                let moves = |name: &str| moved.iter().any(|(from, to)| *from == name || *to == name);
                let gone = before.names().filter(|name| after.get(name).is_none() && !moves(name));
                let gone: Vec<&str> = gone.collect();
                let retyped: Vec<&str> = before
                    .names()
                    .filter(|name| {
                        after.get(name).is_some() && type_of(&before, name) != type_of(&after, name)
                    })
                    .collect();
                let what = match (gone.as_slice(), retyped.as_slice()) {
                    ([], []) => return Loss::none(),
                    (gone, []) => format!("the values of {} are gone for good", listed(gone)),
                    (_, retyped) => format!("the values of {} become null for good", listed(retyped)),
                };
                Loss::new(LossClass::Irreversible, what).of(rows, bytes)
            }
        }
    }

    fn undo(&self, at: &At<'_>, change: &Change) -> Undo {
        let loss = self.loss(at, change);
        if loss.class == LossClass::Irreversible {
            return Undo::Never(loss.what);
        }
        match (&change.before, &change.after) {
            (_, None) => return with_children(at, undo_drop(at)),
            (Some(before), Some(after)) if copy::is_meant(before, after) => return copy::undo(at),
            _ => {}
        }
        self.request(at, &change.invert()).map_or_else(Undo::Never, |request| Undo::By(vec![request]))
    }
}

/// `.undo drop table`, with the version right before the drop looked up in the database's journal.
///
/// <https://learn.microsoft.com/kusto/management/undo-drop-table-command>
fn undo_drop(at: &At<'_>) -> Request {
    let name = at.name();
    let journal = Command::new(".show database")
        .name(at.database())
        .word("journal | where Event == \"DROP-TABLE\" and EntityName ==")
        .text(name)
        .word("| order by EventTimestamp desc | take 1 | project OriginalEntityVersion");
    Request::Kusto(KustoRequest {
        cluster: at.cluster(),
        database: at.database().to_owned(),
        command: Command::new(".undo drop table").name(name).word("version="),
        lookup: Some(Box::new(Lookup {
            command: journal,
            column: "OriginalEntityVersion".to_owned(),
            missing: format!("the journal of the database has no drop of the table {name}"),
        })),
        alone: true,
        begins: None,
    })
}

/// `.rename table`, taking along the materialized views that read it.
///
/// <https://learn.microsoft.com/kusto/management/rename-table-command>
fn rename(at: &At<'_>, names: &Rename) -> Command {
    let command = Command::new(".rename table").name(&names.from).word("to").name(&names.to);
    let Some((database, _)) = at.ancestor("database") else { return command };
    let reads = |(_, view): (&crate::model::Address, &Resource)| {
        view.body.text("source").is_some_and(|source| [&names.from, &names.to].contains(&&source.to_owned()))
    };
    match at.world.children(&database, "materializedViews").any(reads) {
        true => command.word("with (updateMaterializedViews = true)"),
        false => command,
    }
}

fn create(name: &str, body: &Body) -> Command {
    let command = columns(Command::new(".create table").name(name), &columns_of(body));
    texts(command, body)
}

fn texts(command: Command, body: &Body) -> Command {
    let text = |name| body.text(name).unwrap_or_default();
    command
        .word("with (docstring =")
        .text(text("docString"))
        .word(", folder =")
        .text(text("folder"))
        .word(")")
}

fn update(name: &str, before: &Body, after: &Body) -> Result<Command, String> {
    for (field, words) in [("docString", "docstring"), ("folder", "folder")] {
        if before.text(field).unwrap_or_default() != after.text(field).unwrap_or_default() {
            let text = after.text(field).unwrap_or_default();
            return Ok(Command::new(".alter table").name(name).word(words).text(text));
        }
    }
    let (old, new) = (columns_of(before), columns_of(after));
    let back = || renames(&new, &old).first().map(|(from, to)| (*to, *from));
    if let Some((from, to)) = renames(&old, &new).first().copied().or_else(back) {
        let column = Command::new(".rename column").name(name).word(".").name(from);
        return Ok(column.word("to").name(to));
    }
    let added: Body = new.iter().filter(|(name, _)| old.get(name).is_none()).map(owned).collect();
    let gone: Vec<&str> = old.names().filter(|name| new.get(name).is_none()).collect();
    match (added.is_empty(), gone.is_empty()) {
        (false, true) => Ok(columns(Command::new(".alter-merge table").name(name), &added)),
        (true, false) => {
            let command = Command::new(".drop table").name(name).word("columns (");
            Ok(command.list(gone, Command::name).word(")"))
        }
        (false, false) => Err("columns come and go in one step".to_owned()),
        (true, true) => altered(name, &old, &new, after),
    }
}

/// One change to columns that stay: a type, docstrings, or the order.
fn altered(name: &str, old: &Body, new: &Body, after: &Body) -> Result<Command, String> {
    if let Some(column) = new.names().find(|column| type_of(old, column) != type_of(new, column)) {
        let command = Command::new(".alter column").name(name).word(".").name(column).word("type =");
        return Ok(command.word(known_type(type_of(new, column))?));
    }
    let documented: Vec<&str> =
        new.names().filter(|column| doc_of(old, column) != doc_of(new, column)).collect();
    if documented.is_empty() {
        return Ok(texts(columns(Command::new(".alter table").name(name), new), after));
    }
    let command = Command::new(".alter-merge table").name(name).word("column-docstrings (");
    Ok(command.list(documented, |c, column| c.name(column).word(":").text(doc_of(new, column))).word(")"))
}

#[cfg(test)]
mod tests {
    use crate::kind::entity::tests::steps;
    use serde_json::{Value, json};

    fn check(before: Value, after: impl ToString, expected: &[&str]) {
        assert_eq!(steps("table", "tables.T", before, after), expected);
    }

    #[test]
    fn is_created_with_its_texts() {
        check(
            Value::Null,
            json!({"columns": {"a": "int32", "b c": {"type": "string", "docString": "say \"b\""}}, "folder": "x\\y"}),
            &[
                r#".create table T (a:int, ['b c']:string) with (docstring = "", folder = "x\\y")"#,
                "  undo .drop table T ifexists",
                r#".alter-merge table T column-docstrings (['b c']:"say \"b\"")"#,
                r#"  undo .alter-merge table T column-docstrings (['b c']:"")"#,
            ],
        );
    }

    #[test]
    fn is_dropped_and_brought_back() {
        check(
            json!({"columns": {"a": "int"}}),
            Value::Null,
            &[
                ".drop table T ifexists [recoverable]",
                "  undo .undo drop table T version=\"…OriginalEntityVersion\"",
            ],
        );
    }

    #[test]
    fn changes_in_the_safest_order() {
        check(
            json!({"columns": {"a": "int", "b": "string", "c": "long"}, "folder": "f"}),
            r#"{"columns": {"d": "real", "c": {"type": "int", "docString": "C"}, "a": "int"}, "docString": "doc"}"#,
            &[
                ".alter-merge table T (d:real)",
                "  undo .drop table T columns (d)",
                r#".alter-merge table T column-docstrings (c:"C")"#,
                r#"  undo .alter-merge table T column-docstrings (c:"")"#,
                r#".alter table T docstring "doc""#,
                r#"  undo .alter table T docstring """#,
                r#".alter table T (d:real, c:long, a:int, b:string) with (docstring = "doc", folder = "f")"#,
                r#"  undo .alter table T (a:int, b:string, c:long, d:real) with (docstring = "doc", folder = "f")"#,
                ".alter column T.c type = int [irreversible]",
                "  never: the values of column `c` become null for good",
                ".drop table T columns (b) [irreversible]",
                "  never: the values of column `b` are gone for good",
            ],
        );
    }

    #[test]
    fn keeps_undeclared_columns_when_asked() {
        check(
            json!({"columns": {"a": "int", "extra": "string"}}),
            json!({"columns": {"a": "int"}, "undeclaredColumns": "keep", "folder": "f"}),
            &[r#".alter table T folder "f""#, r#"  undo .alter table T folder """#],
        );
    }
}
