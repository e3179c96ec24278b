//! GET /monitoring/v1/anomalies

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use schemas::{DeviceId, SeriesId};
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{MAX_TIME_MS, check_period, ms, read_time, time};
use crate::http::cursor::is_storable;
use crate::http::{ApiError, Cursor, Fields, FromFields, Query};
use crate::model::{AnomalyEvidence, AnomalyItem, AnomalyPage, number};
use crate::state::ApiState;

/// Most anomalies on a page.
const MAX_LIMIT: i64 = 1_000;
const DEFAULT_LIMIT: i64 = 100;
/// `total` counts no further than this: years of history need not be counted to be paged.
const MAX_TOTAL: i64 = 100_000;

/// The one order there is; marks the cursors.
const ORDER: &str = "onset";

const COLUMNS: &str = "a.id, a.device, coalesce(d.name, a.device_name) AS device_name, \
    a.series_id, a.metric, a.instance, a.unit, a.onset_at, a.cleared_at, a.at, a.value, \
    a.expected, a.lower, a.upper, a.score, a.method, a.version, \
    coalesce(a.peak_at, a.onset_at) AS peak_at, coalesce(a.peak_value, a.value) AS peak_value, \
    coalesce(a.peak_expected, a.expected) AS peak_expected, \
    coalesce(a.peak_lower, a.lower) AS peak_lower, coalesce(a.peak_upper, a.upper) AS peak_upper, \
    coalesce(a.clear_value, a.value) AS clear_value, \
    coalesce(a.clear_expected, a.expected) AS clear_expected, \
    coalesce(a.clear_lower, a.lower) AS clear_lower, \
    coalesce(a.clear_upper, a.upper) AS clear_upper";

/// Onset (ms) and id of the last item.
type Key = (i64, String);

pub(crate) struct AnomalyQuery {
    open: Option<bool>,
    device: Option<DeviceId>,
    series: Option<SeriesId>,
    from: Option<i64>,
    to: Option<i64>,
    limit: i64,
    after: Option<Key>,
}

impl FromFields for AnomalyQuery {
    fn read(fields: &mut Fields) -> Self {
        let after: Option<Key> = Cursor::read(fields, ORDER, |(onset, id): &Key| {
            (0..=MAX_TIME_MS).contains(onset) && is_storable(id)
        });
        let query = Self {
            open: fields.flag("open"),
            device: fields.id("device"),
            series: fields.id("series"),
            from: read_time(fields, "from"),
            to: read_time(fields, "to"),
            limit: fields.integer("limit", 1, MAX_LIMIT).unwrap_or(DEFAULT_LIMIT),
            after,
        };
        check_period(fields, query.from, query.to);
        query
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    device: Uuid,
    device_name: String,
    series_id: i64,
    metric: String,
    instance: String,
    unit: String,
    onset_at: DateTime<Utc>,
    cleared_at: Option<DateTime<Utc>>,
    at: DateTime<Utc>,
    value: f64,
    expected: f64,
    lower: f64,
    upper: f64,
    score: f64,
    method: String,
    version: i32,
    peak_at: DateTime<Utc>,
    peak_value: f64,
    peak_expected: f64,
    peak_lower: f64,
    peak_upper: f64,
    clear_value: f64,
    clear_expected: f64,
    clear_lower: f64,
    clear_upper: f64,
}

impl From<Row> for AnomalyItem {
    fn from(row: Row) -> Self {
        let peak = [row.peak_value, row.peak_expected, row.peak_lower, row.peak_upper];
        let clear = [row.clear_value, row.clear_expected, row.clear_lower, row.clear_upper];
        Self {
            id: row.id,
            device: row.device.to_string(),
            device_name: row.device_name,
            series: SeriesId(row.series_id).to_string(),
            metric: row.metric,
            instance: row.instance,
            unit: row.unit,
            onset_at: ms(row.onset_at),
            cleared_at: row.cleared_at.map(ms),
            at: ms(row.at),
            value: number(row.value),
            expected: number(row.expected),
            lower: number(row.lower),
            upper: number(row.upper),
            score: number(row.score),
            peak: AnomalyEvidence::new(ms(row.peak_at), peak),
            clear: row.cleared_at.map(|at| AnomalyEvidence::new(ms(at), clear)),
            method: row.method,
            version: row.version,
        }
    }
}

/// Anomalies, newest onset first
#[utoipa::path(get, path = "/monitoring/v1/anomalies", tag = "monitoring",
    operation_id = "listAnomalies",
    params(
        ("open" = Option<bool>, Query,
            description = "true: only those that have not cleared; false: only those that have"),
        ("device" = Option<String>, Query,
            pattern = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", description = "Only of this device"),
        ("series" = Option<String>, Query, pattern = "^[0-9a-f]{16}$",
            description = "Only of this series"),
        ("from" = Option<i64>, Query, minimum = 0, maximum = 7258118400000_i64,
            description = "Only those that lasted until then or later, ms since the epoch"),
        ("to" = Option<i64>, Query, minimum = 0, maximum = 7258118400000_i64,
            description = "Only those that began by then, ms since the epoch"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000,
            description = "Most items wanted; 100 when left out"),
        ("cursor" = Option<String>, Query, min_length = 1, max_length = 2048,
            description = "`next_cursor` of the page before")),
    responses((status = 200, description = "One page; total counts to 100000", body = AnomalyPage)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Query(query): Query<AnomalyQuery>,
) -> Result<Json<AnomalyPage>, ApiError> {
    let mut count =
        QueryBuilder::<Postgres>::new("SELECT count(*) FROM (SELECT FROM anomaly a WHERE true");
    filter(&mut count, &query);
    count.push(" LIMIT ").push_bind(MAX_TOTAL).push(") counted");
    let total = count.build_query_scalar().fetch_one(&state.pool).await?;

    let mut sql = select();
    filter(&mut sql, &query);
    if let Some((onset, id)) = &query.after {
        let onset = time(*onset);
        sql.push(" AND a.onset_at <= ").push_bind(onset);
        sql.push(" AND (a.onset_at < ").push_bind(onset);
        sql.push(" OR a.id > ").push_bind(id.clone()).push(")");
    }
    sql.push(" ORDER BY a.onset_at DESC, a.id LIMIT ").push_bind(query.limit + 1);
    let mut rows: Vec<Row> = sql.build_query_as().fetch_all(&state.pool).await?;
    let more = rows.len() as i64 > query.limit;
    rows.truncate(usize::try_from(query.limit).unwrap_or(0));
    let next_cursor = rows
        .last()
        .filter(|_| more)
        .and_then(|last| Cursor::encode(ORDER, &(ms(last.onset_at), last.id.clone())));
    let items = rows.into_iter().map(AnomalyItem::from).collect();
    Ok(Json(AnomalyPage { items, total, next_cursor }))
}

fn select() -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("SELECT ");
    sql.push(COLUMNS).push(" FROM anomaly a LEFT JOIN device d ON d.id = a.device WHERE true");
    sql
}

fn filter(sql: &mut QueryBuilder<Postgres>, query: &AnomalyQuery) {
    match query.open {
        Some(true) => {
            sql.push(" AND a.cleared_at IS NULL");
        }
        Some(false) => {
            sql.push(" AND a.cleared_at IS NOT NULL");
        }
        None => {}
    }
    if let Some(device) = query.device {
        sql.push(" AND a.device = ").push_bind(device.0);
    }
    if let Some(series) = query.series {
        sql.push(" AND a.series_id = ").push_bind(series.0);
    }
    if let Some(from) = query.from {
        sql.push(" AND (a.cleared_at IS NULL OR a.cleared_at >= ").push_bind(time(from)).push(")");
    }
    if let Some(to) = query.to {
        sql.push(" AND a.onset_at <= ").push_bind(time(to));
    }
}

/// Anomalies of a series that overlap a range (ms), oldest first, the newest `max` of them.
pub(crate) async fn overlapping(
    pool: &PgPool,
    series: SeriesId,
    from: i64,
    to: i64,
    max: i64,
) -> Result<Vec<AnomalyItem>, ApiError> {
    let query = AnomalyQuery {
        open: None,
        device: None,
        series: Some(series),
        from: Some(from),
        to: Some(to),
        limit: max,
        after: None,
    };
    let mut sql = select();
    filter(&mut sql, &query);
    sql.push(" ORDER BY a.onset_at DESC, a.id LIMIT ").push_bind(max);
    let rows: Vec<Row> = sql.build_query_as().fetch_all(pool).await?;
    Ok(rows.into_iter().rev().map(AnomalyItem::from).collect())
}
