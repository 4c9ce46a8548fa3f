use crate::manifest::Manifest;
use crate::mod_trait::{BoxError, Mod};
use crate::path::{ModPath, Scheme};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Finds what is behind the paths of one [`Scheme`].
#[async_trait]
pub trait ModLoader: Send + Sync + 'static {
    /// The paths it is asked for.
    fn scheme(&self) -> Scheme;

    /// Reads what is there now: asked for every generation anew, so that what was changed is what comes up. Runs none of
    /// the mod's code.
    async fn open(&self, path: &ModPath) -> Result<Package, OpenError>;
}

/// Why there is nothing to load at a path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Nothing is there.
    #[error("no mod is at {path}{}", hint(known))]
    NotFound {
        /// Where.
        path: ModPath,
        /// What there is instead, if that can be told.
        known: Vec<String>,
    },
    /// Nothing is at a dotted path.
    #[error("no mod is at {path}{}", hint(known))]
    NoModule {
        /// Where.
        path: ModPath,
        /// The first part of the path under which there is nothing.
        module: String,
        /// What there is instead.
        known: Vec<String>,
    },
    /// No loader takes such paths.
    #[error("no loader takes {scheme} paths such as {path}: there are loaders for {}", known.join(", "))]
    NoLoader {
        /// Which path.
        path: ModPath,
        /// Of which kind.
        scheme: Scheme,
        /// The schemes that there are loaders for.
        known: Vec<String>,
    },
    /// What is there cannot be read.
    #[error("cannot read the mod at {path}")]
    Unreadable {
        /// Where.
        path: ModPath,
        /// Why.
        source: BoxError,
    },
}

fn hint(known: &[String]) -> String {
    if known.is_empty() {
        String::new()
    } else {
        format!(": there are {}", known.join(", "))
    }
}

/// A mod that could be constructed: what a loader found at a path.
pub struct Package {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Tells whether what is at the path changed: the same text for the same content.
    pub digest: String,
    /// Where its code may run.
    pub placement: Placement,
    construct: Box<Construct>,
}

type Construct = dyn FnOnce() -> Result<Arc<dyn Mod>, BoxError> + Send;

/// Where the code of a mod runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// On the threads that serve everybody: for code that is known never to block.
    Tasks,
    /// On threads of its own, as many as it works on things at once and 256 at most, for code of which nothing is known: one
    /// that blocks takes no thread from others. Needs a runtime of several threads; in one of a single thread this is the same as
    /// [`Tasks`](Self::Tasks).
    Threads,
}

impl Package {
    /// A package whose mod is made by `construct`, which may fail or panic and has a deadline.
    pub fn new(
        manifest: Manifest,
        digest: impl Into<String>,
        placement: Placement,
        construct: impl FnOnce() -> Result<Arc<dyn Mod>, BoxError> + Send + 'static,
    ) -> Self {
        Self {
            manifest,
            digest: digest.into(),
            placement,
            construct: Box::new(construct),
        }
    }

    pub(crate) fn into_parts(self) -> (Manifest, String, Placement, Box<Construct>) {
        (self.manifest, self.digest, self.placement, self.construct)
    }
}

impl fmt::Debug for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Package")
            .field("name", &self.manifest.name)
            .field("version", &self.manifest.version)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// The loaders of a host.
#[derive(Clone, Default)]
pub(crate) struct Loaders {
    by_scheme: BTreeMap<Scheme, Arc<dyn ModLoader>>,
}

impl Loaders {
    /// A later loader of the same scheme takes the place of the earlier one.
    pub(crate) fn add(&mut self, loader: Arc<dyn ModLoader>) {
        self.by_scheme.insert(loader.scheme(), loader);
    }

    pub(crate) fn of(&self, path: &ModPath) -> Result<Arc<dyn ModLoader>, OpenError> {
        let scheme = path.scheme();
        let loader = self.by_scheme.get(&scheme).cloned();
        loader.ok_or_else(|| OpenError::NoLoader {
            path: path.clone(),
            known: self.by_scheme.keys().map(ToString::to_string).collect(),
            scheme,
        })
    }
}

impl fmt::Debug for Loaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_scheme.keys()).finish()
    }
}
