//! A group as the database has it.

use chrono::{DateTime, Utc};
use schemas::DeviceId;
use serde_json::Value;
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::members::{self, MEMBERS};
use super::{DeviceGroup, GroupId};
use crate::access::TENANT;
use crate::endpoints::ms;
use crate::entities::{DeviceGroups, Kind};
use crate::http::ApiError;
use crate::http::extract::PathId;

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) sorted_by: String,
    revision: i64,
    body: Value,
    by: String,
    at: DateTime<Utc>,
    listed: Vec<Uuid>,
    members: i64,
}

/// The devices that the body of `g` lists, but for those that were removed since.
const LISTED: &str = "ARRAY(SELECT m.id FROM \
    jsonb_array_elements_text(coalesce(g.body -> 'devices', '[]')) WITH ORDINALITY AS it (id, place) \
    JOIN device m ON m.id = it.id::uuid AND m.tenant = g.tenant ORDER BY it.place)";

/// Names sort without regard to case.
pub(super) const SORTED_BY: &str = "(lower(g.name) COLLATE \"C\")";

/// A query for groups `g`, to be narrowed down.
pub(super) fn select() -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("SELECT g.id, ");
    sql.push(SORTED_BY).push(" AS sorted_by, g.revision, g.body, g.by, g.at, ");
    sql.push(LISTED)
        .push(" AS listed, (SELECT count(*) FROM (")
        .push(MEMBERS)
        .push(") member) AS members");
    from(&mut sql);
    sql
}

pub(super) fn from(sql: &mut QueryBuilder<Postgres>) {
    sql.push(" FROM entity g WHERE g.kind = 'device_group' AND g.tenant = ").push_bind(TENANT);
}

/// One group, or not found.
pub(super) async fn load(pool: &PgPool, id: GroupId) -> Result<DeviceGroup, ApiError> {
    let mut sql = select();
    sql.push(" AND g.id = ").push_bind(id.to_string());
    let row: Option<Row> = sql.build_query_as().fetch_optional(pool).await?;
    let row = row.ok_or(ApiError::NotFound { what: DeviceGroups::WHAT, id: id.to_string() })?;
    DeviceGroup::try_from(row)
}

impl TryFrom<Row> for DeviceGroup {
    type Error = ApiError;

    fn try_from(row: Row) -> Result<Self, ApiError> {
        let broken = |why: String| ApiError::Internal(format!("device group {}: {why}", row.id));
        let id = GroupId::parse(&row.id).ok_or_else(|| broken("its id is no UUID".to_owned()))?;
        let mut body: schemas::DeviceGroup =
            serde_json::from_value(row.body).map_err(|error| broken(error.to_string()))?;
        body.devices = row.listed.into_iter().map(DeviceId).collect();
        let group = Self::of(id, body, row.members);
        Ok(Self { revision: row.revision, updated_at: ms(row.at), updated_by: row.by, ..group })
    }
}

impl DeviceGroup {
    fn of(id: GroupId, body: schemas::DeviceGroup, members: i64) -> Self {
        Self {
            id,
            name: body.name,
            description: body.description,
            site: body.site,
            tags: body.tags,
            devices: body.devices,
            members,
            revision: 0,
            updated_at: 0,
            updated_by: String::new(),
        }
    }

    /// As it is to be written. What the database must be asked for that is asked before: what comes
    /// after is done, whether the database answers or not.
    pub(super) async fn wanted(
        pool: &PgPool,
        id: GroupId,
        group: schemas::DeviceGroup,
        body: &str,
    ) -> Result<Self, ApiError> {
        Ok(Self::of(id, group, members::count(pool, body).await?))
    }

    /// As it was just written; the projection need not have it yet.
    pub(super) fn written(self, revision: i64, by: String) -> Self {
        Self { revision, updated_at: revision, updated_by: by, ..self }
    }
}
