//! GET /inventory/v1/device-groups

use axum::Json;
use axum::extract::State;
use sqlx::{Postgres, QueryBuilder};

use super::super::like;
use super::row::{Row, SORTED_BY, from, select};
use super::{DeviceGroup, DeviceGroupPage};
use crate::http::cursor::is_storable;
use crate::http::{ApiError, Cursor, Fields, FromFields, Query, Text};
use crate::state::ApiState;

/// Most groups on a page; each may list thousands of devices.
const MAX_LIMIT: i64 = 100;

/// The one order there is; marks the cursors.
const ORDER: &str = "name";

/// What is sorted by, and the id, of the last item.
type Key = (String, String);

pub(crate) struct GroupQuery {
    q: Option<String>,
    limit: i64,
    after: Option<Key>,
}

impl FromFields for GroupQuery {
    fn read(fields: &mut Fields) -> Self {
        Self {
            q: fields.text("q", Text { min: 0, max: 200 }),
            limit: fields.integer("limit", 1, MAX_LIMIT).unwrap_or(MAX_LIMIT),
            after: Cursor::read(fields, ORDER, |(name, id): &Key| {
                is_storable(name) && is_storable(id)
            }),
        }
    }
}

/// Device groups, by name
#[utoipa::path(get, path = "/inventory/v1/device-groups", tag = "inventory",
    operation_id = "listDeviceGroups",
    params(
        ("q" = Option<String>, Query, max_length = 200,
            description = "Part of name, description, site or a tag"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100,
            description = "Most items wanted; 100 when left out"),
        ("cursor" = Option<String>, Query, min_length = 1, max_length = 2048,
            description = "`next_cursor` of the page before")),
    responses((status = 200, description = "One page", body = DeviceGroupPage)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Query(query): Query<GroupQuery>,
) -> Result<Json<DeviceGroupPage>, ApiError> {
    let mut count = QueryBuilder::<Postgres>::new("SELECT count(*)");
    from(&mut count);
    filter(&mut count, &query);
    let total = count.build_query_scalar().fetch_one(&state.pool).await?;
    let mut sql = select();
    filter(&mut sql, &query);
    if let Some((name, id)) = &query.after {
        sql.push(" AND (").push(SORTED_BY).push(", g.id) > (").push_bind(name.clone());
        sql.push(", ").push_bind(id.clone()).push(")");
    }
    sql.push(" ORDER BY sorted_by, g.id LIMIT ").push_bind(query.limit + 1);
    let mut rows: Vec<Row> = sql.build_query_as().fetch_all(&state.pool).await?;
    let more = rows.len() as i64 > query.limit;
    rows.truncate(usize::try_from(query.limit).unwrap_or(0));
    let next_cursor = rows
        .last()
        .filter(|_| more)
        .and_then(|last| Cursor::encode(ORDER, &(last.sorted_by.clone(), last.id.clone())));
    let items = rows.into_iter().map(DeviceGroup::try_from).collect::<Result<_, _>>()?;
    Ok(Json(DeviceGroupPage { items, total, next_cursor }))
}

fn filter(sql: &mut QueryBuilder<Postgres>, query: &GroupQuery) {
    if let Some(q) = &query.q {
        // No search text holds a line break, but a description may; values alone are searched.
        sql.push(" AND concat_ws(E'\\n', g.name, g.body ->> 'description', g.body ->> 'site', ");
        sql.push("array_to_string(ARRAY(SELECT jsonb_array_elements_text(coalesce(g.body -> ");
        sql.push("'tags', '[]'))), E'\\n')) ILIKE ").push_bind(like(q));
    }
}
