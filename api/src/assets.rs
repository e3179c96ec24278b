//! The UI, embedded in the binary.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::http::ApiError;

#[derive(RustEmbed)]
#[folder = "../frontend/dist"]
struct Ui;

/// Areas of the API: what is below their version (`/system/v1/...`) is no page of the UI. The UI's
/// own pages may have such a name, also with something below it (`/system/log`).
const AREAS: [&str; 8] = [
    "identity",
    "inventory",
    "automation",
    "monitoring",
    "credentials",
    "notifications",
    "system",
    "integrations",
];

/// Other first parts of paths with nothing of the UI below them.
const API_ROOTS: [&str; 9] = [
    // No root of ours, but where people look for one.
    "api",
    "v1",
    "schemas",
    "subjects",
    // Clients of a schema registry ask below it first, and go on after a 404.
    "associations",
    "docs",
    "healthz",
    "readyz",
    "metrics",
];

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <title>OpsConductor</title><h1>The user interface is not built in</h1>\
    <p>Build it with <code>make build</code>, then start again. \
    The API works: see <a href=\"/docs\">/docs</a>.</p></html>";

/// A file of the UI, or its page for any path that is not the API's: the page finds its way.
pub(crate) async fn serve(request: Request) -> Result<Response, ApiError> {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(if is_api(&path) {
            unknown(&path)
        } else {
            ApiError::Method(request.method().to_string())
        });
    }
    if let Some(file) = Ui::get(&path) {
        return Ok(answer(&request, &path, file));
    }
    if is_api(&path) || looks_like_a_file(&path) {
        return Err(unknown(&path));
    }
    Ok(match Ui::get("index.html") {
        Some(page) => answer(&request, "index.html", page),
        None => page_of_no_ui(),
    })
}

fn unknown(path: &str) -> ApiError {
    ApiError::NotFound { what: "path", id: format!("/{path}") }
}

fn is_api(path: &str) -> bool {
    let Some((first, rest)) = path.split_once('/') else { return false };
    let second = rest.split('/').next().unwrap_or_default();
    API_ROOTS.contains(&first) || AREAS.contains(&first) && is_version(second)
}

/// `v1` and the like.
fn is_version(part: &str) -> bool {
    let digits = part.strip_prefix('v').unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The UI's own paths have no dot in their last part.
fn looks_like_a_file(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|last| last.contains('.'))
}

fn page_of_no_ui() -> Response {
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], NOT_BUILT).into_response()
}

fn answer(request: &Request, path: &str, file: EmbeddedFile) -> Response {
    let tag = etag(&file);
    let known = request.headers().get(header::IF_NONE_MATCH);
    let mut response = if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        axum::http::StatusCode::NOT_MODIFIED.into_response()
    } else {
        let (bytes, encoding) = smallest(request, path, file);
        let mut response = bytes.into_response();
        if let Some(encoding) = encoding {
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
            headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        response
    };
    let headers = response.headers_mut();
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    if let Ok(kind) = HeaderValue::from_str(kind.as_ref()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    // Files below assets/ carry a hash of their content in their name.
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

fn etag(file: &EmbeddedFile) -> String {
    use base64::Engine;
    let hash = &file.metadata.sha256_hash()[..12];
    format!("W/\"{}\"", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash))
}

/// The file as the build compressed it, where it did and the browser takes it.
fn smallest(request: &Request, path: &str, file: EmbeddedFile) -> (Bytes, Option<&'static str>) {
    let accepted = request.headers().get(header::ACCEPT_ENCODING);
    let accepted = accepted.and_then(|value| value.to_str().ok()).unwrap_or_default();
    for (encoding, suffix) in [("br", "br"), ("gzip", "gz")] {
        let takes = accepted.split(',').any(|item| item.trim() == encoding);
        if takes && let Some(packed) = Ui::get(&format!("{path}.{suffix}")) {
            return (owned(packed), Some(encoding));
        }
    }
    (owned(file), None)
}

fn owned(file: EmbeddedFile) -> Bytes {
    match file.data {
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::is_api;

    #[test]
    fn pages_of_the_ui_may_lie_below_an_area() {
        for path in ["system", "system/log", "credentials", "devices/1/v1", "", "system/version"] {
            assert!(!is_api(path), "{path}");
        }
        for path in ["system/v1/log", "system/v1", "inventory/v2/x", "api/x", "subjects/a"] {
            assert!(is_api(path), "{path}");
        }
    }
}
