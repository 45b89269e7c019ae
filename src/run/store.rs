//! Stores: where the bytes of a journal are kept.

use std::fs::{File, OpenOptions, TryLockError};
use std::future::Future;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// A place for the bytes of one journal.
///
/// A file today; a blob that a team shares has the same two operations.
pub trait Store: Send {
    /// Adds bytes at the end and waits until they would survive a loss of power.
    fn append(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> + Send;

    /// Cuts everything behind a length, likewise.
    fn cut(&mut self, length: u64) -> impl Future<Output = io::Result<()>> + Send;
}

/// A journal in a file that only its owner may read, locked while it is open for writing.
#[derive(Debug)]
pub struct FileStore {
    file: File,
}

impl FileStore {
    /// Makes a new file.
    ///
    /// # Errors
    /// When it exists, or the file system refuses.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        private(&mut options);
        let file = options.open(path)?;
        let store = Self::locked(file)?;
        store.file.sync_all()?;
        sync_directory(path)?;
        Ok(store)
    }

    /// Opens a file to be gone on with.
    ///
    /// # Errors
    /// When it is being written by another process (`WouldBlock`), or the file system refuses.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut store = Self::locked(OpenOptions::new().write(true).open(path)?)?;
        store.file.seek(SeekFrom::End(0))?;
        Ok(store)
    }

    fn locked(file: File) -> io::Result<Self> {
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => {
                Err(io::Error::new(io::ErrorKind::WouldBlock, "another process is working on this run"))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Store for FileStore {
    // The write blocks its thread: it takes milliseconds, and nothing may happen before it is over.
    async fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_data()
    }

    async fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length))?;
        self.file.sync_all()
    }
}

/// Lets only the owner read what is about to be created.
#[cfg(unix)]
pub(super) fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

/// Elsewhere the folder's own rules hold.
#[cfg(not(unix))]
pub(super) fn private(_: &mut OpenOptions) {}

/// Makes a folder that only its owner may enter, with those above it.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Makes a new file's name survive a loss of power.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

/// Elsewhere folders cannot be opened as files, and the file system does it by itself.
#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_private_locked_and_cut() {
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("a").join("runs");
        private_folder(&runs).unwrap();
        let path = runs.join("r1.journal");
        let mut store = FileStore::create(&path).unwrap();
        store.append(b"one\ntwo\n").await.unwrap();
        assert_eq!(FileStore::create(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(FileStore::open(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(store);
        let mut store = FileStore::open(&path).unwrap();
        store.append(b"thr").await.unwrap();
        store.cut(4).await.unwrap();
        store.append(b"2\n").await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\n2\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&path), mode(&runs)), (0o600, 0o700));
        }
    }
}
