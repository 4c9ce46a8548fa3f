//! Where the bots' registrations are: the registry, and this node's snapshot for when it is down.

use crate::serve_args::ServeArgs;
use anyhow::Context;
use hotbed::backends::{DiskSnapshot, RegistryUrl, StoreAt};
use hotbed::registry::{CollectionName, ConnectingBackend, RegistryBackend, Snapshot};
use std::sync::Arc;

/// What registrations are read from and written to.
#[derive(Debug)]
pub(crate) struct Storage {
    pub(crate) snapshot: Arc<DiskSnapshot>,
    pub(crate) store: Arc<StoreAt>,
    pub(crate) backend: Arc<dyn RegistryBackend>,
    /// The same backend while it cannot be reached yet.
    pub(crate) waiting: Option<Arc<ConnectingBackend>>,
}

impl Storage {
    /// Opens the snapshot and the registry. A registry that is down is waited for if there is a snapshot to serve
    /// from meanwhile; without one there is nothing to run for.
    pub(crate) async fn open(args: &ServeArgs) -> anyhow::Result<Self> {
        let url: RegistryUrl = match &args.registry {
            Some(url) => url.parse()?,
            None => format!("sqlite:{}", args.data_dir.join("hotbed.db").display()).parse()?,
        };
        let file = args.data_dir.join("snapshot.json");
        let snapshot = Arc::new(DiskSnapshot::open(&file, &url.to_string()).await?);
        // A registry that this node served from is not begun anew because its file is missing right now.
        let store = if snapshot.is_empty() {
            StoreAt::new(url)
        } else {
            StoreAt::existing(url)
        };
        let connect = store.connect(CollectionName::bots());
        let (backend, waiting): (Arc<dyn RegistryBackend>, _) = match connect.connect().await {
            Ok(backend) => (backend, None),
            Err(error) if snapshot.is_empty() => {
                return Err(error)
                    .with_context(|| format!("cannot open the registry {}", store.url()));
            }
            Err(error) => {
                let bots = snapshot.len();
                tracing::warn!(%error, bots, "registry cannot be opened: serving from the snapshot and trying again");
                let waiting = Arc::new(ConnectingBackend::new(connect, &error));
                (Arc::clone(&waiting) as _, Some(waiting))
            }
        };
        Ok(Self {
            snapshot,
            store,
            backend,
            waiting,
        })
    }
}
