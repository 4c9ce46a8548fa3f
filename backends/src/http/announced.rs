//! What another hotbed announces, as it happens.

use super::fault::Fault;
use super::hotbed::change_of;
use super::url::HttpUrl;
use super::wire::{Ask, Wire};
use futures::stream::{self, BoxStream, StreamExt};
use hotbed_events::{Delivery, Topic};
use hotbed_registry::{CollectionName, event_from_change};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Response, StatusCode};
use sse_stream::{Sse, SseByteStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long nothing may be heard at all: the other side says something every 15 s, if only that it is there.
const SILENCE: Duration = Duration::from_secs(45);
/// The longest event.
const MAX_EVENT: usize = 64 << 10;

/// Changes as they are announced. Ends when they can no longer be heard.
pub(super) type Announced = BoxStream<'static, Delivery>;

/// Begins to listen; what is committed from then on is heard.
pub(super) async fn listen(
    wire: &Wire,
    name: &CollectionName,
    topic: Topic,
) -> Result<Announced, Fault> {
    let ask = Ask::get(format!("changes?collection={name}"))
        .with(ACCEPT, HeaderValue::from_static("text/event-stream"));
    let opened = timeout(wire.url.timeout, wire.open(&ask)).await;
    let response = opened.unwrap_or_else(|_| Err(wire.late()))?;
    let kind = response.headers().get(CONTENT_TYPE);
    let is_stream = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if response.status() != StatusCode::OK || !is_stream {
        return Err(Fault::said(format!(
            "{} announces nothing: it answers {}",
            wire.url,
            response.status().as_u16()
        )));
    }
    let url = Arc::new(wire.url.clone());
    let events = SseByteStream::new(bytes(response, Arc::clone(&url)));
    Ok(events
        .scan((), move |(), event| {
            std::future::ready(match event {
                Ok(event) => delivery(event, &topic, &url),
                Err(error) => {
                    tracing::debug!(%url, %error, "announcements broke off");
                    None
                }
            })
        })
        .filter_map(std::future::ready)
        .boxed())
}

/// What an event is to who listens: the inner `None` for one that says nothing, the outer one for the last.
#[expect(clippy::option_option, reason = "the form that a scanned stream takes")]
fn delivery(event: Sse, topic: &Topic, url: &HttpUrl) -> Option<Option<Delivery>> {
    match event.event.as_deref() {
        None => Some(None),
        Some("change") => {
            let change = serde_json::from_str(&event.data.unwrap_or_default()).ok();
            // One that is not understood may have told of anything.
            let change = change.and_then(|change| change_of(&change, url));
            Some(Some(change.map_or(Delivery::Gap, |change| {
                Delivery::Event(Arc::new(event_from_change(&change, topic.clone())))
            })))
        }
        Some(_) => None,
    }
}

/// The bytes of an answer, until they fail, are too many for one event, or nothing is heard for too long.
fn bytes(
    response: Response,
    url: Arc<HttpUrl>,
) -> BoxStream<'static, Result<bytes::Bytes, std::io::Error>> {
    let state = (response, url, 0_usize);
    stream::unfold(state, |(mut response, url, unfinished)| async move {
        let Ok(heard) = timeout(SILENCE, response.chunk()).await else {
            tracing::debug!(%url, "announcements are no longer heard");
            return None;
        };
        let chunk = heard.ok()??;
        let ends = chunk.windows(2).rposition(|pair| pair == b"\n\n");
        let unfinished = ends.map_or(unfinished + chunk.len(), |end| chunk.len() - end);
        if unfinished > MAX_EVENT {
            tracing::warn!(%url, "announcements are too long to be true");
            return None;
        }
        Some((Ok(chunk), (response, url, unfinished)))
    })
    .boxed()
}
