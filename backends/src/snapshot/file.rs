//! The snapshot's file: a format tag, a checksum, and the registrations that it covers.

use super::SnapshotError;
use chrono::{DateTime, Utc};
use hotbed_registry::PortableConfig;
use hotbed_registry::{Id, Registration, Revision, Status};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// What this version writes, and all that it reads.
const FORMAT: &str = "hotbed-snapshot/1";

/// What became of reading a file.
pub(super) enum Loaded {
    Missing,
    Registrations(Vec<Registration>),
    /// Put aside, because it is of this registry.
    Foreign(String),
    /// Put aside, because of this.
    Bad(String),
}

/// The file as a whole. The body stays text until its checksum is found right.
#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    format: &'a str,
    /// The URL of the registry that the registrations are of.
    #[serde(borrow)]
    registry: std::borrow::Cow<'a, str>,
    sha256: String,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// One registration. The configuration is parsed on its own, since it may be as deep as a parser goes.
#[derive(Serialize, Deserialize)]
struct Stored {
    id: String,
    revision: u64,
    version: u64,
    status: String,
    created_at_us: i64,
    updated_at_us: i64,
    last_accessed_at_us: i64,
    metadata: Box<RawValue>,
    config: Box<RawValue>,
}

/// Takes a file for this process, by a lock beside it that ends with the process.
pub(super) fn lock(path: &Path) -> Result<File, SnapshotError> {
    let failed = |source| SnapshotError::Locking {
        path: path.to_owned(),
        source,
    };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(failed)?;
    }
    let lock = private(OpenOptions::new().write(true).create(true).truncate(false))
        .open(with_suffix(path, ".lock"))
        .map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(SnapshotError::InUse {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Reads a file; renames one that cannot be used.
pub(super) fn load(path: &Path, registry: &str) -> Loaded {
    let read = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Loaded::Missing,
        read => read.map_err(|error| error.to_string()),
    };
    match read.and_then(|text| parse(&text)) {
        Ok((of, registrations)) if of == registry => Loaded::Registrations(registrations),
        Ok((of, _)) => match std::fs::rename(path, with_suffix(path, ".other")) {
            Ok(()) => Loaded::Foreign(of),
            Err(error) => Loaded::Bad(format!("it is of {of}, nor can it be put aside: {error}")),
        },
        Err(reason) => match std::fs::rename(path, with_suffix(path, ".bad")) {
            Ok(()) => Loaded::Bad(reason),
            Err(error) => Loaded::Bad(format!("{reason}; nor can it be put aside: {error}")),
        },
    }
}

/// Replaces a file as a whole, and durably.
pub(super) fn store(path: &Path, registry: &str, registrations: &[Registration]) -> io::Result<()> {
    let text = render(registry, registrations)?;
    let directory = path
        .parent()
        .filter(|it| !it.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    let new = with_suffix(path, ".tmp");
    // What a crash left behind may have other permissions.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    File::open(directory)?.sync_all()
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn render(registry: &str, registrations: &[Registration]) -> io::Result<String> {
    let stored = registrations
        .iter()
        .map(Stored::of)
        .collect::<Result<Vec<_>, _>>()?;
    let body = serde_json::value::to_raw_value(&stored)?;
    let envelope = Envelope {
        format: FORMAT,
        registry: registry.into(),
        sha256: checksum(registry, body.get()),
        body: &body,
    };
    Ok(serde_json::to_string(&envelope)?)
}

fn parse(text: &str) -> Result<(String, Vec<Registration>), String> {
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if envelope.format != FORMAT {
        return Err(format!(
            "its format is {:?}, not {FORMAT:?}",
            envelope.format
        ));
    }
    if envelope.sha256 != checksum(&envelope.registry, envelope.body.get()) {
        return Err("its checksum is wrong".to_owned());
    }
    let stored: Vec<Stored> =
        serde_json::from_str(envelope.body.get()).map_err(|error| error.to_string())?;
    let registrations = stored
        .into_iter()
        .map(Stored::into_registration)
        .collect::<Result<_, _>>()?;
    Ok((envelope.registry.into_owned(), registrations))
}

fn checksum(registry: &str, body: &str) -> String {
    Sha256::new()
        .chain_update(registry.len().to_be_bytes())
        .chain_update(registry)
        .chain_update(body)
        .finalize()
        .iter()
        .fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string takes what is written to it");
            hex
        })
}

impl Stored {
    fn of(it: &Registration) -> Result<Self, serde_json::Error> {
        Ok(Self {
            id: it.id.as_str().to_owned(),
            revision: it.revision.0,
            version: it.version,
            status: it.status.as_str().to_owned(),
            created_at_us: it.created_at.timestamp_micros(),
            updated_at_us: it.updated_at.timestamp_micros(),
            last_accessed_at_us: it.last_accessed_at.timestamp_micros(),
            metadata: serde_json::value::to_raw_value(&it.metadata)?,
            config: serde_json::value::to_raw_value(it.config.as_map())?,
        })
    }

    fn into_registration(self) -> Result<Registration, String> {
        let time = |micros| {
            DateTime::<Utc>::from_timestamp_micros(micros)
                .ok_or_else(|| format!("{micros} is no time"))
        };
        let object = |text: &RawValue| {
            serde_json::from_str::<Map<String, Value>>(text.get())
                .map_err(|error| error.to_string())
        };
        let config =
            PortableConfig::from_map(object(&self.config)?).map_err(|error| error.to_string())?;
        Ok(Registration {
            id: Id::new(&self.id).map_err(|error| error.to_string())?,
            config,
            status: self
                .status
                .parse::<Status>()
                .map_err(|error| error.to_string())?,
            metadata: object(&self.metadata)?,
            revision: Revision(self.revision),
            version: self.version,
            created_at: time(self.created_at_us)?,
            updated_at: time(self.updated_at_us)?,
            last_accessed_at: time(self.last_accessed_at_us)?,
        })
    }
}
