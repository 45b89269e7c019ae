//! Requests as they go out: references resolved, the endpoint found.

use super::effects::{Answer, Effects, Outgoing};
use super::event::Way;
use super::machine::{Cause, Machine, Status};
use crate::model::body::Value;
use crate::model::request::{KustoRequest, Lookup, Request};

/// The next request of a step in a direction, its references as the plan has them.
pub(super) fn next(machine: &Machine, run: &str, step: usize, way: Way) -> Outgoing {
    let planned = &machine.plan().steps[step];
    let state = &machine.states()[step];
    let part = if way == Way::Apply { 0 } else { state.part };
    let letter = if way == Way::Apply { 'a' } else { 'u' };
    Outgoing {
        step,
        way,
        part,
        id: format!("adxform.{run}.{step}{letter}{part}.{}", state.sends + 1),
        address: planned.address.clone(),
        kind: planned.kind.clone(),
        request: machine.request(step, way).unwrap_or(&planned.request).clone(),
        endpoint: None,
    }
}

/// The service's own check of a step, ready to go out.
///
/// # Errors
/// What is not known, as a sentence.
pub(super) fn check(machine: &Machine, run: &str, step: usize) -> Result<Outgoing, String> {
    let mut outgoing = next(machine, run, step, Way::Apply);
    if let Some(validation) = &machine.plan().steps[step].validation {
        outgoing.request = (**validation).clone();
    }
    resolved(machine, outgoing)
}

/// A request with its references resolved.
///
/// # Errors
/// What is not known, as a sentence.
pub(super) fn resolved(machine: &Machine, mut outgoing: Outgoing) -> Result<Outgoing, String> {
    let known = |address: &_, path: &[String]| machine.known(address, path);
    match &mut outgoing.request {
        Request::Arm(arm) => {
            arm.body = arm.body.resolved(&known);
            if let Some(open) = first_open(&arm.body) {
                return Err(format!(
                    "it refers to {open}, which is still not known: nothing that was applied gives it"
                ));
            }
        }
        Request::Kusto(KustoRequest { cluster, command, .. }) => {
            *command = command.resolved(&known);
            if let Some((address, path)) = command.references().first() {
                return Err(format!(
                    "it refers to ${{{address}.{}}}, which is still not known: nothing that was applied gives it",
                    path.join(".")
                ));
            }
            let uri = machine.known(cluster, &["uri".to_owned()]);
            let Some(Value::Text(uri)) = uri else {
                return Err(format!("the URI of {cluster} is not known, so there is nowhere to send it"));
            };
            outgoing.endpoint = Some(uri.to_string());
        }
    }
    Ok(outgoing)
}

/// The requests of steps in doubt that begin operations and whose replies were lost, as far as they can be made.
pub(super) fn doubtful(machine: &Machine, run: &str, steps: &[usize]) -> Vec<Outgoing> {
    let lost = steps.iter().filter_map(|step| match machine.states()[*step].status {
        Status::Doubt(Cause::Lost) => Some((*step, Way::Apply)),
        Status::UndoDoubt(Cause::Lost) => Some((*step, Way::Undo)),
        _ => None,
    });
    let begins = |of: &Outgoing| matches!(&of.request, Request::Kusto(kusto) if kusto.begins.is_some());
    let sent = lost.map(|(step, way)| next(machine, run, step, way)).filter(begins);
    sent.filter_map(|of| resolved(machine, of).ok()).collect()
}

/// The first reference that is left in a value, as it is written.
fn first_open(value: &Value) -> Option<String> {
    match value {
        Value::Unknown(expr) => Some(expr.to_string()),
        Value::List(items) => items.iter().find_map(first_open),
        Value::Map(body) => body.iter().find_map(|(_, value)| first_open(value)),
        _ => None,
    }
}

/// The value that a command needs right before it is sent, if it needs one.
fn lookup(outgoing: &Outgoing) -> Option<Lookup> {
    match &outgoing.request {
        Request::Kusto(kusto) => kusto.lookup.as_deref().cloned(),
        Request::Arm(_) => None,
    }
}

/// Completes a command with the value it needed.
fn append(outgoing: &mut Outgoing, value: &str) {
    if let Request::Kusto(kusto) = &mut outgoing.request {
        kusto.command = kusto.command.clone().text(value);
        kusto.lookup = None;
    }
}

/// Sends a batch; a command that needs a value from the service gets it right before.
pub(super) async fn sent<E: Effects>(effects: &E, mut batch: Vec<Outgoing>) -> Vec<Answer> {
    if let [only] = batch.as_mut_slice()
        && let Some(lookup) = lookup(only)
    {
        match effects.lookup(only, &lookup).await {
            Ok(value) => append(only, &value),
            Err(answer) => return vec![answer],
        }
    }
    effects.send(batch).await
}

/// Whether a request goes with the etag that is seen right before it.
pub(super) const fn is_conditional(request: &Request) -> bool {
    matches!(request, Request::Arm(arm) if arm.if_match.is_some())
}

/// Puts the etag that was seen into a request that has one; where none was seen, it goes without.
pub(super) fn condition(outgoing: &mut Outgoing, etag: Option<&str>) {
    if let Request::Arm(arm) = &mut outgoing.request
        && arm.if_match.is_some()
    {
        arm.if_match = etag.map(str::to_owned);
    }
}
