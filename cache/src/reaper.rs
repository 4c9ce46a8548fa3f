use crate::InstanceFactory;
use futures::FutureExt;
use hotbed_lease::Returned;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// Destroys instances after their last lease, each in a task of its own so that a slow one delays nobody. Ends when
/// the lender and all leases are gone.
pub(crate) async fn run<T: Send + Sync + 'static>(
    factory: Arc<dyn InstanceFactory<T>>,
    mut returns: UnboundedReceiver<Returned<T>>,
    deadline: Duration,
    destroyed: watch::Sender<u64>,
) {
    let tasks = TaskTracker::new();
    while let Some(returned) = returns.recv().await {
        let factory = Arc::clone(&factory);
        let destroyed = destroyed.clone();
        tasks.spawn(async move {
            let (id, revision) = (returned.name().to_owned(), returned.generation());
            let (instance, settled) = returned.into_value();
            let destroy =
                AssertUnwindSafe(async { factory.destroy(instance).await }).catch_unwind();
            match tokio::time::timeout(deadline, destroy).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => tracing::error!(
                    id,
                    revision,
                    "factory panicked while it destroyed an instance"
                ),
                Err(_) => {
                    tracing::error!(id, revision, "factory did not destroy an instance in time");
                }
            }
            drop(settled);
            destroyed.send_modify(|count| *count += 1);
        });
    }
    tasks.close();
    tasks.wait().await;
}
