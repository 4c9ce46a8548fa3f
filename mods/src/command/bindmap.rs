use crate::id::ModId;
use crate::scopes::Scopes;
use serde_json::{Map, Value};

/// The largest file that is read, in bytes.
const MAX_BYTES: usize = 4 << 20;

/// The bindings of a MatterBot, from its `bindmap.json`: to be taken over once.
///
/// Where a module may be used becomes its scopes. Its words are told, and not taken over: they are what the code of a
/// mod says, or a changed word would never come into effect.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bindmap {
    /// The modules, by name.
    pub entries: Vec<BindmapEntry>,
    /// What could not be read, and was left out.
    pub problems: Vec<String>,
}

/// The bindings of one module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindmapEntry {
    /// Which.
    pub id: ModId,
    /// The words that it had.
    pub words: Vec<String>,
    /// Where it may be used.
    pub scopes: Scopes,
}

/// A text that is no bindmap at all. Nothing is to be changed for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no bindmap: {0}")]
pub struct BindmapError(String);

impl Bindmap {
    /// Reads `{"NAME": {"binds": […], "chans": […]}}`. One bad entry does not spoil the others.
    pub fn parse(text: &str) -> Result<Self, BindmapError> {
        if text.len() > MAX_BYTES {
            return Err(BindmapError(format!("it is larger than {MAX_BYTES} bytes")));
        }
        let map: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
            BindmapError(format!(
                "an object with a key for each module is expected: {error}"
            ))
        })?;
        let mut bindmap = Self::default();
        for (name, value) in map {
            match entry(&name, &value) {
                Ok(entry) => bindmap.entries.push(entry),
                Err(problem) => {
                    let name: String = name.chars().take(64).collect();
                    bindmap.problems.push(format!("{name:?}: {problem}"));
                }
            }
        }
        bindmap.entries.sort_by(|one, other| one.id.cmp(&other.id));
        bindmap.problems.sort();
        Ok(bindmap)
    }
}

fn entry(name: &str, value: &Value) -> Result<BindmapEntry, String> {
    let id = ModId::new(name).map_err(|error| error.to_string())?;
    let value = value
        .as_object()
        .ok_or("an object with `binds` and `chans` is expected")?;
    let texts = |key: &str| -> Result<Vec<String>, String> {
        let wanted = || format!("`{key}` must be a list of texts");
        match value.get(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                texts.collect::<Option<_>>().ok_or_else(wanted)
            }
            Some(_) => Err(wanted()),
        }
    };
    Ok(BindmapEntry {
        id,
        words: texts("binds")?,
        scopes: texts("chans")?.into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// M10: a bindmap that could not be read stopped the bot.
    #[test]
    fn a_bindmap_is_read_and_a_bad_entry_spoils_no_other() {
        let text = r#"{
            "wiki": {"binds": ["@wiki", "!wiki"], "chans": ["ops", "any"]},
            "dice": {"binds": ["@dice"]},
            "bad name": {"binds": [], "chans": []},
            "odd": {"binds": "@odd", "chans": []},
            "list": []
        }"#;
        let bindmap = Bindmap::parse(text).unwrap();
        let ids: Vec<&str> = bindmap
            .entries
            .iter()
            .map(|entry| entry.id.as_str())
            .collect();
        assert_eq!(ids, ["dice", "wiki"]);
        assert_eq!(bindmap.entries[1].words, ["@wiki", "!wiki"]);
        assert!(bindmap.entries[1].scopes.cover(["anywhere"]));
        assert!(bindmap.entries[0].scopes.is_empty());
        assert_eq!(bindmap.problems.len(), 3, "{:?}", bindmap.problems);
    }

    #[test]
    fn a_file_that_was_cut_off_is_refused_as_a_whole() {
        for bad in ["", "{\"wiki\": {\"binds\"", "[]", "null"] {
            let error = Bindmap::parse(bad).unwrap_err().to_string();
            assert!(error.starts_with("this is no bindmap: "), "{error}");
        }
    }
}
