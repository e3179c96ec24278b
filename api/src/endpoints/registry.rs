//! The read half of the Confluent schema registry's REST API, so that any Avro consumer can decode
//! the topics: point `schema.registry.url` here, with `basic.auth.user.info=token:<bearer token>`.
//!
//! Subjects are record names (RecordNameStrategy). Unknown query parameters are ignored, for
//! clients of the registry send several.

use axum::Json;
use axum::extract::State;
use schemas::{SchemaId, SchemaStore, shipped};
use serde::Serialize;
use utoipa::ToSchema;

use crate::rim::{ApiError, Name};
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

/// The newest schema of a subject.
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

/// A schema by its id
#[utoipa::path(get, path = "/schemas/ids/{id}", tag = "schemas",
    operation_id = "getSchema",
    params(("id" = String, Path, pattern = "^[0-9]+$", description = "The id in front of a datum")),
    responses((status = 200, description = "The schema", body = SchemaText)))]
pub(crate) async fn by_id(
    State(state): State<ApiState>,
    Name(id): Name,
) -> Result<Json<SchemaText>, ApiError> {
    let schema = id.parse::<SchemaId>().ok().and_then(|id| state.schemas.json(id));
    match schema {
        Some(schema) => Ok(Json(SchemaText { schema, schema_type: AVRO })),
        None => Err(ApiError::NotFound { what: "schema", id }),
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

/// The newest schema of a subject
#[utoipa::path(get, path = "/subjects/{subject}/versions/latest", tag = "schemas",
    operation_id = "getLatestSchema",
    params(("subject" = String, Path, description = "Full name of a record")),
    responses((status = 200, description = "The schema this program writes", body = SubjectVersion)))]
pub(crate) async fn latest(
    State(state): State<ApiState>,
    Name(subject): Name,
) -> Result<Json<SubjectVersion>, ApiError> {
    let versions = versions(&state.schemas, &subject);
    let newest = versions.last().and_then(|id| Some((*id, state.schemas.json(*id)?)));
    match newest {
        Some((id, schema)) => Ok(Json(SubjectVersion {
            subject,
            id,
            version: versions.len(),
            schema,
            schema_type: AVRO,
        })),
        None => Err(ApiError::NotFound { what: "subject", id: subject }),
    }
}

/// Ids of a subject; the one that this binary writes is the newest, the others are in no order
/// that means anything, for ids are fingerprints.
fn versions(store: &SchemaStore, subject: &str) -> Vec<SchemaId> {
    let ours = shipped().iter().find(|schema| schema.name == subject).map(|schema| schema.id);
    let mut ids: Vec<SchemaId> = store
        .ids()
        .into_iter()
        .filter(|id| store.name(*id).is_some_and(|name| name == subject))
        .collect();
    ids.sort_by_key(|id| (Some(*id) == ours, *id));
    ids
}
