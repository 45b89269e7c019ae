//! The sizes of clusters (reference: arm-api §3.1, "SKU names").

use super::core::Core;
use super::front::value_list;
use super::kind::Change;
use super::path::{LOCATIONS, display_location, plain_location};
use super::reply::Reply;
use super::state::Resource;
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

/// How many clusters a subscription has in a region at most, unless support raises it (documentation, "Azure Data
/// Explorer limits").
const CLUSTERS: usize = 20;

/// Regions without availability zones.
const WITHOUT_ZONES: [&str; 19] = [
    "australiacentral",
    "australiasoutheast",
    "brazilsoutheast",
    "canadaeast",
    "francesouth",
    "germanynorth",
    "koreasouth",
    "malaysiawest",
    "northcentralus",
    "norwaywest",
    "southafricawest",
    "southindia",
    "swedensouth",
    "switzerlandwest",
    "uaecentral",
    "ukwest",
    "westcentralus",
    "westindia",
    "westus",
];

/// Regions that opened after the older generations of machines.
const YOUNG: [&str; 13] = [
    "austriaeast",
    "belgiumcentral",
    "chilecentral",
    "indonesiacentral",
    "israelcentral",
    "italynorth",
    "malaysiawest",
    "mexicocentral",
    "newzealandnorth",
    "polandcentral",
    "qatarcentral",
    "spaincentral",
    "swedensouth",
];

/// Regions with machines for confidential computing.
const CONFIDENTIAL: [&str; 8] = [
    "eastus",
    "italynorth",
    "northeurope",
    "southeastasia",
    "switzerlandnorth",
    "uaenorth",
    "westeurope",
    "westus",
];

/// The zones in which a region offers a size; `None` where it does not offer it. What Azure offers changes and is not
/// recorded; this has a case of each sort.
fn zones(place: &str, name: &str) -> Option<&'static [&'static str]> {
    let size = name.trim_start_matches("Dev(No SLA)_").trim_start_matches("Standard_");
    let is_old =
        ["D11_v2", "D12_v2", "D13_v2", "D14_v2", "L4s", "L8s", "L16s", "L8s_v2", "L16s_v2", "E64i_v3"];
    let is_old = size.starts_with("DS") || is_old.contains(&size);
    if is_old && YOUNG.contains(&place) || size.starts_with("EC") && !CONFIDENTIAL.contains(&place) {
        return None;
    }
    let is_isolated = size.starts_with("E64i") || size.starts_with("E80ids");
    Some(match WITHOUT_ZONES.contains(&place) {
        true => &[],
        false if is_isolated => &["1", "2"],
        false => &["1", "2", "3"],
    })
}

/// Refuses a size or zones that the region does not offer, and one cluster too many.
pub(super) fn placed(core: &Core, change: &Change<'_>) -> Result<(), Reply> {
    if change.id.workspace().is_some() {
        return Ok(());
    }
    let old = change.old.map(|old| &old.body);
    let of = |name: &str| change.asked.get(name).or_else(|| old?.get(name)).filter(|value| !value.is_null());
    let place = plain_location(of("location").and_then(Value::as_str).unwrap_or_default());
    let name = of("sku").and_then(|sku| sku.get("name")?.as_str()).unwrap_or_default();
    let before = old.and_then(|old| old.pointer("/sku/name")?.as_str());
    let Some(has) = zones(&place, name).or_else(|| before.filter(|before| *before == name).map(|_| &[][..]))
    else {
        return Err(Reply::bad(format!("The SKU '{name}' is not available in the selected region.")));
    };
    let wanted = change.asked.get("zones").and_then(Value::as_array).into_iter().flatten();
    let known = |zone: &Value| {
        let had = old.and_then(|old| old.get("zones")?.as_array());
        had.is_some_and(|had| had.contains(zone)) || zone.as_str().is_some_and(|zone| has.contains(&zone))
    };
    if let Some(zone) = wanted.into_iter().find(|zone| !known(zone)) {
        return Err(Reply::bad(format!(
            "The SKU '{name}' is not available in zone {zone} of the selected region."
        )));
    }
    let here = |other: &Resource| {
        let location = other.body.get("location").and_then(Value::as_str).unwrap_or_default();
        other.id.provider == "Microsoft.Kusto"
            && other.id.is_cluster()
            && other.id.subscription.eq_ignore_ascii_case(&change.id.subscription)
            && plain_location(location) == place
    };
    if old.is_none() && core.state.find(here).len() >= CLUSTERS {
        return Err(Reply::bad(format!(
            "The subscription has reached the limit of {CLUSTERS} clusters in the selected region."
        )));
    }
    Ok(())
}

/// `…/skus` of a subscription, or of one location: one entry for each size and location.
pub(super) fn offered(location: Option<&str>) -> Reply {
    let places: Vec<String> = LOCATIONS.iter().map(|known| plain_location(known)).collect();
    let places = places.iter().filter(|place| location.is_none_or(|only| plain_location(only) == **place));
    let mut value = Vec::new();
    for place in places {
        for (name, tier) in all() {
            let Some(zones) = zones(place, &name) else { continue };
            value.push(json!({
                "resourceType": "clusters", "name": name, "tier": tier, "locations": [place],
                "locationInfo": [{"location": place, "zones": zones, "zoneDetails": []}], "restrictions": [],
            }));
        }
    }
    value_list(value)
}

/// `{cluster}/skus`: what the cluster can be scaled to.
pub(super) fn of_cluster(location: &str) -> Reply {
    let display = display_location(location);
    let place = plain_location(location);
    let of = |(size, most): &(&str, i64)| {
        let zones = zones(&place, &format!("Standard_{size}"))?;
        let zones: Vec<String> = zones.iter().map(|zone| format!("{place}-AZ0{zone}")).collect();
        Some(json!({
            "resourceType": "Microsoft.Kusto/Clusters",
            "sku": {"name": format!("Standard_{size}"), "tier": "Standard", "locationInfo": [{"location": display, "zones": zones}]},
            "capacity": {"minimum": 2, "maximum": most, "default": 2, "scaleType": "Automatic"},
        }))
    };
    value_list(SIZES.iter().filter_map(of).collect())
}
