use super::MoveError;
use crate::{Error, Query, Registration, RegistryBackend};
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

/// Registrations that are read at once.
const PAGE: u64 = 500;

/// Goes through a collection in id order, page by page. Each registration is read whole, as it stands at its turn; what
/// others write meanwhile is seen if its turn is yet to come.
#[derive(Debug)]
pub struct Walk {
    backend: Arc<dyn RegistryBackend>,
    read: VecDeque<Registration>,
    /// Where the next page begins; `None` after the last.
    next: Option<Query>,
}

impl Walk {
    /// Begins before the first registration; nothing is read yet.
    pub fn new(backend: &Arc<dyn RegistryBackend>) -> Self {
        let first = Query {
            limit: Some(PAGE),
            ..Query::default()
        };
        Self {
            backend: Arc::clone(backend),
            read: VecDeque::new(),
            next: Some(first),
        }
    }

    /// The next registration; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Registration>, Error> {
        self.fill().await?;
        Ok(self.read.pop_front())
    }

    /// Reads on if nothing is left of what was read.
    async fn fill(&mut self) -> Result<(), Error> {
        while self.read.is_empty()
            && let Some(query) = self.next.take()
        {
            let page = self.backend.list(&query).await?;
            let first = page.items.first().map(|it| &it.id);
            // A store that answers the same page again would be walked through for ever.
            if first.is_some_and(|first| query.after.as_ref().is_some_and(|after| first <= after)) {
                return Err(Error::Corrupt {
                    place: "its listing".into(),
                    reason: format!("{first:?} is listed after {:?}", query.after),
                });
            }
            self.next = page.next.map(|after| Query {
                after: Some(after),
                ..query
            });
            self.read.extend(page.items);
        }
        Ok(())
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
    ) -> Self {
        Self {
            source: Walk::new(source),
            target: Walk::new(target),
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
