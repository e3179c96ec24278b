//! Revisions in HTTP (RFC 9110, section 13.1.1): `ETag` goes out, `If-Match` comes in, so that
//! nobody overwrites what they have not seen.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::AppendHeaders;

use super::error::ApiError;

/// The revision that a change is meant for; none: whichever there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IfMatch(pub(crate) Option<i64>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::read(&parts.headers)
    }
}

impl IfMatch {
    fn read(headers: &HeaderMap) -> Result<Self, ApiError> {
        let mut given = headers.get_all(header::IF_MATCH).iter();
        let (first, second) = (given.next(), given.next());
        let Some(first) = first else { return Ok(Self(None)) };
        let text = first.to_str().ok().filter(|_| second.is_none());
        let parsed = text.and_then(|text| match text.trim() {
            "*" => Some(None),
            tag => revision(tag).map(Some),
        });
        parsed.map(Self).ok_or_else(|| {
            ApiError::Malformed(
                "If-Match must be one revision in quotes, as ETag has it, or *".to_owned(),
            )
        })
    }
}

/// Digits of the largest revision taken, as the document has it: a time in ms has 13.
const MAX_DIGITS: usize = 18;

/// A proxy that compresses marks the tag as weak; the revision is the same.
fn revision(tag: &str) -> Option<i64> {
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    let plain = digits.len() <= MAX_DIGITS && digits.bytes().all(|it| it.is_ascii_digit());
    if plain && !digits.starts_with('0') { digits.parse().ok() } else { None }
}

/// The header that names a revision.
pub(crate) type ETag = AppendHeaders<[(header::HeaderName, HeaderValue); 1]>;

pub(crate) fn etag(revision: i64) -> ETag {
    AppendHeaders([(header::ETAG, tag(revision))])
}

pub(super) fn tag(revision: i64) -> HeaderValue {
    // Digits in quotes are always a value.
    HeaderValue::from_str(&format!("\"{revision}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_revision_or_any() {
        let check = |given: &[&str], expected: Option<Option<i64>>| {
            let mut headers = HeaderMap::new();
            for value in given {
                headers.append(header::IF_MATCH, HeaderValue::from_str(value).unwrap());
            }
            let read = IfMatch::read(&headers).ok().map(|it| it.0);
            assert_eq!(read, expected, "{given:?}");
        };
        check(&[], Some(None));
        check(&["*"], Some(None));
        check(&["\"7\""], Some(Some(7)));
        check(&[" W/\"1767398400000\" "], Some(Some(1_767_398_400_000)));
        for wrong in
            ["", "7", "\"\"", "\"-7\"", "\"0\"", "\"07\"", "\"+7\"", "\"x\"", "\"1\", \"2\""]
        {
            check(&[wrong], None);
        }
        check(&["\"99999999999999999999\""], None);
        check(&["\"1\"", "\"1\""], None);
        assert_eq!(revision(tag(7).to_str().unwrap()), Some(7));
    }
}
