//! Principals by name: what a spec may write, what the service reads back, and when the two are one.
//!
//! The service resolves whatever it is given: a spec's mail address comes back as ids, with the address in the
//! display name (`Alice (upn: alice@contoso.com)`). Invariant: a spelling that cannot be told from another person's
//! never matches (test: `spellings_of_one_principal`).

use crate::kind::shape::{Field, Shape};
use crate::model::body::{Body, Value};

/// A member of a role.
pub(super) const MEMBER: &[Field] = &[
    Field::new(
        "fqn",
        Shape::Text,
        "Who: `aaduser=MAIL or OBJECT ID`, `aadgroup=MAIL or OBJECT ID`, `aadapp=ID;TENANT`; `;TENANT` may follow each. \
         A managed identity is an `aadapp`.",
    )
    .required(),
    Field::new(
        "notes",
        Shape::Text,
        "A remark that is kept with the member; it stays as it is when left out. A change drops the member and adds it again.",
    ),
];

/// A principal's fully qualified name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Who {
    key: String,
    id: String,
    tenant: Option<String>,
}

impl Who {
    /// Reads `aadapp=id;tenant`; `None` for anything else.
    pub(super) fn parse(fqn: &str) -> Option<Self> {
        let (key, rest) = fqn.split_once('=')?;
        let key = key.trim().to_ascii_lowercase();
        let (id, tenant) = rest.split_once(';').map_or((rest, None), |(id, tenant)| (id, Some(tenant)));
        let id = id.trim().to_owned();
        let known = matches!(key.as_str(), "aaduser" | "aadgroup" | "aadapp" | "msauser");
        let tenant = tenant.map(|tenant| tenant.trim().to_owned()).filter(|tenant| !tenant.is_empty());
        (known && !id.is_empty()).then_some(Self { key, id, tenant })
    }

    /// The one text for all spellings of the same words.
    pub(super) fn text(&self) -> String {
        let tenant = self.tenant.as_ref().map(|tenant| format!(";{}", guid(tenant))).unwrap_or_default();
        format!("{}={}{tenant}", self.key, guid(&self.id))
    }

    /// Whether the service would need a tenant to know who is meant.
    pub(super) fn lacks_tenant(&self) -> bool {
        self.key == "aadapp" && self.tenant.is_none() && !is_guid(&self.id)
    }

    /// The id, the address or the name.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    fn kind(&self) -> &str {
        if self.key == "msauser" { "aaduser" } else { &self.key }
    }
}

/// Ids in lower case; names as they are.
fn guid(text: &str) -> String {
    if is_guid(text) { text.to_ascii_lowercase() } else { text.to_owned() }
}

fn is_guid(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok()
}

/// A principal's name in its one spelling, as far as it is one.
pub(super) fn canonical(fqn: &str) -> String {
    Who::parse(fqn).map_or_else(|| fqn.trim().to_owned(), |who| who.text())
}

/// A principal as the service reads it back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Its resolved name.
    pub(super) fqn: String,
    /// Its object id in the directory.
    pub(super) object_id: String,
    /// Its name for people, with the address or the id it goes by.
    pub(super) name: String,
}

impl Known {
    /// Whether a spec's spelling is this principal.
    pub(super) fn is(&self, fqn: &str) -> bool {
        if canonical(fqn) == self.fqn {
            return true;
        }
        let (Some(own), Some(wanted)) = (Who::parse(&self.fqn), Who::parse(fqn)) else { return false };
        let tenants = match (&own.tenant, &wanted.tenant) {
            // The name of a tenant cannot be told from its id.
            (Some(own), Some(wanted)) => !is_guid(wanted) || own.eq_ignore_ascii_case(wanted),
            _ => true,
        };
        own.kind() == wanted.kind() && tenants && self.goes_by(&own, &wanted.id)
    }

    fn goes_by(&self, own: &Who, id: &str) -> bool {
        let (name, inner) = match self.name.rsplit_once(" (") {
            Some((name, inner)) => (name, inner.trim_end_matches(')')),
            None => (self.name.as_str(), ""),
        };
        let inner = inner.split_once(": ").map_or("", |(_, value)| value);
        // People may share a name; groups and applications are asked for by theirs.
        let name = if own.kind() == "aaduser" { "" } else { name };
        let ids = [&own.id, &self.object_id, inner, name];
        !id.is_empty() && ids.iter().any(|known| known.eq_ignore_ascii_case(id))
    }

    /// Whether it is the principal with one of these object ids.
    pub(super) fn is_one_of(&self, ids: &[&str]) -> bool {
        let own = Who::parse(&self.fqn).map(|who| who.id).unwrap_or_default();
        ids.iter()
            .any(|id| !id.is_empty() && [&self.object_id, &own].iter().any(|k| k.eq_ignore_ascii_case(id)))
    }

    /// How it is shown in a sentence.
    pub(super) fn shown(&self) -> &str {
        if self.name.is_empty() { &self.fqn } else { &self.name }
    }

    pub(super) fn to_value(&self) -> Value {
        let body = Body::new().with("fqn", self.fqn.clone()).with("objectId", self.object_id.clone());
        Value::Map(body.with("name", self.name.clone()))
    }

    pub(super) fn from_value(value: &Value) -> Self {
        let text = |name| value.as_map().and_then(|body| body.text(name)).unwrap_or_default().to_owned();
        Self { fqn: text("fqn"), object_id: text("objectId"), name: text("name") }
    }
}

/// One change of a role by one command.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Move {
    /// These join, all with the same notes.
    Add(Vec<Body>, String),
    /// These go.
    Drop(Vec<Body>),
}

/// The members of a body; a reference stands for a whole name.
pub(super) fn members(body: &Body) -> Vec<Body> {
    let items = body.get("members").and_then(Value::as_list).unwrap_or_default();
    let one = |item: &Value| item.as_map().cloned().unwrap_or_else(|| Body::new().with("fqn", item.clone()));
    items.iter().map(one).collect()
}

/// A body with these members, and in the one order.
pub(super) fn with_members(members: Vec<Body>) -> Body {
    let list = Value::List(members.into_iter().map(Value::Map).collect());
    let sorted = super::MEMBERS.canonical(&list);
    Body::new().with("members", sorted.unwrap_or(list))
}

pub(super) fn notes(member: &Body) -> &str {
    member.text("notes").unwrap_or_default()
}

pub(super) fn same(a: &Body, b: &Body) -> bool {
    a.get("fqn") == b.get("fqn")
}

/// The commands that lead from some members to others: who joins comes first, so that a role is never empty in
/// between; notes change by dropping and adding.
pub(super) fn moves(before: &[Body], after: &[Body]) -> Vec<Move> {
    let within = |member: &Body, list: &[Body]| list.iter().any(|other| same(member, other));
    let renoted = |member: &&Body| before.iter().any(|b| same(b, member) && notes(b) != notes(member));
    let new: Vec<&Body> = after.iter().filter(|member| !within(member, before)).collect();
    let changed: Vec<&Body> = after.iter().filter(renoted).collect();
    let goes = |member: &&Body| !within(member, after) || changed.iter().any(|c| same(c, member));
    let gone: Vec<Body> = before.iter().filter(goes).cloned().collect();
    let mut moves = adds(&new);
    moves.extend((!gone.is_empty()).then_some(Move::Drop(gone)));
    moves.extend(adds(&changed));
    moves
}

fn adds(members: &[&Body]) -> Vec<Move> {
    let mut moves: Vec<Move> = Vec::new();
    for member in members {
        let own = notes(member);
        let known = moves.iter_mut().find_map(|m| match m {
            Move::Add(members, notes) if notes == own => Some(members),
            _ => None,
        });
        match known {
            Some(known) => known.push((*member).clone()),
            None => moves.push(Move::Add(vec![(*member).clone()], own.to_owned())),
        }
    }
    moves
}

/// The members after a move.
pub(super) fn moved(members: &[Body], by: &Move) -> Vec<Body> {
    match by {
        Move::Add(new, _) => members.iter().chain(new).cloned().collect(),
        Move::Drop(gone) => {
            members.iter().filter(|member| !gone.iter().any(|g| same(g, member))).cloned().collect()
        }
    }
}

/// A member in its canonical form, notes left out when there are none.
pub(super) fn member(fqn: impl Into<Value>, notes: &str) -> Body {
    let body = Body::new().with("fqn", fqn);
    if notes.is_empty() { body } else { body.with("notes", notes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_principal() {
        let known = |fqn: &str, object_id: &str, name: &str| Known {
            fqn: fqn.to_owned(),
            object_id: object_id.to_owned(),
            name: name.to_owned(),
        };
        let (own, tenant) = ("11111111-2222-3333-4444-55555555555a", "99999999-8888-7777-6666-55555555555b");
        let object = "22222222-2222-3333-4444-55555555555c";
        let alice = known(&format!("aaduser={own};{tenant}"), own, "Alice (upn: alice@contoso.com)");
        let plant = known(&format!("aadapp={own};{tenant}"), object, &format!("Plant (app id: {own})"));
        let team = known(&format!("aadgroup={own};{tenant}"), own, "Data team");
        for (of, fqn, same) in [
            (&alice, format!("AADUser={};{}", own.to_uppercase(), tenant.to_uppercase()), true),
            (&alice, format!("aaduser={own}"), true),
            (&alice, "aaduser=Alice@Contoso.com".to_owned(), true),
            (&alice, "msauser=alice@contoso.com".to_owned(), true),
            (&alice, "aaduser=alice@contoso.com;contoso.com".to_owned(), true),
            (&alice, format!("aaduser=alice@contoso.com;{own}"), false),
            (&alice, "aaduser=Alice".to_owned(), false),
            (&alice, "aaduser=bob@contoso.com".to_owned(), false),
            (&alice, format!("aadapp={own};{tenant}"), false),
            (&plant, format!("aadapp={object};{tenant}"), true),
            (&plant, "aadapp=plant;contoso.com".to_owned(), true),
            (&plant, format!("aadapp={tenant};{tenant}"), false),
            (&team, "aadgroup=data team".to_owned(), true),
            (&team, "aadgroup=other".to_owned(), false),
            (&team, "nonsense".to_owned(), false),
        ] {
            assert_eq!(of.is(&fqn), same, "{fqn} and {of:?}");
        }
        assert_eq!(canonical(" AADAPP = x ; Contoso "), "aadapp=x;Contoso");
        assert!(Who::parse("alice@contoso.com").is_none() && Who::parse("aaduser=;x").is_none());
    }

    #[test]
    fn who_joins_comes_before_who_goes() {
        let list =
            |all: &[(&str, &str)]| all.iter().map(|(fqn, notes)| member(*fqn, notes)).collect::<Vec<_>>();
        let before = list(&[("a", ""), ("b", "old"), ("c", "")]);
        let after = list(&[("a", ""), ("b", "new"), ("d", ""), ("e", "x"), ("f", "")]);
        let all = moves(&before, &after);
        let expected = [
            Move::Add(list(&[("d", ""), ("f", "")]), String::new()),
            Move::Add(list(&[("e", "x")]), "x".to_owned()),
            Move::Drop(list(&[("b", "old"), ("c", "")])),
            Move::Add(list(&[("b", "new")]), "new".to_owned()),
        ];
        assert_eq!(all, expected);
        let end = all.iter().fold(before, |members, by| moved(&members, by));
        assert_eq!(with_members(end), with_members(after));
    }
}
