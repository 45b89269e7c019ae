//! Somebody else's change, made at the worst moment: between the look at a thing and its write or its undo, while the
//! run's own request is on its way. Nothing of it is overwritten, and what it means is said.

use crate::support::{load, root};
use crate::world::World;
use adxform::emulator::{Exchange, Fault, Hook};
use adxform::model::request::Method;
use adxform::model::{Body, Request};
use adxform::run::event::Intent;
use adxform::run::machine::OnFailure;
use adxform::run::report::{Outcome, Report};
use adxform::spec::Spec;
use serde_json::json;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const SPEC: &str = "tests/product/pairs/large.yaml";

/// What a colleague does when a request of some sort comes for the first time.
struct Deed {
    of: fn(&Exchange) -> bool,
    act: Box<dyn FnOnce() + Send>,
    refuse: bool,
}

/// Holds the first request of some sort back until a colleague has done something.
#[derive(Default)]
struct Colleague(Mutex<Option<Deed>>);

impl Hook for Colleague {
    fn before(&self, exchange: &Exchange) -> Fault {
        let mut deed = self.0.lock().unwrap();
        if !deed.as_ref().is_some_and(|deed| (deed.of)(exchange)) {
            return Fault::None;
        }
        let Some(Deed { act, refuse, .. }) = deed.take() else { return Fault::None };
        drop(deed);
        tokio::task::block_in_place(act);
        match refuse {
            true => Fault::Refuse {
                status: 403,
                headers: Vec::new(),
                body: json!({"error": {"code": "Forbidden", "message": "no", "@message": "no", "@permanent": true}}),
            },
            false => Fault::None,
        }
    }
}

/// A world with the usual spec in it, and somebody who may change it.
struct Scene {
    world: World,
    colleague: Arc<Colleague>,
    folders: Vec<TempDir>,
}

impl Scene {
    async fn new() -> Self {
        let colleague = Arc::new(Colleague::default());
        let world = World::new(Some(colleague.clone())).await;
        let plan = world.plan(&load(&root().join(SPEC)), false).await;
        assert_eq!(world.apply(&plan, OnFailure::Rollback).await.0.outcome, Outcome::Done);
        Self { world, colleague, folders: Vec::new() }
    }

    /// The usual spec with pieces of its text replaced, in a folder of its own.
    fn folder(&mut self, pieces: &[(&str, &str)]) -> &TempDir {
        let mut text = std::fs::read_to_string(root().join(SPEC)).unwrap();
        for (from, to) in pieces {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("adx.yaml"), text).unwrap();
        self.folders.push(folder);
        self.folders.last().unwrap()
    }

    fn spec(&mut self, pieces: &[(&str, &str)]) -> Spec {
        load(self.folder(pieces).path())
    }

    /// Lets the colleague apply another spec when a request of some sort comes.
    fn meanwhile(&mut self, of: fn(&Exchange) -> bool, pieces: &[(&str, &str)], refuse: bool) {
        let endpoint = self.world.emulator.arm_url().to_owned();
        let mut command = Command::new(crate::support::binary());
        command.args(["apply", "-y", "--endpoint", &endpoint]).current_dir(self.folder(pieces).path());
        command.env_clear().stdin(Stdio::null());
        let act = move || {
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        *self.colleague.0.lock().unwrap() = Some(Deed { of, act: Box::new(act), refuse });
    }

    /// Lets the colleague write the cluster as it is, which changes nothing but its etag.
    fn meanwhile_nothing(&self, of: fn(&Exchange) -> bool) {
        let path = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Kusto/clusters/small";
        let same = Body::new().with("properties", Body::new().with("enablePurge", false));
        let request = Request::arm(Method::Patch, path.to_owned(), "2024-04-13", same.into());
        let Request::Arm(request) = request else { return };
        let cloud = self.world.cloud.clone();
        let act = move || {
            let written = tokio::runtime::Handle::current().block_on(cloud.perform(&request, |_| {}));
            written.unwrap_or_else(|error| panic!("{error}"));
        };
        *self.colleague.0.lock().unwrap() = Some(Deed { of, act: Box::new(act), refuse: false });
    }

    /// Whether live is as the usual spec with these pieces says.
    async fn stands(&mut self, pieces: &[(&str, &str)]) -> bool {
        let spec = self.spec(pieces);
        self.world.plan(&spec, false).await.is_empty()
    }
}

fn patches_the_cluster(exchange: &Exchange) -> bool {
    exchange.method == "PATCH" && exchange.path.contains("/clusters/small?")
}

fn writes_the_second_function(exchange: &Exchange) -> bool {
    exchange.csl.as_ref().is_some_and(|csl| csl.contains("function") && csl.contains("F() | count"))
}

fn told(report: &Report) -> String {
    let differences = report.differences.iter().map(ToString::to_string);
    let troubles = report.troubles.iter().map(|trouble| trouble.message.clone());
    report.sentences.iter().cloned().chain(troubles).chain(differences).collect::<Vec<_>>().join("\n")
}

const BIGGER: (&str, &str) = ("capacity: 2", "capacity: 3");
const BIGGEST: (&str, &str) = ("capacity: 2", "capacity: 4");

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_etag_refuses_what_was_overtaken_after_the_look() {
    let mut scene = Scene::new().await;
    let ours = scene.spec(&[BIGGER]);
    let plan = scene.world.plan(&ours, false).await;
    scene.meanwhile(patches_the_cluster, &[BIGGEST], false);
    let (report, _) = scene.world.apply(&plan, OnFailure::Rollback).await;
    let text = told(&report);
    assert_eq!((&report.outcome, report.exit_code), (&Outcome::RolledBack, 5), "{text}");
    assert!(
        text.contains("somebody has changed it since the plan was made, so it was not written"),
        "{text}"
    );
    assert!(text.contains("`sku`") && text.contains("the plan is stale"), "{text}");
    assert!(scene.stands(&[BIGGEST]).await, "the colleague's work is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_etag_that_was_overtaken_by_nothing_of_concern_does_not_stop_a_run() {
    let mut scene = Scene::new().await;
    let ours = scene.spec(&[BIGGER]);
    let plan = scene.world.plan(&ours, false).await;
    scene.meanwhile_nothing(patches_the_cluster);
    let before = scene.world.emulator.requests().len();
    let (report, _) = scene.world.apply(&plan, OnFailure::Rollback).await;
    assert_eq!(report.outcome, Outcome::Done, "{}", told(&report));
    let requests = scene.world.emulator.requests();
    let ours =
        |of: &&adxform::emulator::log::Entry| of.method == "PATCH" && of.path.contains("/clusters/small");
    let patches = requests[before..].iter().filter(ours).count();
    assert_eq!(patches, 3, "the run's, the colleague's, and the run's again with what it saw then");
    assert!(scene.stands(&[BIGGER]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_undo_is_held_to_its_etag_too() {
    let mut scene = Scene::new().await;
    let ours = scene.spec(&[BIGGER]);
    let plan = scene.world.plan(&ours, false).await;
    let (report, path) = scene.world.apply(&plan, OnFailure::Rollback).await;
    assert_eq!(report.outcome, Outcome::Done, "{}", told(&report));
    scene.meanwhile(patches_the_cluster, &[BIGGEST], false);
    let report = scene.world.take_up(&path, Intent::Rollback).await;
    assert_eq!((&report.outcome, report.exit_code), (&Outcome::NeedsPerson, 4), "{}", told(&report));
    assert!(scene.stands(&[BIGGEST]).await, "the colleague's work is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_somebody_else_wrote_before_an_undo_is_left_and_told() {
    let mut scene = Scene::new().await;
    let two = ("\"T | take 1\"}", "\"T | take 2\"}\n          G: {body: \"F() | count\"}");
    let three = ("take 1", "take 3");
    let ours = scene.spec(&[two]);
    let plan = scene.world.plan(&ours, false).await;
    assert_eq!(plan.steps.len(), 2);
    // Somebody comes between the two only where they are two requests.
    scene.world.script_commands = Some(1);
    scene.meanwhile(writes_the_second_function, &[three], true);
    let (report, path) = scene.world.apply(&plan, OnFailure::Rollback).await;
    let text = told(&report);
    assert_eq!((&report.outcome, report.exit_code), (&Outcome::NeedsPerson, 4), "{text}");
    assert!(text.contains("somebody has changed it since the run did, so it was left as it is"), "{text}");
    let body = report.differences.iter().find(|of| of.property == "body" && of.address.key() == "F");
    assert!(body.is_some_and(|of| of.found == json!("T | take 3")), "{text}");
    assert!(scene.stands(&[three]).await, "the colleague's work is gone");
    // When the colleague has put it back, one more look finds nothing left to do.
    let back = scene.spec(&[]);
    let plan = scene.world.plan(&back, false).await;
    let newest = scene.world.apply(&plan, OnFailure::Rollback).await.0;
    assert_eq!(newest.outcome, Outcome::Done, "{}", told(&newest));
    let report = scene.world.take_up(&path, Intent::Rollback).await;
    assert_eq!((&report.outcome, report.exit_code), (&Outcome::RolledBack, 0), "{}", told(&report));
}
