//! `import`: a spec of what is live.
//!
//! What was written is read back and compared with what was read, so that an import whose plan would not be empty says
//! so and fails.

use super::args::{Global, ImportArgs};
use super::census;
use super::exit::{Exit, Failure};
use super::session::{Session, unreachable};
use super::terminal::Terminal;
use crate::cloud::Cloud;
use crate::kind;
use crate::live::{self, Live};
use crate::model::inventory::{Inventory, Mode, Resource};
use crate::model::{Address, Body, LossClass, Scope};
use crate::plan::diff::Inputs;
use crate::plan::text::{self, counted};
use crate::plan::{self, MaxDeletes, Plan, scope};
use crate::spec;
use crate::spec::write::{self, Claim, Written};
use std::path::Path;

/// Reads everything that is live and writes a spec of it.
///
/// # Errors
/// A folder that holds files, a place that is not given or cannot be read, or a spec whose plan is not empty.
pub(super) async fn run(args: &ImportArgs, global: &Global, terminal: Terminal) -> Result<Exit, Failure> {
    if !args.force {
        check_empty(&args.out)?;
    }
    let session = Session::open(&args.spec, global, &scope::everything(Inventory::new()), terminal).await?;
    let live = read(&session, args).await;
    session.close().await;
    let mut live = live?;
    live.inventory = targeted(live.inventory, global);
    let part = !global.targets.is_empty() || !global.excludes.is_empty() || !live.unreadable.is_empty();
    let claim = if args.additive || part { Claim::Additive } else { Claim::Exact };
    let written = write::spec(&live.inventory, claim);
    let replaced = save(&args.out, &written)?;
    let notes: Vec<String> = live.notes.iter().chain(&written.notes).cloned().collect();
    notes.iter().for_each(|note| terminal.say(&format!("note: {note}")));
    replaced.iter().for_each(|path| terminal.say(&format!("note: {path} was replaced")));
    prove(&args.out, &live, terminal)?;
    let things = live.inventory.len();
    if terminal.json {
        let files: Vec<&String> = written.files.keys().collect();
        let document = serde_json::json!({
            "files": files, "things": things, "notes": notes, "replaced": replaced, "secrets": written.secrets,
        });
        terminal.document(&document);
    } else {
        let (things, files) = (counted(things, "thing"), counted(written.files.len(), "file"));
        terminal.result(&format!("Imported: {things} in {files} in {}.\n", args.out.display()));
    }
    Ok(Exit::Done)
}

/// Refuses a folder that holds anything but hidden files and the tool's own settings.
fn check_empty(folder: &Path) -> Result<(), Failure> {
    let refuse = |why: String| {
        Failure::new(
            Exit::Refused,
            why,
            "name another folder with --out, or say --force to write into this one",
        )
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refuse(format!("{}: {error}", folder.display()))),
    };
    let mut names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    match names.find(|name| !name.starts_with('.') && name != super::config::FILE) {
        Some(name) => Err(refuse(format!("{} is not empty: it holds {name}", folder.display()))),
        None => Ok(()),
    }
}

/// Reads everything in the cluster and the databases that are asked for.
async fn read(session: &Session, args: &ImportArgs) -> Result<Live, Failure> {
    if args.all || (args.resource_group.is_some() && args.cluster.is_none()) {
        return read_place(session, args).await;
    }
    let (root, cluster) = match &args.uri {
        Some(uri) => by_uri(uri),
        None => by_arm(&session.cloud, args).await?,
    };
    let there = databases(session, &root, &cluster).await?;
    let mut containers = Inventory::new();
    for name in wanted(args, &there)? {
        let mode = cluster.mode;
        let database = Resource { kind: "database", name: name.as_str().into(), mode, ..Resource::default() };
        containers.insert(root.child("databases", &name), database);
    }
    containers.insert(root.clone(), cluster);
    let mut live = whole(session, scope::everything(containers.clone()), !args.databases.is_empty()).await?;
    told(&mut live);
    // A cluster lists all of its databases; only those that are asked for are imported.
    let others: Vec<Address> =
        live.inventory.children(&root, "databases").map(|(at, _)| at.clone()).collect();
    for other in others.iter().filter(|at| containers.get(at).is_none()) {
        live.inventory.remove(other);
    }
    if live.inventory.get(&root).is_none() {
        let help = "correct its name, its subscription or its resource group";
        return Err(Failure::error(format!("there is no cluster {}", root.key()), help));
    }
    Ok(live)
}

/// Says what could not be read.
fn told(live: &mut Live) {
    let unreadable = live.unreadable.iter();
    live.notes.extend(unreadable.map(|(address, why)| format!("{address} could not be read: {why}")));
}

/// Reads everything in a resource group or a subscription.
async fn read_place(session: &Session, args: &ImportArgs) -> Result<Live, Failure> {
    let Some(subscription) = args.subscription.as_deref() else {
        return Err(Failure::new(Exit::Usage, "the subscription is not given", "say --subscription"));
    };
    let group = args.resource_group.as_deref();
    let (containers, left) = census::containers(session, subscription, group).await?;
    let mut live = whole(session, scope::everything(containers), false).await?;
    told(&mut live);
    live.notes.extend(left);
    if live.inventory.is_empty() {
        let place = group
            .map_or_else(|| format!("the subscription {subscription}"), |group| format!("the group {group}"));
        let help = "correct its name, or give `--cluster` or `--uri`";
        return Err(Failure::error(format!("there is nothing in {place} that could be imported"), help));
    }
    Ok(live)
}

/// Reads a scope. What the cluster says of itself takes rights on all of it: it is not asked for where only some
/// databases are wanted, and its refusal is no reason to import nothing.
async fn whole(session: &Session, mut scope: Scope, only_databases: bool) -> Result<Live, Failure> {
    let without = |scope: &mut Scope| scope.containers.values_mut().for_each(|at| at.commands.clear());
    if only_databases {
        without(&mut scope);
    }
    let why = match session.read(&scope).await {
        Err(why) if scope.containers.values().any(|at| !at.commands.is_empty()) => why,
        read => return read,
    };
    without(&mut scope);
    let mut live = session.read(&scope).await?;
    let message = why.message.trim_end();
    let roots = scope.containers.keys().filter(|at| at.depth() == 1);
    live.unreadable.extend(roots.map(|at| (at.child("policies", "*"), message.to_owned())));
    Ok(live)
}

/// A cluster known by its endpoint; its key is the first part of the host that is a name.
fn by_uri(uri: &str) -> (Address, Resource) {
    let uri = uri.trim_end_matches('/');
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let is_number = host.split(':').next().is_some_and(|h| h.chars().all(|c| c.is_ascii_digit() || c == '.'));
    let word = if is_number { path.rsplit('/').next() } else { host.split(['.', ':']).next() };
    let key: String =
        word.unwrap_or_default().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let key = if key.is_empty() { "cluster".to_owned() } else { key };
    let body = Body::new().with("uri", uri);
    let (name, mode) = (key.as_str().into(), Mode::Existing);
    let cluster = Resource { kind: "cluster", name, body, mode, ..Resource::default() };
    (Address::root().child("clusters", &key), cluster)
}

/// A cluster by its resource id, or by its name in a subscription.
async fn by_arm(cloud: &Cloud, args: &ImportArgs) -> Result<(Address, Resource), Failure> {
    let given = args.cluster.as_deref().unwrap_or_default();
    let usage = |message: String, help: &str| Failure::new(Exit::Usage, message, help);
    let id = if given.starts_with('/') {
        given.to_owned()
    } else {
        let subscription = args.subscription.as_deref().ok_or_else(|| {
            usage(
                format!("the subscription of the cluster {given} is not given"),
                "say --subscription, or give its resource id",
            )
        })?;
        match &args.resource_group {
            Some(group) => {
                format!(
                    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Kusto/clusters/{given}"
                )
            }
            None => found(cloud, subscription, given).await?,
        }
    };
    let parts: Vec<&str> = id.trim_end_matches('/').split('/').collect();
    let ["", _, subscription, _, group, _, provider, segment, name] = parts.as_slice() else {
        let help = "it looks like /subscriptions/…/resourceGroups/…/providers/Microsoft.Kusto/clusters/NAME";
        return Err(usage(format!("{id} is no resource id of a cluster"), help));
    };
    if !provider.eq_ignore_ascii_case("Microsoft.Kusto") || !segment.eq_ignore_ascii_case("clusters") {
        return Err(usage(
            format!("{id} is a {provider}/{segment}"),
            "give the id of a Microsoft.Kusto/clusters",
        ));
    }
    let body = Body::new().with("subscriptionId", *subscription).with("resourceGroup", *group);
    let cluster = Resource { kind: "cluster", name: (*name).into(), body, ..Resource::default() };
    Ok((Address::root().child("clusters", name), cluster))
}

async fn found(cloud: &Cloud, subscription: &str, name: &str) -> Result<String, Failure> {
    let Some(kind) = kind::by_name("cluster") else { return Ok(String::new()) };
    let ids =
        live::names::resource_ids(cloud, kind, subscription, name).await.map_err(|e| unreachable(&e))?;
    match ids.as_slice() {
        [id] => Ok(id.clone()),
        [] => {
            let help = "correct the name or the subscription, or say --resource-group";
            Err(Failure::error(format!("the subscription {subscription} has no cluster {name}"), help))
        }
        _ => {
            let help = "say --resource-group, or give the resource id";
            Err(Failure::new(Exit::Usage, format!("several clusters are named {name}"), help))
        }
    }
}

/// The databases that are there.
async fn databases(session: &Session, root: &Address, cluster: &Resource) -> Result<Vec<String>, Failure> {
    if let Some(uri) = cluster.body.text("uri") {
        return live::names::databases(&session.cloud, uri).await.map_err(|e| unreachable(&e));
    }
    let mut containers = Inventory::new();
    containers.insert(root.clone(), cluster.clone());
    let mut scope = scope::everything(containers);
    scope.kinds.retain(|kind| ["cluster", "database"].contains(&kind.as_str()));
    let live = session.read(&scope).await?;
    Ok(live.inventory.children(root, "databases").map(|(_, database)| database.name.to_string()).collect())
}

/// The databases that are asked for, as the service spells them.
fn wanted(args: &ImportArgs, there: &[String]) -> Result<Vec<String>, Failure> {
    if args.databases.is_empty() {
        return Ok(there.to_vec());
    }
    let same =
        |a: &str, b: &str| kind::by_name("database").is_some_and(|kind| kind::same_name(kind.about(), a, b));
    let find = |name: &String| {
        let exact = there.iter().find(|known| *known == name);
        exact.or_else(|| there.iter().find(|known| same(known, name))).cloned().ok_or_else(|| {
            let help = match there {
                [] => "there is no database that you may see".to_owned(),
                names => format!("there are {}", names.join(", ")),
            };
            Failure::error(format!("there is no database {name}"), help)
        })
    };
    args.databases.iter().map(find).collect()
}

/// What `--target` and `--exclude` leave, with what contains it.
fn targeted(mut inventory: Inventory, global: &Global) -> Inventory {
    if global.targets.is_empty() && global.excludes.is_empty() {
        return inventory;
    }
    let is_in = |at: &Address| scope::is_targeted(at, &global.targets, &global.excludes);
    let kept: Vec<Address> = inventory.iter().map(|(at, _)| at).filter(|at| is_in(at)).cloned().collect();
    let holds = |at: &Address| kept.iter().any(|kept| kept.is_within(at));
    let gone: Vec<Address> = inventory.iter().map(|(at, _)| at).filter(|at| !holds(at)).cloned().collect();
    gone.iter().for_each(|at| drop(inventory.remove(at)));
    inventory
}

/// Writes the files, and gives those that were there before.
fn save(folder: &Path, written: &Written) -> Result<Vec<String>, Failure> {
    let mut replaced = Vec::new();
    let schema = serde_json::to_string_pretty(&spec::json_schema()).unwrap_or_default() + "\n";
    let files = written.files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    for (path, text) in files.chain([(write::SCHEMA, schema.as_str())]) {
        let whole = folder.join(path);
        if whole.exists() && std::fs::read_to_string(&whole).ok().as_deref() != Some(text) {
            replaced.push(path.to_owned());
        }
        super::files::write(&whole, text)?;
    }
    Ok(replaced)
}

/// Reads what was written and plans it against what was read.
fn prove(folder: &Path, live: &Live, terminal: Terminal) -> Result<(), Failure> {
    let env = super::session::environment();
    let options = spec::Options {
        root: folder.to_path_buf(),
        environment: None,
        vars: Vec::new(),
        var_files: Vec::new(),
        env: &*env,
    };
    let spec = spec::load(&options).map_err(|mistakes| {
        terminal.say(&mistakes.render(terminal.color));
        let message = "the spec is written, and what is live has mistakes that no spec may have";
        Failure::error(message, "correct them in the files before the first plan")
    })?;
    let origin = |address: &Address| spec.origins.get(address);
    let inputs = Inputs {
        desired: &spec.desired,
        live: &live.inventory,
        references: &spec.references,
        destroy: false,
        targets: &[],
        excludes: &[],
        hidden: &[],
        origin: &origin,
    };
    let options =
        plan::Options { allow: LossClass::Irreversible, max_deletes: MaxDeletes::Any, lock_out: true };
    let plan: Plan = plan::make(&inputs, scope::of(&spec.desired), options);
    if plan.is_empty() && plan.refusals.is_empty() {
        return Ok(());
    }
    terminal.say(&text::plan(&plan, text::Style { verbose: false }));
    terminal.say(&text::refusals(&plan.refusals));
    let message = "the spec is written, and it does not say exactly what is live";
    Err(Failure::error(message, "this is a defect of adxform; please report it with the plan above"))
}
