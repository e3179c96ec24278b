//! What can be set about a poller.

use std::path::PathBuf;

use serde::Deserialize;

use crate::seams::ConnectorError;

/// Limits and pace of a poller. Every number is a maximum or a time; the defaults serve.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PollerConfig {
    /// Threads that poll by SNMP, 1 to 16.
    pub threads: usize,
    /// UDP sockets a thread, 1 to 8.
    pub sockets: usize,
    /// First time-out of a request.
    pub timeout_ms: u64,
    /// How often a request is sent again, each time-out half as long again as the last.
    pub retries: u32,
    /// Requests in flight to one device.
    pub in_flight_per_device: usize,
    /// Requests in flight a thread; never more than the receive buffers hold.
    pub in_flight: usize,
    /// Requests a second, all threads together.
    pub requests_per_second: u64,
    /// Permille of the interval after which what is unread is left out.
    pub soft_deadline_permille: u64,
    /// Permille of the interval after which a poll ends with what it has.
    pub deadline_permille: u64,
    /// Folder with polling profiles of your own (`*.toml`).
    pub profiles: Option<PathBuf>,
    /// Echo requests a cycle, 1 to 20.
    pub icmp_echoes: u32,
    /// Time between them.
    pub icmp_spacing_ms: u64,
    /// How long an echo reply is waited for.
    pub icmp_timeout_ms: u64,
    /// For how long polls are kept while the log takes none; then cycles are left out.
    pub buffer_ms: u64,
    /// Polls kept at most.
    pub buffer_polls: usize,
    /// Devices a poller takes.
    pub max_devices: usize,
}

impl Default for PollerConfig {
    fn default() -> Self {
        Self {
            threads: 1,
            sockets: 2,
            timeout_ms: 1_000,
            retries: 2,
            in_flight_per_device: 4,
            in_flight: 4_096,
            requests_per_second: 50_000,
            soft_deadline_permille: 650,
            deadline_permille: 800,
            profiles: None,
            icmp_echoes: 3,
            icmp_spacing_ms: 200,
            icmp_timeout_ms: 1_000,
            buffer_ms: 300_000,
            buffer_polls: 100_000,
            max_devices: 100_000,
        }
    }
}

/// Shortest interval a device may have; shorter ones are lengthened to it.
pub const MIN_INTERVAL_MS: i64 = schemas::INTERVAL_MS.0;
/// Longest interval a device may have.
pub const MAX_INTERVAL_MS: i64 = schemas::INTERVAL_MS.1;

impl PollerConfig {
    /// Checks every value.
    pub fn check(&self) -> Result<(), ConnectorError> {
        let bounds: [(&'static str, u64, u64, u64); 14] = [
            ("threads", self.threads as u64, 1, 16),
            ("sockets", self.sockets as u64, 1, 8),
            ("timeout_ms", self.timeout_ms, 10, 60_000),
            ("retries", self.retries.into(), 0, 10),
            ("in_flight_per_device", self.in_flight_per_device as u64, 1, 64),
            ("in_flight", self.in_flight as u64, 1, 8_192),
            ("requests_per_second", self.requests_per_second, 10, 10_000_000),
            ("soft_deadline_permille", self.soft_deadline_permille, 100, 900),
            ("deadline_permille", self.deadline_permille, self.soft_deadline_permille, 950),
            ("icmp_echoes", self.icmp_echoes.into(), 1, 20),
            ("icmp_timeout_ms", self.icmp_timeout_ms, 10, 60_000),
            ("buffer_ms", self.buffer_ms, 1_000, 3_600_000),
            ("buffer_polls", self.buffer_polls as u64, 1, 1_000_000),
            ("max_devices", self.max_devices as u64, 1, 1_000_000),
        ];
        for (key, value, low, high) in bounds {
            if !(low..=high).contains(&value) {
                let problem = format!("{value} is out of range; use {low} to {high}");
                return Err(ConnectorError::Config { key, problem });
            }
        }
        Ok(())
    }
}
