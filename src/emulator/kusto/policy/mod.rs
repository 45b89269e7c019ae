//! Policies: one small file each, and one list (`M:policies.md`).
//!
//! A policy says its word and title, where it may stand, how its argument is read, and what canonical JSON the
//! service gives back. Everything else (verbs, plural forms, `*`, answers, inheritance, scripts) is common.
//!
//! Invariant: unset (`null`) and set to the defaults are different states; canonical text read back as an argument
//! gives the same canonical text (tests: `canonical_text_is_stable`, `tests/wire/kusto/policies.txt`).

mod auto_delete;
mod caching;
mod callout;
mod capacity;
mod encoding;
mod extent_tags_retention;
mod fields;
mod ingestion_batching;
mod ingestion_time;
mod managed_identity;
mod merge;
mod mirroring;
mod opaque;
mod partitioning;
mod query_acceleration;
mod query_weak_consistency;
mod request_classification;
mod restricted_view_access;
mod retention;
mod row_level_security;
mod row_order;
mod sandbox;
mod sharding;
mod streaming_ingestion;
mod update;
pub(crate) mod workload_group;

pub(crate) use update::sources as update_sources;

use super::catalog::{Database, Policies, View};
use super::error::Fault;
use super::syntax::{Cursor, quote};
use serde_json::Value;

/// What a policy is set on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The whole cluster.
    Cluster,
    /// A database.
    Database,
    /// A table.
    Table,
    /// A materialized view.
    View,
    /// An external table.
    External,
    /// A column of a table.
    Column,
    /// A graph model.
    GraphModel,
}

/// Whether a command replaces a policy or changes what it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// `.alter`: what is not given takes its default.
    Alter,
    /// `.alter-merge`: what is not given stays.
    Merge,
}

/// An entity that a policy is set on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The cluster of the request.
    Cluster,
    /// A database, or the request's.
    Database(Option<String>),
    /// A table of a database, or of the request's.
    Table(Option<String>, String),
    /// A materialized view of a database, or of the request's.
    View(Option<String>, String),
    /// An external table of the request's database.
    External(String),
    /// A column of a table of a database, or of the request's.
    Column(Option<String>, String, String),
    /// A graph model of the request's database.
    GraphModel(String),
}

impl Target {
    /// The database that the target names, when it does.
    pub(crate) fn database(&self) -> Option<&str> {
        match self {
            Self::Cluster | Self::External(_) | Self::GraphModel(_) => None,
            Self::Database(database)
            | Self::Table(database, _)
            | Self::View(database, _)
            | Self::Column(database, ..) => database.as_deref(),
        }
    }

    /// The table, when the target is one.
    pub(crate) fn table<'a>(&self, database: &'a Database) -> Option<&'a super::catalog::Table> {
        match self {
            Self::Table(_, name) => database.tables.get(name),
            _ => None,
        }
    }
}

/// A policy kind.
pub(crate) trait Policy: Sync {
    /// The word in commands: `ingestionbatching`.
    fn word(&self) -> &'static str;

    /// `PolicyName` in answers: `IngestionBatchingPolicy`.
    fn title(&self) -> &'static str;

    /// Where it may be set.
    fn scopes(&self) -> &'static [Scope];

    /// Where `.show … * policy` reads it for all at once.
    fn starred(&self) -> &'static [Scope] {
        &[]
    }

    /// Whether `.alter tables (…) policy` sets it.
    fn plural(&self) -> bool {
        false
    }

    /// Whether `.alter-merge` exists.
    fn merges(&self) -> bool {
        true
    }

    /// Whether `.delete` exists at this scope.
    fn deletes(&self, scope: Scope) -> bool {
        scope != Scope::Cluster
    }

    /// Reads the argument of a command; what it makes null is unset.
    fn read(&self, _verb: Verb, cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
        json_argument(self.title(), cursor)
    }

    /// The canonical text of `given`, over `before` when the command merges; `now` is in ticks.
    fn canonical(&self, given: &Value, before: Option<&Value>, now: i64) -> Result<String, Fault>;

    /// Refuses a policy that does not fit the state.
    fn check(&self, _view: &View<'_>, _target: &Target, _policy: &Value) -> Result<(), Fault> {
        Ok(())
    }

    /// Refuses to unset the policy where the state needs it.
    fn check_delete(&self, _view: &View<'_>, _target: &Target) -> Result<(), Fault> {
        Ok(())
    }

    /// The text that a new entity has set without being asked.
    fn of_new(&self, _scope: Scope) -> Option<String> {
        None
    }

    /// The text that stands where nothing was ever set, for a policy that is never unset.
    fn never_unset(&self) -> Option<String> {
        None
    }

    /// Further rows of `.show`, which no command changes.
    fn fixed(&self) -> &'static [&'static str] {
        &[]
    }

    /// What is in force where nothing is set, as `details` shows it.
    fn in_force(&self) -> Option<String> {
        None
    }

    /// The command that `schema as csl script` prints; `entity` is `table T` or `database D`.
    fn statement(&self, entity: &str, text: &str) -> String {
        format!(".alter {entity} policy {} {}", self.word(), quote(text))
    }
}

/// Every policy that is modelled.
pub(crate) const ALL: &[&dyn Policy] = &[
    &auto_delete::AutoDelete,
    &caching::Caching,
    &callout::Callout,
    &capacity::Capacity,
    &opaque::DIAGNOSTICS,
    &encoding::Encoding,
    &extent_tags_retention::ExtentTagsRetention,
    &ingestion_batching::IngestionBatching,
    &ingestion_time::IngestionTime,
    &managed_identity::ManagedIdentity,
    &merge::Merge,
    &mirroring::Mirroring,
    &opaque::MULTI_DATABASE_ADMINS,
    &partitioning::Partitioning,
    &query_acceleration::QueryAcceleration,
    &query_weak_consistency::QueryWeakConsistency,
    &request_classification::RequestClassification,
    &restricted_view_access::RestrictedViewAccess,
    &retention::Retention,
    &row_level_security::RowLevelSecurity,
    &row_order::RowOrder,
    &opaque::ROW_STORE,
    &sandbox::Sandbox,
    &sharding::Sharding,
    &opaque::SHARDS_GROUPING,
    &streaming_ingestion::StreamingIngestion,
    &update::Update,
];

/// The policy of this word.
pub(crate) fn find(word: &str) -> Option<&'static dyn Policy> {
    ALL.iter().copied().find(|policy| policy.word() == word)
}

/// Reads a policy word.
pub(crate) fn word(cursor: &mut Cursor<'_>) -> Result<&'static dyn Policy, Fault> {
    let at = cursor.clone();
    let word = cursor.keyword().unwrap_or_default();
    if cursor.eat(word)
        && let Some(policy) = find(word)
    {
        return Ok(policy);
    }
    Err(at.expected("the name of a policy"))
}

/// A JSON literal, as most policies take it.
fn json_argument(title: &str, cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
    let text = cursor.text("the policy as JSON")?;
    parse_json(title, &text)
}

fn parse_json(title: &str, text: &str) -> Result<Value, Fault> {
    serde_json::from_str(text).map_err(|error| invalid(title, &format!("it is not JSON: {error}")))
}

/// A policy that the service refuses.
fn invalid(title: &str, why: &str) -> Fault {
    Fault::bad_request(format!("{title} is not valid: {why}."))
}

fn of_new(scope: Scope) -> Policies {
    let set = ALL.iter().filter_map(|policy| Some((policy.word().to_owned(), policy.of_new(scope)?)));
    set.collect()
}

/// What a new database has set.
pub(crate) fn of_new_database() -> Policies {
    of_new(Scope::Database)
}

/// What a new table has set.
pub(crate) fn of_new_table() -> Policies {
    of_new(Scope::Table)
}

/// The policies above a table, to find which are in force on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inherited<'a> {
    cluster: &'a Policies,
    database: &'a Policies,
}

impl<'a> Inherited<'a> {
    /// Table inherits from database, database from cluster.
    pub(crate) fn new(cluster: &'a Policies, database: &'a Policies) -> Self {
        Self { cluster, database }
    }

    /// The text in force; `null` when nothing is.
    pub(crate) fn effective(&self, own: &Policies, word: &str) -> String {
        let set = [own, self.database, self.cluster].into_iter().find_map(|policies| policies.get(word));
        let in_force = || find(word).and_then(Policy::in_force);
        set.cloned().or_else(in_force).unwrap_or_else(|| "null".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_order() {
        let words: Vec<_> = ALL.iter().map(|policy| policy.word()).collect();
        assert!(words.is_sorted(), "{words:?}");
    }

    #[test]
    fn canonical_text_is_stable() {
        let cases = [
            ("retention", "{}"),
            ("retention", r#"{"softDeletePeriod":"10.00:00:00","recoverability":"disabled","Old":1}"#),
            ("ingestionbatching", r#"{"MaximumNumberOfItems":5}"#),
            ("streamingingestion", r#"{"isenabled":true,"HintAllocatedRate":"2.1"}"#),
            ("merge", r#"{"Lookback":{"Kind":"Custom","CustomPeriod":"1.00:00:00"}}"#),
            ("merge", r#"{"AllowMerge":false}"#),
            ("sharding", "{}"),
            ("update", r#"[{"Source":"S","Query":"S","IsEnabled":true}]"#),
            ("update", "[]"),
            ("auto_delete", r#"{"ExpiryDate":"9999-01-01"}"#),
            ("extent_tags_retention", r#"[{"TagPrefix":"drop-by:","RetentionPeriod":"3.00:00:00"}]"#),
            (
                "partitioning",
                r#"{"PartitionKeys":[{"ColumnName":"t","Kind":"Hash","Properties":{"Function":"XxHash64","MaxPartitionCount":128}}]}"#,
            ),
        ];
        for (word, text) in cases {
            let policy = find(word).unwrap();
            let given = serde_json::from_str(text).unwrap();
            let once = policy.canonical(&given, None, 0).unwrap();
            let value: Value = serde_json::from_str(&once).unwrap();
            assert_eq!(policy.canonical(&value, None, 7), Ok(once.clone()), "{word} {text}");
            let nothing = if value.is_array() { serde_json::json!([]) } else { serde_json::json!({}) };
            if policy.merges() && word != "update" {
                assert_eq!(policy.canonical(&nothing, Some(&value), 7), Ok(once), "{word} {text}");
            }
        }
    }

    #[test]
    fn unset_inherits() {
        let database = Policies::from([("caching".to_owned(), "db".to_owned())]);
        let none = Policies::new();
        let inherited = Inherited::new(&none, &database);
        assert_eq!(inherited.effective(&none, "caching"), "db");
        assert_eq!(inherited.effective(&none, "streamingingestion"), "null");
        assert!(inherited.effective(&none, "retention").contains("365000"));
    }
}
