//! The one door through which configuration changes.
//!
//! [`Registry`] admits, commits and announces writes; a [`Reader`] cannot write, by type. What stores the
//! registrations is a [`RegistryBackend`]: a few operations with exact semantics, which the suite in the module
//! `conformance` (behind the feature of that name) checks for every implementation, yours included.
//! [`MemoryBackend`] is the one that needs nothing.
//!
//! Every write gets the next [`Revision`] of its collection. Revisions, never clocks, decide what is newer.

pub use hotbed_configs::{PortableConfig, RegistrationFile, Syntax};

mod access;
mod admission;
mod announce;
mod announcer;
mod backend;
mod change;
#[cfg(feature = "conformance")]
pub mod conformance;
mod connecting;
mod error;
mod history;
mod id;
mod last_served;
mod layered;
mod matching;
mod memory;
pub mod moving;
mod note;
mod query;
mod reader;
mod registration;
mod registry;
mod revision;
mod snapshot;

pub use access::Access;
pub use admission::{Admission, Check, Verdict};
pub use announce::{Announcement, announcement, event_from_change, may_be_of};
pub use backend::{RegistryBackend, Retention};
pub use change::{Change, ChangeKind, Changes, Observer};
pub use connecting::{Connect, ConnectingBackend};
pub use error::{Error, NoVersion};
pub use history::{HistoryRetention, Past};
pub use id::{CollectionName, Id, InvalidId};
pub use last_served::LastServed;
pub use layered::LayeredBackend;
pub use matching::{compare, matches, page};
pub use memory::MemoryBackend;
pub use note::ChangeNote;
pub use query::{Direction, Page, Query, SortField, SortSpec};
pub use reader::{Read, Reader, Source};
pub use registration::{Draft, Registration, Status, UnknownStatus};
pub use registry::{Admitted, Registry, RegistryBuilder};
pub use revision::{Precondition, Revision};
pub use snapshot::Snapshot;
