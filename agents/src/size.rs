//! How large things are: as JSON, and in memory, where the same may take a hundred times as much.

use crate::event::AgentEvent;
use hotbed_mods::Destination;
use serde::Serialize;
use serde_json::{Map, Value};
use std::io;
use std::mem::size_of;
use std::sync::Arc;

/// How many entries a node of a map has room for, and how many it has at least when there are several nodes.
const NODE_ENTRIES: usize = 11;
const NODE_LEAST: usize = 5;
/// A node of a map: room for its entries, and for the nodes below it.
const NODE_BYTES: usize = NODE_ENTRIES * (size_of::<String>() + size_of::<Value>())
    + (NODE_ENTRIES + 2) * size_of::<usize>();

/// How long a value is as JSON.
pub(crate) fn json_bytes(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    match serde_json::to_writer(&mut count, value) {
        Ok(()) => count.0,
        // It has no JSON, so it is too large for everything.
        Err(_) => usize::MAX,
    }
}

/// How much memory an event takes, with all that it owns and what it shares.
pub(crate) fn event_bytes(event: &AgentEvent) -> usize {
    let destination = match &event.destination {
        Destination::System | Destination::Broadcast => 0,
        Destination::Mod(name)
        | Destination::Agent(name)
        | Destination::Channel(name)
        | Destination::Group(name) => name.len(),
    };
    let texts = [
        &event.relevant_mod,
        &event.response_to,
        &event.thread_name,
        &event.text_representation,
        &event.source_agent_group,
    ];
    let optional = |text: &&Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
    let allowed = event.allowed_agents.iter().flatten();
    let allowed = allowed.map(|id| NODE_BYTES / NODE_LEAST + id.capacity());
    size_of::<AgentEvent>()
        + event.event_name.as_str().len()
        + event.source_id.len()
        + event.event_id.len()
        + destination
        + texts.iter().map(optional).sum::<usize>()
        + allowed.sum::<usize>()
        + map_bytes(&event.payload)
        + map_bytes(&event.metadata)
}

/// What a map has on the heap.
fn map_bytes(map: &Map<String, Value>) -> usize {
    let entries = map.iter();
    let entries = entries.map(|(key, value)| key.capacity() + value_bytes(value));
    map.len().div_ceil(NODE_LEAST) * NODE_BYTES + entries.sum::<usize>()
}

/// What a value has on the heap.
fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.capacity(),
        Value::Array(items) => {
            items.capacity() * size_of::<Value>() + items.iter().map(value_bytes).sum::<usize>()
        }
        Value::Object(map) => map_bytes(map),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    /// Caught: the entries of a map counted, and not the nodes that have room for them.
    #[test]
    fn what_is_short_as_json_and_large_in_memory_counts_as_what_it_takes() {
        let maps = parsed(&format!("[{}0]", r#"{"":0},"#.repeat(1_000)));
        assert!(json_bytes(&maps) < 8_000);
        // A map of one entry has a node with room for eleven.
        assert!(value_bytes(&maps) > 600_000, "{}", value_bytes(&maps));
        let lists = parsed(&format!("[{}0]", "[0],".repeat(1_000)));
        assert!(value_bytes(&lists) > 1_000 * 2 * size_of::<Value>());
        let text = parsed(&format!("\"{}\"", "x".repeat(1_000)));
        assert!((1_000..2_100).contains(&value_bytes(&text)));
        assert_eq!(value_bytes(&parsed("[]")) + value_bytes(&parsed("{}")), 0);
    }

    #[test]
    fn every_field_of_an_event_counts() {
        let name = hotbed_mods::EventName::new("chat.said").unwrap();
        let plain = AgentEvent::of_system(name, Map::new());
        let text: Arc<str> = "x".repeat(1_000).into();
        let long = Value::String("x".repeat(1_000));
        let changes: [fn(&mut AgentEvent, Arc<str>, Value); 10] = [
            |event, text, _| event.source_id = text,
            |event, text, _| event.event_id = text,
            |event, text, _| event.destination = Destination::Agent(text),
            |event, text, _| event.relevant_mod = Some(text),
            |event, text, _| event.response_to = Some(text),
            |event, text, _| event.thread_name = Some(text),
            |event, text, _| event.text_representation = Some(text),
            |event, _, long| drop(event.payload.insert("a".to_owned(), long)),
            |event, _, long| drop(event.metadata.insert("a".to_owned(), long)),
            |event, text, _| event.allowed_agents = Some([text.to_string()].into()),
        ];
        for (n, change) in changes.iter().enumerate() {
            let mut event = plain.clone();
            change(&mut event, Arc::clone(&text), long.clone());
            let more = event_bytes(&event) - event_bytes(&plain);
            assert!(more > 900, "the change number {n}: {more}");
        }
    }
}
