//! Carries changes to whatever is built from the registry.
//!
//! A [`HotReloadManager`] is the one loop of a process that turns events, gaps and ticks of the clock into
//! `observe(change)` on its [`ReloadTarget`]s. It knows revisions, never configurations. Its [`Handle`] tells how fresh
//! this node is, catches up on demand, and reloads by hand.

mod core;
mod ear;
mod freshness;
mod handle;
mod manager;
mod mode;
mod pace;
mod position;
mod report;
mod target;

pub use freshness::Freshness;
pub use handle::{BehindError, Handle};
pub use manager::HotReloadManager;
pub use mode::ReloadMode;
pub use report::{FailedReload, ReloadReport};
pub use target::ReloadTarget;
