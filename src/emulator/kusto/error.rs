//! Refusals of the Kusto endpoint, in the OneApi shape every Kusto client reads (`R:response.md`).
//!
//! Invariant: a fault carries the HTTP status, the service's code and exception type, and one sentence that
//! names the entity and the command, never text of another request (test: `tests/wire/kusto/errors.txt`).

use serde_json::{Value, json};

/// One refused request or command.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    /// The HTTP status.
    pub(crate) status: u16,
    /// `error.code`.
    pub(crate) code: &'static str,
    /// The exception's name, without the leading `Kusto.Data.Exceptions.`.
    pub(crate) exception: &'static str,
    /// `error.@message`: what was wrong, with the names in it.
    pub(crate) text: String,
    /// `error.@permanent`: false when the same request may succeed later.
    pub(crate) permanent: bool,
    /// Where in the text a syntax error stands, or which rule a semantic error breaks.
    pub(crate) inner: Option<Box<Inner>>,
}

/// The inner error of a syntax or semantic fault.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Inner {
    /// `SYNnnnn` or `SEMnnnn`.
    pub(crate) code: &'static str,
    /// The exception's name, without the leading `Kusto.Data.Exceptions.`.
    pub(crate) exception: &'static str,
    /// Line and column, both from 1, of a syntax error.
    pub(crate) place: Option<(usize, usize)>,
}

impl Fault {
    fn new(status: u16, code: &'static str, exception: &'static str, text: impl Into<String>) -> Self {
        Self { status, code, exception, text: text.into(), permanent: true, inner: None }
    }

    /// A request that the service understands and refuses.
    pub(crate) fn bad_request(text: impl Into<String>) -> Self {
        Self::new(400, "General_BadRequest", "KustoBadRequestException", text)
    }

    /// A refusal with a code of its own.
    pub(crate) fn coded(code: &'static str, exception: &'static str, text: impl Into<String>) -> Self {
        Self::new(400, code, exception, text)
    }

    /// An entity that is named and does not exist.
    pub(crate) fn not_found(kind: &str, name: &str) -> Self {
        let text = format!("Entity ID '{name}' of kind '{kind}' was not found.");
        Self::new(400, "BadRequest_EntityNotFound", "EntityNotFoundException", text)
    }

    /// An entity that may not exist yet and does.
    pub(crate) fn already_exists(kind: &str, name: &str) -> Self {
        let text = format!("Entity '{name}' of kind '{kind}' already exists.");
        Self::new(400, "BadRequest_EntityAlreadyExists", "EntityAlreadyExistsException", text)
    }

    /// A name that the service does not allow (`Q:schema-entities/entity-names.md`).
    pub(crate) fn bad_name(kind: &str, name: &str, why: &str) -> Self {
        let text = format!("Entity name '{name}' of kind '{kind}' is not valid: {why}");
        Self::new(400, "BadRequest_EntityNameIsNotValid", "EntityNameIsNotValidException", text)
    }

    /// The database of the request, or one that a command names.
    pub(crate) fn no_database(name: &str) -> Self {
        let text = format!("Database '{name}' could not be found.");
        Self::new(400, "BadRequest_DatabaseNotExist", "DatabaseNotFoundException", text)
    }

    /// Text that is not a command; `place` is line and column from 1.
    pub(crate) fn syntax(code: &'static str, text: impl AsRef<str>, place: (usize, usize)) -> Self {
        let text = format!("Syntax error: {code}: {} [line:position={}:{}]", text.as_ref(), place.0, place.1);
        let inner = Inner { code, exception: "SyntaxException", place: Some(place) };
        Self {
            inner: Some(Box::new(inner)),
            ..Self::new(400, "BadRequest_SyntaxError", "SyntaxException", text)
        }
    }

    /// A query, or a query within a command, that is well formed and means nothing.
    pub(crate) fn semantic(code: &'static str, text: impl AsRef<str>) -> Self {
        let text =
            format!("Request is invalid and cannot be processed: Semantic error: {code}: {}", text.as_ref());
        let inner = Inner { code, exception: "SemanticException", place: None };
        Self { inner: Some(Box::new(inner)), ..Self::bad_request(text) }
    }

    /// A command or operator of the service that the emulator does not model.
    pub(crate) fn not_modelled(what: &str) -> Self {
        let text = format!("The emulator does not model '{what}'. Run it against a real cluster.");
        Self::new(501, "NotImplemented", "KustoNotImplementedException", text)
    }

    /// A mutating command in a request that was sent as read-only.
    pub(crate) fn read_only() -> Self {
        Self::new(
            403,
            "Forbidden",
            "KustoRequestDeniedException",
            "The request is read-only ('request_readonly' or 'x-ms-readonly'), and the command changes state.",
        )
    }

    /// A request body beyond the limit of the endpoint.
    pub(crate) fn too_large(limit: usize) -> Self {
        let text = format!("The request body is larger than {limit} bytes.");
        Self::new(413, "Payload too large", "KustoRequestPayloadTooLargeException", text)
    }

    /// A fault of the emulator itself, such as a full disk.
    pub(crate) fn internal(text: impl Into<String>) -> Self {
        Self {
            permanent: false,
            ..Self::new(500, "General_InternalServerError", "KustoServiceException", text)
        }
    }

    /// The response body; `context` is the `@context` of the request.
    pub(crate) fn body(&self, context: &Value) -> Value {
        let mut error = json!({
            "code": self.code,
            "message": "Request is invalid and cannot be executed.",
            "@type": format!("Kusto.Data.Exceptions.{}", self.exception),
            "@message": self.text,
            "@context": context,
            "@permanent": self.permanent,
        });
        if let Some(inner) = &self.inner {
            let mut within = json!({
                "code": inner.code,
                "message": self.text,
                "@type": format!("Kusto.Data.Exceptions.{}", inner.exception),
                "@message": self.text,
                "@context": context,
                "@permanent": self.permanent,
                "@errorCode": inner.code,
                "@errorMessage": self.text,
            });
            if let Some((line, position)) = inner.place {
                within["@line"] = json!(line);
                within["@pos"] = json!(position);
            }
            error["innererror"] = within;
        }
        json!({ "error": error })
    }
}
