use crate::build;
use crate::shared::Shared;
use crate::slot::Slot;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;

/// Builds what changed before a reader asks for it, a bounded number at a time.
pub(crate) async fn run<T: Send + Sync + 'static>(
    shared: Arc<Shared<T>>,
    mut queue: UnboundedReceiver<Arc<Slot<T>>>,
) {
    let permits = Arc::new(Semaphore::new(shared.settings.refreshes));
    let work = async {
        while let Some(slot) = queue.recv().await {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
                return;
            };
            // From here on another change queues it again.
            slot.queued.store(false, Ordering::Release);
            // A reader may have had it built already: then there is nothing left to do.
            if slot.start_early(&shared) {
                shared
                    .tasks
                    .spawn(build::run(Arc::clone(&shared), slot, Some(permit)));
            }
        }
    };
    tokio::select! {
        () = work => {}
        () = shared.shutdown.cancelled() => {}
    }
}
