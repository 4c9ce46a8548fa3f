use super::ContentDigest;
use crate::{Error, Id, Revision};

/// Whether anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// What is missing or different is written.
    Write,
    /// Nothing is: what would be is counted.
    DryRun,
}

/// What happens to a registration of the target that differs from the one that is brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDifference {
    /// It is replaced.
    Replace,
    /// It stays as it is.
    Keep,
    /// It stays as it is, and is told of as [`NotMoved::Differs`].
    Tell,
}

/// How many registrations were treated how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Were missing in the target and are there now.
    pub created: u64,
    /// Differed and are equal now.
    pub replaced: u64,
    /// Were deleted from the target.
    pub deleted: u64,
    /// Were equal already.
    pub same: u64,
    /// Are in the target, differ from the source or are unknown to it, and were kept because that was asked for.
    pub kept: u64,
}

impl Tally {
    /// How many were written or deleted.
    pub fn written(&self) -> u64 {
        self.created + self.replaced + self.deleted
    }
}

/// Why one registration is not in the target as it is in the source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotMoved {
    /// The target does not take it.
    #[error(transparent)]
    Refused(Error),
    /// The target has a different one, which was not to be replaced.
    #[error("differs from what the target holds at revision {found}")]
    Differs {
        /// The revision in the target.
        found: Revision,
    },
    /// Somebody else wrote it in the target meanwhile. That write stands.
    #[error("was written in the target by somebody else meanwhile ({}): that was left as it is", describe(*.found))]
    WrittenMeanwhile {
        /// The revision in the target; `None` if it was deleted.
        found: Option<Revision>,
    },
    /// The target took it, and answers something else than what was written.
    #[error("is stored by the target in another form than it was written in")]
    Altered,
}

fn describe(found: Option<Revision>) -> String {
    found.map_or_else(
        || "deleted".to_owned(),
        |revision| format!("revision {revision}"),
    )
}

/// What a move is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Looks for what only the target has.
    Looking,
    /// Compares, and copies what is missing or different.
    Copying,
    /// Copies what was changed in the source meanwhile.
    Following,
    /// Compares both sides once more, and takes their digests.
    Verifying,
}

/// How far a move has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headway {
    /// What it is doing.
    pub stage: Stage,
    /// How many registrations this stage is done with.
    pub done: u64,
    /// How many there are, if that is known. May be exceeded while others write.
    pub total: Option<u64>,
}

/// Why a move ended early. What was written until then is whole, and is skipped by the next run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    /// The source cannot be read.
    #[error("the source failed")]
    Source(#[source] Error),
    /// The target cannot be read or written.
    #[error("the target failed")]
    Target(#[source] Error),
    /// The target holds what the source does not, and nobody said what to do about that. Nothing was written.
    #[error("the target holds {count} registrations that the source does not: {}", name(ids, *.count))]
    Extras {
        /// How many.
        count: u64,
        /// Some of them.
        ids: Vec<Id>,
    },
    /// The source holds nothing, and the target would be emptied. Nothing was written.
    #[error(
        "the source holds nothing: the {count} registrations of the target are not deleted for that"
    )]
    EmptySource {
        /// How many the target holds.
        count: u64,
    },
    /// The source's log was shortened faster than it could be followed.
    #[error("the log of the source forgets changes before they can be read")]
    Outrun,
}

fn name(ids: &[Id], count: u64) -> String {
    let named: Vec<String> = ids.iter().map(|id| format!("{id:?}")).collect();
    let more = if count > ids.len() as u64 {
        ", …"
    } else {
        ""
    };
    named.join(", ") + more
}

/// What the comparison at the end of a migration found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Both sides hold the same, at the revision of the source that the report names.
    Equal {
        /// The digest of both.
        digest: ContentDigest,
    },
    /// They do not, although the source stood still.
    Different {
        /// The digest of the source.
        source: ContentDigest,
        /// The digest of the target.
        target: ContentDigest,
        /// Which registrations differ, are missing in the target, or are unknown to the source.
        ids: Vec<Id>,
    },
    /// The source was written to during each comparison, so that there is no moment of which digests could be
    /// compared. Everything up to the revision that the report names was carried over.
    Moving,
}

/// What a migration did.
#[derive(Debug)]
pub struct MigrationReport {
    /// How many registrations were treated how; in a dry run, would be.
    pub tally: Tally,
    /// How many changes of the source were followed while it ran.
    pub followed: u64,
    /// Which registrations were not moved, and why.
    pub failures: Vec<(Id, NotMoved)>,
    /// The source's revision up to which everything was carried over.
    pub source_head: Revision,
    /// How many registrations were compared at the end.
    pub compared: u64,
    /// How the sides compare at the end; `None` after a dry run.
    pub verdict: Option<Verdict>,
}

/// What an import did.
#[derive(Debug)]
pub struct ImportReport {
    /// How many registrations were treated how; in a dry run, would be.
    pub tally: Tally,
    /// Which registrations were not brought, and why.
    pub failures: Vec<(Id, NotMoved)>,
}
