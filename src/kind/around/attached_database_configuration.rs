//! Followers: databases of another cluster, attached to this one.

use super::{BASE, ID, Neighbour, PROVISIONING_STATE};
use crate::kind::arm::{place, wire};
use crate::kind::shape::{Field, NameRule, Role, Shape};
use crate::kind::{About, At, Finding, Plane, Source};
use crate::model::body::Value;
use crate::model::inventory::Mode;

/// The kind `attachedDatabaseConfiguration`.
pub(super) const ATTACHED_DATABASE_CONFIGURATION: Neighbour = Neighbour {
    about: &ABOUT,
    source: Source::ArmList { segment: "attachedDatabaseConfigurations", api_version: wire::API_VERSION },
    located: true,
    alone: true,
    strange_in_pools: &["databaseNameOverride", "databaseNamePrefix"],
    replaced_by: &["databaseName", "clusterResourceId"],
    seconds: [18, 18, 17],
    rules,
    ..BASE
};

const ABOUT: About = About {
    name: "attachedDatabaseConfiguration",
    collection: "attachedDatabaseConfigurations",
    parents: &["cluster"],
    names: NameRule::Arm(260),
    names_ignore_case: true,
    plane: Plane::Arm,
    doc: "Attaches a database of another cluster, the leader, to this one, the follower, which reads it and cannot write \
          it. Both stand in one region and run. A change of leader or database detaches the old one first.",
    page: "https://learn.microsoft.com/azure/data-explorer/follower",
    example: "attachedDatabaseConfigurations:\n  iot:\n    databaseName: iot\n    clusterResourceId: \
              ${clusters.telemetry.id}\n    defaultPrincipalsModificationKind: Union\n",
    fields: FIELDS,
    outputs: &[
        ID,
        ("attachedDatabaseNames", "The names under which databases are attached."),
        PROVISIONING_STATE,
    ],
    ..About::BASE
};

const NAMES: Shape = Shape::Set(&Shape::Text);

const FIELDS: &[Field] = &[
    Field::new("databaseName", Shape::Text, "The leader's database, or `*` for all of them.").required(),
    Field::new(
        "clusterResourceId",
        Shape::ArmId(""),
        "The leader: a cluster, or for a Synapse pool another pool.",
    )
    .required(),
    Field::new(
        "defaultPrincipalsModificationKind",
        Shape::Enum(&["Union", "Replace", "None"]),
        "Whether the follower's own principals are added to the leader's, replace them, or do not count.",
    )
    .required(),
    Field::new(
        "databaseNameOverride",
        Shape::Text,
        "The name here of a single database; not with `databaseNamePrefix`. Default: that of the leader.",
    ),
    Field::new("databaseNamePrefix", Shape::Text, "What names here begin with. Default: nothing."),
    Field::new(
        "tableLevelSharingProperties",
        Shape::object(&[
            Field::new("tablesToInclude", NAMES, "Tables that are followed; all when none is named."),
            Field::new("tablesToExclude", NAMES, "Tables that are not."),
            Field::new("externalTablesToInclude", NAMES, "External tables that are followed."),
            Field::new("externalTablesToExclude", NAMES, "External tables that are not."),
            Field::new("materializedViewsToInclude", NAMES, "Materialized views that are followed."),
            Field::new("materializedViewsToExclude", NAMES, "Materialized views that are not."),
            Field::new("functionsToInclude", NAMES, "Functions that are followed."),
            Field::new("functionsToExclude", NAMES, "Functions that are not."),
        ]),
        "What of the database is followed, by names and patterns; not for `*`. Default: everything.",
    )
    .role(Role::Managed),
];

fn rules(at: &At<'_>) -> Vec<Finding> {
    let body = &at.resource.body;
    let given = |name: &str| body.get(name).is_some_and(|value| !value.is_unset());
    let mut found = Vec::new();
    if body.text("databaseName") == Some("*") {
        for name in
            ["databaseNameOverride", "tableLevelSharingProperties"].into_iter().filter(|name| given(name))
        {
            let message = format!("`{name}` is for a single database, and all of them are attached");
            found.push(Finding::new(&[name], message, "name the database, or leave this out"));
        }
    }
    if given("databaseNameOverride") && given("databaseNamePrefix") {
        let message = "`databaseNameOverride` and `databaseNamePrefix` exclude each other";
        found.push(Finding::new(&["databaseNamePrefix"], message, "keep one of the two"));
    }
    let leader = body.get("clusterResourceId");
    if leader.is_some_and(|leader| wire::is_own_cluster(at, leader)) {
        let message = "a cluster cannot follow itself";
        found.push(Finding::new(&["clusterResourceId"], message, "name another cluster as the leader"));
    }
    found.extend(functions_in_pool(at));
    found.extend(other_region(at));
    found
}

/// Pools do not choose among functions.
fn functions_in_pool(at: &At<'_>) -> Vec<Finding> {
    let names = ["functionsToInclude", "functionsToExclude"];
    let given = |name: &&str| at.resource.body.at(&["tableLevelSharingProperties", name]).is_some();
    let message = "a Data Explorer pool of Synapse does not choose among functions";
    let finding = |name| Finding::new(&["tableLevelSharingProperties", name], message, "leave it out");
    names.into_iter().filter(|name| place::is_pool(at) && given(name)).map(finding).collect()
}

/// A declared leader in another region.
fn other_region(at: &At<'_>) -> Option<Finding> {
    let id = at.resource.body.text("clusterResourceId")?;
    let name = id.trim_end_matches('/').rsplit('/').next()?;
    let (root, follower) = at.ancestor("cluster")?;
    let leader = at.world.children(&crate::model::Address::root(), "clusters");
    let mut leader = leader.filter(|(_, cluster)| cluster.name.eq_ignore_ascii_case(name));
    let (address, leader) = leader.next().filter(|(_, cluster)| cluster.mode == Mode::Managed)?;
    let region = |body: &crate::model::Body| {
        body.get("location").and_then(Value::as_text).map(crate::kind::shape::location)
    };
    let (own, theirs) = (region(&follower.body)?, region(&leader.body)?);
    (own != theirs).then(|| {
        let message =
            format!("leader and follower stand in one region, and {address} is in {theirs}, {root} in {own}");
        Finding::new(&["clusterResourceId"], message, "put both clusters into one region")
    })
}
