//! The properties of external tables, and what the service calls them.

use crate::kind::About;
use crate::kind::shape::{Field, NameRule, Role, Shape};

/// Where the data is.
const KINDS: &[&str] = &["storage", "delta", "sql"];

/// The formats of files.
const FORMATS: &[&str] = &[
    "apacheavro",
    "avro",
    "azmonstream",
    "csv",
    "json",
    "multijson",
    "orc",
    "parquet",
    "psv",
    "raw",
    "scsv",
    "sohsv",
    "tsv",
    "tsve",
    "txt",
    "w3clogfile",
];

/// What a partition's value is made of, besides the column alone.
pub(super) const FUNCTIONS: &[&str] =
    &["StartOfDay", "StartOfWeek", "StartOfMonth", "StartOfYear", "Bin", "Hash"];

const PARTITION: &[Field] = &[
    Field::new("name", Shape::Name(NameRule::Entity), "The partition's name, which `pathFormat` uses.")
        .required(),
    Field::new(
        "type",
        Shape::Enum(&["string", "datetime", "long"]),
        "The type of its value; needed only where there is no `column`: `string` or `datetime`.",
    ),
    Field::new(
        "column",
        Shape::Name(NameRule::Entity),
        "The column that it is made of; without one, the path alone gives the value.",
    ),
    Field::new("function", Shape::Enum(FUNCTIONS), "How it is made of the column; without one, as it is."),
    Field::new("modulus", Shape::Int(1, i64::MAX), "For `Hash`, how many values there are."),
    Field::new("size", Shape::Duration, "For `Bin`, the length of a bin."),
];

const CONNECTION: &[Field] = &[
    Field::new(
        "url",
        Shape::Text,
        "The address without a secret: of a container or folder, or for `sql` a connection string. Where a secret \
         belongs into it, as in `…;Password=` or `https://…?`, it stands last and `secret` follows.",
    )
    .required(),
    Field::new(
        "credential",
        Shape::Text,
        "How the service signs in, where that is no secret: `impersonate`, `managed_identity=system` or \
         `managed_identity=` with an object id.",
    ),
    Field::new(
        "secret",
        Shape::Secret,
        "A key or a shared access signature, by reference. The service does not give it back, so that it is written \
         only together with another change.",
    )
    .role(Role::CreateOnly),
];

const FIELDS: &[Field] = &[
    Field::new("kind", Shape::Enum(KINDS), "Where the data is: files, a Delta Lake, or another database.")
        .role(Role::Immutable)
        .required(),
    Field::new(
        "columns",
        Shape::OrderedMap(&Shape::ScalarType),
        "The columns in order, each with its type. Left out for `delta`, they are read from the data. Those of `sql` \
         change by dropping the external table and creating it anew.",
    )
    .role(Role::Filled),
    Field::new(
        "partitions",
        Shape::List(&Shape::object(PARTITION)),
        "The partitions of files, in the order of the path.",
    ),
    Field::new(
        "pathFormat",
        Shape::Text,
        "How the partitions make a path, such as `\"dt=\" datetime_pattern(\"yyyyMMdd\", Day) \"/\" Region`.",
    ),
    Field::new("dataFormat", Shape::Enum(FORMATS), "The format of files, for `storage`."),
    Field::new(
        "connectionStrings",
        Shape::List(&Shape::Object { fields: CONNECTION, short: &["url"] }),
        "Where the data is, each as its `url` alone or with the way to sign in.",
    )
    .required(),
    Field::new("table", Shape::Text, "The table in the other database, for `sql`; none for Cosmos DB."),
    Field::new("folder", Shape::Text, "The folder in which tools show the table; unset when empty."),
    Field::new("docString", Shape::Text, "What the table holds; unset when empty."),
    Field::new("compressed", Shape::Bool, "Whether files are compressed; default false."),
    Field::new(
        "compressionType",
        Shape::Enum(&["gzip", "snappy", "lz4_raw", "brotli", "zstd"]),
        "How exported files are compressed; all but `gzip` go with parquet only.",
    ),
    Field::new(
        "includeHeaders",
        Shape::Enum(&["All", "FirstFile", "None"]),
        "Which delimited files have a line of headers; default `None`.",
    ),
    Field::new("namePrefix", Shape::Text, "What the names of exported files start with."),
    Field::new("fileExtension", Shape::Text, "What the names of files end with."),
    Field::new("encoding", Shape::Enum(&["UTF8NoBOM", "UTF8BOM"]), "How exported text is encoded; default `UTF8NoBOM`."),
    Field::new(
        "autoUpdateSchema",
        Shape::Bool,
        "Whether columns that were read from a Delta Lake follow it; goes with query acceleration.",
    ),
    Field::new(
        "sqlDialect",
        Shape::Enum(&["SqlServer", "MySQL", "PostgreSQL", "CosmosDbSql"]),
        "The other database's language; default `SqlServer`.",
    ),
    Field::new("fireTriggers", Shape::Bool, "Whether exports fire the other table's triggers; default false."),
    Field::new("createIfNotExists", Shape::Bool, "Whether exports create the other table; default false."),
    Field::new("primaryKey", Shape::Text, "The column that is the primary key of a table that exports create."),
];

/// What stands in a `with` clause: the property, its word in commands, and the kinds of table that have it.
pub(super) const SETTINGS: &[(&str, &str, &[&str])] = &[
    ("folder", "folder =", KINDS),
    ("docString", "docString =", KINDS),
    ("compressed", "compressed =", FILES),
    ("compressionType", "compressionType =", FILES),
    ("includeHeaders", "includeHeaders =", &["storage"]),
    ("namePrefix", "namePrefix =", FILES),
    ("fileExtension", "fileExtension =", FILES),
    ("encoding", "encoding =", FILES),
    ("autoUpdateSchema", "AutoUpdateSchema =", &["delta"]),
    ("sqlDialect", "sqlDialect =", &["sql"]),
    ("fireTriggers", "firetriggers =", &["sql"]),
    ("createIfNotExists", "createifnotexists =", &["sql"]),
    ("primaryKey", "primarykey =", &["sql"]),
];

const FILES: &[&str] = &["storage", "delta"];

/// What goes with one kind of table only.
pub(super) const ONLY: &[(&str, &str)] =
    &[("partitions", "storage"), ("pathFormat", "storage"), ("dataFormat", "storage"), ("table", "sql")];

pub(super) const ABOUT: About = About {
    name: "externalTable",
    collection: "externalTables",
    parents: &["database"],
    doc: "An external table: data that stays where it is, in files, a Delta Lake or another database. Dropping it \
          leaves the data alone. A secret never stands in the spec: `secret` refers to it, and the service shows it \
          to nobody.",
    page: "https://learn.microsoft.com/kusto/management/external-tables-azure-storage",
    example: "externalTables:\n  Archive:\n    kind: storage\n    columns: {Timestamp: datetime, State: string}\n    partitions:\n      - {name: Day, column: Timestamp, function: StartOfDay}\n    pathFormat: '\"dt=\" datetime_pattern(\"yyyyMMdd\", Day)'\n    dataFormat: parquet\n    connectionStrings:\n      - {url: 'https://example.blob.core.windows.net/archive', credential: managed_identity=system}\n",
    fields: FIELDS,
    ..About::BASE
};
