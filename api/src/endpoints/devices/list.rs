//! GET /inventory/v1/devices

use axum::Json;
use axum::extract::State as Extract;
use serde::Serialize;
use sqlx::{Postgres, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::device_groups::{GroupId, in_group};
use super::super::like;
use super::row::{COLUMNS, DeviceRow, JOINS};
use crate::http::cursor::is_storable;
use crate::http::{ApiError, Cursor, Fields, FromFields, NAME, Query, Text};
use crate::model::{DevicePage, DeviceSummary, State};
use crate::state::ApiState;

/// Most devices on a page.
const MAX_LIMIT: i64 = 1_000;
const DEFAULT_LIMIT: i64 = 100;

/// Order of a list of devices.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeviceSort {
    /// Worst first, then by name.
    State,
    /// By name.
    Name,
    /// By site, then name.
    Site,
    /// Most open anomalies first.
    Anomalies,
    /// Longest without a sample first.
    LastSample,
}

impl DeviceSort {
    const NAMES: [&'static str; 5] = ["state", "name", "site", "anomalies", "last_sample"];

    fn from_name(name: &str) -> Self {
        match name {
            "name" => Self::Name,
            "site" => Self::Site,
            "anomalies" => Self::Anomalies,
            "last_sample" => Self::LastSample,
            _ => Self::State,
        }
    }

    /// The number sorted by first, ascending.
    const fn rank(self) -> &'static str {
        match self {
            Self::State => {
                "(CASE coalesce(st.state, 'unknown') \
                 WHEN 'down' THEN 0 WHEN 'degraded' THEN 1 WHEN 'unknown' THEN 2 ELSE 3 END)::bigint"
            }
            Self::Name => "0::bigint",
            Self::Site => "(d.site IS NULL)::int::bigint",
            Self::Anomalies => "-coalesce(open.n, 0)",
            Self::LastSample => {
                "coalesce((extract(epoch FROM latest.last_sample_at) * 1000)::bigint, 0)"
            }
        }
    }

    /// What the rank needs beside device and its status.
    const fn join(self) -> &'static str {
        match self {
            Self::State | Self::Name | Self::Site => "",
            Self::Anomalies => {
                "LEFT JOIN (SELECT device, count(*) AS n FROM anomaly WHERE cleared_at IS NULL \
                 GROUP BY device) open ON open.device = d.id"
            }
            Self::LastSample => "LEFT JOIN device_latest latest ON latest.device = d.id",
        }
    }

    /// The text sorted by then; names sort without regard to case.
    const fn text(self) -> &'static str {
        match self {
            Self::Site => {
                "(lower(coalesce(d.site, '')) || E'\\x01' || lower(d.name)) COLLATE \"C\""
            }
            Self::State | Self::Name | Self::Anomalies | Self::LastSample => {
                "lower(d.name) COLLATE \"C\""
            }
        }
    }
}

/// Rank, text, id of the last item.
type Key = (i64, String, Uuid);

pub(crate) struct DeviceQuery {
    q: Option<String>,
    state: Option<&'static str>,
    site: Option<String>,
    group: Option<GroupId>,
    sort: &'static str,
    limit: i64,
    after: Option<Key>,
}

impl FromFields for DeviceQuery {
    fn read(fields: &mut Fields) -> Self {
        let sort = fields.choice("sort", &DeviceSort::NAMES).unwrap_or("state");
        Self {
            q: fields.text("q", Text { min: 0, max: 200 }),
            state: fields.choice("state", &State::NAMES),
            site: fields.text("site", NAME),
            group: fields.id("group"),
            sort,
            limit: fields.integer("limit", 1, MAX_LIMIT).unwrap_or(DEFAULT_LIMIT),
            after: Cursor::read(fields, sort, |key: &Key| is_storable(&key.1)),
        }
    }
}

/// Devices, worst first
#[utoipa::path(get, path = "/inventory/v1/devices", tag = "inventory",
    operation_id = "listDevices",
    params(
        ("q" = Option<String>, Query, max_length = 200,
            description = "Part of name, address, site or a tag"),
        ("state" = Option<State>, Query, description = "Only devices in this state"),
        ("site" = Option<String>, Query, min_length = 1, max_length = 200,
            description = "Only devices of this site"),
        ("group" = Option<String>, Query,
            pattern = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
            description = "Only members of this device group"),
        ("sort" = Option<DeviceSort>, Query, description = "Order; `state` when left out"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000,
            description = "Most items wanted; 100 when left out"),
        ("cursor" = Option<String>, Query, min_length = 1, max_length = 2048,
            description = "`next_cursor` of the page before, with the same sort")),
    responses((status = 200, description = "One page", body = DevicePage)))]
pub(crate) async fn list(
    Extract(state): Extract<ApiState>,
    Query(mut query): Query<DeviceQuery>,
) -> Result<Json<DevicePage>, ApiError> {
    let uncomputed = state.ports.system.uncomputed_since();
    match (uncomputed, query.state) {
        // All are.
        (Some(_), Some("unknown")) => query.state = None,
        (Some(_), Some(_)) => {
            return Ok(Json(DevicePage { items: Vec::new(), total: 0, next_cursor: None }));
        }
        (_, None) | (None, _) => {}
    }
    let total = {
        let mut sql = QueryBuilder::<Postgres>::new("SELECT count(*)");
        sql.push(" FROM device d LEFT JOIN device_status st ON st.device = d.id WHERE true");
        filter(&mut sql, &query);
        sql.build_query_scalar().fetch_one(&state.pool).await?
    };
    let mut rows: Vec<Row> = page(&query).build_query_as().fetch_all(&state.pool).await?;
    let more = rows.len() as i64 > query.limit;
    rows.truncate(usize::try_from(query.limit).unwrap_or(0));
    let next_cursor = rows.last().filter(|_| more).and_then(|last| {
        Cursor::encode(query.sort, &(last.rank, last.text.clone(), last.device.id))
    });
    let summary = |row: Row| DeviceSummary::from(row.device).computed(uncomputed);
    let items = rows.into_iter().map(summary).collect();
    Ok(Json(DevicePage { items, total, next_cursor }))
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    device: DeviceRow,
    rank: i64,
    text: String,
}

fn filter(sql: &mut QueryBuilder<Postgres>, query: &DeviceQuery) {
    if let Some(q) = &query.q {
        // One text to search instead of four; no search text holds a line break.
        sql.push(
            " AND concat_ws(E'\\n', d.name, d.address, d.site, array_to_string(d.tags, E'\\n'))",
        );
        sql.push(" ILIKE ").push_bind(like(q));
    }
    if let Some(state) = query.state {
        sql.push(" AND coalesce(st.state, 'unknown') = ").push_bind(state);
    }
    if let Some(site) = &query.site {
        sql.push(" AND d.site = ").push_bind(site.clone());
    }
    if let Some(group) = query.group {
        in_group(sql, group);
    }
}

/// The page and one more: first which devices, from as few tables as it takes, then all about
/// these.
fn page(query: &DeviceQuery) -> QueryBuilder<Postgres> {
    let sort = DeviceSort::from_name(query.sort);
    let (rank, text) = (sort.rank(), sort.text());
    let mut sql = QueryBuilder::new("SELECT ");
    sql.push(COLUMNS).push(", k.rank, k.text FROM (SELECT d.id, ").push(rank).push(" AS rank, ");
    sql.push(text).push(" AS text FROM device d LEFT JOIN device_status st ON st.device = d.id ");
    sql.push(sort.join()).push(" WHERE true");
    filter(&mut sql, query);
    if let Some((after_rank, after_text, after_id)) = &query.after {
        sql.push(" AND (").push(rank).push(", ").push(text).push(", d.id) > (");
        sql.push_bind(*after_rank).push(", ").push_bind(after_text.clone()).push(", ");
        sql.push_bind(*after_id).push(")");
    }
    sql.push(" ORDER BY rank, text, id LIMIT ").push_bind(query.limit + 1);
    sql.push(") k JOIN device d ON d.id = k.id").push(JOINS);
    sql.push("ORDER BY k.rank, k.text, k.id");
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and meanings stand in two lists: they agree.
    #[test]
    fn every_sort_has_its_name() {
        for name in DeviceSort::NAMES {
            let sort = DeviceSort::from_name(name);
            assert_eq!(serde_json::to_value(sort).unwrap(), name);
        }
    }
}
