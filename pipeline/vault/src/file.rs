//! The file with the master key, and other files that only their owner may read.
//!
//! A new master key is kept in a file under its own id beside it, before anything is sealed for it, and
//! takes its place after. Also if that is cut short, or another process does the same meanwhile,
//! the key that opens what is stored lies under its id.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::key::{KEY_BYTES, KeyId, MasterKey};

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("vault key {}: {problem}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, and the remedy.
    pub problem: String,
}

/// Where the master key lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile(PathBuf);

impl KeyFile {
    /// At this path, whether it is there or not.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The key; none where there is no file.
    ///
    /// # Errors
    /// [`FileError`]: others may read it, or it holds no key.
    pub fn read(&self) -> Result<Option<MasterKey>, FileError> {
        read(&self.0)
    }

    /// Makes the file with a fresh key; where another process was faster, its key.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn make(&self) -> Result<MasterKey, FileError> {
        let fresh = MasterKey::random();
        match write_private(&self.0, fresh.bytes()) {
            Ok(()) => Ok(fresh),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.read()?.ok_or_else(|| fail(&self.0, "was there and is gone: start again"))
            }
            Err(error) => Err(cannot_write(&self.0, &error)),
        }
    }

    /// Keeps a fresh key in a file under its id, beside this one.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn stage(&self) -> Result<MasterKey, FileError> {
        let fresh = MasterKey::random();
        let path = self.beside(fresh.id());
        write_private(&path, fresh.bytes()).map_err(|error| cannot_write(&path, &error))?;
        Ok(fresh)
    }

    /// Removes a key that was staged, and that nothing is sealed for.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn unstage(&self, id: KeyId) -> Result<(), FileError> {
        let path = self.beside(id);
        std::fs::remove_file(&path).map_err(|error| fail(&path, error))
    }

    /// A staged key takes the place of this one, which is kept under its id.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn place(&self, id: KeyId) -> Result<(), FileError> {
        if let Some(old) = self.read()? {
            link(&self.0, &self.beside(old.id()))?;
        }
        let (staged, fresh) = (self.beside(id), self.with_suffix(&random_suffix()));
        link(&staged, &fresh)?;
        // Whoever reads meanwhile finds one key or the other.
        std::fs::rename(&fresh, &self.0).map_err(|error| fail(&self.0, error))?;
        // Where both are one file already, a rename leaves the other name.
        let _ = std::fs::remove_file(&fresh);
        sync_folder(&self.0).map_err(|error| fail(&self.0, error))
    }

    /// The key of that id: in its place, or kept under its id.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn find(&self, id: KeyId) -> Result<Option<MasterKey>, FileError> {
        match self.read()?.filter(|key| key.id() == id) {
            None => Ok(read(&self.beside(id))?.filter(|key| key.id() == id)),
            found => Ok(found),
        }
    }

    /// The same of the key that counts: where it is kept under its id, it takes its place.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn adopt(&self, id: KeyId) -> Result<Option<MasterKey>, FileError> {
        let found = self.find(id)?;
        if found.is_some() && self.read()?.is_none_or(|key| key.id() != id) {
            self.place(id)?;
        }
        Ok(found)
    }

    /// Where a key is kept under its id.
    pub fn beside(&self, id: KeyId) -> PathBuf {
        self.with_suffix(&id.to_string())
    }

    fn with_suffix(&self, suffix: &str) -> PathBuf {
        with_suffix(&self.0, suffix)
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(".");
    path.push(suffix);
    PathBuf::from(path)
}

fn random_suffix() -> String {
    format!("{:016x}.tmp", rand::random::<u64>())
}

/// One more name for a file, unless there is one of that name.
fn link(from: &Path, to: &Path) -> Result<(), FileError> {
    match std::fs::hard_link(from, to) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(fail(from, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn fail(path: &Path, problem: impl ToString) -> FileError {
    FileError { path: path.to_owned(), problem: problem.to_string() }
}

fn cannot_write(path: &Path, error: &io::Error) -> FileError {
    fail(
        path,
        format!("cannot be written: {error}: name a file in a folder of yours (vault.key_file)"),
    )
}

fn read(path: &Path) -> Result<Option<MasterKey>, FileError> {
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(path, error)),
    };
    let mode = file.metadata().map_err(|error| fail(path, error))?.permissions().mode();
    if mode & 0o077 != 0 {
        let problem = format!(
            "others may read it (mode {:o}): chmod 600, then `opsconductor vault rotate`",
            mode & 0o777
        );
        return Err(fail(path, problem));
    }
    // One byte more than a key, to notice a longer file.
    let mut bytes = Zeroizing::new([0; KEY_BYTES + 1]);
    let mut length = 0;
    while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(fail(path, error)),
        }
    }
    match (length, bytes.first_chunk()) {
        (KEY_BYTES, Some(key)) => Ok(Some(MasterKey::from_bytes(key))),
        _ => Err(fail(path, format!("does not have {KEY_BYTES} bytes: restore it from a backup"))),
    }
}

/// Makes a file that only its owner can read; fails when it exists. Who sees it sees all of it.
///
/// # Errors
/// The operating system's.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let fresh = with_suffix(path, &random_suffix());
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    let made = file.write_all(content).and_then(|()| file.sync_all());
    // Unlike a rename, a link does not replace what another process has put there meanwhile.
    let made = made.and_then(|()| std::fs::hard_link(&fresh, path));
    std::fs::remove_file(&fresh)?;
    made.and_then(|()| sync_folder(path))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all())
}

/// Reads a private file; where there is none it is made with this content. Processes that start at
/// once all get the same.
///
/// # Errors
/// The operating system's.
pub fn read_or_make(path: &Path, fresh: &[u8]) -> io::Result<Vec<u8>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => match write_private(path, fresh) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            Ok(()) | Err(_) => std::fs::read(path),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn those_who_make_it_at_once_share_one_key() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let file = KeyFile::at(folder.path().join("vault.key"));
            let start = std::sync::Barrier::new(4);
            let make = || {
                start.wait();
                file.make().unwrap().id()
            };
            let ids: Vec<KeyId> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(ids.iter().all(|id| *id == ids[0]));
            assert_eq!(file.read().unwrap().unwrap().id(), ids[0]);
            assert_eq!(files(folder.path()), 1, "nothing is left");
        }
    }

    #[test]
    fn a_file_that_is_no_key_of_ours_alone_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.key");
        let file = KeyFile::at(&path);
        assert!(file.read().unwrap().is_none());
        let refused = |expected: &str| {
            let error = file.read().unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("vault.key"), "{error}");
        };
        for content in [&b""[..], b"short", &[7; 33], &[7; 4_096]] {
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            refused("32 bytes");
        }
        for mode in [0o644, 0o640, 0o602] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            refused("chmod 600");
        }
    }

    #[test]
    fn a_staged_key_is_found_wherever_it_was_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::at(folder.path().join("vault.key"));
        let kept = |id: KeyId| read(&file.beside(id)).unwrap().map(|key| key.id());
        let old = file.make().unwrap().id();
        // Nothing was sealed for it.
        let unused = file.stage().unwrap().id();
        assert_eq!(file.adopt(old).unwrap().unwrap().id(), old);
        file.unstage(unused).unwrap();
        assert!(file.adopt(unused).unwrap().is_none());
        // Sealed for, and cut short before it took its place.
        let new = file.stage().unwrap().id();
        assert_eq!(file.find(new).unwrap().unwrap().id(), new);
        assert_eq!(file.read().unwrap().unwrap().id(), old, "looking changes nothing");
        assert_eq!(file.adopt(new).unwrap().unwrap().id(), new);
        assert_eq!(file.read().unwrap().unwrap().id(), new);
        assert_eq!((kept(old), kept(new)), (Some(old), Some(new)));
        // Done twice, it is as done once; and back again, as after a restored backup.
        file.place(new).unwrap();
        assert_eq!(file.adopt(old).unwrap().unwrap().id(), old);
        assert_eq!(file.adopt(new).unwrap().unwrap().id(), new);
        assert_eq!(files(folder.path()), 3, "the file and a copy of each");
    }

    #[test]
    fn whoever_rotates_at_once_loses_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::at(folder.path().join("vault.key"));
        file.make().unwrap();
        let rotate = || {
            let new = file.stage().unwrap().id();
            file.place(new).unwrap();
            file.adopt(new).unwrap().unwrap();
            new
        };
        let ids: Vec<KeyId> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(rotate)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for id in ids {
            assert_eq!(file.find(id).unwrap().unwrap().id(), id);
        }
        assert_eq!(files(folder.path()), 10);
    }
}
