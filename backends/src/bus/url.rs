use std::fmt;
use std::str::FromStr;

/// Says what carries events between components and processes: `memory:`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BusUrl {
    /// Nothing beyond this process.
    Memory,
}

/// A text that is no [`BusUrl`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event bus URL {shown:?} {reason}")]
pub struct InvalidBusUrl {
    shown: String,
    reason: String,
}

impl FromStr for BusUrl {
    type Err = InvalidBusUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBusUrl> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        match scheme {
            "memory" if rest.is_empty() || rest == "//" => Ok(Self::Memory),
            "memory" => Err(invalid(text, "names a place: memory: has none".into())),
            _ => Err(invalid(
                text,
                format!("is of no kind that can be opened: use {}", supported()),
            )),
        }
    }
}

impl BusUrl {
    /// Whether events of other processes are heard on it.
    pub fn leaves_the_process(&self) -> bool {
        match self {
            Self::Memory => false,
        }
    }
}

/// What this build can open, for messages.
fn supported() -> String {
    let forms = [("memory:", true)];
    let forms: Vec<_> = forms
        .iter()
        .filter(|(_, can)| *can)
        .map(|(form, _)| *form)
        .collect();
    forms.join(" or ")
}

/// Shows the scheme only: the rest may be a password.
fn invalid(text: &str, reason: String) -> InvalidBusUrl {
    let scheme = text.split(':').next().unwrap_or_default();
    InvalidBusUrl {
        shown: format!("{}:…", scheme.chars().take(32).collect::<String>()),
        reason,
    }
}

impl fmt::Display for BusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_known_by_its_name_alone() {
        assert_eq!("memory:".parse(), Ok(BusUrl::Memory));
        assert_eq!("memory://".parse(), Ok(BusUrl::Memory));
        assert!("memory:x".parse::<BusUrl>().is_err());
    }

    #[test]
    fn a_refusal_shows_no_password_and_says_what_to_use() {
        let error = "kafka://me:secret@host".parse::<BusUrl>().unwrap_err();
        let error = error.to_string();
        assert!(!error.contains("secret"), "{error}");
        assert!(error.contains("use memory:"), "{error}");
    }
}
