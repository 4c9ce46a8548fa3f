//! A directory of files under a database: environment overrides of what is kept in git.

mod conformance;
mod files;
