/// Whoever asked is not known, or did not prove to be who he says. Which of the two is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Authentication failed: Invalid or missing secret")]
pub struct NotAuthenticated;
