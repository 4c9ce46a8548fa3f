use serde_json::{Map, Value};

/// What a writer says of a write: who made it, and why. Kept in the metadata of what was written; that of a deletion,
/// which leaves none, in the history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeNote {
    /// Who made it.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

impl ChangeNote {
    /// Says nothing.
    pub const NONE: Self = Self {
        by: None,
        reason: None,
    };
    /// The key of the metadata that says who made the write.
    pub const BY: &str = "changed_by";
    /// The key of the metadata that says why.
    pub const REASON: &str = "change_reason";

    /// What metadata say of the write that left them; what is no text is not understood as such.
    pub fn of(metadata: &Map<String, Value>) -> Self {
        let text = |key| metadata.get(key).and_then(Value::as_str).map(str::to_owned);
        Self {
            by: text(Self::BY),
            reason: text(Self::REASON),
        }
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// Says this in metadata, instead of whatever they said before.
    pub fn write_into(&self, metadata: &mut Map<String, Value>) {
        for (key, said) in [(Self::BY, &self.by), (Self::REASON, &self.reason)] {
            match said {
                Some(text) => metadata.insert(key.to_owned(), Value::from(text.as_str())),
                None => metadata.remove(key),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_note_replaces_the_one_before_as_a_whole() {
        let mut metadata = json!({"team": "a", "changed_by": "ada", "change_reason": "why not"});
        let metadata = metadata.as_object_mut().unwrap();
        let note = ChangeNote {
            by: Some("bob".into()),
            reason: None,
        };
        note.write_into(metadata);
        assert_eq!(ChangeNote::of(metadata), note);
        assert_eq!(
            Value::from(metadata.clone()),
            json!({"team": "a", "changed_by": "bob"})
        );
        ChangeNote::default().write_into(metadata);
        assert_eq!(Value::from(metadata.clone()), json!({"team": "a"}));
    }

    #[test]
    fn what_is_no_text_is_no_note() {
        let metadata = json!({"changed_by": 7, "change_reason": ["x"]});
        assert!(ChangeNote::of(metadata.as_object().unwrap()).is_empty());
    }
}
