//! The control plane: reads, lists and the beginning of writes. What is given by a URL instead of a resource id is
//! asked of that host, with a token of its own.

use super::Cloud;
use super::error::{Class, CloudError};
use super::fault;
use super::operation::{Operation, state};
use super::wire::{Answer, Call, Plane, below};
use crate::model::Value;
use crate::model::request::{ArmRequest, Method};
use arcstr::ArcStr;
use reqwest::Url;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// How many pages a list may have; Kusto's lists have one.
const PAGES: usize = 10_000;

/// What a write led to at once.
#[derive(Debug, Clone, PartialEq)]
pub enum Begun {
    /// It is done; the answer's body, `null` for none.
    Done(Json),
    /// The service works on it: see [`Cloud::follow`].
    Operation(Operation),
}

impl Cloud {
    /// The resource at a path, or `None` when it or what should contain it does not exist.
    ///
    /// # Errors
    /// When there was no usable answer, also when the subscription or the resource type is unknown.
    pub async fn get(&self, path: &str, api_version: &str) -> Result<Option<Json>, CloudError> {
        let (plane, url) = self.place(path, api_version)?;
        self.read(&plane, url, format!("GET {path}")).await
    }

    /// The answer to a question that changes nothing: a GET, with a filter where one is given, or a POST of a body;
    /// `None` when what is asked about does not exist.
    ///
    /// # Errors
    /// As for [`Cloud::get`].
    pub async fn answer(
        &self,
        path: &str,
        api_version: &str,
        filter: &str,
        body: &str,
    ) -> Result<Option<Json>, CloudError> {
        let (plane, mut url) = self.place(path, api_version)?;
        if !filter.is_empty() {
            url.query_pairs_mut().append_pair("$filter", filter);
        }
        if body.is_empty() {
            return self.read(&plane, url, format!("GET {path}")).await;
        }
        let label = format!("POST {path}");
        let mut call = Call { plane, ..self.call(reqwest::Method::POST, url, label.clone()) };
        call.body = Some(body.as_bytes().to_vec());
        match self.send(&call).await {
            Ok(answer) => parsed(&answer, &label, Class::Garbled).map(Some),
            Err(error) if error.class == Class::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every entry of a collection, page by page, or `None` when what should contain it does not exist.
    ///
    /// # Errors
    /// As for [`Cloud::get`], and when a page is not one or its successor is on another host.
    pub async fn list(&self, path: &str, api_version: &str) -> Result<Option<Vec<Json>>, CloudError> {
        let label = format!("GET {path}");
        let garbled = |why: &str| CloudError::new(Class::Garbled, "InvalidPage", why, &label);
        let (plane, first) = self.place(path, api_version)?;
        let mut url = first.clone();
        let mut entries = Vec::new();
        let mut seen = BTreeSet::new();
        while seen.len() < PAGES && seen.insert(url.to_string()) {
            let Some(mut page) = self.read(&plane, url, label.clone()).await? else {
                return if entries.is_empty() {
                    Ok(None)
                } else {
                    Err(garbled("a page of the list vanished"))
                };
            };
            match page.get_mut("value").map(Json::take) {
                Some(Json::Array(items)) => entries.extend(items),
                _ => return Err(garbled("a page of the list has no `value`")),
            }
            let next = page.get("nextLink").and_then(Json::as_str).filter(|next| !next.is_empty());
            let Some(next) = next else { return Ok(Some(entries)) };
            url = self
                .wire
                .trust
                .onward(next, Some(&first))
                .map_err(|error| CloudError { request: label.as_str().into(), ..error })?;
        }
        Err(garbled("the list leads back to a page that was read"))
    }

    /// Sends a write, once unless the service says that nothing happened.
    ///
    /// A delete of what does not exist is done. Retries end when [`super::Pace`] says so.
    ///
    /// # Errors
    /// With the class that tells whether anything may have happened.
    pub async fn begin(&self, request: &ArmRequest) -> Result<Begun, CloudError> {
        let label = format!("{} {}", request.method.word(), request.path);
        let unsent = |why: String| CloudError::new(Class::Refused, "Unresolved", why, &label);
        let (plane, url) = self.place(&request.path, &request.api_version)?;
        let mut call = Call { plane, ..self.call(verb(request.method), url, label.clone()) };
        if request.body != Value::Null {
            let body = self.filled_value(&request.body).await?;
            let body = json(&body).map_err(|why| unsent(format!("the body still holds {why}")))?;
            call.body = Some(body.to_string().into_bytes());
        }
        call.headers.extend(request.if_match.clone().map(|etag| ("if-match", etag)));
        if request.create_only {
            call.headers.push(("if-none-match", "*".to_owned()));
        }
        match self.send(&call).await {
            Ok(answer) => self.begun(request, &answer, &label),
            Err(error) if error.class == Class::Missing && request.method == Method::Delete => {
                Ok(Begun::Done(Json::Null))
            }
            Err(error) => Err(error),
        }
    }

    /// Sends a write and follows it to its end, beginning anew while the service says that something else is in
    /// its way. `begun` hears of every operation, so that an interrupted run can [`Cloud::follow`] it.
    ///
    /// # Errors
    /// As for [`Cloud::begin`] and [`Cloud::follow`].
    pub async fn perform(
        &self,
        request: &ArmRequest,
        mut begun: impl FnMut(&Operation) + Send,
    ) -> Result<Json, CloudError> {
        let mut patience = self.patience();
        let mut failed = false;
        loop {
            let operation = match self.begin(request).await {
                Ok(Begun::Done(json)) => return Ok(json),
                Ok(Begun::Operation(operation)) => operation,
                // What an earlier try may have left behind is still there.
                Err(error) if failed && !error.class.in_doubt() => {
                    return Err(CloudError { class: Class::Failed, ..error });
                }
                Err(error) => return Err(error),
            };
            begun(&operation);
            match self.follow(&operation).await {
                Err(error) if patience.wait(&error).await => failed = true,
                ended => return ended,
            }
        }
    }

    pub(super) fn arm_url(&self, path: &str, api_version: &str) -> Result<Url, CloudError> {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let named = |error| CloudError { request: path.into(), ..error };
        let mut url = below(&self.wire.trust.arm, &segments).map_err(named)?;
        url.query_pairs_mut().append_pair("api-version", api_version);
        Ok(url)
    }

    /// Where a resource is, by its id; what an interface of its own serves, by its URL.
    fn place(&self, path: &str, api_version: &str) -> Result<(Plane, Url), CloudError> {
        if !path.starts_with("https://") {
            return Ok((Plane::Arm, self.arm_url(path, api_version)?));
        }
        let named = |error| CloudError { request: path.into(), ..error };
        let (mut url, audience) = self.wire.trust.rest(path).map_err(named)?;
        url.query_pairs_mut().append_pair("api-version", api_version);
        Ok((Plane::Rest { audience }, url))
    }

    async fn read(&self, plane: &Plane, url: Url, label: String) -> Result<Option<Json>, CloudError> {
        let call = Call { plane: plane.clone(), ..self.call(reqwest::Method::GET, url, label) };
        match self.send(&call).await {
            Ok(answer) => parsed(&answer, &call.label, Class::Garbled).map(Some),
            Err(error) if error.class == Class::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn begun(&self, request: &ArmRequest, answer: &Answer, label: &str) -> Result<Begun, CloudError> {
        // From here on the write is accepted: what cannot be understood leaves it in doubt.
        let body = parsed(answer, label, Class::Lost)?;
        let ended = state(&body);
        let accepted = answer.status == 202 || ended.is_some_and(|state| !state.is_terminal());
        let link = |name: &str| -> Result<Option<String>, CloudError> {
            let Some(url) = answer.header(name).filter(|url| !url.is_empty()) else { return Ok(None) };
            let doubt = |error| CloudError { class: Class::Lost, request: label.into(), ..error };
            self.wire.trust.onward(url, None).map(|url| Some(url.into())).map_err(doubt)
        };
        let status = link("azure-asyncoperation")?;
        let location = if accepted || status.is_some() { link("location")? } else { None };
        if status.is_some() || accepted {
            if status.is_none() && location.is_none() && request.method == Method::Post {
                return Ok(Begun::Done(body));
            }
            return Ok(Begun::Operation(Operation {
                method: request.method,
                path: request.path.clone(),
                api_version: request.api_version.clone(),
                status,
                location,
                wait: answer.retry_after.map(|wait| wait.as_secs()),
            }));
        }
        match ended {
            Some(state) if state.is_failure() => Err(state.error(&body, label)),
            _ => Ok(Begun::Done(body)),
        }
    }
}

/// The JSON of a successful answer, `null` for an empty one.
pub(super) fn parsed(answer: &Answer, label: &str, class: Class) -> Result<Json, CloudError> {
    if answer.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Json::Null);
    }
    serde_json::from_slice(&answer.body).map_err(|why| {
        let said = fault::excerpt(&answer.body);
        let message = format!("the answer cannot be read as JSON ({why}); it begins: {said}");
        let mut error = CloudError::new(class, "InvalidJson", message, label);
        error.status = Some(answer.status);
        error.id = answer.id().map(Into::into);
        error
    })
}

const fn verb(method: Method) -> reqwest::Method {
    match method {
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
        Method::Post => reqwest::Method::POST,
    }
}

/// A body as the control plane takes it, lengths of time in ISO 8601; or what has no place in a request.
fn json(value: &Value) -> Result<Json, String> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => Json::from(*value),
        Value::Real(value) => Json::from(*value),
        Value::Text(text) => Json::from(&**text),
        Value::Time(ticks) => Json::from(ticks.iso8601()),
        Value::List(items) => items.iter().map(json).collect::<Result<_, _>>()?,
        Value::Map(body) => {
            let entry = |(name, value): (&ArcStr, &Value)| Ok((name.to_string(), json(value)?));
            Json::Object(body.iter().map(entry).collect::<Result<_, String>>()?)
        }
        Value::Unknown(expr) => return Err(format!("the reference {expr}")),
        Value::Secret(place) => return Err(format!("the secret {place}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Body;
    use crate::model::body::SecretRef;
    use crate::model::duration::Ticks;

    #[test]
    fn bodies_hold_values_and_nothing_to_be_resolved() {
        let body = Body::new()
            .with("period", Value::Time(Ticks::parse("90d").unwrap()))
            .with("tags", Value::from(vec!["a".into(), 1.into(), Value::Null]));
        let wire = json(&body.clone().into()).map(|json| json.to_string());
        assert_eq!(wire.as_deref(), Ok(r#"{"period":"P90D","tags":["a",1,null]}"#));
        let secret = body.with("key", Value::Secret(SecretRef::Env("K".into())));
        assert_eq!(json(&secret.into()), Err("the secret ${secret.env.K}".to_owned()));
    }
}
