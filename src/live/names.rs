//! What there is to be read, where nobody has said it.

use crate::cloud::{Cloud, CloudError};
use crate::kind::arm::place::RESOURCE_GROUP;
use crate::kind::{self, Kind, Source};
use futures::future::try_join_all;
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

/// A resource that stands in nothing but its group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Top {
    /// The kind's word.
    pub kind: &'static str,
    /// The resource group.
    pub group: String,
    /// Its name.
    pub name: String,
}

/// Everything of the kinds that stand in a resource group, in one group or in all of a subscription, in order. What is
/// told apart by more than a group and a name, such as a role assignment, is not among them.
///
/// # Errors
/// When the control plane gives no usable answer.
pub async fn tops(cloud: &Cloud, subscription: &str, group: Option<&str>) -> Result<Vec<Top>, CloudError> {
    let within = group.map(|group| format!("/resourceGroups/{group}")).unwrap_or_default();
    let in_a_group = |kind: &&'static dyn Kind| {
        let fields = kind.about().fields.iter();
        kind.about().parents.is_empty() && fields.into_iter().any(|field| field.name == RESOURCE_GROUP.name)
    };
    let listed = |kind: &'static dyn Kind| match kind.source() {
        Source::ArmGet { provider, api_version } if !provider.is_empty() => {
            let path = format!("/subscriptions/{subscription}{within}/providers/{provider}");
            Some(async move { Ok::<_, CloudError>((kind, cloud.list(&path, api_version).await?)) })
        }
        _ => None,
    };
    let mut tops = Vec::new();
    for (kind, items) in try_join_all(kind::all().filter(in_a_group).filter_map(listed)).await? {
        for id in items.unwrap_or_default().iter().filter_map(|item| item["id"].as_str()) {
            let parts: Vec<&str> = id.split('/').collect();
            if let ["", _, _, _, group, .., name] = parts.as_slice() {
                let (group, name) = ((*group).to_owned(), (*name).to_owned());
                tops.push(Top { kind: kind.about().name, group, name });
            }
        }
    }
    tops.sort();
    Ok(tops)
}

/// The resource groups of a subscription that the caller can see, in order.
///
/// <https://learn.microsoft.com/rest/api/resources/resource-groups/list>
///
/// # Errors
/// When the control plane gives no usable answer.
pub async fn groups(cloud: &Cloud, subscription: &str) -> Result<Vec<String>, CloudError> {
    let path = format!("/subscriptions/{subscription}/resourcegroups");
    let items = cloud.list(&path, "2021-04-01").await?.unwrap_or_default();
    let mut names: Vec<String> =
        items.iter().filter_map(|item| item["name"].as_str()).map(str::to_owned).collect();
    names.sort();
    Ok(names)
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
    let path = format!("/subscriptions/{subscription}/providers/{provider}");
    let items = cloud.list(&path, api_version).await?.unwrap_or_default();
    let text = |item: &Json, member: &str| item[member].as_str().unwrap_or_default().to_owned();
    let named = items.iter().filter(|item| kind::same_name(kind.about(), &text(item, "name"), name));
    Ok(named.map(|item| text(item, "id")).collect())
}
