//! The OpenAPI document, made from the handlers and committed as `api/openapi.json`.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::endpoints::devices::list::DeviceSort;
use crate::http::problem::Problem;
use crate::live::{AnomalyEvent, SamplesEvent, StatusEvent};
use crate::model::State;

/// Frame of the document; the router adds the paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "OpsConductor",
        description = "Times are whole numbers: ms since the epoch, UTC. Ids are texts. Errors are \
            RFC 9457 problems. Lists are paged by cursor: pass `next_cursor` as `cursor`. Requests \
            that change something and are let in by the session cookie must carry an Origin of \
            this site or the header X-Opsc-Csrf."
    ),
    components(schemas(Problem, DeviceSort, State, AnomalyEvent, StatusEvent, SamplesEvent)),
    modifiers(&Doors)
)]
pub(crate) struct Document;

/// The two ways in.
struct Doors;

impl Modify for Doors {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme(
            "session",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(crate::auth::COOKIE))),
        );
        components.add_security_scheme(
            "token",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        );
    }
}

/// The document as JSON text, as it is served and committed.
pub fn openapi_json() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut value = serde_json::to_value(crate::router::document()).unwrap_or_default();
        finish(&mut value);
        let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
        text.push('\n');
        text
    })
}

/// Adds what every operation shares, by rule and not by repetition.
fn finish(document: &mut Value) {
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(as_map) {
        for (name, schema) in schemas {
            finish_schema(name, schema);
        }
    }
    let Some(paths) = document.pointer_mut("/paths").and_then(as_map) else { return };
    for (path, item) in paths {
        let Some(operations) = as_map(item) else { continue };
        for operation in operations.values_mut() {
            finish_operation(path, operation);
        }
    }
}

fn as_map(value: &mut Value) -> Option<&mut Map<String, Value>> {
    value.as_object_mut()
}

/// What comes in (`…Input`) takes no unknown field; what goes out always has all its fields.
fn finish_schema(name: &str, schema: &mut Value) {
    if name == "Tag" {
        forbid_control_characters(schema);
    }
    let Some(schema) = as_map(schema) else { return };
    for several in ["allOf", "oneOf"] {
        for part in schema.get_mut(several).and_then(Value::as_array_mut).into_iter().flatten() {
            finish_schema(name, part);
        }
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let names: Vec<Value> = properties.keys().cloned().map(Value::String).collect();
    if name.ends_with("Input") {
        if let Some(properties) = schema.get_mut("properties").and_then(as_map) {
            properties.values_mut().for_each(forbid_control_characters);
        }
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    } else {
        schema.insert("required".to_owned(), Value::Array(names));
    }
}

/// No control characters (ECMA 262 regular expression).
const ONE_LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

/// Texts that come in are on one line, unless their form is given more closely.
fn forbid_control_characters(schema: &mut Value) {
    let Some(schema) = as_map(schema) else { return };
    let texts = ["string", "null"];
    let is_text = match schema.get("type") {
        Some(Value::String(kind)) => kind == "string",
        Some(Value::Array(kinds)) => {
            kinds.iter().all(|kind| kind.as_str().is_some_and(|kind| texts.contains(&kind)))
        }
        _ => false,
    };
    let formed = ["pattern", "enum"].iter().any(|key| schema.contains_key(*key))
        || schema.get("format").is_some_and(|format| format != "password");
    if is_text && !formed {
        schema.insert("pattern".to_owned(), json!(ONE_LINE));
    }
}

/// Which problems an operation may answer with follows from what it takes.
fn finish_operation(path: &str, operation: &mut Value) {
    let Some(operation) = as_map(operation) else { return };
    for parameter in
        operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten()
    {
        if parameter["in"] == "query" {
            forbid_control_characters(&mut parameter["schema"]);
        }
        // A header is there or not; it is never null.
        if parameter["in"] == "header" {
            parameter["schema"]["type"] = json!("string");
        }
    }
    // A handler marked `security(())` is open to all.
    let open = operation.get("security") == Some(&json!([{}]));
    let parameters = operation.get("parameters").and_then(Value::as_array);
    let has_query = parameters.is_some_and(|all| all.iter().any(|p| p["in"] == "query"));
    let has_condition = parameters.is_some_and(|all| all.iter().any(|p| p["name"] == "If-Match"));
    let has_body = operation.contains_key("requestBody");
    let mut problems = vec![
        ("400", "The request cannot be read"),
        ("503", "Something behind the API is away; try again later"),
        ("504", "It took too long"),
    ];
    if open {
        operation.insert("security".to_owned(), json!([]));
    } else {
        operation.insert("security".to_owned(), json!([{"session": []}, {"token": []}]));
        problems.push(("401", "Nobody is signed in"));
        problems.push(("403", "The permission is missing, or it was sent from another site"));
    }
    if path.contains('{') {
        problems.push(("404", "There is no such thing"));
    }
    if has_query || has_body {
        problems.push(("422", "Fields are wrong; all of them are named"));
    }
    if has_condition {
        problems.push(("412", "Somebody changed it meanwhile; ETag has its revision now"));
    }
    if has_body {
        problems.push(("413", "The body is too large"));
        problems.push(("415", "The body is not JSON"));
    }
    let Some(responses) = operation.get_mut("responses").and_then(as_map) else { return };
    for (status, description) in problems {
        responses.entry(status).or_insert_with(|| problem(description));
    }
    // Problems that a handler declares by itself need to say no more than their description.
    for (status, response) in responses.iter_mut() {
        let Some(response) = as_map(response) else { continue };
        if status.starts_with(['4', '5']) && !response.contains_key("content") {
            let text = response.get("description").and_then(Value::as_str).unwrap_or_default();
            *response = as_map(&mut problem(text)).cloned().unwrap_or_default();
        }
    }
}

fn problem(description: &str) -> Value {
    json!({
        "description": description,
        "content": { crate::http::problem::PROBLEM_JSON: {
            "schema": { "$ref": "#/components/schemas/Problem" }
        }}
    })
}
