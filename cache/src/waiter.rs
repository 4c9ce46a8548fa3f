use crate::Lease;
use crate::machine::{Answer, Ticket};
use crate::shared::Shared;
use crate::slot::Slot;

/// What a reader gets: an answer, and with [`Answer::Serve`] the instance.
pub(crate) struct Told<T> {
    pub(crate) answer: Answer,
    pub(crate) lease: Option<Lease<T>>,
}

/// What a slot says to a reader who asks. With `start` the reader begins the build, with `refresh` it has it begun.
pub(crate) enum Asked<'a, T: Send + Sync + 'static> {
    Told { told: Told<T>, refresh: bool },
    Wait { waiter: Waiter<'a, T>, start: bool },
}

/// A reader in wait. While there is one, a slot that leaves the cache keeps what it has for those it was built for.
pub(crate) struct Waiter<'a, T: Send + Sync + 'static> {
    slot: &'a Slot<T>,
    shared: &'a Shared<T>,
    ticket: Ticket,
}

impl<'a, T: Send + Sync + 'static> Waiter<'a, T> {
    /// To be made under the lock of the slot that counts it.
    pub(crate) fn new(slot: &'a Slot<T>, shared: &'a Shared<T>, ticket: Ticket) -> Self {
        Self {
            slot,
            shared,
            ticket,
        }
    }

    /// Waits for what the slot has to say.
    pub(crate) async fn told(self) -> Told<T> {
        loop {
            let mut ended = std::pin::pin!(self.slot.ended.notified());
            // Registered before looking, so that an end between the look and the wait is not missed.
            ended.as_mut().enable();
            if let Some(told) = self.slot.check(self.ticket) {
                return told;
            }
            ended.await;
        }
    }
}

impl<T: Send + Sync + 'static> Drop for Waiter<'_, T> {
    fn drop(&mut self) {
        self.slot.end_wait(self.shared);
    }
}
