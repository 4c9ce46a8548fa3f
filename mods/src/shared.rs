//! What the parts of a host have in common.

use crate::board::Board;
use crate::book::Book;
use crate::command::{CommandWords, Users};
use crate::emission::Outbox;
use crate::generation::Generation;
use crate::id::ModId;
use crate::loader::Loaders;
use crate::notice::Notice;
use crate::service::{Provided, TakenBack};
use crate::settings::HostSettings;
use crate::table::TableCell;
use hotbed_lease::Lender;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

pub(crate) struct Shared {
    pub(crate) settings: HostSettings,
    pub(crate) loaders: Loaders,
    pub(crate) host_services: Arc<Provided>,
    pub(crate) table: TableCell,
    pub(crate) lender: Lender<Generation>,
    pub(crate) board: Board,
    pub(crate) notices: broadcast::Sender<Notice>,
    pub(crate) outbox: Outbox,
    /// Our own tasks: events and commands on their way, mutations, generations that are taken out of service.
    pub(crate) jobs: TaskTracker,
    /// Calls and tasks on threads of their own.
    pub(crate) threads: TaskTracker,
    /// The tasks that mods run.
    pub(crate) mod_tasks: TaskTracker,
    /// Whoever has it is the one writer.
    pub(crate) book: tokio::sync::Mutex<Book>,
    pub(crate) words: CommandWords,
    pub(crate) users: Users,
    /// When the next failure is worth another try.
    pub(crate) next_retry: watch::Sender<Option<Instant>>,
    taken_back: Mutex<Vec<(ModId, TakenBack)>>,
    numbers: AtomicU64,
}

impl Shared {
    pub(crate) fn new(
        settings: HostSettings,
        loaders: Loaders,
        host_services: Arc<Provided>,
        outbox: Outbox,
        words: CommandWords,
    ) -> Self {
        let settings = settings.bounded();
        Self {
            words,
            users: Users::new(settings.commands_per_user, settings.queue_per_user),
            settings,
            loaders,
            host_services,
            table: TableCell::default(),
            lender: crate::generation::lender(),
            board: Board::default(),
            notices: broadcast::Sender::new(NOTICES),
            outbox,
            jobs: TaskTracker::new(),
            threads: TaskTracker::new(),
            mod_tasks: TaskTracker::new(),
            book: tokio::sync::Mutex::new(Book::default()),
            next_retry: watch::Sender::default(),
            taken_back: Mutex::default(),
            numbers: AtomicU64::new(0),
        }
    }

    /// The number of a new generation: larger than all before it, of whichever mod.
    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn notify(&self, notice: Notice) {
        // An error means that nobody listens.
        drop(self.notices.send(notice));
    }

    /// Remembers services that were taken back for as long as somebody holds them.
    pub(crate) fn note_taken_back(&self, id: &ModId, services: Vec<TakenBack>) {
        let mut taken = self
            .taken_back
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        taken.retain(|(_, service)| service.is_held());
        let held = services.into_iter().filter(TakenBack::is_held);
        taken.extend(held.map(|service| (id.clone(), service)));
    }

    /// The services that were taken back and that somebody holds all the same, each as `mod/service`.
    pub(crate) fn held_services(&self) -> Vec<String> {
        let mut taken = self
            .taken_back
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        taken.retain(|(_, service)| service.is_held());
        taken
            .iter()
            .map(|(id, service)| format!("{id}/{}", service.name))
            .collect()
    }
}

/// How far a listener may fall behind before it loses the oldest notices.
const NOTICES: usize = 1024;

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
