//! What was configured: every version of each entity.

use std::collections::BTreeMap;

use schemas::{Entity, EntityKey};
use sqlx::PgConnection;

use super::entity::{EntityRow, check};
use crate::check::Refusal;
use crate::table::{Counts, Failure, Row, Table, Tombstone, WriteMode, execute_json, puts};

/// `Entity` → `entity_history`.
#[derive(Debug)]
pub struct EntityVersions;

impl Table for EntityVersions {
    const NAME: &'static str = "entity-history";
    const TOMBSTONE: Tombstone = Tombstone::Refused;
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
        // Of those who write without a command two may have given the same revision.
        let versions: BTreeMap<_, _> = puts(rows)
            .map(|entity| ((entity.key(), entity.revision), EntityRow::of(entity)))
            .collect();
        let versions: Vec<EntityRow<'_>> = versions.into_values().collect();
        let rows = execute_json(conn, PUT, &versions).await?;
        Ok(Counts { rows, duplicates: 0 })
    }
}

const PUT: &str = "
INSERT INTO entity_history (tenant, kind, id, revision, name, present, body, by, at)
SELECT tenant, kind, id, revision, name, present, body::jsonb, by, to_timestamp(at / 1000.0)
FROM jsonb_to_recordset($1) AS r (tenant text, kind text, id text, revision bigint, name text,
    present boolean, body text, by text, at bigint)
ON CONFLICT (tenant, kind, id, revision) DO UPDATE SET
    name = EXCLUDED.name, present = EXCLUDED.present, body = EXCLUDED.body, by = EXCLUDED.by,
    at = EXCLUDED.at";
