use crate::build;
use crate::shared::Shared;
use std::sync::Arc;

/// Builds what changed before a reader asks for it: the hottest first, where readers leave room.
pub(crate) async fn run<T: Send + Sync + 'static>(shared: Arc<Shared<T>>) {
    let work = async {
        loop {
            shared.queue.filled().await;
            shared.outage.probed().await;
            let place = shared.places.take_early().await;
            // Only now, for what is hottest may have changed meanwhile.
            let Some(slot) = shared.queue.pop() else {
                continue;
            };
            // A reader may have had it built already: then there is nothing left to do.
            if slot.start_early(&shared) {
                let build = build::run(Arc::clone(&shared), slot, Some(place));
                shared.tasks.spawn(build);
            }
        }
    };
    tokio::select! {
        biased;
        () = shared.shutdown.cancelled() => {}
        () = work => {}
    }
}
