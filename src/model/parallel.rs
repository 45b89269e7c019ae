//! The same work on many items, on every processor at once.
//!
//! Invariant: what comes of it is in the order of the items and the same on any number of processors, so that pure work
//! stays pure (test: `keeps_the_order`).

use rayon::prelude::*;
use std::num::NonZero;
use std::thread;

/// How many small items one processor takes on at a time.
pub const AT_A_TIME: usize = 64;

/// Does something with each item, some at a time on one processor (test: `keeps_the_order`).
pub fn map<T: Sync, R: Send>(items: &[T], at_a_time: usize, act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if items.len() <= at_a_time {
        return items.iter().map(act).collect();
    }
    joined(parts(items, at_a_time, |part| part.iter().map(&act).collect()))
}

/// Does something with each part of a list, a part on one processor (test: `keeps_the_order`).
pub fn parts<T: Sync, R: Send>(items: &[T], at_a_time: usize, act: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    let at_a_time = at_a_time.max(1);
    if items.len() <= at_a_time {
        return items.chunks(at_a_time).map(act).collect();
    }
    items.par_chunks(at_a_time).map(&act).collect()
}

/// The same with items that change on the way (test: `keeps_the_order`).
pub fn map_mut<T: Send, R: Send>(
    items: &mut [T],
    at_a_time: usize,
    act: impl Fn(&mut T) -> R + Sync,
) -> Vec<R> {
    if items.len() <= at_a_time {
        return items.iter_mut().map(act).collect();
    }
    let part = |part: &mut [T]| part.iter_mut().map(&act).collect::<Vec<R>>();
    joined(items.par_chunks_mut(at_a_time.max(1)).map(part).collect())
}

fn joined<R>(parts: Vec<Vec<R>>) -> Vec<R> {
    let mut all = Vec::with_capacity(parts.iter().map(Vec::len).sum());
    parts.into_iter().for_each(|part| all.extend(part));
    all
}

/// Two things at once (test: `does_both`).
pub fn both<A: Send, B: Send>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B + Send) -> (A, B) {
    rayon::join(one, other)
}

/// Takes something large apart while others go on: that can take as long as it took to put it together.
pub fn let_go<T: Send + 'static>(what: T) {
    rayon::spawn(move || drop(what));
}

/// Puts items in order, each processor a part of them first; equal ones stay as they stand (test: `sorts`).
///
/// It has threads of its own: one of the pool that waits for others takes up other work, which may ask for the very order
/// that is being made (test: `anybody_may_ask_for_the_order_first`).
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
    fn does_both() {
        assert_eq!(both(|| 1, || "a"), (1, "a"));
    }

    #[test]
    fn keeps_the_order() {
        let items: Vec<usize> = (0..1000).collect();
        for at_a_time in [1, 7, 400, 2000] {
            assert_eq!(map(&items, at_a_time, |n| n + 1), (1..=1000).collect::<Vec<_>>());
            let sums = parts(&items, at_a_time, |part| part.iter().sum::<usize>());
            assert_eq!(sums, items.chunks(at_a_time).map(|part| part.iter().sum()).collect::<Vec<usize>>());
            let mut own = items.clone();
            let before = map_mut(&mut own, at_a_time, |n| std::mem::replace(n, *n + 1));
            assert_eq!((before, own), (items.clone(), (1..=1000).collect::<Vec<_>>()));
        }
        assert!(map(&[0_u8; 0], 1, |n| *n).is_empty());
    }
}
