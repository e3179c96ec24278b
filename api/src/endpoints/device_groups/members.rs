//! Which devices are members of a group, said once.

use sqlx::{PgPool, Postgres, QueryBuilder};

use super::GroupId;
use crate::access::TENANT;

/// Selects the ids of the members of `g`, which has the tenant and the body of a group.
///
/// A body may be long: what it wants is read once, not for each device, which OFFSET 0 sees to; and
/// where it wants neither a site nor tags no device is looked at.
pub(super) const MEMBERS: &str = "SELECT m.id FROM \
    jsonb_array_elements_text(coalesce(g.body -> 'devices', '[]')) AS listed (id) \
    JOIN device m ON m.id = listed.id::uuid AND m.tenant = g.tenant \
    UNION SELECT fitting.id FROM (SELECT g.body ->> 'site' AS site, \
    ARRAY(SELECT jsonb_array_elements_text(coalesce(g.body -> 'tags', '[]'))) AS tags OFFSET 0) \
    wanted CROSS JOIN LATERAL (SELECT m.id FROM device m WHERE m.tenant = g.tenant \
    AND (wanted.site IS NULL OR m.site = wanted.site) AND m.tags @> wanted.tags OFFSET 0) fitting \
    WHERE wanted.site IS NOT NULL OR wanted.tags <> '{}'";

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
