use crate::{Event, Interest};
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{BoxStream, Stream};
use std::fmt;
use std::sync::Arc;

/// Carries events from whoever publishes to whoever subscribed.
///
/// # Guarantees
/// - A publisher never waits for a subscriber.
/// - A subscriber that misses events is told so by [`Delivery::Gap`].
///
/// No bus promises delivery: the truth lives elsewhere and is read again after a gap.
#[async_trait]
pub trait EventBus: fmt::Debug + Send + Sync + 'static {
    /// Tells events, each to everybody who listens to its topic, in this order; a bus that sends them somewhere sends
    /// them together. After an error any part of them may have been told.
    async fn publish(&self, events: &[Event]) -> Result<(), Error>;

    /// Listens from now on.
    async fn subscribe(&self, interest: &Interest) -> Result<Subscription, Error>;
}

/// What a subscriber receives.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivery {
    /// One event.
    Event(Arc<Event>),
    /// Events may have been missed: read the truth again. From here on they are heard.
    Gap,
    /// No events are heard from here on, and why. A gap follows as soon as they are heard again.
    Lost(Arc<str>),
}

/// The receiving end of a bus. Begins with [`Delivery::Gap`]; dropping it ends the subscription.
pub struct Subscription {
    deliveries: BoxStream<'static, Delivery>,
}

impl Subscription {
    /// Wraps what a bus delivers; puts the first gap in front.
    pub fn new(deliveries: impl Stream<Item = Delivery> + Send + 'static) -> Self {
        let first = futures::stream::once(std::future::ready(Delivery::Gap));
        Self {
            deliveries: first.chain(deliveries).boxed(),
        }
    }

    /// The same subscription, which keeps something for as long as it lasts.
    #[must_use]
    pub fn keeping(self, kept: impl Send + 'static) -> Self {
        Self {
            deliveries: self
                .deliveries
                .inspect(move |_| {
                    let _ = &kept;
                })
                .boxed(),
        }
    }

    /// Waits for the next delivery; `None` once the bus is gone for good. Cancel-safe.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.deliveries.next().await
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

/// Why a bus did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An event is larger than the bus carries; trying again will not help.
    #[error(
        "event is of {bytes} bytes, and the bus carries {limit} at most: events name things, they do not carry them"
    )]
    TooLarge {
        /// How large it is as a message.
        bytes: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The bus cannot be reached; trying again later may work.
    #[error("event bus cannot be reached to {operation}")]
    Unavailable {
        /// What was attempted.
        operation: &'static str,
        /// What the transport said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
