//! The lock: one run at a time for each target.
//!
//! On one machine it is a lock of the operating system on a file, so it dies with its process and is never stuck;
//! what stands in the file only says who holds it (test: `a_dead_holder_leaves_no_lock`). For a team it is a
//! [`super::lease::Lease`].

use super::store::{private, private_folder};
use crate::cloud::CloudError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const PAUSE: Duration = Duration::from_millis(200);
/// How often the name of a holder is read before it is given up.
const NAMED: u32 = 20;

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Holder {
    /// User and machine.
    pub who: String,
    /// Since when, RFC 3339.
    pub since: String,
    /// The process's number.
    pub pid: u32,
    /// Which run.
    pub run: String,
    /// What is being done, such as `apply`.
    pub doing: String,
}

/// Why a lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("another run is at work here: {0}. Wait for it, or give --lock-timeout")]
    Held(Box<Holder>),
    /// The file system refuses.
    #[error("the lock {path} cannot be taken: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// The storage account refuses, or does not answer.
    #[error("the lock cannot be looked at or taken: {0}")]
    Cloud(#[from] CloudError),
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.who.is_empty() {
            return f.write_str("somebody who has not said yet who they are");
        }
        let Self { who, since, pid, run, doing } = self;
        write!(f, "{doing} by {who} since {since} (")?;
        if !run.is_empty() {
            write!(f, "run {run}, ")?;
        }
        write!(f, "process {pid})")
    }
}

/// A lock that is held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, waiting up to `timeout` for another holder to finish.
    ///
    /// # Errors
    /// When it is still held then, or the file system refuses.
    pub async fn take(path: &Path, holder: &Holder, timeout: Duration) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { path: path.display().to_string(), source };
        if let Some(folder) = path.parent() {
            private_folder(folder).map_err(failed)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        private(&mut options);
        let mut file = options.open(path).map_err(failed)?;
        let deadline = Instant::now() + timeout;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(PAUSE).await,
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Held(Box::new(named(&mut file).await)));
                }
            }
        }
        let mut lock = Self { file };
        lock.describe(holder).map_err(failed)?;
        Ok(lock)
    }

    /// Says anew who holds the lock.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn describe(&mut self, holder: &Holder) -> io::Result<()> {
        let text = serde_json::to_vec(holder)?;
        write(&mut self.file, &text)
    }

    /// Who holds the lock, if anybody does.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn holder(path: &Path) -> Result<Option<Holder>, LockError> {
        let failed = |source| LockError::Io { path: path.display().to_string(), source };
        let mut file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        match file.try_lock() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(read(&mut file).unwrap_or_default())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The lock itself goes with the file; an old name left behind would only mislead.
        let _ = write(&mut self.file, b"");
        let _ = self.file.unlock();
    }
}

/// Who holds a lock; in the moment between taking it and saying so the holder has no name yet.
async fn named(file: &mut File) -> Holder {
    for _ in 0..NAMED {
        match read(file) {
            Ok(holder) if !holder.who.is_empty() => return holder,
            _ => sleep(PAUSE / NAMED).await,
        }
    }
    read(file).unwrap_or_default()
}

fn read(file: &mut File) -> io::Result<Holder> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text)?)
}

fn write(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(bytes)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    const PLACE: &str = "ADXFORM_TEST_LOCK";

    fn holder(run: &str) -> Holder {
        Holder { who: "me".into(), since: "now".into(), pid: 7, run: run.into(), doing: "apply".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_run_waits_and_is_told_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state").join("lock");
        assert_eq!(Lock::holder(&path).unwrap(), None);
        let first = Lock::take(&path, &holder("r1"), Duration::ZERO).await.unwrap();
        assert_eq!(Lock::holder(&path).unwrap(), Some(holder("r1")));
        let refused = Lock::take(&path, &holder("r2"), Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "another run is at work here: apply by me since now (run r1, process 7). Wait for it, or give \
             --lock-timeout"
        );
        let waiting = async {
            sleep(Duration::from_secs(3)).await;
            drop(first);
        };
        let name = holder("r2");
        let (second, ()) = tokio::join!(Lock::take(&path, &name, Duration::from_secs(5)), waiting);
        assert!(second.is_ok());
        assert_eq!(Lock::holder(&path).unwrap(), Some(holder("r2")));
        drop(second);
        assert_eq!(Lock::holder(&path).unwrap(), None);
    }

    /// The child of the next test: it takes the lock and waits to be killed.
    #[test]
    fn holds_the_lock_until_killed() {
        let Some(path) = std::env::var_os(PLACE) else { return };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let lock = runtime.block_on(Lock::take(Path::new(&path), &holder("dead"), Duration::ZERO)).unwrap();
        std::io::stdout().write_all(b"\nheld\n").unwrap();
        std::thread::sleep(Duration::from_secs(60));
        drop(lock);
    }

    #[tokio::test]
    async fn a_dead_holder_leaves_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "run::lock::tests::holds_the_lock_until_killed", "--nocapture"])
            .env(PLACE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let held = lines.map_while(Result::ok).any(|line| line == "held");
        assert!(held, "the child did not take the lock");
        let refused = Lock::take(&path, &holder("r1"), Duration::ZERO).await;
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(matches!(refused, Err(LockError::Held(by)) if by.run == "dead"));
        Lock::take(&path, &holder("r1"), Duration::from_secs(5)).await.unwrap();
    }
}
