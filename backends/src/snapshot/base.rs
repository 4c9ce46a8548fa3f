use super::Entry;
use super::key::SnapshotKey;
use super::line::{Kind, Line};
use super::place::{Place, private};
use super::sealed::Sealer;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// A base to be written.
pub(super) struct Base {
    pub(super) place: Place,
    pub(super) registry: String,
    pub(super) entries: Vec<Entry>,
    /// The number of the first journal after it.
    pub(super) before: u64,
    /// What it replaces, beside the base before it.
    pub(super) replaced: Vec<PathBuf>,
    /// Which of the replaced, or the base before it, are kept for whoever wants to know what happened to them.
    pub(super) damaged: Vec<PathBuf>,
}

impl Base {
    /// Replaces what there is, as a whole and durably; at every moment either the old files are there or the new one.
    pub(super) fn write(&self, key: &SnapshotKey) -> io::Result<()> {
        let new = self.place.new_base();
        remove(&new)?;
        let file = private(OpenOptions::new().write(true).create_new(true)).open(&new)?;
        let mut out = BufWriter::with_capacity(1 << 16, file);
        let (mut sealer, head) = Sealer::begin(key)?;
        out.write_all(&head)?;
        let mut put = |line: &Line| out.write_all(&sealer.seal(line.to_bytes()?)?);
        put(&Line::File {
            kind: Kind::Base,
            registry: self.registry.clone(),
            number: self.before,
        })?;
        for entry in &self.entries {
            put(&Line::saved(&entry.registration, entry.doubtful)?)?;
        }
        put(&Line::End {
            saved: self.entries.len() as u64,
        })?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let base = self.place.base();
        if self.damaged.iter().any(|it| it == base) {
            let aside = self.place.aside(base, ".bad");
            remove(&aside)?;
            // It must not be away for a moment. Where files have one name only, a copy does.
            std::fs::hard_link(base, &aside).or_else(|_| std::fs::copy(base, &aside).map(drop))?;
        }
        std::fs::rename(&new, base)?;
        self.place.sync_directory()?;
        for path in &self.replaced {
            if self.damaged.contains(path) {
                std::fs::rename(path, self.place.aside(path, ".bad"))?;
            } else {
                remove(path)?;
            }
        }
        Ok(())
    }
}

fn remove(path: &std::path::Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
