//! What a client asks before it has a token: the cloud's description and the token endpoint.

use super::front::Ask;
use super::reply::Reply;
use super::token;
use serde_json::json;

/// Answers a request that needs no token; `None` when it needs one.
pub(super) fn open(ask: &Ask) -> Option<Reply> {
    let lower: Vec<String> = ask.segments.iter().map(|part| part.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    match (ask.method.as_str(), lower.as_slice()) {
        ("GET", ["metadata", "endpoints"]) => Some(Reply::json(200, cloud(&ask.origin))),
        ("POST", [tenant, "oauth2", "v2.0", "token"] | [tenant, "oauth2", "token"]) => {
            Some(Reply::json(200, token::issue(&tenant_id(tenant), &ask.text)))
        }
        (
            "GET",
            [tenant, "v2.0", ".well-known", "openid-configuration"]
            | [tenant, ".well-known", "openid-configuration"],
        ) => {
            let root = format!("{}/{}", ask.origin, tenant_id(tenant));
            Some(Reply::json(
                200,
                json!({
                    "issuer": format!("https://sts.windows.net/{}/", tenant_id(tenant)),
                    "token_endpoint": format!("{root}/oauth2/v2.0/token"),
                    "authorization_endpoint": format!("{root}/oauth2/v2.0/authorize"),
                    "jwks_uri": format!("{root}/discovery/v2.0/keys"),
                    "response_types_supported": ["code", "token"],
                    "subject_types_supported": ["pairwise"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                    "tenant_region_scope": null,
                    "cloud_instance_name": "localhost",
                }),
            ))
        }
        ("GET", ["common", "discovery", "instance"]) => Some(Reply::json(
            200,
            json!({"tenant_discovery_endpoint": format!("{}/{}/v2.0/.well-known/openid-configuration", ask.origin, token::TENANT), "metadata": []}),
        )),
        _ => None,
    }
}

fn tenant_id(tenant: &str) -> String {
    match tenant {
        "common" | "organizations" => token::TENANT.to_owned(),
        tenant => tenant.to_owned(),
    }
}

fn cloud(origin: &str) -> serde_json::Value {
    json!({
        "name": "AzureEmulator",
        "portal": origin,
        "authentication": {
            "loginEndpoint": format!("{origin}/"),
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/", origin],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "media": origin,
        "graph": origin,
        "graphAudience": origin,
        "microsoftGraphResourceId": origin,
        "resourceManager": origin,
        "gallery": origin,
        "activeDirectoryDataLake": "https://datalake.azure.net/",
        "batch": "https://batch.core.windows.net/",
        "vmImageAliasDoc": origin,
        "sqlManagement": origin,
        "suffixes": {
            "storage": "core.windows.net",
            "keyVaultDns": "vault.azure.net",
            "kustoDns": "kusto.windows.net",
            "sqlServerHostname": "database.windows.net",
            "acrLoginServer": "azurecr.io",
        },
    })
}

/// `GET /providers/Microsoft.Kusto/operations`.
pub(super) fn operations() -> Reply {
    let operation = |name: &str, resource: &str, what: &str| json!({"name": name, "display": {"provider": "Microsoft Kusto", "resource": resource, "operation": what, "description": what}});
    Reply::json(
        200,
        json!({"value": [
            operation("Microsoft.Kusto/Clusters/read", "Clusters", "Reads a cluster resource."),
            operation("Microsoft.Kusto/Clusters/write", "Clusters", "Writes a cluster resource."),
            operation("Microsoft.Kusto/Clusters/delete", "Clusters", "Deletes a cluster resource."),
            operation("Microsoft.Kusto/Clusters/Databases/read", "Databases", "Reads a database resource."),
            operation("Microsoft.Kusto/Clusters/Databases/write", "Databases", "Writes a database resource."),
            operation("Microsoft.Kusto/Clusters/Databases/delete", "Databases", "Deletes a database resource."),
            operation("Microsoft.Kusto/Clusters/Databases/DataConnections/write", "DataConnections", "Writes a data connection resource."),
        ]}),
    )
}
