#[cfg(feature = "redis")]
use super::redis::RedisUrl;
use std::fmt;
use std::str::FromStr;

/// Says what carries events between components and processes: `memory:`, or a server, such as
/// `nats://USER:PASSWORD@HOST`, `postgres://USER:PASSWORD@HOST/DATABASE` or
/// `redis://USER:PASSWORD@HOST:PORT/DB?prefix=events`.
///
/// Neither `Display` nor `Debug` shows a password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BusUrl {
    /// Nothing beyond this process.
    Memory,
    /// NATS servers.
    #[cfg(feature = "nats")]
    Nats(super::NatsUrl),
    /// The notifications of a PostgreSQL database.
    #[cfg(feature = "postgres")]
    Postgres(super::PostgresBusUrl),
    /// A Redis server.
    #[cfg(feature = "redis")]
    Redis(RedisUrl),
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
            #[cfg(feature = "nats")]
            "nats" | "tls" => match text.parse() {
                Ok(url) => Ok(Self::Nats(url)),
                Err(reason) => Err(invalid(text, reason)),
            },
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => match rest.parse() {
                Ok(url) => Ok(Self::Postgres(url)),
                Err(reason) => Err(invalid(text, reason)),
            },
            #[cfg(feature = "redis")]
            "redis" | "rediss" | "redis+unix" => RedisUrl::parse(scheme, rest)
                .map(Self::Redis)
                .map_err(|reason| invalid(text, reason)),
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
            #[cfg(feature = "nats")]
            Self::Nats(_) => true,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => true,
            #[cfg(feature = "redis")]
            Self::Redis(_) => true,
        }
    }
}

/// What this build can open, for messages.
fn supported() -> String {
    let forms = [
        ("memory:", true),
        ("nats://USER:PASSWORD@HOST", cfg!(feature = "nats")),
        (
            "postgres://USER:PASSWORD@HOST/DATABASE",
            cfg!(feature = "postgres"),
        ),
        ("redis://HOST", cfg!(feature = "redis")),
    ];
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
            #[cfg(feature = "nats")]
            Self::Nats(url) => url.fmt(f),
            #[cfg(feature = "postgres")]
            Self::Postgres(url) => url.fmt(f),
            #[cfg(feature = "redis")]
            Self::Redis(url) => url.fmt(f),
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
