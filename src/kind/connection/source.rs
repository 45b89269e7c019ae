//! What a connection reads from, as Azure has it: whether it is there, and whether the identity that reads it may.
//!
//! What the spec itself makes is taken to be there, and so is a grant that the spec makes (test: the scenario
//! `tests/scenarios/before-the-first-write`).

use super::MANAGED_IDENTITY;
use super::rules::{SOURCES, named};
use crate::kind::arm::wire;
use crate::kind::around::{granted, role_id};
use crate::kind::question::{Answer, Question, Seen};
use crate::kind::{self, At, Finding, Plane, Weight};
use crate::model::body::Value;
use crate::model::inventory::Mode;
use serde_json::Value as Json;

/// A kind of source, by the provider's part of its id.
struct Source {
    /// What the id holds, in lower case.
    within: &'static str,
    /// In words.
    what: &'static str,
    api_version: &'static str,
    /// The roles that let an identity read it, the smallest first.
    roles: &'static [&'static str],
    /// Where its consumer groups stand.
    groups: &'static str,
}

const KINDS: &[Source] = &[
    Source {
        within: "/providers/microsoft.eventhub/",
        what: "event hub",
        api_version: "2024-01-01",
        roles: &["Azure Event Hubs Data Receiver", "Azure Event Hubs Data Owner"],
        groups: "consumergroups",
    },
    Source {
        within: "/providers/microsoft.storage/",
        what: "storage account",
        api_version: super::event_grid::STORAGE_API_VERSION,
        roles: &["Storage Blob Data Reader", "Storage Blob Data Contributor", "Storage Blob Data Owner"],
        groups: "",
    },
    Source {
        within: "/providers/microsoft.devices/",
        what: "IoT hub",
        api_version: "2023-06-30",
        roles: &[],
        groups: "eventHubEndpoints/events/ConsumerGroups",
    },
    Source {
        within: "/providers/microsoft.documentdb/",
        what: "Cosmos DB account",
        api_version: "2024-05-15",
        roles: &["Cosmos DB Account Reader Role", "Contributor", "Owner", "Reader"],
        groups: "",
    },
];

const ROLES_API_VERSION: &str = "2022-04-01";

/// The sources that a connection names: the property, the id, and what it is.
fn sources<'a>(at: &At<'a>) -> impl Iterator<Item = (&'static str, &'a str, &'static Source)> {
    let body = &at.resource.body;
    SOURCES.iter().filter_map(move |property| {
        let id = named(body, property)?.trim_end_matches('/');
        let lower = id.to_ascii_lowercase();
        Some((*property, id, KINDS.iter().find(|kind| lower.contains(kind.within))?))
    })
}

/// The resource that a source stands in, such as the namespace of an event hub.
fn above(id: &str) -> Option<&str> {
    let (above, _) = id.rsplit_once('/')?.0.rsplit_once('/')?;
    let (_, rest) = above.split_once("/providers/")?;
    (rest.split('/').count() >= 3).then_some(above)
}

/// Whether the world has a resource: declared, or found in live.
fn has(at: &At<'_>, id: &str) -> bool {
    at.world.iter().any(|(address, resource)| {
        let kind = kind::by_name(resource.kind).filter(|kind| kind.about().plane == Plane::Arm);
        resource.mode != Mode::Absent
            && kind.is_some_and(|kind| {
                kind.resource_id(&At { address, resource, world: at.world })
                    .is_ok_and(|own| own.eq_ignore_ascii_case(id))
            })
    })
}

/// The consumer group of a source, by its id.
fn group<'a>(at: &At<'a>, id: &str, source: &Source) -> Option<(&'a str, String)> {
    let group =
        named(&at.resource.body, "consumerGroup").filter(|group| !group.eq_ignore_ascii_case("$Default"))?;
    (!source.groups.is_empty()).then(|| (group, format!("{id}/{}/{group}", source.groups)))
}

/// The object id of the identity that reads, where it is known.
fn principal(at: &At<'_>) -> Option<String> {
    let value = at.resource.body.get(MANAGED_IDENTITY.name)?;
    let (_, cluster) = at.ancestor("cluster")?;
    let identity = cluster.attributes.get("identity").and_then(Value::as_map)?;
    if wire::is_own_cluster(at, value) {
        return identity.text("principalId").filter(|id| !id.is_empty()).map(str::to_owned);
    }
    let wanted = value.as_text()?;
    let users = identity.get("userAssignedIdentities").and_then(Value::as_map)?;
    let (_, user) = users.iter().find(|(id, _)| id.eq_ignore_ascii_case(wanted))?;
    user.as_map()?.text("principalId").map(str::to_owned)
}

fn grants_of(id: &str, principal: &str) -> Question {
    let path = format!("{id}/providers/Microsoft.Authorization/roleAssignments");
    Question::get(path, ROLES_API_VERSION).filtered(format!("assignedTo('{principal}')"))
}

/// The sources for which the identity needs a role that the spec does not give it.
fn ungranted<'a>(at: &At<'a>) -> Vec<(&'static str, &'a str, &'static Source)> {
    if at.resource.body.get(MANAGED_IDENTITY.name).is_none_or(Value::is_unset) {
        return Vec::new();
    }
    let known = principal(at);
    let needy = sources(at).filter(|(_, id, source)| {
        !source.roles.is_empty() && !granted(at, id, source.roles, known.as_deref())
    });
    needy.collect()
}

/// What Azure is asked.
pub(super) fn questions(at: &At<'_>) -> Vec<Question> {
    let mut all = Vec::new();
    for (_, id, source) in sources(at) {
        if !has(at, id) {
            all.push(Question::get(id, source.api_version));
            let above = above(id).filter(|above| !has(at, above));
            all.extend(above.map(|above| Question::get(above, source.api_version)));
        }
        if let Some((_, path)) = group(at, id, source).filter(|(_, path)| !has(at, path)) {
            all.push(Question::get(path, source.api_version));
        }
    }
    if let Some(principal) = principal(at) {
        all.extend(ungranted(at).iter().map(|(_, id, _)| grants_of(id, &principal)));
    }
    all
}

/// What the answers show to be wrong. Where what a source stands in is there, its absence is one everywhere; else only
/// the caller can tell whether absence says anything.
pub(super) fn findings(at: &At<'_>, seen: Seen<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (property, id, source) in sources(at) {
        let name = id.rsplit('/').next().unwrap_or(id);
        let answer = |id: &str| seen(&Question::get(id, source.api_version));
        let there = |id: &str| has(at, id) || matches!(answer(id), Answer::There(_));
        let gone = |id: &str| !has(at, id) && answer(id) == Answer::Missing;
        let absent = |finding: Finding, surely: bool| {
            let weight = if surely { finding.weight } else { Weight::Absence };
            Finding { weight, ..finding }
        };
        if gone(id) {
            let message = format!("there is no {} {name}, and the spec does not make it: {id}", source.what);
            let finding = Finding::new(&[property], message, "correct the id, or declare it");
            found.push(absent(finding, above(id).is_some_and(there)));
        } else if let Some((group, _)) = group(at, id, source).filter(|(_, path)| gone(path)) {
            let message = format!(
                "the {} {name} has no consumer group {group}, and the spec does not make it",
                source.what
            );
            let finding = Finding::new(&["consumerGroup"], message, "correct the name, or declare the group");
            found.push(absent(finding, there(id)));
        }
    }
    found.extend(
        ungranted(at)
            .into_iter()
            .filter_map(|(property, id, source)| lacking(at, (property, id, source), seen)),
    );
    found
}

/// The warning that the identity may not read a source, with the grant that would let it.
fn lacking(at: &At<'_>, (_, id, source): (&str, &str, &Source), seen: Seen<'_>) -> Option<Finding> {
    let principal = principal(at);
    if let Some(principal) = &principal {
        let Answer::There(json) = seen(&grants_of(id, principal)) else { return None };
        let value = json.get("value").and_then(Json::as_array).cloned().unwrap_or_default();
        let holds = |grant: &Json| {
            let role =
                grant.pointer("/properties/roleDefinitionId").and_then(Json::as_str).unwrap_or_default();
            let role = role.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
            source.roles.iter().any(|name| role_id(name).as_deref() == Some(role.as_str()))
        };
        if value.iter().any(holds) {
            return None;
        }
    }
    let (root, _) = at.ancestor("cluster")?;
    let name = id.rsplit('/').next().unwrap_or(id);
    let role = source.roles[0];
    let own =
        at.resource.body.get(MANAGED_IDENTITY.name).is_some_and(|value| wire::is_own_cluster(at, value));
    let reference = format!("${{{root}.identity.principalId}}");
    let who =
        if own { reference } else { principal.unwrap_or_else(|| "OBJECT-ID-OF-THE-IDENTITY".to_owned()) };
    let message = format!(
        "the identity of {root} holds no role that lets it read the {} {name}, so the connection would get nothing",
        source.what
    );
    let help = format!(
        "add to the spec\n    roleAssignments:\n      {}-reads-{name}:\n        {{scope: {id}, role: {role}, principalId: \"{who}\"}}",
        root.key()
    );
    Some(Finding { weight: Weight::Warning, ..Finding::new(&[MANAGED_IDENTITY.name], message, help) })
}
