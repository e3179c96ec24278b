//! What the API needs from outside, as traits. The pipeline implements them; here nobody knows a
//! log, a poller or a vault.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use schemas::{Address, DeviceId, EntityProblem};
use serde::Serialize;
use utoipa::ToSchema;
use vault::Secret;

/// A future of a port, boxed so that the traits can be objects.
pub type PortFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a port could not do it, by what the caller does.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PortError {
    /// Try again later: what stands behind the port is away or overloaded.
    #[error("{0}")]
    Unavailable(String),
    /// Trying again is of no use: the request itself is refused, with the reason for people.
    #[error("{0}")]
    Refused(String),
}

/// How an entity is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityRequest {
    /// `device`, `device_group` or `credential`.
    pub kind: &'static str,
    /// Unique within its kind.
    pub id: String,
    /// The revision that is to be changed; 0: there must be none; none: whatever there is.
    pub expected: Option<i64>,
    /// JSON of the kind's body; none: it is to be removed.
    pub body: Option<String>,
    /// Who wants it.
    pub by: String,
}

/// What became of an [`EntityRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntityReply {
    /// It is done, and durable.
    Applied {
        /// The entity's now; of a removal, that of the removal.
        revision: i64,
    },
    /// Another revision is there than the one expected, and nothing was changed.
    Conflict {
        /// The entity's now; 0: there is none.
        revision: i64,
    },
    /// There is none to change or to remove.
    NotFound,
    /// It may not be so; every reason.
    Refused(Vec<EntityProblem>),
}

/// Changes what is configured: however many ask, one decides.
pub trait Entities: Send + Sync + 'static {
    /// Returns once it is decided and durable on the log. The API itself waits for the projection,
    /// so this need not.
    fn apply(&self, request: EntityRequest) -> PortFuture<'_, Result<EntityReply, PortError>>;
}

/// A credential without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCredential {
    /// Its name: what devices refer to.
    pub name: String,
    /// E.g. `snmp_v2c`.
    pub kind: String,
    /// ms since the epoch.
    pub created_at: i64,
    /// ms since the epoch.
    pub updated_at: i64,
}

/// The credential vault.
pub trait Vault: Send + Sync + 'static {
    /// All credentials by name.
    fn list(&self) -> PortFuture<'_, Result<Vec<StoredCredential>, PortError>>;

    /// Makes a credential, sealed before it is stored; none when there is one of that name.
    fn create(
        &self,
        name: String,
        secret: Secret,
        by: String,
    ) -> PortFuture<'_, Result<Option<StoredCredential>, PortError>>;

    /// Makes or replaces a credential, sealed before it is stored.
    fn put(
        &self,
        name: String,
        secret: Secret,
        by: String,
    ) -> PortFuture<'_, Result<StoredCredential, PortError>>;

    /// Refused while those who decide know of devices that refer to it. The caller has looked for
    /// such devices in the database: one that those who decide do not know is deleted.
    fn delete(&self, name: String, by: String) -> PortFuture<'_, Result<EntityReply, PortError>>;
}

/// A device to try, which need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeRequest {
    /// Where.
    pub address: Address,
    /// SNMP UDP port.
    pub port: u16,
    /// A profile's name, or `auto`.
    pub profile: String,
    /// Name of a credential in the vault; without one only ICMP is tried.
    pub credential: Option<String>,
    /// An SNMP answer may come from another address.
    pub any_source: bool,
}

/// One step of a device test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProbeStep {
    /// `icmp` or `snmp`.
    #[schema(example = "snmp")]
    pub name: String,
    /// Whether the device answered.
    pub ok: bool,
    /// What was seen, or why not and how to fix it.
    pub detail: String,
    /// How long the step took.
    #[schema(minimum = 0)]
    pub duration_ms: i64,
}

/// What a device test found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct ProbeReport {
    /// In the order tried.
    pub steps: Vec<ProbeStep>,
    /// sysName (RFC 3418).
    pub sys_name: Option<String>,
    /// sysDescr (RFC 3418).
    pub sys_descr: Option<String>,
    /// The profile that would be used.
    pub profile: Option<String>,
    /// Number of interfaces.
    pub interfaces: Option<i64>,
}

/// Tries devices before they are saved.
pub trait Prober: Send + Sync + 'static {
    /// Tries a device once, with the prober's own time limit (below 20 s, or the request times
    /// out first).
    fn probe(&self, request: ProbeRequest) -> PortFuture<'_, Result<ProbeReport, PortError>>;

    /// Names of the polling profiles, `auto` among them.
    fn profiles(&self) -> Vec<String>;
}

/// The event log in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LogStatus {
    /// `kafka` or `embedded`.
    #[schema(example = "embedded")]
    pub kind: String,
    /// The log's UUID.
    pub id: String,
}

/// The database in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DatabaseStatus {
    /// `postgres`, `timescale-apache` or `timescale-community`.
    #[schema(example = "timescale-community")]
    pub tier: String,
    /// The server's version.
    pub version: String,
    /// Number of the last migration.
    pub migration: i64,
}

/// One process of the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProcessInfo {
    /// Its roles and name.
    #[schema(example = "connect@host-1")]
    pub instance: String,
    /// What it does: `connect`, `process`, `sink`, `api`.
    pub roles: Vec<String>,
    /// Name of its machine.
    pub host: String,
    /// Of the program.
    pub version: String,
    /// ms since the epoch, by its own clock.
    pub started_at: i64,
    /// `running`, `stopping` (it was asked to end), `ended` (in order), `failed` (a component made
    /// it end) or `gone` (it has written nothing for 30 s).
    #[schema(example = "running")]
    pub state: String,
    /// Since when it is so, ms since the epoch; of one that is gone, when it wrote last.
    pub since: i64,
    /// Sums since it started, and sizes, by name.
    pub figures: BTreeMap<String, i64>,
}

/// One component of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RoleStatus {
    /// E.g. `connect poller`, `process route`, `sink sample`.
    pub name: String,
    /// Roles and name of the process that runs it, e.g. `process@host-1`.
    #[schema(example = "process@host-1")]
    pub instance: String,
    /// `running`, `waiting`, `stalled`, `failed`, or `gone` when its process is.
    pub state: String,
    /// Since when it is, or is not, running, ms since the epoch.
    pub since: i64,
    /// The partitions of its topic that it holds, or held last.
    pub partitions: Vec<i32>,
    /// Records behind the end of its topics, where that has a meaning.
    #[schema(minimum = 0)]
    pub lag: Option<i64>,
    /// Age of the oldest record that it has not done, at most; 0 at the end of its topics.
    #[schema(minimum = 0)]
    pub lag_ms: Option<i64>,
    /// For people.
    pub detail: String,
}

/// A part of the system that does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Trouble {
    /// The role whose processes do it: `connect`, `process` or `sink`; empty for anything else.
    pub role: String,
    /// The group of readers, or the component.
    #[schema(example = "device")]
    pub part: String,
    /// Since when at least, ms since the epoch.
    pub since: i64,
    /// What is wrong and the remedy, for people.
    pub detail: String,
}

/// How the system is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SystemStatus {
    /// The process that answers.
    #[schema(example = "api@host-1")]
    pub instance: String,
    /// Of the process that answers.
    pub version: String,
    /// The event log.
    pub log: LogStatus,
    /// The database.
    pub database: DatabaseStatus,
    /// All processes: those that run, that ended in the last ten minutes, and that are gone until
    /// they are forgotten (a day, unless configured otherwise).
    pub processes: Vec<ProcessInfo>,
    /// The components of all processes.
    pub roles: Vec<RoleStatus>,
    /// Parts that are missing or stand still; empty: everything works.
    pub troubles: Vec<Trouble>,
    /// When the process that answers started, ms since the epoch.
    pub started_at: i64,
    /// What a person should do something about, each with the remedy; what is about one process
    /// begins with its name.
    pub warnings: Vec<String>,
}

/// How polling one device goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PollerTiming {
    /// Device id.
    #[schema(value_type = String, format = Uuid)]
    #[serde(serialize_with = "crate::model::as_text")]
    pub device: DeviceId,
    /// Its display name.
    pub device_name: String,
    /// `snmp` or `icmp`.
    pub connector: String,
    /// The process that polled it last.
    #[schema(example = "connect@host-1")]
    pub instance: String,
    /// Duration of the last poll.
    pub last_duration_ms: Option<i64>,
    /// E.g. `ok`, `timeout`, `no_credential`.
    pub last_outcome: Option<String>,
    /// End of the last poll, ms since the epoch.
    pub last_at: Option<i64>,
    /// The table whose requests waited longest for answers in the last poll.
    pub slowest_table: Option<String>,
    /// How long they waited; requests that wait side by side count each.
    #[schema(minimum = 0)]
    pub slowest_table_ms: Option<i64>,
    /// Requests sent since the start.
    pub requests: i64,
    /// Requests without an answer since the start.
    pub timeouts: i64,
}

/// What the process knows of itself.
pub trait System: Send + Sync + 'static {
    /// For the system page.
    fn status(&self) -> PortFuture<'_, Result<SystemStatus, PortError>>;

    /// Ready: `Err` names what is missing. Must answer within a second. The whole system counts,
    /// or, with `alone`, what this process does itself.
    fn ready(&self, alone: bool) -> PortFuture<'_, Result<(), String>>;

    /// Since when nobody computes the states of devices, ms since the epoch: what is stored of them
    /// is as old as that. None: they are computed.
    fn uncomputed_since(&self) -> Option<i64> {
        None
    }

    /// One entry per device and connector of all processes, in any order.
    fn pollers(&self) -> PortFuture<'_, Result<Vec<PollerTiming>, PortError>>;

    /// Prometheus text of all metrics of the process.
    fn metrics(&self) -> String;

    /// Learns the schemas that other processes have published up to now.
    fn refresh_schemas(&self) -> PortFuture<'_, Result<(), PortError>>;
}
