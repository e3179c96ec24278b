//! The API's ports in memory, for tests and trials: changes go straight to the projections, the
//! vault is a map, devices are made up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use api::{
    DatabaseStatus, EntityReply, LogStatus, PollerTiming, PortError, PortFuture, Ports,
    ProbeReport, ProbeRequest, ProbeStep, Prober, ProcessInfo, RoleStatus, StoredCredential,
    System, SystemStatus, Vault,
};
use schemas::{DeviceId, EntityProblem};
use sqlx::PgPool;

#[path = "entities.rs"]
mod entities;

pub(crate) use self::entities::Projection;

/// All four ports.
pub(crate) fn ports(pool: &PgPool) -> Ports {
    Ports {
        entities: Arc::new(Projection::new(pool)),
        vault: Arc::new(Map::new(pool)),
        prober: Arc::new(MadeUp),
        system: Arc::new(Fixed),
    }
}

/// A vault without a lock on its door.
pub(crate) struct Map {
    pool: PgPool,
    stored: Mutex<BTreeMap<String, StoredCredential>>,
}

impl Map {
    fn new(pool: &PgPool) -> Self {
        Self { pool: pool.clone(), stored: Mutex::default() }
    }

    async fn record(&self, stored: &StoredCredential, by: &str) -> Result<(), PortError> {
        sqlx::query(
            "INSERT INTO entity_history (tenant, kind, id, revision, name, present, body, by, at) \
             SELECT 'default', 'credential', $1, 1 + count(*), $1, true, \
                jsonb_build_object('name', $1::text, 'kind', $2::text), $3, now() \
             FROM entity_history WHERE kind = 'credential' AND id = $1",
        )
        .bind(&stored.name)
        .bind(&stored.kind)
        .bind(by)
        .execute(&self.pool)
        .await
        .map_err(away)?;
        Ok(())
    }
}

fn away(error: sqlx::Error) -> PortError {
    PortError::Unavailable(error.to_string())
}

impl Vault for Map {
    fn list(&self) -> PortFuture<'_, Result<Vec<StoredCredential>, PortError>> {
        Box::pin(async { Ok(self.stored.lock().unwrap().values().cloned().collect()) })
    }

    fn create(
        &self,
        name: String,
        secret: vault::Secret,
        by: String,
    ) -> PortFuture<'_, Result<Option<StoredCredential>, PortError>> {
        let known = self.stored.lock().unwrap().contains_key(&name);
        Box::pin(async move {
            if known { Ok(None) } else { self.put(name, secret, by).await.map(Some) }
        })
    }

    fn put(
        &self,
        name: String,
        secret: vault::Secret,
        by: String,
    ) -> PortFuture<'_, Result<StoredCredential, PortError>> {
        let kind = secret.kind().name.to_owned();
        let stored = StoredCredential { name: name.clone(), kind, created_at: 1, updated_at: 2 };
        self.stored.lock().unwrap().insert(name, stored.clone());
        Box::pin(async move {
            self.record(&stored, &by).await?;
            Ok(stored)
        })
    }

    fn delete(&self, name: String, _: String) -> PortFuture<'_, Result<EntityReply, PortError>> {
        Box::pin(async move {
            let users: Vec<String> =
                sqlx::query_scalar("SELECT name FROM device WHERE credential = $1")
                    .bind(&name)
                    .fetch_all(&self.pool)
                    .await
                    .map_err(away)?;
            if !users.is_empty() {
                let detail = format!("{} device(s) use it: {}", users.len(), users.join(", "));
                let problem = EntityProblem { field: "name".to_owned(), detail };
                return Ok(EntityReply::Refused(vec![problem]));
            }
            Ok(match self.stored.lock().unwrap().remove(&name) {
                Some(_) => EntityReply::Applied { revision: 1 },
                None => EntityReply::NotFound,
            })
        })
    }
}

/// Finds a router at every address but 192.0.2.99, where nobody answers.
pub(crate) struct MadeUp;

impl Prober for MadeUp {
    fn probe(&self, request: ProbeRequest) -> PortFuture<'_, Result<ProbeReport, PortError>> {
        let ok = request.address.to_string() != "192.0.2.99";
        let step = |name: &str| ProbeStep {
            name: name.to_owned(),
            ok,
            detail: if ok { "answered" } else { "no answer within 2 s" }.to_owned(),
            duration_ms: if ok { 3 } else { 2_000 },
        };
        let report = ProbeReport {
            steps: vec![step("icmp"), step("snmp")],
            sys_name: ok.then(|| "lab".to_owned()),
            sys_descr: ok.then(|| "A router".to_owned()),
            profile: ok.then(|| "generic".to_owned()),
            interfaces: ok.then_some(4),
        };
        Box::pin(async { Ok(report) })
    }

    fn profiles(&self) -> Vec<String> {
        ["generic", "auto"].map(str::to_owned).to_vec()
    }
}

/// A system that is always well.
pub(crate) struct Fixed;

impl System for Fixed {
    fn status(&self) -> PortFuture<'_, Result<SystemStatus, PortError>> {
        let role = RoleStatus {
            name: "sink".to_owned(),
            instance: "run@memory".to_owned(),
            state: "running".to_owned(),
            since: 1,
            partitions: vec![0, 1],
            lag: Some(0),
            lag_ms: Some(0),
            detail: String::new(),
        };
        let process = ProcessInfo {
            instance: "run@memory".to_owned(),
            roles: vec!["api".to_owned(), "sink".to_owned()],
            host: "memory".to_owned(),
            version: "0.1.0".to_owned(),
            started_at: 1,
            state: "running".to_owned(),
            since: 1,
            figures: [("log_lines_dropped".to_owned(), 0)].into(),
        };
        let status = SystemStatus {
            instance: "run@memory".to_owned(),
            version: "0.1.0".to_owned(),
            log: LogStatus { kind: "memory".to_owned(), id: "none".to_owned() },
            database: DatabaseStatus {
                tier: "postgres".to_owned(),
                version: "17".to_owned(),
                migration: 7,
            },
            processes: vec![process],
            roles: vec![role],
            troubles: Vec::new(),
            started_at: 1,
            warnings: vec!["nothing here is real".to_owned()],
        };
        Box::pin(async { Ok(status) })
    }

    fn ready(&self, _: bool) -> PortFuture<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    fn refresh_schemas(&self) -> PortFuture<'_, Result<(), PortError>> {
        Box::pin(async { Ok(()) })
    }

    fn pollers(&self) -> PortFuture<'_, Result<Vec<PollerTiming>, PortError>> {
        let timing = |n: u128, duration| PollerTiming {
            device: DeviceId(uuid::Uuid::from_u128(n)),
            device_name: format!("router {n}"),
            connector: "snmp".to_owned(),
            instance: "connect@memory".to_owned(),
            last_duration_ms: duration,
            last_outcome: Some("ok".to_owned()),
            last_at: Some(1),
            slowest_table: Some("interfaces".to_owned()),
            slowest_table_ms: duration,
            requests: 10,
            timeouts: 1,
        };
        Box::pin(async move { Ok(vec![timing(1, Some(5)), timing(2, None), timing(3, Some(90))]) })
    }

    fn metrics(&self) -> String {
        "# TYPE up gauge\nup 1\n".to_owned()
    }
}
