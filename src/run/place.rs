//! Places: where journals and the lock are kept, a folder of one machine or a container that a team shares.
//!
//! Both hold the same: `lock`, and `runs/ID.journal` for each run; a container also `runs/ID.journal.2` and so on, when one
//! blob does not hold it. Once a run has ended it is noted how long its journal was then, with its first blob or in
//! `ended/ID`: while that is its length nothing is left to do for the run, and the journal, which holds the whole plan, need
//! not be read.

use super::hold::Hold;
use super::lease::{self, Key, Lease, Length};
use super::lock::{Holder, Lock, LockError};
use super::store::{AnyStore, BlobStore, End, FileStore, private_folder};
use crate::cloud::{CloudError, Container, Metadata};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::timeout;

const LOCK: &str = "lock";
const RUNS: &str = "runs";
const ENDING: &str = ".journal";

/// Under which word a journal's blob, and in which folder a place of one machine, keeps how long it was when its run
/// ended.
const ENDED: &str = "ended";

/// How long the end of a run is tried to be noted.
const PARTING: Duration = Duration::from_secs(5);

/// A container in Azure Blob Storage that a team shares.
#[derive(Debug, Clone)]
pub struct Blobs {
    /// The container.
    pub container: Container,
    /// What the names of all blobs begin with; empty, or without a slash at its end.
    pub prefix: String,
    /// How long a lock stays that is not renewed.
    pub length: Length,
}

/// Where journals and the lock are kept.
#[derive(Debug, Clone)]
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A container.
    Blobs(Blobs),
}

/// Why a place cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The file system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// The storage account refuses, or does not answer.
    #[error(transparent)]
    Cloud(#[from] CloudError),
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Whether it is known, without its journal being read, that it came to its end.
    pub ended: bool,
}

/// A lock that is held.
#[derive(Debug)]
pub enum Guard {
    /// Of this machine.
    File(Lock),
    /// Of a team.
    Lease(Lease),
}

impl Guard {
    /// Whether it still holds.
    pub fn hold(&self) -> Hold {
        match self {
            Self::File(_) => Hold::default(),
            Self::Lease(lease) => lease.hold(),
        }
    }

    /// Says anew who holds it, for instance once the run is known. That it is not said harms nobody.
    pub async fn describe(&mut self, holder: &Holder) {
        match self {
            Self::File(lock) => drop(lock.describe(holder)),
            Self::Lease(lease) => drop(lease.describe(holder).await),
        }
    }

    /// What gives it back when the process ends early; a lock of this machine goes with the process.
    pub fn key(&self) -> Option<Key> {
        match self {
            Self::File(_) => None,
            Self::Lease(lease) => Some(lease.key()),
        }
    }

    /// Gives it back.
    pub async fn release(self) {
        match self {
            Self::File(lock) => drop(lock),
            Self::Lease(lease) => lease.release().await,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Blobs(blobs) => f.write_str(blobs.shown("").trim_end_matches('/')),
        }
    }
}

impl Blobs {
    fn name(&self, parts: &[&str]) -> String {
        let prefix = Some(self.prefix.as_str()).filter(|prefix| !prefix.is_empty());
        prefix.into_iter().chain(parts.iter().copied()).collect::<Vec<_>>().join("/")
    }

    fn journal(&self, run: &str) -> String {
        self.name(&[RUNS, &format!("{run}{ENDING}")])
    }

    /// All bytes of a journal, from as many blobs as it has; a number that is missing is damage that its reader sees.
    async fn read(&self, run: &str) -> Result<Option<(Vec<u8>, End)>, CloudError> {
        let name = self.journal(run);
        let found = self.container.list(&name).await?;
        let numbers = found.iter().filter_map(|blob| BlobStore::numbered(blob.name.strip_prefix(&name)?));
        let mut numbers: Vec<usize> = numbers.collect();
        numbers.sort_unstable();
        let mut all: Option<(Vec<u8>, End)> = None;
        for blob in numbers {
            let Some(part) = self.container.read(&BlobStore::named(&name, blob), None).await? else {
                continue;
            };
            let (bytes, end) = all.get_or_insert((Vec::new(), End::of(0)));
            bytes.extend_from_slice(&part);
            *end = End { total: bytes.len() as u64, blob, at: part.len() as u64 };
        }
        Ok(all)
    }

    fn shown(&self, name: &str) -> String {
        format!("{}/{}", self.container.shown(), if name.is_empty() { &self.prefix } else { name })
    }
}

impl Place {
    /// The journal of a run, for people.
    pub fn journal(&self, run: &str) -> String {
        match self {
            Self::Folder(folder) => file(folder, run).display().to_string(),
            Self::Blobs(blobs) => blobs.shown(&blobs.journal(run)),
        }
    }

    /// The runs, oldest first.
    ///
    /// # Errors
    /// When the place cannot be read; a folder that is not there has no runs.
    pub async fn runs(&self) -> Result<Vec<Listed>, PlaceError> {
        let mut all = match self {
            Self::Folder(folder) => listed(folder)?,
            Self::Blobs(blobs) => {
                let start = format!("{}/", blobs.name(&[RUNS]));
                let mut runs: BTreeMap<String, (u64, Option<u64>)> = BTreeMap::new();
                for blob in blobs.container.list(&start).await? {
                    let Some((id, number)) = blob.name.strip_prefix(&start).and_then(part) else { continue };
                    let (total, ended) = runs.entry(id.to_owned()).or_default();
                    *total += blob.length;
                    if number == 1 {
                        *ended = blob.metadata.get(ENDED).and_then(|length| length.parse().ok());
                    }
                }
                let one = |(id, (total, ended))| Listed { id, ended: ended == Some(total) };
                runs.into_iter().map(one).collect()
            }
        };
        all.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(all)
    }

    /// The bytes of a journal, and where they end; `None` when there is no such run.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read(&self, run: &str) -> Result<Option<(Vec<u8>, End)>, PlaceError> {
        if !run.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Ok(None);
        }
        match self {
            Self::Folder(folder) => {
                let path = file(folder, run);
                match std::fs::read(&path) {
                    Ok(bytes) => {
                        let end = End::of(bytes.len() as u64);
                        Ok(Some((bytes, end)))
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(source) => Err(failed(&path, source)),
                }
            }
            Self::Blobs(blobs) => Ok(blobs.read(run).await?),
        }
    }

    /// The bytes of a journal that has no more than so many; `None` for a longer one, or none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read_small(&self, run: &str, most: u64) -> Result<Option<Vec<u8>>, PlaceError> {
        if let Self::Folder(folder) = self
            && std::fs::metadata(file(folder, run)).is_ok_and(|about| about.len() > most)
        {
            return Ok(None);
        }
        Ok(self.read(run).await?.map(|(bytes, _)| bytes))
    }

    /// Makes the journal of a new run.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn create(&self, run: &str, hold: Hold) -> Result<AnyStore, PlaceError> {
        match self {
            Self::Folder(folder) => {
                let path = file(folder, run);
                private_folder(&folder.join(RUNS)).map_err(|source| failed(&path, source))?;
                Ok(AnyStore::File(FileStore::create(&path).map_err(|source| failed(&path, source))?))
            }
            Self::Blobs(blobs) => {
                let store = BlobStore::create(&blobs.container, &blobs.journal(run), hold).await?;
                Ok(AnyStore::Blob(store))
            }
        }
    }

    /// Goes on with a journal that was read up to an end.
    ///
    /// # Errors
    /// When another process writes it, or it cannot be opened.
    pub fn open(&self, run: &str, end: End, hold: Hold) -> Result<AnyStore, PlaceError> {
        match self {
            Self::Folder(folder) => {
                let path = file(folder, run);
                Ok(AnyStore::File(FileStore::open(&path).map_err(|source| failed(&path, source))?))
            }
            Self::Blobs(blobs) => {
                let store = BlobStore::open(&blobs.container, &blobs.journal(run), end, hold);
                Ok(AnyStore::Blob(store))
            }
        }
    }

    /// Notes that a run has ended with its journal this long, so that nobody has to read it to know. Not noting it
    /// costs only time.
    pub async fn note_end(&self, run: &str, length: u64) {
        match self {
            Self::Folder(folder) => {
                let ended = folder.join(ENDED);
                let noted = private_folder(&ended);
                let _ = noted.and_then(|()| std::fs::write(ended.join(run), length.to_string()));
            }
            Self::Blobs(blobs) => {
                let words = Metadata::from([(ENDED.to_owned(), length.to_string())]);
                let name = blobs.journal(run);
                let _ = timeout(PARTING, blobs.container.describe(&name, &words, None)).await;
            }
        }
    }

    /// Takes the lock, waiting up to `timeout` for another holder to finish.
    ///
    /// # Errors
    /// When it is still held then, or the place refuses.
    pub async fn lock(&self, holder: &Holder, timeout: Duration) -> Result<Guard, LockError> {
        match self {
            Self::Folder(folder) => Ok(Guard::File(Lock::take(&folder.join(LOCK), holder, timeout).await?)),
            Self::Blobs(blobs) => {
                let name = blobs.name(&[LOCK]);
                let lease = Lease::take(&blobs.container, &name, holder, blobs.length, timeout).await?;
                Ok(Guard::Lease(lease))
            }
        }
    }

    /// Who holds the lock, if anybody does.
    ///
    /// # Errors
    /// When the place refuses.
    pub async fn holder(&self) -> Result<Option<Holder>, LockError> {
        match self {
            Self::Folder(folder) => Lock::holder(&folder.join(LOCK)),
            Self::Blobs(blobs) => Ok(lease::holder_of(&blobs.container, &blobs.name(&[LOCK])).await?),
        }
    }

    /// Takes the lock away from whoever holds it and waits until it is free; `waiting` is told how long that takes.
    /// A lock of this machine is never taken away, for it goes with its process.
    ///
    /// # Errors
    /// When the place refuses.
    pub async fn unlock(&self, waiting: impl FnOnce(Duration)) -> Result<(), LockError> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Blobs(blobs) => Ok(lease::wrest(&blobs.container, &blobs.name(&[LOCK]), waiting).await?),
        }
    }
}

/// How long a store's journal is, where [`Place::note_end`] needs it.
pub fn length_of(store: &AnyStore) -> impl Fn() -> u64 + Send + use<> {
    let end = match store {
        AnyStore::File(store) => store.end(),
        AnyStore::Blob(store) => store.total(),
    };
    move || end.load(Ordering::Relaxed)
}

/// The run and the number that the name of a journal's blob stands for.
fn part(name: &str) -> Option<(&str, usize)> {
    let (id, end) = name.split_once(ENDING)?;
    Some((id, BlobStore::numbered(end)?))
}

fn file(folder: &Path, run: &str) -> PathBuf {
    folder.join(RUNS).join(format!("{run}{ENDING}"))
}

fn failed(path: &Path, source: io::Error) -> PlaceError {
    PlaceError::Io { path: path.display().to_string(), source }
}

fn listed(folder: &Path) -> Result<Vec<Listed>, PlaceError> {
    let runs = folder.join(RUNS);
    let entries = match std::fs::read_dir(&runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed(&runs, source)),
    };
    let one = |entry: std::fs::DirEntry| {
        let id = entry.file_name().to_str()?.strip_suffix(ENDING)?.to_owned();
        let noted = std::fs::read_to_string(folder.join(ENDED).join(&id)).ok();
        let noted = noted.and_then(|length| length.parse::<u64>().ok());
        let ended = noted.is_some_and(|noted| entry.metadata().is_ok_and(|about| about.len() == noted));
        Some(Listed { id, ended })
    };
    Ok(entries.flatten().filter_map(one).collect())
}
