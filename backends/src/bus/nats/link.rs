use super::{CONNECTING, NatsUrl, PATIENCE};
use crate::bus::cryptography::choose_cryptography;
use crate::bus::in_time;
use crate::bus::transport::BoxError;
use async_nats::connection::State;
use async_nats::{Client, Event, RequestErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

/// A connection to the server. One that is lost is lost: whatever the driver makes of it, it is not used again.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) client: Client,
    prefix: Arc<str>,
    health: watch::Receiver<Health>,
}

/// What the driver told of a connection.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Health {
    /// Why it is of no use any more.
    pub(super) ended: Option<Arc<str>>,
    /// Messages that came and were not kept.
    pub(super) missed: u64,
}

impl Link {
    pub(super) async fn connect(url: &NatsUrl) -> Result<Self, BoxError> {
        // Whether TLS is spoken, the server says.
        choose_cryptography();
        let (tell, health) = watch::channel(Health::default());
        let options = url.options().event_callback(move |event| {
            tell.send_if_modified(|health| health.note(event));
            std::future::ready(())
        });
        // Its future is large.
        let connecting = Box::pin(options.connect(url.servers()?));
        let client = in_time(CONNECTING, connecting).await?;
        Ok(Self {
            client,
            prefix: url.prefix().into(),
            health,
        })
    }

    /// What the driver tells from now on.
    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// Why the connection is of no use, once it is not.
    pub(super) fn ended(&self) -> Option<Arc<str>> {
        let ended = self.health.borrow().ended.clone();
        // The driver may have had more to tell than it could.
        let connects = self.client.statistics().connects.load(Ordering::Relaxed);
        let broken = self.client.connection_state() != State::Connected || connects > 1;
        ended.or_else(|| broken.then(|| CLOSED.into()))
    }

    /// Waits until the server has taken in whatever it was sent before.
    pub(super) async fn confirm(&self) -> Result<(), BoxError> {
        // Nobody answers to the prefix itself, and the server says so, in turn.
        let question = self.client.request(self.prefix.to_string(), "".into());
        let mut health = self.health();
        tokio::select! {
            answer = in_time(PATIENCE, question) => match answer {
                Ok(_) => Ok(()),
                Err(error) if is_no_responders(&*error) => Ok(()),
                Err(error) => Err(error),
            },
            ended = health.wait_for(|health| health.ended.is_some()) => Err(match ended {
                Ok(health) => health.ended.as_deref().unwrap_or(CLOSED).into(),
                Err(_) => CLOSED.into(),
            }),
        }
    }
}

/// What is said of a connection of which nothing is known but that it broke.
pub(super) const CLOSED: &str = "the connection was closed";

fn is_no_responders(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error
        .downcast_ref::<async_nats::RequestError>()
        .is_some_and(|error| error.kind() == RequestErrorKind::NoResponders)
}

impl Health {
    /// Takes note of what the driver says; whether that is news.
    fn note(&mut self, event: Event) -> bool {
        match event {
            Event::SlowConsumer(_) => self.missed += 1,
            Event::ServerError(error) => return self.end(&error.to_string()),
            Event::Disconnected | Event::Closed => return self.end(CLOSED),
            // A server that is about to end is heard until it does. What the client says of its attempts to connect is
            // of no interest: they come too late.
            Event::Connected | Event::LameDuckMode | Event::Draining | Event::ClientError(_) => {
                return false;
            }
        }
        true
    }

    /// The first reason is the true one.
    fn end(&mut self, reason: &str) -> bool {
        let news = self.ended.is_none();
        self.ended.get_or_insert_with(|| reason.into());
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_nats::ServerError;

    #[test]
    fn the_first_reason_stays_and_what_is_not_kept_is_counted() {
        let mut health = Health::default();
        assert!(!health.note(Event::Connected));
        assert!(!health.note(Event::LameDuckMode));
        assert_eq!(health, Health::default());
        for missed in 1..=2 {
            assert!(health.note(Event::SlowConsumer(1)));
            assert_eq!(health.missed, missed);
        }
        assert!(health.note(Event::ServerError(ServerError::Other("no more".into()))));
        let ended = health.ended.clone();
        assert!(
            ended
                .as_deref()
                .is_some_and(|reason| reason.contains("no more")),
            "{ended:?}"
        );
        assert!(!health.note(Event::Disconnected));
        assert_eq!(health.ended, ended);
    }
}
