//! What only the network itself tells.

use crate::event::AgentEvent;
use hotbed_mods::EventName;
use serde_json::{Map, Value};

/// What the names of events begin with by which the network tells of mods.
pub(crate) const OF_MODS: &str = "mod.";
/// What the names of events begin with by which agents ask the network, and it tells them of all else.
pub(crate) const OF_SYSTEM: &str = "system.";

/// Whether only the network tells events of this name.
pub(crate) fn is_ours(name: &EventName) -> bool {
    [OF_MODS, OF_SYSTEM]
        .iter()
        .any(|prefix| name.as_str().starts_with(prefix))
}

/// What the network itself tells, by a name that is written in this crate.
pub(crate) fn system_event(name: &'static str, payload: Map<String, Value>) -> AgentEvent {
    let name = EventName::new(name).expect("it is written in this crate, and a test reads all");
    AgentEvent::of_system(name, payload)
}
