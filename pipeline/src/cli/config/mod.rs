//! `opsconductor config`: devices and device groups of a running system as a file, and what a file
//! has into a system.

mod apply;
mod file;
mod known;
mod plan;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use self::file::{File, MAX_BYTES};
use super::remote::Client;
use super::{Failure, RemoteArgs, load, print, runtime};
use crate::config::Config;
use crate::system::restored;

/// Of `plan`: there is something to do.
const SOMETHING_TO_DO: u8 = 2;

#[derive(Subcommand)]
pub(super) enum ConfigCommand {
    /// Prints devices made by hand and all device groups as a file: credentials by name, never a
    /// secret
    Export,
    /// Shows what a file would change; exit code 0: nothing, 2: something, 1: an error
    #[command(after_help = "\
A device of the file is the one of the system with its name, else the one with its address and port;
a group is the one with its name. Of those, all settings become the file's; what the file lacks
stays, unless --prune is given. Devices of other sources (an inventory file, the demo network) are
theirs: groups may name them, nothing else is done to them. Every credential that the file names
must be in the vault.

  opsconductor config export > network.toml
  opsconductor config plan network.toml      shows what would change
  opsconductor config apply network.toml     changes it

With --from-database the devices come from the database, with their ids, onto an event log that
lacks them: after a restore, or when the log was lost. See docs/DATABASE.md.")]
    Plan(FileArgs),
    /// Changes what `plan` shows; what others change meanwhile is named and left as it is
    Apply(FileArgs),
}

#[derive(Args)]
pub(super) struct FileArgs {
    /// File as `export` prints it; - reads standard input
    #[arg(required_unless_present = "from_database", conflicts_with = "from_database")]
    file: Option<PathBuf>,
    /// Remove devices made by hand, and groups, that the file lacks
    #[arg(long, conflicts_with = "from_database")]
    prune: bool,
    /// Put the database's devices on an event log that lacks them
    #[arg(long)]
    from_database: bool,
}

pub(super) fn run(
    config: Option<PathBuf>,
    remote: RemoteArgs,
    command: ConfigCommand,
) -> Result<ExitCode, Failure> {
    let config = load(config)?;
    let (args, really) = match command {
        ConfigCommand::Export => {
            let client = Client::new(&config, remote.url, remote.token_file.as_deref())?;
            return print(&runtime()?.block_on(client.known())?.export());
        }
        ConfigCommand::Plan(args) => (args, false),
        ConfigCommand::Apply(args) => (args, true),
    };
    if args.from_database {
        return from_database(&config, really);
    }
    let path = args.file.as_deref().unwrap_or(Path::new("-"));
    let file = read(path)?;
    let client = Client::new(&config, remote.url, remote.token_file.as_deref())?;
    runtime()?.block_on(change(&client, path, &file, args.prune, really))
}

fn from_database(config: &Config, really: bool) -> Result<ExitCode, Failure> {
    crate::system::telemetry::init(&config.telemetry);
    let found = restored::import(config, runtime()?.handle(), really)?;
    print(&found.text)?;
    Ok(if really || found.lacking == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(SOMETHING_TO_DO)
    })
}

async fn change(
    client: &Client,
    path: &Path,
    file: &File,
    prune: bool,
    really: bool,
) -> Result<ExitCode, Failure> {
    let plan = plan::plan(&client.known().await?, file, prune);
    print(&plan.text())?;
    if !plan.problems.is_empty() {
        let problems = named(path, &plan.problems);
        return Err(format!("nothing was changed:\n{problems}").into());
    }
    let steps = plan.steps.len();
    if !really {
        let code = if steps == 0 { 0 } else { SOMETHING_TO_DO };
        return Ok(ExitCode::from(code));
    }
    let failed = apply::apply(client, plan).await;
    if failed.is_empty() {
        return print("done");
    }
    Err(format!("{} of these {steps} failed:\n{}", failed.len(), failed.join("\n")).into())
}

fn named(path: &Path, problems: &[String]) -> String {
    let lines = problems.iter().map(|problem| format!("{}: {problem}", path.display()));
    lines.collect::<Vec<_>>().join("\n")
}

fn read(path: &Path) -> Result<File, Failure> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut text = String::new();
    let from: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).map_err(failed)?)
    };
    // One more than may be, so that the reader says what is too much.
    from.take(MAX_BYTES as u64 + 1).read_to_string(&mut text).map_err(failed)?;
    file::parse(&text).map_err(|problems| named(path, &problems).into())
}
