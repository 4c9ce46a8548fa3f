//! Carries registrations from one registry to another, or into an archive and back.
//!
//! What is carried of a registration is a [`Record`]: id, configuration, status, metadata and the time of its
//! creation. Revisions and versions are each registry's own. [`Migration`] copies a whole collection while its source
//! is in use and proves that both are equal; [`Import`] brings records into a collection that may hold others.
//!
//! Both may be interrupted at any moment, for every registration is moved by one atomic, conditional write, and what is
//! equal already is skipped by the next run.

mod archive;
mod copier;
mod import;
mod migration;
mod outcome;
mod record;
mod verify;
mod walk;

pub use archive::{ArchiveError, ArchiveReader, ArchiveSummary, ArchiveWriter};
pub use import::Import;
pub use migration::{Extras, Migration};
pub use outcome::{
    Headway, ImportReport, MigrationReport, Mode, MoveError, NotMoved, OnDifference, Stage, Tally,
    Verdict,
};
pub use record::{ContentDigest, Record};
pub use walk::Walk;
