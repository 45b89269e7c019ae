//! Interrupts: the first Ctrl-C or SIGTERM asks for an orderly end, the second for one at once.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for the next interrupt. When signals cannot be caught, it never comes.
pub(super) async fn first() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
