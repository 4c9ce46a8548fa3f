//! What is doubtful about a configuration that can be used all the same.

use std::fmt::{self, Display};

use crate::error::MissingResource;
use crate::path::ConfigPath;

/// Tells what is doubtful about a configuration that can be used all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigWarning {
    /// An optional resource is not in the environment; the reference's inline values stand in for it.
    ResourceNotFound {
        /// The reference.
        path: ConfigPath,
        /// What it asked for.
        missing: MissingResource,
    },
    /// A text looks like a secret that is written out.
    LiteralSecret {
        /// The text.
        path: ConfigPath,
        /// What it looks like.
        looks_like: &'static str,
    },
}

/// Further warnings of one configuration say nothing new.
pub(crate) const WARNINGS: usize = 100;

impl Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::ResourceNotFound { path, .. } | Self::LiteralSecret { path, .. }) = self;
        if !path.is_root() {
            write!(f, "{path}: ")?;
        }
        match self {
            Self::ResourceNotFound { missing, .. } => {
                write!(f, "{missing}; only the inline values are used")
            }
            Self::LiteralSecret { looks_like, .. } => write!(
                f,
                "looks like {looks_like}, written out; name it instead, as in {{\"$secret\": \"env:NAME\"}}"
            ),
        }
    }
}
