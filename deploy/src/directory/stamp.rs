//! Whether a file may have changed, without opening it.

use std::fs::Metadata;
use std::time::{Duration, SystemTime};

/// A file that was written so short a time before it was read may be written again without its times showing it: they
/// are no finer than this on any file system.
const GRAIN: Duration = Duration::from_secs(2);

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
    node: Node,
    is_settled: bool,
}

/// Which file it is and when it became what it is, as the system counts: these tell a file that was put in the place of
/// another, and one whose time of modification was set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Node {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok();
        let age = modified.and_then(|at| SystemTime::now().duration_since(at).ok());
        Self {
            size: metadata.len(),
            modified,
            node: node(metadata),
            is_settled: age.is_some_and(|age| age > GRAIN),
        }
    }

    /// Whether a file of this stamp still holds what was read under it, if its stamp is `now`.
    pub(super) fn still_holds(&self, now: &Self) -> bool {
        self.is_settled
            && (self.size, self.modified, self.node) == (now.size, now.modified, now.node)
    }
}

#[cfg(unix)]
fn node(metadata: &Metadata) -> Node {
    use std::os::unix::fs::MetadataExt;
    Node {
        device: metadata.dev(),
        inode: metadata.ino(),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    }
}

#[cfg(not(unix))]
fn node(_: &Metadata) -> Node {
    Node {
        device: 0,
        inode: 0,
        changed: (0, 0),
    }
}
