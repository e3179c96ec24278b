//! Extractors that fail in the API's own error type.

use axum::body::{Body as HttpBody, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header;
use axum::http::request::Parts;
use schemas::{DeviceId, SeriesId};
use serde_json::Value;

use super::error::ApiError;
use super::fields::{Fields, FromFields};

/// Largest body taken, unless what is read from it says otherwise.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;
/// Longest query taken.
const MAX_QUERY_BYTES: usize = 8 * 1024;

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: FromFields, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        if !kind.is_some_and(is_json) {
            return Err(ApiError::NotJson);
        }
        let Value::Object(map) = read_json(request.into_body(), T::MAX_BODY_BYTES).await? else {
            return Err(ApiError::Malformed("the body must be a JSON object".to_owned()));
        };
        Fields::of_body(map).read().map(Self)
    }
}

fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

async fn read_json(body: HttpBody, max: usize) -> Result<Value, ApiError> {
    let bytes = to_bytes(body, max).await.map_err(|error| {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        if source.is_some_and(|text| text.contains("limit")) {
            ApiError::TooLarge(max)
        } else {
            ApiError::Malformed("the body ended before it was complete".to_owned())
        }
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| ApiError::Malformed(format!("the body is not valid JSON: {error}")))
}

/// The query.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: FromFields, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        if query.len() > MAX_QUERY_BYTES {
            return Err(ApiError::Malformed(format!("the query is over {MAX_QUERY_BYTES} bytes")));
        }
        let axum::extract::Query(pairs) =
            axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
                .map_err(|error| ApiError::Malformed(format!("the query: {error}")))?;
        Fields::of_query(pairs).read().map(Self)
    }
}

/// A thing named in the path.
pub(crate) trait PathId: Sized + Send {
    /// For the error: there is no WHAT ….
    const WHAT: &'static str;
    /// How it is spelled.
    const FORM: &'static str;
    fn parse(text: &str) -> Option<Self>;
}

impl PathId for DeviceId {
    const WHAT: &'static str = "device";
    const FORM: &'static str = "a UUID of 36 characters";
    fn parse(text: &str) -> Option<Self> {
        (text.len() == 36).then(|| text.parse().ok()).flatten()
    }
}

impl PathId for SeriesId {
    const WHAT: &'static str = "series";
    const FORM: &'static str = "16 hexadecimal digits, lower case";
    fn parse(text: &str) -> Option<Self> {
        // One spelling, so that an id can be compared as text.
        let id: Self = text.parse().ok()?;
        (id.to_string() == text).then_some(id)
    }
}

/// The one identity in the path. What is no identity names nothing: 404, as for one unknown.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: PathId, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = path_text(parts, state).await?;
        T::parse(&text).map(Self).ok_or(ApiError::NotFound { what: T::WHAT, id: text })
    }
}

/// A name in the path, as it is.
pub(crate) struct Name(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        path_text(parts, state).await.map(Self)
    }
}

/// Two names in the path, as they are.
pub(crate) struct Names(pub(crate) String, pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Names {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let mut texts = path_texts(parts, state).await?.into_iter();
        match (texts.next(), texts.next()) {
            (Some(first), Some(second)) => Ok(Self(first, second)),
            (None, _) | (_, None) => {
                Err(ApiError::Internal("a path without two parameters".to_owned()))
            }
        }
    }
}

async fn path_text<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String, ApiError> {
    let text = path_texts(parts, state).await?.into_iter().next();
    text.ok_or_else(|| ApiError::Internal("a path without a parameter".to_owned()))
}

async fn path_texts<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<Vec<String>, ApiError> {
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| ApiError::Malformed("the path is not UTF-8".to_owned()))?;
    Ok(params.iter().map(|(_, value)| value.to_owned()).collect())
}
