//! How many commands of one user are at work at once.

use crate::lane::{Full, Lane};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedSemaphorePermit;

/// The users whose commands are at work or wait. Others are not remembered.
#[derive(Debug)]
pub(crate) struct Users {
    lanes: Mutex<HashMap<String, Arc<Lane>>>,
    at_once: usize,
    queue: usize,
}

/// One command of a user at work. Dropping it lets the next begin.
#[derive(Debug)]
pub(crate) struct AtWork<'a> {
    place: Option<OwnedSemaphorePermit>,
    lane: Option<Arc<Lane>>,
    users: &'a Users,
    user: &'a str,
}

impl Users {
    pub(crate) fn new(at_once: usize, queue: usize) -> Self {
        Self {
            lanes: Mutex::default(),
            at_once,
            queue,
        }
    }

    pub(super) async fn enter<'a>(&'a self, user: &'a str) -> Result<AtWork<'a>, Full> {
        let lane = {
            let mut lanes = self.lock();
            let new = || Arc::new(Lane::new(self.at_once, self.queue));
            Arc::clone(lanes.entry(user.to_owned()).or_insert_with(new))
        };
        let mut at_work = AtWork {
            place: None,
            lane: Some(lane),
            users: self,
            user,
        };
        if let Some(lane) = at_work.lane.clone() {
            at_work.place = Some(lane.enter().await?);
        }
        Ok(at_work)
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Lane>>> {
        // One call on the map at a time.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.place = None;
        self.lane = None;
        let mut lanes = self.users.lock();
        // Nobody can get hold of it meanwhile, for that takes the lock.
        if lanes
            .get(self.user)
            .is_some_and(|lane| Arc::strong_count(lane) == 1)
        {
            lanes.remove(self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    /// Caught: the lane dropped after the look at who else has it (a user is remembered for ever); one lane for all users.
    #[tokio::test]
    async fn a_user_waits_for_themselves_only_and_is_forgotten_afterwards() {
        let users = Users::new(1, 1);
        let first = users.enter("alice").await.unwrap();
        assert!(
            users
                .enter("bob")
                .now_or_never()
                .is_some_and(|entered| entered.is_ok())
        );
        let mut second = Box::pin(users.enter("alice"));
        assert!((&mut second).now_or_never().is_none());
        assert!(matches!(
            users.enter("alice").now_or_never(),
            Some(Err(Full))
        ));
        drop(first);
        drop(second.await.unwrap());
        assert_eq!(users.count(), 0);
    }
}
