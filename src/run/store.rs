//! Stores: where the bytes of a journal are kept.
//!
//! Invariant: bytes go into a blob only at the place where this process's last ones ended, and only while the lock
//! holds: whoever was overtaken adds nothing (test: `tests/product/blobs.rs`).
//! Invariant: a journal in blobs has no greatest length. An append blob takes so many blocks and no more; then the next
//! blob goes on with the same bytes (test: `a_journal_goes_on_in_the_next_blob` there).

use super::cut;
use super::hold::Hold;
use crate::cloud::{Class, CloudError, Container};
use std::fs::{File, OpenOptions, TryLockError};
use std::future::Future;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long one record is tried to be written to a blob.
const PATIENCE: Duration = Duration::from_secs(40);

/// Between two tries at first; it doubles, up to ten times so long.
const PAUSE: Duration = Duration::from_millis(200);

/// How many bytes go with one request at most; the service takes 100 MiB.
///
/// <https://learn.microsoft.com/rest/api/storageservices/append-block#remarks>
const BLOCK: usize = 64 * 1024 * 1024;

/// How many blocks an append blob may have.
///
/// <https://learn.microsoft.com/rest/api/storageservices/append-block#remarks>
const BLOCKS: u64 = 50_000;

/// A place for the bytes of one journal.
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
    end: Arc<AtomicU64>,
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
        let end = store.file.seek(SeekFrom::End(0))?;
        store.end.store(end, Ordering::Relaxed);
        Ok(store)
    }

    /// Where the next write begins, also when the store is elsewhere by then.
    pub fn end(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.end)
    }

    fn locked(file: File) -> io::Result<Self> {
        match file.try_lock() {
            Ok(()) => Ok(Self { file, end: Arc::default() }),
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
        self.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.file.sync_data()
    }

    async fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length))?;
        self.end.store(length, Ordering::Relaxed);
        self.file.sync_all()
    }
}

/// Where the bytes of a journal end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// How many there are in all.
    pub total: u64,
    /// In which blob they end, from 1; a file is one.
    pub blob: usize,
    /// How many of them are in that one.
    pub at: u64,
}

impl End {
    /// So many bytes in one piece.
    pub const fn of(total: u64) -> Self {
        Self { total, blob: 1, at: total }
    }
}

/// A journal in append blobs, one until it is full. Every write says where it must begin, so two processes never write
/// the same run.
#[derive(Debug)]
pub struct BlobStore {
    container: Container,
    name: String,
    blob: usize,
    at: u64,
    /// How many blocks the present blob has; `None` until that was asked.
    blocks: Option<u64>,
    most: u64,
    total: Arc<AtomicU64>,
    hold: Hold,
}

impl BlobStore {
    /// Makes a new blob.
    ///
    /// # Errors
    /// When it exists, or the storage account refuses or does not answer.
    pub async fn create(container: &Container, name: &str, hold: Hold) -> Result<Self, CloudError> {
        container.create(name).await?;
        Ok(Self { blocks: Some(0), ..Self::open(container, name, End::of(0), hold) })
    }

    /// Goes on with a journal that was read up to an end; when it is longer by now, the first write fails.
    pub fn open(container: &Container, name: &str, end: End, hold: Hold) -> Self {
        Self {
            container: container.clone(),
            name: name.to_owned(),
            blob: end.blob,
            at: end.at,
            blocks: None,
            most: BLOCKS,
            total: Arc::new(AtomicU64::new(end.total)),
            hold,
        }
    }

    /// Takes the next blob after fewer blocks than the service allows.
    #[must_use]
    pub fn with_blocks(self, most: u64) -> Self {
        Self { most, ..self }
    }

    /// How many bytes were written in all, also when the store is elsewhere by then.
    pub fn total(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.total)
    }

    /// The name of a journal's blobs: its own, then with a number from 2.
    pub fn named(name: &str, blob: usize) -> String {
        if blob > 1 { format!("{name}.{blob}") } else { name.to_owned() }
    }

    /// The number of the blob of a journal that a name's end stands for: nothing for 1, else `.2` and so on.
    pub fn numbered(end: &str) -> Option<usize> {
        let number = match end {
            "" => Some(1),
            end => end.strip_prefix('.')?.parse().ok().filter(|number| *number > 1),
        };
        number.filter(|number| Self::named("", *number) == end)
    }

    /// Sees to it that the present blob takes one more block.
    async fn make_room(&mut self) -> io::Result<()> {
        let blocks = match self.blocks {
            Some(blocks) => blocks,
            None => {
                let seen = self.container.look(&Self::named(&self.name, self.blob)).await;
                let seen = seen.map_err(io::Error::other)?;
                // Whoever was overtaken must not go on in the next blob either.
                if seen.as_ref().map_or(0, |seen| seen.length) != self.at {
                    return Err(io::Error::other(format!("somebody else has written to {}", self.name)));
                }
                seen.map_or(0, |seen| seen.blocks)
            }
        };
        self.blocks = Some(blocks);
        if blocks >= self.most {
            let next = Self::named(&self.name, self.blob + 1);
            self.container.create(&next).await.map_err(io::Error::other)?;
            (self.blob, self.at, self.blocks) = (self.blob + 1, 0, Some(0));
        }
        Ok(())
    }

    /// One block, tried until it is acknowledged, the patience ends or the lock is lost.
    async fn block(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.make_room().await?;
        let (name, at) = (Self::named(&self.name, self.blob), self.at);
        let deadline = Instant::now() + PATIENCE + Duration::from_secs(bytes.len() as u64 / (256 * 1024));
        let mut pause = PAUSE;
        let mut said: Option<CloudError> = None;
        loop {
            if let Err(why) = self.hold.may_record().await {
                return Err(io::Error::other(join(why, said)));
            }
            let written = tokio::select! {
                written = timeout_at(deadline, self.container.append(&name, at, bytes)) => written,
                () = self.hold.until_gone() => continue,
            };
            match written {
                Ok(Ok(())) => break,
                Ok(Err(error)) if is_passing(&error) && Instant::now() + pause < deadline => {
                    said = Some(error)
                }
                Ok(Err(error)) => return Err(io::Error::other(error)),
                Err(_) => {
                    let why = format!("nothing was acknowledged within {} s", PATIENCE.as_secs());
                    return Err(io::Error::other(join(why, said)));
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE * 10);
        }
        self.at += bytes.len() as u64;
        self.blocks = self.blocks.map(|blocks| blocks + 1);
        self.total.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        // A process that was stopped meanwhile must not act on what it wrote before.
        self.hold.may_record().await.map_err(io::Error::other)
    }
}

const fn is_passing(error: &CloudError) -> bool {
    matches!(error.class, Class::Lost | Class::Unreachable | Class::Busy)
}

fn join(why: String, said: Option<CloudError>) -> String {
    said.map_or_else(|| why.clone(), |error| format!("{why}; {error}"))
}

impl Store for BlobStore {
    async fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        for block in bytes.chunks(BLOCK) {
            self.block(block).await?;
        }
        Ok(())
    }

    // Nothing can be taken out of an append blob, so the cut is written down.
    async fn cut(&mut self, length: u64) -> io::Result<()> {
        self.block(&cut::cut_mark(length)).await
    }
}

/// A journal wherever it is kept.
#[derive(Debug)]
pub enum AnyStore {
    /// In a file.
    File(FileStore),
    /// In a blob.
    Blob(BlobStore),
}

impl Store for AnyStore {
    async fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::File(store) => store.append(bytes).await,
            Self::Blob(store) => store.append(bytes).await,
        }
    }

    async fn cut(&mut self, length: u64) -> io::Result<()> {
        match self {
            Self::File(store) => store.cut(length).await,
            Self::Blob(store) => store.cut(length).await,
        }
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
