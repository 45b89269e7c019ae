//! The live inventory, read by region: one GET per cluster, one list per collection, a handful of commands per
//! database, whatever the number of things in them.
//!
//! Invariant: two rounds of requests, all concurrent within each: the roots, then everything below those that can
//! be read (test: `tests/cloud/live/whole.txt`). Below a root whose endpoint is known from before, both are asked at once,
//! and what was asked in vain is left (test: `a_known_endpoint_saves_a_round`). Children of databases that the scope does
//! not declare are not read.
//!
//! Invariant: what could not be read is said, never taken for absent ([`Live::unreadable`]; test:
//! `tests/cloud/live/stopped.txt`).

mod ask;
mod endpoints;
pub mod names;
mod notes;
mod place;
mod violations;

pub use endpoints::Endpoints;
pub use violations::violations;

use crate::cloud::{Cloud, CloudError};
use crate::kind::replies::Reply;
use crate::kind::{self, At, Found, Kind, Source};
use crate::model::inventory::{Inventory, Mode, Resource};
use crate::model::scope::Container;
use crate::model::{Address, Body, Rows, Scope};
use ask::{Ask, Asked, Contents, Got, Wanted, understood};
use place::Places;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// Everything found.
    pub inventory: Inventory,
    /// What a person should know of what was found: things that no kind manages, as sentences.
    pub notes: Vec<String>,
    /// Where reading was not possible, and why: what stands below is unknown rather than gone.
    pub unreadable: Vec<(Address, String)>,
    /// What the service finds wrong with the schemas of databases, where it was asked and said so.
    pub violations: BTreeMap<Address, Vec<String>>,
}

/// Reads everything in a scope. What is found of endpoints is kept for the next reading.
///
/// # Errors
/// When some region gave no usable answer, or one that a kind does not understand.
pub async fn read(cloud: &Cloud, scope: &Scope, endpoints: &Endpoints) -> Result<Live, CloudError> {
    read_like(cloud, scope, endpoints, &Inventory::new(), false).await
}

/// The same where live is probably much like something: what is equal shares its memory with that, so that an unchanged
/// spec and its live state take little more than one of them (test: `a_plan_of_every_kind_asks_twelve_times_and_four_deep`).
/// For whoever is about to change something, the service is asked beside everything else what is wrong with the schemas
/// already, which would be a round of its own later (test: `what_is_wrong_already_is_asked_beside_the_reading`).
///
/// # Errors
/// As [`read`].
pub async fn read_like(
    cloud: &Cloud,
    scope: &Scope,
    endpoints: &Endpoints,
    like: &Inventory,
    violations: bool,
) -> Result<Live, CloudError> {
    let mut reading = Reading::new(scope, like, violations);
    let mut early = Vec::new();
    for (root, uri) in endpoints.of(scope) {
        let uri = Some(uri);
        let asked = Asked::new(cloud, reading.below(&Open::from([(root.clone(), uri.clone())]))?);
        early.push((root, uri, asked));
    }
    let roots = Asked::new(cloud, reading.roots()?).answers().await;
    reading.take(roots)?;
    let mut late = reading.open.clone();
    // What was expected and is not so was asked in vain; nobody waits for its answers.
    early.retain(|(root, uri, _)| late.get(root) == Some(uri));
    for (root, ..) in &early {
        late.remove(root);
    }
    let mut got = Asked::new(cloud, reading.below(&late)?).answers().await;
    for (.., asked) in early {
        got.extend(asked.answers().await);
    }
    // Lists come first: they say which databases exist.
    got.sort_by_cached_key(|(ask, _)| (!matches!(ask, Ask::List { .. }), ask.address().clone()));
    reading.take(got)?;
    reading.former_names();
    endpoints.learn(reading.open);
    Ok(reading.live)
}

/// The roots below which reading goes on, with the management endpoint where there is one.
type Open = BTreeMap<Address, Option<String>>;

/// What is known while reading.
struct Reading<'a> {
    scope: &'a Scope,
    /// The kinds to be read.
    kinds: Vec<&'static dyn Kind>,
    /// The kinds of container in which commands are run to read what is below.
    regions: BTreeSet<&'static str>,
    places: Arc<Places>,
    /// Whether it is asked what is wrong with the schemas.
    violations: bool,
    open: Open,
    live: Live,
}

impl<'a> Reading<'a> {
    fn new(scope: &'a Scope, like: &'a Inventory, violations: bool) -> Self {
        let kinds: Vec<_> = kind::all().filter(|kind| scope.kinds.contains(kind.about().name)).collect();
        let regions =
            kinds.iter().filter(|kind| is_region(kind.source())).flat_map(|kind| around(*kind)).collect();
        let places = Arc::new(Places::new(scope, like));
        let live = Live { inventory: Inventory::shaped_like(like), ..Live::default() };
        Self { scope, kinds, regions, places, violations, open: BTreeMap::new(), live }
    }

    /// The first round: the containers that stand in nothing else.
    fn roots(&mut self) -> Result<Vec<Ask>, CloudError> {
        let mut asks = Vec::new();
        for (address, container) in self.scope.containers.iter().filter(|(at, _)| at.depth() == 1) {
            if let Some(uri) = container.place.get("uri") {
                self.known_by_uri(address, container, uri);
            } else if let Some(Source::ArmGet { api_version, .. }) = source(container) {
                let path = self.arm_id(address)?;
                let api_version = container.api_version.clone().unwrap_or_else(|| api_version.to_owned());
                asks.push(Ask::Get { address: address.clone(), path, api_version });
            }
        }
        Ok(asks)
    }

    /// The second round: every region below some roots that can be read.
    fn below(&self, open: &Open) -> Result<Vec<Ask>, CloudError> {
        // One list of a collection tells of all its kinds; the newest version knows them all.
        let mut lists: BTreeMap<(Address, &'static str), (String, String)> = BTreeMap::new();
        let mut asks = Vec::new();
        let by_commands: Arc<[_]> =
            self.kinds.iter().copied().filter(|kind| is_region(kind.source())).collect();
        for (address, container) in &self.scope.containers {
            let Some(uri) = open.get(&address.prefix(1)).cloned() else { continue };
            let Some(root) = self.scope.containers.get(&address.prefix(1)) else { continue };
            let by_arm = !self.is_known_by_uri(address);
            for kind in
                self.kinds.iter().filter(|kind| kind.about().parents.contains(&container.kind.as_str()))
            {
                let found = kind.source().list().filter(|_| by_arm && kind.stands_in(&root.place));
                if let Some((segment, usual)) = found {
                    let api_version = root.api_version.clone().unwrap_or_else(|| usual.to_owned());
                    let above = match kind.source() {
                        Source::RestList { .. } => self.endpoint(address)?,
                        _ => self.arm_id(address)?,
                    };
                    let path = format!("{above}/{segment}");
                    let list =
                        lists.entry((address.clone(), segment)).or_insert_with(|| (String::new(), path));
                    list.0 = std::mem::take(&mut list.0).max(api_version);
                }
            }
            if let (false, Some(uri)) = (container.commands.is_empty(), &uri) {
                let shows = self.kinds.iter().filter(|kind| container.commands.contains(kind.about().name));
                let shows = shows.flat_map(|kind| kind.cluster_shows()).copied().collect();
                asks.push(Ask::Cluster { address: address.clone(), uri: uri.clone(), shows });
            }
            if address.depth() == 1 {
                continue;
            }
            if let (Some(Source::ArmGet { api_version, .. }), true) = (source(container), by_arm) {
                let (path, api_version) = (self.arm_id(address)?, api_version.to_owned());
                asks.push(Ask::Get { address: address.clone(), path, api_version });
            }
            if let (true, Some(uri)) = (self.regions.contains(container.kind.as_str()), uri) {
                let (address, name) = (address.clone(), container.name.clone());
                let (kinds, places) = (Arc::clone(&by_commands), Arc::clone(&self.places));
                let within = container.kind.clone();
                let wanted = Wanted { kinds, places, within, violations: self.violations };
                asks.push(Ask::Database { address, uri, name, shows: self.shows(), wanted });
            }
        }
        let mut all = Vec::new();
        for ((address, segment), (api_version, path)) in lists {
            all.push(Ask::List { address, segment, path, api_version });
        }
        all.append(&mut asks);
        Ok(all)
    }

    fn take(&mut self, got: Vec<(Ask, Result<Got, CloudError>)>) -> Result<(), CloudError> {
        for (ask, got) in got {
            let got = match got {
                Ok(got) => got,
                Err(error) if self.is_absent(&ask, &error) => continue,
                Err(error) if error.is_not_running() => {
                    self.unreadable(ask.address().prefix(1), error.message);
                    continue;
                }
                Err(error) => return Err(error),
            };
            match (ask, got) {
                (Ask::Get { address, .. }, Got::One(Some(json))) => self.container(&address, &json)?,
                (Ask::List { address, segment, .. }, Got::Many(items)) => {
                    self.items(&address, segment, &items)?
                }
                (Ask::Cluster { address, .. }, Got::Cluster(shows)) => self.cluster(&address, &shows)?,
                (Ask::Database { address, .. }, Got::Database(contents)) => {
                    self.database(&address, *contents)?
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a failure only says that a database is not there: the control plane's word on that counts, and
    /// the management endpoint words it in several ways.
    fn is_absent(&self, ask: &Ask, error: &CloudError) -> bool {
        let Ask::Database { address, .. } = ask else { return false };
        let unlisted = !self.is_known_by_uri(address) && self.live.inventory.get(address).is_none();
        let said_no = matches!(error.class, crate::cloud::Class::Refused | crate::cloud::Class::Denied);
        error.class == crate::cloud::Class::Missing || (unlisted && said_no)
    }

    fn container(&mut self, address: &Address, json: &Json) -> Result<(), CloudError> {
        let Some(container) = self.scope.containers.get(address) else { return Ok(()) };
        for kind in self.kinds_like(&container.kind) {
            for found in understood(kind, &Reply::Arm(json), address)? {
                let uri = found.attributes.text("uri").map(str::to_owned);
                let mut thing = Resource { mode: Mode::Managed, ..resource(kind, found) };
                if thing.name.is_empty() {
                    thing.name = container.name.as_str().into();
                }
                for field in kind.about().fields {
                    if let (Some(said), None) = (container.place.get(field.name), thing.body.get(field.name))
                    {
                        thing.body.set(field.name, said.as_str());
                    }
                }
                self.live.inventory.insert(address.clone(), thing);
                match kind.unreadable(json) {
                    Some(why) => self.unreadable(address.clone(), why),
                    None => drop(self.open.insert(address.clone(), uri)),
                }
            }
        }
        Ok(())
    }

    fn items(&mut self, container: &Address, segment: &str, items: &[Json]) -> Result<(), CloudError> {
        let Some(of) = self.scope.containers.get(container) else { return Ok(()) };
        let like = |source: Source| source.list().is_some_and(|(own, _)| own == segment);
        let kinds: Vec<_> = kind::all()
            .filter(|kind| like(kind.source()) && kind.about().parents.contains(&of.kind.as_str()))
            .collect();
        let mut unclaimed = Vec::new();
        for item in items {
            let mut claimed = false;
            for kind in &kinds {
                for found in understood(*kind, &Reply::Arm(item), container)? {
                    claimed = true;
                    self.insert(container, *kind, found);
                }
            }
            if !claimed {
                unclaimed.push(item);
            }
        }
        self.live.notes.extend(notes::items(container, segment, &unclaimed));
        Ok(())
    }

    fn cluster(&mut self, address: &Address, shows: &BTreeMap<String, Rows>) -> Result<(), CloudError> {
        let Some(container) = self.scope.containers.get(address) else { return Ok(()) };
        for kind in self.kinds.clone().into_iter().filter(|k| container.commands.contains(k.about().name)) {
            for found in understood(kind, &Reply::Cluster(shows), address)? {
                self.insert(address, kind, found);
            }
        }
        Ok(())
    }

    fn database(&mut self, address: &Address, contents: Contents) -> Result<(), CloudError> {
        if self.is_known_by_uri(address) {
            let Some(container) = self.scope.containers.get(address) else { return Ok(()) };
            let Some(kind) = kind::by_name(&container.kind) else { return Ok(()) };
            let found = Found { path: vec![("", contents.name)], ..Found::default() };
            self.live.inventory.insert(address.clone(), existing(kind, found));
        }
        if self.live.inventory.get(address).is_none() {
            return Ok(());
        }
        self.live.inventory.absorb(contents.found?);
        self.live.notes.extend(contents.note);
        self.live.violations.extend(contents.violations.map(|found| (address.clone(), found)));
        Ok(())
    }

    fn insert(&mut self, container: &Address, kind: &'static dyn Kind, found: Found) {
        let Some(of) = self.scope.containers.get(container) else { return };
        if !self.scope.kinds.contains(kind.about().name) {
            return;
        }
        let address = self.places.of(container, &of.kind, kind, &found, &self.live.inventory);
        self.live.inventory.insert(address, resource(kind, found));
    }

    /// Puts what still has its former name where the spec declares it; its name stays the service's.
    fn former_names(&mut self) {
        let former: Vec<_> = self.scope.aliases.iter().filter(|alias| alias.former).collect();
        // One that moves away may make room for another.
        for _ in 0..former.len() {
            for (was, is) in former.iter().filter_map(|alias| self.places.former(alias)) {
                if self.live.inventory.get(&is).is_none() {
                    self.live.inventory.relocate(&was, &is);
                }
            }
        }
    }

    fn known_by_uri(&mut self, address: &Address, container: &Container, uri: &str) {
        let Some(kind) = kind::by_name(&container.kind) else { return };
        let body = Body::new().with("uri", uri);
        let (path, attributes) = (vec![("", container.name.clone())], body.clone());
        let found = Found { path, body, attributes, ..Found::default() };
        self.live.inventory.insert(address.clone(), existing(kind, found));
        self.open.insert(address.clone(), Some(uri.to_owned()));
    }

    fn is_known_by_uri(&self, address: &Address) -> bool {
        self.scope.containers.get(&address.prefix(1)).is_some_and(|root| root.place.contains_key("uri"))
    }

    fn unreadable(&mut self, address: Address, why: String) {
        if !self.live.unreadable.iter().any(|(known, _)| *known == address) {
            self.live.unreadable.push((address, why));
        }
    }

    fn kinds_like(&self, name: &str) -> Vec<&'static dyn Kind> {
        self.kinds.iter().copied().filter(|kind| kind.about().name == name).collect()
    }

    /// The commands that the kinds need beyond the usual ones, each once.
    fn shows(&self) -> BTreeSet<&'static str> {
        let shows = |kind: &&'static dyn Kind| match kind.source() {
            Source::Database { shows } => shows,
            _ => &[],
        };
        self.kinds.iter().flat_map(shows).copied().collect()
    }

    /// The address of a container's own interface, as the container was found.
    fn endpoint(&self, address: &Address) -> Result<String, CloudError> {
        let world = &self.live.inventory;
        let found = world.get(address).and_then(|found| Some((found, kind::by_name(found.kind)?)));
        let endpoint = match found {
            Some((resource, kind)) => kind.endpoint(&At { address, resource, world }),
            None => Err(format!("{address} was not found")),
        };
        endpoint.map_err(|why| CloudError::unsent(why, &address.to_string()))
    }

    /// The resource id of a container.
    fn arm_id(&self, address: &Address) -> Result<String, CloudError> {
        let id = self.scope.containers.get(address).and_then(|container| container.id.clone());
        id.ok_or_else(|| {
            let message = format!("{address} cannot be read: where it is in Azure is not known");
            CloudError::unsent(message, &address.to_string())
        })
    }
}

fn source(container: &Container) -> Option<Source> {
    kind::by_name(&container.kind).map(Kind::source)
}

const fn is_region(source: Source) -> bool {
    matches!(source, Source::Database { .. })
}

/// The containers around a kind that is read by commands: the nearest that are not read so themselves.
fn around(kind: &'static dyn Kind) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    let mut passed = BTreeSet::new();
    let mut open = vec![kind];
    while let Some(kind) = open.pop() {
        for &parent in kind.about().parents {
            match kind::by_name(parent) {
                Some(parent) if is_region(parent.source()) => {
                    if passed.insert(parent.about().name) {
                        open.push(parent);
                    }
                }
                _ => {
                    found.insert(parent);
                }
            }
        }
    }
    found
}

fn existing(kind: &'static dyn Kind, found: Found) -> Resource {
    Resource { mode: Mode::Existing, ..resource(kind, found) }
}

fn resource(kind: &'static dyn Kind, found: Found) -> Resource {
    let mode = if found.is_given { Mode::Existing } else { Mode::Managed };
    let name = found.path.last().map(|(_, name)| name.as_str()).unwrap_or_default().into();
    let Found { body, attributes, rows, bytes, .. } = found;
    let kind = kind.about().name;
    Resource { kind, name, body, mode, is_live: true, attributes, rows, bytes, ..Resource::default() }
}
