//! What there is to be read, where nobody has said it.

use crate::cloud::{Cloud, CloudError};
use crate::kind::{self, Kind, Source};
use serde_json::Value as Json;

/// The databases of a cluster that the caller can see, by its management endpoint, in order.
///
/// # Errors
/// When the cluster gives no usable answer.
pub async fn databases(cloud: &Cloud, uri: &str) -> Result<Vec<String>, CloudError> {
    let tables = cloud.command(uri, "", ".show databases").await?;
    let rows = tables.into_iter().next().unwrap_or_default();
    let mut names: Vec<String> = rows.iter().map(|row| row.text("DatabaseName").to_owned()).collect();
    names.sort();
    Ok(names)
}

/// A list of the control plane, by the id of what has it and the path below that.
///
/// # Errors
/// When the control plane gives no usable answer.
pub async fn listed(
    cloud: &Cloud,
    above: &str,
    segment: &str,
    api_version: &str,
) -> Result<Vec<Json>, CloudError> {
    let items = cloud.list(&format!("{above}/{segment}"), api_version).await?;
    Ok(items.unwrap_or_default())
}

/// The resource ids of everything of a kind in a subscription that has a name; case does not count.
///
/// # Errors
/// When the control plane gives no usable answer.
pub async fn resource_ids(
    cloud: &Cloud,
    kind: &dyn Kind,
    subscription: &str,
    name: &str,
) -> Result<Vec<String>, CloudError> {
    let Source::ArmGet { provider, api_version } = kind.source() else { return Ok(Vec::new()) };
    let items = listed(
        cloud,
        &format!("/subscriptions/{subscription}"),
        &format!("providers/{provider}"),
        api_version,
    )
    .await?;
    let text = |item: &Json, member: &str| item[member].as_str().unwrap_or_default().to_owned();
    let named = items.iter().filter(|item| kind::same_name(kind.about(), &text(item, "name"), name));
    Ok(named.map(|item| text(item, "id")).collect())
}
