//! `Microsoft.Storage/storageAccounts`: as much as a data connection asks about (reference: arm-api §4.3).

use super::core::Core;
use super::kind::{Change, Kind, Located, Manner, Verb, object, properties, with_defaults};
use super::reply::Reply;
use super::state::Resource;
use serde_json::{Value, json};

/// A storage account.
pub(super) struct Account;

impl Kind for Account {
    fn provider(&self) -> &'static str {
        "Microsoft.Storage"
    }

    fn collections(&self) -> &'static [&'static str] {
        &["storageAccounts"]
    }

    fn manner(&self) -> Manner {
        Manner::Location
    }

    fn located(&self) -> Located {
        Located::Plain
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        let good = (3..=24).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        (!good).then(|| {
            format!("{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only.")
        })
    }

    fn work(&self, _: Verb) -> (&'static str, u64) {
        ("", 20_000)
    }

    fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
        if change.verb == Verb::Delete {
            return Ok(());
        }
        let name = change.id.name();
        let taken = core.state.find(|other| {
            other.id.provider == "Microsoft.Storage"
                && other.id.name() == name
                && other.id.key() != change.id.key()
        });
        if !taken.is_empty() {
            return Err(Reply::service(
                409,
                "StorageAccountAlreadyTaken",
                format!("The storage account named {name} is already taken."),
            ));
        }
        if change.old.is_none() && change.asked.pointer("/sku/name").is_none() {
            return Err(Reply::service(
                400,
                "InvalidRequestPropertyValue",
                "The property 'sku.name' is required.",
            ));
        }
        let before = change
            .old
            .map(|old| old.body.pointer("/properties/isHnsEnabled").cloned().unwrap_or(json!(false)));
        let asked = change.asked.pointer("/properties/isHnsEnabled");
        if let (Some(before), Some(asked)) = (before, asked)
            && before != *asked
        {
            return Err(Reply::service(
                409,
                "AccountPropertyCannotBeUpdated",
                "The property 'isHnsEnabled' was specified in the input, but it cannot be updated.",
            ));
        }
        Ok(())
    }

    fn fill(&self, _: &Core, change: &Change<'_>, target: &mut Resource) {
        if let Some(before) = change.old.and_then(|old| old.body.pointer("/properties/isHnsEnabled")) {
            properties(&mut target.body).insert("isHnsEnabled".to_owned(), before.clone());
        }
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        let mut body = resource.body.clone();
        let map = object(&mut body);
        map.entry("tags").or_insert_with(|| json!({}));
        map.entry("kind").or_insert_with(|| json!("StorageV2"));
        let name = resource.id.name();
        let endpoint = |service: &str| format!("https://{name}.{service}.core.windows.net/");
        with_defaults(
            &mut body,
            json!({
                "isHnsEnabled": false, "supportsHttpsTrafficOnly": true, "minimumTlsVersion": "TLS1_2", "allowBlobPublicAccess": false,
                "allowSharedKeyAccess": true, "accessTier": "Hot", "statusOfPrimary": "available",
                "primaryLocation": resource.body.get("location"), "creationTime": resource.made.get("createdAt"),
                "primaryEndpoints": {"blob": endpoint("blob"), "dfs": endpoint("dfs"), "queue": endpoint("queue"), "table": endpoint("table"), "file": endpoint("file")},
            }),
        );
        body
    }
}

/// A blob container.
pub(super) struct Container;

impl Kind for Container {
    fn provider(&self) -> &'static str {
        "Microsoft.Storage"
    }

    fn collections(&self) -> &'static [&'static str] {
        &["storageAccounts", "blobServices/default/containers"]
    }

    fn manner(&self) -> Manner {
        Manner::Immediate(201)
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let good = (3..=63).contains(&name.len())
            && name.bytes().all(letters)
            && !name.contains("--")
            && !name.starts_with('-')
            && !name.ends_with('-');
        (!good).then(|| format!("The container name '{name}' is not valid: 3 to 63 lower-case letters, digits and single dashes."))
    }

    fn work(&self, _: Verb) -> (&'static str, u64) {
        ("", 0)
    }

    fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
        let public = change.text("publicAccess").is_some_and(|word| word != "None");
        let account = core.state.get(&change.id.ancestor(1));
        let allowed =
            account.and_then(|found| found.body.pointer("/properties/allowBlobPublicAccess")?.as_bool());
        if public && allowed != Some(true) {
            let message = "Public access is not permitted on this storage account.";
            return Err(Reply::service(409, "PublicAccessNotPermitted", message));
        }
        Ok(())
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        let mut body = resource.body.clone();
        with_defaults(
            &mut body,
            json!({
                "publicAccess": "None", "defaultEncryptionScope": "$account-encryption-key",
                "denyEncryptionScopeOverride": false, "hasImmutabilityPolicy": false, "hasLegalHold": false,
                "leaseState": "Available", "leaseStatus": "Unlocked",
                "lastModifiedTime": resource.made.get("lastModifiedAt"),
            }),
        );
        body
    }
}
