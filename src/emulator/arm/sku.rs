//! The sizes of clusters (reference: arm-api §3.1, "SKU names").

use super::front::value_list;
use super::kind::Change;
use super::path::{LOCATIONS, display_location, plain_location};
use super::reply::Reply;
use serde_json::{Value, json};

/// Every size without the prefix `Standard_`, with its greatest capacity where that is not 1000.
const SIZES: &[(&str, i64)] = &[
    ("D11_v2", 8),
    ("D12_v2", 16),
    ("D13_v2", 1000),
    ("D14_v2", 1000),
    ("D32d_v4", 1000),
    ("D16d_v5", 1000),
    ("D32d_v5", 1000),
    ("DS13_v2+1TB_PS", 1000),
    ("DS13_v2+2TB_PS", 1000),
    ("DS14_v2+3TB_PS", 1000),
    ("DS14_v2+4TB_PS", 1000),
    ("L4s", 16),
    ("L8s", 1000),
    ("L16s", 1000),
    ("L8s_v2", 1000),
    ("L16s_v2", 1000),
    ("L8s_v3", 1000),
    ("L16s_v3", 1000),
    ("L32s_v3", 1000),
    ("L8as_v3", 1000),
    ("L16as_v3", 1000),
    ("L32as_v3", 1000),
    ("E64i_v3", 1000),
    ("E80ids_v4", 1000),
    ("E2a_v4", 1000),
    ("E4a_v4", 1000),
    ("E8a_v4", 1000),
    ("E16a_v4", 1000),
    ("E8as_v4+1TB_PS", 1000),
    ("E8as_v4+2TB_PS", 1000),
    ("E16as_v4+3TB_PS", 1000),
    ("E16as_v4+4TB_PS", 1000),
    ("E8as_v5+1TB_PS", 1000),
    ("E8as_v5+2TB_PS", 1000),
    ("E16as_v5+3TB_PS", 1000),
    ("E16as_v5+4TB_PS", 1000),
    ("E2ads_v5", 1000),
    ("E4ads_v5", 1000),
    ("E8ads_v5", 1000),
    ("E16ads_v5", 1000),
    ("E8s_v4+1TB_PS", 1000),
    ("E8s_v4+2TB_PS", 1000),
    ("E16s_v4+3TB_PS", 1000),
    ("E16s_v4+4TB_PS", 1000),
    ("E8s_v5+1TB_PS", 1000),
    ("E8s_v5+2TB_PS", 1000),
    ("E16s_v5+3TB_PS", 1000),
    ("E16s_v5+4TB_PS", 1000),
    ("E2d_v4", 1000),
    ("E4d_v4", 1000),
    ("E8d_v4", 1000),
    ("E16d_v4", 1000),
    ("E2d_v5", 1000),
    ("E4d_v5", 1000),
    ("E8d_v5", 1000),
    ("E16d_v5", 1000),
    ("EC8as_v5+1TB_PS", 1000),
    ("EC8as_v5+2TB_PS", 1000),
    ("EC16as_v5+3TB_PS", 1000),
    ("EC16as_v5+4TB_PS", 1000),
    ("EC8ads_v5", 1000),
    ("EC16ads_v5", 1000),
];

/// The sizes without a service-level agreement: one node, tier Basic.
const DEV: [&str; 2] = ["Dev(No SLA)_Standard_D11_v2", "Dev(No SLA)_Standard_E2a_v4"];

/// The least and the greatest capacity of a size, or `None` when there is no such size.
pub(super) fn range(name: &str) -> Option<(i64, i64)> {
    if DEV.iter().any(|dev| dev.eq_ignore_ascii_case(name)) {
        return Some((1, 1));
    }
    SIZES
        .iter()
        .find(|(size, _)| format!("Standard_{size}").eq_ignore_ascii_case(name))
        .map(|(_, most)| (2, *most))
}

/// Refuses a size that does not exist, a capacity out of its range, and the wrong tier.
pub(super) fn check(change: &Change<'_>) -> Result<(), Reply> {
    let Some(sku) = change.asked.get("sku").filter(|sku| !sku.is_null()) else {
        return if change.old.is_none() {
            Err(Reply::bad("The property 'sku' is required: name, tier and capacity."))
        } else {
            Ok(())
        };
    };
    let name = sku.get("name").and_then(Value::as_str).unwrap_or_default();
    if change.id.workspace().is_some() {
        return of_pool(sku, name);
    }
    let Some((least, most)) = range(name) else {
        return Err(Reply::bad(format!("The SKU '{name}' is not available in the selected region.")));
    };
    if let Some(capacity) = sku.get("capacity").filter(|capacity| !capacity.is_null())
        && capacity.as_i64().is_none_or(|capacity| capacity < least || capacity > most)
    {
        return Err(Reply::bad(format!(
            "Invalid SKU capacity provided, the SKU {name} should be between {least} and {most}"
        )));
    }
    let tier = if most == 1 { "Basic" } else { "Standard" };
    let asked = sku.get("tier").and_then(Value::as_str).unwrap_or_default();
    if !asked.eq_ignore_ascii_case(tier) {
        return Err(Reply::bad(format!(
            "Invalid SKU tier '{asked}' provided, the SKU {name} has the tier '{tier}'"
        )));
    }
    Ok(())
}

/// Refuses a size that pools of Synapse do not have (reference: arm-api §5).
fn of_pool(sku: &Value, name: &str) -> Result<(), Reply> {
    let size = sku.get("size").and_then(Value::as_str).unwrap_or_default();
    let strange = sku.as_object().into_iter().flat_map(|sku| sku.keys());
    let strange = strange.into_iter().find(|member| !matches!(member.as_str(), "name" | "size" | "capacity"));
    if let Some(strange) = strange {
        return Err(Reply::bad(format!("The property 'sku.{strange}' is not known.")));
    }
    if !["Compute optimized", "Storage optimized"].contains(&name) {
        return Err(Reply::bad(format!("The SKU '{name}' is not available for a pool.")));
    }
    if !["Extra small", "Small", "Medium", "Large"].contains(&size) {
        return Err(Reply::bad(format!("The SKU size '{size}' is not available for a pool.")));
    }
    Ok(())
}

fn all() -> impl Iterator<Item = (String, &'static str)> {
    let dev = DEV.iter().map(|name| ((*name).to_owned(), "Basic"));
    dev.chain(SIZES.iter().map(|(size, _)| (format!("Standard_{size}"), "Standard")))
}

/// `…/skus` of a subscription, or of one location: one entry for each size and location.
pub(super) fn offered(location: Option<&str>) -> Reply {
    let places: Vec<String> = LOCATIONS.iter().map(|known| plain_location(known)).collect();
    let places = places.iter().filter(|place| location.is_none_or(|only| plain_location(only) == **place));
    let mut value = Vec::new();
    for place in places {
        for (name, tier) in all() {
            value.push(json!({
                "resourceType": "clusters", "name": name, "tier": tier, "locations": [place],
                "locationInfo": [{"location": place, "zones": ["1", "2", "3"], "zoneDetails": []}], "restrictions": [],
            }));
        }
    }
    value_list(value)
}

/// `{cluster}/skus`: what the cluster can be scaled to.
pub(super) fn of_cluster(location: &str) -> Reply {
    let display = display_location(location);
    let zones: Vec<String> = (1..=3).map(|zone| format!("{}-AZ0{zone}", plain_location(location))).collect();
    let of = |(size, most): &(&str, i64)| {
        json!({
            "resourceType": "Microsoft.Kusto/Clusters",
            "sku": {"name": format!("Standard_{size}"), "tier": "Standard", "locationInfo": [{"location": display, "zones": zones}]},
            "capacity": {"minimum": 2, "maximum": most, "default": 2, "scaleType": "Automatic"},
        })
    };
    value_list(SIZES.iter().map(of).collect())
}
