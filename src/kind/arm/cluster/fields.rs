//! The properties of a cluster.

use crate::kind::arm::place::SYNAPSE_WORKSPACE;
use crate::kind::shape::{Field, Role, Shape};

/// The settings of customer-managed keys, alike on clusters and databases.
pub const KEY_VAULT: Shape = Shape::object(&[
    Field::new("keyName", Shape::Text, "The key's name: RSA of 2048, 3072 or 4096 bits.").required(),
    Field::new("keyVaultUri", Shape::Text, "The vault, such as `https://kv-telemetry.vault.azure.net`.").required(),
    Field::new("keyVersion", Shape::Text, "The key's version; the newest when left out."),
    Field::new(
        "userIdentity",
        Shape::ArmId("Microsoft.ManagedIdentity/userAssignedIdentities"),
        "The user-assigned identity that reads the key; the system-assigned one when left out.",
    ),
    Field::new(
        "federatedIdentityClientId",
        Shape::Guid,
        "The client id of the application to use with `userIdentity` for a vault in another tenant. Written with \
         `api-version` 2025-02-14; a change of this property alone is seen only where the service shows it.",
    )
    .role(Role::Filled),
]);

const SKU: Shape = Shape::Object {
    fields: &[
        Field::new(
            "name",
            Shape::OpenEnum(SKUS),
            "The size of the machines. A change migrates the cluster, which takes minutes to tens of minutes.",
        )
        .required(),
        Field::new(
            "size",
            Shape::Enum(&["Extra small", "Small", "Medium", "Large"]),
            "The size of a Synapse pool, whose `name` is `Compute optimized` or `Storage optimized`.",
        ),
        Field::new(
            "tier",
            Shape::Enum(&["Basic", "Standard"]),
            "`Basic` for the `Dev(No SLA)_…` sizes, `Standard` for all others; follows from the name when left out.",
        ),
        Field::new(
            "capacity",
            Shape::Int(1, 1000),
            "How many machines: 1 for the `Dev(No SLA)_…` sizes, else from 2. Ignored while `optimizedAutoscale` is \
             enabled, which then sets it.",
        )
        .role(Role::Filled),
    ],
    short: &["name"],
};

/// The managed identities of a resource.
pub const IDENTITY: Shape = Shape::Object {
    fields: &[
        Field::new(
            "type",
            Shape::Enum(&["None", "SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned"]),
            "Which managed identities it has.",
        )
        .required(),
        Field::new(
            "userAssignedIdentities",
            Shape::Set(&Shape::ArmId("Microsoft.ManagedIdentity/userAssignedIdentities")),
            "The resource ids of its user-assigned identities, as a list; those not listed are taken away.",
        ),
    ],
    short: &["type"],
};

const AUTOSCALE: Shape = Shape::object(&[
    Field::new("version", Shape::Int(1, 1), "The version of this setting; 1.").role(Role::Filled),
    Field::new("isEnabled", Shape::Bool, "Whether the service chooses the number of machines.").required(),
    Field::new("minimum", Shape::Int(2, 1000), "The fewest machines.").required(),
    Field::new("maximum", Shape::Int(2, 1000), "The most machines.").required(),
]);

const VALUE_OF_TENANT: Shape = Shape::Object {
    fields: &[Field::new("value", Shape::Text, "A tenant's id, or `*` for every tenant.").required()],
    short: &["value"],
};

const VALUE_OF_AUDIENCE: Shape = Shape::Object {
    fields: &[Field::new("value", Shape::Text, "The audience, a URL.").required()],
    short: &["value"],
};

const EXTENSIONS: Shape = Shape::Object {
    fields: &[Field::new(
        "value",
        Shape::Set(&Shape::Object {
            fields: &[
                Field::new("languageExtensionName", Shape::Enum(&["PYTHON", "R"]), "The language.")
                    .required(),
                Field::new(
                    "languageExtensionImageName",
                    Shape::OpenEnum(&[
                        "R",
                        "Python3_6_5",
                        "Python3_10_8",
                        "Python3_10_8_DL",
                        "Python3_11_7",
                        "Python3_11_7_DL",
                        "PythonCustomImage",
                    ]),
                    "The image; the service's default when left out.",
                )
                .role(Role::Filled),
                Field::new(
                    "languageExtensionCustomImageName",
                    Shape::Text,
                    "The sandbox image to use with `PythonCustomImage`.",
                )
                .role(Role::Filled),
            ],
            short: &["languageExtensionName"],
        }),
        "The extensions.",
    )
    .required()],
    short: &["value"],
};

const CALLOUT: Shape = Shape::object(&[
    Field::new(
        "calloutType",
        Shape::OpenEnum(&[
            "kusto",
            "sql",
            "cosmosdb",
            "external_data",
            "azure_digital_twins",
            "sandbox_artifacts",
            "webapi",
            "mysql",
            "postgresql",
            "genevametrics",
            "azure_openai",
        ]),
        "What is called.",
    )
    .required(),
    Field::new("calloutUriRegex", Shape::Text, "A regular expression that the target's URI matches.")
        .required(),
    Field::new("outboundAccess", Shape::Enum(&["Allow", "Deny"]), "Whether such calls are let out.")
        .required(),
]);

const VIRTUAL_NETWORK: Shape = Shape::object(&[
    Field::new(
        "subnetId",
        Shape::ArmId("Microsoft.Network/virtualNetworks/subnets"),
        "The subnet; it cannot change, and is what it is when left out.",
    ),
    Field::new(
        "enginePublicIpId",
        Shape::ArmId("Microsoft.Network/publicIPAddresses"),
        "The engine's public address; it cannot change, and is what it is when left out.",
    ),
    Field::new(
        "dataManagementPublicIpId",
        Shape::ArmId("Microsoft.Network/publicIPAddresses"),
        "The public address of data management; it cannot change, and is what it is when left out.",
    ),
    Field::new(
        "state",
        Shape::Enum(&["Enabled", "Disabled"]),
        "`Disabled` takes the cluster out of the network for good.",
    )
    .role(Role::Filled),
]);

/// The properties of a cluster, in the order in which they print.
pub const FIELDS: &[Field] = &[
    Field::new(
        "uri",
        Shape::Text,
        "The cluster's address, such as `https://telemetry.westeurope.kusto.windows.net`. Given in place of the \
         subscription and the resource group, it says that the cluster exists and that only what its management \
         commands reach is managed: tables, mappings, functions and policies of databases that exist. For people \
         without rights on the resource group, free clusters, Synapse Data Explorer pools and Fabric Eventhouses.",
    )
    .role(Role::Place),
    Field::new("subscriptionId", Shape::Guid, "The subscription; `azure.subscriptionId` when left out.")
        .role(Role::Place),
    Field::new("resourceGroup", Shape::Text, "The resource group; `azure.resourceGroup` when left out.")
        .role(Role::Place),
    SYNAPSE_WORKSPACE,
    Field::new(
        "location",
        Shape::Location,
        "The region, such as `westeurope`; `azure.location` when left out. It cannot change.",
    )
    .role(Role::Immutable),
    Field::new("tags", Shape::Map(&Shape::Text), "Tags by name. Tags that are not listed are taken away; default: none."),
    Field::new(
        "sku",
        SKU,
        "The size and number of machines; required for a cluster that is to be created. A name alone stands for \
         `{name: …}`. A change takes minutes to tens of minutes.",
    ),
    Field::new(
        "zones",
        Shape::Set(&Shape::Enum(&["1", "2", "3"])),
        "The availability zones. They may be given to a living cluster or changed, and never taken away, so such a \
         change cannot be rolled back. Default: none.",
    ),
    Field::new(
        "identity",
        IDENTITY,
        "The cluster's managed identities. A type alone stands for `{type: …}`. Default: `None`.",
    ),
    Field::new(
        "trustedExternalTenants",
        Shape::Set(&VALUE_OF_TENANT),
        "The tenants besides its own whose principals may be let in: tenant ids, or `*`. Default: `*`; an empty list \
         trusts only its own tenant.",
    ),
    Field::new(
        "optimizedAutoscale",
        AUTOSCALE,
        "Bounds within which the service chooses the number of machines; not for `Dev(No SLA)_…` sizes, which end it. When the size \
         changes with it, that is done first, in a step of its own. Default: none.",
    ),
    Field::new(
        "enableDiskEncryption",
        Shape::Bool,
        "Whether the machines' disks are encrypted. A change interrupts service for up to 20 minutes. Default: \
         `false`.",
    ),
    Field::new(
        "enableStreamingIngest",
        Shape::Bool,
        "Whether tables may ingest by streaming; the tables' own policy is needed besides. Default: `false`.",
    ),
    Field::new(
        "enablePurge",
        Shape::Bool,
        "Whether records may be purged. A change restarts the cluster. Default: `false`.",
    ),
    Field::new(
        "enableDoubleEncryption",
        Shape::Bool,
        "Whether storage is encrypted twice. It is fixed at creation. Default: `false`.",
    )
    .role(Role::Immutable),
    Field::new(
        "enableAutoStop",
        Shape::Bool,
        "Whether the cluster is stopped after about five idle days. Default: `true`.",
    ),
    Field::new(
        "publicNetworkAccess",
        Shape::Enum(&["Enabled", "Disabled", "SecuredByPerimeter"]),
        "Whether the cluster is reached from the public network. `Disabled` needs a private endpoint to be of use. \
         Default: `Enabled`.",
    ),
    Field::new(
        "allowedIpRangeList",
        Shape::Set(&Shape::Text),
        "The addresses and CIDR ranges that may reach the cluster, in any order. Default: none, which allows all.",
    ),
    Field::new(
        "restrictOutboundNetworkAccess",
        Shape::Enum(&["Enabled", "Disabled"]),
        "Whether calls out of the cluster are limited to `allowedFqdnList` or `calloutPolicies`. Default: `Disabled`.",
    ),
    Field::new(
        "allowedFqdnList",
        Shape::Set(&Shape::Text),
        "The host names that the cluster may call while outbound access is restricted; not together with \
         `calloutPolicies`. Default: none.",
    ),
    Field::new(
        "calloutPolicies",
        Shape::Set(&CALLOUT),
        "Which outbound calls are allowed and denied; not together with `allowedFqdnList`. Default: none.",
    ),
    Field::new(
        "publicIPType",
        Shape::Enum(&["IPv4", "DualStack"]),
        "Which public addresses the cluster has. Default: `IPv4`.",
    ),
    Field::new(
        "keyVaultProperties",
        KEY_VAULT,
        "The key that encrypts the cluster's storage, instead of the service's own. The vault stands in the same \
         region with soft delete and purge protection, and the identity may get, wrap and unwrap keys. Default: none.",
    ),
    Field::new(
        "languageExtensions",
        EXTENSIONS,
        "Languages that queries may call. A bare list stands for `{value: …}`. Adding one takes up to an hour. \
         Default: none.",
    ),
    Field::new(
        "acceptedAudiences",
        Shape::Set(&VALUE_OF_AUDIENCE),
        "Token audiences that the cluster accepts besides its own. Default: none.",
    ),
    Field::new(
        "virtualNetworkConfiguration",
        VIRTUAL_NETWORK,
        "The virtual network that the cluster was injected into, which is retired: no cluster is put into one any more, \
         and the only change is `state: Disabled`, which takes it out for good. Default: none.",
    ),
    Field::new(
        "engineType",
        Shape::Enum(&["V2", "V3"]),
        "The engine; the service takes it at creation and pays no heed to it, since all are `V3`.",
    )
    .role(Role::CreateOnly),
    Field::new(
        "state",
        Shape::Enum(&["Running", "Stopped"]),
        "Whether it runs. A stopped cluster keeps its data, costs no machines, and nothing in it can be read, queried, \
         ingested or changed. It is started before every other change and stopped after all of them. Default: as it is.",
    ),
    Field::new(
        "virtualClusterGraduationProperties",
        Shape::Text,
        "What upgrading a free cluster asks for. Written at creation and never read back.",
    )
    .role(Role::CreateOnly),
];

/// The sizes that are known; the service's list grows.
#[rustfmt::skip]
pub(super) const SKUS: &[&str] = &[
    "Compute optimized", "Storage optimized",
    "Dev(No SLA)_Standard_D11_v2", "Dev(No SLA)_Standard_E2a_v4",
    "Standard_D11_v2", "Standard_D12_v2", "Standard_D13_v2", "Standard_D14_v2",
    "Standard_D32d_v4", "Standard_D16d_v5", "Standard_D32d_v5",
    "Standard_DS13_v2+1TB_PS", "Standard_DS13_v2+2TB_PS", "Standard_DS14_v2+3TB_PS", "Standard_DS14_v2+4TB_PS",
    "Standard_L4s", "Standard_L8s", "Standard_L16s", "Standard_L8s_v2", "Standard_L16s_v2",
    "Standard_L8s_v3", "Standard_L16s_v3", "Standard_L32s_v3",
    "Standard_L8as_v3", "Standard_L16as_v3", "Standard_L32as_v3",
    "Standard_E64i_v3", "Standard_E80ids_v4",
    "Standard_E2a_v4", "Standard_E4a_v4", "Standard_E8a_v4", "Standard_E16a_v4",
    "Standard_E8as_v4+1TB_PS", "Standard_E8as_v4+2TB_PS", "Standard_E16as_v4+3TB_PS", "Standard_E16as_v4+4TB_PS",
    "Standard_E8as_v5+1TB_PS", "Standard_E8as_v5+2TB_PS", "Standard_E16as_v5+3TB_PS", "Standard_E16as_v5+4TB_PS",
    "Standard_E2ads_v5", "Standard_E4ads_v5", "Standard_E8ads_v5", "Standard_E16ads_v5",
    "Standard_E8s_v4+1TB_PS", "Standard_E8s_v4+2TB_PS", "Standard_E16s_v4+3TB_PS", "Standard_E16s_v4+4TB_PS",
    "Standard_E8s_v5+1TB_PS", "Standard_E8s_v5+2TB_PS", "Standard_E16s_v5+3TB_PS", "Standard_E16s_v5+4TB_PS",
    "Standard_E2d_v4", "Standard_E4d_v4", "Standard_E8d_v4", "Standard_E16d_v4",
    "Standard_E2d_v5", "Standard_E4d_v5", "Standard_E8d_v5", "Standard_E16d_v5",
    "Standard_EC8as_v5+1TB_PS", "Standard_EC8as_v5+2TB_PS", "Standard_EC16as_v5+3TB_PS", "Standard_EC16as_v5+4TB_PS",
    "Standard_EC8ads_v5", "Standard_EC16ads_v5",
];

/// The largest number of machines of a size, where it is not 1000.
pub(super) fn largest_capacity(sku: &str) -> i64 {
    match sku {
        _ if is_dev(sku) => 1,
        "Standard_D11_v2" => 8,
        "Standard_D12_v2" | "Standard_L4s" => 16,
        _ => 1000,
    }
}

/// Whether a size is one of those without a service level agreement.
pub(super) fn is_dev(sku: &str) -> bool {
    sku.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("Dev("))
}
