//! `…/databases/scripts` (reference: arm-api §3.7).
//!
//! A script's content runs on the Kusto plane; a script behind a URL is taken as run, for the emulator fetches
//! nothing. Invariant: content and token are never shown, and the same content under the same tag runs once
//! (test: `tests/wire.rs`, `a_script_runs_on_the_cluster`).

use super::core::Core;
use super::kind::{Change, Kind, Verb, object, properties, with_defaults};
use super::reply::Reply;
use super::state::{Failure, Resource};
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

/// A script.
pub(super) struct Script;

/// The most script resources on one cluster.
const MOST: usize = 50;

impl Kind for Script {
    fn collections(&self) -> &'static [&'static str] {
        &["Clusters", "Databases", "Scripts"]
    }

    fn always_says_who(&self) -> bool {
        true
    }

    fn lane(&self) -> &'static str {
        "script"
    }

    fn name_fault(&self, name: &str) -> Option<String> {
        super::kind::name_fault(name, 260, " ._-")
    }

    fn work(&self, verb: Verb) -> (&'static str, u64) {
        match verb {
            Verb::Put | Verb::Patch => ("DatabaseScriptCreateOrUpdate", 1_600),
            Verb::Delete => ("DatabaseScriptDelete", 100),
        }
    }

    fn check(&self, core: &Core, change: &Change<'_>) -> Result<(), Reply> {
        if change.verb == Verb::Delete {
            return Ok(());
        }
        if super::database::follows(core.state.get(&change.id.ancestor(2))) {
            return Err(Reply::bad("A following database has no scripts of its own."));
        }
        match (change.text("scriptContent"), change.text("scriptUrl")) {
            (None, None) if change.verb == Verb::Put => {
                return Err(Reply::bad("One of the properties 'scriptContent' and 'scriptUrl' is required."));
            }
            (Some(_), Some(_)) => {
                return Err(Reply::bad(
                    "Only one of the properties 'scriptContent' and 'scriptUrl' can be given.",
                ));
            }
            _ => {}
        }
        let level = change
            .text("scriptLevel")
            .filter(|level| !["Database", "Cluster"].iter().any(|known| known.eq_ignore_ascii_case(level)));
        if let Some(level) = level {
            return Err(Reply::bad(format!(
                "The value '{level}' of property 'scriptLevel' is not valid. Allowed values: Database, Cluster."
            )));
        }
        let cluster = change.id.ancestor(1).key();
        let others = core.state.find(|other| {
            other.id.type_text().ends_with("/Scripts") && other.id.ancestor(1).key() == cluster
        });
        if change.old.is_none() && others.len() >= MOST {
            return Err(Reply::service(
                400,
                "TooManyScripts",
                format!("Cluster '{}' already has {MOST} scripts.", change.id.names[0]),
            ));
        }
        Ok(())
    }

    fn fill(&self, _: &Core, _: &Change<'_>, target: &mut Resource) {
        let own = properties(&mut target.body);
        own.remove("scriptUrlSasToken");
        let content = own.remove("scriptContent").and_then(|content| content.as_str().map(str::to_owned));
        let tag = own.get("forceUpdateTag").cloned().unwrap_or_default();
        if let Some(content) = content.filter(|content| !content.is_empty()) {
            let sum = Sha256::digest(format!("{tag}\n{content}"));
            let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
            object(&mut target.hidden).insert("sum".to_owned(), json!(sum));
        }
    }

    fn late(&self, core: &Core, change: &Change<'_>, target: &Resource) -> Option<Failure> {
        let content = change.text("scriptContent")?;
        let ran =
            change.old.filter(|old| old.provisioning == "Succeeded").and_then(|old| old.hidden.get("sum"));
        if ran.is_some() && ran == target.hidden.get("sum") {
            return None;
        }
        let whole = target.body.pointer("/properties/continueOnErrors") != Some(&json!(true));
        let database = change.id.ancestor(2);
        let database = core
            .state
            .get(&database)
            .map_or_else(|| database.name().to_owned(), |found| found.id.name().to_owned());
        let message = run(core, change.id.ancestor(1).name(), &database, content, whole).err()?;
        Some(Failure {
            code: "ScriptExecutionFailed".to_owned(),
            message: format!("[BadRequest] {message}"),
            state: "BadInput".to_owned(),
        })
    }

    fn first(&self, _: &Core, change: &Change<'_>, target: &Resource) -> Value {
        let mut body = change.asked.clone();
        let own = properties(&mut body);
        own.insert("scriptUrlSasToken".to_owned(), json!(""));
        own.insert("scriptContent".to_owned(), json!(""));
        let mut made = target.made.clone();
        for (own, from) in [
            ("createdAt", "lastModifiedAt"),
            ("createdBy", "lastModifiedBy"),
            ("createdByType", "lastModifiedByType"),
        ] {
            made[own] = made[from].clone();
        }
        object(&mut body).insert("systemData".to_owned(), made);
        body
    }

    fn show(&self, _: &Core, resource: &Resource, _: &str) -> Value {
        let mut body = resource.body.clone();
        with_defaults(&mut body, json!({"continueOnErrors": false}));
        body
    }
}

/// Runs a script through the cluster's own endpoint.
fn run(core: &Core, cluster: &str, database: &str, content: &str, whole: bool) -> Result<(), String> {
    core.ports.note_call(cluster);
    let router = core.kusto.router(cluster);
    let options = if whole { " with (ThrowOnErrors=true)" } else { "" };
    let body = json!({"db": database, "csl": format!(".execute database script{options} <|\n{content}")})
        .to_string();
    let request = Request::post("/v1/rest/mgmt")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body));
    let request = request.map_err(|error| error.to_string())?;
    // The control plane is not asynchronous inside: the call gets a thread and a runtime of its own.
    let call = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        runtime.block_on(async move {
            let response = router.oneshot(request).await.map_err(|error| error.to_string())?;
            let good = response.status().is_success();
            let bytes = to_bytes(response.into_body(), 16 << 20).await.map_err(|error| error.to_string())?;
            if good { Ok(()) } else { Err(message_in(&bytes)) }
        })
    });
    call.join().unwrap_or_else(|_| Err("the script could not be run".to_owned()))
}

fn message_in(bytes: &[u8]) -> String {
    let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let said = ["/error/@message", "/error/message"].iter().find_map(|at| body.pointer(at)?.as_str());
    said.map_or_else(|| String::from_utf8_lossy(bytes).into_owned(), str::to_owned)
}
