use crate::store::Store;
use crate::url::RegistryUrl;
use hotbed_registry::{CollectionName, Error, LayeredBackend, RegistryBackend};
use std::sync::Arc;

/// Two stores, of which one is only read.
#[derive(Debug)]
pub(crate) struct LayeredStore {
    pub(crate) overlay: Store,
    pub(crate) base: Store,
}

impl LayeredStore {
    /// Opens both. A base that is not there is not made: as an empty one it would say that all of it was deleted.
    pub(crate) async fn open(overlay: &RegistryUrl, base: &RegistryUrl) -> Result<Self, Error> {
        if base.is_missing() {
            return Err(Error::Unavailable {
                operation: "open its base",
                reason: format!("{base} is missing: restore it, or name another"),
                source: None,
            });
        }
        Ok(Self {
            overlay: Box::pin(Store::open(overlay)).await?,
            base: Box::pin(Store::open(base)).await?,
        })
    }

    /// One collection of both. What is hidden of `bots` is noted in the overlay's collection `bots-hidden`.
    pub(crate) async fn collection(
        &self,
        name: &CollectionName,
    ) -> Result<Arc<dyn RegistryBackend>, Error> {
        let hidden = CollectionName::new(&format!("{name}-hidden"))?;
        let overlay = Box::pin(self.overlay.collection(name)).await?;
        let hidden = Box::pin(self.overlay.collection(&hidden)).await?;
        let base = Box::pin(self.base.collection(name)).await?;
        Ok(Arc::new(LayeredBackend::new(overlay, hidden, base)))
    }

    /// Closes both, the overlay first: it is what was written to.
    pub(crate) async fn close(&self) {
        Box::pin(self.overlay.close()).await;
        Box::pin(self.base.close()).await;
    }
}
