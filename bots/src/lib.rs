//! Turns a bot configuration into something that answers.
