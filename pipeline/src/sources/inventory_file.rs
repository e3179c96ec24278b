//! The inventory file: devices, one a line, as `connectors` reads them.
//!
//! Several processes may have the file, for when one ends; one of them follows it. Should their
//! files differ, the newest is taken: a process that takes over leaves the devices as they are while
//! its own file is older than what another one has applied.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use processors::SourceKind;
use schemas::{Device, Source};
use xxhash_rust::xxh3::xxh3_64;

use super::devices::{DeviceEntry, Existing, Maintained};
use crate::config::Config;
use crate::run::outside::{Batches, Follow, SourceError};
use crate::topology::Context;

/// Between two looks at the file.
const LOOK: Duration = Duration::from_secs(5);
/// A larger file is refused: 100,000 devices take about 10 MB.
const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;

/// Maintains the file's devices.
pub struct InventoryFile {
    path: Arc<str>,
    instance: String,
    existing: Arc<Existing>,
}

impl InventoryFile {
    /// As `devices` name it.
    pub const SOURCE: &'static str = "file";

    /// The file of the configuration.
    pub fn new(context: &Context) -> Self {
        Self {
            path: context.config.inventory.file.as_str().into(),
            instance: context.config.instance(),
            existing: Arc::new(Existing::new(Arc::clone(&context.log), context.schemas.clone())),
        }
    }
}

/// A file as it was read.
struct Found {
    modified_ms: i64,
    digest: u64,
    devices: Vec<Device>,
}

/// What was applied last.
#[derive(Debug, Default, PartialEq, Eq)]
struct Applied {
    modified_ms: i64,
    digest: u64,
    /// By whom.
    instance: String,
    devices: Maintained,
}

impl Applied {
    fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&self.modified_ms.to_be_bytes());
        bytes.extend_from_slice(&self.digest.to_be_bytes());
        let name = self.instance.as_bytes();
        bytes.extend_from_slice(&u32::try_from(name.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(name);
        self.devices.write(&mut bytes);
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (modified_ms, rest) = bytes.split_first_chunk()?;
        let (digest, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (name, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        Some(Self {
            modified_ms: i64::from_be_bytes(*modified_ms),
            digest: u64::from_be_bytes(*digest),
            instance: String::from_utf8(name.to_vec()).ok()?,
            devices: Maintained::read(rest)?,
        })
    }
}

/// Reads the inventory file of the configuration.
///
/// # Errors
/// The words for the operator: file, line, remedy.
pub fn read(config: &Config) -> Result<Vec<Device>, String> {
    find(&config.inventory.file).map(|found| found.devices)
}

fn find(path: &str) -> Result<Found, String> {
    let failed = |error: std::io::Error| format!("{path}: {error}");
    let meta = std::fs::metadata(path).map_err(failed)?;
    if meta.len() > MAX_FILE_BYTES {
        return Err(format!("{path}: {} bytes, more than {MAX_FILE_BYTES}", meta.len()));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let devices = connectors::parse_inventory(&text, 0).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(|error| format!("{path}: {error}")).collect();
        lines.join("\n")
    })?;
    Ok(Found { modified_ms: modified_ms(path)?, digest: xxh3_64(text.as_bytes()), devices })
}

fn modified_ms(path: &str) -> Result<i64, String> {
    let modified = std::fs::metadata(path).and_then(|meta| meta.modified());
    let modified = modified.map_err(|error| format!("{path}: {error}"))?;
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl SourceKind for InventoryFile {
    type Output = DeviceEntry;
    const NAME: &'static str = "inventory-file";
    const KIND: &'static str = "inventory-file";

    fn withdraw(&self, cursor: &[u8]) -> Vec<DeviceEntry> {
        Applied::read(cursor).unwrap_or_default().devices.withdraw()
    }
}

impl Follow for InventoryFile {
    async fn follow(
        &self,
        definition: &Source,
        out: &mut Batches<DeviceEntry>,
    ) -> Result<(), SourceError> {
        let mut applied = match Applied::read(out.cursor()) {
            Some(applied) => applied,
            None => {
                let existing = Arc::clone(&self.existing);
                let devices = blocking(move || existing.of(Self::SOURCE)).await?;
                Applied { devices: devices.map_err(SourceError::new)?, ..Applied::default() }
            }
        };
        let (mut seen_ms, mut foreign) = (None, applied.instance != self.instance);
        loop {
            let path = Arc::clone(&self.path);
            let now_ms = blocking(move || modified_ms(&path)).await?.map_err(SourceError)?;
            if seen_ms != Some(now_ms) {
                let path = Arc::clone(&self.path);
                let mut found = blocking(move || find(&path)).await?.map_err(SourceError)?;
                seen_ms = Some(found.modified_ms);
                if foreign && found.modified_ms < applied.modified_ms {
                    tracing::warn!(
                        file = %self.path,
                        instance = applied.instance,
                        "another process applied a newer inventory file: the devices stay as they \
                         are until this one changes"
                    );
                } else if found.digest != applied.digest {
                    for device in &mut found.devices {
                        device.tenant.clone_from(&definition.tenant);
                    }
                    let mut devices = applied.devices.clone();
                    let entries = devices.change_to(Self::SOURCE, found.devices);
                    let Found { modified_ms, digest, .. } = found;
                    let instance = self.instance.clone();
                    applied = Applied { modified_ms, digest, instance, devices };
                    tracing::info!(file = %self.path, changes = entries.len(), "inventory file");
                    out.commit(entries, applied.write()).await?;
                }
                foreign &= applied.instance != self.instance;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Reads files and waits for the log where nobody else has to wait.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SourceError> {
    tokio::task::spawn_blocking(read).await.map_err(SourceError::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let applied = Applied {
            modified_ms: 7,
            digest: 9,
            instance: "a".to_owned(),
            devices: Maintained::default(),
        };
        let bytes = applied.write();
        assert_eq!(Applied::read(&bytes), Some(applied));
        assert_eq!(Applied::read(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Applied::read(&[255; 24]), None);
    }
}
