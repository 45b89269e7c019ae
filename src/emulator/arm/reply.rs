//! Replies of the control plane: JSON bodies and the error forms of each layer in front of a resource.
//!
//! Invariant: every error is `{"error":{"code","message"}}`, and says in `x-ms-failure-cause` whether the gateway
//! or the service refused.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

/// A reply before it is written to a socket.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    /// `None` is an empty body.
    pub(super) body: Option<Value>,
}

impl Reply {
    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: None }
    }

    pub(super) fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Some(body) }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A refusal by the resource provider.
    pub(super) fn service(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self::refusal(status, code, &message.into()).with("x-ms-failure-cause", "service")
    }

    /// A refusal by the gateway in front of all providers.
    pub(super) fn gateway(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self::refusal(status, code, &message.into()).with("x-ms-failure-cause", "gateway")
    }

    fn refusal(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, json!({"error": {"code": code, "message": message}}))
    }

    /// 400 with the provider's plain code.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::service(400, "BadRequest", message)
    }

    pub(super) fn into_response(self) -> Response {
        let mut response = match self.body {
            None => Response::new(Body::empty()),
            Some(body) => {
                let mut response = Response::new(Body::from(body.to_string()));
                let kind = HeaderValue::from_static("application/json; charset=utf-8");
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
                response
            }
        };
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        let id = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string());
        if let Ok(id) = id {
            for name in ["x-ms-request-id", "x-ms-correlation-request-id"] {
                response.headers_mut().insert(HeaderName::from_static(name), id.clone());
            }
        }
        response
    }
}
