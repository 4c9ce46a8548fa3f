//! Where the token comes from that opens the service.

use super::fault::unusable;
use hotbed_registry::Error;
use reqwest::header::HeaderValue;
use std::fmt;
use std::path::PathBuf;

/// Holds the token where none is named.
const VARIABLE: &str = "HOTBED_REGISTRY_TOKEN";

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenFrom {
    Here(Secret),
    Variable(String),
    File(PathBuf),
}

/// The value of the header that carries the token, if there is one; marked so that it is not shown.
pub(super) async fn header(from: Option<&TokenFrom>) -> Result<Option<HeaderValue>, Error> {
    let (secret, place) = match from {
        None => match variable(VARIABLE) {
            Some(secret) => (secret, format!("variable {VARIABLE}")),
            None => return Ok(None),
        },
        Some(TokenFrom::Here(secret)) => (secret.clone(), "URL".into()),
        Some(TokenFrom::Variable(name)) => match variable(name) {
            Some(secret) => (secret, format!("variable {name}")),
            None => {
                return Err(unusable(format!(
                    "its URL says that the variable {name} holds the token, and that is not set"
                )));
            }
        },
        Some(TokenFrom::File(path)) => {
            let read = tokio::fs::read_to_string(path).await;
            let text = read.map_err(|error| {
                unusable(format!(
                    "the file of its token, {}, cannot be read: {error}",
                    path.display()
                ))
            })?;
            (Secret::new(text), format!("file {}", path.display()))
        }
    };
    let value = HeaderValue::from_str(&format!("Bearer {}", secret.0.trim()));
    let mut value = value
        .ok()
        .filter(|_| !secret.0.trim().is_empty())
        .ok_or_else(|| {
            unusable(format!(
                "the token in the {place} is empty, or holds what no header can hold"
            ))
        })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn variable(name: &str) -> Option<Secret> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a secret is named by the URL and read where it is used, so that it is passed on by nobody"
    )]
    let text = std::env::var(name).ok()?;
    Some(Secret::new(text)).filter(|secret| !secret.0.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_is_taken_from_where_the_url_says() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "from-a-file\n").unwrap();
        let from_file = header(Some(&TokenFrom::File(file.clone()))).await.unwrap();
        let value = from_file.unwrap();
        assert_eq!(value.to_str().unwrap(), "Bearer from-a-file");
        assert!(!format!("{value:?}").contains("file"));
        let here = TokenFrom::Here(Secret::new("here".into()));
        let value = header(Some(&here)).await.unwrap().unwrap();
        assert_eq!(value.to_str().unwrap(), "Bearer here");
        // Whatever it holds: the only one that is set everywhere.
        let set = TokenFrom::Variable("PATH".into());
        let value = header(Some(&set)).await.unwrap().unwrap();
        assert!(value.to_str().unwrap().len() > "Bearer ".len());
    }

    #[tokio::test]
    async fn a_token_that_is_not_there_is_missed_by_its_name() {
        let unset = TokenFrom::Variable("HOTBED_NO_SUCH_TOKEN".into());
        let refusal = header(Some(&unset)).await.unwrap_err().to_string();
        assert!(refusal.contains("HOTBED_NO_SUCH_TOKEN"), "{refusal}");
        let missing = TokenFrom::File("/no/such/token".into());
        let refusal = header(Some(&missing)).await.unwrap_err().to_string();
        assert!(refusal.contains("/no/such/token"), "{refusal}");
        let odd = TokenFrom::Here(Secret::new("se\ncret".into()));
        let refusal = header(Some(&odd)).await.unwrap_err().to_string();
        assert!(!refusal.contains("cret"), "{refusal}");
    }
}
