//! What each kind of resource is, to be asked by algorithms that know none of them by name.
//!
//! A kind is one file under its family's folder: its table of fields ([`About`]), and answers to narrow
//! questions ([`Kind`]). Each family keeps one visible list; [`all`] joins them.
//!
//! Invariant: kinds are pure: no I/O, clock, randomness or hash-ordered output (test: `tests/tidy.rs`), and only
//! `plan/diff.rs` compares bodies.

mod about;
pub mod arm;
pub mod around;
pub mod connection;
pub mod entity;
mod finding;
pub mod given;
pub mod iot;
pub mod lint;
mod names;
pub mod policy;
pub mod question;
pub mod replies;
pub mod roster;
pub mod script;
pub mod shape;
mod texts;

pub use about::{About, Keyed, Plane, Source, Spelling};
pub use entity::{Missing, missing, texts};
pub use finding::{Claim, Finding, Weight};

use crate::model::Address;
use crate::model::body::{Body, Value};
use crate::model::change::{Change, Loss, LossClass};
use crate::model::inventory::{Inventory, Mode, Resource};
use crate::model::request::Request;
use question::{Question, Seen};
use replies::Reply;
use roster::{Enrolled, Roster};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A thing in its surroundings: what kinds are asked about.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// Where it stands.
    pub address: &'a Address,
    /// What it is; during a stage, its name and place still hold.
    pub resource: &'a Resource,
    /// Everything around it: desired laid over live when planning, desired alone when validating.
    pub world: &'a Inventory,
}

impl<'a> At<'a> {
    /// The service's name.
    pub fn name(&self) -> &'a str {
        &self.resource.name
    }

    /// The nearest thing of a kind that contains this one, or this one itself.
    pub fn ancestor(&self, kind: &str) -> Option<(Address, &'a Resource)> {
        if self.resource.kind == kind {
            return Some((self.address.clone(), self.resource));
        }
        let mut at = self.address.parent()?;
        loop {
            match self.world.get(&at) {
                Some(found) if found.kind == kind => return Some((at, found)),
                _ => at = at.parent()?,
            }
        }
    }

    /// The thing that directly contains this one.
    pub fn parent(&self) -> Option<(Address, &'a Resource)> {
        let address = self.address.parent()?;
        self.world.get(&address).map(|resource| (address, resource))
    }

    /// The address of the cluster that contains this.
    pub fn cluster(&self) -> Address {
        self.address.prefix(1)
    }

    /// The service's name of the database that contains this, or `""`.
    pub fn database(&self) -> &'a str {
        self.ancestor("database").map_or("", |(_, database)| &database.name)
    }

    /// The thing of a collection with a service's name, directly below an address.
    pub fn named(&self, parent: &Address, collection: &str, name: &str) -> Option<(Address, &'a Resource)> {
        let mut found = self.world.named(parent, collection, name);
        let (address, resource) = found.find(|(_, found)| found.mode != Mode::Absent)?;
        Some((address.clone(), resource))
    }
}

/// Something a thing needs to exist before it: an edge of the graph, and a dangling name when required.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The address that contains the needed thing.
    pub parent: Address,
    /// Its collection.
    pub collection: &'static str,
    /// Its service's name.
    pub name: String,
    /// The property that names it, for the diagnostic.
    pub field: Vec<String>,
    /// Whether its absence from a fully declared parent is a mistake.
    pub required: bool,
}

/// A thing found in live.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// Collections and service's names from the container that was read down to the thing.
    pub path: Vec<(&'static str, String)>,
    /// Every property the kind knows, canonical.
    pub body: Body,
    /// What references may ask for, by path.
    pub attributes: Body,
    /// Rows of data, where the service says so.
    pub rows: Option<u64>,
    /// Bytes of original data, likewise.
    pub bytes: Option<u64>,
    /// Whether something else makes it and takes it away, so that it is only read.
    pub is_given: bool,
}

/// How a thing fares that works by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Faring {
    /// It works, or nobody wants it to.
    Well,
    /// It is about to, in so many words.
    Coming(String),
    /// It does not, and why.
    Ill(String),
}

/// How a step is taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Undo {
    /// By these requests, in order.
    By(Vec<Request>),
    /// Not at all, and why.
    Never(String),
}

/// The attribute of a thing that a request may refer to and that only the run knows: the moment right before the
/// run deletes the thing, in UTC as the service writes moments.
pub const DELETED_AT: &str = "deletedAt";

/// The attribute that holds a thing's version, where the service has one: it goes along with a write of that thing.
pub const ETAG: &str = "etag";

/// The narrow questions that the algorithms ask of a kind.
pub trait Kind: Sync {
    /// What it is called, where it stands and what it holds.
    fn about(&self) -> &'static About;

    /// How live entries are read.
    fn source(&self) -> Source;

    /// The resource id of a thing of the control plane: below its container's, or in its place.
    ///
    /// # Errors
    /// What is missing for it, as a sentence.
    fn resource_id(&self, at: &At<'_>) -> Result<String, String> {
        arm::place::resource_id(at)
    }

    /// The address of the REST interface of its own, such as `https://plant.azureiotcentral.com`, below which some of
    /// what stands in it is read and written.
    ///
    /// # Errors
    /// What is missing for it, as a sentence.
    fn endpoint(&self, at: &At<'_>) -> Result<String, String> {
        Err(format!("{} has no interface of its own", at.address))
    }

    /// Whether there can be such a thing in a root that is in a place, by the properties that say which; where not, it is
    /// not looked for.
    fn stands_in(&self, _place: &BTreeMap<String, String>) -> bool {
        true
    }

    /// The `api-version` in which a thing is read, and what stands in it, where that is a choice of the spec's.
    fn read_version(&self, _body: &Body) -> Option<String> {
        None
    }

    /// The commands by which entries that stand directly in a cluster are read; each at most once a cluster, and
    /// only where the spec declares such an entry.
    fn cluster_shows(&self) -> &'static [&'static str] {
        &[]
    }

    /// The lists that tell which there are in a place, of a kind that stands in nothing else.
    fn rosters(&self) -> Vec<Roster> {
        Roster::of_type(self.source()).into_iter().collect()
    }

    /// What an item of such a list is; `above` is the id of the place, or of the resource, whose list it is.
    fn enrolled(&self, item: &serde_json::Value, _above: &str) -> Enrolled {
        roster::in_group(self.about(), item)
    }

    /// The entries of this kind in a reply of its [`Source`].
    ///
    /// # Errors
    /// What could not be understood, with the text concerned.
    fn found(&self, reply: &Reply<'_>) -> Result<Vec<Found>, String>;

    /// The request of a change that needs only one, which every change between two [`Kind::stages`] does, and one
    /// that only gives another name ([`Change::rename`]).
    ///
    /// # Errors
    /// Why the change cannot be made, as a sentence that names the property.
    fn request(&self, at: &At<'_>, change: &Change) -> Result<Request, String>;

    /// The request of a change that the service makes without looking at what the thing names, when there is one:
    /// things that name each other are written so.
    fn unvalidated(&self, _at: &At<'_>, _change: &Change) -> Option<Request> {
        None
    }

    /// What a change between two stages may cost in data.
    fn loss(&self, at: &At<'_>, change: &Change) -> Loss;

    /// The bodies that a change passes through when one request is not enough, the ends left out.
    fn stages(&self, _at: &At<'_>, _change: &Change) -> Vec<Body> {
        Vec::new()
    }

    /// What stands after apply: `wanted` laid over `live` unless the kind knows better. Settling what is settled
    /// changes nothing.
    fn settle(&self, live: Option<&Resource>, wanted: &Body) -> Body {
        shape::overlay(self.about().fields, live.map_or(&Body::new(), |live| &live.body), wanted)
    }

    /// Whether the service does not tell a settled body from absence, so that wanting it is wanting nothing; what
    /// is [`Kind::found`] is never such a body. Of the world only the kind of what it stands in may count.
    fn is_absence(&self, _at: &At<'_>, _body: &Body) -> bool {
        false
    }

    /// Why the service never lets it go: it stands as long as its container does, and deleting it leaves it as it is.
    /// `None` for what can be deleted. The request of its deletion changes nothing, where there is one.
    fn stays(&self, _at: &At<'_>) -> Option<&'static str> {
        None
    }

    /// What is left of a live thing when what is declared of it is to go; `None` when that is nothing, so that the
    /// thing itself goes. Without any declared property, all of it is to go.
    fn remains(&self, _live: &Resource, _wanted: &Body) -> Option<Body> {
        None
    }

    /// The name under which a declared thing leaves what it was beside itself, where it does; a number may follow. What
    /// is left so is not dropped with what the spec leaves out.
    fn leaves(&self, _wanted: &Resource) -> Option<String> {
        None
    }

    /// What is wanted when the spec says that it is all there is.
    fn exactly(&self, wanted: &Body) -> Body {
        wanted.clone()
    }

    /// Why a change must not be made unless the user says so, as clauses: it would lock people, or what runs in
    /// their place, out. `gone` says whether a thing of the world is to go.
    fn locks_out(&self, _at: &At<'_>, _change: &Change, _gone: &dyn Fn(&Address) -> bool) -> Vec<String> {
        Vec::new()
    }

    /// Why nothing inside of a thing can be read, by what the control plane says of it; `None` where it can.
    fn unreadable(&self, _said: &serde_json::Value) -> Option<String> {
        None
    }

    /// What opens a thing again, as a clause, where nothing inside of it can be read or written while it is as a body
    /// says: a cluster that is stopped. A change to such a body comes after every change inside of it.
    fn closed(&self, _body: &Body) -> Option<&'static str> {
        None
    }

    /// Whether the service cannot make a change in place, so that the thing is deleted and created anew.
    ///
    /// The deletion's request is that of the deletion alone; the creation's is [`Kind::request`] of the whole
    /// change, so that it can carry on where the old one stopped.
    fn replaces(&self, _change: &Change) -> bool {
        false
    }

    /// What a user should know of a change before it is made, besides its loss: interruptions, long waits.
    fn notes(&self, _at: &At<'_>, _change: &Change) -> Vec<String> {
        Vec::new()
    }

    /// How a change between two stages is taken back: by the inverted change, unless its data is gone.
    fn undo(&self, at: &At<'_>, change: &Change) -> Undo {
        let loss = self.loss(at, change);
        if loss.class == LossClass::Irreversible {
            return Undo::Never(loss.what);
        }
        self.requests(at, &change.invert()).map_or_else(Undo::Never, Undo::By)
    }

    /// Every request of a change in order, one from each stage to the next.
    ///
    /// # Errors
    /// That of the first request that cannot be made.
    fn requests(&self, at: &At<'_>, change: &Change) -> Result<Vec<Request>, String> {
        if change.rename.is_some() {
            return self.request(at, change).map(|request| vec![request]);
        }
        let stages = self.stages(at, change).into_iter().map(Some);
        let ends: Vec<Option<Body>> =
            [change.before.clone()].into_iter().chain(stages).chain([change.after.clone()]).collect();
        ends.windows(2).map(|pair| self.request(at, &Change::new(pair[0].clone(), pair[1].clone()))).collect()
    }

    /// Whether a change takes what is inside of a thing out of reach ([`Kind::closed`]).
    fn closes(&self, change: &Change) -> bool {
        let closed = |body: &Option<Body>| body.as_ref().and_then(|body| self.closed(body)).is_some();
        closed(&change.after) && !closed(&change.before)
    }

    /// Whether taking a change back begins with a change of the container itself, which then is the run's own doing.
    fn undo_begins_above(&self) -> bool {
        false
    }

    /// How many seconds the service takes for a change between two stages, from recordings and documentation.
    fn seconds(&self, _change: &Change) -> u32 {
        1
    }

    /// Whether the service does one such thing at a time in a root.
    fn alone(&self) -> bool {
        false
    }

    /// The things this one needs beyond its container and its references: what its texts of KQL name, unless the
    /// kind knows better.
    fn needs(&self, at: &At<'_>) -> Vec<Need> {
        entity::used(at)
    }

    /// Whether the service checks it against the columns of what it needs, so that it waits for their last change,
    /// even one that cannot be undone.
    fn reads_columns(&self) -> bool {
        false
    }

    /// How to tell how a live thing of this kind fares, where such things work by themselves once they stand.
    fn faring(&self) -> Option<fn(&Resource) -> Faring> {
        None
    }

    /// The things that, as they stand in live, forbid this one as it is to be: where they change too, they come
    /// first. A thing that stays as it is in live must not forbid itself by this.
    fn waits(&self, _at: &At<'_>, _live: &Inventory) -> Vec<Address> {
        Vec::new()
    }

    /// What it uses that nothing else may use.
    fn claims(&self, _at: &At<'_>) -> Vec<Claim> {
        Vec::new()
    }

    /// Mistakes that the shapes do not show, found without any service.
    fn check(&self, _at: &At<'_>) -> Vec<Finding> {
        Vec::new()
    }

    /// A check that the service makes before the thing is written: an action whose result is a list of findings.
    fn validation(&self, _at: &At<'_>) -> Option<Request> {
        None
    }

    /// What Azure is asked before a change is made: whether what it names is there, whether a name is free.
    fn prerequisites(&self, _at: &At<'_>, _change: &Change) -> Vec<Question> {
        Vec::new()
    }

    /// Mistakes that show only in the answers. The thing's surroundings are what the spec declares, with what live tells
    /// of it.
    fn check_live(&self, _at: &At<'_>, _change: &Change, _seen: Seen<'_>) -> Vec<Finding> {
        Vec::new()
    }
}

/// Every kind, family by family.
pub fn all() -> impl Iterator<Item = &'static dyn Kind> {
    [arm::KINDS, around::KINDS, connection::KINDS, iot::KINDS, entity::KINDS, policy::KINDS]
        .into_iter()
        .flatten()
        .copied()
}

/// The kind with a word.
pub fn by_name(name: &str) -> Option<&'static dyn Kind> {
    static KNOWN: LazyLock<FxHashMap<&'static str, &'static dyn Kind>> =
        LazyLock::new(|| all().map(|kind| (kind.about().name, kind)).collect());
    KNOWN.get(name).copied()
}

/// The kinds that may stand directly in a kind, or at the root (`None`).
pub fn within(parent: Option<&'static str>) -> impl Iterator<Item = &'static dyn Kind> {
    all().filter(move |kind| match parent {
        Some(parent) => kind.about().parents.contains(&parent),
        None => kind.about().parents.is_empty(),
    })
}

/// Whether a name of a kind is the same as another.
pub fn same_name(about: &About, a: &str, b: &str) -> bool {
    a == b || (about.names_ignore_case && a.eq_ignore_ascii_case(b))
}

/// A text property of a body as it stands in a request; references print as `${…}`.
pub fn text_of(body: &Body, name: &str) -> String {
    match body.get(name) {
        Some(Value::Text(text)) => text.to_string(),
        Some(Value::Unknown(expr)) => expr.to_string(),
        _ => String::new(),
    }
}
