//! Where an application exports to: a table of a cluster.

use super::{INSIDE, entry, listed, part, read, request, whole};
use crate::kind::replies::Reply;
use crate::kind::shape::{self, Field, NameRule, Role, Shape};
use crate::kind::{About, At, Faring, Finding, Found, Kind, Need, Source, Undo};
use crate::model::Address;
use crate::model::body::{Body, Piece, Value};
use crate::model::change::{Change, Loss};
use crate::model::inventory::{Mode, Resource};
use crate::model::request::{Method, Request};
use serde_json::Value as Json;

/// The kind `iotCentralDestination`.
#[derive(Debug)]
pub(super) struct Destination;

/// The service's word for destinations of this type; all its letters are small.
const TYPE: &str = "dataexplorer@v1";
const IDENTITY: &str = "systemAssignedManagedIdentity";
const PRINCIPAL: &str = "servicePrincipal";

const ABOUT: About = About {
    name: "iotCentralDestination",
    collection: "destinations",
    doc: "A table of a cluster to which an IoT Central application exports. The application writes by streaming \
          ingestion, which the cluster must have enabled and the table's policy must allow, as its own identity or as a \
          service principal; that one needs the role `Admin` on the database. Destinations of other types are left alone.",
    page: "https://learn.microsoft.com/azure/iot-central/core/howto-export-to-azure-data-explorer",
    example: "destinations:\n  adx:\n    displayName: the cluster telemetry\n    clusterUrl: ${clusters.telemetry.uri}\n    \
              database: iot\n    table: Telemetry\n    authorization: systemAssignedManagedIdentity\n",
    fields: FIELDS,
    outputs: &[
        ("status", "How it fares: `waiting`, `notStarted`, `starting`, `healthy` or `error`."),
        ("lastExportTime", "When data was last exported to it."),
    ],
    ..INSIDE
};

const FIELDS: &[Field] = &[
    Field::new("displayName", Shape::Text, "What people call it. Default: its name.").role(Role::Filled),
    Field::new("type", Shape::Enum(&[TYPE]), "The type, which need not be given: only this one is managed.")
        .role(Role::Setting),
    Field::new("clusterUrl", Shape::Text, "The cluster's address, such as `${clusters.telemetry.uri}`.").required(),
    Field::new("database", Shape::Name(NameRule::Database), "The database.").required(),
    Field::new("table", Shape::Name(NameRule::Entity), "The table; every row's columns are the keys of an exported message.")
        .required(),
    Field::new(
        "authorization",
        Shape::Object {
            fields: &[
                Field::new(
                    "type",
                    Shape::Enum(&[IDENTITY, PRINCIPAL]),
                    "As whom: the application's system-assigned identity, or a service principal.",
                )
                .required(),
                Field::new("clientId", Shape::Guid, "The client id of the service principal."),
                Field::new("tenantId", Shape::Guid, "Its tenant."),
                Field::new(
                    "clientSecret",
                    Shape::Secret,
                    "Its secret, by reference. The service does not give it back, so that it is written only together \
                     with another change of the authorization.",
                )
                .role(Role::CreateOnly),
            ],
            short: &["type"],
        },
        "As whom the application writes. `systemAssignedManagedIdentity` alone stands for the identity of the \
         application.",
    )
    .required(),
];

impl Kind for Destination {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn source(&self) -> Source {
        listed("api/dataExport/destinations")
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let of_type = |json: &&Json| {
            json.get("type").and_then(Json::as_str).is_some_and(|of| of.eq_ignore_ascii_case(TYPE))
        };
        let found = entry(reply).filter(of_type).map(|json| read(&ABOUT, &[], json)).transpose()?;
        Ok(found.into_iter().collect())
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        match (&change.before, &change.after) {
            (_, None) => request(self, at, Method::Delete, Value::Null),
            (None, Some(after)) => {
                can_be_written(at, after)?;
                let name = after.get("displayName").cloned().unwrap_or_else(|| Value::from(at.name()));
                let body = Body::new().with("type", TYPE).with("displayName", name);
                let given = whole(FIELDS, after).into_iter();
                request(
                    self,
                    at,
                    Method::Put,
                    given.fold(body, |body, (name, value)| body.with(&name, value)),
                )
            }
            (Some(before), Some(after)) => {
                let fields = shape::differing(FIELDS, before, after);
                if fields.iter().any(|field| field.name == "authorization") {
                    can_be_written(at, after)?;
                }
                request(self, at, Method::Patch, part(&fields, after))
            }
        }
    }

    fn loss(&self, _at: &At<'_>, _change: &Change) -> Loss {
        Loss::none()
    }

    /// One that no export uses waits for one, and is well.
    fn faring(&self) -> Option<fn(&Resource) -> Faring> {
        Some(|live| match live.attributes.text("status") {
            Some("waiting" | "notStarted") => Faring::Well,
            _ => super::faring(live),
        })
    }

    /// What goes with one way to sign in does not stay with another.
    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let after = shape::overlay(FIELDS, live.map_or(&Body::new(), |live| &live.body), wanted);
        match after.get("authorization") {
            Some(Value::Map(given)) if given.text("type") == Some(IDENTITY) => {
                after.with("authorization", Body::new().with("type", IDENTITY))
            }
            _ => after,
        }
    }

    fn notes(&self, at: &At<'_>, change: &Change) -> Vec<String> {
        let (Some(after), true) = (&change.after, change.before.is_none()) else { return Vec::new() };
        let database = cluster(at).zip(after.text("database"));
        let database = database.and_then(|(cluster, name)| at.named(&cluster, "databases", name));
        let lacks = database.filter(|(address, _)| {
            let by_commands = at.world.children(address, "principals").next();
            grants(at, address).next().is_none() && by_commands.is_none()
        });
        let note = |(address, _)| {
            format!(
                "nothing here gives whom it writes as the role `Admin` on {address}, by a principal assignment; \
                 without it nothing arrives"
            )
        };
        lacks.map(note).into_iter().collect()
    }

    fn undo(&self, at: &At<'_>, change: &Change) -> Undo {
        let before = change.before.as_ref().map(|before| with_secret_of(before, &at.resource.body));
        let back = Change::new(change.after.clone(), before);
        self.request(at, &back).map_or_else(Undo::Never, |request| Undo::By(vec![request]))
    }

    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        let Some(cluster) = cluster(at) else { return Vec::new() };
        let need = |parent: &Address, collection, name: &str, field: &str, required| {
            let (parent, name, field) = (parent.clone(), name.to_owned(), vec![field.to_owned()]);
            Need { parent, collection, name, field, required }
        };
        let Some(database) = at.resource.body.text("database") else { return Vec::new() };
        let mut needs = vec![need(&cluster, "databases", database, "database", true)];
        let Some((database, _)) = at.named(&cluster, "databases", database) else { return needs };
        needs.push(need(&database, "policies", STREAMING, "table", false));
        for grant in grants(at, &database) {
            needs.push(need(&database, GRANTS, &grant.name, "authorization", false));
        }
        // Roles that commands give, by whatever name they know who has them.
        for (_, role) in at.world.children(&database, "principals") {
            needs.push(need(&database, "principals", &role.name, "authorization", false));
        }
        let Some(table) = at.resource.body.text("table") else { return needs };
        needs.push(need(&database, "tables", table, "table", true));
        if let Some((table, _)) = at.named(&database, "tables", table) {
            needs.push(need(&table, "policies", STREAMING, "table", false));
        }
        needs
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        if at.resource.mode != Mode::Managed {
            return Vec::new();
        }
        let empty = Body::new();
        let given = at.resource.body.get("authorization").and_then(Value::as_map).unwrap_or(&empty);
        let mut found = whom(given);
        found.extend(no_identity(at, given));
        found.extend(no_streaming(at));
        found
    }
}

const GRANTS: &str = "principalAssignments";

/// The grants on a database for whom the application writes as.
fn grants<'a>(at: &At<'a>, database: &Address) -> impl Iterator<Item = &'a Resource> {
    let all: Vec<&Resource> = at.world.children(database, GRANTS).map(|(_, grant)| grant).collect();
    let at = *at;
    all.into_iter().filter(move |grant| is_for(&at, grant))
}

const STREAMING: &str = "streamingIngestion";

/// What a service principal says of itself, and an identity does not.
const OF_PRINCIPAL: [&str; 3] = ["clientId", "tenantId", "clientSecret"];

/// Refuses to write a secret of which only stars are known.
fn can_be_written(at: &At<'_>, body: &Body) -> Result<(), String> {
    let given = body.at(&["authorization", "type"]).and_then(Value::as_text);
    let secret = body.at(&["authorization", "clientSecret"]);
    if given != Some(PRINCIPAL) || matches!(secret, Some(Value::Secret(_))) {
        return Ok(());
    }
    Err(format!(
        "the service does not show the `clientSecret` of {}, so that its `authorization` cannot be written without the \
         secret's reference",
        at.address
    ))
}

/// A body with the secret that another one has for the same principal.
fn with_secret_of(body: &Body, other: &Body) -> Body {
    let of = |body: &Body| body.get("authorization").and_then(Value::as_map).cloned();
    let (Some(own), Some(others)) = (of(body), of(other)) else { return body.clone() };
    let same = ["type", "clientId", "tenantId"].iter().all(|name| own.get(name) == others.get(name));
    match others.get("clientSecret") {
        Some(secret @ Value::Secret(_)) if same => {
            body.clone().with("authorization", own.with("clientSecret", secret.clone()))
        }
        _ => body.clone(),
    }
}

/// The cluster of the world that an address leads to.
fn cluster(at: &At<'_>) -> Option<Address> {
    let is = |(address, cluster): &(&Address, &Resource)| match at.resource.body.get("clusterUrl") {
        Some(Value::Unknown(expr)) => match expr.0.as_slice() {
            [Piece::Of { address: of, path }] => of == *address && *path == ["uri"],
            _ => false,
        },
        Some(Value::Text(url)) => {
            let same = |uri: &str| uri.trim_end_matches('/').eq_ignore_ascii_case(url.trim_end_matches('/'));
            let known = [&cluster.attributes, &cluster.body].into_iter().find_map(|body| body.text("uri"));
            known.is_some_and(same)
        }
        _ => false,
    };
    at.world.children(&Address::root(), "clusters").find(is).map(|(address, _)| address.clone())
}

/// Whether a grant is for whom the application writes as.
fn is_for(at: &At<'_>, grant: &Resource) -> bool {
    let by_identity =
        at.resource.body.at(&["authorization", "type"]).and_then(Value::as_text) == Some(IDENTITY);
    let same = |id: Option<&Value>| match (grant.body.get("principalId"), id) {
        (Some(Value::Text(a)), Some(Value::Text(b))) => a.eq_ignore_ascii_case(b),
        (Some(a), Some(b)) => a == b,
        _ => false,
    };
    if !by_identity {
        return same(at.resource.body.at(&["authorization", "clientId"]));
    }
    let Some((application, resource)) = at.parent() else { return false };
    let refers = match grant.body.get("principalId") {
        Some(Value::Unknown(expr)) => expr.references().any(|(of, _)| *of == application),
        _ => false,
    };
    refers || same(resource.attributes.at(&["identity", "principalId"]))
}

/// What is said of whom the application writes as, and what is not.
fn whom(given: &Body) -> Vec<Finding> {
    let principal = given.text("type") == Some(PRINCIPAL);
    let set = |name: &&&str| given.get(name).is_some_and(|value| !value.is_unset());
    let found = OF_PRINCIPAL.iter().filter(|name| set(name) != principal).map(|name| {
        if principal {
            let message = format!("a service principal is told by its `{name}` too");
            Finding::new(&["authorization"], message, format!("add `{name}`"))
        } else {
            let message =
                format!("`{name}` is of a service principal, and the application writes as its own identity");
            let help = format!("leave it out, or say `type: {PRINCIPAL}`");
            Finding::new(&["authorization", name], message, help)
        }
    });
    if given.text("type").is_some() { found.collect() } else { Vec::new() }
}

/// The application has no identity to write as.
fn no_identity(at: &At<'_>, given: &Body) -> Option<Finding> {
    let (address, application) = at.parent()?;
    let kind = application.body.at(&["identity", "type"]).and_then(Value::as_text);
    let lacks = application.mode == Mode::Managed && kind != Some("SystemAssigned");
    (lacks && given.text("type") == Some(IDENTITY)).then(|| {
        let message = format!("{address} does not declare an identity to write as");
        Finding::new(&["authorization"], message, format!("add `identity: SystemAssigned` to {address}"))
    })
}

/// The application writes by streaming ingestion, and the cluster or the table does not take it.
fn no_streaming(at: &At<'_>) -> Option<Finding> {
    let cluster = cluster(at)?;
    let declared = at.world.get(&cluster).filter(|cluster| cluster.mode == Mode::Managed)?;
    if declared.body.get("enableStreamingIngest").and_then(Value::as_bool) == Some(false) {
        let message = format!("IoT Central writes by streaming ingestion, and {cluster} has it disabled");
        return Some(Finding::new(&["clusterUrl"], message, "set its `enableStreamingIngest: true`"));
    }
    let (database, _) = at.named(&cluster, "databases", at.resource.body.text("database")?)?;
    let (table, declared) = at.named(&database, "tables", at.resource.body.text("table")?)?;
    let streams = |at_: &Address| {
        let policy = at.world.child(at_, "policies", STREAMING);
        policy.is_some_and(|policy| policy.body.get("isEnabled").and_then(Value::as_bool) != Some(false))
    };
    let lacks = declared.mode == Mode::Managed && !streams(&table) && !streams(&database);
    lacks.then(|| {
        let message =
            format!("IoT Central writes by streaming ingestion, and {table} declares no policy for it");
        Finding::new(&["table"], message, format!("add `policies: {{{STREAMING}: true}}` to {table}"))
    })
}
