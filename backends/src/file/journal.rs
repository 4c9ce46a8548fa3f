//! An append-only file of lines. Each carries its checksum and that of the line before it, so that neither a torn
//! end nor lines that are missing, or are of another journal, go unnoticed.
//!
//! Whoever appends holds the collection's lock; whoever reads needs none.

use super::fault::Fault;
use super::place::{Identity, hex, sync_folder};
use super::record::Record;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What the first line names as the checksum of the line before it.
const NOTHING: &str = "0000000000000000";

/// One reader of a journal, who follows it as it grows and as it is replaced by a shorter one.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// While it is open, no other file can have it.
    identity: Identity,
    end: End,
}

/// Where the whole lines end.
#[derive(Debug, Clone)]
pub(super) struct End {
    bytes: u64,
    /// The checksum of the last line.
    checksum: String,
}

/// What a reader finds.
#[derive(Debug)]
pub(super) enum News {
    /// More lines.
    More(Vec<Record>),
    /// All lines of another file than before.
    Anew(Vec<Record>),
    /// No file.
    Missing,
}

impl Journal {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, open: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether everything was read. One system call.
    pub(super) fn is_read(&self) -> bool {
        match (fs::metadata(&self.path), &self.open) {
            (Ok(metadata), Some(open)) => {
                open.identity == Identity::of(&metadata) && open.end.bytes == metadata.len()
            }
            // Somebody removed it; the next write makes it anew from what was read.
            (Err(error), Some(_)) => error.kind() == ErrorKind::NotFound,
            (_, None) => false,
        }
    }

    /// How long it is.
    pub(super) fn bytes(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.end.bytes)
    }

    /// Where the next line goes, for who holds the lock and has read everything.
    pub(super) fn end(&self) -> Option<End> {
        self.open.as_ref().map(|open| open.end.clone())
    }

    /// Reads on. Forgets on failure what it knew, and so begins anew the next time.
    pub(super) fn read(&mut self) -> Result<News, Fault> {
        let news = self.try_read();
        if news.is_err() {
            self.forget();
        }
        news
    }

    /// Reads everything anew the next time.
    pub(super) fn forget(&mut self) {
        self.open = None;
    }

    /// Has everything that was read on the disk.
    pub(super) fn sync(&self) -> Result<(), Fault> {
        let synced = self.open.as_ref().map(|open| open.file.sync_data());
        let synced = synced.unwrap_or(Ok(()));
        synced.map_err(|error| Fault::io(&self.path, error))
    }

    fn try_read(&mut self) -> Result<News, Fault> {
        let metadata = match fs::metadata(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(News::Missing),
            metadata => metadata.map_err(|error| Fault::io(&self.path, error))?,
        };
        let known = self.open.take().filter(|open| {
            open.identity == Identity::of(&metadata) && open.end.bytes <= metadata.len()
        });
        if let Some(mut open) = known {
            let read = open
                .read_on()
                .map_err(|error| Fault::io(&self.path, error))?;
            if let Ok(records) = read {
                self.open = Some(open);
                return Ok(News::More(records));
            }
            // It was cut and written again behind our back: look at it as a whole.
        }
        let file = readable().open(&self.path);
        let open = file.and_then(|file| Open::new(file, End::first()));
        let mut open = open.map_err(|error| Fault::io(&self.path, error))?;
        let read = open
            .read_on()
            .map_err(|error| Fault::io(&self.path, error))?;
        let records = read.map_err(|reason| Fault::corrupt(&self.path, reason))?;
        self.open = Some(open);
        Ok(News::Anew(records))
    }

    /// Replaces the file by one that tells these records, durably; they count as read. Needs the lock.
    pub(super) fn replace(&mut self, records: impl Iterator<Item = Record>) -> Result<(), Fault> {
        let new = self.path.with_extension("tmp");
        let write = || {
            let mut options = readable();
            let file = options.write(true).create(true).truncate(true).open(&new)?;
            let mut to = BufWriter::new(file);
            let mut end = End::first();
            for record in records {
                let line;
                (line, end.checksum) = written(&record, &end.checksum);
                end.bytes += line.len() as u64;
                to.write_all(line.as_bytes())?;
            }
            let file = to.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            fs::rename(&new, &self.path)?;
            Open::new(file, end)
        };
        self.open = None;
        let open = write().map_err(|error| {
            drop(fs::remove_file(&new));
            Fault::io(&self.path, error)
        })?;
        sync_folder(self.path.parent().unwrap_or(Path::new(".")))?;
        self.open = Some(open);
        Ok(())
    }
}

impl Open {
    fn new(file: File, end: End) -> io::Result<Self> {
        let identity = Identity::of(&file.metadata()?);
        Ok(Self {
            file,
            identity,
            end,
        })
    }

    /// The whole lines behind the end, or why what follows is not part of this journal.
    fn read_on(&mut self) -> io::Result<Result<Vec<Record>, String>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(self.end.bytes))?;
        self.file.read_to_end(&mut bytes)?;
        let mut records = Vec::new();
        let mut rest = bytes.as_slice();
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = (&rest[..at], &rest[at + 1..]);
            let Some(line) = Line::of(line) else {
                // What a crash left unfinished is the last. Anything whole behind it was acknowledged, and what
                // stood here too.
                if after
                    .split(|byte| *byte == b'\n')
                    .any(|line| Line::of(line).is_some())
                {
                    let place = self.end.bytes;
                    return Ok(Err(format!(
                        "it is damaged at byte {place}: restore it, or remove it to read all files anew"
                    )));
                }
                break;
            };
            if line.before != self.end.checksum {
                return Ok(Err(
                    "lines are missing: restore it, or remove it to read all files anew".to_owned(),
                ));
            }
            match serde_json::from_str(line.json) {
                Ok(record) => records.push(record),
                Err(error) => {
                    return Ok(Err(format!("it was written by another version: {error}")));
                }
            }
            self.end.bytes += at as u64 + 1;
            self.end.checksum = line.checksum.to_owned();
            rest = after;
        }
        Ok(Ok(records))
    }
}

impl End {
    /// Where the first line goes.
    fn first() -> Self {
        Self {
            bytes: 0,
            checksum: NOTHING.to_owned(),
        }
    }

    /// Appends records, in place of whatever a crash left behind the end; answers the file, not yet on the disk.
    /// Needs the lock.
    pub(super) fn append(mut self, path: &Path, records: &[Record]) -> io::Result<File> {
        let mut lines = String::new();
        for record in records {
            let line;
            (line, self.checksum) = written(record, &self.checksum);
            lines.push_str(&line);
        }
        let mut file = OpenOptions::new().append(true).open(path)?;
        if file.metadata()?.len() != self.bytes {
            file.set_len(self.bytes)?;
        }
        if let Err(error) = file.write_all(lines.as_bytes()) {
            // If this fails too, the next writer finds an unfinished line.
            drop(file.set_len(self.bytes));
            return Err(error);
        }
        Ok(file)
    }
}

/// How a journal is opened to be read, and to be brought to the disk, which Windows takes for writing.
fn readable() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(cfg!(windows));
    options
}

/// A whole line: the checksum of the one before, its own of that and of what it tells, and what it tells.
struct Line<'t> {
    before: &'t str,
    checksum: &'t str,
    json: &'t str,
}

impl<'t> Line<'t> {
    fn of(line: &'t [u8]) -> Option<Self> {
        let line = str::from_utf8(line).ok()?;
        let (before, line) = line.split_once(' ')?;
        let (checksum, json) = line.split_once(' ')?;
        (checksum == sum(before, json)).then_some(Self {
            before,
            checksum,
            json,
        })
    }
}

/// A record as a line, and its checksum.
fn written(record: &Record, before: &str) -> (String, String) {
    let json = serde_json::to_string(record).expect("records have text keys and write to memory");
    let checksum = sum(before, &json);
    (format!("{before} {checksum} {json}\n"), checksum)
}

fn sum(before: &str, json: &str) -> String {
    let digest = Sha256::new()
        .chain_update(before)
        .chain_update(json)
        .finalize();
    hex(&digest[..NOTHING.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(records: &[Record]) -> (tempfile::TempDir, Journal) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let begin = Record::Begin {
            format: "x".into(),
            head: 0,
        };
        let mut writer = Journal::new(path.clone());
        writer.replace(std::iter::once(begin)).unwrap();
        append(&path, records);
        (directory, Journal::new(path))
    }

    fn append(path: &Path, records: &[Record]) {
        let mut reader = Journal::new(path.to_owned());
        reader.read().unwrap();
        let end = reader.end().unwrap();
        end.append(path, records).unwrap();
    }

    fn told(news: News) -> String {
        match news {
            News::More(records) => format!("more {records:?}"),
            News::Anew(records) => format!("anew {records:?}"),
            News::Missing => "missing".into(),
        }
    }

    #[test]
    fn a_reader_follows_what_is_appended_and_what_replaces_it() {
        let (_directory, mut journal) = journal(&[]);
        assert!(!journal.is_read());
        assert_eq!(
            told(journal.read().unwrap()),
            "anew [Begin { format: \"x\", head: 0 }]"
        );
        append(&journal.path, &[Record::Done, Record::Forget(3)]);
        assert!(!journal.is_read());
        assert_eq!(told(journal.read().unwrap()), "more [Done, Forget(3)]");
        assert!(journal.is_read());
        let mut writer = Journal::new(journal.path.clone());
        writer.replace([Record::Done].into_iter()).unwrap();
        assert!(writer.is_read());
        assert_eq!(told(writer.read().unwrap()), "more []");
        assert!(!journal.is_read());
        assert_eq!(told(journal.read().unwrap()), "anew [Done]");
        fs::remove_file(&journal.path).unwrap();
        assert!(journal.is_read());
        assert_eq!(told(journal.read().unwrap()), "missing");
    }

    #[test]
    fn an_end_torn_anywhere_is_not_told_and_is_written_over() {
        let (_directory, mut journal) = journal(&[Record::Done]);
        let whole = fs::read(&journal.path).unwrap();
        append(&journal.path, &[Record::Forget(7)]);
        let longer = fs::read(&journal.path).unwrap();
        for cut in whole.len()..longer.len() {
            fs::write(&journal.path, &longer[..cut]).unwrap();
            journal.open = None;
            let News::Anew(records) = journal.read().unwrap() else {
                panic!("it is read from its beginning")
            };
            assert_eq!(records.len(), 2);
            append(&journal.path, &[Record::Forget(8)]);
            assert_eq!(told(journal.read().unwrap()), "more [Forget(8)]");
        }
        // A disk may also have kept the length and not the content.
        let mut zeroed = longer.clone();
        zeroed[whole.len()..].fill(0);
        fs::write(&journal.path, &zeroed).unwrap();
        journal.open = None;
        journal.read().unwrap();
        assert_eq!(journal.bytes(), whole.len() as u64);
    }

    #[test]
    fn damage_in_the_middle_is_told_and_not_skipped() {
        let (_directory, mut journal) = journal(&[Record::Done, Record::Forget(7)]);
        let whole = fs::read(&journal.path).unwrap();
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let mut damaged = whole.clone();
        damaged[first + 36] ^= 1;
        fs::write(&journal.path, &damaged).unwrap();
        let refused = journal.read().unwrap_err().reason();
        assert!(
            refused.contains(&format!("damaged at byte {first}")),
            "{refused}"
        );

        let lines: Vec<_> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        fs::write(&journal.path, [lines[0], lines[2]].concat()).unwrap();
        let refused = journal.read().unwrap_err().reason();
        assert!(refused.contains("lines are missing"), "{refused}");
        fs::write(&journal.path, whole).unwrap();
        journal.read().unwrap();
    }
}
