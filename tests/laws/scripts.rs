//! The machine by example: scripts in `tests/laws/machine/`, each a plan, events, and what the machine then says.
//!
//! A script is read line by line; what a line answers follows it, indented. `ADXFORM_BLESS=1` writes the answers.
//!
//! - `step ADDRESS ACTION [of KIND] [needs N…] [behind] [never] [check] [alone] [since] [undo N]` adds a step; they count
//!   from 0.
//! - `policy KEY=VALUE…` before the first event.
//! - `N EVENT…` and `N undo EVENT…` are events of a step; `interrupted`, `resume`, `rollback`, `proved` and
//!   `not proved` of the run. The answer says why an event is refused.
//! - `decide`, `show`, `report` and `facts` ask; `parallelism N` is what a later process is given.

use adxform::kind::{DELETED_AT, Undo};
use adxform::model::body::{Body, Expr, Piece, Value};
use adxform::model::change::{Change, Loss};
use adxform::model::request::{KustoRequest, Method, Request};
use adxform::model::{Address, Command};
use adxform::plan::{Plan, Step};
use adxform::run::event::{Attributes, Difference, Event, Happened, Intent, Operation, Verdict, Way};
use adxform::run::machine::{Decision, Machine, OnFailure, Policy};
use adxform::run::report::Report;
use adxform::run::standing::Standing;
use adxform::run::whereabouts::Whereabouts;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[test]
fn scripts_say_what_the_machine_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/laws/machine");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 10, "the scripts are gone");
    let bless = std::env::var_os("ADXFORM_BLESS").is_some();
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let said = answered(&text);
        if said != text && bless {
            std::fs::write(&file, &said).unwrap();
        } else if said != text {
            wrong.push(format!("--- {}\n{said}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}\nADXFORM_BLESS=1 cargo test --test laws scripts", wrong.join("\n"));
}

/// A script with its answers.
fn answered(text: &str) -> String {
    let mut said = String::new();
    let mut plan = Plan::default();
    let mut policy = Policy::default();
    let mut machine = None;
    for line in text.lines().filter(|line| !line.starts_with("  ")) {
        said += line;
        said.push('\n');
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] | ["#", ..] => {}
            ["step", rest @ ..] => plan.steps.push(step(plan.steps.len(), rest)),
            ["policy", rest @ ..] => rest.iter().for_each(|pair| set(&mut policy, pair)),
            words => {
                let machine =
                    machine.get_or_insert_with(|| Machine::new(Arc::new(plan.clone()), policy).unwrap());
                for answer in answer(machine, words).lines() {
                    said += &format!("  {answer}\n");
                }
            }
        }
    }
    said
}

fn set(policy: &mut Policy, pair: &str) {
    let (key, value) = pair.split_once('=').unwrap();
    match key {
        "on_failure" => {
            policy.on_failure = if value == "stop" { OnFailure::Stop } else { OnFailure::Rollback }
        }
        "parallelism" => policy.parallelism = value.parse().unwrap(),
        "script_commands" => policy.script_commands = value.parse().unwrap(),
        "script_bytes" => policy.script_bytes = value.parse().unwrap(),
        "attempts" => policy.attempts = value.parse().unwrap(),
        other => panic!("no policy {other}"),
    }
}

fn step(id: usize, words: &[&str]) -> Step {
    let address: Address = words[0].parse().unwrap();
    let body = || Some(Body::new().with("p", 1));
    let change = match words[1] {
        "create" => Change::new(None, body()),
        "update" => Change::new(body(), Some(Body::new().with("p", 2))),
        "delete" => Change::new(body(), None),
        other => panic!("no action {other}"),
    };
    let has = |word: &str| words.contains(&word);
    let after = |word: &str| {
        let at = words.iter().position(|found| *found == word).map_or(words.len(), |at| at + 1);
        words[at..].iter().map_while(|word| word.parse::<usize>().ok()).collect::<Vec<_>>()
    };
    let request = if address.depth() > 2 && address.collection() != "dataConnections" {
        Request::Kusto(KustoRequest {
            cluster: address.prefix(1),
            database: address.segments()[1].key.to_string(),
            command: Command::new(".write").name(address.key()),
            lookup: None,
            alone: has("alone"),
            begins: None,
        })
    } else {
        Request::arm(Method::Put, format!("/{address}"), "v", Value::Null)
    };
    let parts = after("undo").first().copied().unwrap_or(1);
    Step {
        id,
        kind: words.iter().skip_while(|word| **word != "of").nth(1).unwrap_or(&"thing").to_string().into(),
        action: change.action(),
        undo: match (has("never"), has("since")) {
            (true, _) => Undo::Never("its data is gone".to_owned()),
            (false, true) => Undo::By(vec![since(&address)]),
            (false, false) => Undo::By(vec![request.clone(); parts]),
        },
        loss: Loss::none(),
        needs: after("needs"),
        behind_line: has("behind") || has("never"),
        validation: has("check").then(|| Box::new(request.clone())),
        origin: None,
        address,
        request,
        change,
    }
}

/// A request that needs to know when a thing was deleted.
fn since(address: &Address) -> Request {
    let moment = Piece::Of { address: address.clone(), path: vec![DELETED_AT.to_owned()] };
    let body = Body::new().with("since", Value::Unknown(Expr(vec![moment].into())));
    Request::arm(Method::Put, format!("/{address}"), "v", body.into())
}

fn answer(machine: &mut Machine, words: &[&str]) -> String {
    match words {
        ["decide"] => decided(machine),
        ["show"] => Standing::of(machine).to_string(),
        ["facts"] => facts(machine),
        ["parallelism", count] => {
            machine.set_parallelism(count.parse().unwrap());
            String::new()
        }
        ["report"] => {
            let report = Report::of("r1", machine, None, &Whereabouts::default());
            format!("exit code {}\n{}", report.exit_code, report.sentences.join("\n"))
        }
        words => match machine.apply(&event(machine, words)) {
            Ok(()) => String::new(),
            Err(error) => format!("refused: {error}"),
        },
    }
}

/// What else is asked of a machine: of each step where its before-state comes from, and of the whole.
fn facts(machine: &Machine) -> String {
    let mut lines: Vec<String> = (0..machine.states().len())
        .map(|id| {
            let from = if machine.was_read(id) { "read" } else { "made by an earlier step" };
            let gone = if machine.goes_with_another(id) { ", goes with another" } else { "" };
            let within = if machine.stands_in_what_was_made(id) { ", in what was made" } else { "" };
            let touched = if machine.was_touched_by_an_undo(id) { ", touched by an undo" } else { "" };
            format!("{id} {from}{gone}{within}{touched}")
        })
        .collect();
    let untouched: Vec<String> = machine.untouched().into_iter().map(ToString::to_string).collect();
    lines.push(format!("untouched: {}", untouched.join(" ")));
    let (past, stale) = (machine.is_past_line(), machine.is_stale());
    lines.push(format!("past the line: {past}, stale: {stale}, undoable: {}", machine.undoable()));
    for (address, known) in machine.outputs() {
        lines.extend(known.iter().map(|(path, value)| format!("{address}: {path} is {}", value.shown())));
    }
    let nothing = machine.outputs().iter().filter(|(_, known)| known.is_empty());
    lines.extend(nothing.map(|(address, _)| format!("{address}: nothing is known")));
    lines.push(format!("resumes backwards: {}", machine.resumes_backwards()));
    if machine.policy().on_failure == OnFailure::Stop {
        lines.push("stops on failure".to_owned());
    }
    lines.join("\n")
}

fn event(machine: &Machine, words: &[&str]) -> Event {
    let difference = || Difference {
        address: machine.plan().steps[0].address.clone(),
        property: "p".to_owned(),
        before: 1.into(),
        after: 2.into(),
        found: 3.into(),
    };
    let (id, way, words) = match words {
        ["interrupted"] => return Event::Interrupted,
        ["resume"] => return Event::Resumed { intent: Intent::Resume },
        ["rollback"] => return Event::Resumed { intent: Intent::Rollback },
        ["proved"] => return Event::Proved,
        ["not", "proved", "by", "nothing"] => return Event::NotProved { differences: Vec::new() },
        ["not", "proved"] => return Event::NotProved { differences: vec![difference()] },
        [id, "undo", rest @ ..] => (id, Way::Undo, rest),
        [id, rest @ ..] => (id, Way::Apply, rest),
        [] => panic!("an event is missing"),
    };
    let step = id.parse().unwrap();
    let trace = None;
    let happened = match words {
        ["check", "started"] => Happened::CheckStarted,
        ["check", "passed"] => Happened::CheckPassed,
        ["started", part @ ..] => Happened::Started {
            part: part.first().map_or(0, |part| part.parse().unwrap()),
            id: "id".to_owned(),
            at: if way == Way::Apply { "then" } else { "later" }.to_owned(),
        },
        ["begun"] => Happened::Begun { operation: Operation("operation".into()) },
        ["finished"] => Happened::Finished { outputs: Attributes::new(), trace },
        ["finished", id] => {
            let outputs = Attributes::from([("id".to_owned(), Value::from(*id))]);
            Happened::Finished { outputs, trace }
        }
        ["refused", rest @ ..] => Happened::Refused { message: rest.join(" "), trace },
        ["stale", rest @ ..] => Happened::Stale { message: rest.join(" "), differences: vec![difference()] },
        ["failed", rest @ ..] => Happened::Failed { message: rest.join(" "), trace },
        ["not", "run"] => Happened::NotRun,
        ["lost"] => Happened::Lost { why: "the connection was reset".to_owned() },
        ["settled", verdict] => {
            let verdict = match *verdict {
                "before" => Verdict::Before,
                "after" => Verdict::After,
                "either" => Verdict::Either,
                "neither" => Verdict::Neither,
                other => panic!("no verdict {other}"),
            };
            let differences = if verdict == Verdict::Neither { vec![difference()] } else { Vec::new() };
            Happened::Settled { verdict, differences, outputs: Attributes::new() }
        }
        other => panic!("no event {other:?}"),
    };
    Event::Step { step, way, happened }
}

fn decided(machine: &Machine) -> String {
    let numbers = |steps: &[usize]| steps.iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
    let word = |way: Way| if way == Way::Apply { "apply" } else { "undo" };
    let lines = machine.decide().into_iter().map(|decision| match decision {
        Decision::Check { step } => format!("check {step}"),
        Decision::Send { way, steps } => format!("send {} {}", word(way), numbers(&steps)),
        Decision::Follow { step, way, .. } => format!("follow {} {step}", word(way)),
        Decision::Settle { steps } => format!("look to settle {}", numbers(&steps)),
        Decision::Prove { way } => format!("look to prove {}", word(way)),
    });
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() { "nothing".to_owned() } else { lines.join("\n") }
}
