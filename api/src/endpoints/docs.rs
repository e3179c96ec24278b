//! GET /openapi.json, and the page that shows it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::http::{ApiError, Name};
use crate::spec::openapi_json;

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "system",
    operation_id = "openapi",
    responses((status = 200, description = "OpenAPI 3.1", body = Object,
        content_type = "application/json")))]
pub(crate) async fn openapi() -> Response {
    asset("application/json", openapi_json())
}

/// The page itself holds nothing secret: it asks for the document, which needs a sign-in.
pub(crate) async fn page() -> Response {
    asset("text/html; charset=utf-8", include_str!("../../assets/docs.html"))
}

pub(crate) async fn file(Name(name): Name) -> Result<Response, ApiError> {
    match name.as_str() {
        "docs.js" => {
            Ok(asset("text/javascript; charset=utf-8", include_str!("../../assets/docs.js")))
        }
        "docs.css" => Ok(asset("text/css; charset=utf-8", include_str!("../../assets/docs.css"))),
        _ => Err(ApiError::NotFound { what: "file", id: name }),
    }
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, HeaderValue::from_static(kind))], text).into_response()
}
