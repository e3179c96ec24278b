//! `opsconductor vault …`: works on the database and the key file themselves.

use std::process::ExitCode;

use clap::Subcommand;
use vault::KeyId;

use super::Failure;
use crate::config::Config;
use crate::system::database;
use crate::system::vault::admin;

#[derive(Subcommand)]
pub(super) enum VaultCommand {
    /// Shows which key credentials are sealed for, and whether the key file here opens them
    Status,
    /// Makes a new master key and seals all credentials for it, in one step; the old key file is
    /// kept beside the new one
    Rotate,
    /// Gives up a master key that is lost, and all credentials with it
    Reset {
        /// The key's id, as `status` prints it
        #[arg(value_parser = key_id)]
        key: KeyId,
    },
}

fn key_id(text: &str) -> Result<KeyId, String> {
    text.parse().map_err(|()| "no key's id; `opsconductor vault status` prints it".to_owned())
}

pub(super) async fn run(config: &Config, command: VaultCommand) -> Result<ExitCode, Failure> {
    let (pool, file) = (database::migrated(config).await?, config.vault_key());
    let (good, text) = match command {
        VaultCommand::Status => {
            let report = admin::status(&pool, &file).await?;
            (report.good, report.text)
        }
        VaultCommand::Rotate => (true, admin::rotate(&pool, &file).await?),
        VaultCommand::Reset { key } => (true, admin::reset(&pool, key).await?),
    };
    super::print(&text)?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
