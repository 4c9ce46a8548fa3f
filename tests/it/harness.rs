//! Real servers, and what tests do with them.

mod answer;
mod api;
mod events;
mod eventually;
mod launch;
mod lock;
mod model;
mod node;
mod raw;

pub(crate) use answer::Answer;
pub(crate) use api::echo;
pub(crate) use events::Events;
pub(crate) use eventually::eventually;
pub(crate) use launch::{Ended, HOTBED, Launch, ROOT};
pub(crate) use lock::{RegistryLock, WriteLock};
pub(crate) use model::SlowModel;
pub(crate) use node::Node;
pub(crate) use raw::{chat_with_strangers, raw};

use std::time::Duration;

/// No step of a test takes so long, however busy the machine; what does is stuck.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// How often a node polls where a test waits for that.
pub(crate) const POLL: Duration = Duration::from_millis(200);
