//! Turns the outside world into poll records.
//!
//! The promise: every enabled device gives one record for every slot of its interval, whatever
//! it does; a slow, dead or malicious one never delays another; a value is never published
//! under another port's name; no sample is better than a wrong one.
//!
//! [`Poller`] takes [`Change`]s to the set of devices and hands [`schemas::Poll`]s to a
//! [`PollSink`]. SNMP and ICMP each have threads of their own that own their sockets; one frame
//! says when each device's turn is; what to ask and what answers mean is decided without I/O.
//! What to ask is data: [`Profiles`].
//!
//! Nothing here knows a log, a database or HTTP.

// What came from outside is never indexed by a number that came from outside too.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice))]

mod clock;
mod config;
mod durations;
mod frame;
mod icmp;
mod inventory;
mod net;
mod outbox;
mod place;
mod poller;
mod probe;
mod profiles;
mod record;
mod resolve;
mod seams;
mod shared;
mod snmp;
mod timing;

#[cfg(test)]
#[global_allocator]
static METER: hostile::Meter = hostile::Meter;

pub use config::{MAX_INTERVAL_MS, MIN_INTERVAL_MS, PollerConfig};
pub use durations::{BUCKETS_MS, Histogram, ProfileDurations};
pub use icmp::socket::icmp_permission;
pub use inventory::{
    InventoryError, MAX_INVENTORY_BYTES, MAX_INVENTORY_LINES, parse as parse_inventory,
};
pub use outbox::MAX_POLL_BYTES;
pub use poller::Poller;
pub use probe::{ProbeReport, ProbeStep, probe};
pub use profiles::{
    MAX_PROFILE_BYTES, MAX_PROFILE_ROWS, MAX_PROFILES, Profile, ProfileError, Profiles,
};
pub use seams::{
    Change, ConnectorError, Credential, CredentialError, Credentials, Full, PollSink, Secret,
};
pub use timing::{Counters, DeviceTiming, FAMILIES};
