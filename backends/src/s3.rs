//! The registry in a bucket: S3 and what speaks like it, Google Cloud Storage, Azure. Nothing runs beside the bucket.
//!
//! # What is in the bucket
//!
//! Below the prefix, for each collection:
//!
//! - `COLLECTION/index`: the writes since the base, at most a few hundred, and a few words beside them. It is replaced on
//!   the condition that it is still the one that was read (`If-Match`), so one replacement follows another and each is
//!   the moment at which its writes become true: this gives the revisions their order. What each write says of its
//!   registration, but for the configuration, stands here; metadata of more than 1 KiB does not.
//! - `COLLECTION/bases/GENERATION-MARK`: everything that the index told up to some revision, with the log. Written before
//!   the first index that names it, and never changed.
//! - `COLLECTION/versions/ID/REVISION-TIME-MARK`: what one write made of one registration, deletions included, and which
//!   versions were before it. Written before the index that makes it true, and never changed; the id is percent-encoded.
//! - `COLLECTION/accesses`: when registrations were last accessed, if ever anybody notes it.
//!
//! The mark is different for every attempt of every writer, so an attempt that lost leaves objects that nobody refers to;
//! a compaction sweeps them.
//!
//! # What it costs
//!
//! - `head` and `changes`: one conditional read of the index, which is answered with nothing if nothing changed. Else the
//!   answer is the index: about 170 bytes for each write that it tells, 20 to 50 KB, and 110 KB at 100,000 registrations.
//! - `get`: that, beside it another for the accesses, and a read of the version unless it was read lately. A listing reads
//!   one version for each registration of its page; one that asks for metadata also those whose metadata is long.
//! - Writes that wait together, up to 1,024: one object for each, written at the same time, and one index. After each 128
//!   or more (a 512th of the registrations) a new base, of about 150 bytes for each registration and 60 for each entry of
//!   the log: with 100,000 of both 20 MB, written once in 320 writes or more, and read once by a process that starts.
//! - Memory: the index of each collection in use, without configurations; the versions last read, 16 MB.
//! - `compact`: the names of all versions, a request for each thousand.
//! - A bucket that keeps old versions of objects keeps every index that there ever was: give it a rule that ends that.
//! - Google takes one write a second to one object, so to one index; more wait together.

mod accesses;
mod collection;
mod commit;
mod compaction;
mod connect;
mod core;
mod fault;
mod history;
mod index;
mod link;
mod plan;
mod probe;
mod remote;
mod replica;
mod shelf;
mod state;
mod turns;
mod url;
mod version;
mod writer;

use self::core::Core;
use crate::job::Jobs;
use collection::S3Collection;
use fault::Fault;
use hotbed_registry::{CollectionName, Error, RegistryBackend};
use link::Marks;
use remote::Remote;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::EtagStyle;
pub use url::S3Url;
use writer::Writer;

const OPEN: &str = "open its bucket";

/// How an [`S3Store`] treats its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct S3Options {
    /// How long to wait for an answer before [`Error::Unavailable`]; large objects have a second more for each MiB. 5 s.
    pub patience: Duration,
}

impl Default for S3Options {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(5),
        }
    }
}

/// Many collections in one bucket. Clones are the same store.
///
/// # Guarantees
/// - What was acknowledged is as durable as the store makes an object.
/// - Many nodes may use the same bucket and prefix. A store that does not refuse a write whose condition fails
///   is not opened, for there one node would write over another.
/// - A write whose answer is lost is looked for in the index: it succeeds if it is there, and is never done twice.
///   Where nobody can be asked any more, the error says that nobody knows.
/// - A store that is away for a while is used again as soon as it is back; meanwhile everything fails within twice
///   the patience, and at once where nothing listens.
/// - An object that cannot be understood, because something else wrote it, is [`Error::Corrupt`] for who needs it.
///
/// Dropping the last handle ends the writers once their queues are empty; [`close`](Self::close) also waits for them.
#[derive(Debug, Clone)]
pub struct S3Store {
    shared: Arc<Shared>,
    writers: TaskTracker,
}

/// What every handle on the bucket holds.
#[derive(Debug)]
struct Shared {
    remote: Remote,
    marks: Arc<Marks>,
    /// One for each name, so that its handles share one copy of the index and one writer.
    collections: Mutex<HashMap<CollectionName, Arc<S3Collection>>>,
    closing: CancellationToken,
}

impl S3Store {
    /// Opens a bucket that there is, after trying whether it keeps conditions. Makes nothing.
    pub async fn open(url: &S3Url, options: S3Options) -> Result<Self, Error> {
        let opened = async {
            let client = connect::connect(url, options.patience)?;
            let remote = Remote::new(client, url.clone(), options.patience, EtagStyle::Quoted);
            let marks = Arc::new(Marks::new());
            let style = probe::probe(&remote, &marks).await?;
            Ok(Self::on(remote.with_style(style), marks))
        };
        opened.await.map_err(|fault: Fault| fault.during(OPEN))
    }

    fn on(remote: Remote, marks: Arc<Marks>) -> Self {
        Self {
            shared: Arc::new(Shared {
                remote,
                marks,
                collections: Mutex::default(),
                closing: CancellationToken::new(),
            }),
            writers: TaskTracker::new(),
        }
    }

    /// A handle on one collection, which is created by its first write.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn collection(&self, name: &CollectionName) -> Arc<dyn RegistryBackend> {
        let shared = &self.shared;
        let mut collections = shared
            .collections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let collection = collections.entry(name.clone()).or_insert_with(|| {
            let remote = shared.remote.below(name.as_str());
            let core = Arc::new(Core::new(remote, Arc::clone(&shared.marks)));
            let (jobs, queue) = Jobs::channel();
            let writer = Writer::new(Arc::clone(&core));
            self.writers
                .spawn(writer.run(queue, shared.closing.clone()));
            let closing = shared.closing.clone();
            Arc::new(S3Collection::new(core, name.clone(), jobs, closing))
        });
        collection.clone()
    }

    /// Completes the writes that were begun. Handles that are still held answer [`Error::Unavailable`] from then on.
    pub async fn close(&self) {
        self.shared.closing.cancel();
        self.writers.close();
        self.writers.wait().await;
    }
}
