//! What a lab consists of.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::fault::ScriptEvent;

/// Agents a lab may have.
pub const MAX_DEVICES: usize = 100_000;
/// Interfaces a generated device may have.
pub const MAX_INTERFACES: usize = 32_768;
/// Worker threads.
pub const MAX_WORKERS: usize = 16;
/// The largest UDP payload over IPv4.
pub const MAX_RESPONSE_BYTES: usize = 65_507;
/// The smallest answer every SNMP entity takes (RFC 3417, 3.2).
pub const MIN_RESPONSE_BYTES: usize = 484;

/// A whole lab. Values are pure functions of seed, device, instance and time since the epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LabConfig {
    /// Seed of all values and choices.
    pub seed: u64,
    /// Threads that answer, 1 to [`MAX_WORKERS`].
    pub workers: usize,
    /// Length of a traffic day, seconds; 86400 is real.
    pub day_seconds: u32,
    /// Answers stay within so many octets ([`MIN_RESPONSE_BYTES`] to [`MAX_RESPONSE_BYTES`]).
    pub max_response_bytes: usize,
    /// When all devices booted, Unix ms. Without it the epoch of `state_path`, else one that
    /// is 30 to 60 days back and the same for every start within 30 days.
    pub epoch_unix_ms: Option<u64>,
    /// The devices.
    pub devices: Vec<DeviceConfig>,
    /// What goes wrong and when.
    pub script: Vec<ScriptEvent>,
    /// Where answers with a serial are listed.
    pub ledger: LedgerConfig,
    /// A file that keeps reboots, resets and renumberings over a restart of the lab; without
    /// it devices come back as if nothing had happened.
    pub state_path: Option<PathBuf>,
}

impl Default for LabConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            workers: 1,
            day_seconds: 86_400,
            max_response_bytes: 1_400,
            epoch_unix_ms: None,
            devices: Vec::new(),
            script: Vec::new(),
            ledger: LedgerConfig::default(),
            state_path: None,
        }
    }
}

/// Where the ledger is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LedgerConfig {
    /// The last so many entries in memory.
    Ring {
        /// Entries kept, at most [`crate::ledger::MAX_RING_ENTRIES`].
        capacity: usize,
    },
    /// A text file, appended to.
    File {
        /// The file.
        path: PathBuf,
        /// Past this size answers with a serial are withheld, so that the ledger stays a
        /// superset of what was sent.
        max_bytes: u64,
    },
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self::Ring { capacity: 65_536 }
    }
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceConfig {
    /// Unique; sysName of a generated device.
    pub name: String,
    /// Within 127.0.0.0/8, port above 1023.
    pub address: SocketAddrV4,
    /// The only community answered to.
    pub community: String,
    /// Its rows.
    pub content: Content,
    /// sysLocation of a generated device.
    #[serde(default)]
    pub location: String,
    /// For the inventory.
    #[serde(default)]
    pub site: String,
    /// For the inventory: which collector profile fits.
    #[serde(default)]
    pub profile: String,
    /// Whether it has [`crate::SERIAL_OID`].
    #[serde(default = "yes")]
    pub serial: bool,
}

fn yes() -> bool {
    true
}

/// Where a device's rows come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// Made by the lab.
    Generated {
        /// What it plays.
        make: Make,
        /// Its interfaces, at most [`MAX_INTERFACES`]; ifIndex follows the order.
        interfaces: Vec<InterfaceSpec>,
    },
    /// A `.snmprec` file.
    Walk {
        /// The file.
        path: PathBuf,
        /// Whether sysUpTime and counters go on from their recorded values.
        #[serde(default)]
        animate: bool,
        /// Whether wrong lines are left out and listed in [`crate::Lab::skipped_lines`]
        /// instead of stopping the start.
        #[serde(default)]
        lenient: bool,
    },
}

/// What a generated device plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Make {
    /// A router: ifIndex from 1.
    Router,
    /// An Ethernet switch: ifIndex from 1.
    Switch,
    /// A packet-optical switch with WWP-LEOS transceiver rows: ifIndex = 10000 + port.
    Optical,
}

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InterfaceSpec {
    /// ifName, unique on the device.
    pub name: String,
    /// ifAlias.
    #[serde(default)]
    pub alias: String,
    /// Nominal speed, Mbit/s.
    pub speed_mbps: u32,
    /// Mean traffic of the day as permille of the speed, each way; 0 for idle.
    pub load_permille: u16,
    /// ifAdminStatus up.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// What the inventory says of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryEntry {
    /// The device's name.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its UDP port.
    pub port: u16,
    /// Its community.
    pub community: String,
    /// Which collector profile fits.
    pub profile: String,
    /// Its site.
    pub site: String,
}

/// A configuration that cannot be started; the text names the field and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("lab configuration: {field}: {problem}")]
pub struct ConfigError {
    /// The field, with the device's name where it belongs to one.
    pub field: String,
    /// What is wrong and how to fix it.
    pub problem: String,
}

impl LabConfig {
    /// Checks all that needs no file and no socket.
    pub fn check(&self) -> Result<(), ConfigError> {
        let bounds = [
            ("workers", self.workers, 1, MAX_WORKERS),
            ("max_response_bytes", self.max_response_bytes, MIN_RESPONSE_BYTES, MAX_RESPONSE_BYTES),
            ("devices", self.devices.len(), 1, MAX_DEVICES),
            ("day_seconds", self.day_seconds as usize, 60, 86_400 * 7),
            ("script", self.script.len(), 0, crate::fault::MAX_SCRIPT_EVENTS),
        ];
        for (field, value, low, high) in bounds {
            if !(low..=high).contains(&value) {
                let problem = format!("{value} is out of range; use {low} to {high}");
                return Err(ConfigError { field: field.into(), problem });
            }
        }
        let (mut names, mut addresses) = (std::collections::HashSet::new(), vec![]);
        for device in &self.devices {
            device.check()?;
            if !names.insert(device.name.as_str()) {
                return Err(device.wrong("name", "used twice; give every device its own".into()));
            }
            addresses.push(device.address);
        }
        addresses.sort_unstable();
        if let Some([twice, _]) = addresses.array_windows().find(|[a, b]| a == b) {
            let problem = format!("{twice} used twice; give every device its own");
            return Err(ConfigError { field: "devices: address".into(), problem });
        }
        Ok(())
    }
}

impl DeviceConfig {
    fn wrong(&self, field: &str, problem: String) -> ConfigError {
        ConfigError { field: format!("device `{}`: {field}", self.name), problem }
    }

    fn check(&self) -> Result<(), ConfigError> {
        if !self.address.ip().is_loopback() {
            return Err(self.wrong("address", "outside 127.0.0.0/8; use a loopback address".into()));
        }
        if self.address.port() < 1024 {
            return Err(self.wrong("address", "needs root; use a port above 1023".into()));
        }
        let texts =
            [("name", &self.name), ("community", &self.community), ("location", &self.location)];
        if let Some((field, _)) = texts.iter().find(|(_, text)| text.len() > 255) {
            return Err(self.wrong(field, "over 255 octets; shorten it".into()));
        }
        if self.name.is_empty() || self.name.contains(char::is_whitespace) {
            return Err(self.wrong("name", "empty or with spaces; use letters and digits".into()));
        }
        match &self.content {
            Content::Generated { interfaces, .. } => self.check_interfaces(interfaces),
            Content::Walk { .. } => Ok(()),
        }
    }

    fn check_interfaces(&self, interfaces: &[InterfaceSpec]) -> Result<(), ConfigError> {
        if interfaces.len() > MAX_INTERFACES {
            return Err(self.wrong("interfaces", format!("over {MAX_INTERFACES}; use fewer")));
        }
        let mut names = std::collections::HashSet::new();
        for interface in interfaces {
            let field = format!("interface `{}`", interface.name);
            if !names.insert(&interface.name) {
                return Err(self.wrong(&field, "name used twice".into()));
            }
            if interface.name.len() > 255 || interface.alias.len() > 255 {
                return Err(self.wrong(&field, "name or alias over 255 octets; shorten".into()));
            }
            if interface.load_permille > 450 {
                let problem = "load_permille over 450 would pass the speed at the peak; use less";
                return Err(self.wrong(&field, problem.into()));
            }
        }
        Ok(())
    }
}
