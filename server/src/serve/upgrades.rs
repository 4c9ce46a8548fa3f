use futures::future::BoxFuture;
use std::fmt;
use tokio::sync::mpsc;

/// What becomes of a connection after its last request: whoever answers with 101 leaves it here, and the connection runs it
/// as long as it takes. A request that did not come over a connection of this server has none.
#[derive(Clone)]
pub(crate) struct Upgrades(mpsc::Sender<BoxFuture<'static, ()>>);

impl Upgrades {
    pub(super) fn new() -> (Self, mpsc::Receiver<BoxFuture<'static, ()>>) {
        let (inlet, outlet) = mpsc::channel(1);
        (Self(inlet), outlet)
    }

    /// Has this run once the answer was sent. False if the connection becomes something already.
    pub(crate) fn begin(&self, becomes: impl Future<Output = ()> + Send + 'static) -> bool {
        self.0.try_send(Box::pin(becomes)).is_ok()
    }
}

impl fmt::Debug for Upgrades {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrades").finish_non_exhaustive()
    }
}
