//! From the bytes of a request to the type that a route wants.

use crate::fault::{Fault, Kind};
use crate::limits::Limits;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderMap, request::Parts};
use futures::StreamExt;
use hotbed_api::Place;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::{Map, Value};

/// What of a body that is too large is read and thrown away, as a multiple of the limit, so that a client that sends
/// before it listens gets to read the answer.
const DISCARDED: usize = 8;

/// How deep a configuration or metadata may be nested: less than what JSON readers take by default, so that a list of
/// registrations can be read too.
const MAX_DEPTH: usize = 120;

/// Reads a JSON body within the limits.
pub(crate) async fn read_json<T: DeserializeOwned>(
    request: Request,
    limits: &Limits,
) -> Result<(Parts, T), Fault> {
    let (parts, body) = request.into_parts();
    check_content_type(&parts.headers)?;
    let bytes = tokio::time::timeout(
        limits.body_read,
        collect(&parts.headers, body, limits.body_bytes),
    )
    .await
    .map_err(|_| {
        let limit = limits.body_read.as_secs();
        Fault::new(
            Kind::TooSlow,
            format!("the body did not arrive within {limit} s"),
        )
    })??;
    Ok((parts, parse(&bytes)?))
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Fault> {
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

async fn collect(headers: &HeaderMap, body: Body, limit: usize) -> Result<Vec<u8>, Fault> {
    let too_large = || {
        Fault::new(
            Kind::TooLarge,
            format!("the body is larger than the limit of {limit} bytes: send less"),
        )
    };
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let announces_too_much = announced.is_some_and(|announced| announced > limit as u64);
    if announces_too_much && headers.contains_key(EXPECT) {
        // It waits for leave to send, and does not get it.
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let mut received = 0_usize;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk
            .map_err(|error| Fault::new(Kind::BadRequest, "the body broke off").because(&error))?;
        received = received.saturating_add(chunk.len());
        if received <= limit {
            bytes.extend_from_slice(&chunk);
        } else {
            bytes = Vec::new();
            if received > limit.saturating_mul(DISCARDED) {
                break;
            }
        }
    }
    if received > limit {
        Err(too_large())
    } else {
        Ok(bytes)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        // An error of the document as a whole has the path `.`, or `?` where it ends too early.
        let is_whole = matches!(path.as_str(), "." | "?");
        place_fault(
            if is_whole { String::new() } else { path },
            error.inner(),
        )
    })?;
    json.end()
        .map_err(|error| place_fault(String::new(), &error))?;
    Ok(parsed)
}

fn place_fault(path: String, error: &serde_json::Error) -> Fault {
    let kind = match error.classify() {
        Category::Data => Kind::Invalid,
        Category::Syntax | Category::Eof | Category::Io => Kind::BadRequest,
    };
    let detail = if path.is_empty() {
        format!("body: {error}")
    } else {
        format!("{path}: {error}")
    };
    let (line, column) = (error.line() as u64, error.column() as u64);
    let place = Place {
        path,
        line: (line > 0).then_some(line),
        column: (line > 0).then_some(column),
    };
    Fault::new(kind, detail).at_place(place)
}

/// Refuses an object that cannot be kept everywhere: some stores know no NUL in texts, some readers no depth.
pub(crate) fn check_object(name: &str, object: &Map<String, Value>) -> Result<(), Fault> {
    match misfit_in_object(object, 1) {
        None => Ok(()),
        Some(Misfit { path, what }) => {
            let path = format!("{name}{path}");
            let detail = format!("{path} {what}");
            Err(Fault::new(Kind::Invalid, detail).at_place(Place {
                path,
                ..Place::default()
            }))
        }
    }
}

/// What does not fit, and the way to it from where it is looked for.
struct Misfit {
    path: String,
    what: &'static str,
}

fn misfit_in_object(object: &Map<String, Value>, depth: usize) -> Option<Misfit> {
    object.iter().find_map(|(key, value)| {
        if key.contains('\0') {
            let path = format!(".{}", key.escape_debug());
            return Some(Misfit {
                path,
                what: "has a NUL character in its name: remove it",
            });
        }
        let Misfit { path, what } = misfit(value, depth)?;
        Some(Misfit {
            path: format!(".{key}{path}"),
            what,
        })
    })
}

fn misfit(value: &Value, depth: usize) -> Option<Misfit> {
    let here = |what| {
        Some(Misfit {
            path: String::new(),
            what,
        })
    };
    match value {
        Value::String(text) if text.contains('\0') => here("holds a NUL character: remove it"),
        Value::Array(_) | Value::Object(_) if depth >= MAX_DEPTH => {
            here("is nested deeper than 120 levels: flatten it")
        }
        Value::Object(object) => misfit_in_object(object, depth + 1),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            let Misfit { path, what } = misfit(item, depth + 1)?;
            Some(Misfit {
                path: format!("[{index}]{path}"),
                what,
            })
        }),
        _ => None,
    }
}
