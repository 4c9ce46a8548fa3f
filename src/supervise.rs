//! When to stop, and how long that may take.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The signals that ask this process to end.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over from their default, which is to end at once.
    pub(crate) fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the first signal, which begins the end; the second ends the process at once.
    pub(crate) async fn watch(mut self, stop: CancellationToken) {
        self.next().await;
        tracing::info!("stopping: finishing what is under way; a second signal ends at once");
        stop.cancel();
        self.next().await;
        tracing::warn!("ended at once by a second signal");
        std::process::exit(130);
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
