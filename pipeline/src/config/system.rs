//! What is expected of the system's processes, and who this one is.

use std::path::PathBuf;

use serde::Deserialize;

use super::{Config, ConfigError, wrong};
use crate::topology::Role;

/// The command line's token, in the state folder unless it is somewhere else.
const TOKEN_FILE: &str = "cli-token";
/// How long a process that is gone may be shown, s: least and most.
const KEEP_GONE_S: (i64, i64) = (30, 30 * 86_400);

/// What the system is made of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct SystemConfig {
    pub expected_roles: String,
    pub keep_gone_s: i64,
}

impl SystemConfig {
    /// Whether something is wrong when no process runs a role.
    pub fn expects(&self, role: &str) -> bool {
        self.expected_roles.is_empty() || self.roles().any(|it| it == role)
    }

    fn roles(&self) -> impl Iterator<Item = &str> {
        self.expected_roles.split(',').map(str::trim).filter(|role| !role.is_empty())
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let (least, most) = KEEP_GONE_S;
        if !(least..=most).contains(&self.keep_gone_s) {
            let error = format!("{} is not between {least} and {most}", self.keep_gone_s);
            return Err(wrong("system.keep_gone_s", error));
        }
        let known = Role::ALL.map(Role::name);
        let Some(role) = self.roles().find(|role| !known.contains(role)) else { return Ok(()) };
        let error = format!("{role:?} is no role; there are {}", known.join(", "));
        Err(wrong("system.expected_roles", error))
    }
}

impl Config {
    /// The name of this process among others of its kind.
    pub fn instance(&self) -> String {
        if self.instance.is_empty() { host() } else { self.instance.clone() }
    }

    /// Where the token lies that lets the command line in.
    pub fn token_file(&self) -> PathBuf {
        let shared = &self.api.token_file;
        if shared.as_os_str().is_empty() { self.state_dir.join(TOKEN_FILE) } else { shared.clone() }
    }
}

/// The name of this machine.
pub fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_else(|_| "opsconductor".to_owned())
}
