use super::SMALL;
use super::room::{Room, Share};
use crate::fault::{Fault, Kind};
use crate::limits::Limits;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use futures::StreamExt;

/// What is read at most of a body that is refused, as a multiple of the limit, so that a client that sends before it
/// listens gets to read the answer.
const DISCARDED: usize = 8;

/// Refuses a body that is compressed.
pub(crate) fn check_encoding(headers: &HeaderMap) -> Result<(), Fault> {
    for value in headers.get_all(CONTENT_ENCODING) {
        let given = String::from_utf8_lossy(value.as_bytes());
        let mut codings = given.split(',').map(str::trim);
        if !codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case("identity")) {
            return Err(Fault::new(
                Kind::UnsupportedMediaType,
                format!("the body is encoded as {given:?}: send it as it is"),
            ));
        }
    }
    Ok(())
}

/// Refuses a body that is not said to be JSON.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), Fault> {
    let given = headers
        .get(CONTENT_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let essence = given.as_deref().map(|given| {
        given
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    });
    let is_json = essence.is_some_and(|essence| {
        essence == "application/json"
            || (essence.starts_with("application/") && essence.ends_with("+json"))
    });
    if is_json {
        return Ok(());
    }
    let detail = match given {
        Some(given) => format!("the body is sent as {given:?}: send application/json"),
        None => "the body is sent without a Content-Type: send application/json".to_owned(),
    };
    Err(Fault::new(Kind::UnsupportedMediaType, detail))
}

/// Reads a body whole, in time, with its share of the room that there is for all bodies.
pub(crate) async fn collect(
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
    room: &Room,
) -> Result<(Vec<u8>, Share), Fault> {
    let collected = gather(headers, body, limits.body_bytes, room);
    tokio::time::timeout(limits.body_read, collected)
        .await
        .unwrap_or_else(|_| {
            let limit = limits.body_read.as_secs();
            Err(Fault::new(
                Kind::TooSlow,
                format!("the body did not arrive within {limit} s"),
            ))
        })
}

async fn gather(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    room: &Room,
) -> Result<(Vec<u8>, Share), Fault> {
    let too_large = || {
        Fault::new(
            Kind::TooLarge,
            format!("the body is larger than the limit of {limit} bytes: send less"),
        )
    };
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let announces_too_much = announced.is_some_and(|announced| announced > limit);
    if announces_too_much && headers.contains_key(EXPECT) {
        // It waits for leave to send, and does not get it.
        return Err(too_large());
    }
    let mut kept = if announces_too_much {
        Err(too_large())
    } else {
        Ok((Vec::new(), Share::default()))
    };
    let mut received = 0_usize;
    let mut chunks = body.into_data_stream();
    // What is refused is read too, and thrown away.
    while received <= limit.saturating_mul(DISCARDED)
        && let Some(chunk) = chunks.next().await
    {
        let chunk = chunk
            .map_err(|error| Fault::new(Kind::BadRequest, "the body broke off").because(&error))?;
        let becomes_large = received <= SMALL && received + chunk.len() > SMALL;
        received += chunk.len();
        let Ok((bytes, share)) = &mut kept else {
            continue;
        };
        if received > limit {
            kept = Err(too_large());
            continue;
        }
        if becomes_large {
            // All of it at once: bodies that each wait with a part of what they need would wait for each other.
            match room.take(announced.unwrap_or(limit)).await {
                Ok(taken) => *share = taken,
                Err(fault) => {
                    kept = Err(fault);
                    continue;
                }
            }
        }
        bytes.extend_from_slice(&chunk);
    }
    kept
}
