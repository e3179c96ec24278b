//! Which devices are members of a group, said once.

use sqlx::{PgPool, Postgres, QueryBuilder};

use super::GroupId;
use crate::access::TENANT;

/// Selects the ids of the members of `g`, which has the tenant and the body of a group.
pub(super) const MEMBERS: &str = "SELECT m.id FROM \
    jsonb_array_elements_text(coalesce(g.body -> 'devices', '[]')) AS listed (id) \
    JOIN device m ON m.id = listed.id::uuid AND m.tenant = g.tenant \
    UNION SELECT m.id FROM device m WHERE m.tenant = g.tenant \
    AND (g.body ->> 'site' IS NOT NULL OR coalesce(g.body -> 'tags', '[]') <> '[]') \
    AND (g.body ->> 'site' IS NULL OR m.site = g.body ->> 'site') \
    AND to_jsonb(m.tags) @> coalesce(g.body -> 'tags', '[]')";

/// Narrows a query down to those devices `d` that are members.
pub(crate) fn in_group(sql: &mut QueryBuilder<Postgres>, group: GroupId) {
    sql.push(" AND d.id IN (SELECT member.id FROM entity g, LATERAL (").push(MEMBERS);
    sql.push(") member WHERE g.kind = 'device_group' AND g.tenant = ").push_bind(TENANT);
    sql.push(" AND g.id = ").push_bind(group.to_string()).push(")");
}

/// How many devices are members of a group with this body.
pub(super) async fn count(pool: &PgPool, body: &str) -> Result<i64, sqlx::Error> {
    let mut sql = QueryBuilder::<Postgres>::new("SELECT count(*) FROM (SELECT ");
    sql.push_bind(TENANT).push(" AS tenant, ").push_bind(body.to_owned());
    sql.push("::jsonb AS body) g, LATERAL (").push(MEMBERS).push(") member");
    sql.build_query_scalar().fetch_one(pool).await
}
