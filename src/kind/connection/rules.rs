//! Rules that hold for several kinds of data connections, found without any service.

use super::{DATA_FORMAT, MANAGED_IDENTITY, MAPPING_RULE_NAME, TABLE_NAME};
use crate::kind::arm::wire;
use crate::kind::around::{self, grants};
use crate::kind::entity::family_of;
use crate::kind::shape::Shape;
use crate::kind::{At, Claim, Finding, Need, text_of};
use crate::model::address::Address;
use crate::model::body::{Body, Value};
use crate::model::inventory::{Mode, Resource};

/// The table and the mapping that a connection names, the consumer group that it reads by, and the grants at what it
/// reads.
pub(super) fn needs(at: &At<'_>) -> Vec<Need> {
    let sources: Vec<&str> = SOURCES.iter().filter_map(|name| named(&at.resource.body, name)).collect();
    let mut needs = grants(at, &sources);
    if let Some(group) = named(&at.resource.body, "consumerGroup") {
        needs.extend(sources.iter().filter_map(|source| around::consumer_group(at, source, group)));
    }
    let Some((database, table, name)) = table(at) else { return needs };
    let field = |name: &str| vec![name.to_owned()];
    let name = name.to_owned();
    needs.push(Need {
        parent: database,
        collection: "tables",
        name,
        field: field(TABLE_NAME.name),
        required: true,
    });
    if let Some(mapping) = named(&at.resource.body, MAPPING_RULE_NAME.name) {
        needs.push(Need {
            parent: table,
            collection: "mappings",
            name: mapping.to_owned(),
            field: field(MAPPING_RULE_NAME.name),
            required: true,
        });
    }
    needs
}

/// The properties that name what a connection reads.
pub(super) const SOURCES: [&str; 6] = [
    "eventHubResourceId",
    "eventHubResourceIdForManagedIdentity",
    "storageAccountResourceId",
    "storageAccountResourceIdForManagedIdentity",
    "iotHubResourceId",
    "cosmosDbAccountResourceId",
];

pub(super) fn named<'a>(body: &'a Body, property: &str) -> Option<&'a str> {
    body.text(property).filter(|name| !name.is_empty())
}

/// The database's address, the table's, and the table's name.
fn table<'a>(at: &At<'a>) -> Option<(Address, Address, &'a str)> {
    let name = named(&at.resource.body, TABLE_NAME.name)?;
    let database = at.address.parent()?;
    let found = at.named(&database, "tables", name).map(|(address, _)| address);
    let table = found.unwrap_or_else(|| database.child("tables", name));
    Some((database, table, name))
}

/// A hub and a consumer group are read by one connection only.
pub(super) fn claim(body: &Body, hub: &'static str) -> Option<Claim> {
    let (id, group) = (text_of(body, hub), text_of(body, "consumerGroup"));
    if id.is_empty() || group.is_empty() {
        return None;
    }
    let key = format!("{}|{}", id.trim_end_matches('/'), group).to_ascii_lowercase();
    let short = id.trim_end_matches('/').rsplit('/').next().unwrap_or(&id);
    let what = format!("the consumer group {group} of the hub {short}");
    Some(Claim { key, what, field: vec!["consumerGroup".to_owned()] })
}

/// The rules of every connection.
pub(super) fn shared(at: &At<'_>) -> Vec<Finding> {
    let body = &at.resource.body;
    let mut found = Vec::new();
    if named(body, MAPPING_RULE_NAME.name).is_some() && body.get(TABLE_NAME.name).is_none_or(Value::is_unset)
    {
        let message = "a mapping is one of a table, and no `tableName` is given";
        found.push(Finding::new(
            &[MAPPING_RULE_NAME.name],
            message,
            "give `tableName`, or leave the mapping out",
        ));
    }
    if let Some(format) = named(body, DATA_FORMAT.name) {
        found.extend(unfit_mapping(at, DATA_FORMAT.name, format));
    }
    found.extend(identity(at));
    found.extend(wire::other_region(at));
    found.extend(consumer_group(body));
    found
}

/// Cosmos DB documents are JSON.
pub(super) fn cosmos_mapping(at: &At<'_>) -> Vec<Finding> {
    unfit_mapping(at, MAPPING_RULE_NAME.name, "JSON").into_iter().collect()
}

/// The mapping that is named exists, but only of kinds that cannot read the format.
fn unfit_mapping(at: &At<'_>, field: &str, format: &str) -> Option<Finding> {
    let (_, table, _) = table(at)?;
    let name = named(&at.resource.body, MAPPING_RULE_NAME.name)?;
    let wanted = family_of(format)?.kind;
    let declared = at.world.children(&table, "mappings").map(|(_, mapping)| mapping);
    let of_name = declared.filter(|mapping| &*mapping.name == name && mapping.mode != Mode::Absent);
    let known: Vec<&str> = of_name.filter_map(|mapping| mapping.body.text("kind")).collect();
    // Commands know one word, `avro`, for both Avro formats.
    let family =
        |kind: &str| if kind == "apacheavro" { "avro".to_owned() } else { kind.to_ascii_lowercase() };
    let fits = known.iter().any(|known| family(known) == family(wanted));
    let other = *known.first().filter(|_| !fits)?;
    let message =
        format!("the mapping {name} is of kind {other}, and {format} is read with one of kind {wanted}");
    Some(Finding::new(&[field], message, "choose the format and the mapping to fit each other"))
}

/// Whether one kind of mapping serves the formats of both ends of a change, as far as they are given.
pub(super) fn same_family(before: &Body, after: &Body) -> bool {
    let kind = |body: &Body| named(body, DATA_FORMAT.name).and_then(family_of).map(|family| family.kind);
    kind(before).zip(kind(after)).is_none_or(|(before, after)| before == after)
}

/// The identity that reads the source is one that the cluster has.
fn identity(at: &At<'_>) -> Option<Finding> {
    let name = MANAGED_IDENTITY.name;
    let value = at.resource.body.get(name).filter(|value| !value.is_unset())?;
    let (root, cluster) = at.ancestor("cluster")?;
    let finding = |message: String, help: String| Some(Finding::new(&[name], message, help));
    let known_type = |of| Shape::ArmId(of).canonical(value).is_ok();
    let own = wire::is_own_cluster(at, value);
    if !own && value.as_text().is_some() && !known_type("Microsoft.ManagedIdentity/userAssignedIdentities") {
        let help = format!(
            "write ${{{root}.id}} for its system-assigned identity, or the id of a user-assigned one"
        );
        let message = if known_type("Microsoft.Kusto/clusters") {
            format!("this is not {root}, whose identity reads the source")
        } else {
            "this is neither the cluster nor a user-assigned identity".to_owned()
        };
        return finding(message, help);
    }
    if cluster.mode != Mode::Managed {
        return None;
    }
    let kind = cluster.body.at(&["identity", "type"]);
    if own {
        let present =
            kind.is_some_and(|kind| kind.as_text().is_none_or(|kind| kind.contains("SystemAssigned")));
        let message = format!("{root} has no system-assigned identity to read the source with");
        let help = format!("add `identity: {{type: SystemAssigned}}` to {root}");
        return if present { None } else { finding(message, help) };
    }
    let id = value.as_text()?;
    if has_identity(cluster, id) {
        return None;
    }
    let help = format!("add it to `identity.userAssignedIdentities` of {root}");
    finding(format!("{root} does not have this identity"), help)
}

fn has_identity(cluster: &Resource, id: &str) -> bool {
    let ids =
        cluster.body.at(&["identity", "userAssignedIdentities"]).and_then(Value::as_list).unwrap_or_default();
    let same =
        |known: &Value| known.has_unknown() || Shape::ArmId("").same(Some(known), Some(&Value::from(id)));
    ids.iter().any(same)
}

fn consumer_group(body: &Body) -> Option<Finding> {
    let name = body.text("consumerGroup")?;
    let count = name.chars().count();
    (count == 0 || count > 50).then(|| {
        let message = format!("the name of a consumer group has 1 to 50 characters, and this has {count}");
        Finding::new(&["consumerGroup"], message, "")
    })
}
