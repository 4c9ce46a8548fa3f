//! Where a collection lies, and what is done to its files.

use super::fault::Fault;
use super::name::FileName;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Where what is ours lies, beside the collections. No collection is named so.
const SIDECAR: &str = ".hotbed";
/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;
/// The most files of one collection.
pub(super) const MAX_FILES: usize = 100_000;

/// The directories of one collection.
#[derive(Debug, Clone)]
pub(super) struct Place {
    root: PathBuf,
    collection: String,
}

/// What the directory of a collection holds.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) names: BTreeSet<FileName>,
    /// Whether there are texts that were staged.
    pub(super) staged: bool,
    /// The file system that it is on.
    pub(super) device: u64,
}

/// What became of reading a file.
#[derive(Debug)]
pub(super) enum Found {
    Missing,
    /// Somebody is at it right now.
    Moving,
    Bytes(Vec<u8>, Stamp),
    /// It is none of those that are read, because of this.
    Refused(String, Stamp),
}

/// What a file looks like from outside. As long as it stays, the content does too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    identity: Identity,
    bytes: u64,
    modified: Option<SystemTime>,
    changed: Option<SystemTime>,
}

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    number: u64,
}

impl Place {
    pub(super) fn new(root: &Path, collection: &str) -> Self {
        Self {
            root: root.to_owned(),
            collection: collection.to_owned(),
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.root.join(&self.collection)
    }

    pub(super) fn path(&self, name: &FileName) -> PathBuf {
        self.folder().join(name.as_str())
    }

    /// What messages call a file: its path below the root.
    pub(super) fn shown(&self, name: &FileName) -> String {
        format!("{}/{name}", self.collection)
    }

    /// The file that messages call so; `None` if it is the directory.
    pub(super) fn name_of(&self, shown: &str) -> Option<FileName> {
        let name = shown.strip_prefix(&self.collection)?.strip_prefix('/')?;
        FileName::found(OsStr::new(name))
    }

    /// What messages call the directory.
    pub(super) fn shown_folder(&self) -> &str {
        &self.collection
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.sidecar().join("journal")
    }

    /// A file in the sidecar that is only ever locked.
    pub(super) fn lock(&self, name: &str) -> PathBuf {
        self.sidecar().join(name)
    }

    fn sidecar(&self) -> PathBuf {
        self.root.join(SIDECAR).join(&self.collection)
    }

    /// Makes the sidecar, and has git ignore it. Only this user may read it: it holds copies of all configurations.
    pub(super) fn prepare(&self) -> Result<(), Fault> {
        fs::create_dir_all(&self.root).map_err(|error| Fault::io(&self.root, error))?;
        for folder in [self.root.join(SIDECAR), self.sidecar()] {
            let made = fs::symlink_metadata(&folder).or_else(|error| match error.kind() {
                ErrorKind::NotFound => make_private(&folder)
                    .and_then(|()| sync(folder.parent().unwrap_or(&folder)))
                    .and_then(|()| fs::symlink_metadata(&folder)),
                _ => Err(error),
            });
            if !made.map_err(|error| Fault::io(&folder, error))?.is_dir() {
                let reason =
                    "it is no directory, where ours belongs: remove it or name another place";
                return Err(Fault::corrupt(&folder, reason));
            }
        }
        let ignore = self.root.join(SIDECAR).join(".gitignore");
        if fs::exists(&ignore).is_ok_and(|exists| !exists) {
            fs::write(&ignore, "*\n").map_err(|error| Fault::io(&ignore, error))?;
        }
        Ok(())
    }

    /// The file system that the directory is on; `None` if there is no directory.
    pub(super) fn device(&self) -> Option<u64> {
        let metadata = fs::metadata(self.folder()).ok()?;
        metadata.is_dir().then(|| Identity::of(&metadata).device)
    }

    /// The files that hold registrations, or should. `None` if there is no directory.
    pub(super) fn list(&self) -> Result<Option<Listing>, Fault> {
        let folder = self.folder();
        let fault = |error| Fault::io(&folder, error);
        let metadata = match fs::metadata(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            metadata => metadata.map_err(fault)?,
        };
        self.refuse_foreign_folder()?;
        let mut listing = Listing {
            device: Identity::of(&metadata).device,
            ..Listing::default()
        };
        for entry in fs::read_dir(&folder).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let name = entry.file_name();
            listing.staged |= is_staged(&name);
            listing.names.extend(FileName::found(&name));
        }
        if listing.names.len() > MAX_FILES {
            let reason = format!("it holds more than {MAX_FILES} files: use another store");
            return Err(Fault::corrupt(&folder, reason));
        }
        Ok(Some(listing))
    }

    /// Reads a file; follows links as long as they stay in the root.
    pub(super) fn read(&self, name: &FileName) -> Result<Found, Fault> {
        let path = self.path(name);
        let entry = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Missing),
            entry => entry.map_err(|error| Fault::io(&path, error))?,
        };
        Ok(self.try_read(&path, &entry).unwrap_or_else(|error| {
            if error.kind() == ErrorKind::NotFound {
                return Found::Missing;
            }
            Found::Refused(format!("it cannot be read: {error}"), Stamp::of(&entry))
        }))
    }

    fn try_read(&self, path: &Path, entry: &Metadata) -> io::Result<Found> {
        let real = match self.refuse_to_leave(path) {
            Ok(real) => real,
            Err(Ok(error)) if error.kind() == ErrorKind::NotFound && entry.is_symlink() => {
                let reason = "it is a link to nothing".to_owned();
                return Ok(Found::Refused(reason, Stamp::of(entry)));
            }
            Err(Ok(error)) => return Err(error),
            Err(Err(reason)) => return Ok(Found::Refused(reason, Stamp::of(entry))),
        };
        let metadata = fs::symlink_metadata(&real)?;
        let stamp = Stamp::of(&metadata);
        if !entry.is_symlink() && real.file_name() != path.file_name() {
            return Ok(Found::Missing);
        }
        if !metadata.is_file() {
            return Ok(Found::Refused("it is no regular file".to_owned(), stamp));
        }
        if metadata.len() > MAX_FILE_BYTES {
            let bytes = metadata.len();
            let reason = format!("it has {bytes} bytes, more than the {MAX_FILE_BYTES} allowed");
            return Ok(Found::Refused(reason, stamp));
        }
        let mut file = File::open(&real)?;
        let mut bytes = Vec::new();
        (&mut file)
            .take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)?;
        // Also when another file took its name since it was looked at.
        if Stamp::of(&file.metadata()?) != stamp || bytes.len() as u64 != stamp.bytes {
            return Ok(Found::Moving);
        }
        Ok(Found::Bytes(bytes, stamp))
    }

    fn refuse_foreign_folder(&self) -> Result<(), Fault> {
        let folder = self.folder();
        match self.refuse_to_leave(&folder) {
            Ok(_) => Ok(()),
            Err(Ok(error)) => Err(Fault::io(&folder, error)),
            Err(Err(reason)) => Err(Fault::corrupt(&folder, reason)),
        }
    }

    /// Where a path really lies, if that is in the root; else why it is not followed.
    fn refuse_to_leave(&self, path: &Path) -> Result<PathBuf, Result<io::Error, String>> {
        let real = path.canonicalize().map_err(Ok)?;
        let root = self.root.canonicalize().map_err(Ok)?;
        if real.starts_with(&root) && !real.starts_with(root.join(SIDECAR)) {
            Ok(real)
        } else {
            Err(Err(
                "it is a link that leaves the directory: put the file itself here".to_owned(),
            ))
        }
    }

    pub(super) fn stamp(&self, name: &FileName) -> Option<Stamp> {
        fs::metadata(self.path(name))
            .ok()
            .map(|metadata| Stamp::of(&metadata))
    }

    /// Whether there is anything of exactly this name, also where case does not count. What cannot be told counts as
    /// there.
    pub(super) fn exists(&self, name: &FileName) -> bool {
        let path = self.path(name);
        match fs::symlink_metadata(&path) {
            Ok(entry) if entry.is_symlink() => true,
            Ok(_) => match path.canonicalize() {
                Ok(real) => real.file_name() == path.file_name(),
                Err(error) => error.kind() != ErrorKind::NotFound,
            },
            Err(error) => error.kind() != ErrorKind::NotFound,
        }
    }

    /// Puts a text beside the files, where nobody takes it for one of them; answers the file, not yet on the disk.
    pub(super) fn stage(&self, name: &FileName, mark: u64, bytes: &[u8]) -> Result<File, Fault> {
        let folder = self.folder();
        if !folder.is_dir() {
            fs::create_dir_all(&folder).map_err(|error| Fault::io(&folder, error))?;
            sync_folder(&self.root)?;
        }
        self.refuse_foreign_folder()?;
        let staged = self.staged(mark);
        let write = || {
            remove_if_there(&staged)?;
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&staged)?;
            if let Ok(old) = fs::metadata(self.path(name)) {
                file.set_permissions(old.permissions())?;
            }
            file.write_all(bytes)?;
            Ok(file)
        };
        write().map_err(|error| Fault::io(&staged, error))
    }

    /// Gives a staged text its name.
    pub(super) fn install(&self, name: &FileName, mark: u64) -> io::Result<()> {
        fs::rename(self.staged(mark), self.path(name))
    }

    pub(super) fn staged_digest(&self, mark: u64) -> Option<String> {
        fs::read(self.staged(mark)).ok().map(|bytes| digest(&bytes))
    }

    pub(super) fn remove(&self, name: &FileName) -> io::Result<()> {
        remove_if_there(&self.path(name))
    }

    /// Removes the texts that were staged and never got a name.
    pub(super) fn remove_staged(&self) -> Result<(), Fault> {
        let folder = self.folder();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(|error| Fault::io(&folder, error))?,
        };
        for entry in entries.flatten() {
            if is_staged(&entry.file_name()) {
                remove_if_there(&entry.path()).map_err(|error| Fault::io(&entry.path(), error))?;
            }
        }
        Ok(())
    }

    /// Has the names of the files on the disk.
    pub(super) fn sync(&self) -> Result<(), Fault> {
        sync_folder(&self.folder())
    }

    fn staged(&self, mark: u64) -> PathBuf {
        self.folder().join(format!(".hotbed-{mark}.tmp"))
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            identity: Identity::of(metadata),
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            changed: changed(metadata),
        }
    }

    /// How long ago the file was last changed, by the system's clock; `None` where that would be in the future.
    pub(super) fn age(&self) -> Option<Duration> {
        let now = SystemTime::now();
        let last = self.modified.max(self.changed)?;
        now.duration_since(last).ok()
    }
}

impl Identity {
    #[cfg(unix)]
    pub(super) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            device: metadata.dev(),
            number: metadata.ino(),
        }
    }

    /// Elsewhere a file is told by the time of its creation.
    #[cfg(not(unix))]
    pub(super) fn of(metadata: &Metadata) -> Self {
        let created = metadata.created().ok();
        let since = created.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        Self {
            device: 0,
            number: since.map_or(0, |since| since.as_nanos() as u64),
        }
    }
}

#[cfg(unix)]
fn changed(metadata: &Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt as _;
    let seconds = u64::try_from(metadata.ctime()).ok()?;
    let nanos = u32::try_from(metadata.ctime_nsec()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

#[cfg(not(unix))]
fn changed(_: &Metadata) -> Option<SystemTime> {
    None
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = fs::DirBuilder::new().mode(0o700).create(folder);
    // Another process may have been faster.
    made.or_else(|error| if folder.is_dir() { Ok(()) } else { Err(error) })
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

fn is_staged(name: &OsStr) -> bool {
    let rest = name.to_str().and_then(|name| name.strip_prefix(".hotbed-"));
    rest.is_some_and(|rest| rest.strip_suffix(".tmp").is_some())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Has the names in a directory on the disk.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Fault> {
    sync(folder).map_err(|error| Fault::io(folder, error))
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The SHA-256 of a content, in hex.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string takes what is written to it");
            hex
        })
}
