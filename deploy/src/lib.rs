//! Reads a directory of configurations and plans what makes a registry hold it.
//!
//! ```text
//! DIR/environments/NAME.yaml ─┐
//! DIR/schemas/bots.yaml ──────┼─ Directory::read ─► Reading ─► Deployment::prove ─► Deployment ─┐
//! DIR/mods/**/*.yaml ─────────┤
//! DIR/domains/**/*.yaml ──────┘                        │                                        ├─ Plan::between ─► Plan
//!                                                      └─► Check::of   what a registry holds ───┘
//! ```
//!
//! The server reads its directory through this crate, and so does the command line, offline: there is one reader of
//! files and one way to plan. Nothing here talks to anybody: what is registered is handed in, and a [`Plan`] is carried
//! out by whoever made it, each [`Step`] under the condition that nobody wrote meanwhile.
//!
//! Everything wrong with a directory is reported together, each [`Problem`] with its place and with what to do about it.

pub use hotbed_configs::ConfigWarning;

mod check;
mod collection;
mod deployment;
mod difference;
mod directory;
mod domain_file;
mod example;
mod owner;
mod plan;
mod problem;
mod resolve;
mod shown;
mod variables;

pub use check::{Check, CheckTerms, Outlook, Portability};
pub use collection::Collection;
pub use deployment::{Deployment, Entry};
pub use difference::{Difference, differences};
pub use directory::{
    Directory, DomainFile, ENDINGS, EnvironmentFile, ModFile, Reading, SchemaFile,
};
pub use domain_file::{Unwritable, domain_file, file_name};
pub use example::{EXAMPLE, ExampleFile};
pub use owner::{InvalidOwner, MANAGED_BY, Owner};
pub use plan::{
    Action, Desired, Effect, Plan, Prune, Registered, Standing, Step, TakeOver, Terms, written,
};
pub use problem::{Place, Problem, Problems};
pub use resolve::resolve;
pub use shown::shown_difference;
pub use variables::bot_variables;
