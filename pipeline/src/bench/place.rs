//! Room of a measurement's own: a prefix on the log, a folder, a database. What a user keeps
//! there is not touched, and folder and database go again at the end.

use std::path::PathBuf;
use std::sync::Arc;

use schemas::SchemaStore;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool};
use tokio::runtime::{Handle, Runtime};

use super::Failure;
use super::machine::parent_of;
use crate::clock::wall_ms;
use crate::config::{Config, LogKind};
use crate::log::EventLog;
use crate::run::schema_topic::SchemaTopic;
use crate::system::{Stop, database, reached};
use crate::topology::topics;

/// A runtime for what talks to databases and servers.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// A folder and a prefix on the log. Topics on a cluster stay, under that prefix.
pub(super) struct Place {
    /// The user's, with these two in place of his.
    pub(super) config: Config,
    _folder: Folder,
}

/// Removes the folder at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Place {
    pub(super) fn new(config: &Config) -> Result<Self, Failure> {
        let mut config = config.clone();
        let name = format!("bench-{}-{}", std::process::id(), wall_ms());
        config.log.kafka.prefix = format!("{}{name}.", config.log.kafka.prefix);
        config.state_dir = config.state_dir.join(&name);
        std::fs::create_dir_all(&config.state_dir)
            .map_err(|error| format!("folder {}: {error}", config.state_dir.display()))?;
        let folder = Folder(config.state_dir.clone());
        Ok(Self { config, _folder: folder })
    }

    /// Its log, with topics and schemas.
    pub(super) fn log(&self) -> Result<(Arc<dyn EventLog>, SchemaStore), Failure> {
        let log = crate::log::open(&self.config)?;
        log.ensure_topics(&topics(self.config.log.partitions))?;
        let schemas = SchemaStore::new();
        let mut schema_topic = SchemaTopic::new(Arc::clone(&log), schemas.clone());
        reached(&Stop::default(), || schema_topic.publish())?;
        Ok((log, schemas))
    }

    /// Its log in words.
    pub(super) fn log_name(&self) -> &'static str {
        match self.config.log.kind {
            LogKind::Embedded => "the embedded log",
            LogKind::Kafka => "Kafka",
        }
    }
}

/// A database of its own on the configured server; dropped at the end.
pub(super) struct Database {
    server: PgConnectOptions,
    name: String,
    runtime: Handle,
    /// Connections to it.
    pub(super) pool: PgPool,
    /// Version and tier, in words.
    pub(super) about: String,
}

impl Database {
    /// Makes it, with all tables.
    pub(super) fn create(config: &Config, runtime: &Handle) -> Result<Self, Failure> {
        let server = database::servers(config)?.current();
        let name = format!("opsc_bench_{}", uuid::Uuid::new_v4().simple());
        runtime.block_on(execute(&server, format!("CREATE DATABASE {name}"))).map_err(|error| {
            format!(
                "the measurement needs a database of its own, and the server of DATABASE_URL \
                 makes none: {error}; name a role that may (ALTER ROLE … CREATEDB)"
            )
        })?;
        let pool = {
            let _guard = runtime.enter();
            PgPoolOptions::new()
                .max_connections(4)
                .connect_lazy_with(server.clone().database(&name))
        };
        let mut database =
            Self { server, name, runtime: runtime.clone(), pool, about: String::new() };
        let info = runtime.block_on(database::migrate(
            &database.pool,
            &database.options().into(),
            &Stop::default(),
        ))?;
        database.about = match info.timescaledb {
            Some(version) => format!("PostgreSQL {} with TimescaleDB {version}", info.server),
            None => format!("PostgreSQL {} without TimescaleDB", info.server),
        };
        Ok(database)
    }

    /// How to connect to it.
    pub(super) fn options(&self) -> PgConnectOptions {
        self.server.clone().database(&self.name)
    }

    /// For a program's environment.
    pub(super) fn url(&self) -> String {
        self.options().to_url_lossy().to_string()
    }

    /// Its server's first process, if that runs on this machine and may be looked at.
    pub(super) fn server_process(&self) -> Option<u32> {
        let ask = "SELECT pg_backend_pid(), coalesce(inet_server_addr() <<= '127.0.0.0/8', true)";
        let asked = sqlx::query_as::<_, (i32, bool)>(ask).fetch_one(&self.pool);
        let (backend, here) = self.runtime.block_on(asked).ok()?;
        parent_of(u32::try_from(backend).ok().filter(|_| here)?)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        self.runtime.block_on(async {
            self.pool.close().await;
            if let Err(error) = execute(&self.server, drop).await {
                tracing::warn!(database = self.name, %error, "the database stays");
            }
        });
    }
}

async fn execute(server: &PgConnectOptions, sql: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect_with(server).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}
