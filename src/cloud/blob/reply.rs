//! What the storage service's replies mean for the request, in our words.

use crate::cloud::error::{Class, CloudError};
use crate::cloud::retry::{After, Again};
use azure_core::error::ErrorKind;
use azure_storage_blob::StorageError;
use std::time::Duration;

/// Gives one request a limit, and its failure our words.
pub(super) async fn within<T>(
    limit: Duration,
    label: &str,
    request: impl Future<Output = azure_core::Result<T>>,
) -> Result<T, CloudError> {
    match tokio::time::timeout(limit, request).await {
        Ok(answer) => answer.map_err(|error| translated(error, label)),
        Err(_) => {
            let message = format!("the storage account did not answer within {} s", limit.as_secs());
            Err(CloudError::new(Class::Lost, "ReplyLost", message, label))
        }
    }
}

/// Whether the same request may succeed later.
pub(super) const fn is_passing(error: &CloudError) -> bool {
    matches!(error.class, Class::Lost | Class::Unreachable | Class::Busy)
}

/// An error with what would have to pass for the request to be worth sending again.
pub(super) fn again(error: CloudError) -> CloudError {
    let until = match error.class {
        Class::Unreachable => Again::Unreachable,
        Class::Busy => Again::Throttled(After::default()),
        Class::Lost => Again::Transient(After::default()),
        // Somebody appended between two parts of one reading.
        _ if error.code == "ConditionNotMet" && error.request.starts_with("GET") => {
            Again::Transient(After::default())
        }
        _ => Again::Never,
    };
    error.again(until)
}

/// Nothing where the service says that there is nothing.
pub(super) fn absent<T>(found: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.status == Some(404) && error.code != "ContainerNotFound" => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a lease is ours, where the service says that it is not.
pub(super) fn held(answer: Result<(), CloudError>) -> Result<bool, CloudError> {
    match answer {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.status, Some(409 | 412)) && error.code.starts_with("Lease") => Ok(false),
        Err(error) => Err(error),
    }
}

/// The official client's error in our words; a signature in an address does not come along.
fn translated(error: azure_core::Error, label: &str) -> CloudError {
    let mut deepest: &(dyn std::error::Error + 'static) = &error;
    while let Some(next) = deepest.source() {
        deepest = next;
        if let Some(own) = deepest.downcast_ref::<CloudError>() {
            return CloudError { request: label.into(), ..own.clone() };
        }
    }
    let said = Some(deepest.to_string()).filter(|said| !said.contains("://"));
    let said = said.unwrap_or_else(|| "the connection broke down".to_owned());
    match error.kind() {
        ErrorKind::HttpResponse { status, error_code, .. } => {
            let (status, code) = (u16::from(*status), error_code.clone().unwrap_or_default());
            answered(status, &code, error, label)
        }
        ErrorKind::Connection => {
            let hint = if said.contains("certificate") {
                "nobody this machine knows vouches for the host: a proxy that looks into connections may stand in \
                 between; set SSL_CERT_FILE to a bundle with its authority's certificate"
            } else {
                "check the account's name, the network, and the account's firewall or private endpoint"
            };
            let message = format!("the storage account cannot be reached: {said}");
            CloudError::new(Class::Unreachable, "Unreachable", message, label).hint(hint)
        }
        ErrorKind::Io => {
            let message = format!("the storage account's reply was lost: {said}");
            CloudError::new(Class::Lost, "ReplyLost", message, label)
        }
        _ => CloudError::garbled(format!("the storage account's reply is not understood: {said}"), label),
    }
}

/// An answer other than success.
///
/// <https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes>
fn answered(status: u16, code: &str, error: azure_core::Error, label: &str) -> CloudError {
    let told = StorageError::try_from(error).ok();
    let message = told.as_ref().and_then(|told| told.message.as_deref()).unwrap_or_default();
    let message = match message.lines().next().map(str::trim).filter(|line| !line.is_empty()) {
        Some(line) => format!("the storage account says: {}", line.trim_end_matches('.')),
        None => format!("the storage account answered {status}"),
    };
    let class = match status {
        401 | 403 => Class::Denied,
        404 => Class::Missing,
        408 | 429 | 503 => Class::Busy,
        500..=599 => Class::Lost,
        _ => Class::Refused,
    };
    let mut found = CloudError::new(class, code, message, label);
    found.status = Some(status);
    found.id = told.and_then(|told| told.request_id).map(Into::into);
    match (class, code) {
        (Class::Denied, _) => found.hint(
            "whoever runs this needs the role Storage Blob Data Contributor on the container, or a signature that \
             may read, add, create, write and list",
        ),
        (_, "ContainerNotFound") => found.hint("make it first: `az storage container create --name …`"),
        _ => found,
    }
}
