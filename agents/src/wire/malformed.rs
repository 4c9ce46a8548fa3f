use hotbed_mods::InvalidEventName;
use serde::Serialize;

/// Why a request cannot be understood: for an answer with status 400. Nothing was done.
///
/// No text of the request is in it but names of its fields and, for a name of an event, the name: the rest may be a
/// secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// It is not JSON.
    #[error("the body is not JSON: line {line}, column {column}")]
    NotJson {
        /// From 1 on.
        line: usize,
        /// From 1 on; 0 if the line had not begun.
        column: usize,
    },
    /// It is JSON, and not an object.
    #[error("the body must be a JSON object")]
    NotAnObject,
    /// What must be there is not.
    #[error("{what} required")]
    Missing {
        /// What, with its verb.
        what: &'static str,
    },
    /// A field is not what it must be.
    #[error("{field} must be {expected}")]
    WrongType {
        /// Which.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The name of the event is none.
    #[error("event_name is wrong: {0}")]
    Name(InvalidEventName),
    /// The name of the event is one that clients drop.
    #[error("event_name '{0}' says nothing: use one like 'project.run.completed'")]
    EmptyName(String),
}

/// The body of an answer with status 400.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MalformedAnswer {
    success: bool,
    error_message: String,
}

impl From<Malformed> for MalformedAnswer {
    fn from(malformed: Malformed) -> Self {
        Self {
            success: false,
            error_message: malformed.to_string(),
        }
    }
}
