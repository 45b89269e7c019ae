//! The services' error bodies, and what each means for the request.
//!
//! Control plane: <https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors>.
//! Management endpoint (OneApi errors): <https://learn.microsoft.com/kusto/api/rest/response-http>.

use super::error::{Class, CloudError};
use super::retry::{After, Again};
use super::wire::{Answer, Plane};
use serde_json::Value as Json;
use std::time::Duration;

/// How much of an answer that nobody understands is shown.
const EXCERPT: usize = 200;

/// Codes of a 404 that is not about the resource: taking it for absent would plan its creation.
const UNKNOWN: [&str; 4] =
    ["SubscriptionNotFound", "InvalidResourceType", "InvalidResourceNamespace", "NoRegisteredProviderFound"];

/// What an error body says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: String,
    pub(super) message: String,
    /// The exception's type, from the management endpoint.
    pub(super) exception: String,
    /// The management endpoint's own word on whether trying again is useless.
    pub(super) permanent: Option<bool>,
    pub(super) activity: Option<String>,
}

/// Reads an error body in any of the forms that the two planes and the gateways before them use.
pub(super) fn read(body: &Json) -> Option<Fault> {
    let error = match body.get("error") {
        Some(Json::String(code)) => {
            let message = text(body, "error_description");
            return Some(Fault { code: code.clone(), message, ..Fault::default() });
        }
        Some(error) if error.is_object() => error,
        _ => body,
    };
    let own = |name: &str| text(error, name);
    let mut message =
        [own("@message"), own("message"), own("Message")].into_iter().find(|m| !m.is_empty())?;
    for detail in error.get("details").and_then(Json::as_array).into_iter().flatten() {
        let more = text(detail, "message");
        if !more.is_empty() && !message.contains(&more) {
            message = format!("{} {more}", message.trim_end());
        }
    }
    let mut code = [own("code"), own("Code")].into_iter().find(|c| !c.is_empty()).unwrap_or_default();
    let inner = error.pointer("/innererror/code").and_then(Json::as_str);
    if let (Some(inner), "General_BadRequest") = (inner, code.as_str()) {
        code = inner.to_owned();
    }
    let activity = error.pointer("/@context/activityId").and_then(Json::as_str).map(str::to_owned);
    let permanent = error.get("@permanent").and_then(Json::as_bool);
    let exception = own("@type").rsplit('.').next().unwrap_or_default().to_owned();
    Some(Fault { code, message, exception, permanent, activity })
}

fn text(json: &Json, name: &str) -> String {
    json.get(name).and_then(Json::as_str).unwrap_or_default().trim().to_owned()
}

/// The error that an answer other than success stands for.
pub(super) fn error(plane: &Plane, write: bool, answer: &Answer, request: &str) -> CloudError {
    let json = serde_json::from_slice::<Json>(&answer.body).ok();
    let fault = json.as_ref().and_then(read);
    let known = fault.is_some();
    let mut fault = fault.unwrap_or_default();
    if !known {
        fault.message = unexplained(answer);
    }
    let (class, again) = judge(plane, write, known, answer, &fault);
    let mut error = CloudError::new(class, &fault.code, fault.message.clone(), request).again(again);
    error.status = Some(answer.status);
    error.hint = hint(plane, answer.status, &fault);
    error.id = fault.activity.or_else(|| answer.id()).map(Into::into);
    error
}

fn unexplained(answer: &Answer) -> String {
    let said = match excerpt(&answer.body) {
        said if said.is_empty() => "without a word".to_owned(),
        said => format!("with: {said}"),
    };
    match (answer.status, answer.header("location")) {
        (300..=399, Some(_)) => "the host redirects elsewhere, and tokens do not follow".to_owned(),
        (status, _) => format!("the host answered {status} {said}"),
    }
}

/// The beginning of an answer that is not what it should be, on one line.
pub(super) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * EXCERPT)]);
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() > EXCERPT {
            line.push('…');
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

fn judge(plane: &Plane, write: bool, known: bool, answer: &Answer, fault: &Fault) -> (Class, Again) {
    let after = After::from(answer.retry_after.or_else(|| seconds_named(&fault.message)));
    if let Some(again) = passing(&fault.code, &fault.message) {
        let class = if again == Again::Directory { Class::Refused } else { Class::Busy };
        return (class, if let Again::Conflict(_) = again { Again::Conflict(after) } else { again });
    }
    let in_doubt = if write { Again::Never } else { Again::Transient(after) };
    match answer.status {
        401 | 403 => (Class::Denied, Again::Never),
        429 => (Class::Busy, Again::Throttled(after)),
        // The gateway gave up waiting for the provider, which may have done the work.
        503 if write && matches!(fault.code.as_str(), "ServerTimeout" | "GatewayTimeout") => {
            (Class::Lost, in_doubt)
        }
        503 => (Class::Busy, Again::Throttled(after)),
        408 | 500.. => (Class::Lost, in_doubt),
        // Another program's 404 says nothing about the resource: Azure's own explains itself, or has an id.
        404 if !(known || answer.body.is_empty() && answer.id().is_some()) => {
            (if write { Class::Refused } else { Class::Garbled }, Again::Never)
        }
        404 if UNKNOWN.contains(&fault.code.as_str()) => (Class::Refused, Again::Never),
        404 => (Class::Missing, Again::Never),
        _ if matches!(plane, Plane::Kusto { .. }) => judge_command(write, fault, after),
        _ => (Class::Refused, Again::Never),
    }
}

/// The management endpoint answers 400 to nearly everything; the exception's type and `@permanent` tell.
pub(super) fn judge_command(write: bool, fault: &Fault, after: After) -> (Class, Again) {
    if throttled(&fault.exception) || throttled(&fault.message) {
        return (Class::Busy, Again::Throttled(after));
    }
    let missing = fault.exception.contains("NotFound")
        || fault.code.ends_with("NotFound")
        || fault.code.ends_with("NotExist");
    match fault.permanent {
        _ if missing => (Class::Missing, Again::Never),
        Some(false) if write => (Class::Lost, Again::Never),
        Some(false) => (Class::Lost, Again::Transient(after)),
        _ => (Class::Refused, Again::Never),
    }
}

/// Whether a text of the management endpoint, or an exception's type, says that it has too much to do.
pub(super) fn throttled(text: &str) -> bool {
    [
        "ThrottledException",
        "QuotaExceededException",
        "aborted due to throttling",
        "exceeding quota limitations",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

/// What a code and its message say will pass, in direct answers and in failed operations alike.
pub(super) fn passing(code: &str, message: &str) -> Option<Again> {
    let maintenance = code == "ServiceIsInMaintenance"
        || code == "RequestConflict"
        || message.contains("is in process of maintenance")
        || message.contains("provisioning state is not terminal");
    let directory = code == "PrincipalNotFound"
        || message.contains("was not found in AAD tenant")
        || message.contains("does not exist in the directory");
    match (maintenance, directory) {
        (true, _) => Some(Again::Conflict(After::default())),
        (_, true) => Some(Again::Directory),
        _ => None,
    }
}

/// The seconds in `Please try again after '6' seconds.`
fn seconds_named(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once("try again after '")?;
    let (seconds, _) = rest.split_once('\'')?;
    seconds.parse().ok().map(Duration::from_secs)
}

fn hint(plane: &Plane, status: u16, fault: &Fault) -> Option<String> {
    let kusto = matches!(plane, Plane::Kusto { .. });
    let hint = match (fault.code.as_str(), status) {
        ("InvalidAuthenticationTokenTenant", _) => match tenant(&fault.message) {
            Some(tenant) => {
                return Some(format!(
                    "sign in to the subscription's tenant: `az login --tenant {tenant}`, or set AZURE_TENANT_ID to it"
                ));
            }
            None => "sign in to the tenant that the subscription belongs to",
        },
        ("SubscriptionNotFound" | "InvalidSubscriptionId", _) => {
            "check the subscription's id, and that the signed-in identity belongs to its tenant"
        }
        ("MissingSubscriptionRegistration", _) => {
            "register the resource provider: `az provider register --namespace Microsoft.Kusto`"
        }
        ("ResourceGroupNotFound", _) => "create the resource group first: `az group create`",
        ("ScopeLocked", _) => "take the resource lock away, or have its owner do it",
        ("RequestDisallowedByPolicy", _) => "a policy of the organisation forbids this; the message names it",
        (_, 412) => "somebody changed the resource since it was read: plan again",
        (_, 403) if kusto => {
            "give the signed-in identity a role on the database or cluster, by a principal assignment or `.add database … admins`; roles of Azure Resource Manager grant no access to data"
        }
        (_, 403) if matches!(plane, Plane::Rest { .. }) => {
            "give the signed-in identity a role in the application itself that may do this; roles of Azure Resource Manager grant nothing there"
        }
        (_, 401) => "sign in again: `az login`, or renew the credential",
        (_, 403) => {
            "give the signed-in identity a role such as Contributor on the resource group, or sign in as somebody else"
        }
        (_, 300..=399) => "give the address that it redirects to, if that is the right one",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// The right tenant, as the control plane names it: `…must match the tenant 'https://sts.windows.net/<id>/'…`.
fn tenant(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("must match ")?;
    let (_, rest) = rest.split_once("sts.windows.net/")?;
    let tenant = rest.get(..36)?;
    uuid::Uuid::try_parse(tenant).is_ok().then_some(tenant)
}
