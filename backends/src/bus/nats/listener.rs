use super::link::{CLOSED, Health, Link};
use super::subjects::Subjects;
use super::{NatsUrl, PATIENCE};
use crate::bus::transport::{BoxError, Connection, Heard};
use crate::bus::{in_time, wire};
use async_nats::{Message, Subscriber};
use async_trait::async_trait;
use futures::StreamExt;
use hotbed_events::Event;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::watch;

/// How often is looked after the connection: what the driver tells of it may get lost.
const LOOK: Duration = Duration::from_secs(1);

/// The connection that listens.
pub(super) struct Listener {
    link: Link,
    health: watch::Receiver<Health>,
    messages: Subscriber,
    subjects: Subjects,
    listens: BTreeSet<String>,
    /// Messages known to have been missed.
    missed: u64,
}

impl Listener {
    pub(super) async fn connect(url: &NatsUrl, subjects: Subjects) -> Result<Self, BoxError> {
        let link = Link::connect(url).await?;
        let messages = in_time(PATIENCE, link.client.subscribe(subjects.all())).await?;
        Ok(Self {
            health: link.health(),
            link,
            messages,
            subjects,
            listens: BTreeSet::new(),
            missed: 0,
        })
    }

    /// What a message tells; nothing if nobody wants its subject.
    fn understand(&self, message: &Message) -> Option<Heard> {
        let subject = message.subject.as_str();
        if !self.listens.contains(subject) && !self.listens.contains(&self.subjects.all()) {
            return None;
        }
        let topic = self.subjects.topic(subject)?;
        Some(match wire::decode(&message.payload) {
            Ok(event) => Heard::Event(Box::new(Event { topic, ..event })),
            Err(error) => {
                tracing::debug!(%error, subject, "a message is not understood");
                Heard::Gap
            }
        })
    }

    /// What the driver has told of the connection since.
    fn look(&mut self) -> Result<Option<Heard>, BoxError> {
        if let Some(reason) = self.link.ended() {
            return Err((&*reason).into());
        }
        let missed = self.health.borrow_and_update().missed;
        let news = missed > self.missed;
        self.missed = missed;
        Ok(news.then_some(Heard::Gap))
    }
}

#[async_trait]
impl Connection for Listener {
    async fn listen(&mut self, channels: &BTreeSet<String>) -> Result<(), BoxError> {
        self.listens.clone_from(channels);
        // What was sent before must not be taken for sent after.
        self.link.confirm().await
    }

    async fn next(&mut self) -> Result<Heard, BoxError> {
        loop {
            let heard = tokio::select! {
                message = self.messages.next() => match message {
                    Some(message) => self.understand(&message),
                    None => return Err(CLOSED.into()),
                },
                told = self.health.changed() => {
                    told.map_err(|_| CLOSED)?;
                    self.look()?
                }
                () = tokio::time::sleep(LOOK) => self.look()?,
            };
            if let Some(heard) = heard {
                return Ok(heard);
            }
        }
    }
}
