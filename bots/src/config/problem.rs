use std::fmt;

/// One thing that keeps a bot from being built, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, for example `llm.model`.
    pub path: String,
    /// What is wrong with it, and what is allowed.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.reason)
    }
}

/// All that keeps a bot from being built. Never empty. Quotes no value but names that are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", listed(.problems))]
pub struct InvalidBotConfig {
    problems: Vec<Problem>,
}

impl InvalidBotConfig {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// The problems, in the order in which a reader meets the keys in the documentation.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

fn listed(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(Problem::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}
