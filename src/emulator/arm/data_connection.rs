//! `…/databases/dataConnections` of every kind, and their validation (reference: arm-api §3.3).
//!
//! A hub, storage account or identity that this emulator does not host is taken on trust; those it hosts must be
//! there and fit. The tables of a cluster whose own endpoint was never called are taken on trust too: the client
//! at work drives the control plane alone. Invariant: a hub and consumer group feed one connection in the whole service
//! (test: `tests/wire/arm/connections.jsonl`).

use super::core::{Begin, Core, QUESTION};
use super::front::Ask;
use super::kind::{Change, Kind, Located, Verb, kind_of, merged, object, properties, with_defaults};
use super::path::{Id, segments, steps};
use super::reply::Reply;
use super::state::{Effect, Failure, Resource, Style};
use super::token::directory_id;
use crate::emulator::clock::{Clock, stamp};
use serde_json::{Value, json};

/// A data connection.
pub(super) struct DataConnection;

/// One kind of connection.
struct Shape {
    kind: &'static str,
    required: &'static [&'static str],
    /// The property with the source's id, and the type of the source.
    source: &'static str,
    /// Defaults that GET shows.
    defaults: fn() -> Value,
    /// Whether `retrievalStartDate` is filled in.
    dated: bool,
    /// The first api-version that has it.
    since: &'static str,
}

impl Shape {
    /// Whether this kind of connection has a property of this name.
    fn has(&self, name: &str) -> bool {
        self.required.contains(&name)
            || (self.defaults)().get(name).is_some()
            || ["managedIdentityObjectId", "provisioningState"].contains(&name)
            || (self.dated && name == "retrievalStartDate")
    }
}

const SHAPES: &[Shape] = &[
    Shape {
        kind: "EventHub",
        required: &["eventHubResourceId", "consumerGroup"],
        source: "eventHubResourceId",
        defaults: || json!({"tableName": "", "mappingRuleName": "", "dataFormat": "", "eventSystemProperties": [], "compression": "None", "managedIdentityResourceId": null, "databaseRouting": "Single"}),
        dated: true,
        since: "",
    },
    Shape {
        kind: "EventGrid",
        required: &["storageAccountResourceId", "eventHubResourceId", "consumerGroup"],
        source: "eventHubResourceId",
        defaults: || json!({"tableName": "", "mappingRuleName": "", "dataFormat": "", "eventGridResourceId": null, "ignoreFirstRecord": false, "blobStorageEventType": "Microsoft.Storage.BlobCreated", "managedIdentityResourceId": null, "databaseRouting": "Single"}),
        dated: false,
        since: "",
    },
    Shape {
        kind: "IotHub",
        required: &["iotHubResourceId", "consumerGroup", "sharedAccessPolicyName"],
        source: "iotHubResourceId",
        defaults: || json!({"tableName": "", "mappingRuleName": "", "dataFormat": "", "eventSystemProperties": [], "databaseRouting": "Single"}),
        dated: true,
        since: "",
    },
    Shape {
        kind: "CosmosDb",
        required: &[
            "cosmosDbAccountResourceId",
            "cosmosDbDatabase",
            "cosmosDbContainer",
            "tableName",
            "managedIdentityResourceId",
        ],
        source: "",
        defaults: || json!({"mappingRuleName": ""}),
        dated: true,
        since: "2022-11-11",
    },
    Shape {
        kind: "EventHubWithManagedIdentity",
        required: &["eventHubResourceIdForManagedIdentity", "consumerGroup", "managedIdentityResourceId"],
        source: "eventHubResourceIdForManagedIdentity",
        defaults: || json!({"tableName": "", "mappingRuleName": "", "dataFormat": "", "eventSystemProperties": [], "compression": "None", "databaseRouting": "Single"}),
        dated: true,
        since: "2025-02-14",
    },
    Shape {
        kind: "EventGridWithManagedIdentity",
        required: &[
            "storageAccountResourceIdForManagedIdentity",
            "eventHubResourceId",
            "consumerGroup",
            "managedIdentityResourceId",
        ],
        source: "eventHubResourceId",
        defaults: || json!({"tableName": "", "mappingRuleName": "", "dataFormat": "", "eventGridResourceId": null, "ignoreFirstRecord": false, "blobStorageEventType": "Microsoft.Storage.BlobCreated", "databaseRouting": "Single"}),
        dated: false,
        since: "2025-02-14",
    },
];

const FORMATS: &str =
    "MULTIJSON JSON CSV TSV SCSV SOHSV PSV TXT RAW SINGLEJSON AVRO TSVE PARQUET ORC APACHEAVRO W3CLOGFILE";

fn shape(body: &Value) -> Option<&'static Shape> {
    let kind = body.get("kind")?.as_str()?;
    SHAPES.iter().find(|shape| shape.kind.eq_ignore_ascii_case(kind))
}

impl Kind for DataConnection {
    fn collections(&self) -> &'static [&'static str] {
        &["Clusters", "Databases", "DataConnections"]
    }

    fn located(&self) -> Located {
        Located::Display
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        super::kind::name_fault(name, 40, " .-")
    }

    fn work(&self, verb: Verb) -> (&'static str, u64) {
        match verb {
            Verb::Put => ("", 28_000),
            Verb::Patch => ("", 3_700),
            Verb::Delete => ("DmServiceDataObtainerDrop", 2_700),
        }
    }

    fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
        if change.verb == Verb::Delete {
            return Ok(());
        }
        let database = core.state.get(&change.id.ancestor(2));
        if super::database::follows(database) {
            return Err(Reply::bad("A following database has no data connections of its own."));
        }
        let kind = change.asked.get("kind").and_then(Value::as_str);
        let of_old = change.old.and_then(|old| old.body.get("kind")?.as_str());
        if let (Some(kind), Some(old)) = (kind, of_old)
            && !kind.eq_ignore_ascii_case(old)
        {
            return Err(Reply::bad(format!(
                "The kind of data connection '{}' is '{old}' and cannot be changed to '{kind}'.",
                change.id.name()
            )));
        }
        let whole = match change.old {
            Some(old) if change.verb == Verb::Patch => self.merge(&old.body, change.asked),
            _ => change.asked.clone(),
        };
        if change.id.workspace().is_some() {
            in_pool(&whole)?;
        }
        match faults(&whole, &change.ask.api).into_iter().next() {
            Some(fault) => Err(Reply::bad(fault)),
            None => Ok(()),
        }
    }

    /// A PATCH merges, but table, mapping and format that it does not name become null.
    fn merge(&self, old: &Value, asked: &Value) -> Value {
        let mut out = merged(old, asked);
        let named = asked.get("properties").and_then(Value::as_object);
        for name in ["tableName", "mappingRuleName", "dataFormat"] {
            let has = shape(&out).is_some_and(|shape| shape.has(name));
            if has && !named.is_some_and(|named| named.contains_key(name)) {
                properties(&mut out).insert(name.to_owned(), Value::Null);
            }
        }
        out
    }

    fn fill(&self, core: &Core, change: &Change<'_>, target: &mut Resource) {
        let Some(shape) = shape(&target.body) else { return };
        object(&mut target.body).insert("kind".to_owned(), json!(shape.kind));
        let identity = target.text("managedIdentityResourceId").map(|id| object_id(core, id));
        let own = properties(&mut target.body);
        own.remove("managedIdentityObjectId");
        if shape.kind != "IotHub" {
            own.insert("managedIdentityObjectId".to_owned(), json!(identity));
        }
        if shape.dated && own.get("retrievalStartDate").is_none_or(Value::is_null) {
            let before =
                change.old.and_then(|old| old.body.pointer("/properties/retrievalStartDate").cloned());
            own.insert("retrievalStartDate".to_owned(), before.unwrap_or_else(|| json!(stamp(Clock::now()))));
        }
    }

    fn late(&self, core: &Core, change: &Change<'_>, target: &Resource) -> Option<Failure> {
        let found = unfit(core, change.id, &target.body);
        (!found.is_empty()).then(|| Failure {
            code: "EventHubValidationErorFound".to_owned(),
            message: format!("[BadRequest] Validation Errors found: {}", found.join("; ")),
            state: "BadInput".to_owned(),
        })
    }

    fn first(&self, core: &Core, change: &Change<'_>, _: &Resource) -> Value {
        match change.old {
            Some(old) if change.verb == Verb::Patch => {
                merged(&self.show(core, old, &change.ask.api), change.asked)
            }
            _ => change.asked.clone(),
        }
    }

    fn show(&self, _: &Core, resource: &Resource, api: &str) -> Value {
        let mut body = resource.body.clone();
        if let Some(shape) = shape(&body) {
            with_defaults(&mut body, (shape.defaults)());
        }
        if api < "2023-05-02" {
            properties(&mut body).remove("retrievalStartDate");
        }
        if resource.id.workspace().is_some() {
            let own = properties(&mut body);
            NOT_IN_POOLS.iter().for_each(|name| drop(own.remove(*name)));
        }
        body
    }
}

/// The directory's id of an identity: that of the cluster, or of a user-assigned one.
fn object_id(core: &Core, id: &str) -> String {
    let cluster = resource_id(id).and_then(|id| core.state.get(&id));
    let own = cluster.and_then(|cluster| cluster.body.pointer("/identity/principalId")?.as_str());
    own.map_or_else(|| directory_id(id), str::to_owned)
}

/// What is wrong with the body itself.
fn faults(body: &Value, api: &str) -> Vec<String> {
    let Some(shape) = shape(body).filter(|shape| api >= shape.since) else {
        let kinds: Vec<&str> =
            SHAPES.iter().filter(|shape| api >= shape.since).map(|shape| shape.kind).collect();
        return vec![format!("The property 'kind' must be one of {}.", kinds.join(", "))];
    };
    let text = |name: &str| {
        body.get("properties").and_then(|own| own.get(name)?.as_str()).filter(|text| !text.is_empty())
    };
    let mut faults = strays(body, shape);
    for name in shape.required {
        if text(name).is_none() {
            faults.push(format!(
                "The property '{name}' is required for a data connection of kind {}.",
                shape.kind
            ));
        }
    }
    let mut word = |name: &str, allowed: &[&str]| {
        if let Some(value) =
            text(name).filter(|value| !allowed.iter().any(|word| word.eq_ignore_ascii_case(value)))
        {
            faults.push(format!(
                "The value '{value}' of property '{name}' is not valid. Allowed values: {}.",
                allowed.join(", ")
            ));
        }
    };
    let mut formats: Vec<&str> = FORMATS.split(' ').collect();
    if api >= "2025-02-14" {
        formats.push("AZMONSTREAM");
    }
    word("dataFormat", &formats);
    word("compression", &["None", "GZip"]);
    word("databaseRouting", &["Single", "Multi"]);
    word("blobStorageEventType", &["Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobRenamed"]);
    for name in ["tableName", "mappingRuleName"] {
        let letters = |letter: char| letter.is_alphanumeric() || " _.-".contains(letter);
        if text(name).is_some_and(|value| value.chars().count() > 1024 || !value.chars().all(letters)) {
            faults.push(format!(
                "The value of property '{name}' may have letters, digits, blanks and '_.-' only."
            ));
        }
    }
    let ids = body.get("properties").and_then(Value::as_object).into_iter().flatten();
    for (name, value) in ids.filter(|(name, _)| name.contains("ResourceId")) {
        if value
            .as_str()
            .is_some_and(|value| !value.is_empty() && !value.to_lowercase().starts_with("/subscriptions/"))
        {
            faults.push(format!("The value {value} of property '{name}' is not a resource id."));
        }
    }
    faults
}

/// The members that this kind of connection does not have.
fn strays(body: &Value, shape: &Shape) -> Vec<String> {
    let names = body.as_object().into_iter().flat_map(|map| map.keys());
    let beside = names.filter(|name| {
        !["id", "name", "type", "systemData", "kind", "location", "properties"].contains(&name.as_str())
    });
    let own = body.get("properties").and_then(Value::as_object).into_iter().flat_map(|map| map.keys());
    let own = own.filter(|name| !shape.has(name));
    let stray = |name| format!("Could not find member '{name}' on a data connection of kind {}.", shape.kind);
    beside.chain(own).map(stray).collect()
}

/// The roles that let an identity read events, and blobs.
const READERS: [(&str, &[&str]); 2] = [
    ("Microsoft.EventHub", &["a638d3c7-ab3a-418d-83e6-5f17a39d4fde", "f526a384-b230-433a-b45c-95f59c4a2dec"]),
    (
        "Microsoft.Storage",
        &[
            "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
            "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
            "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
        ],
    ),
];

/// What the identity may not read, where roles are checked and this emulator hosts the source.
fn forbidden<'a>(core: &Core, shape: &Shape, text: &dyn Fn(&str) -> Option<&'a str>) -> Vec<String> {
    let Some(identity) = text("managedIdentityResourceId").filter(|_| core.roles) else { return Vec::new() };
    let principal = object_id(core, identity);
    let names = [shape.source, "storageAccountResourceId", "storageAccountResourceIdForManagedIdentity"];
    let sources = names.iter().filter_map(|name| text(name)).filter_map(resource_id);
    let hosted = sources.filter(|source| core.state.get(&source.ancestor(1)).is_some());
    let may = |source: &Id| {
        let roles = READERS.iter().find(|(provider, _)| *provider == source.provider);
        roles.is_none_or(|(_, roles)| super::role::has(core, &principal, roles, source))
    };
    hosted
        .filter(|source| !may(source))
        .map(|source| {
            format!("managed identity '{identity}' does not have permission to read '{}'", source.text())
        })
        .collect()
}

/// What is wrong with the identity that the connection is to use, if it is on this cluster at all.
fn identity_unfit(core: &Core, id: &Id, wanted: &str) -> Option<String> {
    let cluster = core.state.get(&id.ancestor(1))?;
    let identity = cluster.body.get("identity").cloned().unwrap_or_default();
    let own = resource_id(wanted).is_some_and(|wanted| wanted.key() == cluster.id.key());
    let there = if own {
        identity.get("principalId").is_some()
    } else {
        let users = identity.get("userAssignedIdentities").and_then(Value::as_object);
        users.is_some_and(|users| users.keys().any(|user| user.eq_ignore_ascii_case(wanted)))
    };
    (!there)
        .then(|| format!("managed identity '{wanted}' is not assigned to cluster '{}'", cluster.id.name()))
}

/// What does not fit the things that the connection names.
fn unfit(core: &Core, id: &Id, body: &Value) -> Vec<String> {
    let Some(shape) = shape(body) else { return Vec::new() };
    let text = |name: &str| {
        body.get("properties").and_then(|own| own.get(name)?.as_str()).filter(|text| !text.is_empty())
    };
    let mut found = hub_unfit(core, id, shape, &text);
    if text("blobStorageEventType").is_some_and(|sort| sort.to_lowercase().ends_with("blobrenamed")) {
        let account =
            text("storageAccountResourceId").or_else(|| text("storageAccountResourceIdForManagedIdentity"));
        let hosted = account.and_then(resource_id).and_then(|id| core.state.get(&id));
        if hosted
            .is_some_and(|account| account.body.pointer("/properties/isHnsEnabled") != Some(&json!(true)))
        {
            found.push("the event type 'Microsoft.Storage.BlobRenamed' needs a storage account with a hierarchical namespace".to_owned());
        }
    }
    found.extend(text("managedIdentityResourceId").and_then(|wanted| identity_unfit(core, id, wanted)));
    found.extend(forbidden(core, shape, &text));
    let cluster = id.ancestor(1);
    let database = core
        .state
        .get(&id.ancestor(2))
        .map_or_else(|| id.ancestor(2).name().to_owned(), |found| found.id.name().to_owned());
    let table = text("tableName");
    // A client of the control plane alone names tables that nobody made, and hubs that are not here.
    let hub = text(shape.source).and_then(resource_id).and_then(|hub| core.state.get(&hub));
    if hub.is_none() && !core.ports.was_called(cluster.name()) {
        return found;
    }
    if let Some(table) = table.filter(|table| !core.kusto.has_table(cluster.name(), &database, table)) {
        found.push(format!("table '{table}' does not exist in database '{database}'"));
    } else if let (Some(table), Some(mapping)) = (table, text("mappingRuleName"))
        && !core.kusto.has_mapping(cluster.name(), &database, table, mapping, text("dataFormat"))
    {
        found.push(format!("mapping rule '{mapping}' for the data format does not exist on table '{table}'"));
    }
    found
}

fn hub_unfit<'a>(core: &Core, id: &Id, shape: &Shape, text: &dyn Fn(&str) -> Option<&'a str>) -> Vec<String> {
    let (Some(hub), Some(group)) = (text(shape.source), text("consumerGroup")) else { return Vec::new() };
    let mut found = Vec::new();
    let uses = |other: &Resource| {
        other.id.collections.len() == 3
            && other.id.collections[2] == "DataConnections"
            && other.id.key() != id.key()
            && other.provisioning != "Failed"
            && self::shape(&other.body)
                .and_then(|shape| other.text(shape.source))
                .is_some_and(|theirs| theirs.eq_ignore_ascii_case(hub))
            && other.text("consumerGroup").is_some_and(|theirs| theirs.eq_ignore_ascii_case(group))
    };
    if let Some(other) = core.state.find(uses).first() {
        found.push(format!("event hub resource id and consumer group tuple provided are already used by data connection '{}'", other.id.full_name()));
    }
    let Some(hub) =
        resource_id(hub).filter(|hub| hub.provider == "Microsoft.EventHub" && hub.names.len() == 2)
    else {
        return found;
    };
    if core.state.get(&hub.ancestor(1)).is_none() {
        return found;
    }
    if core.state.get(&hub).is_none() {
        found.push(format!("event hub '{}' does not exist", hub.text()));
    } else if group != "$Default" && core.state.get(&hub.child("consumergroups", group)).is_none() {
        found.push(format!("consumer group '{group}' does not exist in event hub '{}'", hub.text()));
    }
    found
}

/// What connections in pools of Synapse do not show.
const NOT_IN_POOLS: [&str; 4] =
    ["databaseRouting", "retrievalStartDate", "eventGridResourceId", "managedIdentityObjectId"];

/// Refuses what connections in pools of Synapse do not have (reference: arm-api §5).
fn in_pool(body: &Value) -> Result<(), Reply> {
    let kind = body.get("kind").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let strange: &[&str] = match kind.as_str() {
        "eventhub" | "iothub" => &["databaseRouting", "retrievalStartDate"],
        "eventgrid" => &["databaseRouting", "eventGridResourceId", "managedIdentityResourceId"],
        _ => return Err(Reply::bad(format!("A pool has no data connections of the kind '{kind}'."))),
    };
    let given = |name: &&&str| body.get("properties").is_some_and(|own| own.get(**name).is_some());
    strange.iter().find(given).map_or(Ok(()), |name| {
        Err(Reply::bad(format!("Could not find member '{name}' on object of type 'DataConnection'.")))
    })
}

/// A resource id of a kind that this emulator models.
pub(super) fn resource_id(text: &str) -> Option<Id> {
    let parts = segments(text);
    let [_, subscription, _, group, _, provider, rest @ ..] = parts.as_slice() else { return None };
    let (collections, names) = steps(rest);
    let (provider, collections, names) = match super::path::of_pools(provider, rest) {
        Some((workspace, rest)) => {
            let (collections, names) = steps(&rest);
            (workspace, collections, names)
        }
        None => (provider.clone(), collections, names),
    };
    let kind = kind_of(&provider, &collections)?;
    let group = Id::of_group(subscription, group);
    let id = super::front::named(kind, &provider, &collections, group, names);
    (id.names.len() == id.collections.len()).then_some(id)
}

/// `dataConnectionValidation`: a long action whose result lists what creation would refuse.
pub(super) fn validate(core: &mut Core, ask: &Ask, database: &Id) -> Reply {
    let body = match ask.object() {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let Some(name) = body.get("dataConnectionName").and_then(Value::as_str) else {
        return Reply::bad("The property 'dataConnectionName' is required.");
    };
    let connection = body.get("properties").cloned().unwrap_or_default();
    let id = database.child("DataConnections", name);
    let mut found = faults(&connection, &ask.api);
    found.extend(DataConnection.name_fault(name));
    if found.is_empty() {
        found = unfit(core, &id, &connection);
    }
    let messages: Vec<Value> = found.iter().map(|message| json!({"errorMessage": message})).collect();
    let location = core.cluster_location(database);
    let guid = core.begin(
        ask,
        Begin {
            style: Style::Status,
            kind: "",
            milliseconds: 3_300,
            location,
            on: id,
            lane: QUESTION.to_owned(),
            effect: Effect::Nothing,
            failed: None,
            failure: None,
            result: Some(json!({"Value": messages})),
        },
    );
    core.follow(ask, Reply::empty(202), &guid, true)
}
