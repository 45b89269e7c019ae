//! Addresses of the control plane: parsing, comparing and printing resource ids.
//!
//! Ids compare without regard to case, and are printed with the provider's collections and with the caller's
//! spelling of every name (reference: arm-api §2.6). Invariant: [`Id::key`] is equal for two spellings of one
//! resource and different for different ones (test: `spellings_share_a_key`).

/// What the provider of a pool of Synapse begins with; the workspace's name follows.
const WORKSPACES: &str = "Microsoft.Synapse/workspaces/";

/// The collection of pools, where clusters have `Clusters`.
pub(super) const POOLS: &str = "kustoPools";

/// The provider and the rest of a path that leads into pools of Synapse.
pub(super) fn of_pools(provider: &str, rest: &[String]) -> Option<(String, Vec<String>)> {
    let [collection, workspace, pools, ..] = rest else { return None };
    let is = provider.eq_ignore_ascii_case("Microsoft.Synapse")
        && collection.eq_ignore_ascii_case("workspaces")
        && pools.eq_ignore_ascii_case(POOLS);
    is.then(|| (format!("{WORKSPACES}{workspace}"), rest[2..].to_vec()))
}

/// A resource id: `names` are those of the resource and its parents, outermost first.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Id {
    pub(super) subscription: String,
    pub(super) group: String,
    /// For example `Microsoft.Kusto`; empty for a resource group.
    pub(super) provider: String,
    /// The collections with the provider's casing, for example `Clusters`, `Databases`.
    pub(super) collections: Vec<String>,
    pub(super) names: Vec<String>,
}

impl Id {
    /// The id of a resource group.
    pub(super) fn of_group(subscription: &str, group: &str) -> Self {
        Self {
            subscription: subscription.to_owned(),
            group: group.to_owned(),
            provider: String::new(),
            collections: Vec::new(),
            names: Vec::new(),
        }
    }

    /// The id as the provider prints it.
    pub(super) fn text(&self) -> String {
        let mut text = format!("/subscriptions/{}/resourceGroups/{}", self.subscription, self.group);
        if !self.provider.is_empty() {
            text.push_str("/providers/");
            text.push_str(&self.provider);
        }
        for (collection, name) in self.collections.iter().zip(&self.names) {
            text.push_str(&format!("/{collection}/{name}"));
        }
        text
    }

    /// The provider that serves it: that of what extends a resource is its own.
    pub(super) fn server(&self) -> &str {
        let extends = self.collections.iter().rev().find_map(|word| word.strip_prefix("providers/"));
        extends.unwrap_or(&self.provider).split('/').next().unwrap_or_default()
    }

    /// Whether it is a cluster, or stands in one.
    pub(super) fn is_kusto(&self) -> bool {
        self.provider == "Microsoft.Kusto" || self.workspace().is_some()
    }

    /// The Synapse workspace that it stands in, where it is a pool or stands in one. A pool is a cluster whose provider
    /// is the workspace.
    pub(super) fn workspace(&self) -> Option<&str> {
        self.provider.strip_prefix(WORKSPACES)
    }

    /// Whether it is a cluster.
    pub(super) fn is_cluster(&self) -> bool {
        self.is_kusto() && self.collections.len() == 1 && self.names.len() == 1
    }

    /// What the resource is stored and compared by.
    pub(super) fn key(&self) -> String {
        self.text().to_lowercase()
    }

    /// `Microsoft.Kusto/Clusters/Databases`.
    pub(super) fn type_text(&self) -> String {
        let mut text = match self.workspace() {
            Some(_) => WORKSPACES.trim_end_matches('/').to_owned(),
            None => self.provider.clone(),
        };
        for collection in &self.collections {
            text.push('/');
            text.push_str(collection);
        }
        text
    }

    /// `cluster/database`: a nested resource's name is the whole chain.
    pub(super) fn full_name(&self) -> String {
        let workspace = self.workspace().map(|workspace| format!("{workspace}/")).unwrap_or_default();
        workspace + &self.names.join("/")
    }

    /// The own name.
    pub(super) fn name(&self) -> &str {
        self.names.last().map_or(self.group.as_str(), String::as_str)
    }

    /// The enclosing resource, or `None` at the top level.
    pub(super) fn parent(&self) -> Option<Self> {
        (self.names.len() > 1).then(|| self.ancestor(self.names.len() - 1))
    }

    /// The resource that the first `depth` names lead to.
    pub(super) fn ancestor(&self, depth: usize) -> Self {
        let mut id = self.clone();
        id.names.truncate(depth);
        id.collections.truncate(depth);
        id
    }

    /// A child of this resource.
    pub(super) fn child(&self, collection: &str, name: &str) -> Self {
        let mut id = self.clone();
        id.collections.push(collection.to_owned());
        id.names.push(name.to_owned());
        id
    }

    /// The same resource, with the parents spelled as `other` spells them.
    pub(super) fn spelled_under(&self, other: &Self) -> Self {
        let mut id = self.clone();
        id.subscription.clone_from(&other.subscription);
        id.group.clone_from(&other.group);
        for (own, others) in id.names.iter_mut().zip(&other.names) {
            own.clone_from(others);
        }
        id
    }
}

/// A request path in segments, percent-decoded.
pub(super) fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty()).map(decode).collect()
}

/// The part of an id below its provider, as collections and names. An extension resource's provider and the one
/// service that a storage account has by itself, and the one endpoint of an IoT hub that others read by, are parts of the collection's word.
pub(super) fn steps(rest: &[String]) -> (Vec<String>, Vec<String>) {
    let (mut collections, mut names, mut rest) = (Vec::new(), Vec::new(), rest);
    while let Some(first) = rest.first() {
        let words = match rest {
            [word, _, _, ..] if word.eq_ignore_ascii_case("providers") => 3,
            [word, name, _, ..]
                if word.eq_ignore_ascii_case("blobServices") && name.eq_ignore_ascii_case("default") =>
            {
                3
            }
            [word, name, _, ..]
                if word.eq_ignore_ascii_case("eventHubEndpoints") && name.eq_ignore_ascii_case("events") =>
            {
                3
            }
            _ => 1,
        };
        collections.push(if words == 1 { first.clone() } else { rest[..words].join("/") });
        names.extend(rest.get(words).cloned());
        rest = rest.get(words + 1..).unwrap_or_default();
    }
    (collections, names)
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The value of one query parameter, decoded; names compare without regard to case.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        decode(key).eq_ignore_ascii_case(name).then(|| decode(&value.replace('+', " ")))
    })
}

/// A location as locations compare: lower case, no blanks.
pub(super) fn plain_location(location: &str) -> String {
    location.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// The display name of a location: `westus2` → `West US 2`. A location that is not known stays as it is.
pub(super) fn display_location(location: &str) -> String {
    let plain = plain_location(location);
    LOCATIONS
        .iter()
        .find(|known| plain_location(known) == plain)
        .map_or_else(|| location.to_owned(), |known| (*known).to_owned())
}

/// Whether there is such a region.
pub(super) fn is_location(location: &str) -> bool {
    let plain = plain_location(location);
    LOCATIONS.iter().any(|known| plain_location(known) == plain)
}

/// The public regions by display name.
pub(super) const LOCATIONS: &[&str] = &[
    "Australia Central",
    "Australia East",
    "Australia Southeast",
    "Austria East",
    "Belgium Central",
    "Brazil South",
    "Brazil Southeast",
    "Canada Central",
    "Canada East",
    "Central India",
    "Central US",
    "Chile Central",
    "East Asia",
    "East US",
    "East US 2",
    "France Central",
    "France South",
    "Germany North",
    "Germany West Central",
    "Indonesia Central",
    "Israel Central",
    "Italy North",
    "Japan East",
    "Japan West",
    "Korea Central",
    "Korea South",
    "Malaysia West",
    "Mexico Central",
    "New Zealand North",
    "North Central US",
    "North Europe",
    "Norway East",
    "Norway West",
    "Poland Central",
    "Qatar Central",
    "South Africa North",
    "South Africa West",
    "South Central US",
    "South India",
    "Southeast Asia",
    "Spain Central",
    "Sweden Central",
    "Sweden South",
    "Switzerland North",
    "Switzerland West",
    "UAE Central",
    "UAE North",
    "UK South",
    "UK West",
    "West Central US",
    "West Europe",
    "West India",
    "West US",
    "West US 2",
    "West US 3",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_share_a_key() {
        let id = Id::of_group("S", "Group");
        let mut one = id.child("Clusters", "Adx").child("Databases", "My Db");
        one.provider = "Microsoft.Kusto".to_owned();
        let mut two = one.clone();
        two.names = vec!["aDX".to_owned(), "my db".to_owned()];
        assert_eq!(one.key(), two.key());
        assert_eq!(
            two.spelled_under(&one.ancestor(1)).text(),
            "/subscriptions/S/resourceGroups/Group/providers/Microsoft.Kusto/Clusters/Adx/Databases/my db"
        );
        assert_ne!(one.key(), one.ancestor(1).key());
    }

    #[test]
    fn what_extends_a_resource_is_one_step() {
        let rest = segments("storageAccounts/a/providers/Microsoft.EventGrid/eventSubscriptions/s");
        let (collections, names) = steps(&rest);
        assert_eq!(collections, ["storageAccounts", "providers/Microsoft.EventGrid/eventSubscriptions"]);
        assert_eq!(names, ["a", "s"]);
        let (collections, names) = steps(&segments("storageAccounts/a/blobServices/default/containers"));
        assert_eq!((collections.len(), names.len()), (2, 1));
    }

    #[test]
    fn segments_are_decoded() {
        assert_eq!(segments("/a%20b/%C3%BC/%zz/"), ["a b", "ü", "%zz"]);
        assert_eq!(parameter("a=1&API-Version=2024%2D04", "api-version").as_deref(), Some("2024-04"));
        assert_eq!(display_location("westus2"), "West US 2");
        assert_eq!(display_location("Elsewhere"), "Elsewhere");
    }
}
