//! Who may see what agents share: everybody, or the members of some groups.

use super::ask::Ask;
use crate::context::Context;
use crate::destination::Destination;
use crate::event::{EventName, ModEvent, Response};
use serde_json::{Map, Value};

/// The groups whose members may see a thing; all agents, if there are none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Groups(pub(super) Vec<String>);

impl Groups {
    pub(super) fn asked_for(ask: Ask<'_>) -> Result<Self, Response> {
        ask.labels("allowed_agent_groups").map(Self)
    }

    /// Whether the sender of an event may see the thing.
    pub(super) fn admit(&self, event: &ModEvent) -> bool {
        let group = event.source_group.as_deref();
        self.0.is_empty()
            || group.is_some_and(|group| self.0.iter().any(|allowed| allowed == group))
    }

    /// Tells those who may see it, but the one who caused it.
    pub(super) fn tell(
        &self,
        context: &Context,
        name: &str,
        payload: &Map<String, Value>,
        cause: &ModEvent,
    ) {
        if self.0.is_empty() {
            tell(context, name, payload, Destination::Broadcast, cause);
        }
        for group in &self.0 {
            tell(
                context,
                name,
                payload,
                Destination::Group(group.as_str().into()),
                cause,
            );
        }
    }
}

/// What is told, of keys and values.
pub(super) fn told(entries: &[(&str, Value)]) -> Map<String, Value> {
    entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect()
}

/// Tells an event. One that cannot be told is noted, and nobody's request fails for it.
pub(super) fn tell(
    context: &Context,
    name: &str,
    payload: &Map<String, Value>,
    to: Destination,
    cause: &ModEvent,
) {
    let name = format!("{}.notification.{name}", context.id());
    let told = match EventName::new(&name) {
        Ok(name) => context
            .emit(name, payload.clone(), to, Some(cause))
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = told {
        tracing::debug!(id = %context.id(), error, "agents are not told");
    }
}
