use super::fault::{Fault, Outcome};
use super::url::HttpUrl;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How much of what the service says is passed on.
const SHOWN: usize = 300;

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// What became of the same request when it was sent before.
    pub(super) earlier: Outcome,
}

/// What a service says about a request that it does not serve: ours as a problem document, the Python one with nothing
/// but a `detail`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Complaint {
    #[serde(rename = "type")]
    pub(super) kind: String,
    detail: Value,
    pub(super) revision: Option<u64>,
    pub(super) oldest: Option<u64>,
    pub(super) head: Option<u64>,
    pub(super) problems: Vec<String>,
}

impl Complaint {
    /// Whether a hotbed says it, and not something on the way.
    pub(super) fn is_hotbeds(&self) -> bool {
        self.kind.starts_with("urn:hotbed:problem:")
    }

    /// What it says, in short.
    pub(super) fn text(&self) -> Option<String> {
        let text = match &self.detail {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(text.chars().take(SHOWN).collect())
    }
}

impl Answer {
    /// Whether it calls itself JSON.
    pub(super) fn is_json(&self) -> bool {
        let name = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let essence = name
            .and_then(|name| name.split(';').next())
            .unwrap_or_default()
            .trim();
        let essence = essence.to_ascii_lowercase();
        essence == "application/json"
            || (essence.starts_with("application/") && essence.ends_with("+json"))
    }

    /// What it says, in a form that must be the right one.
    pub(super) fn json<T: DeserializeOwned>(&self, url: &HttpUrl) -> Result<T, Fault> {
        if !self.is_json() {
            let name = self
                .headers
                .get(CONTENT_TYPE)
                .and_then(|value| value.to_str().ok());
            return Err(Fault::unknown(format!(
                "{url} answers {} where JSON is due: see whether this is the address of a config service",
                name.unwrap_or("something without a type")
            )));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            Fault::unknown(format!(
                "{url} answers something else than a config service does: {error}"
            ))
        })
    }

    /// What a service says about a request that it does not serve.
    pub(super) fn complaint(&self) -> Complaint {
        if self.is_json() {
            serde_json::from_slice(&self.body).unwrap_or_default()
        } else {
            Complaint::default()
        }
    }

    /// Why it is not an answer to what was asked.
    pub(super) fn refusal(&self, url: &HttpUrl) -> Fault {
        let status = self.status.as_u16();
        let said = self
            .complaint()
            .text()
            .map_or_else(String::new, |said| format!(": it says {said:?}"));
        let reason = match status {
            300..=399 => {
                let to = self.redirected_to(url);
                format!(
                    "{url} sends elsewhere, to {to}, where nobody goes by himself: if the service has moved, mend the URL"
                )
            }
            401 | 403 => {
                format!("{url} lets nobody in with this token ({status}): mend the token{said}")
            }
            404 | 405 => format!(
                "{url} has nothing there ({status}): see whether this is the address of a config service{said}"
            ),
            429 | 500..=599 => {
                format!("{url} fails ({status}): see its log, or try again later{said}")
            }
            _ => format!("{url} answers {status}, which is no answer to this{said}"),
        };
        let outcome = match status {
            500..=599 => Outcome::Unknown,
            _ => self.earlier,
        };
        Fault::said(reason).after(outcome)
    }

    /// Where it sends the client: without what might be a secret.
    fn redirected_to(&self, url: &HttpUrl) -> String {
        let location = self
            .headers
            .get(LOCATION)
            .and_then(|value| value.to_str().ok());
        let base = url.below("").parse::<Url>().ok();
        let target = location.zip(base).and_then(|(to, base)| base.join(to).ok());
        match target {
            Some(target) => {
                let host = target.host_str().unwrap_or_default();
                let port = target
                    .port()
                    .map_or_else(String::new, |port| format!(":{port}"));
                format!("{}://{host}{port}{}", target.scheme(), target.path())
            }
            None => "an unknown place".into(),
        }
    }
}
