//! One file that holds a collection: JSON, a line for each registration, between a line that says what it is and one
//! that proves that it is whole.

mod line;
mod read;
mod write;

pub use read::{ArchiveError, ArchiveReader};
pub use write::{ArchiveSummary, ArchiveWriter};
