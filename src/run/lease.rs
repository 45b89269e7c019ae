//! The lock of a team: a lease on a blob, renewed while the process lives.
//!
//! A lease of 60 s is renewed every 10 s (see `keep.rs`). When it cannot be renewed, nothing more is started 10 s before it
//! ends, and what is still on its way then is left when it ends: from there on somebody else may hold it.
//! Breaking one takes as long as it would have lasted: its holder may not hear of it, and acts up to then. So no two runs
//! ever hold it, and after a crash it goes by itself (tests: `tests/product/blobs.rs`).
//!
//! <https://learn.microsoft.com/rest/api/storageservices/lease-blob>

mod keep;

use super::hold::Hold;
use super::lock::{Holder, LockError};
use crate::cloud::{CloudError, Container, Metadata};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// Between two looks at a lock that somebody else holds.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a lease is tried to be given back.
const PARTING: Duration = Duration::from_secs(5);

/// How long a lease lasts without being renewed; the service takes 15 to 60 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length(u32);

impl Default for Length {
    fn default() -> Self {
        Self(60)
    }
}

impl Length {
    /// So many seconds, when the service takes it.
    pub fn new(seconds: u64) -> Option<Self> {
        u32::try_from(seconds).ok().filter(|seconds| (15..=60).contains(seconds)).map(Self)
    }

    /// In seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }

    fn whole(self) -> Duration {
        Duration::from_secs(self.0.into())
    }

    /// Between two renewals; also how long before the end nothing more is started.
    fn sixth(self) -> Duration {
        self.whole() / 6
    }

    /// How long one renewal may take before it is tried again.
    fn try_for(self) -> Duration {
        self.sixth() / 2
    }
}

/// A lease that is held. It is given back by [`Lease::release`]; a process that dies leaves it to end by itself.
#[derive(Debug)]
pub struct Lease {
    container: Container,
    name: String,
    id: String,
    length: Length,
    hold: Hold,
    renewing: JoinHandle<()>,
}

impl Lease {
    /// Takes the lease on a blob, waiting up to `timeout` for another holder to finish.
    ///
    /// # Errors
    /// When it is still held then, or the storage account refuses or does not answer.
    pub async fn take(
        container: &Container,
        name: &str,
        holder: &Holder,
        length: Length,
        timeout: Duration,
    ) -> Result<Self, LockError> {
        let id = uuid::Uuid::new_v4().to_string();
        let deadline = Instant::now() + timeout;
        let hold = Hold::default();
        let since = loop {
            let asked = hold.now();
            if container.lease(name, &id, length.seconds()).await? {
                hold.extend(asked, length.whole(), length.sixth());
                break asked;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(LockError::Held(Box::new(named(container, name).await?)));
            }
            sleep(left.min(PAUSE)).await;
        };
        let ours = Ours { container: container.clone(), name: name.to_owned(), id: id.clone() };
        let renewing = tokio::spawn(keep::keep(ours, length, hold.clone(), since));
        let lease = Self { container: container.clone(), name: name.to_owned(), id, length, hold, renewing };
        match lease.describe(holder).await {
            Ok(()) => Ok(lease),
            Err(error) => {
                lease.release().await;
                Err(error.into())
            }
        }
    }

    /// Says anew who holds the lock.
    ///
    /// # Errors
    /// When the storage account refuses or does not answer.
    pub async fn describe(&self, holder: &Holder) -> Result<(), CloudError> {
        self.container.describe(&self.name, &words(holder, self.length), Some(&self.id)).await
    }

    /// Whether it still holds.
    pub fn hold(&self) -> Hold {
        self.hold.clone()
    }

    /// Gives it back. When that fails, it ends by itself.
    pub async fn release(self) {
        self.key().give_back().await;
    }

    /// What gives it back from elsewhere.
    pub fn key(&self) -> Key {
        Key {
            container: self.container.clone(),
            name: self.name.clone(),
            id: self.id.clone(),
            hold: self.hold.clone(),
        }
    }
}

/// What gives a lease back.
#[derive(Debug, Clone)]
pub struct Key {
    container: Container,
    name: String,
    id: String,
    hold: Hold,
}

impl Key {
    /// Gives the lease back, unless it is gone. When that fails, it ends by itself.
    pub async fn give_back(self) {
        let back = async {
            if self.hold.may_record().await.is_err() {
                return;
            }
            if self.hold.lost().is_none() {
                let _ = self.container.describe(&self.name, &Metadata::new(), Some(&self.id)).await;
            }
            let _ = self.container.release(&self.name, &self.id).await;
        };
        let _ = timeout(PARTING, back).await;
    }
}

/// A lease as the service knows it.
struct Ours {
    container: Container,
    name: String,
    id: String,
}

impl keep::Renew for Ours {
    async fn renew(&self, limit: Duration) -> Result<bool, String> {
        let renewed = self.container.renew(&self.name, &self.id, limit).await;
        renewed.map_err(|error| error.to_string())
    }

    fn shown(&self) -> String {
        format!("{}/{}", self.container.shown(), self.name)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

/// Who holds the lease on a blob, if anybody does.
///
/// # Errors
/// When the storage account refuses or does not answer.
pub async fn holder_of(container: &Container, name: &str) -> Result<Option<Holder>, CloudError> {
    let seen = container.look(name).await?.filter(|seen| seen.leased);
    Ok(seen.map(|seen| holder(&seen.metadata)))
}

/// Who holds the lease on a blob that could not be had. A holder says who it is right after it took the lease, so it is
/// given a moment.
async fn named(container: &Container, name: &str) -> Result<Holder, CloudError> {
    for _ in 0..10 {
        if let Some(holder) = holder_of(container, name).await?.filter(|holder| !holder.who.is_empty()) {
            return Ok(holder);
        }
        sleep(PAUSE / 5).await;
    }
    Ok(Holder::default())
}

/// Takes the lease away from whoever holds it, and waits until it is free. A run that is alive has stopped by then, even
/// one that the news did not reach.
///
/// # Errors
/// When the storage account refuses or does not answer.
pub async fn wrest(
    container: &Container,
    name: &str,
    waiting: impl FnOnce(Duration),
) -> Result<(), CloudError> {
    let Some(seen) = container.look(name).await?.filter(|seen| seen.leased) else { return Ok(()) };
    let length = seen.metadata.get("lease").and_then(|text| Length::new(text.parse().ok()?));
    let left = container.wrest(name, length.unwrap_or_default().seconds()).await?;
    waiting(left);
    let deadline = Instant::now() + left + Length::default().whole();
    sleep(left).await;
    while Instant::now() < deadline && container.look(name).await?.is_some_and(|seen| seen.leased) {
        sleep(PAUSE).await;
    }
    Ok(())
}

/// A holder as words that are kept with the blob; they travel as headers, which hold visible ASCII only.
fn words(holder: &Holder, length: Length) -> Metadata {
    let Holder { who, since, pid, run, doing } = holder;
    let (pid, length) = (pid.to_string(), length.seconds().to_string());
    let pairs =
        [("who", who), ("since", since), ("pid", &pid), ("run", run), ("doing", doing), ("lease", &length)];
    let said = pairs.into_iter().filter(|(_, text)| !text.is_empty());
    said.map(|(name, text)| (name.to_owned(), visible(text))).collect()
}

fn holder(words: &Metadata) -> Holder {
    let word = |name: &str| words.get(name).map(|text| read(text)).unwrap_or_default();
    let pid = word("pid").parse().unwrap_or(0);
    Holder { who: word("who"), since: word("since"), pid, run: word("run"), doing: word("doing") }
}

/// A text with everything but visible ASCII and inner blanks as `%XX`.
fn visible(text: &str) -> String {
    let mut out = String::new();
    for (at, byte) in text.bytes().enumerate() {
        let inner = byte == b' ' && at > 0 && at + 1 < text.len();
        if inner || (byte.is_ascii_graphic() && byte != b'%') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn read(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_holder_survives_headers(who in "\\PC{0,12}", doing in "[ %A-Fa-f0-9é\n]{0,8}", pid in any::<u32>()) {
            let known = Holder { who, since: "now".into(), pid, run: String::new(), doing };
            let words = words(&known, Length::default());
            for text in words.values() {
                prop_assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && text.trim() == text);
            }
            prop_assert_eq!(holder(&words), known);
        }
    }

    #[test]
    fn the_service_takes_15_to_60_seconds() {
        assert_eq!(
            [14, 15, 60, 61].map(|seconds| Length::new(seconds).is_some()),
            [false, true, true, false]
        );
    }
}
