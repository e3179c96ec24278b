//! What all workers and the handle share.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::config::LabConfig;
use crate::device::Device;
use crate::fault::{Fault, FaultError};
use crate::ledger::Ledger;
use crate::noise::{Tick, join, mix};
use crate::stats::Counters;

use super::LabError;
use super::keeping::{self, Kept};

/// A period of the default epoch: 30 days.
const EPOCH_STEP_MS: u64 = 30 * 86_400_000;
/// 2025-01-01, where serials without a ledger file start to count.
const SERIAL_ORIGIN_S: u64 = 1_735_689_600;

/// Scrambles the one u64 that an address and port make.
#[derive(Debug, Default)]
pub(crate) struct MixHasher(u64);

impl Hasher for MixHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, byte| mix(sum ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = mix(value);
    }
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) devices: Vec<Device>,
    by_address: HashMap<u64, usize, BuildHasherDefault<MixHasher>>,
    pub(crate) max_response_bytes: usize,
    /// The next serial.
    pub(crate) serial: AtomicU64,
    pub(crate) ledger: Ledger,
    pub(crate) counters: Counters,
    pub(crate) stop: AtomicBool,
    pub(crate) epoch_unix_ms: u64,
    /// Picks made for `?` by [`crate::Lab::inject`].
    pub(crate) picks: AtomicU64,
    pub(crate) seed: u64,
    pub(crate) day_seconds: u32,
    started: Instant,
    started_ms: u64,
}

fn key(address: Ipv4Addr, port: u16) -> u64 {
    u64::from(u32::from(address)) << 16 | u64::from(port)
}

impl Shared {
    pub(crate) fn new(
        config: &LabConfig,
        devices: Vec<Device>,
        ledger: Ledger,
        last_serial: Option<u64>,
    ) -> Result<Self, LabError> {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = unix.as_millis() as u64;
        let kept = match &config.state_path {
            Some(path) => keeping::load(path)?,
            None => None,
        };
        // A day starts with the epoch, so the default is a midnight (UTC).
        let stepped = (now_ms / EPOCH_STEP_MS).saturating_sub(1) * EPOCH_STEP_MS;
        let kept_epoch = kept.as_ref().map(|kept| kept.epoch_unix_ms);
        let epoch_unix_ms = config.epoch_unix_ms.or(kept_epoch).unwrap_or(stepped);
        // Fresh after every start, and far below 2^53, where floats stop counting.
        let origin = unix.as_secs().saturating_sub(SERIAL_ORIGIN_S) << 20;
        let serial = AtomicU64::new(last_serial.map_or(origin.max(1), |last| last + 1));
        let addressed = devices.iter().enumerate();
        let by_address = addressed
            .map(|(at, device)| (key(*device.address.ip(), device.address.port()), at))
            .collect();
        let shared = Self {
            devices,
            by_address,
            max_response_bytes: config.max_response_bytes,
            serial,
            ledger,
            counters: Counters::default(),
            stop: AtomicBool::new(false),
            epoch_unix_ms,
            picks: AtomicU64::new(0),
            seed: config.seed,
            day_seconds: config.day_seconds,
            started: Instant::now(),
            started_ms: now_ms.saturating_sub(epoch_unix_ms),
        };
        shared.restore(kept);
        Ok(shared)
    }

    fn restore(&self, kept: Option<Kept>) {
        let Some(kept) = kept else { return };
        let tick = self.tick();
        for device in kept.fitting(self) {
            let (device, kept) = device;
            // One of another shape is a device that was replaced: it starts afresh.
            device.lock().restore(kept, device, &tick);
        }
    }

    /// Milliseconds since the epoch. Goes on steadily when the system's clock is stepped.
    pub(crate) fn now_ms(&self) -> u64 {
        self.started_ms + self.started.elapsed().as_millis() as u64
    }

    /// Milliseconds since the epoch when the lab started.
    pub(crate) fn started_ms(&self) -> u64 {
        self.started_ms
    }

    pub(crate) fn tick(&self) -> Tick {
        Tick::new(self.now_ms(), f64::from(self.day_seconds))
    }

    pub(crate) fn device_at(&self, address: Ipv4Addr, port: u16) -> Option<&Device> {
        self.devices.get(*self.by_address.get(&key(address, port))?)
    }

    /// The devices that a selector means; `roll` decides for `?`.
    pub(crate) fn select(&self, selector: &str, roll: u64) -> Result<Vec<&Device>, FaultError> {
        let (pick, pattern) = match selector.strip_prefix('?') {
            Some("") => (true, "*"),
            Some(pattern) => (true, pattern),
            None => (false, selector),
        };
        let fits = |device: &&Device| match pattern.strip_suffix('*') {
            Some(start) => device.name.starts_with(start),
            None => device.name == pattern,
        };
        let found: Vec<&Device> = self.devices.iter().filter(fits).collect();
        if found.is_empty() {
            let names: Vec<&str> =
                self.devices.iter().take(8).map(|device| device.name.as_str()).collect();
            let known = names.join(", ");
            return Err(FaultError::NoDevice { device: selector.to_owned(), known });
        }
        Ok(if pick { vec![found[join(self.seed, roll) as usize % found.len()]] } else { found })
    }

    /// Carries out a fault at `at_ms` of the lab's clock on all devices meant; the first
    /// that cannot do it is the error, the others have it.
    pub(crate) fn inject(
        &self,
        selector: &str,
        fault: &Fault,
        for_ms: Option<u64>,
        at_ms: u64,
        roll: u64,
    ) -> Result<(), FaultError> {
        let mut result = Ok(());
        for device in self.select(selector, roll)? {
            let done = device.lock().inject(device, fault, for_ms, at_ms);
            result = result.and(done);
        }
        result
    }
}
