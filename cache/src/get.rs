use crate::{CachingRegistryManager, GetError, Lease};
use futures::future::BoxFuture;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The future of [`CachingRegistryManager::get_or_create`]. Written by hand, for the state machine that the compiler
/// makes of an `async fn` costs as much as the hit itself.
#[must_use = "futures do nothing unless awaited"]
pub struct GetOrCreate<'a, T> {
    manager: &'a CachingRegistryManager<T>,
    id: &'a str,
    miss: Option<BoxFuture<'a, Result<Lease<T>, GetError>>>,
}

impl<'a, T> GetOrCreate<'a, T> {
    #[inline]
    pub(crate) fn new(manager: &'a CachingRegistryManager<T>, id: &'a str) -> Self {
        Self {
            manager,
            id,
            miss: None,
        }
    }
}

impl<T: Send + Sync + 'static> Future for GetOrCreate<'_, T> {
    type Output = Result<Lease<T>, GetError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.miss.is_none()
            && let Some(lease) = self.manager.hit(self.id)
        {
            return Poll::Ready(Ok(lease));
        }
        let (manager, id) = (self.manager, self.id);
        self.miss
            .get_or_insert_with(|| Box::pin(manager.miss(id)))
            .as_mut()
            .poll(context)
    }
}

impl<T> fmt::Debug for GetOrCreate<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetOrCreate")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
