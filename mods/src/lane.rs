//! How much one generation works on at once, and how much waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Debug)]
pub(crate) struct Lane {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
}

/// Too much waits already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// Counts one that waits.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lane {
    pub(crate) fn new(concurrency: usize, queue: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(concurrency)),
            waiting: AtomicUsize::new(0),
            queue,
        }
    }

    /// Waits for a place in the order of coming, or is refused at once.
    pub(crate) async fn enter(&self) -> Result<OwnedSemaphorePermit, Full> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= self.queue {
            return Err(Full);
        }
        // It is never closed.
        Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| Full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn what_does_not_fit_waits_and_what_does_not_fit_there_is_refused_at_once() {
        let lane = Lane::new(1, 1);
        let place = lane.enter().await.unwrap();
        let mut second = Box::pin(lane.enter());
        assert!((&mut second).now_or_never().is_none());
        assert_eq!(
            lane.enter().now_or_never().map(Result::err),
            Some(Some(Full))
        );
        drop(place);
        drop(second.await.unwrap());
        assert!(
            lane.enter()
                .now_or_never()
                .is_some_and(|entered| entered.is_ok())
        );
    }

    /// Caught: one that went away counts as waiting for ever.
    #[tokio::test]
    async fn one_that_stops_waiting_makes_room() {
        let lane = Lane::new(1, 1);
        let _place = lane.enter().await.unwrap();
        for _ in 0..3 {
            assert!(lane.enter().now_or_never().is_none());
        }
    }
}
