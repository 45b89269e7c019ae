//! What was sent, for tests and for tuning: how many requests, and how many of them in a row.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many requests are remembered; a run that polls for hours must not grow without bound.
const KEPT: usize = 20_000;

/// One request that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Verb and path, or the command on one line.
    pub request: String,
    /// When it was sent, by the clock.
    pub began: Duration,
    /// When its answer was complete; `None` while it is under way or when there never was one.
    pub ended: Option<Duration>,
    /// The status of the answer.
    pub status: Option<u16>,
}

#[derive(Debug, Default)]
pub(super) struct Log(Mutex<Vec<Sent>>);

impl Log {
    /// Notes that a request goes out; the number is for [`Log::end`].
    pub(super) fn begin(&self, request: &str, now: Duration) -> usize {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() < KEPT {
            sent.push(Sent { request: request.to_owned(), began: now, ended: None, status: None });
            sent.len() - 1
        } else {
            KEPT
        }
    }

    pub(super) fn end(&self, number: usize, status: u16, now: Duration) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = sent.get_mut(number) {
            entry.ended = Some(now);
            entry.status = Some(status);
        }
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The longest chain of requests each of which began after the one before had ended.
pub(super) fn depth(sent: &[Sent]) -> usize {
    let mut chains: Vec<(Duration, usize)> = Vec::new();
    let mut by_start: Vec<&Sent> = sent.iter().collect();
    by_start.sort_by_key(|entry| entry.began);
    let mut longest = 0;
    for entry in by_start {
        let before =
            chains.iter().filter(|(ended, _)| *ended <= entry.began).map(|(_, length)| *length).max();
        let length = before.unwrap_or(0) + 1;
        longest = longest.max(length);
        if let Some(ended) = entry.ended {
            chains.push((ended, length));
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(spans: &[(u64, u64)]) -> Vec<Sent> {
        let at = Duration::from_secs;
        let entry = |&(from, to): &(u64, u64)| Sent {
            request: String::new(),
            began: at(from),
            ended: Some(at(to)),
            status: Some(200),
        };
        spans.iter().map(entry).collect()
    }

    #[test]
    fn depth_counts_requests_that_waited_for_another() {
        for (spans, expected) in [
            (&[][..], 0),
            (&[(0, 5), (0, 5), (1, 6)], 1),
            (&[(0, 1), (1, 2), (2, 9), (3, 4)], 3),
            (&[(0, 1), (1, 2), (2, 3), (3, 4)], 4),
        ] {
            assert_eq!(depth(&sent(spans)), expected, "{spans:?}");
        }
    }
}
