//! Which files there are.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::ENDINGS;
use crate::problem::Problem;

/// A file that is to be read.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) path: PathBuf,
    /// Of the file itself, where the path is a link.
    pub(super) metadata: Metadata,
}

/// Whether directories in a directory are looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nesting {
    Flat,
    Deep,
}

/// Lists the files of a part of the directory `root`, which really is `real_root`, in the order of their paths; none if there is no such part.
pub(super) fn list(
    root: &Path,
    real_root: &Path,
    part: &str,
    nesting: Nesting,
    problems: &mut Vec<Problem>,
) -> Vec<Listed> {
    let part = root.join(part);
    let mut walk = Walk {
        real_root,
        nesting,
        seen: BTreeMap::new(),
        files: Vec::new(),
        problems,
    };
    match fs::symlink_metadata(&part) {
        Ok(_) => walk.top(part),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => walk.problems.push(Problem::unreadable(&part, &error)),
    }
    walk.files
}

struct Walk<'p> {
    real_root: &'p Path,
    nesting: Nesting,
    /// The directories that were listed, each as it really is and as it was called.
    seen: BTreeMap<PathBuf, PathBuf>,
    files: Vec<Listed>,
    problems: &'p mut Vec<Problem>,
}

impl Walk<'_> {
    fn top(&mut self, part: PathBuf) {
        match self.look(&part) {
            Some(metadata) if metadata.is_dir() => self.directory(part),
            Some(_) => self.problems.push(Problem::NotADirectory { path: part }),
            None => {}
        }
    }

    fn directory(&mut self, path: PathBuf) {
        let real = match fs::canonicalize(&path) {
            Ok(real) => real,
            Err(error) => return self.problems.push(Problem::unreadable(&path, &error)),
        };
        // Links may lead in circles, and what is listed twice would be registered twice.
        if let Some(first) = self.seen.get(&real) {
            let first = first.clone();
            return self.problems.push(Problem::SameDirectory { path, first });
        }
        let entries = fs::read_dir(&path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => return self.problems.push(Problem::unreadable(&path, &error)),
        };
        self.seen.insert(real, path);
        let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            self.entry(path);
        }
    }

    fn entry(&mut self, path: PathBuf) {
        let name = path.file_name().unwrap_or_default();
        if name.as_encoded_bytes().starts_with(b".") {
            return;
        }
        let is_taken = is_taken(&path);
        // What is neither taken nor a directory is none of our business, even if it cannot be looked at.
        if !is_taken && !path.is_dir() {
            return;
        }
        match self.look(&path) {
            Some(metadata) if metadata.is_dir() && self.nesting == Nesting::Deep => {
                self.directory(path);
            }
            Some(metadata) if metadata.is_dir() => {}
            Some(metadata) if metadata.is_file() => self.files.push(Listed { path, metadata }),
            Some(_) => self.problems.push(Problem::NotAFile { path }),
            None => {}
        }
    }

    /// What is there, behind a link too; nothing, and a problem, if that is outside of the root or cannot be looked at.
    fn look(&mut self, path: &Path) -> Option<Metadata> {
        let looked = fs::symlink_metadata(path).and_then(|metadata| {
            if !metadata.is_symlink() {
                return Ok(Some(metadata));
            }
            let is_inside = fs::canonicalize(path)?.starts_with(self.real_root);
            is_inside.then(|| fs::metadata(path)).transpose()
        });
        match looked {
            Ok(Some(metadata)) => Some(metadata),
            Ok(None) => {
                self.problems.push(Problem::LeadsOut {
                    path: path.to_owned(),
                });
                None
            }
            Err(error) => {
                self.problems.push(Problem::unreadable(path, &error));
                None
            }
        }
    }
}

fn is_taken(path: &Path) -> bool {
    let ending = path.extension().and_then(OsStr::to_str);
    ending.is_some_and(|ending| ENDINGS.contains(&ending))
}
