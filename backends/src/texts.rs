//! Drafts as the texts that a database stores.

use hotbed_registry::{ChangeNote, Draft, Error, Id};
use serde_json::{Map, Value};

/// The longest configuration, as JSON: beyond it one row would cost every reader and writer dearly.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// As deep as what is written can be read again.
const MAX_NESTING: usize = 127;

/// The texts that a draft is stored as.
#[derive(Debug, Clone)]
pub(crate) struct Texts {
    pub(crate) config: String,
    /// `None` where the draft keeps what is there.
    pub(crate) metadata: Option<String>,
}

impl Texts {
    /// Writes a draft down; refuses what could not be read again.
    pub(crate) fn of(id: &Id, draft: &Draft) -> Result<Self, Error> {
        let config = serde_json::to_string(draft.config.as_map())
            .expect("JSON values have text keys and write to memory");
        let metadata = draft.metadata.as_ref().map(to_text);
        let mut problems = Vec::new();
        let bytes = config.len() + metadata.as_ref().map_or(0, String::len);
        if bytes > MAX_BYTES {
            problems.push(format!(
                "it is {bytes} bytes long: at most {MAX_BYTES} are stored"
            ));
        }
        if draft
            .metadata
            .iter()
            .flat_map(Map::values)
            .any(|value| is_deeper(value, MAX_NESTING - 1))
        {
            problems.push(format!(
                "its metadata is nested deeper than {MAX_NESTING} levels: flatten it"
            ));
        }
        if problems.is_empty() {
            Ok(Self { config, metadata })
        } else {
            Err(Error::Refused {
                id: id.clone(),
                problems,
            })
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.config.len() + self.metadata.as_ref().map_or(0, String::len)
    }
}

/// Metadata as it is stored: keys in order all the way down, so that equal objects are equal texts. Where a filter
/// compares texts, it counts on that.
pub(crate) fn to_text(metadata: &Map<String, Value>) -> String {
    canonical(&Value::Object(metadata.clone()))
}

/// A note as the text of metadata that say nothing else; none for one that says nothing.
pub(crate) fn note_to_text(note: &ChangeNote) -> Option<String> {
    let mut metadata = Map::new();
    note.write_into(&mut metadata);
    (!metadata.is_empty()).then(|| to_text(&metadata))
}

/// A value as the text that equal values have in common.
pub(crate) fn canonical(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Object(_) | Value::Array(_) if levels == 0 => true,
        Value::Object(map) => map.values().any(|inner| is_deeper(inner, levels - 1)),
        Value::Array(list) => list.iter().any(|inner| is_deeper(inner, levels - 1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotbed_registry::PortableConfig;
    use serde_json::json;

    #[test]
    fn keys_are_stored_in_order_so_that_equal_objects_are_equal_texts() {
        let value = json!({"b": {"y": 1, "x": 2}, "a": 3});
        assert_eq!(
            to_text(value.as_object().unwrap()),
            r#"{"a":3,"b":{"x":2,"y":1}}"#
        );
    }

    #[test]
    fn metadata_that_could_not_be_read_again_is_refused() {
        let nested = |levels| (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
        let draft = |levels| {
            let config = PortableConfig::from_map(Map::new()).unwrap();
            Draft {
                metadata: nested(levels).as_object().cloned(),
                ..Draft::active(config)
            }
        };
        let id = Id::new("bot").unwrap();
        let deepest = Texts::of(&id, &draft(127)).unwrap().metadata.unwrap();
        serde_json::from_str::<Value>(&deepest).unwrap();
        let refused = Texts::of(&id, &draft(128)).unwrap_err().to_string();
        assert_eq!(
            refused,
            "configuration of \"bot\" is refused: its metadata is nested deeper than 127 levels: flatten it"
        );
    }
}
