//! Those who use a fleet while it is in trouble, and note what they see.

mod ask;
mod readers;
mod writers;

pub(super) use ask::{Asked, ask};
pub(super) use readers::{read_chats, read_demands, read_stored, watch_health};
pub(super) use writers::Ids;
