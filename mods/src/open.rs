//! Reads a package and holds it, and the configuration it is to have, against what can be known before it runs.

use crate::birth::Opened;
use crate::desired::Desired;
use crate::guard::{self, spelled_out};
use crate::loader::{OpenError, Package};
use crate::path::ModPath;
use crate::shared::Shared;
use crate::workplace::Workplace;
use std::sync::Arc;

/// Why a package was not read.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) message: String,
    /// Of a dotted path, the part under which there is nothing.
    pub(crate) module: Option<String>,
}

impl From<OpenError> for Unread {
    fn from(error: OpenError) -> Self {
        Self {
            message: spelled_out(&error),
            module: match error {
                OpenError::NoModule { module, .. } => Some(module),
                _ => None,
            },
        }
    }
}

/// Asks the loader of a path what is there now.
pub(crate) async fn read(shared: &Arc<Shared>, path: &ModPath) -> Result<Package, Unread> {
    let loader = shared.loaders.of(path)?;
    let deadline = shared.settings.open_deadline;
    let asked = path.clone();
    let open = async move { loader.open(&asked).await };
    match guard::run(&Workplace::Runtime, deadline, open).await {
        Ok(Ok(package)) => Ok(package),
        Ok(Err(error)) => Err(error.into()),
        Err(mishap) => Err(Unread {
            message: format!("the loader of {path} {mishap}"),
            module: None,
        }),
    }
}

/// Reads what a mod is to be built from, and refuses what cannot come up whatever it does.
pub(crate) async fn open(shared: &Arc<Shared>, desired: &Desired) -> Result<Opened, String> {
    let package = read(shared, &desired.path).await;
    let package = package.map_err(|unread| unread.message)?;
    admit(desired, package)
}

pub(crate) fn admit(desired: &Desired, package: Package) -> Result<Opened, String> {
    let (manifest, digest, placement, construct) = package.into_parts();
    manifest
        .check(&desired.id)
        .map_err(|error| error.to_string())?;
    let config = desired
        .config
        .as_ref()
        .map_err(|errors| format!("its configuration does not resolve on this node: {errors}"))?;
    let config = match &manifest.form {
        Some(form) => form.check(config).map_err(|fault| fault.to_string())?,
        None => config.clone(),
    };
    Ok(Opened {
        manifest: Arc::new(manifest),
        config,
        digest,
        placement,
        construct,
    })
}
