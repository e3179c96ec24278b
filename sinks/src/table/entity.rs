//! What is configured: the last version of each entity.

use schemas::{Entity, EntityKey};
use serde::Serialize;
use serde::de::IgnoredAny;
use sqlx::PgConnection;

use crate::check::{self, MAX_NAME, MAX_WORDS, Refusal};
use crate::table::{Counts, Failure, Row, Table, Tombstone, WriteMode, execute_json, last_by_key};

/// `Entity` → `entity`; a tombstone removes the row.
#[derive(Debug)]
pub struct LatestEntities;

/// A version as both tables have it.
#[derive(Serialize)]
pub(super) struct EntityRow<'a> {
    tenant: &'a str,
    kind: &'a str,
    id: &'a str,
    revision: i64,
    name: &'a str,
    present: bool,
    /// JSON as text: the database reads it.
    body: Option<&'a str>,
    by: &'a str,
    at: i64,
}

impl<'a> EntityRow<'a> {
    pub(super) fn of(entity: &'a Entity) -> Self {
        Self {
            tenant: &entity.tenant,
            kind: &entity.kind,
            id: &entity.id,
            revision: entity.revision,
            name: &entity.name,
            present: entity.present,
            body: entity.body.as_deref(),
            by: &entity.by,
            at: entity.at,
        }
    }
}

/// What holds for every version.
pub(super) fn check(entity: &Entity) -> Result<(), Refusal> {
    check::texts(&[
        ("tenant", &entity.tenant, check::MAX_TENANT),
        ("kind", &entity.kind, MAX_NAME),
        ("id", &entity.id, MAX_NAME),
        ("name", &entity.name, MAX_WORDS),
        ("by", &entity.by, MAX_WORDS),
    ])?;
    check::label("revision", entity.revision)?;
    check::label("at", entity.at)?;
    let Some(body) = &entity.body else { return Ok(()) };
    match serde_json::from_str::<IgnoredAny>(body) {
        Ok(_) if body.contains("\\u0000") => {
            Err(Refusal::malformed("body contains a NUL character".to_owned()))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(Refusal::malformed(format!("body is no JSON: {error}"))),
    }
}

impl Table for LatestEntities {
    const NAME: &'static str = "entity";
    const TOMBSTONE: Tombstone = Tombstone::Removes;
    type Record = Entity;
    type Key = EntityKey;

    fn check(entity: &Entity, _append_ms: i64) -> Result<(), Refusal> {
        check(entity)
    }

    async fn write(
        conn: &mut PgConnection,
        rows: &[&Row<Entity, EntityKey>],
        _mode: WriteMode,
    ) -> Result<Counts, Failure> {
        let last = last_by_key(rows, Entity::key);
        let gone: Vec<_> =
            last.iter().filter(|(_, row)| row.is_none()).map(|(key, _)| key).collect();
        let column = |of: fn(&EntityKey) -> &str| -> Vec<String> {
            gone.iter().map(|key| of(key).to_owned()).collect()
        };
        let (tenants, kinds, ids) =
            (column(|key| &key.tenant), column(|key| &key.kind), column(|key| &key.id));
        let put: Vec<EntityRow<'_>> = last.values().copied().flatten().map(EntityRow::of).collect();
        let put = execute_json(conn, PUT, &put).await?;
        let removed = sqlx::query(REMOVE)
            .bind(tenants)
            .bind(kinds)
            .bind(ids)
            .execute(conn)
            .await?
            .rows_affected();
        Ok(Counts { rows: put + removed, duplicates: 0 })
    }
}

const PUT: &str = "
INSERT INTO entity (tenant, kind, id, revision, name, body, by, at)
SELECT tenant, kind, id, revision, name, coalesce(body, '{}')::jsonb, by, to_timestamp(at / 1000.0)
FROM jsonb_to_recordset($1) AS r (tenant text, kind text, id text, revision bigint, name text,
    body text, by text, at bigint)
ON CONFLICT (tenant, kind, id) DO UPDATE SET
    revision = EXCLUDED.revision, name = EXCLUDED.name, body = EXCLUDED.body, by = EXCLUDED.by,
    at = EXCLUDED.at";

const REMOVE: &str = "
DELETE FROM entity USING unnest($1::text[], $2::text[], $3::text[]) AS gone (tenant, kind, id)
WHERE (entity.tenant, entity.kind, entity.id) = (gone.tenant, gone.kind, gone.id)";
