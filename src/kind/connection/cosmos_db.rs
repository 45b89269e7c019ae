//! Data connections from a Cosmos DB container.

use super::{
    BASE, Connection, LOCATION, MANAGED_IDENTITY, MAPPING_OF_TABLE, MAPPING_RULE_NAME, RETRIEVAL_START_DATE,
    TABLE_NAME, kind, no_prerequisites, nothing_live,
};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, Keyed};

/// The kind `cosmosDbDataConnection`.
pub const COSMOS_DB: Connection = Connection {
    about: &ABOUT,
    tag: "CosmosDb",
    defaults: &[],
    replaced_by: &["cosmosDbAccountResourceId", "cosmosDbDatabase", "cosmosDbContainer"],
    follow: &[MAPPING_OF_TABLE],
    hub: None,
    gap: "documents that are written to the container are not ingested",
    strange_in_pools: None,
    rules: super::rules::cosmos_mapping,
    prerequisites: no_prerequisites,
    check_live: nothing_live,
};

const ABOUT: About = About {
    name: "cosmosDbDataConnection",
    keyed: Keyed::Tagged("kind", "CosmosDb"),
    doc: "Ingests the change feed of a Cosmos DB for NoSQL container, the latest version of each document. Table, \
          mapping and identity change in place; account, database and container make a new connection.",
    page: "https://learn.microsoft.com/azure/data-explorer/ingest-data-cosmos-db-connection",
    example: "dataConnections:\n  orders:\n    kind: CosmosDb\n    cosmosDbAccountResourceId: /subscriptions/\
              00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.DocumentDB/databaseAccounts/\
              shop\n    cosmosDbDatabase: shop\n    cosmosDbContainer: orders\n    tableName: Orders\n    \
              mappingRuleName: Orders_JSON\n    managedIdentityResourceId: ${clusters.telemetry.id}\n",
    fields: FIELDS,
    ..BASE
};

const FIELDS: &[Field] = &[
    kind(&["CosmosDb"]),
    LOCATION,
    Field::new(
        "cosmosDbAccountResourceId",
        Shape::ArmId("Microsoft.DocumentDB/databaseAccounts"),
        "The Cosmos DB account, of the NoSQL API. A change makes a new connection.",
    )
    .required(),
    Field::new("cosmosDbDatabase", Shape::Text, "The account's database. A change makes a new connection.")
        .required(),
    Field::new(
        "cosmosDbContainer",
        Shape::Text,
        "The database's container. A change makes a new connection.",
    )
    .required(),
    TABLE_NAME.required(),
    MAPPING_RULE_NAME,
    MANAGED_IDENTITY.required(),
    RETRIEVAL_START_DATE,
];
