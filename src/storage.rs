//! Where the bots' registrations are: the registry, and this node's snapshot for when it is down.

use crate::own_resource::OwnResource;
use crate::serve_args::ServeArgs;
use anyhow::{Context, bail};
use hotbed::backends::{DiskSnapshot, RegistryResource, RegistryUrl, SnapshotKey, StoreAt};
use hotbed::configs::Environment;
use hotbed::registry::{CollectionName, ConnectingBackend, RegistryBackend, Snapshot};
use std::sync::Arc;

/// The resource of an environment that says where the registry is: its type and its name.
const RESOURCE: [&str; 2] = ["databases", "registry"];

/// The variable that may hold the key of the snapshot. There is no such flag: everybody may read a command line.
const KEY_VARIABLE: &str = "HOTBED_SNAPSHOT_KEY";

/// The collection that says which mods there are.
const MODS: &str = "mods";

/// Variables of the process, by name.
type ProcessEnvironment = Vec<(String, String)>;

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
    /// Opens what says which mods there are: a collection of the bots' store. A config service across the network keeps
    /// none, so beside one it is this node's own file, and the mods are this node's.
    pub(crate) async fn open_mods(
        args: &ServeArgs,
        bots: &Arc<StoreAt>,
        key: Option<SnapshotKey>,
    ) -> anyhow::Result<(Self, CollectionName)> {
        let collection = CollectionName::new(MODS)?;
        let own = own_store(bots.url()).then(|| args.data_dir.join("mods.db"));
        let url = match &own {
            Some(file) => format!("sqlite:{}", file.display()).parse()?,
            None => bots.url().clone(),
        };
        // Under the same key as that of the bots, which is there by now.
        let key = match key {
            Some(key) => key,
            None => SnapshotKey::kept_in(&args.data_dir.join("snapshot.key"))?,
        };
        let file = args.data_dir.join("snapshot.mods.sealed");
        let snapshot = DiskSnapshot::open(&file, &url.to_string(), Some(key)).await?;
        let snapshot = Arc::new(snapshot);
        let store = match own {
            None => Arc::clone(bots),
            Some(_) if snapshot.is_empty() => StoreAt::new(url),
            Some(_) => StoreAt::existing(url),
        };
        let connect = store.connect(collection.clone());
        let (backend, waiting): (Arc<dyn RegistryBackend>, _) = match connect.connect().await {
            Ok(backend) => (backend, None),
            Err(error) => {
                tracing::warn!(%error, "mods cannot be read: trying again");
                let waiting = Arc::new(ConnectingBackend::new(connect, &error));
                (Arc::clone(&waiting) as _, Some(waiting))
            }
        };
        let storage = Self {
            snapshot,
            store,
            backend,
            waiting,
        };
        Ok((storage, collection))
    }

    /// Where the registry is, and who says so if it is the environment: a flag or variable, else the environment's
    /// resource, else the data directory.
    pub(crate) fn place(
        args: &ServeArgs,
        environment: &Environment,
    ) -> anyhow::Result<(RegistryUrl, Option<String>)> {
        if let Some(url) = &args.registry {
            return Ok((url.parse()?, None));
        }
        let Some(OwnResource { value, place }) = OwnResource::find(environment, RESOURCE)? else {
            let file = args.data_dir.join("hotbed.db");
            return Ok((format!("sqlite:{}", file.display()).parse()?, None));
        };
        let named = RegistryResource::from_value(&value);
        let RegistryResource { url, collection } = named.with_context(|| place.clone())?;
        if collection != CollectionName::bots() {
            bail!("{place}: the server keeps its bots in the collection bots, not in {collection}");
        }
        Ok((url, Some(place)))
    }

    /// The key that the snapshot is sealed under, if one was given, and the environment of the process without it:
    /// nothing that a configuration may name leads to it.
    pub(crate) fn snapshot_key(
        args: &ServeArgs,
        process: &[(String, String)],
    ) -> anyhow::Result<(Option<SnapshotKey>, ProcessEnvironment)> {
        let (given, process): (Vec<_>, Vec<_>) = process
            .iter()
            .cloned()
            .partition(|(name, _)| name == KEY_VARIABLE);
        let given = given.into_iter().map(|(_, text)| text);
        let key = match &args.snapshot_key_file {
            Some(file) => {
                let place = || format!("--snapshot-key-file {}", file.display());
                let text = std::fs::read_to_string(file).with_context(place)?;
                Some(text.parse::<SnapshotKey>().with_context(place)?)
            }
            None => match given.into_iter().find(|text| !text.trim().is_empty()) {
                Some(text) => Some(text.parse::<SnapshotKey>().context(KEY_VARIABLE)?),
                None => None,
            },
        };
        Ok((key, process))
    }

    /// Opens the snapshot and the registry. A registry that is down is waited for if there is a snapshot to serve
    /// from meanwhile; without one there is nothing to run for.
    pub(crate) async fn open(
        args: &ServeArgs,
        url: RegistryUrl,
        key: Option<SnapshotKey>,
    ) -> anyhow::Result<Self> {
        let file = args.data_dir.join("snapshot.sealed");
        let snapshot = Arc::new(DiskSnapshot::open(&file, &url.to_string(), key).await?);
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

/// Whether a store keeps the bots of others, and nothing beside them.
fn own_store(url: &RegistryUrl) -> bool {
    match url {
        RegistryUrl::Http(_) => true,
        RegistryUrl::Layered { overlay, base } => own_store(overlay) || own_store(base),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve_args::parsed;
    use hotbed::configs::{SecretRef, Variables, WrittenIn};

    fn place(keys: &str) -> anyhow::Result<(RegistryUrl, Option<String>)> {
        let args = parsed(&[]);
        let yaml = format!("resources: {{databases: {{registry: {{{keys}}}}}}}");
        let environment = Environment::parse("here.yaml", &yaml, &Variables::default())?;
        let secrets = |_: &SecretRef, _: WrittenIn| Ok(Some("hunter2".to_owned()));
        Storage::place(&args, &environment.with_secrets(Arc::new(secrets)))
    }

    /// Caught: to take the resource as it is written, to let what is shown hold a secret.
    #[test]
    fn the_password_of_a_registry_may_be_a_secret_and_is_not_shown() {
        let keys =
            "backend: postgres, host: h, database: d, user: u, password: {$secret: 'file:/p'}";
        let (url, place_of) = place(keys).unwrap();
        assert_eq!(url, "postgres://u:hunter2@h:5432/d".parse().unwrap());
        let shown = format!("{url} {url:?} {place_of:?}");
        assert!(!shown.contains("hunter2"), "{shown}");

        let wrong = keys.replace("host:", "hots:");
        let error = format!("{:#}", place(&wrong).unwrap_err());
        assert!(error.contains("did you mean \"host\"?"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        let error = place("backend: sqlite, path: {$secret: env:P}")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("path is shown") && !error.contains("hunter2"),
            "{error}"
        );
    }
}
