//! The command line.

mod check;
mod config;
mod credential;
mod device;
mod listing;
mod remote;
mod topics;
mod vault;

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand};

use crate::bench::{self, Bench, Scale};
use crate::config::Config;
use crate::system::{self, Role};

/// Network operations as a stream-processing pipeline.
#[derive(Parser)]
#[command(
    name = "opsconductor",
    version,
    about = "Polls a network, computes rates, roll-ups, baselines and anomalies as a stream, \
             keeps them in TimescaleDB and shows them in a browser.",
    after_help = "\
First steps:
  make run                                 in the source folder: builds, starts a private database,
                                           then `opsconductor run`
  opsconductor run                         everything in one process, on the embedded log; needs a
                                           database: DATABASE_URL=postgres://user@host/name
  opsconductor credential add lab-v2c      asks for the SNMP community (never an argument)
  opsconductor device add 192.0.2.10 --profile auto --credential lab-v2c
  opsconductor check                       tries every setting and connection, and explains

On a Kafka cluster, in any number and on any host:
  OPSC_KAFKA=broker:9092 opsconductor topics plan | apply
  OPSC_KAFKA=broker:9092 DATABASE_URL=postgres://… opsconductor connect | process | sink | api
  Every process needs a name that no other of its role has, and keeps it over restarts. It is the
  host's name; for several of one role on a host give each its own: OPSC_INSTANCE=host-2.
  All of role `connect` need the same vault.key: OPSC_VAULT_KEY_FILE, docs/SECURITY.md.
  Metrics and health of a process without `api`: OPSC__TELEMETRY__LISTEN=0.0.0.0:9464.

Settings: `opsconductor config` prints all of them with their defaults and meaning.
Devices and device groups as a file: `opsconductor config export`, `config plan` and `config apply`."
)]
pub struct Cli {
    /// Configuration file [default: config.toml in the state folder, if there is one]
    #[arg(long, short, global = true, env = "OPSC_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs all roles in one process
    Run,
    /// Runs pollers only: shares the devices with all other pollers
    Connect,
    /// Runs processors only: rates, roll-ups, baselines, anomalies, availability
    Process,
    /// Runs sinks only: the log's records into the database
    Sink,
    /// Runs the API and the web interface only
    Api,
    /// Makes or updates the database's tables, then ends
    Migrate,
    /// Computes roll-ups anew from the samples in the database: after samples came later than
    /// an hour (counted as late_sample in /metrics), which the stream no longer adds
    Rebuild {
        /// First hour, e.g. 2026-11-20T08:00:00Z
        #[arg(long, value_parser = instant, value_name = "TIME")]
        from: DateTime<Utc>,
        /// End [default: two hours ago, up to where the stream is done]
        #[arg(long, value_parser = instant, value_name = "TIME")]
        to: Option<DateTime<Utc>>,
    },
    /// Tries every setting and connection, and says what to fix
    Check,
    /// Prints every setting with its default and meaning; with a command, devices and device groups
    /// of a running system as a file
    Config {
        #[command(flatten)]
        remote: RemoteArgs,
        #[command(subcommand)]
        command: Option<config::ConfigCommand>,
    },
    /// Prints every metric of `/metrics` with its type, labels and meaning
    Metrics,
    /// Prints the topics and who reads and writes them, as a Mermaid diagram
    Topology,
    /// The topics of a Kafka cluster: what is missing or other than it must be
    #[command(after_help = "\
Every role makes the topics that are missing when it starts. Where it may not (no right to Create),
or to look before the first start, an administrator does it with the same configuration:

  OPSC_KAFKA=broker:9092 opsconductor topics plan     shows, changes nothing
  OPSC_KAFKA=broker:9092 opsconductor topics apply    creates what is missing

A topic that is there is compared, never changed: one that would lose or misplace records is
refused with the reason and the line that fixes it, and then nothing is created. Partitions come
from log.partitions, names from log.kafka.prefix, replicas from log.kafka.replication (three, two
of them in sync, where the cluster has three brokers). The exit code is 1 when something is
refused. Rights, SASL and TLS: docs/KAFKA.md.")]
    Topics {
        #[command(subcommand)]
        command: TopicsCommand,
    },
    /// Measures what the program does on this machine
    Bench {
        /// What to measure
        #[arg(value_enum)]
        bench: Bench,
        /// One JSON document a measurement instead of lines
        #[arg(long)]
        json: bool,
        /// How much of it: 0.01 for a glance
        #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
        scale: f64,
    },
    /// Runs a simulated network for a measurement: its configuration comes as one line of JSON
    /// on standard input, and it answers until that ends
    #[command(hide = true)]
    Lab,
    /// The key that opens credentials: works on the database and the key file themselves
    #[command(after_help = "\
Run it where a process of role connect runs, as its user, with the same configuration: there the key
file is. The system may run meanwhile. docs/SECURITY.md has more.")]
    Vault {
        #[command(subcommand)]
        command: vault::VaultCommand,
    },
    /// Devices of a running system
    Device {
        #[command(flatten)]
        remote: RemoteArgs,
        #[command(subcommand)]
        command: DeviceCommand,
    },
    /// Makes a new one-time password for the administrator of a running system, who lost the old
    /// one; signs everybody out
    Password {
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Credentials of a running system
    Credential {
        #[command(flatten)]
        remote: RemoteArgs,
        #[command(subcommand)]
        command: CredentialCommand,
    },
}

/// Where the running system is.
#[derive(Args)]
struct RemoteArgs {
    /// Address of its API, e.g. http://127.0.0.1:5000 [default: as the configuration says]
    #[arg(long, env = "OPSC_URL", value_name = "URL")]
    url: Option<String>,
    /// File with the token that `run` and `api` make [default: api.token_file, else cli-token in
    /// the state folder]
    #[arg(long, env = "OPSC_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

#[derive(Subcommand)]
enum DeviceCommand {
    /// Adds a device, or changes of the one with this address and port what is given
    Add(DeviceArgs),
    /// Lists devices, what is wrong first
    List,
    /// Removes a device; its history stays
    Remove {
        /// Id, name, address, or address:port as `list` prints it
        device: String,
    },
}

/// A device to add.
#[derive(Args)]
struct DeviceArgs {
    /// IP address (a link-local one with its zone, fe80::1%eth0) or host name
    #[arg(value_parser = address)]
    address: schemas::Address,
    /// Display name [default: the address]
    #[arg(long)]
    name: Option<String>,
    /// SNMP UDP port; with the address it says which device is meant
    #[arg(long, default_value_t = 161)]
    port: u16,
    /// Polling profile; auto chooses by what the device says it is [default: auto]
    #[arg(long)]
    profile: Option<String>,
    /// Name of a credential made by `credential add`
    #[arg(long)]
    credential: Option<String>,
    /// Where it stands
    #[arg(long)]
    site: Option<String>,
    /// Seconds between two polls, 1 to 86400 [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = device::interval)]
    interval: Option<i64>,
    /// Ping it [default]
    #[arg(long, overrides_with = "no_icmp")]
    icmp: bool,
    /// Do not ping it
    #[arg(long, overrides_with = "icmp")]
    no_icmp: bool,
    /// Take SNMP answers from another address than the one asked
    #[arg(long, value_name = "BOOL")]
    any_source: Option<bool>,
    /// Echo requests a poll, 1 to 20 [default: as the pollers are configured]
    #[arg(long, value_name = "COUNT")]
    icmp_echoes: Option<i64>,
    /// Milliseconds between echo requests, up to 10000
    #[arg(long, value_name = "MS")]
    icmp_spacing: Option<i64>,
    /// Milliseconds that the last echo reply is waited for, 10 to 60000
    #[arg(long, value_name = "MS")]
    icmp_timeout: Option<i64>,
}

#[derive(Clone, Subcommand)]
enum TopicsCommand {
    /// Shows what would be created, what is as it must be, and what is refused and why
    Plan,
    /// Creates what is missing; nothing when something is refused
    Apply,
    /// Has a component that stands still before records that were deleted go on with the oldest
    /// one there is; the refusal it printed names both
    BeginAtOldest {
        /// The topic with the component's state
        #[arg(value_name = "STATE-TOPIC")]
        state_topic: String,
        /// The partition of its input
        partition: i32,
    },
}

#[derive(Subcommand)]
enum CredentialCommand {
    /// Makes or replaces a credential: asks for its secrets, or reads them from standard input, one
    /// a line
    Add {
        /// What devices refer to
        name: String,
        #[command(flatten)]
        kind: credential::KindArgs,
    },
    /// Lists names and kinds; secrets are never shown
    List,
    /// Removes a credential
    Remove {
        /// Its name
        name: String,
    },
}

fn address(text: &str) -> Result<schemas::Address, String> {
    text.parse().map_err(|error: schemas::AddressError| error.problem.to_owned())
}

fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    text.parse().map_err(|_| "no time; give one like 2026-11-20T08:00:00Z (RFC 3339)".to_owned())
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("opsconductor: {error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error>;

fn load(file: Option<PathBuf>) -> Result<Config, Failure> {
    let variables = || {
        std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
    };
    let file = match file {
        Some(file) => Some(file),
        None => {
            let usual = Config::load(None, variables())?.state_dir.join("config.toml");
            usual.exists().then_some(usual)
        }
    };
    Ok(Config::load(file.as_deref(), variables())?)
}

fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    let roles: &[Role] = match cli.command {
        Command::Config { command: None, .. } => return print(crate::config::DEFAULTS),
        Command::Config { remote, command: Some(command) } => {
            return config::run(cli.config, remote, command);
        }
        Command::Metrics => return print(&crate::families::table()),
        Command::Topology => return print(&crate::topology::mermaid()),
        Command::Run => &Role::ALL,
        Command::Connect => &[Role::Connect],
        Command::Process => &[Role::Process],
        Command::Sink => &[Role::Sink],
        Command::Api => &[Role::Api],
        Command::Migrate => {
            let config = load(cli.config)?;
            system::telemetry::init(&config.telemetry);
            return print(&runtime()?.block_on(system::database::migrate_only(&config))?);
        }
        Command::Rebuild { from, to } => {
            let config = load(cli.config)?;
            system::telemetry::init(&config.telemetry);
            return print(&runtime()?.block_on(system::database::rebuild_only(&config, from, to))?);
        }
        Command::Check => {
            let config = load(cli.config)?;
            return Ok(runtime()?.block_on(check::run(&config)));
        }
        Command::Topics { command } => {
            let config = load(cli.config)?;
            system::telemetry::init(&config.telemetry);
            return topics::run(&config, command);
        }
        Command::Bench { bench, json, scale } => {
            let config = load(cli.config)?;
            system::telemetry::init(&config.telemetry);
            bench::run(bench, &config, Scale(scale), |report| {
                let text =
                    if json { serde_json::to_string(&report) } else { Ok(report.to_string()) };
                let _ = print(&text.unwrap_or_default());
            })?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Lab => {
            bench::serve_network()?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Vault { command } => {
            let config = load(cli.config)?;
            system::telemetry::init(&config.telemetry);
            return runtime()?.block_on(vault::run(&config, command));
        }
        Command::Device { remote, command } => {
            let config = load(cli.config)?;
            let client = remote::Client::new(&config, remote.url, remote.token_file.as_deref())?;
            return print(&runtime()?.block_on(client.device(command))?);
        }
        Command::Password { remote } => {
            let config = load(cli.config)?;
            let here = remote.url.is_none();
            let client = remote::Client::new(&config, remote.url, remote.token_file.as_deref())?;
            let answer = runtime()?.block_on(client.password())?;
            if here {
                // The password in it is void; whether it was there does not matter.
                let _ = std::fs::remove_file(config.state_dir.join(system::PASSWORD_FILE));
            }
            return print(&answer);
        }
        Command::Credential { remote, command } => {
            let config = load(cli.config)?;
            let client = remote::Client::new(&config, remote.url, remote.token_file.as_deref())?;
            return print(&runtime()?.block_on(client.credential(command))?);
        }
    };
    let config = load(cli.config)?;
    system::telemetry::init(&config.telemetry);
    let runtime = runtime()?;
    system::run(&config, roles, runtime.handle())?;
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// A closed pipe (`| head`) is no failure.
fn print(text: &str) -> Result<ExitCode, Failure> {
    use std::io::Write;
    match writeln!(std::io::stdout(), "{}", text.trim_end()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(ExitCode::SUCCESS),
    }
}
