//! Which form an answer takes.

use crate::fault::{Fault, Kind};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// The forms of an answer that can be streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Whole, as JSON.
    Json,
    /// Piece by piece, as server-sent events.
    Events,
}

/// The form that the client likes best; JSON where it has no preference.
pub(crate) fn negotiate(headers: &HeaderMap) -> Result<Form, Fault> {
    let ranges: Vec<_> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    if ranges.is_empty() {
        return Ok(Form::Json);
    }
    let ranges = ranges.join(",");
    let (json, events) = (
        liking(&ranges, "application/json"),
        liking(&ranges, "text/event-stream"),
    );
    if json <= 0.0 && events <= 0.0 {
        return Err(Fault::new(
            Kind::NotAcceptable,
            format!("none of {ranges:?} can be sent: accept application/json or text/event-stream"),
        ));
    }
    Ok(if events > json {
        Form::Events
    } else {
        Form::Json
    })
}

/// How much a client likes a media type, from 0 (not at all) to 1: what its most specific range says.
fn liking(ranges: &str, media_type: &str) -> f32 {
    let (kind, _) = media_type.split_once('/').unwrap_or((media_type, ""));
    let mut best = (0, 0.0);
    for range in ranges.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let specificity = match name.as_str() {
            name if name == media_type => 3,
            name if name.strip_suffix("/*") == Some(kind) => 2,
            "*/*" => 1,
            _ => continue,
        };
        let quality = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(1.0, |q| q.parse().unwrap_or(0.0));
        if specificity > best.0 {
            best = (specificity, quality);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(accept: &str) -> Option<Form> {
        let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
        negotiate(&headers).ok()
    }

    #[test]
    fn the_client_gets_the_form_it_likes_best() {
        for json in [
            "*/*",
            "application/json",
            "application/*",
            "text/event-stream;q=0.5, */*",
            "text/html, */*;q=0.1",
        ] {
            assert_eq!(form(json), Some(Form::Json), "{json}");
        }
        for events in [
            "text/event-stream",
            "text/*",
            "application/json;q=0.5, text/event-stream",
            "TEXT/Event-Stream",
        ] {
            assert_eq!(form(events), Some(Form::Events), "{events}");
        }
        for neither in ["text/html", "application/json;q=0", "garbage", ""] {
            assert_eq!(form(neither), None, "{neither}");
        }
        assert_eq!(negotiate(&HeaderMap::new()).ok(), Some(Form::Json));
    }
}
