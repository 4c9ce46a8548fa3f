use super::failure::Failure;
use anyhow::Context;
use hotbed::backends::{RegistryUrl, Store};
use hotbed::registry::moving::Mode;
use hotbed::registry::{CollectionName, MemoryBackend, RegistryBackend};
use std::sync::Arc;

/// A store at one end of a move.
#[derive(Debug)]
pub(crate) struct End {
    url: RegistryUrl,
    /// `None` where a store would have been created, and nothing is to be written.
    store: Option<Store>,
}

impl End {
    /// Opens a store to read from. It must be there.
    pub(crate) async fn source(url: &str) -> Result<Self, Failure> {
        let url = parse(url)?;
        if url.is_missing() {
            return Err(Failure::not_found(format!("there is nothing at {url}")));
        }
        Self::open(url).await
    }

    /// Opens a store to write to; creates it if there is none and something is to be written.
    pub(crate) async fn target(url: &str, mode: Mode) -> Result<Self, Failure> {
        let url = parse(url)?;
        if mode == Mode::DryRun && url.is_missing() {
            return Ok(Self { url, store: None });
        }
        Self::open(url).await
    }

    async fn open(url: RegistryUrl) -> Result<Self, Failure> {
        let store = Store::open(&url).await;
        let store = store.with_context(|| format!("cannot open {url}"));
        let store = Some(store.map_err(Failure::of)?);
        Ok(Self { url, store })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &RegistryUrl {
        &self.url
    }

    /// One of its collections.
    pub(crate) async fn collection(
        &self,
        name: &CollectionName,
    ) -> Result<Arc<dyn RegistryBackend>, Failure> {
        let Some(store) = &self.store else {
            return Ok(Arc::new(MemoryBackend::new()));
        };
        let opened = store.collection(name).await;
        let opened = opened.with_context(|| format!("cannot open {name} in {}", self.url));
        opened.map_err(Failure::of)
    }

    /// One of its collections, to be read from. What of it makes no sense must be mended first, or would be taken for
    /// absent.
    pub(crate) async fn readable(
        &self,
        name: &CollectionName,
    ) -> Result<Arc<dyn RegistryBackend>, Failure> {
        let opened = self.collection(name).await?;
        let problems = match &self.store {
            Some(store) => store.problems().await,
            None => Vec::new(),
        };
        match problems.first() {
            None => Ok(opened),
            Some(problem) => Err(Failure::of(anyhow::anyhow!("{problem}")).hint("mend it first")),
        }
    }

    /// Completes the writes that were begun.
    pub(crate) async fn close(&self) {
        if let Some(store) = &self.store {
            store.close().await;
        }
    }
}

fn parse(text: &str) -> Result<RegistryUrl, Failure> {
    match text.parse() {
        Ok(RegistryUrl::Memory) => Err(Failure::usage(
            "memory: is gone with this process: name a store that stays",
        )),
        Ok(url) => Ok(url),
        Err(error) => Err(Failure::usage(format!("{error}"))),
    }
}

/// Parses the name of a collection out of an argument.
pub(crate) fn collection_name(text: &str) -> Result<CollectionName, String> {
    CollectionName::new(text).map_err(|error| error.to_string())
}
