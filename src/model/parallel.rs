//! The same work on many items, on every processor at once.
//!
//! Invariant: what comes of it is in the order of the items and the same on any number of processors, so that pure work
//! stays pure (test: `keeps_the_order`).

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How many small items one processor takes on at a time.
pub const AT_A_TIME: usize = 64;

/// Does something with each item, some at a time on one processor (test: `keeps_the_order`).
pub fn map<T: Sync, R: Send>(items: &[T], at_a_time: usize, act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let parts = items.len().div_ceil(at_a_time.max(1));
    let workers = processors.min(parts);
    if workers < 2 {
        return items.iter().map(act).collect();
    }
    let parts: Vec<&[T]> = items.chunks(at_a_time.max(1)).collect();
    let done: Vec<Mutex<Vec<R>>> = parts.iter().map(|_| Mutex::new(Vec::new())).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((part, place)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            parts.get(at).zip(done.get(at))
        } {
            let found = part.iter().map(&act).collect();
            *place.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = found;
        }
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        work();
        for other in others {
            other.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
    });
    let taken =
        done.into_iter().map(|part| part.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner));
    taken.flatten().collect()
}

/// Puts items in order, each processor a part of them first (test: `sorts`). Equal ones stay as they stand.
pub fn sort<T: Ord + Send>(items: &mut [T]) {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let part = items.len().div_ceil(processors).max(AT_A_TIME * AT_A_TIME);
    if part < items.len() {
        thread::scope(|scope| {
            for part in items.chunks_mut(part) {
                scope.spawn(|| part.sort());
            }
        });
    }
    // What is in order in parts is only merged.
    items.sort();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts() {
        for count in [0, 1, 5, 9_000, 20_001_usize] {
            let mut items: Vec<usize> = (0..count).map(|n| n * 7_919 % 10_007).collect();
            let mut expected = items.clone();
            expected.sort_unstable();
            sort(&mut items);
            assert_eq!(items, expected);
        }
    }

    #[test]
    fn keeps_the_order() {
        let items: Vec<usize> = (0..1000).collect();
        for at_a_time in [1, 7, 400, 2000] {
            assert_eq!(map(&items, at_a_time, |n| n + 1), (1..=1000).collect::<Vec<_>>());
        }
        assert!(map(&[0_u8; 0], 1, |n| *n).is_empty());
    }
}
