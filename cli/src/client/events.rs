use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use sse_stream::{Sse, SseByteStream};

use crate::error::Error;

/// Server-sent events as they come in.
pub(crate) struct Events {
    server: String,
    stream: SseByteStream<BoxStream<'static, reqwest::Result<Bytes>>>,
}

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// Empty when the event only tells the place in the stream.
    pub(crate) name: String,
    /// The place in the stream after this event, if it tells.
    pub(crate) id: Option<String>,
    pub(crate) data: String,
}

impl Events {
    pub(crate) fn new(
        server: String,
        bytes: impl Stream<Item = reqwest::Result<Bytes>> + Send + 'static,
    ) -> Self {
        Self {
            server,
            stream: SseByteStream::new(bytes.boxed()),
        }
    }

    /// The next event; none when the server ended the stream. Heartbeats are passed over.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Error> {
        let Some(block) = self.stream.next().await else {
            return Ok(None);
        };
        let Sse {
            event, data, id, ..
        } = block.map_err(|source| Error::Silent {
            server: self.server.clone(),
            source: source.into(),
        })?;
        Ok(Some(Event {
            name: event.unwrap_or_default(),
            id,
            data: data.unwrap_or_default(),
        }))
    }
}
