use super::accesses::Accesses;
use super::fault::Fault;
use super::index::{Index, decode_base};
use super::remote::{Found, Remote};
use super::state::{Op, State};
use super::turns::Turns;
use hotbed_registry::{Id, Revision};
use object_store::UpdateVersion;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::task::spawn_blocking;

pub(super) const INDEX: &str = "index";
/// How often a base is looked for that is gone because there is a newer one.
const TRIES: usize = 8;

/// This process's copy of a collection's index, and the question whether it is still the newest.
#[derive(Debug)]
pub(super) struct Replica {
    remote: Remote,
    copy: RwLock<View>,
    turns: Turns,
}

/// The index as it was last seen.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) state: State,
    pub(super) basis: Basis,
    pub(super) accesses: Accesses,
    /// Counts what was put in place of what was here before.
    installs: u64,
}

/// What the next index is made from, and takes the place of.
#[derive(Debug, Clone, Default)]
pub(super) struct Basis {
    pub(super) index: Arc<Index>,
    /// `None` if there was no index.
    pub(super) version: Option<UpdateVersion>,
}

/// What an index changes beyond the one before it.
#[derive(Debug, Default)]
pub(super) struct Edit {
    pub(super) ops: Vec<Arc<Op>>,
    /// The log is forgotten up to here.
    pub(super) forgotten: Revision,
    /// Deletions that are forgotten.
    pub(super) purged: Vec<Id>,
}

impl Edit {
    /// Makes this of a state.
    pub(super) fn apply(&self, state: &mut State) {
        for op in &self.ops {
            state.apply(op);
        }
        state.forget(self.forgotten);
        for id in &self.purged {
            state.deleted.remove(id);
        }
    }
}

impl Replica {
    pub(super) fn new(remote: Remote) -> Self {
        Self {
            remote,
            copy: RwLock::default(),
            turns: Turns::new(),
        }
    }

    /// The copy as it is now. Not to be held for long.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, View> {
        self.copy.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, View> {
        self.copy.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes sure that the copy has all that was written before this was called. One conditional request, if nothing
    /// was; shared with others who ask at the same time.
    pub(super) async fn refresh(&self) -> Result<(), Fault> {
        self.turns.share(Box::pin(self.fetch())).await
    }

    async fn fetch(&self) -> Result<(), Fault> {
        for _ in 0..TRIES {
            let (known, installs) = {
                let copy = self.read();
                (copy.basis.version.clone(), copy.installs)
            };
            let found = self.remote.read(INDEX, known.as_ref()).await?;
            let (index, version) = match found {
                Found::Unchanged => return Ok(()),
                Found::Nothing if known.is_none() => return Ok(()),
                Found::Nothing => {
                    return Err(Fault::said(format!(
                        "{} is missing, although it was there before: restore it",
                        self.remote.place(INDEX)
                    )));
                }
                Found::Body { body, version } => {
                    let index = Index::decode(&body)
                        .map_err(|reason| Fault::corrupt(self.remote.place(INDEX), reason))?;
                    (Arc::new(index), Some(version))
                }
            };
            let basis = Basis { index, version };
            if self.catch_up(&basis, installs) {
                return Ok(());
            }
            if let Some(state) = self.load(&basis.index).await? {
                self.write().replace(state, basis, installs);
                return Ok(());
            }
        }
        Err(Fault::said(format!(
            "{} is replaced faster than it can be read: try again",
            self.remote.place(INDEX)
        )))
    }

    /// Brings the copy up to an index by the writes that the index tells; `false` if those are not enough.
    fn catch_up(&self, basis: &Basis, installs: u64) -> bool {
        let mut copy = self.write();
        let index = &basis.index;
        if copy.is_newer(index, installs) {
            return true;
        }
        let head = copy.state.head;
        if copy.basis.index.lineage != index.lineage || head < index.since || head > index.head() {
            return false;
        }
        for op in &index.ops {
            copy.take(op);
        }
        copy.state.forget(index.forgotten);
        copy.install(basis.clone());
        true
    }

    /// The state that an index tells together with its base; nothing if the base is gone.
    async fn load(&self, index: &Arc<Index>) -> Result<Option<State>, Fault> {
        let base = match &index.base {
            None => None,
            Some(name) => match self.remote.get(&base_key(name)).await? {
                None => return Ok(None),
                found => found,
            },
        };
        let place = self.remote.place(INDEX);
        let index = Arc::clone(index);
        // A large one takes a while.
        let understood = spawn_blocking(move || {
            let mut state = base.map_or(Ok(State::default()), |base| decode_base(&base))?;
            if index.ops.iter().all(|op| state.apply(op)) && state.head == index.head() {
                state.forget(index.forgotten);
                Ok(state)
            } else {
                Err("it does not continue its base".to_owned())
            }
        });
        let state = understood
            .await
            .map_err(|error| Fault::said(error.to_string()))?
            .map_err(|reason| Fault::corrupt(place, reason))?;
        Ok(Some(state))
    }

    /// Notes that this process replaced an index by another.
    pub(super) fn advance(&self, from: &Basis, to: Basis, edit: &Edit) {
        let mut copy = self.write();
        let is_from = copy.basis.version == from.version
            && copy.basis.index.generation == from.index.generation;
        if is_from {
            edit.apply(&mut copy.state);
            copy.install(to);
        }
    }
}

impl View {
    /// Whether this is no older than an index that was asked for before what is here now was put here.
    fn is_newer(&self, index: &Index, installs: u64) -> bool {
        self.installs != installs
            && self.basis.index.lineage == index.lineage
            && self.basis.index.generation >= index.generation
    }

    fn replace(&mut self, state: State, basis: Basis, installs: u64) {
        if !self.is_newer(&basis.index, installs) {
            self.state = state;
            self.install(basis);
            self.touch();
        }
    }

    fn take(&mut self, op: &Op) {
        self.state.apply(op);
        // It may have been touched before we learned of it.
        if let Some((revision, at)) = self.accesses.of.get(&op.id) {
            self.state.touch(&op.id, *revision, *at);
        }
    }

    /// Tells the state of the accesses.
    pub(super) fn touch(&mut self) {
        for (id, (revision, at)) in &self.accesses.of {
            self.state.touch(id, *revision, *at);
        }
    }

    fn install(&mut self, basis: Basis) {
        self.basis = basis;
        self.installs += 1;
    }
}

/// Where a base stands.
pub(super) fn base_key(name: &str) -> String {
    format!("bases/{name}")
}
