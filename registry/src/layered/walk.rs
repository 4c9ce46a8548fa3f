use crate::{Error, Id, Query, Registration, RegistryBackend};
use std::collections::VecDeque;

/// Registrations that are read at once.
const PAGE: u64 = 200;

/// Goes through all registrations of one layer in id order.
#[derive(Debug)]
pub(super) struct Walk<'b> {
    layer: &'b dyn RegistryBackend,
    page: VecDeque<Registration>,
    rest: Rest,
}

/// What follows the page at hand.
#[derive(Debug)]
enum Rest {
    All,
    After(Id),
    Nothing,
}

impl<'b> Walk<'b> {
    pub(super) fn new(layer: &'b dyn RegistryBackend) -> Self {
        Self {
            layer,
            page: VecDeque::new(),
            rest: Rest::All,
        }
    }

    /// The next one, which stays the next one until it is taken.
    pub(super) async fn peek(&mut self) -> Result<Option<&Registration>, Error> {
        while self.page.is_empty() {
            let after = match std::mem::replace(&mut self.rest, Rest::Nothing) {
                Rest::All => None,
                Rest::After(id) => Some(id),
                Rest::Nothing => return Ok(None),
            };
            let query = Query {
                after,
                limit: Some(PAGE),
                ..Query::default()
            };
            let page = self.layer.list(&query).await?;
            self.page = page.items.into();
            self.rest = page.next.map_or(Rest::Nothing, Rest::After);
        }
        Ok(self.page.front())
    }

    pub(super) fn take(&mut self) -> Option<Registration> {
        self.page.pop_front()
    }
}
