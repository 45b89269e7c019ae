//! Principal assignments: who may do what on a cluster or a database; the scope is a parameter.
//!
//! The service takes no change of an assignment, so every change is a deletion and a creation.

use super::wire::{self, Defaults};
use crate::kind::replies::Reply;
use crate::kind::shape::{self, Field, NameRule, Role, Shape};
use crate::kind::{About, At, Finding, Found, Kind, Plane, Source};
use crate::model::body::Body;
use crate::model::change::{Change, Loss};
use crate::model::inventory::{Mode, Resource};
use crate::model::request::{Method, Request};

/// The kinds of principal assignments, one per scope.
#[derive(Debug)]
pub struct PrincipalAssignment {
    below_database: bool,
}

/// The kind `clusterPrincipalAssignment`.
pub const CLUSTER: PrincipalAssignment = PrincipalAssignment { below_database: false };

/// The kind `databasePrincipalAssignment`.
pub const DATABASE: PrincipalAssignment = PrincipalAssignment { below_database: true };

const OF_CLUSTER: About = About {
    name: "clusterPrincipalAssignment",
    collection: "principalAssignments",
    parents: &["cluster"],
    names: NameRule::Arm(260),
    names_ignore_case: true,
    plane: Plane::Arm,
    doc: "A principal's role on all databases of a cluster. Any change takes the grant away and gives it anew.",
    page: "https://learn.microsoft.com/azure/data-explorer/manage-cluster-permissions",
    example: "principalAssignments:\n  pipeline:\n    role: AllDatabasesAdmin\n    principalType: App\n    principalId: \
              11111111-2222-3333-4444-555555555555\n",
    fields: &[
        PRINCIPAL_ID,
        PRINCIPAL_TYPE,
        Field::new(
            "role",
            Shape::Enum(&["AllDatabasesAdmin", "AllDatabasesViewer", "AllDatabasesMonitor"]),
            "What the principal may do on every database.",
        )
        .required(),
        TENANT_ID,
    ],
    outputs: OUTPUTS,
    ..About::BASE
};

const OF_DATABASE: About = About {
    name: "databasePrincipalAssignment",
    parents: &["database"],
    doc: "A principal's role on a database. Any change takes the grant away and gives it anew.",
    page: "https://learn.microsoft.com/azure/data-explorer/manage-database-permissions",
    example: "principalAssignments:\n  iot-central:\n    role: Admin\n    principalType: App\n    principalId: \
              11111111-2222-3333-4444-555555555555\n    tenantId: 99999999-8888-7777-6666-555555555555\n",
    fields: &[
        PRINCIPAL_ID,
        PRINCIPAL_TYPE,
        Field::new(
            "role",
            Shape::Enum(&["Admin", "Ingestor", "Monitor", "User", "UnrestrictedViewer", "Viewer"]),
            "What the principal may do. `UnrestrictedViewer` only adds to `Viewer`: it shows tables with a restricted \
             view too.",
        )
        .required(),
        TENANT_ID,
    ],
    ..OF_CLUSTER
};

const PRINCIPAL_ID: Field = Field::new(
    "principalId",
    Shape::Text,
    "Who: the client id or object id of an application or managed identity, the object id or e-mail of a user, the \
     object id or name of a group. Case does not count, and the ids of one principal are equal.",
)
.required();

const PRINCIPAL_TYPE: Field = Field::new(
    "principalType",
    Shape::Enum(&["App", "Group", "User"]),
    "What kind of principal it is; managed identities are `App`.",
)
.required();

const TENANT_ID: Field =
    Field::new("tenantId", Shape::Guid, "The principal's tenant; the cluster's own when left out.")
        .role(Role::Filled);

const OUTPUTS: &[(&str, &str)] = &[
    ("id", "The resource id."),
    ("principalName", "The principal's name, looked up by the service."),
    ("tenantName", "The tenant's name, looked up by the service."),
    ("aadObjectId", "The principal's object id, looked up by the service."),
    ("provisioningState", "How its last operation ended."),
];

const DEFAULTS: Defaults = &[];

impl Kind for PrincipalAssignment {
    fn about(&self) -> &'static About {
        if self.below_database { &OF_DATABASE } else { &OF_CLUSTER }
    }

    fn source(&self) -> Source {
        Source::ArmList { segment: "principalAssignments", api_version: wire::API_VERSION }
    }

    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String> {
        let Reply::Arm(json) = reply else { return Ok(Vec::new()) };
        let id = json.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
        if id.to_ascii_lowercase().contains("/databases/") != self.below_database {
            return Ok(Vec::new());
        }
        Ok(vec![wire::read("principalAssignments", self.about().fields, DEFAULTS, json)?])
    }

    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String> {
        match &change.after {
            None => wire::delete(at),
            Some(after) => {
                wire::request(at, Method::Put, wire::whole(self.about().fields, after)).map(Request::Arm)
            }
        }
    }

    fn loss(&self, _at: &At<'_>, _change: &Change) -> Loss {
        Loss::none()
    }

    fn replaces(&self, change: &Change) -> bool {
        change.before.is_some() && change.after.is_some()
    }

    fn notes(&self, _at: &At<'_>, change: &Change) -> Vec<String> {
        let lapses =
            self.replaces(change).then_some("the grant lapses for some seconds while it is given anew");
        lapses.map(str::to_owned).into_iter().collect()
    }

    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        let fields = self.about().fields;
        let Some(live) = live else { return shape::overlay(fields, &Body::new(), wanted) };
        let known = live.body.get("principalId").filter(|_| same_principal(live, wanted));
        let wanted = match known {
            Some(known) => wanted.clone().with("principalId", known.clone()),
            None => wanted.clone(),
        };
        shape::overlay(fields, &live.body, &wanted)
    }

    fn check(&self, at: &At<'_>) -> Vec<Finding> {
        let mut found: Vec<Finding> = wire::needs_control_plane(at).into_iter().collect();
        let body = &at.resource.body;
        let app = body.text("principalType") == Some("App") && at.resource.mode == Mode::Managed;
        if let Some(id) = body.text("principalId").filter(|id| app && uuid::Uuid::try_parse(id).is_err()) {
            let message = format!("{id:?} is not the id of an application, which is a GUID");
            found.push(Finding::new(&["principalId"], message, "give its client id or its object id"));
        }
        found
    }
}

/// Whether the spec's id is another id of the principal that the service has looked up.
fn same_principal(live: &Resource, wanted: &Body) -> bool {
    let Some(id) = wanted.text("principalId") else { return false };
    let app = live.body.text("principalType") == Some("App");
    let names = ["principalId", "aadObjectId", "principalName"];
    // Applications may share a display name.
    let names = names.iter().filter(|name| !app || **name != "principalName");
    names.filter_map(|name| live.attributes.text(name)).any(|known| known.eq_ignore_ascii_case(id))
}
