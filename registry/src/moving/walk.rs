use super::MoveError;
use crate::{Error, Id, Page, Query, Registration, RegistryBackend};
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Registrations that are read at once.
const PAGE: u64 = 500;

/// Goes through a collection in id order, page by page, one page ahead. Each registration is read whole; what others
/// write meanwhile is seen if its page is yet to be read.
#[derive(Debug)]
pub struct Walk {
    backend: Arc<dyn RegistryBackend>,
    digests: Digests,
    state: State,
    read: VecDeque<Registration>,
    /// The page that is being read, if there is one more.
    ahead: JoinSet<Result<Page, Error>>,
    last: Option<Id>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Begun,
}

/// Whether the digests of configurations will be asked for, so that they are better worked out along with the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digests {
    Needed,
    NotNeeded,
}

impl Walk {
    /// Begins before the first registration; nothing is read yet.
    pub fn new(backend: &Arc<dyn RegistryBackend>) -> Self {
        Self::with(backend, Digests::NotNeeded)
    }

    fn with(backend: &Arc<dyn RegistryBackend>, digests: Digests) -> Self {
        Self {
            backend: Arc::clone(backend),
            digests,
            state: State::New,
            read: VecDeque::new(),
            ahead: JoinSet::new(),
            last: None,
        }
    }

    /// The next registration; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Registration>, Error> {
        self.fill().await?;
        Ok(self.read.pop_front())
    }

    /// Waits for the next page if nothing is left of the last.
    async fn fill(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.state, State::Begun) == State::New {
            self.read_ahead(None);
        }
        while self.read.is_empty()
            && let Some(page) = self.ahead.join_next().await
        {
            let page = page.expect("reading neither panics nor is it aborted")?;
            let first = page.items.first().map(|it| &it.id);
            // A store that answers the same page again would be walked through for ever.
            if first.is_some_and(|first| self.last.as_ref().is_some_and(|last| first <= last)) {
                return Err(Error::Corrupt {
                    place: "its listing".into(),
                    reason: format!("{first:?} is listed after {:?}", self.last),
                });
            }
            self.last = page.items.last().map(|it| it.id.clone());
            self.read.extend(page.items);
            if page.next.is_some() {
                self.read_ahead(page.next);
            }
        }
        Ok(())
    }

    fn read_ahead(&mut self, after: Option<Id>) {
        let query = Query {
            limit: Some(PAGE),
            after,
            ..Query::default()
        };
        let (backend, digests) = (Arc::clone(&self.backend), self.digests);
        self.ahead.spawn(async move {
            let page = backend.list(&query).await?;
            if digests == Digests::Needed {
                // Each configuration remembers its own.
                for item in &page.items {
                    item.config.digest();
                }
            }
            Ok(page)
        });
    }
}

/// Goes through two collections side by side.
#[derive(Debug)]
pub(super) struct SideBySide {
    source: Walk,
    target: Walk,
}

/// What the two sides hold of one id: at least one of them has it.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) source: Option<Registration>,
    pub(super) target: Option<Registration>,
}

impl SideBySide {
    pub(super) fn new(
        source: &Arc<dyn RegistryBackend>,
        target: &Arc<dyn RegistryBackend>,
        digests: Digests,
    ) -> Self {
        Self {
            source: Walk::with(source, digests),
            target: Walk::with(target, digests),
        }
    }

    /// What both sides hold of the next id that either has.
    pub(super) async fn next(&mut self) -> Result<Option<Pair>, MoveError> {
        let (source, target) = tokio::join!(self.source.fill(), self.target.fill());
        source.map_err(MoveError::Source)?;
        target.map_err(MoveError::Target)?;
        let order = match (self.source.read.front(), self.target.read.front()) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(ours), Some(theirs)) => ours.id.cmp(&theirs.id),
        };
        Ok(Some(Pair {
            source: self.source.read.pop_front_if(|_| order.is_le()),
            target: self.target.read.pop_front_if(|_| order.is_ge()),
        }))
    }
}
