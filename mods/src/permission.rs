use crate::pattern::{EventPattern, InvalidEventPattern};
use std::collections::BTreeSet;
use std::fmt;

/// What a mod was granted. Without a grant it may use no service and tell events of its own name only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions {
    granted: BTreeSet<Permission>,
}

/// One grant: `service:NAME`, `service:*`, `event:PATTERN`, or `*` for everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    /// To use a service of this name.
    Service(String),
    /// To use every service.
    AnyService,
    /// To tell events of these names.
    Event(EventPattern),
    /// Everything.
    All,
}

/// A text that is no [`Permission`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPermission {
    /// Of no known kind.
    #[error("{0:?} is not a permission: use `service:NAME`, `event:PATTERN` or `*`")]
    Unknown(String),
    /// What follows `event:` is no pattern.
    #[error("{0:?} is not a permission")]
    Pattern(String, #[source] InvalidEventPattern),
}

impl Permission {
    /// Parses a grant.
    pub fn new(text: &str) -> Result<Self, InvalidPermission> {
        let unknown = || InvalidPermission::Unknown(text.chars().take(64).collect());
        match text.split_once(':') {
            None if text == "*" => Ok(Self::All),
            Some(("service", "*")) => Ok(Self::AnyService),
            Some(("service", name)) if !name.is_empty() && !name.contains('*') => {
                Ok(Self::Service(name.to_owned()))
            }
            Some(("event", pattern)) => {
                EventPattern::new(pattern)
                    .map(Self::Event)
                    .map_err(|error| {
                        InvalidPermission::Pattern(text.chars().take(64).collect(), error)
                    })
            }
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(name) => write!(f, "service:{name}"),
            Self::AnyService => f.write_str("service:*"),
            Self::Event(pattern) => write!(f, "event:{pattern}"),
            Self::All => f.write_str("*"),
        }
    }
}

impl Permissions {
    /// No grants.
    pub fn none() -> Self {
        Self::default()
    }

    /// Parses grants; the first that is none is refused by name.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidPermission> {
        texts.into_iter().map(Permission::new).collect()
    }

    /// The grants.
    pub fn iter(&self) -> impl Iterator<Item = &Permission> {
        self.granted.iter()
    }

    /// Whether a service may be used.
    pub fn allow_service(&self, name: &str) -> bool {
        self.granted.iter().any(|granted| match granted {
            Permission::All | Permission::AnyService => true,
            Permission::Service(granted) => granted == name,
            Permission::Event(_) => false,
        })
    }

    /// Whether an event of this name may be told.
    pub fn allow_event(&self, name: &str) -> bool {
        self.granted.iter().any(|granted| match granted {
            Permission::All => true,
            Permission::Event(pattern) => pattern.matches(name),
            Permission::Service(_) | Permission::AnyService => false,
        })
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(granted: I) -> Self {
        Self {
            granted: granted.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_allows_what_it_names_and_nothing_else() {
        let granted = Permissions::parse(["service:database", "event:board.*"]).unwrap();
        assert!(granted.allow_service("database"));
        assert!(!granted.allow_service("bus"));
        assert!(granted.allow_event("board.moved"));
        assert!(!granted.allow_event("mod.loaded"));
        let any = Permissions::parse(["service:*"]).unwrap();
        assert!(any.allow_service("bus") && !any.allow_event("a.b"));
        let all = Permissions::parse(["*"]).unwrap();
        assert!(all.allow_service("bus") && all.allow_event("a.b"));
        assert!(!Permissions::none().allow_service("database"));
    }

    #[test]
    fn what_is_no_grant_is_refused_and_what_is_one_reads_as_it_was_written() {
        for text in ["service:database", "service:*", "event:wiki.*", "*"] {
            assert_eq!(Permission::new(text).unwrap().to_string(), text);
        }
        for bad in [
            "",
            "all",
            "service:",
            "service:a*",
            "event:",
            "event:*.a",
            "files:/etc",
        ] {
            let error = Permission::new(bad).unwrap_err().to_string();
            assert!(error.contains("is not a permission"), "{error}");
        }
    }
}
