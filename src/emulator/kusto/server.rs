//! The HTTP endpoint of one cluster (`R:request.md`, `R:authentication.md`).
//!
//! Invariant: every answer carries `x-ms-client-request-id` and `x-ms-activity-id`, errors included
//! (test: `tests/kusto_wire.rs`, `every_answer_is_traceable`).

use super::catalog::{Caller, Holder, Request, folded};
use super::choices;
use super::engine::{Answer, Engine};
use super::error::Fault;
use super::frame::{self, Asked};
use super::time;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// What the routes of one cluster share.
#[derive(Debug, Clone)]
struct Endpoint {
    engine: Arc<Engine>,
    cluster: String,
}

/// Which of the endpoint's paths a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    Manage,
    QueryV1,
    QueryV2,
    Ingest,
}

impl Engine {
    /// The routes of one cluster's endpoint.
    pub fn router(self: &Arc<Self>, cluster: &str) -> Router {
        let endpoint = Endpoint { engine: Arc::clone(self), cluster: folded(cluster) };
        let route = |path: Path| {
            post(move |State(endpoint): State<Endpoint>, headers: HeaderMap, body: Body| async move {
                endpoint.serve(path, &headers, body).await
            })
        };
        Router::new()
            .route("/", get(|| async { "adxform emulator: a Kusto endpoint. Point a Kusto client here." }))
            .route("/v1/rest/auth/metadata", get(auth_metadata))
            .route("/v1/rest/mgmt", route(Path::Manage))
            .route("/v1/rest/query", route(Path::QueryV1))
            .route("/v2/rest/query", route(Path::QueryV2))
            .route("/v1/rest/ingest/{database}/{table}", route(Path::Ingest))
            .with_state(endpoint)
    }
}

/// Where clients get tokens: the public cloud, as they would assume without an answer.
async fn auth_metadata() -> axum::Json<Value> {
    axum::Json(json!({"AzureAD": {
        "LoginEndpoint": "https://login.microsoftonline.com",
        "LoginMfaRequired": false,
        "KustoClientAppId": "db662dc1-0cfe-4e1c-a843-19a68e65be58",
        "KustoClientRedirectUri": "https://microsoft/kustoclient",
        "KustoServiceResourceId": "https://kusto.kusto.windows.net",
        "FirstPartyAuthorityUrl": "https://login.microsoftonline.com/f8cdef31-a31e-4b4a-93e4-5f571e91255a",
    }}))
}

/// A request body, as far as the emulator reads it.
#[derive(Debug, Default)]
struct Asking {
    text: String,
    database: String,
    read_only: bool,
}

impl Endpoint {
    async fn serve(&self, path: Path, headers: &HeaderMap, body: Body) -> Response {
        let activity = Uuid::new_v4();
        let client = header_text(headers, "x-ms-client-request-id")
            .map_or_else(|| format!("unspecified;{}", Uuid::new_v4()), str::to_owned);
        let asked = Asked { at: time::datetime(self.engine.now()), activity, client };
        let mut response = match self.caller(headers) {
            None => unauthorized(),
            Some(caller) => {
                let outcome = self.outcome(path, headers, body, caller, &asked).await;
                outcome.unwrap_or_else(|fault| refusal(&fault, &asked))
            }
        };
        let traced = [("x-ms-client-request-id", asked.client), ("x-ms-activity-id", activity.to_string())];
        for (name, value) in traced {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }

    /// Who asks; `None` when a token is missing and required, or is none.
    fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        let Some(value) = header_text(headers, "authorization") else {
            return Some(Caller::unknown()).filter(|_| !self.engine.is_token_required());
        };
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
            return None;
        }
        Some(of_token(token.trim()).unwrap_or_else(Caller::unknown))
    }

    async fn outcome(
        &self,
        path: Path,
        headers: &HeaderMap,
        body: Body,
        caller: Caller,
        asked: &Asked,
    ) -> Result<Response, Fault> {
        if path == Path::Ingest {
            return Err(Fault::not_modelled("streaming ingestion"));
        }
        let asking = asking(&read_body(body).await?)?;
        self.answer(path, headers, asking, caller, asked)
    }

    fn answer(
        &self,
        path: Path,
        headers: &HeaderMap,
        asking: Asking,
        caller: Caller,
        asked: &Asked,
    ) -> Result<Response, Fault> {
        if !self.engine.has_cluster(&self.cluster) {
            return Err(Fault::not_found("Cluster", &self.cluster));
        }
        let read_only =
            asking.read_only || header_text(headers, "x-ms-readonly").is_some_and(|value| value != "false");
        let request = Request {
            cluster: self.cluster.clone(),
            database: asking.database,
            read_only,
            client_request_id: asked.client.clone(),
            activity: asked.activity,
            now: self.engine.now(),
            caller,
            limits: self.engine.limits(),
        };
        let is_command = asking.text.trim_start().starts_with('.');
        let body = match path {
            Path::Manage => match self.engine.manage(&request, &asking.text)? {
                Answer { frame, queried: false } => frame::v1_plain(&frame),
                Answer { frame, queried: true } => frame::v1_query(&frame, asked),
            },
            _ if is_command => {
                return Err(Fault::bad_request(
                    "A management command is sent to /v1/rest/mgmt, not to a query path.",
                ));
            }
            Path::QueryV2 => frame::v2_query(&self.engine.query(&request, &asking.text)?, asked),
            _ => frame::v1_query(&self.engine.query(&request, &asking.text)?, asked),
        };
        let body = body.map_err(|error| Fault::internal(format!("the answer does not print: {error}")))?;
        Ok(([(header::CONTENT_TYPE, "application/json; charset=UTF-8")], body).into_response())
    }
}

/// The answer to a request without a token; its body is not JSON, as on the service.
fn unauthorized() -> Response {
    let challenge = "Bearer authorization_uri=https://login.microsoftonline.com";
    let text = "A bearer token is required.";
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)], text).into_response()
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

async fn read_body(body: Body) -> Result<Vec<u8>, Fault> {
    let bytes = to_bytes(body, choices::LARGEST_REQUEST).await;
    bytes.map(Vec::from).map_err(|_| Fault::too_large(choices::LARGEST_REQUEST))
}

/// Reads the body; `properties` may be an object or a string that holds one.
fn asking(bytes: &[u8]) -> Result<Asking, Fault> {
    let body: Value = serde_json::from_slice(bytes)
        .map_err(|error| Fault::bad_request(format!("The request body is not JSON: {error}.")))?;
    let text = body["csl"].as_str().ok_or_else(|| Fault::bad_request("The request body has no 'csl'."))?;
    let database = body["db"].as_str().unwrap_or_default();
    let properties = match &body["properties"] {
        Value::String(text) if text.trim().is_empty() => Value::Null,
        Value::String(text) => serde_json::from_str(text).map_err(|error| {
            Fault::bad_request(format!("'properties' of the request is not JSON: {error}."))
        })?,
        other => other.clone(),
    };
    let option = |name: &str| match &properties["Options"][name] {
        Value::Bool(flag) => *flag,
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    };
    let read_only = option("request_readonly") || option("request_readonly_hardline");
    Ok(Asking { text: text.to_owned(), database: database.to_owned(), read_only })
}

fn refusal(fault: &Fault, asked: &Asked) -> Response {
    let context = json!({
        "timestamp": asked.at,
        "serviceAlias": "EMULATOR",
        "machineName": "KEngine000000",
        "processName": "adxform",
        "processId": 1,
        "threadId": 1,
        "clientRequestId": asked.client,
        "activityId": asked.activity,
        "subActivityId": asked.activity,
        "activityType": "DN.AdminCommand",
        "parentActivityId": asked.activity,
        "activityStack": "",
    });
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(fault.body(&context))).into_response()
}

/// The caller that a JSON Web Token names; its signature is not checked.
fn of_token(token: &str) -> Option<Caller> {
    let payload = base64_url(token.split('.').nth(1)?)?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let claim = |name: &str| claims[name].as_str();
    let tenant = claim("tid").unwrap_or_default();
    let user = claim("upn").or_else(|| claim("unique_name"));
    let mut holder = match (user, claim("appid").or_else(|| claim("azp"))) {
        (Some(user), _) => Holder::resolve("aaduser", user, tenant),
        (None, Some(app)) => Holder::resolve("aadapp", app, tenant),
        (None, None) => Holder::resolve("aaduser", claim("oid")?, tenant),
    };
    if let Some(id) = claim("oid") {
        id.clone_into(&mut holder.object_id);
        if holder.key == "aaduser" {
            id.clone_into(&mut holder.id);
        }
    }
    let name = holder.given.clone();
    Some(Caller { holder, name })
}

fn base64_url(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = Vec::new();
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in text.trim_end_matches('=').bytes() {
        let value = ALPHABET.iter().position(|known| *known == byte)?;
        bits = (bits << 6 | u32::try_from(value).ok()?) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_name_their_caller() {
        // {"alg":"none"} . {"oid":"…1","tid":"…2","appid":"…3"} .
        let payload = "eyJvaWQiOiIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDEiLCJ0aWQiOiIwMDAwMDAwMC0wMDAwLTAw\
            MDAtMDAwMC0wMDAwMDAwMDAwMDIiLCJhcHBpZCI6IjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMyJ9";
        let payload: String = payload.split_whitespace().collect();
        let caller = of_token(&format!("eyJhbGciOiJub25lIn0.{payload}.")).unwrap();
        assert_eq!(
            caller.holder.fqn(),
            "aadapp=00000000-0000-0000-0000-000000000003;00000000-0000-0000-0000-000000000002"
        );
        assert_eq!(caller.holder.object_id, "00000000-0000-0000-0000-000000000001");
        for token in ["fake", "a.b", "a.!.c", ""] {
            assert_eq!(of_token(token), None, "{token}");
        }
    }

    #[test]
    fn properties_are_an_object_or_a_string() {
        for body in [
            json!({"csl": ".show tables", "db": "d", "properties": {"Options": {"request_readonly": true}}}),
            json!({"csl": ".show tables", "db": "d", "properties": "{\"Options\":{\"request_readonly\":true}}"}),
        ] {
            let asking = asking(body.to_string().as_bytes()).unwrap();
            assert!(asking.read_only && asking.database == "d" && asking.text == ".show tables");
        }
        assert!(!asking(br#"{"csl":".show cluster"}"#).unwrap().read_only);
        for body in ["", "[]", "{}", r#"{"csl":1}"#, r#"{"csl":".x","properties":"{"}"#] {
            assert!(asking(body.as_bytes()).is_err(), "{body}");
        }
    }
}
