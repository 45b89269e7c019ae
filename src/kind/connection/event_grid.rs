//! Data connections from blob storage, by Event Grid through an event hub.

use super::{
    BASE, CONSUMER_GROUP, Connection, DATA_FORMAT, DATABASE_ROUTING, LOCATION, MANAGED_IDENTITY,
    MAPPING_OF_TABLE, MAPPING_RULE_NAME, TABLE_NAME, kind,
};
use crate::kind::question::{Answer, Question, Seen};
use crate::kind::shape::{Field, Shape};
use crate::kind::{About, At, Finding, Keyed};
use serde_json::Value as Json;

/// The kind `eventGridDataConnection`.
pub const EVENT_GRID: Connection = Connection {
    about: &ABOUT,
    tag: "EventGrid",
    defaults: &[
        ("ignoreFirstRecord", "false"),
        ("blobStorageEventType", r#""Microsoft.Storage.BlobCreated""#),
        ("databaseRouting", r#""Single""#),
    ],
    replaced_by: &["storageAccountResourceId", "eventHubResourceId", "consumerGroup", "databaseRouting"],
    follow: &[MAPPING_OF_TABLE, ("eventGridResourceId", &["storageAccountResourceId", "eventHubResourceId"])],
    hub: Some("eventHubResourceId"),
    gap: "blobs that arrive are not ingested and have to be ingested by hand",
    strange_in_pools: Some(&["databaseRouting", "eventGridResourceId", "managedIdentityResourceId"]),
    rules,
    prerequisites,
    check_live,
};

const ABOUT: About = About {
    name: "eventGridDataConnection",
    keyed: Keyed::Tagged("kind", "EventGrid"),
    doc: "Ingests the blobs of a storage account as they are created or renamed, told by Event Grid through an event \
          hub. Table, mapping, format, event type and identity change in place; storage account, hub, consumer group \
          and routing make a new connection.",
    page: "https://learn.microsoft.com/azure/data-explorer/create-event-grid-connection",
    example: "dataConnections:\n  storms:\n    kind: EventGrid\n    storageAccountResourceId: /subscriptions/\
              00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/\
              storms\n    eventHubResourceId: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/\
              providers/Microsoft.EventHub/namespaces/ns/eventhubs/storms\n    consumerGroup: $Default\n    tableName: \
              StormEvents\n    mappingRuleName: StormEvents_CSV_Mapping\n    dataFormat: CSV\n    databaseRouting: \
              Multi\n    blobStorageEventType: Microsoft.Storage.BlobCreated\n",
    fields: FIELDS,
    ..BASE
};

const FIELDS: &[Field] = &fields(&["EventGrid"], "storageAccountResourceId", MANAGED_IDENTITY);

/// The properties of a connection by Event Grid: the values of `kind`, the property that names the account, and the
/// identity.
pub(super) const fn fields(
    tag: &'static [&'static str],
    account: &'static str,
    identity: Field,
) -> [Field; 13] {
    [
        kind(tag),
        LOCATION,
        Field::new(
            account,
            Shape::ArmId("Microsoft.Storage/storageAccounts"),
            "The storage account, of kind StorageV2 or BlobStorage. A change makes a new connection.",
        )
        .required(),
        Field::new(
            "eventHubResourceId",
            Shape::ArmId("Microsoft.EventHub/namespaces/eventhubs"),
            "The event hub that Event Grid delivers to. A change makes a new connection.",
        )
        .required(),
        Field::new(
            "eventGridResourceId",
            Shape::ArmId(""),
            "The Event Grid subscription that delivers the account's events to the hub, by its own id: that of an \
             `eventSubscriptions` resource of the account or of a system topic. Default: none.",
        ),
        CONSUMER_GROUP,
        TABLE_NAME,
        MAPPING_RULE_NAME,
        DATA_FORMAT,
        Field::new(
            "ignoreFirstRecord",
            Shape::Bool,
            "Whether the first record of each blob is a header to skip, for CSV and its likes. Default: `false`.",
        ),
        Field::new(
            "blobStorageEventType",
            Shape::Enum(&[CREATED, RENAMED]),
            "Which events to act on. `Microsoft.Storage.BlobRenamed` needs a storage account with a hierarchical \
             namespace (Data Lake Storage Gen2). Default: `Microsoft.Storage.BlobCreated`.",
        ),
        identity,
        DATABASE_ROUTING,
    ]
}

const CREATED: &str = "Microsoft.Storage.BlobCreated";
const RENAMED: &str = "Microsoft.Storage.BlobRenamed";

/// The version of the storage provider in which accounts are looked at.
pub(super) const STORAGE_API_VERSION: &str = "2023-05-01";

/// The property that names the account, in both kinds of connection.
const ACCOUNTS: [&str; 2] = ["storageAccountResourceId", "storageAccountResourceIdForManagedIdentity"];

const SUBSCRIPTIONS: [&str; 2] =
    ["Microsoft.EventGrid/eventSubscriptions", "Microsoft.EventGrid/systemTopics/eventSubscriptions"];

pub(super) fn rules(at: &At<'_>) -> Vec<Finding> {
    let Some(id) =
        at.resource.body.get("eventGridResourceId").filter(|id| id.as_text().is_some_and(|t| !t.is_empty()))
    else {
        return Vec::new();
    };
    if SUBSCRIPTIONS.iter().any(|of| Shape::ArmId(of).canonical(id).is_ok()) {
        return Vec::new();
    }
    let help = "its id ends in /eventSubscriptions/NAME, below the storage account or a system topic";
    vec![Finding::new(&["eventGridResourceId"], "this is not an Event Grid subscription", help)]
}

/// The storage account, when the spec wants events that only some accounts have.
pub(super) fn prerequisites(at: &At<'_>) -> Vec<Question> {
    let body = &at.resource.body;
    let account = ACCOUNTS.iter().find_map(|name| body.text(name)).filter(|id| !id.is_empty());
    let renamed = body.text("blobStorageEventType") == Some(RENAMED);
    account.filter(|_| renamed).map(|id| Question::get(id, STORAGE_API_VERSION)).into_iter().collect()
}

pub(super) fn check_live(at: &At<'_>, seen: Seen<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for question in prerequisites(at) {
        let Answer::There(account) = seen(&question) else { continue };
        let kind = account.get("kind").and_then(Json::as_str).unwrap_or("StorageV2");
        if !["StorageV2", "BlobStorage"].iter().any(|known| known.eq_ignore_ascii_case(kind)) {
            let message = format!("a storage account of kind {kind} cannot feed a data connection");
            let given = ACCOUNTS.iter().find(|name| at.resource.body.get(name).is_some());
            found.push(Finding::new(&[*given.unwrap_or(&ACCOUNTS[0])], message, "use one of kind StorageV2"));
        }
        let flat = account
            .get("properties")
            .is_some_and(|properties| properties.get("isHnsEnabled").and_then(Json::as_bool) != Some(true));
        if flat {
            let message =
                format!("{RENAMED} needs a hierarchical namespace, and the storage account has none");
            let help =
                "use an account with isHnsEnabled, or `blobStorageEventType: Microsoft.Storage.BlobCreated`";
            found.push(Finding::new(&["blobStorageEventType"], message, help));
        }
    }
    found
}
