use super::SMALL;
use crate::fault::{Fault, Kind};
use crate::load::overloaded;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory that is shared out in kibibytes, first come, first served.
#[derive(Debug)]
pub(crate) struct Room {
    free: Arc<Semaphore>,
    total: u32,
    wait: Duration,
}

/// A part of a [`Room`], given back when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Share {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(crate) fn new(bytes: usize, wait: Duration) -> Self {
        let total = kib(bytes);
        Self {
            free: Arc::new(Semaphore::new(total as usize)),
            total,
            wait,
        }
    }

    /// Waits for so much room, for a while. What is small needs none.
    pub(crate) async fn take(&self, bytes: usize) -> Result<Share, Fault> {
        if bytes <= SMALL {
            return Ok(Share::default());
        }
        let wanted = kib(bytes);
        if wanted > self.total {
            return Err(Fault::new(
                Kind::TooLarge,
                format!(
                    "the values in the body would take {wanted} KiB of memory, and the limit is {}: send fewer",
                    self.total
                ),
            ));
        }
        let permit = Arc::clone(&self.free).acquire_many_owned(wanted);
        match tokio::time::timeout(self.wait, permit).await {
            // The semaphore is never closed, so there is always a permit.
            Ok(permit) => Ok(Share {
                _permit: permit.ok(),
            }),
            Err(_) => Err(overloaded("large bodies fill the memory there is for them")),
        }
    }
}

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX)
}
