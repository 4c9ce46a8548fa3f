//! From the bytes of a request to the type that a route wants.

mod arrival;
mod exact;
mod fit;
mod form;
mod once;
mod parse;
mod room;

use crate::fault::Fault;
use crate::limits::Limits;
use arrival::{check_content_type, check_encoding, collect};
use axum::extract::Request;
use axum::http::HeaderMap;
use parse::parse;
use room::{Room, Share};
use serde::de::DeserializeOwned;

pub(crate) use exact::weigh;
pub(crate) use fit::check_object;
pub(crate) use form::{Form, is_form};

/// A body up to this size, and what is made of it, is too small to be counted, and is parsed where it is read.
const SMALL: usize = 64 << 10;
/// Room for values, in bodies of the largest size.
const LARGEST_AT_ONCE: usize = 4;

/// The memory that bodies may take, those of all requests under way together.
#[derive(Debug)]
pub(crate) struct BodyMemory {
    /// For bytes as they arrive.
    bytes: Room,
    /// For what is made of them. Apart, so that whoever waits for it holds nothing that those wait for who have it.
    values: Room,
}

/// A body that was read.
pub(crate) struct Read<R> {
    /// The headers that came with it.
    pub(crate) headers: HeaderMap,
    /// What was made of it.
    pub(crate) body: R,
    /// To be held as long as what was made of it is in memory.
    pub(crate) share: Share,
}

/// A body as it arrived, with its share of the room for that.
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
    _arrived: Share,
}

impl BodyMemory {
    pub(crate) fn new(limits: &Limits) -> Self {
        let largest = limits.body_bytes;
        let room = |bytes| Room::new(bytes, limits.body_wait);
        Self {
            bytes: room(limits.body_memory.max(largest)),
            values: room(
                limits
                    .body_memory
                    .max(largest.saturating_mul(LARGEST_AT_ONCE)),
            ),
        }
    }
}

/// Reads a JSON body within the limits and makes of it what the route wants: aside, where that may take long.
pub(crate) async fn read_json<T, R>(
    request: Request,
    limits: &Limits,
    memory: &BodyMemory,
    understand: impl FnOnce(T) -> Result<R, Fault> + Send + 'static,
) -> Result<Read<R>, Fault>
where
    T: DeserializeOwned,
    R: Send + 'static,
{
    check_content_type(request.headers())?;
    read_text(request, limits, memory, |text: Text| {
        let parsed = parse(&text.bytes)?;
        drop(text);
        understand(parsed)
    })
    .await
}

/// Reads the text of a JSON document, whatever it says that it is, as [`read_json`] does.
pub(crate) async fn read_text<R: Send + 'static>(
    request: Request,
    limits: &Limits,
    memory: &BodyMemory,
    understand: impl FnOnce(Text) -> Result<R, Fault> + Send + 'static,
) -> Result<Read<R>, Fault> {
    let (parts, body) = request.into_parts();
    check_encoding(&parts.headers)?;
    let (bytes, arrived) = collect(&parts.headers, body, limits, &memory.bytes).await?;
    let size = bytes.len();
    let (bytes, weight) = aside(size, move || {
        let weight = weigh(&bytes)?;
        Ok((bytes, weight))
    })
    .await?;
    let share = memory.values.take(weight).await?;
    let (body, share) = aside(size, move || {
        let text = Text {
            bytes,
            _arrived: arrived,
        };
        Ok((understand(text)?, share))
    })
    .await?;
    Ok(Read {
        headers: parts.headers,
        body,
        share,
    })
}

/// Reads the fields of a form within the limits.
pub(crate) async fn read_form(
    request: Request,
    limits: &Limits,
    memory: &BodyMemory,
) -> Result<Read<Form>, Fault> {
    let (parts, body) = request.into_parts();
    check_encoding(&parts.headers)?;
    let (bytes, share) = collect(&parts.headers, body, limits, &memory.bytes).await?;
    Ok(Read {
        headers: parts.headers,
        body: Form::parse(&bytes)?,
        share,
    })
}

/// Does what takes long with a large body on a thread where nobody waits for it.
async fn aside<R: Send + 'static>(
    size: usize,
    work: impl FnOnce() -> Result<R, Fault> + Send + 'static,
) -> Result<R, Fault> {
    if size <= SMALL {
        return work();
    }
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Fault::internal(error.to_string())))
}
