//! Principal assignments: who may do what on a cluster or a database; the scope is a parameter.
//!
//! The service takes no change of an assignment, so every change is a deletion and a creation.

use super::wire::{self, Defaults};
use crate::kind::entity::principals;
use crate::kind::replies::Reply;
use crate::kind::shape::{self, Field, NameRule, Role, Shape};
use crate::kind::{About, At, Finding, Found, Kind, Plane, Source};
use crate::model::Address;
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
        let Some(after) = &change.after else { return wire::delete(at) };
        let same = |before: &&Body| before.get(PRINCIPAL_ID.name) == after.get(PRINCIPAL_ID.name);
        let tenant = change.before.as_ref().filter(same).and_then(|before| before.get(TENANT_ID.name));
        let after = match tenant {
            Some(tenant) if after.get(TENANT_ID.name).is_none() => {
                after.clone().with(TENANT_ID.name, tenant.clone())
            }
            _ => after.clone(),
        };
        wire::request(at, Method::Put, wire::whole(self.about().fields, &after)).map(Request::Arm)
    }

    fn loss(&self, _at: &At<'_>, _change: &Change) -> Loss {
        Loss::none()
    }

    fn locks_out(&self, at: &At<'_>, change: &Change, gone: &dyn Fn(&Address) -> bool) -> Vec<String> {
        let Some(before) = &change.before else { return Vec::new() };
        let kept =
            |name: &str| change.after.as_ref().is_some_and(|after| after.get(name) == before.get(name));
        if kept("role") && kept(PRINCIPAL_ID.name) {
            return Vec::new();
        }
        let is = |id: &str| {
            let own = [at.resource.attributes.text("aadObjectId"), before.text(PRINCIPAL_ID.name)];
            own.iter().flatten().any(|own| own.eq_ignore_ascii_case(id))
        };
        let who = at.resource.attributes.text("principalName").or_else(|| before.text(PRINCIPAL_ID.name));
        let who = who.unwrap_or_default();
        let mut reasons = Vec::new();
        if before.text("role").is_some_and(|role| role.ends_with("Admin")) {
            if principals::callers(at).into_iter().any(is) {
                reasons.push(format!("{who} is who runs this, and would no longer be an admin"));
            }
            if !self.has_other_admins(at, gone) {
                reasons.push("nobody would be left who is an admin".to_owned());
            }
        }
        let top = at.address.parent().unwrap_or_default();
        for connection in principals::connections_of(at, &top, &is, gone) {
            reasons.push(format!("{who} is the identity that {connection} uses"));
        }
        reasons
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

    fn seconds(&self, _change: &Change) -> u32 {
        4
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

impl PrincipalAssignment {
    /// Whether somebody else is an admin here, or of the whole cluster, and stays so.
    fn has_other_admins(&self, at: &At<'_>, gone: &dyn Fn(&Address) -> bool) -> bool {
        let own = at.address.parent().unwrap_or_default();
        let places = [
            (own, if self.below_database { "Admin" } else { "AllDatabasesAdmin" }),
            (at.cluster(), "AllDatabasesAdmin"),
        ];
        places.iter().any(|(parent, role)| {
            let mut assigned = at.world.children(parent, OF_CLUSTER.collection);
            assigned.any(|(address, found)| {
                found.body.text("role") == Some(role) && address != at.address && !gone(address)
            })
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::arm::testing::{Bench, SUBSCRIPTION, check, landing};
    use serde_json::{Value as Json, json};

    const CASES: &str = r#"
== an assignment is made by one PUT
+ {"role": "admin", "principalType": "app", "principalId": "11111111-2222-3333-4444-555555555555", "tenantId": "99999999-8888-7777-6666-55555555555A"}
> PUT ~/clusters/c/databases/d/principalAssignments/p {"properties":{"principalId":"11111111-2222-3333-4444-555555555555","principalType":"App","role":"Admin","tenantId":"99999999-8888-7777-6666-55555555555a"}}
>   undo DELETE ~/clusters/c/databases/d/principalAssignments/p

== the tenant may be the service's choice
+ {"role": "Viewer", "principalType": "User", "principalId": "someone@example.com"}
> PUT ~/clusters/c/databases/d/principalAssignments/p {"properties":{"principalId":"someone@example.com","principalType":"User","role":"Viewer"}}
>   undo DELETE ~/clusters/c/databases/d/principalAssignments/p

== and is then not compared
- {"role": "Viewer", "principalType": "User", "principalId": "someone@example.com", "tenantId": "99999999-8888-7777-6666-555555555555"}
+ {"role": "Viewer", "principalType": "User", "principalId": "Someone@Example.com"}
> same

== another role is another assignment
- {"role": "Viewer", "principalType": "Group", "principalId": "readers", "tenantId": "99999999-8888-7777-6666-555555555555"}
+ {"role": "Admin", "principalType": "Group", "principalId": "readers"}
> DELETE ~/clusters/c/databases/d/principalAssignments/p
>   undo PUT ~/clusters/c/databases/d/principalAssignments/p {"properties":{"principalId":"readers","principalType":"Group","role":"Viewer","tenantId":"99999999-8888-7777-6666-555555555555"}}
> PUT ~/clusters/c/databases/d/principalAssignments/p {"properties":{"principalId":"readers","principalType":"Group","role":"Admin","tenantId":"99999999-8888-7777-6666-555555555555"}}
>   undo DELETE ~/clusters/c/databases/d/principalAssignments/p
> note: the grant lapses for some seconds while it is given anew

== a principal that is known after apply
+ {"role": "Ingestor", "principalType": "App", "principalId": "${clusters.c.identity.principalId}"}
> PUT ~/clusters/c/databases/d/principalAssignments/p {"properties":{"principalId":"${clusters.c.identity.principalId}","principalType":"App","role":"Ingestor"}}
>   undo DELETE ~/clusters/c/databases/d/principalAssignments/p

== a deleted assignment can come back
- {"role": "Ingestor", "principalType": "App", "principalId": "11111111-2222-3333-4444-555555555555"}
> DELETE ~/clusters/c/databases/d/principalAssignments/p
>   undo PUT ~/clusters/c/databases/d/principalAssignments/p {"properties":{"principalId":"11111111-2222-3333-4444-555555555555","principalType":"App","role":"Ingestor"}}
"#;

    const OF_CLUSTER: &str = r#"
== a role on every database
+ {"role": "AllDatabasesMonitor", "principalType": "App", "principalId": "11111111-2222-3333-4444-555555555555"}
> PUT ~/clusters/c/principalAssignments/p {"properties":{"principalId":"11111111-2222-3333-4444-555555555555","principalType":"App","role":"AllDatabasesMonitor"}}
>   undo DELETE ~/clusters/c/principalAssignments/p
"#;

    #[test]
    fn requests() {
        Bench::new(&DATABASE, "clusters.c.databases.d.principalAssignments.p", &landing()).run(CASES, &[]);
        Bench::new(&CLUSTER, "clusters.c.principalAssignments.p", &landing()).run(OF_CLUSTER, &[]);
    }

    /// An assignment as the service gives it once it has looked the principal up.
    fn reply(scope: &str, kind: &str) -> Json {
        json!({
            "id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Kusto/Clusters/c{scope}/PrincipalAssignments/p"),
            "name": "c/d/p", "type": "Microsoft.Kusto/Clusters/Databases/PrincipalAssignments",
            "properties": {"principalId": "ad064aa1-8b51-41ec-9c64-0d3037577d63", "role": "Admin", "principalType": kind,
                "tenantId": "72f988bf-86f1-41af-91ab-2d7cd011db47", "tenantName": "Contoso", "principalName": "plant",
                "aadObjectId": "5d67d9cd-c517-4114-858f-466831b02bf3", "provisioningState": "Succeeded"}
        })
    }

    #[test]
    fn the_ids_of_a_principal_are_equal() {
        let bench = Bench::new(&DATABASE, "clusters.c.databases.d.principalAssignments.p", &landing());
        for (kind, id, same) in [
            ("App", "AD064AA1-8B51-41EC-9C64-0D3037577D63", true),
            ("App", "5d67d9cd-c517-4114-858f-466831b02bf3", true),
            ("App", "plant", false),
            ("User", "Plant", true),
            ("User", "11111111-2222-3333-4444-555555555555", false),
        ] {
            let live = bench.read(&reply("/Databases/d", kind));
            let wanted = Body::new().with("principalId", id);
            let after = DATABASE.settle(Some(&live), &wanted);
            assert_eq!(shape::same_bodies(DATABASE.about().fields, &live.body, &after), same, "{kind} {id}");
        }
    }

    #[test]
    fn each_scope_reads_its_own() {
        let of =
            |kind: &PrincipalAssignment, scope| kind.found(&Reply::Arm(&reply(scope, "App"))).unwrap().len();
        assert_eq!((of(&DATABASE, "/Databases/d"), of(&CLUSTER, "/Databases/d")), (1, 0));
        assert_eq!((of(&DATABASE, ""), of(&CLUSTER, "")), (0, 1));
    }

    const CHECKS: &str = r#"
== {"principalType": "App", "principalId": "plant", "role": "Admin"}
> principalId: "plant" is not the id of an application, which is a GUID; give its client id or its object id
== {"principalType": "Group", "principalId": "plant", "role": "Admin"}
== {"principalType": "App", "principalId": "${clusters.c.identity.principalId}", "role": "Admin"}
== {"by": "uri", "principalType": "User", "principalId": "someone@example.com", "role": "Admin"}
> : this is made through the control plane, and clusters.c is known only by its `uri`; give the cluster's `subscriptionId` and `resourceGroup` instead of `uri`
"#;

    #[test]
    fn rules() {
        check(CHECKS, |case| {
            let mut body: Json = serde_json::from_str(case).unwrap();
            let mut things = landing();
            if body.as_object_mut().unwrap().remove("by").is_some() {
                things["clusters.c"]["body"] = json!({"uri": "https://help.kusto.windows.net"});
            }
            let address = "clusters.c.databases.d.principalAssignments.p";
            things[address] = json!({"kind": "databasePrincipalAssignment", "body": body});
            (&DATABASE, address, things)
        });
    }
}
