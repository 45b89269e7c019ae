//! The request log: every exchange with either plane, in the order in which it began.
//!
//! Invariant: numbers start at 1 and have no gaps; `ended` is `None` exactly while no reply was decided.

use super::faults::Exchange;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One exchange as it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which exchange this is, from 1.
    pub number: usize,
    /// `arm` or `kusto`.
    pub plane: String,
    /// The HTTP method, in capitals.
    pub method: String,
    /// The path and query as sent, percent-encoding untouched; behind `kusto`, the cluster's name is in `cluster`.
    pub path: String,
    /// The cluster whose endpoint was called, on the Kusto plane.
    pub cluster: Option<String>,
    /// The command or query text of a Kusto call.
    pub csl: Option<String>,
    /// The status decided on; `None` while the call runs, or when the connection was dropped before any effect.
    pub status: Option<u16>,
    /// The position of the beginning among all beginnings and endings.
    pub started: u64,
    /// The position of the end among all beginnings and endings.
    pub ended: Option<u64>,
}

#[derive(Debug, Default)]
struct Book {
    entries: Vec<Entry>,
    order: u64,
}

/// The log of a serving emulator.
#[derive(Debug, Default)]
pub(crate) struct Log {
    book: Mutex<Book>,
}

impl Log {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a beginning and gives the exchange its number.
    pub(crate) fn begin(&self, exchange: &mut Exchange) {
        let mut book = self.book();
        exchange.number = book.entries.len() + 1;
        book.order += 1;
        let started = book.order;
        book.entries.push(Entry {
            number: exchange.number,
            plane: exchange.plane.clone(),
            method: exchange.method.clone(),
            path: exchange.path.clone(),
            cluster: exchange.cluster.clone(),
            csl: exchange.csl.clone(),
            status: None,
            started,
            ended: None,
        });
    }

    /// Notes the end of the exchange with this number.
    pub(crate) fn end(&self, number: usize, status: Option<u16>) {
        let mut book = self.book();
        book.order += 1;
        let ended = book.order;
        if let Some(entry) = number.checked_sub(1).and_then(|index| book.entries.get_mut(index)) {
            entry.status = status;
            entry.ended = Some(ended);
        }
    }

    /// A copy of everything so far.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.book().entries.clone()
    }
}
