//! Configuration: the commented defaults ← a file ← the environment. Unknown keys are errors that
//! say where they stand.

#[cfg(test)]
mod fuzz;
mod layers;
mod names;
mod system;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;
use toml::{Table, Value};

use self::layers::{keys_of, merge, set};
pub use self::system::{SystemConfig, host};

/// The commented defaults, as `opsconductor config` prints them.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Everything that can be set. The meaning of each key stands in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Config {
    pub state_dir: PathBuf,
    pub instance: String,
    pub log: LogConfig,
    pub database: DatabaseConfig,
    pub vault: VaultConfig,
    pub poller: PollerConfig,
    pub processor: ProcessorConfig,
    pub api: ApiConfig,
    pub inventory: InventoryConfig,
    pub demo: DemoConfig,
    pub telemetry: TelemetryConfig,
    pub system: SystemConfig,
}

/// Which event log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum LogKind {
    Embedded,
    Kafka,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct LogConfig {
    pub kind: LogKind,
    pub partitions: i32,
    pub embedded: EmbeddedConfig,
    pub kafka: KafkaConfig,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct EmbeddedConfig {
    pub group_commit_ms: u64,
    pub max_retention_hours: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct KafkaConfig {
    pub bootstrap: String,
    pub prefix: String,
    pub replication: i32,
    /// Secrets among them: never printed.
    pub properties: BTreeMap<String, SecretString>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DatabaseConfig {
    pub url: SecretString,
    pub max_connections: u32,
    pub keep_raw_days: u32,
    pub keep_5m_days: u32,
    pub keep_1h_days: u32,
    pub keep_1d_days: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct VaultConfig {
    pub key_file: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct PollerConfig {
    pub profiles_dir: String,
    pub keep_polls_s: u64,
    pub timeout_ms: u64,
    pub retries: u32,
    pub in_flight_per_device: usize,
    pub requests_per_second: u64,
    pub icmp_echoes: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ProcessorConfig {
    pub threads: usize,
    pub commit_interval_ms: i64,
    pub snapshot_interval_ms: i64,
    pub tick_interval_ms: i64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ApiConfig {
    pub listen: String,
    pub token_file: PathBuf,
    pub drain_s: u64,
    pub public_origin: String,
    pub open_metrics_on_loopback: bool,
    pub secure_cookie: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct InventoryConfig {
    pub file: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct DemoConfig {
    pub enabled: bool,
    pub interval_ms: i64,
    pub port: u16,
    pub script: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Format {
    Text,
    Json,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct TelemetryConfig {
    pub listen: String,
    pub format: Format,
    pub filter: String,
}

/// What is wrong with the configuration, where, and the remedy.
#[derive(Debug, thiserror::Error)]
#[error("configuration, {place}: {error}")]
pub struct ConfigError {
    /// A file, an environment variable, or a key.
    pub place: String,
    /// What is wrong.
    pub error: String,
}

fn wrong(place: impl Into<String>, error: impl ToString) -> ConfigError {
    ConfigError { place: place.into(), error: error.to_string() }
}

/// Where in a file and why, without the line itself: there may be a password in it.
fn at(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let (line, start) = (before.matches('\n').count() + 1, before.rfind('\n').map_or(0, |n| n + 1));
    let column = before[start..].chars().count() + 1;
    format!("line {line}, column {column}: {}", error.message().replace('\n', " "))
}

fn address(key: &str, text: &str) -> Result<(), ConfigError> {
    let parsed = text.parse::<std::net::SocketAddr>();
    parsed.map(drop).map_err(|error| wrong(key, format!("{text:?} is not address:port: {error}")))
}

/// Scheme, host and perhaps a port, as a browser sends it.
fn is_origin(text: &str) -> bool {
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    authority.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']))
}

impl Config {
    /// Reads the file (if any) and the environment over the defaults.
    ///
    /// # Errors
    /// [`ConfigError`] naming file and line, variable or key.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let file = match file {
            Some(path) => {
                let place = path.display().to_string();
                let text = std::fs::read_to_string(path).map_err(|error| wrong(&place, error))?;
                Some((place, text))
            }
            None => None,
        };
        Self::lay(file, environment)
    }

    /// Lays a file's text (with its name) and the environment over the defaults.
    fn lay(
        file: Option<(String, String)>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut merged: Table =
            DEFAULTS.parse().map_err(|error| wrong("built-in defaults", error))?;
        let defaults = merged.clone();
        if let Some((place, text)) = file {
            let table: Table = text.parse().map_err(|error| wrong(&place, at(&text, &error)))?;
            merge(&mut merged, table, &defaults, &place, "")?;
        }
        let mut variables: Vec<_> = environment.into_iter().collect();
        variables.sort();
        for (name, value) in variables {
            let place = format!("environment variable {name}");
            for (key, fixed) in keys_of(&name).map_err(|error| wrong(&place, error))? {
                let value = fixed.map_or(value.as_str(), |fixed| fixed);
                set(&mut merged, &key, value, &defaults, &place)?;
            }
        }
        let config: Self = Value::Table(merged).try_into().map_err(|error: toml::de::Error| {
            wrong("after file and environment", error.message())
        })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let range = |key: &str, value: i64, low: i64, high: i64| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(wrong(key, format!("{value} is not between {low} and {high}")))
            }
        };
        range("log.partitions", i64::from(self.log.partitions), 1, 1024)?;
        range("log.kafka.replication", i64::from(self.log.kafka.replication), 0, 9)?;
        range("demo.interval_ms", self.demo.interval_ms, 500, 86_400_000)?;
        range("demo.port", i64::from(self.demo.port), 1_024, 65_535)?;
        range("poller.keep_polls_s", self.poller.keep_polls_s as i64, 1, 3_600)?;
        let poller = &self.poller;
        range("poller.timeout_ms", poller.timeout_ms as i64, 10, 60_000)?;
        range("poller.retries", poller.retries.into(), 0, 10)?;
        range("poller.in_flight_per_device", poller.in_flight_per_device as i64, 1, 64)?;
        range("poller.requests_per_second", poller.requests_per_second as i64, 10, 10_000_000)?;
        range("poller.icmp_echoes", poller.icmp_echoes.into(), 1, 20)?;
        range("processor.threads", self.processor.threads as i64, 0, 256)?;
        range("processor.commit_interval_ms", self.processor.commit_interval_ms, 0, 60_000)?;
        range(
            "processor.snapshot_interval_ms",
            self.processor.snapshot_interval_ms,
            1_000,
            300_000,
        )?;
        range("processor.tick_interval_ms", self.processor.tick_interval_ms, 100, 60_000)?;
        range("database.max_connections", i64::from(self.database.max_connections), 2, 1_000)?;
        if self.log.kind == LogKind::Kafka && self.log.kafka.bootstrap.is_empty() {
            return Err(wrong(
                "log.kafka.bootstrap",
                "log.kind is \"kafka\" but no broker is named (OPSC_KAFKA=host:9092)",
            ));
        }
        range("api.drain_s", self.api.drain_s as i64, 0, 300)?;
        self.system.check()?;
        address("api.listen", &self.api.listen)?;
        if !self.telemetry.listen.is_empty() {
            address("telemetry.listen", &self.telemetry.listen)?;
        }
        let origin = &self.api.public_origin;
        if !origin.is_empty() && !is_origin(origin) {
            let error = format!("{origin:?} is no origin; give one like https://noc.example.net");
            return Err(wrong("api.public_origin", error));
        }
        Ok(())
    }

    /// Where the vault's master key lies.
    pub fn vault_key(&self) -> vault::KeyFile {
        vault::KeyFile::at(match self.vault.key_file.as_str() {
            "" => self.state_dir.join("vault.key"),
            file => PathBuf::from(file),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, file).unwrap();
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Config::load(Some(&path), variables).map_err(|error| error.to_string())
    }

    fn check(file: &str, variables: &[(&str, &str)], expected: &[&str]) {
        let error = load(file, variables).unwrap_err();
        for part in expected {
            assert!(error.contains(part), "{error:?} lacks {part:?}");
        }
    }

    #[test]
    fn file_then_environment() {
        let file = "[api]\nlisten = \"0.0.0.0:80\"\n[log.kafka.properties]\n\"linger.ms\" = 5\n";
        let variables =
            [("OPSC_KAFKA", "b:9092"), ("OPSC__PROCESSOR__THREADS", "3"), ("OPSC_DEMO", "1")];
        let config = load(file, &variables).unwrap();
        assert_eq!(config.api.listen, "0.0.0.0:80");
        assert_eq!((config.log.kind, config.processor.threads), (LogKind::Kafka, 3));
        assert!(config.demo.enabled);
        assert!(config.log.kafka.properties.contains_key("linger.ms"));
        for name in ["SASL.MECHANISM", "SASL_MECHANISM"] {
            let name = format!("OPSC__LOG__KAFKA__PROPERTIES__{name}");
            let config = load("", &[(&name, "PLAIN")]).unwrap();
            assert!(config.log.kafka.properties.contains_key("sasl.mechanism"));
        }
    }

    #[test]
    fn mistakes_are_named() {
        check("[api]\nlisen = \"x\"\n", &[], &["config.toml", "api.lisen", "listen"]);
        check("[api]\nlisten = 5\n", &[], &["api.listen", "integer", "string"]);
        check("[api\n", &[], &["config.toml", "line 1, column"]);
        let nested = "[log.kafka.properties]\nsasl.password = \"x\"\n";
        check(nested, &[], &["config.toml", "log.kafka.properties.sasl", "\"sasl.mechanism\""]);
        check("", &[("OPSC__API__LISEN", "x")], &["OPSC__API__LISEN", "api.lisen"]);
        check("", &[("OPSC__PROCESSOR__THREADS", "many")], &["\"many\"", "integer"]);
        check("[api]\nlisten = \"nowhere\"\n", &[], &["api.listen", "nowhere"]);
        check("[telemetry]\nlisten = \"9464\"\n", &[], &["telemetry.listen", "9464"]);
        for origin in ["noc.example.net", "https://noc.example.net/", "https://"] {
            let file = format!("[api]\npublic_origin = {origin:?}\n");
            check(&file, &[], &["api.public_origin", origin, "https://noc.example.net"]);
        }
        check("[log]\nkind = \"kafka\"\n", &[], &["log.kafka.bootstrap", "OPSC_KAFKA"]);
        check("[log]\npartitions = 0\n", &[], &["log.partitions", "0"]);
        let roles = [("OPSC__SYSTEM__EXPECTED_ROLES", "process, sinks")];
        check("", &roles, &["system.expected_roles", "\"sinks\" is no role", "connect, api"]);
        check("[poller]\ntimeout_ms = 5\n", &[], &["poller.timeout_ms", "between 10 and 60000"]);
        for unknown in ["OPSC_LISTN", "OPSC_STATEDIR", "OPSC_", "OPSC_API__LISTEN"] {
            check("", &[(unknown, "x")], &[unknown, "nobody reads it", "OPSC_LISTEN"]);
        }
    }

    /// Scripts start the program with their own variables in its environment.
    #[test]
    fn every_variable_of_the_scripts_is_known() {
        let mut texts = Vec::new();
        let mut folders = vec![Path::new("../scripts").to_owned(), "../frontend/e2e".into()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => texts.push(std::fs::read_to_string(path).unwrap_or_default()),
                }
            }
        }
        let text = texts.join("\n");
        let of_a_name =
            |letter: char| letter.is_ascii_uppercase() || "_0123456789".contains(letter);
        let mut names: Vec<&str> =
            text.split(|letter| !of_a_name(letter)).filter(|n| n.starts_with("OPSC_")).collect();
        names.retain(|name| !name.ends_with('_') && !name.starts_with("OPSC__"));
        assert!(names.len() > 50);
        for name in names {
            assert!(keys_of(name).is_ok(), "{name}: to be named in config/layers.rs");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let variables = [("DATABASE_URL", "postgres://u:hunter2@h/d")];
        let config = load("[log.kafka.properties]\n\"sasl.password\" = \"hunter2\"\n", &variables);
        assert!(!format!("{config:?}").contains("hunter2"));
        for mistake in [
            "[database]\nurl = \"postgres://u:hunter2@h/d\n",
            "[database]\nurl = postgres://u:hunter2@h/d\n",
            "[database]\nurl = [\"hunter2\"]\n",
            "[log.kafka.properties]\nsasl.password = \"hunter2\"\n",
            "[log.kafka.properties]\n\"sasl.password\" = [\"hunter2\"]\n",
        ] {
            let error = load(mistake, &[]).unwrap_err();
            assert!(error.contains("config.toml") && !error.contains("hunter2"), "{error}");
        }
    }
}
