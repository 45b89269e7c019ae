//! What Azure itself is asked before a plan is shown: whether what the plan takes for granted is there, whether names and
//! sizes are to be had, whether the caller may do each step, and whether the service would take each connection.
//!
//! All of a kind of question is asked at once, and nothing where nothing is to be written. Findings stand at the property
//! concerned (test: the scenario `tests/scenarios/before-the-first-write`).

use super::exit::Failure;
use super::session::{Session, unreachable};
use crate::cloud::{Class, CloudError};
use crate::kind::question::{Answer, Question};
use crate::kind::{self, At, Finding, Kind, Plane, Weight};
use crate::model::inventory::{Inventory, Resource};
use crate::model::{Address, Request, parallel};
use crate::plan::{Plan, Refusal, Resolution, Rule, rights};
use crate::spec::Spec;
use futures::future::join;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use tokio::task::JoinSet;

/// Asks everything, and puts what is found into the plan. Something else is done while the answers are waited for. The world
/// is what is [`known`].
///
/// # Errors
/// When Azure cannot be reached.
pub(super) async fn all<T>(
    session: &Session,
    spec: &Spec,
    world: Inventory,
    plan: &mut Plan,
    meanwhile: impl FnOnce(&Plan) -> T,
) -> Result<T, Failure> {
    if plan.is_empty() {
        return Ok(meanwhile(plan));
    }
    let changes: Vec<_> = plan.changes.iter().filter(|(_, change)| change.change.after.is_some()).collect();
    let concerned = parallel::map(&changes, parallel::AT_A_TIME, |(address, change)| {
        let at = At { address, resource: world.get(address)?, world: &world };
        Some((kind::by_name(&change.kind)?, at, *change))
    });
    let concerned: Vec<Concerned<'_>> = concerned.into_iter().flatten().collect();
    let questions = parallel::map(&concerned, parallel::AT_A_TIME, |(kind, at, change)| {
        kind.prerequisites(at, &change.change)
    });
    let questions: BTreeSet<Question> = questions.into_iter().flatten().collect();
    let places = rights::places(plan);
    let permissions = places.keys().map(|path| Question::get(path, rights::API_VERSION));
    let asked = answers(session, questions.into_iter().chain(permissions).collect());
    let (answers, done) = join(asked, async { meanwhile(plan) }).await;
    let answers = answers?;
    let mut found = lacking_rights(&places, &answers);
    let mut notes = Vec::new();
    for finding in findings(&concerned, &answers) {
        let (at, finding) = finding;
        if finding.weight == Weight::Warning || (finding.weight == Weight::Absence && session.is_emulated()) {
            let help = if finding.help.is_empty() { String::new() } else { format!("; {}", finding.help) };
            notes.push(format!("{at}: {}{help}", finding.message));
        } else {
            found.push(refusal(spec, &at, finding));
        }
    }
    found.extend(used_twice(plan, &concerned).into_iter().map(|(at, finding)| refusal(spec, &at, finding)));
    drop(concerned);
    parallel::let_go(world);
    plan.refusals.extend(found);
    plan.notes.extend(notes);
    let findings = validations(session, plan).await?;
    plan.refusals.extend(findings);
    Ok(done)
}

/// What the spec declares, with what live tells of it, and what is in live besides.
pub(super) fn known(spec: &Spec, live: &Inventory) -> Inventory {
    let world = &spec.desired.inventory;
    world.under(live.iter().map(|(address, there)| {
        let declared = world.get(address).cloned();
        let declared = declared.map(|thing| Resource { attributes: there.attributes.clone(), ..thing });
        (address, declared.unwrap_or_else(|| there.clone()))
    }))
}

type Concerned<'a> = (&'static dyn Kind, At<'a>, &'a Resolution);
type Answers = BTreeMap<Question, Answer>;

fn findings(concerned: &[Concerned<'_>], answers: &Answers) -> Vec<(Address, Finding)> {
    let seen = |question: &Question| answers.get(question).cloned().unwrap_or(Answer::Unknown);
    let found = parallel::map(concerned, parallel::AT_A_TIME, |(kind, at, change)| {
        let found = kind.check_live(at, &change.change, &seen);
        found.into_iter().map(|finding| (at.address.clone(), finding)).collect::<Vec<_>>()
    });
    found.into_iter().flatten().collect()
}

fn refusal(spec: &Spec, address: &Address, finding: Finding) -> Refusal {
    let origin = spec.origins.field(address, &finding.field);
    let (address, message, help) = (address.clone(), finding.message, finding.help);
    Refusal { address, origin, rule: Rule::Invalid, message, help }
}

/// What is to be used by a change, and is by something in live that the spec does not declare; what two entries of the
/// spec use is found in the spec.
fn used_twice(plan: &Plan, concerned: &[Concerned<'_>]) -> Vec<(Address, Finding)> {
    let Some((_, first, _)) = concerned.first() else { return Vec::new() };
    let goes =
        |address: &Address| plan.changes.get(address).is_some_and(|change| change.change.after.is_none());
    let others = first.world.iter().filter(|(address, other)| other.is_live && !goes(address));
    let claims = others.filter_map(|(address, resource)| {
        let kind = kind::by_name(resource.kind).filter(|kind| kind.about().plane == Plane::Arm)?;
        Some((address, kind.claims(&At { address, resource, world: first.world })))
    });
    let used: BTreeMap<String, &Address> = claims
        .flat_map(|(address, claims)| claims.into_iter().map(move |claim| (claim.key, address)))
        .collect();
    if used.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (kind, at, _) in concerned {
        for claim in kind.claims(at) {
            let Some(other) = used.get(&claim.key).filter(|other| **other != at.address) else { continue };
            let message =
                format!("{} is used by {other} already, which the spec does not declare", claim.what);
            let field: Vec<&str> = claim.field.iter().map(String::as_str).collect();
            let finding = Finding::new(&field, message, "use another one, or take that one away first");
            found.push((at.address.clone(), finding));
        }
    }
    found
}

/// The steps that the caller has no right to.
fn lacking_rights(places: &BTreeMap<String, Vec<&crate::plan::Step>>, answers: &Answers) -> Vec<Refusal> {
    let mut found = Vec::new();
    for (path, steps) in places {
        let Some(Answer::There(json)) = answers.get(&Question::get(path, rights::API_VERSION)) else {
            continue;
        };
        for step in steps {
            let Request::Arm(arm) = &step.request else { continue };
            let Some(right) = rights::right(arm).filter(|right| !rights::allows(json, right)) else {
                continue;
            };
            let scope = path.split("/providers/").next().unwrap_or(path);
            found.push(Refusal {
                address: step.address.clone(),
                origin: step.origin.clone(),
                rule: Rule::Invalid,
                message: format!(
                    "you have no right to {right}, which step {} needs on {}",
                    step.id + 1,
                    step.address
                ),
                help: format!("have somebody give you a role that allows it on {scope}, such as Contributor"),
            });
        }
    }
    found
}

/// Asks everything at once.
async fn answers(session: &Session, questions: BTreeSet<Question>) -> Result<Answers, Failure> {
    let mut tasks = JoinSet::new();
    for question in questions {
        let cloud = session.cloud.clone();
        tasks.spawn(async move {
            let Question { path, api_version, filter, body } = &question;
            let answer = cloud.answer(path, api_version, filter, body).await;
            (question, answer)
        });
    }
    let mut all = Answers::new();
    for (question, answer) in tasks.join_all().await {
        all.insert(question, understood(answer).map_err(|error| unreachable(&error))?);
    }
    Ok(all)
}

fn understood(answer: Result<Option<Json>, CloudError>) -> Result<Answer, CloudError> {
    match answer {
        Ok(Some(json)) => Ok(Answer::There(json)),
        Ok(None) => Ok(Answer::Missing),
        Err(error) if error.class == Class::Missing => Ok(Answer::Missing),
        Err(error) if matches!(error.class, Class::Refused | Class::Denied | Class::Garbled) => {
            Ok(Answer::Unknown)
        }
        Err(error) => Err(error),
    }
}

/// Asks the service whether it would take what can be judged already: the things to be written that wait for nothing
/// in the plan, all at once. The others are asked about between the steps.
async fn validations(session: &Session, plan: &Plan) -> Result<Vec<Refusal>, Failure> {
    // What stands in something that is not there is not asked about.
    let lacks = |address: &Address| {
        let above = |refusal: &Refusal| refusal.address != *address && address.is_within(&refusal.address);
        plan.refusals.iter().any(above)
    };
    let due = plan.steps.iter().filter(|step| step.needs.is_empty() && !lacks(&step.address));
    let mut tasks = JoinSet::new();
    for (number, step) in due.enumerate() {
        let Some(request) = step.validation.as_deref() else { continue };
        let Request::Arm(arm) = request else { continue };
        if !request.references().is_empty() {
            continue;
        }
        let (cloud, arm, address, origin) =
            (session.cloud.clone(), arm.clone(), step.address.clone(), step.origin.clone());
        tasks.spawn(async move { (number, address, origin, cloud.perform(&arm, |_| {}).await) });
    }
    let mut answers = tasks.join_all().await;
    answers.sort_by_key(|(number, ..)| *number);
    let mut refusals = Vec::new();
    for (_, address, origin, answer) in answers {
        let found = match answer {
            Ok(json) => crate::run::azure::findings(&json),
            Err(error) if matches!(error.class, Class::Refused | Class::Failed) => {
                vec![error.to_string()]
            }
            Err(error) => return Err(unreachable(&error)),
        };
        refusals.extend(found.into_iter().map(|why| Refusal {
            address: address.clone(),
            origin: origin.clone(),
            rule: Rule::Invalid,
            message: format!("the service would not take {address}: {why}"),
            help: "correct what it names; nothing has been changed".to_owned(),
        }));
    }
    Ok(refusals)
}
