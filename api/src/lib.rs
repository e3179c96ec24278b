//! The API keeps this promise: whoever is signed in reads what the projections hold, sees what
//! happens while it happens, and puts commands on the log; nobody else gets anything but the
//! sign-in page. Every answer, errors too, has a shape written down in `openapi.json`.
//!
//! How: handlers read PostgreSQL ([`endpoints`], a file each), everything else they need comes
//! through the traits in [`ports`], errors are domain errors turned into RFC 9457 problems in
//! the HTTP layer ([`http`]); what changes is changed by a command ([`entities`]). All routes stand
//! in [`router()`]. Live events ([`Live`]) are encoded once for all viewers and held in a bounded
//! ring.
//!
//! Absences: nothing here knows a log, a poller or how a secret is sealed; nothing outside knows
//! axum.

mod access;
mod assets;
mod auth;
mod endpoints;
mod entities;
mod families;
#[cfg(test)]
mod fuzz;
mod http;
mod live;
mod model;
mod ports;
mod router;
mod serve;
mod spec;
mod state;

#[cfg(test)]
#[global_allocator]
static METER: hostile::Meter = hostile::Meter;

pub use auth::{AdminError, ensure_admin, reset_admin};
pub use families::FAMILIES;
pub use live::{Live, LiveEvent, LogPlace};
pub use ports::{
    DatabaseStatus, Entities, EntityReply, EntityRequest, LogStatus, PollerTiming, PortError,
    PortFuture, ProbeReport, ProbeRequest, ProbeStep, Prober, ProcessInfo, RoleStatus,
    StoredCredential, System, SystemStatus, Trouble, Vault,
};
pub use router::router;
pub use serve::{serve, serve_telemetry};
pub use spec::openapi_json;
pub use state::{ApiConfig, ApiState, ConfigError, MIN_TOKEN_CHARS, Ports};
