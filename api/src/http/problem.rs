//! The one shape of every error: RFC 9457 `application/problem+json`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::{ApiError, FieldError};
use crate::families;

/// Content type of a problem.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// An error (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Names the kind of problem; stable, for programs.
    #[serde(rename = "type")]
    #[schema(example = "urn:opsconductor:problem:invalid-fields")]
    pub(crate) kind: String,
    /// The kind of problem, for people.
    pub(crate) title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub(crate) status: u16,
    /// What was wrong this time, and what fixes it.
    pub(crate) detail: String,
    /// The path asked for.
    pub(crate) instance: String,
    /// Every field that is wrong; empty for problems that are not about fields.
    pub(crate) errors: Vec<FieldError>,
}

/// An error of the schema registry's API: a problem that its clients can read too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RegistryProblem {
    #[serde(flatten)]
    #[schema(inline)]
    pub(crate) problem: Problem,
    /// The registry's code: 40401 no such subject, 40402 no such version, 40403 no such schema,
    /// 42202 no number of a version.
    #[schema(example = 40403)]
    pub(crate) error_code: u32,
    /// As detail.
    pub(crate) message: String,
}

/// The registry's code of a problem, on its way to the outermost layer.
#[derive(Clone, Copy)]
pub(super) struct RegistryCode(pub(super) u32);

impl ApiError {
    fn classify(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed", "Malformed request"),
            Self::Invalid(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields", "Fields are wrong")
            }
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", "Not JSON"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Body too large"),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "Not signed in"),
            Self::WrongPassword => (StatusCode::UNAUTHORIZED, "wrong-password", "Wrong password"),
            Self::CrossSite(_) => (StatusCode::FORBIDDEN, "cross-site", "Cross-site request"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
            Self::NotFound { .. } => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Self::Registry { code, .. } if code / 100 == 422 => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields", "Fields are wrong")
            }
            Self::Registry { .. } => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Self::Method(_) => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed")
            }
            Self::Conflict(_) | Self::Taken { .. } => {
                (StatusCode::CONFLICT, "conflict", "Conflict")
            }
            Self::Changed { .. } => {
                (StatusCode::PRECONDITION_FAILED, "precondition-failed", "Changed meanwhile")
            }
            Self::TooMany { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", "Too many attempts")
            }
            Self::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now")
            }
            Self::Timeout(_) => (StatusCode::GATEWAY_TIMEOUT, "timeout", "Took too long"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
        }
    }

    /// As a problem; `instance` is filled in by the outermost layer, which knows the path.
    fn problem(&self) -> (StatusCode, Problem) {
        let (status, kind, title) = self.classify();
        let detail = if let Self::Internal(_) = self {
            "a fault of the program; its log says more".to_owned()
        } else {
            self.to_string()
        };
        let errors = if let Self::Invalid(errors) = self {
            errors.clone()
        } else if let Self::Taken { field, detail } = self {
            vec![FieldError::new(field, detail.clone())]
        } else {
            Vec::new()
        };
        let problem = Problem {
            kind: format!("urn:opsconductor:problem:{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail,
            instance: String::new(),
            errors,
        };
        (status, problem)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Self::Internal(cause) = &self {
            tracing::error!(cause, "request failed");
            families::INTERNAL_ERRORS.add([], 1);
        }
        let (status, problem) = self.problem();
        let mut response = status.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Self::TooMany { retry_after_s } = self {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
        } else if let Self::Changed { revision, .. } = self {
            headers.insert(header::ETAG, super::revision::tag(revision));
        } else if let Self::Unavailable(_) = self {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        } else if let Self::Unauthenticated = self {
            // Basic would make browsers open their own dialogue.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Self::Registry { code, .. } = self {
            response.extensions_mut().insert(RegistryCode(code));
        }
        response.extensions_mut().insert(problem);
        response
    }
}

/// Any bare error of a library below, said in our shape.
pub(crate) fn from_status(status: StatusCode) -> ApiError {
    match status {
        StatusCode::NOT_FOUND => ApiError::NotFound { what: "such path:", id: String::new() },
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge(super::extract::MAX_BODY_BYTES),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::NotJson,
        StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT => {
            ApiError::Timeout(super::layers::REQUEST_LIMIT.as_secs())
        }
        StatusCode::METHOD_NOT_ALLOWED => ApiError::Method("that method".to_owned()),
        StatusCode::SERVICE_UNAVAILABLE => ApiError::Unavailable("try again shortly".to_owned()),
        other if other.is_client_error() => {
            ApiError::Malformed(format!("the request could not be read ({other})"))
        }
        other => ApiError::Internal(format!("bare status {other}")),
    }
}
