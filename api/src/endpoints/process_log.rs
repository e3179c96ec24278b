//! GET /system/v1/log

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use sqlx::types::Json as SqlJson;
use sqlx::{Postgres, QueryBuilder};

use super::{MAX_TIME_MS, check_period, like, ms, read_time, time};
use crate::http::{ApiError, Cursor, Fields, FromFields, NAME, Query, Text};
use crate::model::{LogLine, LogPage};
use crate::state::ApiState;

/// Most lines on a page.
const MAX_LIMIT: i64 = 1_000;
const DEFAULT_LIMIT: i64 = 100;
/// The one order there is; marks the cursors.
const ORDER: &str = "log";
const LEVELS: [&str; 2] = ["warn", "error"];

/// Time (ms) and id of the last line.
type Key = (i64, i64);

pub(crate) struct LogQuery {
    process: Option<String>,
    component: Option<String>,
    level: Option<&'static str>,
    q: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
    limit: i64,
    after: Option<Key>,
}

impl FromFields for LogQuery {
    fn read(fields: &mut Fields) -> Self {
        let after = Cursor::read(fields, ORDER, |(at, _): &Key| (0..=MAX_TIME_MS).contains(at));
        let query = Self {
            process: fields.text("process", NAME),
            component: fields.text("component", NAME),
            level: fields.choice("level", &LEVELS),
            q: fields.text("q", Text { min: 0, max: 200 }),
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
    id: i64,
    at: DateTime<Utc>,
    instance: String,
    level: String,
    component: String,
    target: String,
    message: String,
    fields: SqlJson<BTreeMap<String, String>>,
    suppressed: i64,
}

impl From<Row> for LogLine {
    fn from(row: Row) -> Self {
        Self {
            at: ms(row.at),
            instance: row.instance,
            level: row.level,
            component: row.component,
            target: row.target,
            message: row.message,
            fields: row.fields.0,
            suppressed: row.suppressed,
        }
    }
}

/// Warnings and errors of all processes of the last seven days, newest first
#[utoipa::path(get, path = "/system/v1/log", tag = "system", operation_id = "listLog",
    params(
        ("process" = Option<String>, Query, min_length = 1, max_length = 200,
            description = "Only of this process: its roles and name, e.g. connect@host-1"),
        ("component" = Option<String>, Query, min_length = 1, max_length = 200,
            description = "Only of this component"),
        ("level" = Option<String>, Query, pattern = "^(warn|error)$",
            description = "error: only errors; warn: both"),
        ("q" = Option<String>, Query, max_length = 200,
            description = "Part of the message or of what it was said with"),
        ("from" = Option<i64>, Query, minimum = 0, maximum = 7258118400000_i64,
            description = "Only then or later, ms since the epoch"),
        ("to" = Option<i64>, Query, minimum = 0, maximum = 7258118400000_i64,
            description = "Only then or before, ms since the epoch"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000,
            description = "Most items wanted; 100 when left out"),
        ("cursor" = Option<String>, Query, min_length = 1, max_length = 2048,
            description = "`next_cursor` of the page before")),
    responses((status = 200, description = "One page", body = LogPage)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Query(query): Query<LogQuery>,
) -> Result<Json<LogPage>, ApiError> {
    let mut sql = QueryBuilder::<Postgres>::new(
        "SELECT id, at, instance, level, component, target, message, fields, suppressed \
         FROM process_log WHERE true",
    );
    filter(&mut sql, &query);
    sql.push(" ORDER BY at DESC, id DESC LIMIT ").push_bind(query.limit + 1);
    let mut rows: Vec<Row> = sql.build_query_as().fetch_all(&state.pool).await?;
    let more = rows.len() as i64 > query.limit;
    rows.truncate(usize::try_from(query.limit).unwrap_or(0));
    let last = rows.last().filter(|_| more);
    let next_cursor = last.and_then(|last| Cursor::encode(ORDER, &(ms(last.at), last.id)));
    Ok(Json(LogPage { items: rows.into_iter().map(LogLine::from).collect(), next_cursor }))
}

fn filter(sql: &mut QueryBuilder<Postgres>, query: &LogQuery) {
    if let Some(process) = &query.process {
        sql.push(" AND instance = ").push_bind(process.clone());
    }
    if let Some(component) = &query.component {
        sql.push(" AND component = ").push_bind(component.clone());
    }
    if query.level == Some("error") {
        sql.push(" AND level = 'error'");
    }
    if let Some(q) = query.q.as_deref().filter(|q| !q.is_empty()) {
        sql.push(" AND (message ILIKE ").push_bind(like(q));
        sql.push(" OR fields::text ILIKE ").push_bind(like(q)).push(")");
    }
    if let Some(from) = query.from {
        sql.push(" AND at >= ").push_bind(time(from));
    }
    if let Some(to) = query.to {
        sql.push(" AND at <= ").push_bind(time(to));
    }
    if let Some((at, id)) = query.after {
        sql.push(" AND (at, id) < (").push_bind(time(at)).push(", ").push_bind(id).push(")");
    }
}
