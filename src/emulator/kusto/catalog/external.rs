//! External tables: data that stays where it is (`kusto/management/external-tables-*.md`).
//!
//! Invariant: what a reader is shown holds no secret of a connection string (test: `secrets_are_starred`).

use super::principal::Assignment;
use super::{Mapping, Policies};
use crate::emulator::kusto::names;
use crate::emulator::kusto::time;
use crate::emulator::kusto::types::Type;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What stands in place of a secret.
const STARS: &str = "*******";

/// Where the data of an external table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ExternalKind {
    /// Files in a storage account or a bucket; also said `blob` or `adl`.
    Storage,
    /// A Delta Lake.
    Delta,
    /// A table of a relational database, or a container of Cosmos DB.
    Sql,
}

impl ExternalKind {
    /// The word in commands.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::Delta => "delta",
            Self::Sql => "sql",
        }
    }

    /// `TableType` in answers.
    pub(crate) const fn shown(self) -> &'static str {
        match self {
            Self::Storage => "Blob",
            Self::Delta => "Delta",
            Self::Sql => "Sql",
        }
    }

    /// The properties that a table of this kind keeps, in the order in which they are shown.
    pub(crate) const fn settings(self) -> &'static [Setting] {
        match self {
            Self::Storage => STORAGE,
            Self::Delta => DELTA,
            Self::Sql => SQL,
        }
    }
}

/// A property of a `with` clause that an external table keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The word in commands.
    pub(crate) word: &'static str,
    /// The member in `Properties`.
    pub(crate) shown: &'static str,
    /// What it takes.
    pub(crate) takes: Takes,
}

/// What a property takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// `true` or `false`; `false` when it is not given.
    Flag,
    /// Any text.
    Text,
    /// One of some words, in any case; what is shown when none is given.
    Word(&'static [&'static str], Option<&'static str>),
}

const fn setting(word: &'static str, shown: &'static str, takes: Takes) -> Setting {
    Setting { word, shown, takes }
}

const COMPRESSIONS: Takes = Takes::Word(&["Gzip", "Snappy", "Lz4_raw", "Brotli", "Zstd"], None);
const HEADERS: Takes = Takes::Word(&["All", "FirstFile", "None"], Some("None"));
const ENCODINGS: Takes = Takes::Word(&["UTF8NoBOM", "UTF8BOM"], None);
const DIALECTS: Takes = Takes::Word(&["SqlServer", "MySQL", "PostgreSQL", "CosmosDbSql"], Some("SqlServer"));

const STORAGE: &[Setting] = &[
    setting("compressed", "Compressed", Takes::Flag),
    setting("compressionType", "CompressionType", COMPRESSIONS),
    setting("fileExtension", "FileExtension", Takes::Text),
    setting("includeHeaders", "IncludeHeaders", HEADERS),
    setting("encoding", "Encoding", ENCODINGS),
    setting("namePrefix", "NamePrefix", Takes::Text),
];
const DELTA: &[Setting] = &[
    setting("compressed", "Compressed", Takes::Flag),
    setting("compressionType", "CompressionType", COMPRESSIONS),
    setting("fileExtension", "FileExtension", Takes::Text),
    setting("namePrefix", "NamePrefix", Takes::Text),
    setting("encoding", "Encoding", ENCODINGS),
    setting("AutoUpdateSchema", "AutoUpdateSchema", Takes::Flag),
];
const SQL: &[Setting] = &[
    setting("firetriggers", "FireTriggers", Takes::Flag),
    setting("createifnotexists", "CreateIfNotExists", Takes::Flag),
    setting("primarykey", "PrimaryKey", Takes::Text),
    setting("sqlDialect", "SqlDialect", DIALECTS),
];

/// The formats of files: in commands, and in answers.
pub(crate) const FORMATS: [(&str, &str); 16] = [
    ("apacheavro", "ApacheAvro"),
    ("avro", "Avro"),
    ("azmonstream", "AzMonStream"),
    ("csv", "Csv"),
    ("json", "Json"),
    ("multijson", "MultiJson"),
    ("orc", "Orc"),
    ("parquet", "Parquet"),
    ("psv", "Psv"),
    ("raw", "Raw"),
    ("scsv", "Scsv"),
    ("sohsv", "Sohsv"),
    ("tsv", "Tsv"),
    ("tsve", "Tsve"),
    ("txt", "Txt"),
    ("w3clogfile", "W3CLogFile"),
];

/// The functions that cut a moment: in commands, and in answers.
pub(crate) const STARTS: [(&str, &str); 4] = [
    ("startofday", "StartOfDay"),
    ("startofweek", "StartOfWeek"),
    ("startofmonth", "StartOfMonth"),
    ("startofyear", "StartOfYear"),
];

/// What a partition's value is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PartitionBy {
    /// Nothing: the path alone says it.
    Virtual,
    /// A column's own value.
    Column(String),
    /// A column's value by the remainder of its hash.
    Hash(String, i64),
    /// A column's moment, cut by a function; its place in [`STARTS`].
    Start(usize, String),
    /// A column's moment, cut to a multiple of a length of time in ticks.
    Bin(String, i64),
}

/// One partition of an external table of storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Partition {
    /// The name.
    pub(crate) name: String,
    /// The type of its value.
    pub(crate) of: Type,
    /// What it is made of.
    pub(crate) by: PartitionBy,
}

/// An external table as it was defined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExternalTable {
    /// The name.
    pub(crate) name: String,
    /// The folder; empty when unset.
    pub(crate) folder: String,
    /// The docstring; empty when unset.
    pub(crate) doc_string: String,
    /// Where the data is.
    pub(crate) kind: ExternalKind,
    /// The columns in order.
    pub(crate) columns: Vec<(String, Type)>,
    /// Whether the columns were read from the data.
    pub(crate) inferred: bool,
    /// The partitions in order.
    pub(crate) partitions: Vec<Partition>,
    /// How a path is made of partitions, as written on one line; empty when it was not said.
    pub(crate) path_format: String,
    /// The place of the files' format in [`FORMATS`]; storage only.
    pub(crate) format: Option<usize>,
    /// The table of the other database; sql only.
    pub(crate) target: String,
    /// The connection strings, secrets included.
    pub(crate) connections: Vec<String>,
    /// What is set of the kind's settings, by the word in commands.
    pub(crate) settings: BTreeMap<String, Value>,
    /// Mappings.
    pub(crate) mappings: Vec<Mapping>,
    /// Policies.
    pub(crate) policies: Policies,
    /// Who holds a role on the table.
    pub(crate) principals: Vec<Assignment>,
}

impl ExternalTable {
    /// The connection strings as they are shown.
    pub(crate) fn shown_connections(&self) -> Vec<String> {
        self.connections.iter().map(|connection| starred(self.kind, connection)).collect()
    }

    /// `Properties` in answers, as JSON text.
    pub(crate) fn properties(&self) -> String {
        let mut all = Map::new();
        if let Some((_, shown)) = self.format.and_then(|at| FORMATS.get(at)) {
            all.insert("Format".to_owned(), json!(shown));
        }
        if self.kind == ExternalKind::Sql {
            all.insert("TargetEntityKind".to_owned(), json!("sqltable"));
            all.insert("TargetEntityName".to_owned(), json!(self.target));
            let connection = self.shown_connections().join("");
            all.insert("TargetEntityConnectionString".to_owned(), json!(connection));
        }
        for setting in self.kind.settings() {
            let unset = match setting.takes {
                Takes::Flag => json!(false),
                Takes::Text => Value::Null,
                Takes::Word(_, default) => json!(default),
            };
            all.insert(setting.shown.to_owned(), self.settings.get(setting.word).cloned().unwrap_or(unset));
        }
        Value::Object(all).to_string()
    }

    /// Whether a setting is switched on.
    pub(crate) fn is_on(&self, word: &str) -> bool {
        self.settings.get(word) == Some(&Value::Bool(true))
    }

    /// `Partitions` in answers.
    pub(crate) fn shown_partitions(&self) -> Value {
        let shown = |(ordinal, partition): (usize, &Partition)| {
            let (extra, column) = match &partition.by {
                PartitionBy::Virtual => (None, Value::Null),
                PartitionBy::Column(column) => (None, json!(column)),
                PartitionBy::Hash(column, modulus) => (Some(("Mod", json!(modulus))), json!(column)),
                PartitionBy::Start(at, column) => (Some(("Function", json!(STARTS[*at].1))), json!(column)),
                PartitionBy::Bin(column, size) => {
                    (Some(("Bin", json!(time::timespan(*size)))), json!(column))
                }
            };
            let mut one = Map::new();
            one.extend(extra.map(|(name, value)| (name.to_owned(), value)));
            one.insert("Name".to_owned(), json!(partition.name));
            one.insert("ColumnName".to_owned(), column);
            one.insert("Ordinal".to_owned(), json!(ordinal));
            Value::Object(one)
        };
        self.partitions.iter().enumerate().map(shown).collect()
    }

    /// The columns as `a:string,['b c']:int`, the text of `cslschema`.
    pub(crate) fn csl_schema(&self) -> String {
        let columns = self.columns.iter().map(|(name, of)| format!("{}:{}", names::print(name), of.name()));
        columns.collect::<Vec<_>>().join(",")
    }
}

/// A connection string without its secrets: of storage, the query of a shared access signature, and everything
/// behind the first `;` but what names an identity; of sql, the values of the keys that are secrets.
fn starred(kind: ExternalKind, connection: &str) -> String {
    if kind == ExternalKind::Sql {
        let parts = connection.split(';').map(|part| match part.split_once('=') {
            Some((key, _)) if is_secret(key) => format!("{key}={STARS}"),
            _ => part.to_owned(),
        });
        return parts.collect::<Vec<_>>().join(";");
    }
    let (address, credential) = match connection.split_once(';') {
        Some((address, credential)) => (address, Some(credential)),
        None => (connection, None),
    };
    let address = match address.split_once('?') {
        Some((plain, _)) => format!("{plain}?{STARS}"),
        None => address.to_owned(),
    };
    match credential {
        None => address,
        Some(plain) if plain == "impersonate" || plain.starts_with("managed_identity=") => {
            format!("{address};{plain}")
        }
        Some(_) => format!("{address};{STARS}"),
    }
}

/// Whether a key of a database's connection string holds a secret.
fn is_secret(key: &str) -> bool {
    let secrets = ["password", "pwd", "accountkey", "access token"];
    secrets.iter().any(|secret| key.trim().eq_ignore_ascii_case(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_starred() {
        for (kind, connection, shown) in [
            (ExternalKind::Storage, "https://a/c", "https://a/c"),
            (ExternalKind::Storage, "https://a/c;impersonate", "https://a/c;impersonate"),
            (
                ExternalKind::Delta,
                "https://a/c;managed_identity=system",
                "https://a/c;managed_identity=system",
            ),
            (ExternalKind::Delta, "https://a/c;k3y==", "https://a/c;*******"),
            (ExternalKind::Storage, "https://a/c?sv=1&sig=x", "https://a/c?*******"),
            (ExternalKind::Storage, "https://a/c;token=x", "https://a/c;*******"),
            (
                ExternalKind::Sql,
                "Server=s;User ID=u;Password=p;Encrypt=true",
                "Server=s;User ID=u;Password=*******;Encrypt=true",
            ),
            (
                ExternalKind::Sql,
                "Server=s;Authentication=Active Directory Integrated;",
                "Server=s;Authentication=Active Directory Integrated;",
            ),
        ] {
            assert_eq!(starred(kind, connection), shown);
        }
    }
}
