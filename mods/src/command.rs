//! Commands: words that people type, and that mods answer.

mod bindmap;
mod call;
mod desk;
mod help;
mod operate;
mod parse;
mod per_user;
mod post;
mod scope_change;
mod words;

pub use bindmap::{Bindmap, BindmapEntry, BindmapError};
pub use call::{CommandCall, CommandFile, CommandMessage, CommandReply, Upload};
pub use desk::{Action, CommandOutcome, ReloadRequest};
pub use post::{Authority, Place, Post};
pub use scope_change::{Direction, ScopeChange};
pub use words::CommandWords;

pub(crate) use desk::run;
pub(crate) use per_user::Users;
