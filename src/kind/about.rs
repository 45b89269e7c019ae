//! What a kind says of itself once and for all: its table.

use super::shape::{Field, NameRule};

/// What a kind is called, where it stands and what it holds: the source of the reader, the schema and `explain`.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The kind's word in output, such as `table`.
    pub name: &'static str,
    /// The word of its collection in the spec, such as `tables`.
    pub collection: &'static str,
    /// How an entry of the collection comes to be of this kind.
    pub keyed: Keyed,
    /// The kinds that may contain it; none for a root.
    pub parents: &'static [&'static str],
    /// What the service accepts as its name.
    pub names: NameRule,
    /// Whether two names that differ only in case are one (ARM, and database names).
    pub names_ignore_case: bool,
    /// A property that is part of what the service tells it by, so that two may share a name; `""` for none.
    pub told_by: &'static str,
    /// Which plane it is written through.
    pub plane: Plane,
    /// What it is for, in Markdown; the first sentence stands alone.
    pub doc: &'static str,
    /// Its page in the service's documentation.
    pub page: &'static str,
    /// An entry as it would stand in a spec, in YAML.
    pub example: &'static str,
    /// The properties for which a bare scalar or list stands in place of the whole entry, in the order in which
    /// they are tried, as in `streamingIngestion: true`.
    pub short: &'static [&'static str],
    /// Its properties, in the order in which they print.
    pub fields: &'static [Field],
    /// Attributes that references may ask for beyond the fields: dotted path and meaning. Known after apply.
    pub outputs: &'static [(&'static str, &'static str)],
    /// Another spelling of its collection at the top of a spec.
    pub spelled: Option<Spelling>,
    /// Whether `existing: true` makes sense for it.
    pub may_exist: bool,
    /// Whether the service can rename it.
    pub may_rename: bool,
    /// For an entry that is `null` or `{}` in the spec: whether that means *unset* and *all defaults* (policies).
    pub may_be_unset: bool,
}

impl About {
    /// What most kinds are: named freely, and neither adopted, renamed nor unset.
    pub const BASE: Self = Self {
        name: "",
        collection: "",
        keyed: Keyed::ByName,
        parents: &[],
        names: NameRule::Entity,
        names_ignore_case: false,
        told_by: "",
        plane: Plane::Kusto,
        doc: "",
        page: "",
        example: "",
        short: &[],
        fields: &[],
        outputs: &[],
        spelled: None,
        may_exist: false,
        may_rename: false,
        may_be_unset: false,
    };
}

/// Another spelling of a collection: `group: {word: …}`, or `group: {NAME: {word: …}}`. The addresses have the
/// collection's own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spelling {
    /// The word at the top.
    pub group: &'static str,
    /// The word within it, which holds the entries.
    pub word: &'static str,
    /// The property of each entry that the name between the two words gives; `None` where there is none between.
    pub between: Option<&'static str>,
}

/// How an entry of a collection comes to be of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyed {
    /// Every entry of the collection is; its key is the name.
    ByName,
    /// The entry under this key is (policies).
    Fixed(&'static str),
    /// Those are whose key no kind of the collection claims and is a word of the service, and whose value is JSON text
    /// or written in the service's own names; the value is this property (policies without a kind).
    Other(&'static str),
    /// Those whose property has this value are (data connections by `kind`).
    Tagged(&'static str, &'static str),
}

/// Which of the two planes a kind is written through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plane {
    /// Azure Resource Manager.
    Arm,
    /// Kusto management commands.
    Kusto,
    /// A REST interface at an address of its own, which follows from a container ([`super::Kind::endpoint`]).
    Rest,
}

/// How live entries of a kind are read: always by region, never one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// By a GET of each declared one (things whose siblings are none of our business: clusters).
    ArmGet {
        /// The resource type below the resource group, such as `Microsoft.Kusto/clusters`; for a kind that has
        /// parents, the collection's segment below the parent's id.
        provider: &'static str,
        /// The `api-version`.
        api_version: &'static str,
    },
    /// By one list below each container.
    ArmList {
        /// The collection's segment in resource ids, such as `dataConnections`.
        segment: &'static str,
        /// The `api-version`.
        api_version: &'static str,
    },
    /// By one list at the address of each container ([`super::Kind::endpoint`]).
    RestList {
        /// The collection's path below that address, such as `api/dataExport/destinations`.
        segment: &'static str,
        /// The `api-version`.
        api_version: &'static str,
    },
    /// From the replies of one database.
    Database {
        /// Commands needed beyond the schema, the script and the details; each at most once a database.
        shows: &'static [&'static str],
    },
    /// From the replies of one cluster alone ([`super::Kind::cluster_shows`]).
    Cluster,
}

impl Source {
    /// The path of its list below each container, and the `api-version`, where it is read by one.
    pub const fn list(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::ArmList { segment, api_version } | Self::RestList { segment, api_version } => {
                Some((segment, api_version))
            }
            _ => None,
        }
    }
}
