//! What decides on changes, in memory and at once: as much of it as the API can distinguish.

use std::time::{SystemTime, UNIX_EPOCH};

use api::{Entities, EntityReply, EntityRequest, PortError, PortFuture};
use schemas::{Device, DeviceGroup, EntityProblem};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgPool;
use tokio::sync::Mutex;

/// A log, its processor and its sinks in one.
pub(crate) struct Projection {
    pool: PgPool,
    /// One decision at a time.
    turn: Mutex<()>,
}

type Answer<T> = Result<T, PortError>;

fn away(error: sqlx::Error) -> PortError {
    PortError::Unavailable(error.to_string())
}

fn read<T: DeserializeOwned>(body: &str) -> Answer<T> {
    serde_json::from_str(body).map_err(|error| PortError::Refused(error.to_string()))
}

fn json(value: &impl Serialize) -> Answer<String> {
    serde_json::to_string(value).map_err(|error| PortError::Refused(error.to_string()))
}

impl Entities for Projection {
    fn apply(&self, request: EntityRequest) -> PortFuture<'_, Answer<EntityReply>> {
        Box::pin(self.decide(request))
    }
}

impl Projection {
    pub(crate) fn new(pool: &PgPool) -> Self {
        Self { pool: pool.clone(), turn: Mutex::new(()) }
    }

    /// By this machine's clock.
    pub(crate) fn now_ms() -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
    }

    async fn decide(&self, request: EntityRequest) -> Answer<EntityReply> {
        let _turn = self.turn.lock().await;
        let now = self.revision(&request).await?;
        match (request.expected, now) {
            (None, 0) if request.body.is_none() => return Ok(EntityReply::NotFound),
            (Some(1..), 0) => return Ok(EntityReply::NotFound),
            (Some(expected), now) if expected != now => {
                return Ok(EntityReply::Conflict { revision: now });
            }
            _ => {}
        }
        if let Some(problem) = self.problem(&request).await? {
            return Ok(EntityReply::Refused(vec![problem]));
        }
        let revision = Self::now_ms().max(now + 1);
        self.project(&request, revision).await?;
        Ok(EntityReply::Applied { revision })
    }

    /// What the sinks write.
    pub(crate) async fn project(&self, request: &EntityRequest, revision: i64) -> Answer<()> {
        let Some(body) = &request.body else {
            let table = if request.kind == "device" { "device" } else { "entity" };
            let gone = format!("DELETE FROM {table} WHERE id::text = $1");
            let gone = sqlx::query(sqlx::AssertSqlSafe(gone)).bind(&request.id);
            gone.execute(&self.pool).await.map_err(away)?;
            return self.record(request, "", revision, None).await;
        };
        let (name, body) = if request.kind == "device" {
            let device = Device { updated_at: revision, ..read(body)? };
            self.put_device(&device).await?;
            (device.name.clone(), json(&device)?)
        } else {
            let group = DeviceGroup { updated_at: revision, ..read(body)? };
            let body = json(&group)?;
            self.put_entity(request, &group.name, revision, &body).await?;
            (group.name, body)
        };
        self.record(request, &name, revision, Some(&body)).await
    }

    /// Why it may not be so.
    async fn problem(&self, request: &EntityRequest) -> Answer<Option<EntityProblem>> {
        let Some(body) = &request.body else { return Ok(None) };
        let (field, detail) = if request.kind == "device" {
            let device: Device = read(body)?;
            let twin = self.twin(&device).await?;
            let detail =
                twin.map(|twin| format!("the device {twin:?} has that address and port already"));
            ("address", detail)
        } else {
            self.group_problem(&request.id, &read(body)?).await?
        };
        Ok(detail.map(|detail| EntityProblem { field: field.to_owned(), detail }))
    }

    async fn revision(&self, request: &EntityRequest) -> Answer<i64> {
        let sql = match request.kind {
            "device" => {
                "SELECT (extract(epoch FROM updated_at) * 1000)::bigint FROM device \
                 WHERE id::text = $1"
            }
            _ => "SELECT revision FROM entity WHERE id = $1",
        };
        let found = sqlx::query_scalar(sql).bind(&request.id).fetch_optional(&self.pool);
        Ok(found.await.map_err(away)?.unwrap_or(0))
    }

    async fn twin(&self, device: &Device) -> Answer<Option<String>> {
        sqlx::query_scalar("SELECT name FROM device WHERE address = $1 AND port = $2 AND id <> $3")
            .bind(&device.address)
            .bind(device.port)
            .bind(device.id.0)
            .fetch_optional(&self.pool)
            .await
            .map_err(away)
    }

    async fn group_problem(
        &self,
        id: &str,
        group: &DeviceGroup,
    ) -> Answer<(&'static str, Option<String>)> {
        let taken: Option<String> = sqlx::query_scalar(
            "SELECT name FROM entity WHERE lower(name) = lower($1) AND id <> $2",
        )
        .bind(&group.name)
        .bind(id)
        .fetch_optional(&self.pool)
        .await
        .map_err(away)?;
        if let Some(name) = taken {
            return Ok(("name", Some(format!("there is a device group {name:?} already"))));
        }
        let ids: Vec<uuid::Uuid> = group.devices.iter().map(|id| id.0).collect();
        // Those that it lists already may be gone meanwhile.
        let unknown = "SELECT it::text FROM unnest($1) it WHERE it NOT IN (SELECT id FROM device) \
             AND NOT EXISTS (SELECT FROM entity g WHERE g.kind = 'device_group' AND g.id = $2 \
             AND g.body -> 'devices' ? it::text)";
        let unknown: Option<String> = sqlx::query_scalar(unknown)
            .bind(ids)
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(away)?;
        Ok(("devices", unknown.map(|id| format!("there is no device {id}"))))
    }

    async fn put_entity(
        &self,
        request: &EntityRequest,
        name: &str,
        revision: i64,
        body: &str,
    ) -> Answer<()> {
        sqlx::query(
            "INSERT INTO entity (tenant, kind, id, revision, name, body, by, at) \
             VALUES ('default', $1, $2, $3, $4, $5::jsonb, $6, \
                'epoch'::timestamptz + $3 * interval '1 ms') \
             ON CONFLICT (tenant, kind, id) DO UPDATE SET revision = excluded.revision, \
                name = excluded.name, body = excluded.body, by = excluded.by, at = excluded.at",
        )
        .bind(request.kind)
        .bind(&request.id)
        .bind(revision)
        .bind(name)
        .bind(body)
        .bind(&request.by)
        .execute(&self.pool)
        .await
        .map_err(away)?;
        Ok(())
    }

    async fn record(
        &self,
        request: &EntityRequest,
        name: &str,
        revision: i64,
        body: Option<&str>,
    ) -> Answer<()> {
        sqlx::query(
            "INSERT INTO entity_history \
                (tenant, kind, id, revision, name, present, body, by, at) \
             VALUES ('default', $1, $2, $3, $4, $5::jsonb IS NOT NULL, $5::jsonb, $6, \
                'epoch'::timestamptz + $3 * interval '1 ms')",
        )
        .bind(request.kind)
        .bind(&request.id)
        .bind(revision)
        .bind(name)
        .bind(body)
        .bind(&request.by)
        .execute(&self.pool)
        .await
        .map_err(away)?;
        Ok(())
    }

    async fn put_device(&self, device: &Device) -> Answer<()> {
        sqlx::query(
            "INSERT INTO device (id, tenant, name, address, port, profile, credential, site, \
                tags, interval_ms, snmp, icmp, enabled, source, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
                'epoch'::timestamptz + $15 * interval '1 ms') \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, address = excluded.address, \
                port = excluded.port, profile = excluded.profile, \
                credential = excluded.credential, site = excluded.site, tags = excluded.tags, \
                interval_ms = excluded.interval_ms, snmp = excluded.snmp, \
                icmp = excluded.icmp, enabled = excluded.enabled, source = excluded.source, \
                updated_at = excluded.updated_at",
        )
        .bind(device.id.0)
        .bind(&device.tenant)
        .bind(&device.name)
        .bind(&device.address)
        .bind(device.port)
        .bind(&device.profile)
        .bind(&device.credential)
        .bind(&device.site)
        .bind(&device.tags)
        .bind(device.interval_ms)
        .bind(device.snmp)
        .bind(device.icmp)
        .bind(device.enabled)
        .bind(&device.source)
        .bind(device.updated_at)
        .execute(&self.pool)
        .await
        .map_err(away)?;
        Ok(())
    }
}
