//! The read half of the Confluent schema registry's REST API, so that any Avro consumer can decode
//! the topics: point `schema.registry.url` here, with `basic.auth.user.info=token:<bearer token>`.
//!
//! Subjects are record names (RecordNameStrategy). Unknown query parameters are ignored, for
//! clients of the registry send several.

use axum::Json;
use axum::extract::State;
use schemas::SchemaId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::problem::RegistryProblem;
use crate::http::{ApiError, Name, Names};
use crate::state::ApiState;

/// An Avro schema.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SchemaText {
    /// Its JSON text.
    schema: String,
    /// Always AVRO.
    #[serde(rename = "schemaType")]
    schema_type: &'static str,
}

/// A version of a subject.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubjectVersion {
    /// Full name of the record.
    subject: String,
    /// The id in front of every datum.
    id: SchemaId,
    /// Counts from 1.
    #[schema(minimum = 1)]
    version: usize,
    /// Its JSON text.
    schema: String,
    /// Always AVRO.
    #[serde(rename = "schemaType")]
    schema_type: &'static str,
}

const AVRO: &str = "AVRO";

/// The registry's codes.
const NO_SUBJECT: u32 = 40401;
const NO_VERSION: u32 = 40402;
const NO_SCHEMA: u32 = 40403;
const NO_NUMBER: u32 = 42202;

/// A schema by its id
///
/// One that is not known is looked for on the log first: a newer process may have published it a
/// moment ago.
#[utoipa::path(get, path = "/schemas/ids/{id}", tag = "schemas",
    operation_id = "getSchema",
    params(("id" = String, Path, pattern = "^[0-9]+$", description = "The id in front of a datum")),
    responses((status = 200, description = "The schema", body = SchemaText),
        (status = 404, description = "There is no such schema", body = RegistryProblem,
            content_type = "application/problem+json")))]
pub(crate) async fn by_id(
    State(state): State<ApiState>,
    Name(id): Name,
) -> Result<Json<SchemaText>, ApiError> {
    let known = id.parse::<SchemaId>().ok();
    let find = || known.and_then(|id| state.schemas.json(id));
    let mut schema = find();
    if schema.is_none() && known.is_some() {
        state.ports.system.refresh_schemas().await?;
        schema = find();
    }
    match schema {
        Some(schema) => Ok(Json(SchemaText { schema, schema_type: AVRO })),
        None => {
            Err(ApiError::Registry { code: NO_SCHEMA, message: format!("there is no schema {id}") })
        }
    }
}

/// All subjects
#[utoipa::path(get, path = "/subjects", tag = "schemas",
    operation_id = "listSubjects",
    responses((status = 200, description = "Full names of the records", body = Vec<String>)))]
pub(crate) async fn subjects(State(state): State<ApiState>) -> Json<Vec<String>> {
    let ids = state.schemas.ids();
    let mut names: Vec<String> = ids.into_iter().filter_map(|id| state.schemas.name(id)).collect();
    names.sort();
    names.dedup();
    Json(names)
}

/// The versions of a subject
#[utoipa::path(get, path = "/subjects/{subject}/versions", tag = "schemas",
    operation_id = "listVersions",
    params(("subject" = String, Path, description = "Full name of a record")),
    responses((status = 200, description = "Their numbers, the oldest first", body = Vec<usize>),
        (status = 404, description = "There is no such subject", body = RegistryProblem,
            content_type = "application/problem+json")))]
pub(crate) async fn versions(
    State(state): State<ApiState>,
    Name(subject): Name,
) -> Result<Json<Vec<usize>>, ApiError> {
    let ids = ids_of(&state, &subject).await?;
    Ok(Json((1..=ids.len()).collect()))
}

/// A version of a subject
#[utoipa::path(get, path = "/subjects/{subject}/versions/{version}", tag = "schemas",
    operation_id = "getVersion",
    params(("subject" = String, Path, description = "Full name of a record"),
        ("version" = String, Path, pattern = "^([0-9]+|latest)$",
            description = "A number, or `latest`")),
    responses((status = 200, description = "Its schema", body = SubjectVersion),
        (status = 404, description = "There is no such subject or version",
            body = RegistryProblem, content_type = "application/problem+json"),
        (status = 422, description = "No number of a version", body = RegistryProblem,
            content_type = "application/problem+json")))]
pub(crate) async fn version(
    State(state): State<ApiState>,
    Names(subject, version): Names,
) -> Result<Json<SubjectVersion>, ApiError> {
    let ids = ids_of(&state, &subject).await?;
    let number = match version.as_str() {
        "latest" | "-1" => ids.len(),
        number => number.parse::<usize>().ok().filter(|number| *number > 0).ok_or_else(|| {
            let message = format!("{number:?} is no version: give a number from 1, or latest");
            ApiError::Registry { code: NO_NUMBER, message }
        })?,
    };
    let id = ids.get(number.wrapping_sub(1)).copied();
    match id.and_then(|id| Some((id, state.schemas.json(id)?))) {
        Some((id, schema)) => {
            Ok(Json(SubjectVersion { subject, id, version: number, schema, schema_type: AVRO }))
        }
        None => {
            let message = format!("{subject} has no version {number}");
            Err(ApiError::Registry { code: NO_VERSION, message })
        }
    }
}

/// All versions of a subject, as the log has them now.
async fn ids_of(state: &ApiState, subject: &str) -> Result<Vec<SchemaId>, ApiError> {
    state.ports.system.refresh_schemas().await?;
    let ids = state.schemas.versions(subject);
    if ids.is_empty() {
        let message = format!("there is no subject {subject}");
        return Err(ApiError::Registry { code: NO_SUBJECT, message });
    }
    Ok(ids)
}
