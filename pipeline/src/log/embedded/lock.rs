//! One process owns the folder.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::super::LogError;

/// Locks the folder for this process, or says which process has it.
pub(super) fn take(folder: &Path) -> Result<File, LogError> {
    let path = folder.join("owner");
    let what = || format!("open the event log in {}", folder.display());
    let failed = |error: std::io::Error| LogError::Fatal {
        what: what(),
        error: format!("{}: {error}; make the folder writable for this user", path.display()),
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) => return Err(failed(error)),
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            file.take(64).read_to_string(&mut owner).map_err(failed)?;
            return Err(LogError::Fatal {
                what: what(),
                error: format!(
                    "process {} has it open, and one process owns it: stop that process, or \
                     reach the running system through its API, as the command line does",
                    owner.trim()
                ),
            });
        }
    }
    file.set_len(0).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(file)
}
