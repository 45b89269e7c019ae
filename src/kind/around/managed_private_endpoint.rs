//! Managed private endpoints: private ways from a cluster to what it reads.

use super::{BASE, ID, Neighbour, PROVISIONING_STATE};
use crate::kind::arm::wire;
use crate::kind::shape::{Field, NameRule, Shape};
use crate::kind::{About, Plane, Source};

/// The kind `managedPrivateEndpoint`.
pub(super) const MANAGED_PRIVATE_ENDPOINT: Neighbour = Neighbour {
    about: &ABOUT,
    source: Source::ArmList { segment: "managedPrivateEndpoints", api_version: wire::API_VERSION },
    alone: true,
    in_pools: false,
    replaced_by: &["privateLinkResourceId", "groupId", "privateLinkResourceRegion"],
    seconds: [184, 46, 89],
    ..BASE
};

const ABOUT: About = About {
    name: "managedPrivateEndpoint",
    collection: "managedPrivateEndpoints",
    parents: &["cluster"],
    names: NameRule::Arm(260),
    names_ignore_case: true,
    plane: Plane::Arm,
    doc: "A private way from the cluster to a resource. Somebody approves it at the resource; until then it is pending \
          there, which does not show here. Any change but that of the message makes a new one.",
    page: "https://learn.microsoft.com/azure/data-explorer/security-network-managed-private-endpoint-create",
    example: "managedPrivateEndpoints:\n  hub:\n    privateLinkResourceId: ${eventHubNamespaces.telemetry-dev.id}\n    \
              groupId: namespace\n    requestMessage: for the cluster telemetry\n",
    fields: &[
        Field::new("privateLinkResourceId", Shape::ArmId(""), "The resource.").required(),
        Field::new(
            "groupId",
            Shape::OpenEnum(&[
                "blob",
                "dfs",
                "namespace",
                "iotHub",
                "vault",
                "sqlServer",
                "cluster",
                "digitaltwinsinstance",
            ]),
            "Which part of it: `blob` or `dfs` of a storage account, `namespace` of Event Hubs, and so on.",
        )
        .required(),
        Field::new("privateLinkResourceRegion", Shape::Text, "The resource's region, where it must be said."),
        Field::new("requestMessage", Shape::Text, "What who approves it reads. Default: none."),
    ],
    outputs: &[ID, PROVISIONING_STATE],
    ..About::BASE
};
