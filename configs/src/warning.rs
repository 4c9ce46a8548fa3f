//! What is doubtful about a configuration that can be used all the same.

use std::fmt::{self, Display};

use crate::error::MissingResource;
use crate::path::ConfigPath;

/// Tells what is doubtful about a configuration that was resolved all the same.
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
}

impl Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::ResourceNotFound { path, missing } = self;
        if !path.is_root() {
            write!(f, "{path}: ")?;
        }
        write!(f, "{missing}; only the inline values are used")
    }
}
