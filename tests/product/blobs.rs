//! A team's journals and lock in Azure Blob Storage: the binary against Azurite, with real leases and conditional writes.

use crate::azurite::Azurite;
use crate::support::{complain, root};
use crate::world::World;
use adxform::cloud::{Class, Container};
use adxform::emulator::{Exchange, Fault, Hook, Options};
use adxform::run::event::{Event, Happened};
use adxform::run::hold::Hold;
use adxform::run::journal::Recorded;
use adxform::run::lease::Length;
use adxform::run::place::{Blobs, Place};
use adxform::run::store::{BlobStore, Store};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;

/// How long anything may take that is waited for.
const LIMIT: Duration = Duration::from_secs(90);

/// A colleague's machine or a CI job: a folder with the spec, and what the tool needs to know.
struct Seat {
    folder: TempDir,
    endpoint: String,
    sas: String,
}

impl Seat {
    /// A folder with a copy of a spec, where journals are kept in Azurite under a prefix.
    fn new(azurite: &Azurite, world: &World, spec: &Path, prefix: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["adx.yaml", "functions/DamageByState.kql"] {
            let (from, to) = (spec.join(name), folder.path().join(name));
            if from.exists() {
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                std::fs::copy(from, to).unwrap();
            }
        }
        let settings =
            format!("[journal]\ncontainer = \"{}\"\nprefix = \"{prefix}\"\nlease = \"15s\"\n", azurite.url);
        std::fs::write(folder.path().join("adxform.toml"), settings).unwrap();
        Self { folder, endpoint: world.emulator.arm_url().to_owned(), sas: azurite.sas.clone() }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(crate::support::binary());
        command.args(words).args(["--endpoint", &self.endpoint]).current_dir(self.folder.path()).env_clear();
        command.env("ADXFORM_JOURNAL_SAS", &self.sas).env("USER", "anna").env("HOSTNAME", "desk-7");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn start(&self, words: &[&str]) -> Child {
        self.command(words).spawn().unwrap()
    }

    fn run(&self, words: &[&str]) -> Said {
        Said::from(self.command(words).output().unwrap())
    }
}

/// How a command ended and what it said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    text: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        Self { code: output.status.code(), text }
    }
}

impl Said {
    /// Checks the exit code, and that all of this was said.
    fn expect(&self, code: i32, words: &[&str]) -> Result<(), String> {
        let missing: Vec<_> = words.iter().filter(|word| !self.text.contains(**word)).collect();
        let right = self.code == Some(code) && missing.is_empty();
        if right {
            Ok(())
        } else {
            Err(format!("wanted {code}, {missing:?}; found {:?}\n{}", self.code, self.text))
        }
    }
}

/// Counts writes, and gives each a length of time.
struct Slow {
    writes: AtomicUsize,
    millis: AtomicU64,
}

impl Slow {
    fn new(millis: u64) -> Arc<Self> {
        Arc::new(Self { writes: AtomicUsize::new(0), millis: AtomicU64::new(millis) })
    }

    fn count(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    fn hurry(&self) {
        self.millis.store(0, Ordering::SeqCst);
    }
}

impl Hook for Slow {
    fn before(&self, exchange: &Exchange) -> Fault {
        if !exchange.is_write {
            return Fault::None;
        }
        self.writes.fetch_add(1, Ordering::SeqCst);
        Fault::Delay(Duration::from_millis(self.millis.load(Ordering::SeqCst)))
    }
}

/// A spec whose steps go one after another for a while.
fn long_spec() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "version: 1\nazure: {subscriptionId: 00000000-0000-0000-0000-000000000000, resourceGroup: rg, \
                    location: westeurope}\nclusters:\n  team:\n    sku: {name: Standard_E8ads_v5, tier: Standard, \
                    capacity: 2}\n    databases:\n"
        .to_owned();
    for number in 10..34 {
        text.push_str(&format!("      d{number}: {{softDeletePeriod: {number}d}}\n"));
    }
    std::fs::write(folder.path().join("adx.yaml"), text).unwrap();
    folder
}

/// The bytes of the only journal below a prefix.
async fn journal(container: &Container, prefix: &str) -> (String, Vec<u8>) {
    let mut found = container.list(&format!("{prefix}/runs/")).await.unwrap();
    let name = found.pop().map(|blob| blob.name).unwrap_or_default();
    let bytes = if name.is_empty() { None } else { container.read(&name, None).await.unwrap() };
    (name, bytes.unwrap_or_default())
}

fn records(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// How many requests a journal knows to have been started.
fn started(bytes: &[u8]) -> usize {
    let recorded = Recorded::read(bytes).unwrap();
    let events = recorded.frames.iter().flat_map(|frame| &frame.events);
    events.filter(|event| matches!(event, Event::Step { happened: Happened::Started { .. }, .. })).count()
}

/// Waits until a journal has so many records; `false` when the process has ended before.
async fn reached(child: &mut Child, container: &Container, prefix: &str, at: usize) -> bool {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        if records(&journal(container, prefix).await.1) >= at {
            return child.try_wait().unwrap().is_none();
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    child.kill().unwrap();
    panic!("the run neither ended nor wrote {at} records");
}

async fn ended(child: Child) -> Said {
    spawn_blocking(move || Said::from(child.wait_with_output().unwrap())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_applies_at_once_one_goes() {
    let Some(azurite) = Azurite::start("of_two_applies_at_once_one_goes") else { return };
    let world = World::with(Options { hook: Some(Slow::new(300)), ..Options::default() }).await;
    let spec = long_spec();
    let seats = [0, 1].map(|_| Seat::new(&azurite, &world, spec.path(), "race"));
    let mut complaints = Vec::new();
    for round in 0..10 {
        let words: &[&str] = match round % 2 {
            0 => &["apply", "-y", "--parallelism", "20"],
            _ => &[
                "destroy",
                "-y",
                "--allow-data-loss",
                "irreversible",
                "--max-deletes",
                "100%",
                "--parallelism",
                "20",
            ],
        };
        let children = seats.each_ref().map(|seat| seat.start(words));
        let mut said = Vec::new();
        for child in children {
            said.push(ended(child).await);
        }
        said.sort_by_key(|said| said.code);
        complaints.extend(said[0].expect(0, &[]).err());
        let held = &["another run is at work here: ", " by anna on desk-7 since 20", "adxform unlock"];
        complaints.extend(said[1].expect(7, held).err());
    }
    complain(&complaints);
    seats[0].run(&["unlock"]).expect(0, &["Nobody holds the lock"]).unwrap();
    world.emulator.stop().await;
}

/// Kills an apply at a record; from another folder the run is then shown, refused, waited for and ended.
async fn killed(azurite: &Azurite, at: usize, word: &'static str) -> Result<bool, String> {
    let world = World::new(None).await;
    let (spec, prefix) = (root().join("examples/event-grid-from-nothing"), format!("kill-{word}-{at}"));
    let [first, second] = [0, 1].map(|_| Seat::new(azurite, &world, &spec, &prefix));
    let container = azurite.container().await;
    let mut child = first.start(&["apply", "-y"]);
    let hit = reached(&mut child, &container, &prefix, at).await;
    child.kill().unwrap();
    child.wait().unwrap();
    if !hit {
        world.emulator.stop().await;
        return Ok(false);
    }
    let (name, bytes) = journal(&container, &prefix).await;
    let recorded = Recorded::read(&bytes).map_err(|error| format!("{name}: {error}"))?;
    assert!(!name.is_empty() && recorded.header.who == "anna on desk-7");
    let at_risk = !recorded.replay().unwrap().states().is_empty();
    let run = recorded.header.run;
    let checked = spawn_blocking(move || {
        second.run(&["show"]).expect(0, &[&run])?;
        second
            .run(&[word, "-y"])
            .expect(7, &["apply by anna on desk-7 since 20", &run, "goes by itself within 15 s"])?;
        let ended = second.run(&[word, "-y", "--lock-timeout", "60s"]);
        ended.expect(0, &[])?;
        let plan = second.run(&["plan", "--detailed-exitcode"]);
        plan.expect(if word == "resume" { 0 } else { 2 }, &[])?;
        second.run(&["unlock"]).expect(0, &["Nobody holds the lock"])
    });
    let checked = checked.await.unwrap().map_err(|error| format!("{word} after record {at}: {error}"));
    world.emulator.stop().await;
    checked.map(|()| at_risk)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_apply_is_ended_from_another_machine() {
    let Some(azurite) = Azurite::start("a_killed_apply_is_ended_from_another_machine") else { return };
    let azurite = Arc::new(azurite);
    let mut tasks = tokio::task::JoinSet::new();
    for (at, word) in
        [(1, "resume"), (2, "rollback"), (4, "resume"), (6, "rollback"), (9, "resume"), (12, "rollback")]
    {
        let azurite = Arc::clone(&azurite);
        tasks.spawn(async move { killed(&azurite, at, word).await });
    }
    let (mut complaints, mut hits) = (Vec::new(), 0);
    for ended in tasks.join_all().await {
        match ended {
            Ok(hit) => hits += usize::from(hit),
            Err(complaint) => complaints.push(complaint),
        }
    }
    println!("{hits} kills");
    complain(&complaints);
    assert!(hits >= 4, "only {hits} kills hit a running apply");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_lock_is_taken_away_stops_before_its_next_request() {
    let test = "a_run_whose_lock_is_taken_away_stops_before_its_next_request";
    let Some(azurite) = Azurite::start(test) else { return };
    let hook = Slow::new(1500);
    let world = World::with(Options { hook: Some(hook.clone()), ..Options::default() }).await;
    let spec = long_spec();
    let [first, second] = [0, 1].map(|_| Seat::new(&azurite, &world, spec.path(), "broken"));
    let container = azurite.container().await;
    let mut child = first.start(&["apply", "-y", "--parallelism", "1"]);
    assert!(reached(&mut child, &container, "broken", 4).await);
    let run = Recorded::read(&journal(&container, "broken").await.1).unwrap().header.run;
    let shown = second.run(&["show"]);
    shown.expect(0, &["It is being worked on: apply by anna on desk-7 since 20", &run]).unwrap();
    second.run(&["unlock"]).expect(1, &["is held: apply by anna on desk-7", "--auto-approve"]).unwrap();
    let unlocked = second.run(&["unlock", "-y"]);
    unlocked.expect(0, &["is held: apply by anna on desk-7", "The lock is free", &run]).unwrap();
    let writes = hook.count();
    let still = child.try_wait().unwrap().is_none();
    let said = ended(child).await;
    said.expect(4, &["was taken away from this run", "Nothing more was started", "adxform resume"]).unwrap();
    assert!(!still, "the run was still alive when its lock was free");
    assert_eq!(hook.count(), writes, "requests after the lock was free");
    hook.hurry();
    assert!(started(&journal(&container, "broken").await.1) >= writes, "a request without its record");
    second.run(&["apply", "-y"]).expect(4, &["did not come to its end", "adxform resume"]).unwrap();
    second.run(&["resume", "-y", "--parallelism", "20"]).expect(0, &[]).unwrap();
    second.run(&["plan", "--detailed-exitcode"]).expect(0, &[]).unwrap();
    world.emulator.stop().await;
}

/// Cuts the storage off in the middle of a run, gives it back, and ends the run from elsewhere.
async fn cut_off(test: &str, cut: impl FnOnce(&mut Azurite), mend: impl FnOnce(&mut Azurite)) {
    let Some(mut azurite) = Azurite::start(test) else { return };
    let hook = Slow::new(700);
    let world = World::with(Options { hook: Some(hook.clone()), ..Options::default() }).await;
    let spec = long_spec();
    let [first, second] = [0, 1].map(|_| Seat::new(&azurite, &world, spec.path(), "cut"));
    let container = azurite.container().await;
    let mut child = first.start(&["apply", "-y", "--parallelism", "1"]);
    assert!(reached(&mut child, &container, "cut", 6).await);
    // Azurite writes its index to disk every five seconds; the service itself acknowledges only what is safe.
    cut(&mut azurite);
    let before = hook.count();
    let said = ended(child).await;
    said.expect(4, &["adxform resume", "adxform rollback"]).unwrap();
    assert!(
        said.text.contains("no further request") || said.text.contains("Nothing more was started"),
        "{said:?}"
    );
    let writes = hook.count();
    assert!(writes <= before + 1, "{} requests without the storage", writes - before);
    mend(&mut azurite);
    hook.hurry();
    let deadline = Instant::now() + LIMIT;
    while container.look("cut/lock").await.is_err() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(started(&journal(&container, "cut").await.1) >= writes, "a request without its record");
    let ended = second.run(&["rollback", "-y", "--lock-timeout", "60s", "--parallelism", "20"]);
    ended.expect(0, &[]).unwrap();
    second.run(&["plan", "--detailed-exitcode"]).expect(2, &["25 to add"]).unwrap();
    world.emulator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storage_that_says_nothing_stops_a_run() {
    cut_off("storage_that_says_nothing_stops_a_run", |azurite| azurite.freeze(), |azurite| azurite.thaw())
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storage_that_ends_stops_a_run() {
    cut_off("storage_that_ends_stops_a_run", Azurite::end, Azurite::again).await;
}

/// A proxy before Azurite that lets requests through and cuts some connections off.
struct Gate {
    url: String,
    lose_replies: Arc<AtomicUsize>,
    lose_requests: Arc<AtomicUsize>,
}

impl Gate {
    async fn before(azurite: &Azurite) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (lose_replies, lose_requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (replies, requests, behind) =
            (Arc::clone(&lose_replies), Arc::clone(&lose_requests), azurite.port());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, behind, Arc::clone(&replies), Arc::clone(&requests)));
            }
        });
        let url = azurite.url.replace(&format!(":{behind}/"), &format!(":{port}/"));
        Self { url, lose_replies, lose_requests }
    }
}

/// Takes one when there is one left.
fn take(of: &AtomicUsize) -> bool {
    of.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

async fn pass(mut client: TcpStream, behind: u16, replies: Arc<AtomicUsize>, requests: Arc<AtomicUsize>) {
    let mut server = TcpStream::connect(("127.0.0.1", behind)).await.unwrap();
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    // Appends alone are cut off, so that looking tells the truth.
    let mut appending = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Some(length) = read.ok().filter(|length| *length > 0) else { return };
                let text = String::from_utf8_lossy(&up[..length]);
                appending = text.contains("comp=appendblock") || (appending && !text.contains(" HTTP/1.1"));
                if appending && take(&requests) {
                    return;
                }
                if server.write_all(&up[..length]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Some(length) = read.ok().filter(|length| *length > 0) else { return };
                if (appending && take(&replies)) || client.write_all(&down[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_stands_once_whatever_is_lost() {
    let Some(azurite) = Azurite::start("an_append_stands_once_whatever_is_lost") else { return };
    let gate = Gate::before(&azurite).await;
    let (straight, through) = (azurite.container().await, azurite.container_at(&gate.url).await);
    let mut store = BlobStore::create(&through, "runs/a.journal", Hold::default()).await.unwrap();
    let mut wanted = Vec::new();
    for (number, lost, unsent) in [(0, 0, 0), (1, 1, 0), (2, 0, 1), (3, 2, 1), (4, 0, 0)] {
        gate.lose_replies.store(lost, Ordering::SeqCst);
        gate.lose_requests.store(unsent, Ordering::SeqCst);
        let line = format!("line {number}\n");
        store.append(line.as_bytes()).await.unwrap_or_else(|error| panic!("{number}: {error}"));
        wanted.extend_from_slice(line.as_bytes());
        let left = gate.lose_replies.load(Ordering::SeqCst) + gate.lose_requests.load(Ordering::SeqCst);
        assert!(left == 0 || lost + unsent > 1, "{number}: nothing was cut off");
        let found = straight.read("runs/a.journal", None).await.unwrap().unwrap();
        assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(&wanted));
    }
    // Whoever was overtaken adds nothing.
    let end = wanted.len() as u64;
    straight.append("runs/a.journal", end, b"a colleague\n").await.unwrap();
    let error = store.append(b"too late\n").await.unwrap_err();
    assert!(error.to_string().contains("somebody else has written"), "{error}");
    let error = straight.append("runs/a.journal", end, b"too late\n").await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (Class::Refused, "Overtaken"));
    let found = straight.read("runs/a.journal", None).await.unwrap().unwrap();
    assert_eq!(found.len() as u64, end + b"a colleague\n".len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_goes_on_in_the_next_blob() {
    let Some(azurite) = Azurite::start("a_journal_goes_on_in_the_next_blob") else { return };
    let container = azurite.container().await;
    let length = Length::default();
    let place = Place::Blobs(Blobs { container: container.clone(), prefix: String::new(), length });
    let blobs = ["runs/a.journal", "runs/a.journal.2", "runs/a.journal.3", "runs/a.journal.4"];
    let mut store = BlobStore::create(&container, blobs[0], Hold::default()).await.unwrap().with_blocks(3);
    let mut wanted = Vec::new();
    for number in 0..4 {
        let line = format!("line {number}\n");
        store.append(line.as_bytes()).await.unwrap();
        wanted.extend_from_slice(line.as_bytes());
    }
    // Later processes go on from what they read, full blob or not, and one that was overtaken adds nothing.
    for number in 4..9 {
        let (bytes, end) = place.read("a").await.unwrap().unwrap();
        assert_eq!((bytes.len() as u64, &bytes), (end.total, &wanted));
        let open = || BlobStore::open(&container, blobs[0], end, Hold::default()).with_blocks(3);
        let mut zombie = open();
        let line = format!("line {number}\n");
        open().append(line.as_bytes()).await.unwrap();
        wanted.extend_from_slice(line.as_bytes());
        zombie.append(b"too late\n").await.unwrap_err();
    }
    let (bytes, end) = place.read("a").await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&wanted));
    assert_eq!((end.total, end.blob), (wanted.len() as u64, 3));
    let names: Vec<String> =
        container.list("runs/").await.unwrap().into_iter().map(|blob| blob.name).collect();
    assert_eq!(names, blobs[..3]);
    // A blob that a process made right before it died is empty, and is gone on with.
    container.create(blobs[3]).await.unwrap();
    let (_, end) = place.read("a").await.unwrap().unwrap();
    assert_eq!((end.total, end.blob, end.at), (wanted.len() as u64, 4, 0));
    let ended = async || {
        let runs = place.runs().await.unwrap();
        assert_eq!(runs.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["a"]);
        runs[0].ended
    };
    assert!(!ended().await);
    place.note_end("a", end.total).await;
    assert!(ended().await);
    BlobStore::open(&container, blobs[0], end, Hold::default()).append(b"more\n").await.unwrap();
    assert!(!ended().await, "what was added after the end is not seen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_tail_in_a_blob_is_cut_by_a_mark() {
    let Some(azurite) = Azurite::start("a_torn_tail_in_a_blob_is_cut_by_a_mark") else { return };
    let world = World::new(None).await;
    let spec = long_spec();
    let seat = Seat::new(&azurite, &world, spec.path(), "torn");
    let container = azurite.container().await;
    let mut child = seat.start(&["apply", "-y"]);
    assert!(reached(&mut child, &container, "torn", 2).await);
    child.kill().unwrap();
    child.wait().unwrap();
    container.wrest("torn/lock", 0).await.unwrap();
    let (name, bytes) = journal(&container, "torn").await;
    container.append(&name, bytes.len() as u64, b"0badcafe {\"n\":").await.unwrap();
    seat.run(&["show"]).expect(0, &["A record behind that is cut off"]).unwrap();
    seat.run(&["resume", "-y"]).expect(0, &[]).unwrap();
    let shown = seat.run(&["show"]);
    shown.expect(0, &["live was proved to be as planned"]).unwrap();
    assert!(!shown.text.contains("cut off"), "{}", shown.text);
    // Once it has ended, a list alone says so.
    let listed = container.list("torn/runs/").await.unwrap();
    assert_eq!(listed[0].metadata.get("ended"), Some(&listed[0].length.to_string()));
    seat.run(&["rollback", "-y", "--allow-data-loss", "irreversible"]).expect(0, &[]).unwrap();
    world.emulator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_before_the_run_gives_the_lock_back() {
    let Some(azurite) = Azurite::start("an_interrupt_before_the_run_gives_the_lock_back") else { return };
    let world = World::with(Options { latency: Duration::from_secs(3), ..Options::default() }).await;
    let spec = long_spec();
    let seat = Seat::new(&azurite, &world, spec.path(), "early");
    let container = azurite.container().await;
    let child = seat.start(&["apply", "-y"]);
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        let seen = container.look("early/lock").await.unwrap();
        if seen.is_some_and(|seen| seen.leased && seen.metadata.contains_key("who")) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    ended(child).await.expect(130, &["nothing was changed"]).unwrap();
    seat.run(&["unlock"]).expect(0, &["Nobody holds the lock"]).unwrap();
    assert_eq!(container.list("early/runs/").await.unwrap(), []);
    world.emulator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_container_is_said() {
    let Some(azurite) = Azurite::start("what_is_wrong_with_a_container_is_said") else { return };
    let world = World::new(None).await;
    let spec = long_spec();
    let seat = Seat::new(&azurite, &world, spec.path(), "wrong");
    let elsewhere = azurite.url.replace("/adxform", "/elsewhere");
    let missing = seat.run(&["apply", "-y", "--journal-container", &elsewhere]);
    missing.expect(1, &["az storage container create", "/elsewhere"]).unwrap();
    let wrong = seat.sas.replace("sig=", "sig=A");
    let refused =
        Said::from(seat.command(&["apply", "-y"]).env("ADXFORM_JOURNAL_SAS", &wrong).output().unwrap());
    refused.expect(1, &["Storage Blob Data Contributor"]).unwrap();
    for said in [&missing, &refused] {
        assert!(!said.text.contains("sig="), "{}", said.text);
    }
    let tokenless = Said::from(seat.command(&["show"]).env_remove("ADXFORM_JOURNAL_SAS").output().unwrap());
    tokenless.expect(1, &[]).unwrap();
    seat.run(&["show"]).expect(1, &["there is no run in http://127.0.0.1:", "adxform/wrong"]).unwrap();
    seat.run(&["show", "20990101-000000000-aaaa"])
        .expect(1, &["there is no run `20990101-000000000-aaaa`"])
        .unwrap();
    // An empty value means the local directory.
    seat.run(&["apply", "-y", "--journal-container", ""]).expect(0, &[]).unwrap();
    assert!(seat.folder.path().join(".adxform/runs").exists());
    let taken = seat.run(&["unlock", "--journal-container", ""]);
    taken.expect(0, &["Nobody holds the lock of ./.adxform"]).unwrap();
    world.emulator.stop().await;
}
