//! Storage accounts.

use super::{BASE, ID, Neighbour, PRINCIPAL_ID, PROVISIONING_STATE, TENANT_ID, fixed};
use crate::kind::arm::cluster::IDENTITY;
use crate::kind::arm::place::{LOCATION, RESOURCE_GROUP, SUBSCRIPTION_ID, TAGS};
use crate::kind::shape::{Field, NameRule, Shape};
use crate::kind::{About, At, Finding, Source};
use crate::model::body::Body;

/// The kind `storageAccount`.
pub(super) const STORAGE_ACCOUNT: Neighbour = Neighbour {
    about: &ABOUT,
    source: Source::ArmGet { provider: "Microsoft.Storage/storageAccounts", api_version: API_VERSION },
    defaults: &[
        ("kind", r#""StorageV2""#),
        ("identity", r#"{"type":"None"}"#),
        ("isHnsEnabled", "false"),
        ("allowSharedKeyAccess", "true"),
        ("publicNetworkAccess", r#""Enabled""#),
        (
            "networkAcls",
            r#"{"bypass":"AzureServices","defaultAction":"Allow","ipRules":[],"virtualNetworkRules":[]}"#,
        ),
    ],
    patches: true,
    seconds: [20, 2, 2],
    lost: "everything in the storage account is deleted with it",
    settled: |body, _| if body.get("kind").is_none() { body.with("kind", "StorageV2") } else { body },
    rules,
    unique: Some(("Microsoft.Storage", "Microsoft.Storage/storageAccounts")),
    ..BASE
};

/// <https://learn.microsoft.com/rest/api/storagerp/storage-accounts>
pub(super) const API_VERSION: &str = "2023-05-01";

const ABOUT: About = About {
    name: "storageAccount",
    collection: "storageAccounts",
    names: NameRule::Plain { min: 3, max: 24, lower: true, others: "" },
    doc: "A storage account, with its containers and event subscriptions. With `existing: true` it is only read and \
          what stands in it is managed.",
    page: "https://learn.microsoft.com/azure/storage/common/storage-account-overview",
    example: "storageAccounts:\n  stormfiles:\n    sku: Standard_LRS\n    isHnsEnabled: true\n    containers:\n      \
              storms: {}\n",
    fields: FIELDS,
    outputs: &[
        ID,
        PRINCIPAL_ID,
        TENANT_ID,
        ("primaryEndpoints.blob", "The address of its blobs."),
        ("primaryEndpoints.dfs", "The address of its files, with a hierarchical namespace."),
        PROVISIONING_STATE,
    ],
    ..super::ROOT
};

const FIELDS: &[Field] = &[
    SUBSCRIPTION_ID,
    RESOURCE_GROUP,
    LOCATION,
    TAGS,
    Field::new(
        "sku",
        Shape::Object {
            fields: &[Field::new(
                "name",
                Shape::OpenEnum(&[
                    "Standard_LRS",
                    "Standard_ZRS",
                    "Standard_GRS",
                    "Standard_RAGRS",
                    "Standard_GZRS",
                    "Standard_RAGZRS",
                    "Premium_LRS",
                    "Premium_ZRS",
                ]),
                "How copies are kept.",
            )
            .required()],
            short: &["name"],
        },
        "How copies are kept; required for an account that is to be created. A name alone stands for `{name: …}`.",
    ),
    fixed(Field::new(
        "kind",
        Shape::Enum(&["StorageV2", "BlobStorage", "BlockBlobStorage", "FileStorage", "Storage"]),
        "What it stores; fixed at creation. Data connections read StorageV2 and BlobStorage. Default: `StorageV2`.",
    )),
    Field::new("identity", IDENTITY, "Its managed identities. Default: `None`."),
    fixed(Field::new(
        "isHnsEnabled",
        Shape::Bool,
        "Whether names are hierarchical (Data Lake Storage Gen2); fixed at creation. Default: `false`.",
    )),
    Field::new(
        "accessTier",
        Shape::Enum(&["Hot", "Cool", "Cold", "Premium"]),
        "The tier of blobs that say none.",
    )
    .role(crate::kind::shape::Role::Filled),
    Field::new("allowBlobPublicAccess", Shape::Bool, "Whether containers may be public.")
        .role(crate::kind::shape::Role::Filled),
    Field::new("allowSharedKeyAccess", Shape::Bool, "Whether keys are accepted. Default: `true`."),
    Field::new(
        "minimumTlsVersion",
        Shape::Enum(&["TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3"]),
        "The oldest TLS version.",
    )
    .role(crate::kind::shape::Role::Filled),
    Field::new("supportsHttpsTrafficOnly", Shape::Bool, "Whether plain HTTP is refused.")
        .role(crate::kind::shape::Role::Filled),
    Field::new(
        "publicNetworkAccess",
        Shape::Enum(&["Enabled", "Disabled", "SecuredByPerimeter"]),
        "Whether it is reached from the public network. Default: `Enabled`.",
    ),
    Field::new(
        "networkAcls",
        Shape::Given,
        "Who may reach it, as the service writes it. Default: everybody.",
    ),
];

fn rules(at: &At<'_>) -> Vec<Finding> {
    let body: &Body = &at.resource.body;
    if body.get("sku").is_some_and(|sku| !sku.is_unset()) {
        return Vec::new();
    }
    let help = "give one, such as `sku: Standard_LRS`, or say `existing: true`";
    vec![Finding::new(&[], "the storage account's `sku` is missing", help)]
}
