use std::time::Duration;

use genai::Error;
use reqwest::header::HeaderMap;
use reqwest::{StatusCode, Url};
use serde_json::Value;

use crate::config::RemoteConfig;
use crate::error::ChatError;
use crate::keys::redact;

/// So much of what a provider says is passed on.
const SAID_CHARS: usize = 200;

/// The longest wait that is believed.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// What an error of the library means to our caller. Its own text embeds whole bodies and is never passed on.
pub(super) fn of(error: &Error, config: &RemoteConfig) -> ChatError {
    match error {
        Error::HttpError {
            status,
            body,
            headers,
            ..
        } => of_status(*status, headers, body, config),
        Error::WebStream { error, .. } => {
            if let Some(inner) = error.downcast_ref::<Error>() {
                of(inner, config)
            } else if let Some(inner) = error.downcast_ref::<reqwest::Error>() {
                of_transport(inner, config)
            } else {
                broken("it is not text")
            }
        }
        Error::ChatResponse { body, .. } => of_event(body, config),
        Error::StreamParse { .. } | Error::JsonValueExt(_) | Error::SerdeJson(_) => {
            broken("it is not in the provider's format")
        }
        _ => ChatError::ProviderRefused {
            detail: "the call cannot be made".into(),
        },
    }
}

fn of_status(
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    config: &RemoteConfig,
) -> ChatError {
    let said = serde_json::from_str(body)
        .ok()
        .and_then(|body| said(&body, config));
    let detail = match said {
        Some(said) => format!("{status}: {said}"),
        None => status.to_string(),
    };
    let passes = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
    );
    if passes || status.is_server_error() {
        ChatError::ProviderUnavailable {
            detail,
            retry_after: retry_after(headers),
        }
    } else {
        ChatError::ProviderRefused { detail }
    }
}

/// An error that the provider sends in place of the rest of a reply.
fn of_event(body: &Value, config: &RemoteConfig) -> ChatError {
    let kind = ["/error/type", "/type", "/error/code", "/code"]
        .into_iter()
        .filter_map(|place| body.pointer(place)?.as_str())
        .find(|kind| *kind != "error");
    let detail = said(body, config).unwrap_or_else(|| "it reports an error".into());
    match kind {
        Some(
            "overloaded_error"
            | "rate_limit_error"
            | "api_error"
            | "server_error"
            | "rate_limit_exceeded",
        ) => ChatError::ProviderUnavailable {
            detail,
            retry_after: None,
        },
        _ => ChatError::ProviderRefused { detail },
    }
}

fn of_transport(error: &reqwest::Error, config: &RemoteConfig) -> ChatError {
    let unavailable = |what: &str| ChatError::ProviderUnavailable {
        detail: format!("{what} {}", origin(&config.base_url)),
        retry_after: None,
    };
    if error.is_connect() {
        unavailable("cannot connect to")
    } else if error.is_builder() {
        ChatError::ProviderRefused {
            detail: "the call cannot be made".into(),
        }
    } else if error.is_body() || error.is_decode() {
        broken("it broke off")
    } else {
        unavailable("there was no answer from")
    }
}

fn broken(detail: &str) -> ChatError {
    ChatError::BrokenReply {
        detail: detail.into(),
    }
}

fn origin(base_url: &str) -> String {
    Url::parse(base_url)
        .map(|url| url.origin().ascii_serialization())
        .unwrap_or_default()
}

/// The sentence in an error's body, in any of the forms that providers use, without secrets and cut short.
fn said(body: &Value, config: &RemoteConfig) -> Option<String> {
    let text = ["/error/message", "/error", "/message", "/detail", ""]
        .into_iter()
        .find_map(|place| body.pointer(place)?.as_str())?;
    let text = redact(text, config.key.as_ref());
    let shown: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(SAID_CHARS)
        .collect();
    Some(if text.chars().nth(SAID_CHARS).is_some() {
        shown + "…"
    } else {
        shown
    })
}

/// Reads `retry-after-ms` or `retry-after` in seconds. A date is taken for absent.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms")
        .map(|ms| ms / 1000.0)
        .or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .map(|wait| wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use secrecy::SecretString;
    use serde_json::json;

    use super::*;
    use crate::config::Api;

    fn config() -> RemoteConfig {
        RemoteConfig {
            api: Api::OpenAi,
            model: "m".into(),
            base_url: "http://127.0.0.1:1/v1/".into(),
            key: Some(SecretString::from("topsecret-0123456789")),
            temperature: None,
            max_tokens: None,
        }
    }

    #[test]
    fn an_explanation_is_found_in_every_form_cut_and_redacted() {
        let config = config();
        for body in [
            json!({"error": {"message": "no such\nmodel"}}),
            json!({"error": "no such model"}),
            json!({"message": "no such model"}),
            json!({"detail": "no such model"}),
            json!("no such model"),
        ] {
            assert_eq!(
                said(&body, &config).as_deref(),
                Some("no such model"),
                "{body}"
            );
        }
        assert_eq!(said(&json!({"error": {"code": 5}}), &config), None);
        let told = json!({"error": {"message": "key topsecret-0123456789 is bad"}});
        assert_eq!(
            said(&told, &config).as_deref(),
            Some("key [redacted] is bad")
        );
        let long = said(&json!("x".repeat(10_000)), &config).unwrap();
        assert_eq!(long.chars().count(), SAID_CHARS + 1);
    }

    #[test]
    fn waits_are_read_in_seconds_and_milliseconds_and_nonsense_is_not() {
        let read = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            retry_after(&headers)
        };
        assert_eq!(read("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(
            read("retry-after-ms", "1500"),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(read("retry-after", "1e300"), None);
        assert_eq!(read("retry-after", "99999999"), Some(MAX_RETRY_AFTER));
        for nonsense in ["-1", "NaN", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(read("retry-after", nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn an_error_inside_a_reply_is_told_apart_by_its_kind() {
        let overloaded = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
        assert!(matches!(
            of_event(&overloaded, &config()),
            ChatError::ProviderUnavailable { .. }
        ));
        let refused = json!({"type": "invalid_request_error", "message": "too long"});
        assert_eq!(
            of_event(&refused, &config()),
            ChatError::ProviderRefused {
                detail: "too long".into()
            }
        );
    }
}
