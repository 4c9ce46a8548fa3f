use serde_json::{Map, Value};

/// What a mod, or the host in its place, says of how it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// Whether it can do its work.
    pub healthy: bool,
    /// What is the matter, or a word on what it does.
    pub message: String,
    /// Numbers for people.
    pub details: Map<String, Value>,
}

impl Health {
    /// All is well.
    pub fn healthy() -> Self {
        Self {
            healthy: true,
            message: String::new(),
            details: Map::new(),
        }
    }

    /// Something is the matter.
    pub fn unhealthy(message: impl Into<String>) -> Self {
        Self {
            healthy: false,
            message: message.into(),
            details: Map::new(),
        }
    }

    /// The same with one number more.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }
}
