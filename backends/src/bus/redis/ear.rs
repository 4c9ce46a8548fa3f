use super::channels::{Channels, Heard as Subscribed, pattern};
use crate::bus::transport::{BoxError, Connection, Heard};
use crate::bus::wire;
use async_trait::async_trait;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::StreamExt;
use hotbed_events::Event;
use redis::aio::{PubSub, PubSubSink, PubSubStream};
use redis::{Msg, Value};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often the server is asked whether it is there.
const PULSE: Duration = Duration::from_secs(3);
/// How long it may take to answer.
const ANSWERING: Duration = Duration::from_secs(4);

/// A connection that listens.
pub(super) struct Ear {
    sink: PubSubSink,
    /// Read as fast as it fills: whoever is slow is so behind the hub.
    messages: PubSubStream,
    channels: Channels,
    subscribed: Subscribed,
    /// The next question whether the server is there, and its answer. Kept here, for a dropped `next` must not begin
    /// the wait for it anew.
    pulse: BoxFuture<'static, Result<(), BoxError>>,
}

impl Ear {
    pub(super) fn new(connection: PubSub, channels: Channels) -> Self {
        let (sink, messages) = connection.split();
        Self {
            pulse: pulse(sink.clone()),
            sink,
            messages,
            channels,
            subscribed: Subscribed::default(),
        }
    }

    /// What a message says; `None` if it is nothing to anybody.
    fn understand(&self, message: &Msg) -> Option<Heard> {
        // A name that is no text, or no topic, is nobody's interest.
        let channel: String = message.get_channel().ok()?;
        let topic = self.channels.topic(&channel)?;
        match wire::decode(message.get_payload_bytes()) {
            Ok(event) => Some(Heard::Event(Box::new(Event { topic, ..event }))),
            Err(error) => {
                tracing::debug!(%topic, %error, "message is not understood");
                Some(Heard::Gap)
            }
        }
    }
}

#[async_trait]
impl Connection for Ear {
    async fn listen(&mut self, channels: &BTreeSet<String>) -> Result<(), BoxError> {
        let wanted = Subscribed::least(channels);
        // All that is new before any that is old ends: what one took over from another is heard throughout.
        let names = only(&wanted.names, &self.subscribed.names);
        if !names.is_empty() {
            self.sink.subscribe(&names).await?;
        }
        let beginnings = only(&wanted.beginnings, &self.subscribed.beginnings);
        if !beginnings.is_empty() {
            self.sink.psubscribe(patterns(beginnings)).await?;
        }
        let names = only(&self.subscribed.names, &wanted.names);
        if !names.is_empty() {
            self.sink.unsubscribe(&names).await?;
        }
        let beginnings = only(&self.subscribed.beginnings, &wanted.beginnings);
        if !beginnings.is_empty() {
            self.sink.punsubscribe(patterns(beginnings)).await?;
        }
        self.subscribed = wanted;
        Ok(())
    }

    async fn next(&mut self) -> Result<Heard, BoxError> {
        loop {
            tokio::select! {
                message = self.messages.next() => {
                    let message = message.ok_or("the server hung up")?;
                    if let Some(heard) = self.understand(&message) {
                        return Ok(heard);
                    }
                }
                alive = &mut self.pulse => {
                    alive?;
                    self.pulse = pulse(self.sink.clone());
                }
            }
        }
    }
}

/// What is in the one and not in the other.
fn only<'a>(one: &'a BTreeSet<String>, other: &'a BTreeSet<String>) -> Vec<&'a str> {
    one.difference(other).map(String::as_str).collect()
}

fn patterns(beginnings: Vec<&str>) -> Vec<String> {
    beginnings.into_iter().map(pattern).collect()
}

/// Asks the server, after a while, whether it is there. An error if it is not.
fn pulse(mut sink: PubSubSink) -> BoxFuture<'static, Result<(), BoxError>> {
    let asking = async move {
        tokio::time::sleep(PULSE).await;
        let answer = tokio::time::timeout(ANSWERING, sink.ping::<Value>()).await;
        answer.map_err(|_| "the server does not answer any more")??;
        Ok::<_, BoxError>(())
    };
    asking.boxed()
}
