//! All versions of an entity, for every kind alike.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::PgPool;
use utoipa::ToSchema;

use super::Kind;
use crate::endpoints::ms;
use crate::http::{ApiError, Cursor, Fields, FromFields};

/// Most versions on a page.
const MAX_LIMIT: i64 = 200;
const DEFAULT_LIMIT: i64 = 50;
/// Bytes of bodies after which a page ends: a group may list thousands of devices.
const MAX_BYTES: i64 = 4 << 20;

/// The one order there is; marks the cursors.
const ORDER: &str = "revision";

/// An entity as it was from one change to the next.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Version {
    /// Grows with each change; what ETag has.
    revision: i64,
    /// When it was changed, ms since the epoch.
    at: i64,
    /// Who did it: a user, `token` for the command line, else the source, e.g. `file`.
    by: String,
    /// Whether it exists from then on; false: it was removed.
    present: bool,
    /// What it is called.
    name: String,
    /// All of it, without any secret; null: it was removed.
    #[schema(value_type = Option<HashMap<String, Value>>)]
    body: Option<Map<String, Value>>,
}

/// Versions of an entity.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionPage {
    /// Newest first.
    items: Vec<Version>,
    /// Cursor of the next page; null at the end.
    next_cursor: Option<String>,
}

/// Which versions.
pub(crate) struct HistoryQuery {
    limit: i64,
    /// Revision of the last item.
    after: Option<i64>,
}

impl FromFields for HistoryQuery {
    fn read(fields: &mut Fields) -> Self {
        Self {
            limit: fields.integer("limit", 1, MAX_LIMIT).unwrap_or(DEFAULT_LIMIT),
            after: Cursor::read(fields, ORDER, |_: &i64| true),
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    revision: i64,
    at: DateTime<Utc>,
    by: String,
    present: bool,
    name: String,
    body: Option<Value>,
    /// Whether there is room for it on the page.
    fits: bool,
}

/// A page of the versions of an entity; of one that never was there is none.
pub(crate) async fn page<K: Kind>(
    pool: &PgPool,
    id: &str,
    query: &HistoryQuery,
) -> Result<VersionPage, ApiError> {
    let mut rows: Vec<Row> = sqlx::query_as(
        "SELECT revision, at, by, present, name, CASE WHEN before < $5 THEN body END AS body, \
             before < $5 AS fits \
         FROM (SELECT *, sum(bytes) OVER (ORDER BY revision DESC) - bytes AS before \
             FROM (SELECT *, coalesce(octet_length(body::text), 0) AS bytes FROM entity_history \
                 WHERE tenant = 'default' AND kind = $1 AND id = $2 AND revision < $3 \
                 ORDER BY revision DESC LIMIT $4) version) version \
         ORDER BY revision DESC",
    )
    .bind(K::KIND)
    .bind(id)
    .bind(query.after.unwrap_or(i64::MAX))
    .bind(query.limit + 1)
    .bind(MAX_BYTES)
    .fetch_all(pool)
    .await?;
    if rows.is_empty() && query.after.is_none() && !exists::<K>(pool, id).await? {
        return Err(ApiError::NotFound { what: K::WHAT, id: id.to_owned() });
    }
    let room = rows.iter().take_while(|row| row.fits).count();
    let taken = room.min(usize::try_from(query.limit).unwrap_or(0));
    let more = rows.len() > taken;
    rows.truncate(taken);
    let next_cursor =
        rows.last().filter(|_| more).and_then(|last| Cursor::encode(ORDER, &last.revision));
    Ok(VersionPage { items: rows.into_iter().map(Version::from).collect(), next_cursor })
}

impl From<Row> for Version {
    fn from(row: Row) -> Self {
        let body = match row.body {
            Some(Value::Object(body)) => Some(body),
            _ => None,
        };
        Self {
            revision: row.revision,
            at: ms(row.at),
            by: row.by,
            present: row.present,
            name: row.name,
            body,
        }
    }
}

/// Whether it is there now: what is older than the history has none.
async fn exists<K: Kind>(pool: &PgPool, id: &str) -> Result<bool, ApiError> {
    let now: Option<i64> = sqlx::query_scalar(K::REVISION).bind(id).fetch_optional(pool).await?;
    Ok(now.is_some())
}

/// Who made this revision, if the history has it.
pub(crate) async fn changed_by<K: Kind>(
    pool: &PgPool,
    id: &str,
    revision: i64,
) -> Result<Option<String>, ApiError> {
    let by = "SELECT by FROM entity_history \
              WHERE tenant = 'default' AND kind = $1 AND id = $2 AND revision = $3";
    let by = sqlx::query_scalar(by).bind(K::KIND).bind(id).bind(revision);
    Ok(by.fetch_optional(pool).await?)
}
