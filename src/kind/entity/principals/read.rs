//! Roles as they are read: those of databases from their rows, those of entities from the schema script.

use super::member::{Known, Who, canonical, member, with_members};
use super::{SCOPES, WORDS};
use crate::kind::Found;
use crate::kind::replies::{DatabaseReplies, Row};
use crate::kind::script::Says;
use crate::model::body::{Body, Value};
use std::collections::BTreeMap;

/// Who holds which role on the database; the directory by which names are told.
pub(super) const OF_DATABASE: &str = ".show database principals";

/// Who asks.
pub(super) const OF_CALLER: &str = ".show principal roles";

/// The path of a role with its members.
type Roles = BTreeMap<Vec<(&'static str, String)>, Vec<Body>>;

/// Every role that anybody holds in a database.
pub(super) fn found(replies: &DatabaseReplies) -> Vec<Found> {
    let rows: Vec<Row<'_>> =
        replies.shows.get(OF_DATABASE).into_iter().flat_map(|rows| rows.iter()).collect();
    let mut directory: Vec<Known> = Vec::new();
    let mut roles = Roles::new();
    let mut inherited = false;
    for row in &rows {
        let fqn = canonical(row.text("PrincipalFQN"));
        let (object_id, name) = (row.text("PrincipalObjectId"), row.text("PrincipalDisplayName"));
        if !directory.iter().any(|known| known.fqn == fqn) {
            let (object_id, name) = (object_id.to_owned(), name.to_owned());
            directory.push(Known { fqn: fqn.clone(), object_id, name });
        }
        // The role is prose, `Database D Viewer`; what is inherited from the cluster is no business of the database.
        let word = row.text("Role").rsplit(' ').next().unwrap_or_default();
        inherited |= word.eq_ignore_ascii_case("AllDatabasesAdmin");
        if let Some(role) = role(&format!("{word}s")) {
            let path = vec![("principals", role.to_owned())];
            roles.entry(path).or_default().push(member(fqn, row.text("Notes")));
        }
    }
    of_entities(replies, &mut roles);
    let callers = replies.shows.get(OF_CALLER).into_iter().flat_map(|rows| rows.iter());
    let mut callers: Vec<String> = callers.map(|row| row.text("AADObjectID").to_owned()).collect();
    callers.sort();
    callers.dedup();
    let look = Look { directory, callers, inherited };
    roles.into_iter().map(|(path, members)| look.role(path, members)).collect()
}

/// The spec's word for a role in any case.
fn role(word: &str) -> Option<&'static str> {
    WORDS.iter().find(|known| known.eq_ignore_ascii_case(word))?;
    SCOPES[0].roles.iter().find(|known| known.eq_ignore_ascii_case(word)).copied()
}

fn of_entities(replies: &DatabaseReplies, roles: &mut Roles) {
    for statement in &replies.script {
        let Says::Principals { scope, entity, role: word, members, notes } = &statement.says else {
            continue;
        };
        let scope = SCOPES.iter().find(|known| known.words == scope);
        let (Some(scope), Some(role)) = (scope, role(word)) else { continue };
        let path = vec![(scope.collection, entity.clone()), ("principals", role.to_owned())];
        roles.entry(path).or_default().extend(members.iter().map(|fqn| member(canonical(fqn), notes)));
    }
}

/// What is known besides the roles.
struct Look {
    directory: Vec<Known>,
    callers: Vec<String>,
    inherited: bool,
}

impl Look {
    fn role(&self, path: Vec<(&'static str, String)>, members: Vec<Body>) -> Found {
        let callers: Vec<&str> = self.callers.iter().map(String::as_str).collect();
        let known: Vec<Known> = members.iter().map(|member| self.known(member)).collect();
        let of_entity = path.len() > 1;
        let creator = known.iter().filter(|known| of_entity && known.is_one_of(&callers));
        let texts = |all: Vec<String>| Value::List(all.into_iter().map(Value::from).collect());
        let mut attributes = Body::new()
            .with("members", Value::List(known.iter().map(Known::to_value).collect()))
            .with("callers", texts(self.callers.clone()))
            .with("creator", texts(creator.map(|known| known.fqn.clone()).collect()));
        attributes.set("inherited", self.inherited);
        Found { path, body: with_members(members), attributes, ..Found::default() }
    }

    /// What the directory says of a member; an id says something by itself.
    fn known(&self, member: &Body) -> Known {
        let fqn = member.text("fqn").unwrap_or_default();
        let found = self.directory.iter().find(|known| known.fqn == fqn).cloned();
        found.unwrap_or_else(|| Known {
            fqn: fqn.to_owned(),
            object_id: Who::parse(fqn).map(|who| who.id().to_owned()).unwrap_or_default(),
            name: String::new(),
        })
    }
}
