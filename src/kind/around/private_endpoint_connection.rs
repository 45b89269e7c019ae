//! Private endpoint connections of a cluster: approved or rejected here, made and taken away by their private endpoints.

use super::{BASE, ID, Neighbour, PROVISIONING_STATE};
use crate::kind::arm::wire;
use crate::kind::shape::{Field, NameRule, Role, Shape};
use crate::kind::{About, Plane, Source};
use crate::model::body::{Body, Value};

/// The kind `privateEndpointConnection`.
pub(super) const PRIVATE_ENDPOINT_CONNECTION: Neighbour = Neighbour {
    about: &ABOUT,
    source: Source::ArmList { segment: "privateEndpointConnections", api_version: wire::API_VERSION },
    alone: true,
    in_pools: false,
    seconds: [29, 29, 29],
    written,
    kept: |_| {
        Some("its private endpoint makes it and takes it away; to shut the endpoint out, say `Rejected`")
    },
    ..BASE
};

const ENDPOINT: &str = "privateEndpoint";

const ABOUT: About = About {
    name: "privateEndpointConnection",
    collection: "privateEndpointConnections",
    parents: &["cluster"],
    names: NameRule::Arm(260),
    names_ignore_case: true,
    plane: Plane::Arm,
    doc: "A private endpoint's connection to the cluster, to be approved or rejected. The endpoint makes it, under a name \
          that begins with its own, and takes it away; here only its state is decided.",
    page: "https://learn.microsoft.com/azure/data-explorer/security-network-private-endpoint-create",
    example: "privateEndpointConnections:\n  office-3f0c5d1e-0d5b-4b63-9f0d-3f1f2f3a4b5c:\n    \
              privateLinkServiceConnectionState: {status: Approved, description: for the office}\n",
    fields: &[
        Field::new(
            "privateLinkServiceConnectionState",
            Shape::Object {
                fields: &[
                    Field::new(
                        "status",
                        Shape::Enum(&["Pending", "Approved", "Rejected", "Disconnected"]),
                        "Whether the endpoint may connect. `Rejected` shuts it out.",
                    )
                    .required(),
                    Field::new(
                        "description",
                        Shape::Text,
                        "Why, for the owner of the endpoint. Default: none.",
                    ),
                ],
                short: &["status"],
            },
            "Whether the endpoint may connect, and why. A status alone stands for `{status: …}`.",
        )
        .required(),
        Field::new(
            ENDPOINT,
            Shape::Object {
                fields: &[Field::new(
                    "id",
                    Shape::ArmId("Microsoft.Network/privateEndpoints"),
                    "The endpoint's resource id.",
                )
                .required()],
                short: &[],
            },
            "The endpoint, often by a reference such as `{id: \"${resources.NAME.id}\"}`, so that it is made first; it is compared and \
             never written. Default: whatever it is.",
        )
        .role(Role::Filled),
    ],
    outputs: &[ID, PROVISIONING_STATE, ("groupId", "The part of the cluster that it connects to.")],
    ..About::BASE
};

/// The service takes the state alone.
fn written(body: Body) -> Body {
    match body.get("properties") {
        Some(Value::Map(own)) => {
            let own = own.clone().without(ENDPOINT);
            body.with("properties", own)
        }
        _ => body,
    }
}
