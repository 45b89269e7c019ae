//! Races: two applies at once, somebody else's write between plan and write, signals, and a journal that cannot be
//! written.

use crate::support::{complain, load, root};
use crate::world::World;
use adxform::emulator::Options;
use adxform::run::machine::OnFailure;
use adxform::run::report::Outcome;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const SPEC: &str = "tests/product/pairs/large.yaml";

fn adxform(folder: &Path, endpoint: &str, words: &[&str]) -> Command {
    let mut command = Command::new(crate::support::binary());
    command.args(words).args(["--endpoint", endpoint]).current_dir(folder).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    format!(
        "{:?}\n{}{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(root().join(SPEC), folder.path().join("adx.yaml")).unwrap();
    folder
}

/// An emulator that takes its time, so that things happen beside each other.
async fn slow(milliseconds: u64) -> World {
    World::with(Options { latency: Duration::from_millis(milliseconds), ..Options::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_applies_at_once_one_runs_and_the_other_is_told() {
    let mut complaints = Vec::new();
    for round in 0..10 {
        let world = slow(25).await;
        let folder = folder();
        let endpoint = world.emulator.arm_url().to_owned();
        let path = folder.path().to_owned();
        let task = tokio::task::spawn_blocking(move || {
            let start = || adxform(&path, &endpoint, &["apply", "-y"]).spawn().unwrap();
            let both: Vec<Child> = vec![start(), start()];
            let ended: Vec<Output> =
                both.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
            let plan = adxform(&path, &endpoint, &["plan", "--detailed-exitcode"]).output().unwrap();
            (ended, plan)
        });
        let (ended, plan) = task.await.unwrap();
        let mut codes: Vec<Option<i32>> = ended.iter().map(|output| output.status.code()).collect();
        codes.sort();
        let journals = std::fs::read_dir(folder.path().join(".adxform/runs")).unwrap().count();
        let told = ended.iter().any(|output| said(output).contains("another run is at work here"));
        if codes != [Some(0), Some(7)] || !told || plan.status.code() != Some(0) || journals != 1 {
            let texts: Vec<String> = ended.iter().chain([&plan]).map(said).collect();
            complaints.push(format!("round {round}, {journals} files of runs:\n{}", texts.join("\n--\n")));
        }
        world.emulator.stop().await;
    }
    complain(&complaints);
}

/// Waits until the only journal of a folder holds so many records.
fn wait_for_records(folder: &Path, at_least: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let count = || {
        let runs = std::fs::read_dir(folder.join(".adxform/runs")).into_iter().flatten().flatten();
        let mut journals =
            runs.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "journal"));
        let bytes = journals.next().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        bytes.iter().filter(|byte| **byte == b'\n').count()
    };
    while count() < at_least {
        assert!(Instant::now() < deadline, "the apply does not write its journal");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().unwrap();
    assert!(sent.success());
}

/// Whether this process, and so its children, ignores SIGHUP, as below `nohup`.
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0").trim().to_owned();
    u64::from_str_radix(&mask, 16).is_ok_and(|mask| mask & 1 == 1)
}

/// The first signal lets running steps end and undoes; a terminal that is closed says so any number of times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_apply_is_undone_and_says_so() {
    for signals in [&["INT"][..], &["TERM"], &["HUP", "HUP", "HUP"]] {
        if signals[0] == "HUP" && ignores_hangups() {
            println!("skipped: SIGHUP is ignored here, and so it is by the tool");
            continue;
        }
        let world = slow(60).await;
        let folder = folder();
        let endpoint = world.emulator.arm_url().to_owned();
        let path = folder.path().to_owned();
        let task = tokio::task::spawn_blocking(move || {
            let child = adxform(&path, &endpoint, &["apply", "-y"]).spawn().unwrap();
            wait_for_records(&path, 3);
            for name in signals {
                signal(&child, name);
                std::thread::sleep(Duration::from_millis(30));
            }
            child.wait_with_output().unwrap()
        });
        let output = task.await.unwrap();
        let text = said(&output);
        assert_eq!(output.status.code(), Some(130), "{signals:?}: {text}");
        assert!(text.contains("Interrupted: running steps come to their end"), "{text}");
        assert!(text.contains("as it was before the run. Nothing is left to do."), "{text}");
        world.emulator.stop().await;
    }
}

/// The second signal leaves at once, and the journal goes on from there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_interrupt_leaves_a_journal_that_resumes() {
    let world = slow(60).await;
    let folder = folder();
    let endpoint = world.emulator.arm_url().to_owned();
    let path = folder.path().to_owned();
    let task = tokio::task::spawn_blocking(move || {
        let mut child = adxform(&path, &endpoint, &["apply", "-y"]).spawn().unwrap();
        wait_for_records(&path, 2);
        // Signals that come close together count as one, so it is told until it has understood.
        while child.try_wait().unwrap().is_none() {
            signal(&child, "INT");
            std::thread::sleep(Duration::from_millis(25));
        }
        let left = child.wait_with_output().unwrap();
        let resumed = adxform(&path, &endpoint, &["resume", "-y", "--parallelism", "1"]).output().unwrap();
        let ended = adxform(&path, &endpoint, &["rollback", "-y"]).output().unwrap();
        (left, resumed, ended)
    });
    let (left, resumed, rolled_back) = task.await.unwrap();
    assert_eq!(left.status.code(), Some(130), "{}", said(&left));
    assert!(said(&left).contains("`adxform resume"), "{}", said(&left));
    assert_eq!(resumed.status.code(), Some(0), "{}", said(&resumed));
    // Interrupted means undone: what resumes is the undoing, or the doing when nothing had turned yet.
    assert!([Some(0), Some(6)].contains(&rolled_back.status.code()), "{}", said(&rolled_back));
    world.emulator.stop().await;
}

/// A journal that cannot grow: whatever was reached, nothing is sent without its record, and one command goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_before_the_next_effect() {
    let mut codes = Vec::new();
    // In units of 512 bytes: not even the header fits, the header alone, and some records.
    for blocks in [1, 8, 12, 14, 16, 18, 20, 24, 28, 34] {
        let world = slow(0).await;
        let folder = folder();
        let endpoint = world.emulator.arm_url().to_owned();
        let path = folder.path().to_owned();
        let task = tokio::task::spawn_blocking(move || {
            let binary = crate::support::binary().display().to_string();
            let words = format!("ulimit -f {blocks}; exec {binary} apply -y --endpoint {endpoint}");
            let mut command = Command::new("sh");
            command.args(["-c", &words]).current_dir(&path).env_clear().stdin(Stdio::null());
            let full = command.output().unwrap();
            let resumed = adxform(&path, &endpoint, &["resume", "-y"]).output().unwrap();
            let applied = adxform(&path, &endpoint, &["apply", "-y"]).output().unwrap();
            (full, resumed, applied)
        });
        let (full, resumed, applied) = task.await.unwrap();
        let (code, text) = (full.status.code(), said(&full));
        codes.push(code);
        match code {
            Some(0) => {}
            Some(1) => assert!(text.contains("nothing was changed"), "{blocks}: {text}"),
            Some(4) => {
                let told = text.contains("the journal cannot be written: File too large")
                    && text.contains("no further request was started")
                    && text.contains("`adxform resume");
                assert!(told, "{blocks}: {text}");
                assert_eq!(resumed.status.code(), Some(0), "{blocks}: {}", said(&resumed));
            }
            _ => panic!("{blocks}: {text}"),
        }
        assert_eq!(applied.status.code(), Some(0), "{blocks}: {}\n{}", said(&applied), said(&resumed));
        world.emulator.stop().await;
    }
    println!("exit codes by size: {codes:?}");
    assert!(codes.contains(&Some(4)) && codes.contains(&Some(1)), "{codes:?}");
}

/// A run that began on one target is not gone on with on another, where its things are others or not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_goes_on_only_where_it_began() {
    let world = slow(0).await;
    let folder = folder();
    let endpoint = world.emulator.arm_url().to_owned();
    let path = folder.path().to_owned();
    let task = tokio::task::spawn_blocking(move || {
        let applied = adxform(&path, &endpoint, &["apply", "-y"]).output().unwrap();
        let mut elsewhere = Command::new(crate::support::binary());
        elsewhere.args(["rollback", "-y", "--local"]).current_dir(&path).env_clear();
        let elsewhere = elsewhere.stdin(Stdio::null()).output().unwrap();
        let plan = adxform(&path, &endpoint, &["plan", "--detailed-exitcode"]).output().unwrap();
        (applied, elsewhere, plan)
    });
    let (applied, elsewhere, plan) = task.await.unwrap();
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    assert_eq!(elsewhere.status.code(), Some(6), "{}", said(&elsewhere));
    assert!(said(&elsewhere).contains("would go on with it on the local emulator"), "{}", said(&elsewhere));
    assert_eq!(plan.status.code(), Some(0), "{}", said(&plan));
    world.emulator.stop().await;
}

/// Where no journal can be made, nothing is changed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_journal_nothing_begins() {
    let world = slow(0).await;
    let folder = folder();
    std::fs::create_dir(folder.path().join(".adxform")).unwrap();
    std::fs::write(folder.path().join(".adxform/runs"), "no folder").unwrap();
    let endpoint = world.emulator.arm_url().to_owned();
    let path = folder.path().to_owned();
    let task =
        tokio::task::spawn_blocking(move || adxform(&path, &endpoint, &["apply", "-y"]).output().unwrap());
    let output = task.await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("nothing was changed"), "{}", said(&output));
    let writes = world.emulator.requests().into_iter().filter(|exchange| exchange.method == "PUT").count();
    assert_eq!(writes, 0);
    world.emulator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_wrote_meanwhile_is_not_overwritten() {
    let spec = load(&root().join(SPEC));
    let world = World::new(None).await;
    assert_eq!(
        world.apply(&world.plan(&spec, false).await, OnFailure::Rollback).await.0.outcome,
        Outcome::Done
    );
    let changed = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(root().join(SPEC)).unwrap();
    std::fs::write(changed.path().join("adx.yaml"), text.replace("take 1", "take 2")).unwrap();
    let ours = load(changed.path());
    std::fs::write(changed.path().join("adx.yaml"), text.replace("take 1", "take 3")).unwrap();
    let theirs = load(changed.path());
    let plan = world.plan(&ours, false).await;
    let (done, _) = world.apply(&world.plan(&theirs, false).await, OnFailure::Rollback).await;
    assert_eq!(done.outcome, Outcome::Done);
    let (report, _) = world.apply(&plan, OnFailure::Rollback).await;
    assert_eq!((report.outcome, report.exit_code), (Outcome::RolledBack, 5), "{:?}", report.sentences);
    assert!(
        report.sentences[0].contains("somebody has changed it since the plan was made"),
        "{:?}",
        report.sentences
    );
    assert!(world.plan(&theirs, false).await.is_empty(), "the colleague's work is gone");
    world.emulator.stop().await;
}
