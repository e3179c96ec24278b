//! `opsconductor inventory`: all devices as a file, and a file's devices into a system.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use schemas::Device;
use serde_json::{Map, Value};

use super::remote::Client;
use super::{Failure, RemoteArgs, device, load, runtime};
use crate::system::restored;

/// Longest file read, as the inventory file's reader takes it.
const MAX_BYTES: u64 = connectors::MAX_INVENTORY_BYTES as u64;

#[derive(Subcommand)]
pub(super) enum InventoryCommand {
    /// Prints all devices as an inventory file: credentials by name, never a secret
    Export,
    /// Shows what an inventory file would change; with --yes, changes it
    #[command(after_help = "\
A device of the file is the one of the system with its name, else the one with its address and port.
Of those, all settings become the file's; what the file lacks stays, unless --prune is given. Every
credential that the file names must be in the vault.

  opsconductor inventory export > devices.txt
  opsconductor inventory import devices.txt          shows what would change
  opsconductor inventory import devices.txt --yes    changes it

With --from-database the devices come from the database, with their ids, onto an event log that
lacks them: after a restore, or when the log was lost. See docs/DATABASE.md.")]
    Import(ImportArgs),
}

#[derive(Args)]
pub(super) struct ImportArgs {
    /// Inventory file; - reads standard input
    #[arg(required_unless_present = "from_database", conflicts_with = "from_database")]
    file: Option<PathBuf>,
    /// Do it; without, it is only shown
    #[arg(long)]
    yes: bool,
    /// Remove devices that the file lacks
    #[arg(long, conflicts_with = "from_database")]
    prune: bool,
    /// Put the database's devices on an event log that lacks them
    #[arg(long)]
    from_database: bool,
}

pub(super) fn run(
    config: Option<PathBuf>,
    remote: RemoteArgs,
    command: InventoryCommand,
) -> Result<String, Failure> {
    let config = load(config)?;
    let args = match command {
        InventoryCommand::Import(args) if args.from_database => {
            crate::system::telemetry::init(&config.telemetry);
            return Ok(restored::import(&config, runtime()?.handle(), args.yes)?);
        }
        InventoryCommand::Import(args) => Some(args),
        InventoryCommand::Export => None,
    };
    let client = Client::new(&config, remote.url, remote.token_file.as_deref())?;
    let runtime = runtime()?;
    match args {
        None => runtime.block_on(export(&client)),
        Some(args) => runtime.block_on(import(&client, &args)),
    }
}

async fn export(client: &Client) -> Result<String, Failure> {
    let devices = client.devices("").await?;
    let devices = devices.iter().map(described).collect::<Result<Vec<Device>, Failure>>()?;
    Ok(connectors::render_inventory(&devices))
}

/// A device of the API's list.
fn described(listed: &Value) -> Result<Device, Failure> {
    let known: Map<String, Value> = device::FIELDS
        .iter()
        .chain(&["id"])
        .map(|field| ((*field).to_owned(), listed[*field].clone()))
        .collect();
    Ok(serde_json::from_value(Value::Object(known))?)
}

/// What the API takes of it.
fn settings(device: &Device) -> Result<Map<String, Value>, Failure> {
    let Value::Object(mut all) = serde_json::to_value(device)? else { return Ok(Map::new()) };
    all.retain(|field, value| device::FIELDS.contains(&field.as_str()) && !value.is_null());
    Ok(all)
}

/// One thing to do.
#[derive(Debug, PartialEq)]
enum Step {
    Remove { id: String },
    Change { id: String, settings: Map<String, Value> },
    Add { settings: Map<String, Value> },
}

#[derive(Debug, Default)]
struct Plan {
    /// Each with its line for the reader; removals first, they may make room.
    steps: Vec<(String, Step)>,
    same: usize,
    /// Credentials that are not in the vault.
    missing: BTreeSet<String>,
}

fn plan(
    known: &[Value],
    wanted: &[Device],
    vault: &BTreeSet<String>,
    prune: bool,
) -> Result<Plan, Failure> {
    let mut known = known.iter().map(described).collect::<Result<Vec<_>, _>>()?;
    let mut plan = Plan::default();
    let (mut changes, mut adds) = (Vec::new(), Vec::new());
    for device in wanted {
        let unknown = device.credential.iter().filter(|name| !vault.contains(*name));
        plan.missing.extend(unknown.cloned());
        let place = |it: &Device| it.address == device.address && it.port == device.port;
        let found = known
            .iter()
            .position(|it| it.name == device.name && place(it))
            .or_else(|| known.iter().position(|it| it.name == device.name))
            .or_else(|| known.iter().position(place));
        let settings = settings(device)?;
        let Some(found) = found else {
            adds.push((
                format!("add     {} ({})", device.name, device.address),
                Step::Add { settings },
            ));
            continue;
        };
        let old = known.swap_remove(found);
        let differences = differences(&self::settings(&old)?, &settings);
        if differences.is_empty() {
            plan.same += 1;
            continue;
        }
        let line = format!("change  {}: {}", old.name, differences.join(", "));
        changes.push((line, Step::Change { id: old.id.to_string(), settings }));
    }
    if prune {
        plan.steps.extend(known.iter().map(|device| {
            let line = format!("remove  {} ({})", device.name, device.address);
            (line, Step::Remove { id: device.id.to_string() })
        }));
    }
    plan.steps.extend(changes);
    plan.steps.extend(adds);
    Ok(plan)
}

fn differences(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let fields: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let text = |value: Option<&Value>| value.map_or_else(|| "none".to_owned(), Value::to_string);
    let differing = fields.into_iter().filter(|field| old.get(*field) != new.get(*field));
    differing
        .map(|field| format!("{field} {} → {}", text(old.get(field)), text(new.get(field))))
        .collect()
}

impl Plan {
    fn count(&self, of: fn(&Step) -> bool) -> usize {
        self.steps.iter().filter(|(_, step)| of(step)).count()
    }

    fn summary(&self) -> String {
        format!(
            "{} to add, {} to change, {} to remove, {} as they are",
            self.count(|step| matches!(step, Step::Add { .. })),
            self.count(|step| matches!(step, Step::Change { .. })),
            self.count(|step| matches!(step, Step::Remove { .. })),
            self.same
        )
    }
}

async fn import(client: &Client, args: &ImportArgs) -> Result<String, Failure> {
    let path = args.file.as_deref().unwrap_or(Path::new("-"));
    let wanted = read(path)?;
    let vault = client.credential_names().await?;
    let plan = plan(&client.devices("").await?, &wanted, &vault, args.prune)?;
    let lines: Vec<&str> = plan.steps.iter().map(|(line, _)| line.as_str()).collect();
    let shown = format!("{}\n{}", lines.join("\n"), plan.summary());
    let shown = shown.trim_start();
    if !plan.missing.is_empty() {
        let add = plan.missing.iter().map(|name| format!("\n  opsconductor credential add {name}"));
        let add: String = add.collect();
        return Err(format!(
            "{shown}\nnothing was changed: the vault lacks credentials that the file names:{add}"
        )
        .into());
    }
    if !args.yes {
        return Ok(format!("{shown}\nNothing was changed; --yes does it."));
    }
    super::print(shown)?;
    let mut failed = BTreeMap::new();
    for (line, step) in plan.steps {
        if let Err(error) = client.apply(step).await {
            failed.insert(line, error.to_string());
        }
    }
    if failed.is_empty() {
        return Ok("done".to_owned());
    }
    let failed: Vec<_> = failed.iter().map(|(line, error)| format!("{line}: {error}")).collect();
    Err(format!("{} of these failed:\n{}", failed.len(), failed.join("\n")).into())
}

impl Client {
    async fn apply(&self, step: Step) -> Result<(), Failure> {
        use reqwest::Method;
        const PATH: &str = "/inventory/v1/devices";
        let (method, path, body) = match step {
            Step::Remove { id } => (Method::DELETE, format!("{PATH}/{id}"), None),
            Step::Change { id, settings } => (Method::PUT, format!("{PATH}/{id}"), Some(settings)),
            Step::Add { settings } => (Method::POST, PATH.to_owned(), Some(settings)),
        };
        self.call(method, &path, body.map(Value::Object)).await.map(drop)
    }
}

fn read(path: &Path) -> Result<Vec<Device>, Failure> {
    let named = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut text = String::new();
    let from: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).map_err(named)?)
    };
    // One more than may be, so that the reader says what is too much.
    from.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(named)?;
    connectors::parse_inventory(&text, 0).map_err(|errors| {
        let lines: Vec<_> =
            errors.iter().map(|error| format!("{}: {error}", path.display())).collect();
        lines.join("\n").into()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn listed(n: u128, name: &str, address: &str) -> Value {
        json!({
            "id": uuid::Uuid::from_u128(n), "name": name, "address": address, "port": 161,
            "profile": "auto", "credential": null, "site": null, "tags": [], "enabled": true,
            "snmp": false, "icmp": true, "interval_ms": 60_000, "any_source": false,
            "icmp_echoes": null, "icmp_spacing_ms": null, "icmp_timeout_ms": null, "state": "up"
        })
    }

    fn planned(known: &[Value], file: &str, prune: bool) -> Plan {
        let wanted = connectors::parse_inventory(file, 0).unwrap();
        plan(known, &wanted, &BTreeSet::from(["lab".to_owned()]), prune).unwrap()
    }

    #[test]
    fn what_is_exported_changes_nothing() {
        let known = [listed(1, "a", "192.0.2.1"), listed(2, "b \"x\"", "192.0.2.2")];
        let devices: Vec<Device> = known.iter().map(|it| described(it).unwrap()).collect();
        let plan = planned(&known, &connectors::render_inventory(&devices), true);
        assert_eq!((plan.steps.len(), plan.same), (0, 2));
    }

    #[test]
    fn a_device_is_found_by_name_then_by_place() {
        let known =
            [listed(1, "a", "192.0.2.1"), listed(2, "b", "192.0.2.2"), listed(3, "c", "192.0.2.3")];
        let file = "192.0.2.9 name=a snmp=no\n192.0.2.2 name=new snmp=no credential=lab\n\
                    192.0.2.4 name=d snmp=no";
        let plan = planned(&known, file, true);
        let lines: Vec<&str> = plan.steps.iter().map(|(line, _)| line.as_str()).collect();
        let expected = [
            "remove  c (192.0.2.3)",
            "change  a: address \"192.0.2.1\" → \"192.0.2.9\"",
            "change  b: credential none → \"lab\", name \"b\" → \"new\"",
            "add     d (192.0.2.4)",
        ];
        assert_eq!(lines, expected);
        assert_eq!(plan.summary(), "1 to add, 2 to change, 1 to remove, 0 as they are");
        let Step::Change { id, settings } = &plan.steps[1].1 else { panic!("{plan:?}") };
        assert_eq!(*id, uuid::Uuid::from_u128(1).to_string());
        assert!(!settings.contains_key("id") && !settings.contains_key("source"));
        assert_eq!(planned(&known, file, false).count(|it| matches!(it, Step::Remove { .. })), 0);
    }

    #[test]
    fn credentials_that_the_vault_lacks_are_named() {
        let plan = planned(&[], "192.0.2.1 credential=lab\n192.0.2.2 credential=other", false);
        assert_eq!(plan.missing, BTreeSet::from(["other".to_owned()]));
    }
}
