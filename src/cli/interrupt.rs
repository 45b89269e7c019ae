//! Interrupts: the first Ctrl-C or SIGTERM, or a terminal that is closed, asks for an orderly end; a second Ctrl-C or
//! SIGTERM for one at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A file that may not grow any more: the same number on Linux, macOS and the BSDs.
const SIGXFSZ: i32 = 25;

/// The signals of a person who wants the program to end.
pub(super) struct Interrupts {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    hang_up: Option<Signal>,
}

impl Interrupts {
    /// Catches them from now on. One that cannot be caught never comes.
    pub(super) fn caught() -> Self {
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
            // Under `nohup` a terminal that is closed is nobody's wish.
            hang_up: if is_ignored(1) { None } else { signal(SignalKind::hangup()).ok() },
        }
    }

    /// Waits for the first one.
    pub(super) async fn first(&mut self) {
        tokio::select! {
            () = next(&mut self.interrupt) => {}
            () = next(&mut self.terminate) => {}
            () = next(&mut self.hang_up) => {}
        }
    }

    /// Waits for one more. A terminal says more than once that it is closed, and means no more by that.
    pub(super) async fn second(&mut self) {
        tokio::select! {
            () = next(&mut self.interrupt) => {}
            () = next(&mut self.terminate) => {}
        }
    }
}

async fn next(signal: &mut Option<Signal>) {
    let came = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if came.is_none() {
        std::future::pending().await
    }
}

/// Makes a write beyond the largest size of a file an error like any other, not the end of the process.
pub(super) fn survive_full_files() {
    drop(signal(SignalKind::from_raw(SIGXFSZ)));
}

/// Whether whoever started the process had a signal ignored; where the system does not tell, it is not.
fn is_ignored(number: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (number - 1) & 1 == 1
}
