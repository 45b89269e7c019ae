//! One region: what is asked, and the answer in the form in which kinds read it.

use super::notes;
use super::place::Places;
use super::violations;
use crate::cloud::{Class, Cloud, CloudError};
use crate::kind::replies::{DatabaseReplies, DatabaseSchema, Reply};
use crate::kind::script::{self, Statement};
use crate::kind::{Found, Kind};
use crate::model::{Address, Command, Inventory, Rows};
use futures::future::join;
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::task::JoinSet;

/// What the tables of a database hold. Each row has dozens of columns, of which these are read.
///
/// <https://learn.microsoft.com/kusto/management/show-table-details-command>
const DETAILS: &str = ".show tables details | project TableName, TotalRowCount, TotalOriginalSize";

/// One region to be read.
#[derive(Clone)]
pub(super) enum Ask {
    /// A container by itself.
    Get { address: Address, path: String, api_version: String },
    /// A collection of a container.
    List { address: Address, segment: &'static str, path: String, api_version: String },
    /// Everything in a database.
    Database {
        address: Address,
        uri: String,
        name: String,
        shows: BTreeSet<&'static str>,
        /// What is looked for in the replies, and where it is put.
        wanted: Wanted,
    },
    /// What a cluster says of itself.
    Cluster { address: Address, uri: String, shows: BTreeSet<&'static str> },
}

/// What a region holds.
pub(super) enum Got {
    One(Option<Json>),
    Many(Vec<Json>),
    Database(Box<Contents>),
    Cluster(BTreeMap<String, Rows>),
}

/// What is looked for in a database.
#[derive(Clone)]
pub(super) struct Wanted {
    /// The kinds of things.
    pub(super) kinds: Arc<[&'static dyn Kind]>,
    /// Where things are put.
    pub(super) places: Arc<Places>,
    /// The kind of the database itself, by its word.
    pub(super) within: String,
    /// Whether what the service finds wrong with the schema is asked too.
    pub(super) violations: bool,
}

/// What a database holds.
pub(super) struct Contents {
    /// The name as the service spells it.
    pub(super) name: String,
    /// Everything found, or the first that a kind does not understand.
    pub(super) found: Result<Inventory, CloudError>,
    /// What nobody manages, as a sentence.
    pub(super) note: Option<String>,
    /// What the service finds wrong with the schema; nothing where it was not asked, or did not say.
    pub(super) violations: Option<Vec<String>>,
}

impl Contents {
    /// Reads the replies, which are gone afterwards: what is found is a fraction of them.
    fn of(address: &Address, wanted: &Wanted, replies: &DatabaseReplies) -> Self {
        let found = Self::things(address, wanted, &Reply::Database(replies));
        let (name, note) = (replies.name.clone(), notes::script(address, replies));
        Self { name, found, note, violations: None }
    }

    fn things(address: &Address, wanted: &Wanted, reply: &Reply<'_>) -> Result<Inventory, CloudError> {
        let mut things = Inventory::new();
        for kind in wanted.kinds.iter().copied() {
            let mut found = understood(kind, reply, address)?;
            // The first of a name has it for its key, whatever the order in which the service lists them.
            let told_by = kind.about().told_by;
            found.sort_by(|a, b| a.body.text(told_by).cmp(&b.body.text(told_by)));
            things.reserve(found.len());
            for found in found {
                let at = wanted.places.of(address, &wanted.within, kind, &found, &things);
                let (at, thing) = wanted.places.shared(at, super::resource(kind, found));
                things.insert(at, thing);
            }
        }
        Ok(things)
    }
}

/// What a kind finds in a reply.
pub(super) fn understood(
    kind: &'static dyn Kind,
    reply: &Reply<'_>,
    at: &Address,
) -> Result<Vec<Found>, CloudError> {
    kind.found(reply).map_err(|why| {
        let message =
            format!("what the service says of a {} in {at} cannot be understood: {why}", kind.about().name);
        CloudError::garbled(message, &at.to_string())
    })
}

impl Ask {
    /// The container concerned.
    pub(super) const fn address(&self) -> &Address {
        match self {
            Self::Get { address, .. }
            | Self::List { address, .. }
            | Self::Database { address, .. }
            | Self::Cluster { address, .. } => address,
        }
    }

    async fn answer(self, cloud: &Cloud) -> Result<Got, CloudError> {
        match self {
            Self::Get { path, api_version, .. } => cloud.get(&path, &api_version).await.map(Got::One),
            Self::List { path, api_version, .. } => {
                let items = cloud.list(&path, &api_version).await?;
                Ok(Got::Many(items.unwrap_or_default()))
            }
            Self::Database { address, uri, name, shows, wanted } => {
                let wrong = async {
                    if wanted.violations { violations(cloud, &uri, &name).await.ok() } else { None }
                };
                let (replies, violations) = join(database(cloud, &uri, &name, &shows), wrong).await;
                let contents = Contents::of(&address, &wanted, &replies?);
                Ok(Got::Database(Box::new(Contents { violations, ..contents })))
            }
            Self::Cluster { uri, shows, .. } => cluster(cloud, &uri, &shows).await.map(Got::Cluster),
        }
    }
}

/// What was asked, all at once; dropped, nobody waits for the answers any more.
pub(super) struct Asked {
    asks: Vec<Ask>,
    tasks: JoinSet<(usize, Result<Got, CloudError>)>,
}

impl Asked {
    pub(super) fn new(cloud: &Cloud, asks: Vec<Ask>) -> Self {
        let mut tasks = JoinSet::new();
        for (number, ask) in asks.iter().cloned().enumerate() {
            let cloud = cloud.clone();
            tasks.spawn(async move { (number, ask.answer(&cloud).await) });
        }
        Self { asks, tasks }
    }

    /// The answers, in the order of the questions.
    pub(super) async fn answers(self) -> Vec<(Ask, Result<Got, CloudError>)> {
        let mut got: BTreeMap<usize, _> = self.tasks.join_all().await.into_iter().collect();
        let asks = self.asks.into_iter().enumerate();
        asks.filter_map(|(number, ask)| Some((ask, got.remove(&number)?))).collect()
    }
}

/// The answers of a cluster, by the commands.
async fn cluster(
    cloud: &Cloud,
    uri: &str,
    shows: &BTreeSet<&'static str>,
) -> Result<BTreeMap<String, Rows>, CloudError> {
    let mut tasks = JoinSet::new();
    for &show in shows {
        let (cloud, uri) = (cloud.clone(), uri.to_owned());
        tasks.spawn(async move {
            let tables = cloud.command(&uri, "", show).await?;
            Ok((show.to_owned(), tables.into_iter().next().unwrap_or_default()))
        });
    }
    tasks.join_all().await.into_iter().collect()
}

/// A part of what is read of a database.
enum Part {
    Schema(DatabaseSchema),
    Script(Vec<Statement>),
    Details(Rows),
    Show(String, Rows),
}

/// How the answer to a command becomes a part.
type Read = Box<dyn FnOnce(Rows, &str) -> Result<Part, CloudError> + Send>;

async fn database(
    cloud: &Cloud,
    uri: &str,
    name: &str,
    shows: &BTreeSet<&'static str>,
) -> Result<DatabaseReplies, CloudError> {
    let wanted = name.to_owned();
    let of = |words| Command::new(".show database").name(name).word(words).as_str().to_owned();
    let mut asks: Vec<(String, Read)> = vec![
        (
            of("schema as json"),
            Box::new(move |rows, command| schema(&rows, &wanted, command).map(Part::Schema)),
        ),
        (of("schema as csl script"), Box::new(|rows, _| Ok(Part::Script(statements(&rows))))),
        (DETAILS.to_owned(), Box::new(|rows, _| Ok(Part::Details(rows)))),
    ];
    for &show in shows {
        asks.push((show.to_owned(), Box::new(|rows, command| Ok(Part::Show(command.to_owned(), rows)))));
    }
    let mut tasks = JoinSet::new();
    for (number, (command, read)) in asks.into_iter().enumerate() {
        let (cloud, uri, name) = (cloud.clone(), uri.to_owned(), name.to_owned());
        tasks.spawn(async move {
            let answer = cloud.command(&uri, &name, &command).await;
            (number, answer.and_then(|tables| read(tables.into_iter().next().unwrap_or_default(), &command)))
        });
    }
    let mut replies = DatabaseReplies { name: name.to_owned(), ..DatabaseReplies::default() };
    let mut failure: Option<CloudError> = None;
    let parts: BTreeMap<usize, Result<Part, CloudError>> = tasks.join_all().await.into_iter().collect();
    for part in parts.into_values() {
        match part {
            Ok(Part::Schema(schema)) => {
                replies.name = if schema.name.is_empty() { name.to_owned() } else { schema.name.clone() };
                replies.schema = schema;
            }
            Ok(Part::Script(script)) => replies.script = script,
            Ok(Part::Details(details)) => replies.details = details,
            Ok(Part::Show(command, rows)) => {
                replies.shows.insert(command, rows);
            }
            // Of several failures, that the database is missing explains the others.
            Err(error) if failure.is_none() || error.class == Class::Missing => failure = Some(error),
            Err(_) => {}
        }
    }
    failure.map_or(Ok(replies), Err)
}

/// The answer of `.show database schema as json`.
///
/// <https://learn.microsoft.com/kusto/management/show-schema-database>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    databases: BTreeMap<String, DatabaseSchema>,
}

fn schema(rows: &Rows, name: &str, command: &str) -> Result<DatabaseSchema, CloudError> {
    let garbled = |why: String| {
        CloudError::garbled(format!("the schema of database {name} cannot be read: {why}"), command)
    };
    let cell = rows.rows.first().and_then(|row| row.first());
    let document: Document = match cell {
        Some(Json::String(text)) => serde_json::from_str(text).map_err(|why| garbled(why.to_string()))?,
        Some(json @ Json::Object(_)) => {
            Document::deserialize(json).map_err(|why| garbled(why.to_string()))?
        }
        _ => return Err(garbled("the answer is empty".to_owned())),
    };
    let mut databases = document.databases.into_iter();
    let found = databases.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, schema)| schema).ok_or_else(|| garbled("it is not in the answer".to_owned()))
}

fn statements(rows: &Rows) -> Vec<Statement> {
    script::parse(rows.rows.iter().filter_map(|row| row.first().and_then(Json::as_str)))
}
