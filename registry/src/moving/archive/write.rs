use super::line::{End, Header, Line, Stored, VERSION};
use crate::moving::record::{Digesting, hex};
use crate::moving::{ContentDigest, Record};
use crate::{CollectionName, Revision};
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// Writes a collection down as an archive: registrations in id order, each as it stood when it was read.
#[derive(Debug)]
pub struct ArchiveWriter<W> {
    out: W,
    hash: Sha256,
    digest: Digesting,
    begun_at: Revision,
}

/// What an archive holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveSummary {
    /// How many registrations.
    pub count: u64,
    /// What they hold.
    pub digest: ContentDigest,
    /// The newest revision of the collection before the first was read.
    pub begun_at: Revision,
    /// The newest revision after the last was read. If it is another, some registrations may be older than others.
    pub ended_at: Revision,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins an archive of a collection whose newest revision is `head`.
    pub fn new(out: W, collection: &CollectionName, head: Revision) -> io::Result<Self> {
        let mut archive = Self {
            out,
            hash: Sha256::new(),
            digest: Digesting::default(),
            begun_at: head,
        };
        archive.line(&Line::Archive(Header {
            version: VERSION,
            collection: collection.as_str().to_owned(),
            revision: head.0,
        }))?;
        Ok(archive)
    }

    /// Adds a record; ids must ascend.
    pub fn add(&mut self, record: &Record) -> io::Result<()> {
        self.line(&Line::Registration(Box::new(Stored::of(record)?)))?;
        self.digest.add(record.fingerprint());
        Ok(())
    }

    /// Completes the archive; `head` is the newest revision of the collection by now. Without this it is refused by
    /// every reader.
    pub fn finish(mut self, head: Revision) -> io::Result<(W, ArchiveSummary)> {
        let summary = ArchiveSummary {
            count: self.digest.count(),
            digest: std::mem::take(&mut self.digest).digest(),
            begun_at: self.begun_at,
            ended_at: head,
        };
        self.line(&Line::End(End {
            count: summary.count,
            revision: head.0,
            digest: summary.digest.to_string(),
            sha256: hex(&self.hash.clone().finalize()),
        }))?;
        self.out.flush()?;
        Ok((self.out, summary))
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.hash.update(&bytes);
        self.out.write_all(&bytes)
    }
}
