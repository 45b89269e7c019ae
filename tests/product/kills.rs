//! Real kills: the binary applies, is killed with SIGKILL once its journal has so many records, and one command
//! finishes or undoes the work.

use crate::dice::Dice;
use crate::support::{complain, root};
use crate::world::World;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn adxform(folder: &Path, endpoint: &str, words: &[&str]) -> Command {
    let mut command = Command::new(crate::support::binary());
    command.args(words).args(["--endpoint", endpoint]).current_dir(folder).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How many records the journal of the only run has.
fn records(folder: &Path) -> usize {
    let Ok(mut runs) = std::fs::read_dir(folder.join(".adxform/runs")) else { return 0 };
    let journal = runs.find_map(|entry| Some(entry.ok()?.path()).filter(|path| path.extension().is_some()));
    journal
        .and_then(|path| std::fs::read(path).ok())
        .map_or(0, |bytes| bytes.iter().filter(|b| **b == b'\n').count())
}

/// Kills an apply at a record; `false` when it was done before.
fn killed(folder: &Path, endpoint: &str, at: usize) -> bool {
    let mut child = adxform(folder, endpoint, &["apply", "-y"]).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if records(folder) >= at {
            let running = child.try_wait().unwrap().is_none();
            child.kill().unwrap();
            child.wait().unwrap();
            return running;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("the apply neither ended nor wrote {at} records");
}

/// After a kill: `show` says where the run stands, one command ends it, and a plan agrees.
fn aftermath(folder: &Path, endpoint: &str, word: &str, at: usize) -> Result<(), String> {
    let run = |words: &[&str]| adxform(folder, endpoint, words).output().unwrap();
    let shown = run(&["show"]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    if text.contains("The run is done") || text.contains("The run was rolled back, and live was proved") {
        return Ok(());
    }
    if !text.contains("adxform resume") {
        return Err(format!("killed at record {at}: show says\n{text}"));
    }
    let ended = run(&[word, "-y"]);
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    if ended.status.code() != Some(0) {
        return Err(format!("killed at record {at}: {word} ends with {:?}\n{said}", ended.status.code()));
    }
    let plan = run(&["plan", "--detailed-exitcode"]);
    let wanted = if word == "resume" { 0 } else { 2 };
    if plan.status.code() == Some(wanted) {
        Ok(())
    } else {
        Err(format!("killed at record {at}: after {word} the plan differs\n{said}"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_apply_is_finished_or_undone_by_one_command() {
    let mut complaints = Vec::new();
    let mut kills = 0;
    for at in 1..40 {
        let mut hit = false;
        for word in ["resume", "rollback"] {
            let world = World::new(None).await;
            let folder = tempfile::tempdir().unwrap();
            let example = root().join("examples/event-grid-from-nothing");
            std::fs::copy(example.join("adx.yaml"), folder.path().join("adx.yaml")).unwrap();
            let endpoint = world.emulator.arm_url().to_owned();
            let path = folder.path().to_owned();
            let ended = tokio::task::spawn_blocking(move || {
                killed(&path, &endpoint, at).then(|| aftermath(&path, &endpoint, word, at))
            });
            if let Some(ended) = ended.await.unwrap() {
                (hit, kills) = (true, kills + 1);
                complaints.extend(ended.err());
            }
            world.emulator.stop().await;
        }
        if !hit {
            break;
        }
    }
    println!("{kills} kills");
    complain(&complaints);
    assert!(kills >= 10, "only {kills} kills hit a running apply");
}

/// Kills a command at a random instant after its journal began; `false` when it had ended by itself.
fn killed_somewhen(folder: &Path, endpoint: &str, words: &[&str], dice: &mut Dice) -> bool {
    let mut child = adxform(folder, endpoint, words).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while records(folder) == 0 && child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "the run does not begin");
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_micros(dice.below(400_000) as u64));
    let running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    running
}

/// `ADXFORM_KILLS=500 cargo test --test product kills` kills more often, `ADXFORM_SEED=N` at other instants.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_instant_and_killed_again_it_is_finished_or_undone() {
    let given = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (rounds, seed) = (given("ADXFORM_KILLS").unwrap_or(10), given("ADXFORM_SEED").unwrap_or(1));
    let (mut complaints, mut kills) = (Vec::new(), 0);
    for round in 0..rounds {
        let world = World::new(None).await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(root().join("tests/product/pairs/large.yaml"), folder.path().join("adx.yaml")).unwrap();
        let endpoint = world.emulator.arm_url().to_owned();
        let path = folder.path().to_owned();
        let task = tokio::task::spawn_blocking(move || {
            let mut dice = Dice::new(seed.wrapping_mul(1_000_003) + round, "kills");
            let word = dice.pick(&["resume", "rollback"]);
            let mut hits = usize::from(killed_somewhen(&path, &endpoint, &["apply", "-y"], &mut dice));
            if hits > 0 && dice.chance(50) {
                hits += usize::from(killed_somewhen(&path, &endpoint, &[word, "-y"], &mut dice));
            }
            (hits, if hits == 0 { Ok(()) } else { aftermath(&path, &endpoint, word, 0) })
        });
        let (hits, ended) = task.await.unwrap();
        kills += hits;
        complaints.extend(ended.err().map(|why| format!("round {round} of seed {seed}: {why}")));
        world.emulator.stop().await;
    }
    println!("{kills} kills in {rounds} rounds, seed {seed}");
    complain(&complaints);
    assert!(kills > 0, "no kill hit a running process");
}

/// Killed between the making of its journal and the first record, a run has changed nothing and stands in nobody's way.
#[test]
fn a_run_cut_off_before_its_first_record_blocks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let spec = root().join("tests/scenarios/first-steps/adx.yaml");
    std::fs::copy(spec, folder.path().join("adx.yaml")).unwrap();
    std::fs::create_dir_all(folder.path().join(".adxform/runs")).unwrap();
    std::fs::write(folder.path().join(".adxform/runs/20990101-000000000-aaaa.journal"), b"").unwrap();
    for words in
        [&["apply", "-y"][..], &["rollback", "-y", "--allow-data-loss", "irreversible"], &["rollback", "-y"]]
    {
        let mut command = Command::new(crate::support::binary());
        let output =
            command.args(words).arg("--local").current_dir(folder.path()).env_clear().output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
